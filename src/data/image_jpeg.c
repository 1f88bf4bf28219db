/* JPEG through libjpeg-turbo, whose errors come back by a jump. All that changes between setjmp and the
 * jump lies in a struct: a local variable might be lost. */
#include "data/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* A Huffman code has a bit at least for each block of 64 values, of all components at most 9 in 1024 pixels:
 * one that two others surpass in height and in width. */
#define MOST_PIXELS_OF_A_BYTE 1024

/* Each scan of a progressive image goes over all of it; 10 are usual, and a made-up file could have any
 * number. */
#define MOST_SCANS 500

typedef struct reading {
    const char *path;
    size_t n_bytes;
    clade__image *image;
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    bool too_many_scans;
} reading;

/* ---- what libjpeg calls ---------------------------------------------------------------------- */

static _Noreturn void stop(j_common_ptr jpeg)
{
    reading *r = jpeg->client_data;
    longjmp(r->back, 1);
}

/* Below 0 is a warning: data is missing or damaged. Others only trace. */
static void heed_warning(j_common_ptr jpeg, int level)
{
    if (level < 0) stop(jpeg);
}

static void print_nothing(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void count_scans(j_common_ptr jpeg)
{
    reading *r = jpeg->client_data;
    if (r->jpeg.input_scan_number <= MOST_SCANS) return;
    r->too_many_scans = true;
    stop(jpeg);
}

/* ---- decoding -------------------------------------------------------------------------------- */

static clade_status refuse(const reading *r, const char *what)
{
    return clade__fail(CLADE_EDATA, "'%s' is a JPEG image %s; convert it to RGB, or to PNG", r->path, what);
}

/* Grey stays so; what else is taken becomes red, green and blue. */
static clade_status choose_format(reading *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    if (jpeg->arith_code) return refuse(r, "of arithmetic coding");
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE: jpeg->out_color_space = JCS_GRAYSCALE; break;
    case JCS_YCbCr:
    case JCS_RGB: jpeg->out_color_space = JCS_RGB; break;
    case JCS_CMYK:
    case JCS_YCCK: return refuse(r, "in the colours of print, CMYK");
    default: return refuse(r, "with a number of colours that means nothing");
    }
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    return CLADE_OK;
}

static clade_status read_image(reading *r, const unsigned char *bytes)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &r->progress;
    jpeg_mem_src(jpeg, bytes, (unsigned long)r->n_bytes);
    (void)jpeg_read_header(jpeg, TRUE);
    CLADE_TRY(choose_format(r));
    int n_channels = jpeg->out_color_space == JCS_RGB ? 3 : 1;
    CLADE_TRY(clade__image_check_size(r->path, jpeg->image_height, jpeg->image_width,
                                      (uint64_t)r->n_bytes * MOST_PIXELS_OF_A_BYTE));
    CLADE_TRY(clade__image_make_room(r->image, r->path, jpeg->image_height, jpeg->image_width, n_channels));
    r->image->n_channels = n_channels;
    (void)jpeg_start_decompress(jpeg);
    size_t row_bytes = (size_t)jpeg->image_width * (size_t)n_channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = r->image->pixels + jpeg->output_scanline * row_bytes;
        (void)jpeg_read_scanlines(jpeg, &row, 1);
    }
    (void)jpeg_finish_decompress(jpeg);
    return CLADE_OK;
}

static clade_status read_or_fail(reading *r, const unsigned char *bytes)
{
    if (setjmp(r->back) == 0) return read_image(r, bytes);
    char message[JMSG_LENGTH_MAX];
    r->errors.format_message((j_common_ptr)&r->jpeg, message);
    if (r->too_many_scans)
        return clade__fail(CLADE_EDATA, "'%s' is a JPEG image of more than %d scans", r->path, MOST_SCANS);
    if (r->errors.msg_code == JERR_OUT_OF_MEMORY)
        return clade__fail(CLADE_ENOMEM, "no memory to decode '%s'", r->path);
    if (r->errors.msg_code == JWRN_JPEG_EOF)
        return clade__fail(CLADE_EDATA, "'%s' is truncated: its JPEG data has no end", r->path);
    return clade__fail(CLADE_EDATA, "'%s' cannot be decoded: it is JPEG, but libjpeg says: %s", r->path,
                       message);
}

clade_status clade__image_decode_jpeg(clade__image *image, const char *path, const unsigned char *bytes,
                                      size_t n_bytes)
{
    reading r = {.path = path, .n_bytes = n_bytes, .image = image};
    r.jpeg.err = jpeg_std_error(&r.errors);
    r.jpeg.client_data = &r;
    r.errors.error_exit = stop;
    r.errors.emit_message = heed_warning;
    r.errors.output_message = print_nothing;
    r.progress.progress_monitor = count_scans;
    clade_status status = read_or_fail(&r, bytes);
    jpeg_destroy_decompress(&r.jpeg);
    return status;
}
