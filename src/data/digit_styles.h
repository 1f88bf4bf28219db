/* How each digit is written: styles, of strokes, of points. */
#ifndef CLADE_DATA_DIGIT_STYLES_H
#define CLADE_DATA_DIGIT_STYLES_H

#include <stdbool.h>
#include <stdint.h>

#define CLADE__STROKE_POINTS 16

/* One movement of the pen. Points are x, y in 0 … 100, y downwards; a digit is as high as the box
 * and narrower, around (50, 50). */
typedef struct clade__stroke {
    bool curved; /* a smooth curve through the points, else straight lines */
    int n_points;
    uint8_t points[CLADE__STROKE_POINTS][2];
} clade__stroke;

typedef struct clade__digit_style {
    int n_strokes;
    const clade__stroke *strokes;
} clade__digit_style;

/* The styles of one digit, equally likely. */
typedef struct clade__digit_styles {
    int n_styles;
    const clade__digit_style *styles;
} clade__digit_styles;

extern const clade__digit_styles clade__digits[10];

#endif
