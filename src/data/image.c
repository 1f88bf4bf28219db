#include "data/image.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define MOST_PIXELS (UINT64_C(1) << 27)

bool clade__image_has_name(const char *name)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t n = strlen(endings[i]), same = 0;
        if (length <= n) continue;
        while (same < n && clade__lower(name[length - n + same]) == endings[i][same]) same++;
        if (same == n) return true;
    }
    return false;
}

clade_status clade__image_check_size(const char *path, uint32_t height, uint32_t width,
                                     uint64_t most_pixels)
{
    uint64_t n_pixels = (uint64_t)height * width;
    if (n_pixels == 0 || n_pixels > MOST_PIXELS)
        return clade__fail(CLADE_EDATA, "'%s' is an image of %" PRIu32 "x%" PRIu32 " pixels, want 1 to %"
                           PRIu64, path, height, width, MOST_PIXELS);
    if (n_pixels > most_pixels)
        return clade__fail(CLADE_EDATA,
                           "'%s' is damaged: it says that its image has %" PRIu32 "x%" PRIu32
                           " pixels, which its bytes cannot hold", path, height, width);
    return CLADE_OK;
}

clade_status clade__image_make_room(clade__image *image, const char *path, uint32_t height,
                                    uint32_t width, int bytes_per_pixel)
{
    size_t bytes = (size_t)height * width * (size_t)bytes_per_pixel;
    if (bytes > image->room) {
        clade__image_free(image);
        image->pixels = malloc(bytes);
        if (!image->pixels)
            return clade__fail(CLADE_ENOMEM, "no memory for the %" PRIu32 "x%" PRIu32 " pixels of '%s'",
                               height, width, path);
        image->room = bytes;
    }
    image->height = height;
    image->width = width;
    return CLADE_OK;
}

clade_status clade__image_decode(clade__image *image, const char *path, const unsigned char *bytes,
                                 size_t n_bytes)
{
    static const unsigned char png[] = {0x89, 'P', 'N', 'G'}, jpeg[] = {0xff, 0xd8, 0xff};
    if (n_bytes == 0) return clade__fail(CLADE_EDATA, "'%s' is empty", path);
    if (n_bytes >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        return clade__image_decode_png(image, path, bytes, n_bytes);
    if (n_bytes >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        return clade__image_decode_jpeg(image, path, bytes, n_bytes);
    return clade__fail(CLADE_EDATA, "'%s' is neither PNG nor JPEG, whatever its name says; convert it",
                       path);
}

/* Weights of ITU-R BT.601 in 16 bits, as Pillow has them; they add up to 65536. */
void clade__image_make_grey(clade__image *image)
{
    if (image->n_channels == 1) return;
    const unsigned char *src = image->pixels;
    int64_t n = image->height * image->width;
    for (int64_t i = 0; i < n; i++, src += 3) {
        uint32_t sum = 19595u * src[0] + 38470u * src[1] + 7471u * src[2];
        image->pixels[i] = (unsigned char)((sum + 32768) >> 16);
    }
    image->n_channels = 1;
}

void clade__image_free(clade__image *image)
{
    free(image->pixels);
    *image = (clade__image){0};
}
