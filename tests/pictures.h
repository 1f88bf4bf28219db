/* PNG and JPEG files made in memory by the libraries themselves, for tests to damage and write. */
#ifndef CLADE_TESTS_PICTURES_H
#define CLADE_TESTS_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct picture {
    unsigned char bytes[65536];
    size_t n;
} picture;

/* How a PNG is written; zeroed: 8 bits of grey. `type` is libpng's colour type. */
typedef struct png_how {
    int depth, type; /* depth 0 means 8 */
    bool interlaced;
    const unsigned char *palette; /* (n_palette, 3) */
    int n_palette;
    const unsigned char *alpha;   /* (n_alpha) of the palette's colours */
    int n_alpha;
    int transparent; /* a grey value that is, + 1; 0: none */
    bool described;  /* has a gamma, a comment and a background */
} png_how;

/* samples: rows as they lie in the file, without the bytes for filters. */
void picture_png(picture *to, const unsigned char *samples, int height, int width, const png_how *how);

/* How a JPEG is written; zeroed: sequential. */
typedef struct jpeg_how {
    int n_channels; /* of samples: 1 grey, 3 RGB, 4 CMYK; 0 means 3 */
    bool progressive, arithmetic;
    bool two_scans; /* progressive, of one channel, in two scans that leave nothing to refine */
    bool as_rgb; /* not turned into YCbCr */
    int quality; /* 0 means 100, without subsampling of colours */
} jpeg_how;

/* samples (height, width, n_channels). */
void picture_jpeg(picture *to, const unsigned char *samples, int height, int width, const jpeg_how *how);

#endif
