/* An image file in memory becomes pixels: PNG by libpng, JPEG by libjpeg-turbo.
 *
 * What is damaged is refused, and so is what these libraries only warn of: an image of which a part is
 * missing is no sample. Bytes are compared with what an image could need before memory is taken for it.
 *
 * PNG: of any depth and type, interlaced or not. 16 bits become 8, to the nearest; palettes become colours;
 * what is transparent lies over black. Chunks that only describe the image, such as its gamma, are passed
 * over: values are as they stand in the file.
 * JPEG: sequential or progressive, grey, YCbCr or RGB. The slow integer transform and smooth upsampling of
 * libjpeg-turbo have the same bits in its plain code and with each kind of vectors. CMYK and arithmetic
 * coding are refused. The orientation that a camera notes (Exif) is not looked at.
 */
#ifndef CLADE_DATA_IMAGE_H
#define CLADE_DATA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Starts zeroed; one after another can be decoded into it. */
typedef struct clade__image {
    int64_t height, width;
    int n_channels;        /* 1, grey, or 3: red, green, blue */
    unsigned char *pixels; /* (height, width, n_channels) */
    size_t room;           /* bytes of pixels */
} clade__image;

/* Whether a file has a name that ends as those of images do: .png, .jpg or .jpeg, in any case. */
bool clade__image_has_name(const char *name);

/* CLADE_EDATA for a file that is neither, is damaged, truncated or of a kind that is refused, or whose image
 * is larger than its bytes allow or than 2^27 pixels; each message names `path`. What the file is is told
 * by its bytes, not by its name. */
CLADE_MUST_CHECK clade_status clade__image_decode(clade__image *image, const char *path,
                                                  const unsigned char *bytes, size_t n_bytes);

/* Makes a coloured image grey: 0.299 red + 0.587 green + 0.114 blue, to the nearest. */
void clade__image_make_grey(clade__image *image);

void clade__image_free(clade__image *image);

/* ---- for the decoders ------------------------------------------------------------------------ */

/* CLADE_EDATA for an image that is too large. To be called before a library takes memory for what a header
 * says. `most_pixels`: that the file's bytes can hold. */
CLADE_MUST_CHECK clade_status clade__image_check_size(const char *path, uint32_t height, uint32_t width,
                                                      uint64_t most_pixels);

/* Makes room for an image of so many bytes a pixel, whose size was checked. */
CLADE_MUST_CHECK clade_status clade__image_make_room(clade__image *image, const char *path, uint32_t height,
                                                     uint32_t width, int bytes_per_pixel);

CLADE_MUST_CHECK clade_status clade__image_decode_png(clade__image *image, const char *path,
                                                      const unsigned char *bytes, size_t n_bytes);
CLADE_MUST_CHECK clade_status clade__image_decode_jpeg(clade__image *image, const char *path,
                                                       const unsigned char *bytes, size_t n_bytes);

#endif
