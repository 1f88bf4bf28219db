/* PNG through libpng, whose errors come back by a jump. All that changes between setjmp and the jump lies
 * in a struct: a local variable might be lost. */
#include "data/image.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "base/text.h"

typedef struct reading {
    const char *path;
    const unsigned char *bytes, *end; /* those that are left */
    size_t n_bytes;                   /* of the file */
    clade__image *image;
    png_structp png;
    png_infop info;
    jmp_buf back;
    bool truncated, no_memory;
    char message[256];
} reading;

/* ---- what libpng calls ----------------------------------------------------------------------- */

static _Noreturn void stop(png_structp png, png_const_charp message)
{
    reading *r = png_get_error_ptr(png);
    clade__format(r->message, sizeof r->message, "%s", message);
    longjmp(r->back, 1);
}

static void read_bytes(png_structp png, png_bytep dst, size_t n)
{
    reading *r = png_get_io_ptr(png);
    if (n > (size_t)(r->end - r->bytes)) {
        r->truncated = true;
        png_error(png, "truncated");
    }
    memcpy(dst, r->bytes, n);
    r->bytes += n;
}

static png_voidp take_memory(png_structp png, png_alloc_size_t n)
{
    reading *r = png_get_mem_ptr(png);
    void *block = malloc(n);
    if (!block) r->no_memory = true;
    return block;
}

static void free_memory(png_structp png, png_voidp block)
{
    (void)png;
    free(block);
}

/* ---- decoding -------------------------------------------------------------------------------- */

/* Asks for 8 bits, and for grey or colours, with alpha or without. Their number is what a row has then. */
static int choose_format(png_structp png, png_infop info)
{
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    return png_get_channels(png, info);
}

/* Over black, and without alpha: n_channels becomes 1 or 3. */
static void drop_alpha(clade__image *image)
{
    if (image->n_channels % 2 == 1) return;
    int n = image->n_channels - 1;
    const unsigned char *src = image->pixels;
    unsigned char *dst = image->pixels;
    for (int64_t i = image->height * image->width; i > 0; i--, src += n + 1) {
        unsigned alpha = src[n];
        for (int c = 0; c < n; c++) *dst++ = (unsigned char)((src[c] * alpha + 127) / 255);
    }
    image->n_channels = n;
}

/* The most that deflate makes of a byte is 1032; a pixel has a bit at least. */
static uint64_t count_most_pixels(const reading *r)
{
    unsigned bits = (unsigned)png_get_bit_depth(r->png, r->info) * png_get_channels(r->png, r->info);
    return (uint64_t)r->n_bytes * 1032 * 8 / bits;
}

static clade_status read_image(reading *r)
{
    png_structp png = r->png;
    png_set_read_fn(png, r, read_bytes);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1); /* all that only describe */
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* check_size has our own */
    png_read_info(png, r->info);
    uint32_t height = png_get_image_height(png, r->info), width = png_get_image_width(png, r->info);
    CLADE_TRY(clade__image_check_size(r->path, height, width, count_most_pixels(r)));
    int n_passes = png_get_interlace_type(png, r->info) == PNG_INTERLACE_NONE ? 1 : 7;
    int n_channels = choose_format(png, r->info);
    CLADE_TRY(clade__image_make_room(r->image, r->path, height, width, n_channels));
    r->image->n_channels = n_channels;
    size_t row_bytes = (size_t)width * (size_t)n_channels;
    for (int pass = 0; pass < n_passes; pass++)
        for (uint32_t y = 0; y < height; y++)
            png_read_row(png, r->image->pixels + y * row_bytes, NULL);
    png_read_end(png, NULL);
    drop_alpha(r->image);
    return CLADE_OK;
}

/* Warnings are errors: without chunks that only describe the image they are about its pixels. */
static clade_status read_or_fail(reading *r)
{
    if (setjmp(r->back) == 0) {
        r->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, r, stop, stop, r, take_memory,
                                          free_memory);
        r->info = r->png ? png_create_info_struct(r->png) : NULL;
        if (r->info) return read_image(r);
    }
    if (r->no_memory || !r->message[0])
        return clade__fail(CLADE_ENOMEM, "no memory to decode '%s'", r->path);
    if (r->truncated)
        return clade__fail(CLADE_EDATA, "'%s' is truncated: its PNG data has no end", r->path);
    return clade__fail(CLADE_EDATA, "'%s' cannot be decoded: it is PNG, but libpng says: %s", r->path,
                       r->message);
}

clade_status clade__image_decode_png(clade__image *image, const char *path, const unsigned char *bytes,
                                     size_t n_bytes)
{
    reading r = {.path = path, .bytes = bytes, .end = bytes + n_bytes,
                 .n_bytes = n_bytes, .image = image};
    clade_status status = read_or_fail(&r);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    return status;
}
