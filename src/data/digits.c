/* The built-in data: ten classes of 28×28 grey digits, drawn by the library.
 *
 * A sample is a function of (seed, part, index) alone: it owns SAMPLE_WORDS numbers of the random
 * sequence, those of the two parts lie apart, and so digits?n=2000 is the beginning of
 * digits?n=20000 and no test sample is a training sample.
 *
 * A sample is made so:
 *   label, and one of the styles that people write this digit in (digit_styles.c)
 *   curves through the points of the style's strokes (Catmull and Rom 1974)
 *   each point moved by a smooth field of random displacements (elastic distortion, after Simard,
 *     Steinkraus, Platt 2003, but of the pen's path instead of its picture)
 *   scale, shear, rotation, shift
 *   a pen of random thickness and ink: a pixel is as dark as its centre is near to the path
 *   a little noise on every pixel
 *
 * The bytes are the same on every machine: only + - * / and sqrt of IEEE floats are used, which
 * have one right result; rotation goes by the half angle's tangent, so no sine is needed; products
 * are not fused with sums (the build says -ffp-contract=off). This asks for FLT_EVAL_METHOD 0,
 * which all but 32-bit x87 have.
 *
 * The amounts below were chosen by measurement, so that a network has something to gain. Pixels
 * scaled by 1/255, trained on the 20,000, tested on the 4,000, SGD with momentum 0.9 and batch 128:
 * softmax regression reaches 91.9 % at its best epoch and 90.5 % after 400 epochs; a
 * 784-512-512-10 relu network 98.4 to 99.0 % (five seeds) after five epochs at rate 0.1.
 */
#include "data/digit_styles.h"
#include "data/spec.h"

#include <math.h>
#include <string.h>

#include "base/philox.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define SIDE         28
#define PIXELS       (SIDE * SIDE)
#define MOST_SAMPLES 1000000
#define SAMPLE_WORDS 1024 /* numbers a sample may use; it uses about 300 */

/* Each amount is the most that a sample may be off; those near zero are likelier. */
static const float digit_height = 20.0f; /* pixels */
static const float most_tangent = 0.17f; /* of half the angle of rotation: 19 degrees */
static const float most_shear = 0.35f;
static const float most_shift = 3.0f; /* pixels */
static const float most_scale = 0.25f;
static const float most_bend = 5.0f; /* pixels, of a control point of the elastic field */
static const float least_radius = 0.7f, most_radius = 1.6f; /* pixels, of the pen */
static const int least_ink = 170, most_ink = 255;
static const uint32_t most_noise = 24;

#define GRID 5 /* control points of the elastic field, each way */

typedef struct point {
    float x, y;
} point;

/* What one sample's drawing needs. */
struct pen {
    point bend[GRID][GRID];      /* pixels */
    float xx, xy, yx, yy;        /* from the style's units to pixels */
    float shift_x, shift_y;      /* pixels, of the middle */
    float radius;                /* pixels */
    float distance2[SIDE][SIDE]; /* squared distance of each pixel's centre to the path */
};

static float between(clade__random *random, float low, float high)
{
    return low + (high - low) * clade__random_uniform(random);
}

/* In (-most, most), triangular. */
static float around_zero(clade__random *random, float most)
{
    float a = clade__random_uniform(random), b = clade__random_uniform(random);
    return (a + b - 1.0f) * most;
}

static void choose_pen(struct pen *pen, clade__random *random)
{
    float t = around_zero(random, most_tangent);
    float cosine = (1.0f - t * t) / (1.0f + t * t), sine = 2.0f * t / (1.0f + t * t);
    float unit = digit_height / 100.0f;
    float width = unit * (1.0f + around_zero(random, most_scale));
    float height = unit * (1.0f + around_zero(random, most_scale));
    float shear = around_zero(random, most_shear);
    /* rotation × shear × scale */
    pen->xx = cosine * width;
    pen->xy = (cosine * shear - sine) * height;
    pen->yx = sine * width;
    pen->yy = (sine * shear + cosine) * height;
    pen->shift_x = around_zero(random, most_shift);
    pen->shift_y = around_zero(random, most_shift);
    pen->radius = between(random, least_radius, most_radius);
    for (int i = 0; i < GRID; i++)
        for (int j = 0; j < GRID; j++) {
            pen->bend[i][j].x = around_zero(random, most_bend);
            pen->bend[i][j].y = around_zero(random, most_bend);
        }
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) pen->distance2[y][x] = 1e6f;
}

/* The weights of three neighbouring control points for a position in [0, SIDE], which is cut into
 * GRID - 2 cells: quadratic B-spline. */
static int spline_weights(float position, float weight[3])
{
    float at = position * ((float)(GRID - 2) / (float)SIDE);
    at = at < 0.0f ? 0.0f : at > (float)(GRID - 2) ? (float)(GRID - 2) : at;
    int cell = (int)at;
    if (cell > GRID - 3) cell = GRID - 3;
    float u = at - (float)cell;
    weight[0] = 0.5f * (1.0f - u) * (1.0f - u);
    weight[1] = 0.5f + u * (1.0f - u);
    weight[2] = 0.5f * u * u;
    return cell;
}

/* Where a point of the style, 0 … 100 each way, comes to lie, in pixels. */
static point place(const struct pen *pen, point p)
{
    float x = p.x - 50.0f, y = p.y - 50.0f;
    point placed = {pen->xx * x + pen->xy * y + pen->shift_x + 0.5f * SIDE,
                    pen->yx * x + pen->yy * y + pen->shift_y + 0.5f * SIDE};
    float weight_x[3], weight_y[3];
    int cell_x = spline_weights(placed.x, weight_x), cell_y = spline_weights(placed.y, weight_y);
    point bend = {0.0f, 0.0f};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            float weight = weight_y[i] * weight_x[j];
            bend.x += weight * pen->bend[cell_y + i][cell_x + j].x;
            bend.y += weight * pen->bend[cell_y + i][cell_x + j].y;
        }
    return (point){placed.x + bend.x, placed.y + bend.y};
}

/* The first and one-past-the-last pixel whose centre may be within reach of [a, b]. */
static void pixel_range(float a, float b, float reach, int *first, int *last)
{
    float low = (a < b ? a : b) - reach, high = (a < b ? b : a) + reach;
    *first = low <= 0.0f ? 0 : low >= (float)SIDE ? SIDE : (int)low;
    *last = high <= 0.0f ? 0 : high >= (float)SIDE ? SIDE : (int)high + 1;
}

/* Lowers the distances of the pixels around a straight piece of the path. */
static void draw_piece(struct pen *pen, point a, point b)
{
    float dx = b.x - a.x, dy = b.y - a.y;
    float length2 = dx * dx + dy * dy;
    float inverse = length2 > 0.0f ? 1.0f / length2 : 0.0f;
    int x0, x1, y0, y1;
    pixel_range(a.x, b.x, pen->radius + 1.0f, &x0, &x1);
    pixel_range(a.y, b.y, pen->radius + 1.0f, &y0, &y1);
    for (int y = y0; y < y1; y++) {
        float py = (float)y + 0.5f - a.y;
        for (int x = x0; x < x1; x++) {
            float px = (float)x + 0.5f - a.x;
            float t = (px * dx + py * dy) * inverse; /* of the nearest point on the piece */
            t = t > 0.0f ? t : 0.0f;
            t = t < 1.0f ? t : 1.0f;
            float ex = px - t * dx, ey = py - t * dy;
            float d2 = ex * ex + ey * ey;
            pen->distance2[y][x] = d2 < pen->distance2[y][x] ? d2 : pen->distance2[y][x];
        }
    }
}

/* The curve from b to c, with a before and d after them, at u in [0, 1]. */
static float catmull_rom(float a, float b, float c, float d, float u)
{
    float first = c - a;
    float second = 2.0f * a - 5.0f * b + 4.0f * c - d;
    float third = 3.0f * (b - c) + d - a;
    return b + 0.5f * u * (first + u * (second + u * third));
}

static void draw_stroke(struct pen *pen, const clade__stroke *stroke)
{
    enum { PIECES = 4 }; /* per span: a digit has about 10, of 5 pixels */
    point p[CLADE__STROKE_POINTS];
    int n = stroke->n_points;
    for (int i = 0; i < n; i++)
        p[i] = (point){(float)stroke->points[i][0], (float)stroke->points[i][1]};
    point from = place(pen, p[0]);
    for (int i = 0; i + 1 < n; i++) {
        const point *before = &p[i > 0 ? i - 1 : 0], *after = &p[i + 2 < n ? i + 2 : n - 1];
        for (int k = 1; k <= PIECES; k++) {
            float u = (float)k / (float)PIECES;
            point at;
            if (stroke->curved) {
                at.x = catmull_rom(before->x, p[i].x, p[i + 1].x, after->x, u);
                at.y = catmull_rom(before->y, p[i].y, p[i + 1].y, after->y, u);
            } else {
                at.x = p[i].x + u * (p[i + 1].x - p[i].x);
                at.y = p[i].y + u * (p[i + 1].y - p[i].y);
            }
            point to = place(pen, at);
            draw_piece(pen, from, to);
            from = to;
        }
    }
}

/* Ink by distance, falling over one pixel at the pen's edge, and noise of either sign. */
static void develop(const struct pen *pen, clade__random *random, uint8_t *pixels)
{
    float ink = between(random, (float)least_ink, (float)most_ink);
    uint32_t noise = clade__random_below(random, most_noise + 1), word = 0;
    for (int i = 0; i < PIXELS; i++) {
        float cover = pen->radius + 0.5f - sqrtf(pen->distance2[i / SIDE][i % SIDE]);
        cover = cover > 0.0f ? cover : 0.0f;
        cover = cover < 1.0f ? cover : 1.0f;
        word = i % 4 == 0 ? clade__random_word(random) : word >> 8;
        int grain = (int)((word & 255) * (2 * noise + 1) >> 8) - (int)noise;
        int value = (int)(ink * cover + 0.5f) + grain;
        pixels[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

/* Draws sample `index` of a part; returns its label. */
static int draw_sample(uint64_t seed, bool test, uint64_t index, uint8_t *pixels)
{
    clade__random random = clade__random_start(seed, CLADE__STREAM_DIGITS);
    random.position = ((uint64_t)test << 48) + index * SAMPLE_WORDS;
    int label = (int)clade__random_below(&random, 10);
    const clade__digit_styles *styles = &clade__digits[label];
    const clade__digit_style *style =
        &styles->styles[clade__random_below(&random, (uint32_t)styles->n_styles)];
    struct pen pen;
    choose_pen(&pen, &random);
    for (int i = 0; i < style->n_strokes; i++) draw_stroke(&pen, &style->strokes[i]);
    develop(&pen, &random, pixels);
    return label;
}

clade_status clade__digits_open(clade_data **out, const clade__data_spec *spec)
{
    uint64_t n = spec->part != CLADE__TRAIN ? 4000 : 20000, seed = 1;
    CLADE_TRY(clade__data_option_number(spec, "n", 1, MOST_SAMPLES, &n));
    CLADE_TRY(clade__data_option_number(spec, "seed", 0, UINT64_MAX, &seed));
    clade_data *data;
    CLADE_TRY(clade__data_create(&data, (int64_t)n, CLADE_SHAPE(SIDE, SIDE), CLADE_UINT8, 10, 0));
    data->scaling.scale = 1.0f / 255.0f;
    uint8_t *pixels = data->values;
    for (uint64_t i = 0; i < n; i++)
        data->labels[i] = draw_sample(seed, spec->part != CLADE__TRAIN, i, pixels + i * PIXELS);
    *out = data;
    return CLADE_OK;
}
