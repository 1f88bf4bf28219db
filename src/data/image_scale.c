#include "data/image_scale.h"

#include <stdlib.h>
#include <string.h>

/* How pixels of the source weigh in one of the result, along an axis: the first, the last, and those in
 * between, which count as a whole pixel. */
typedef struct span {
    int64_t first, last;
    uint32_t first_weight, last_weight; /* the latter 0 where both are one */
} span;

/* A pixel of the result is a/b pixels of the source. Lengths are counted in units of which a pixel of the
 * source has 2 b and one of the result 2 a, so that centres are whole numbers too. */
typedef struct scaling {
    int64_t a, b;
    uint32_t weight; /* of all pixels in a span together */
} scaling;

/* Starts zeroed. */
typedef struct job {
    scaling by;
    const clade__image *src;
    int64_t height, width; /* of the result */
    int64_t top, left;     /* where it begins, in pixels of the scaled image */
    span *columns;         /* (width) */
    uint32_t *rows[2];     /* (n_channels, width) the last source row of an even number, summed along
                            * columns, and of an odd one */
    int64_t row_at[2];     /* which they are; -1: none */
    uint64_t *sum;         /* (n_channels, width) */
} job;

static scaling choose_scaling(const clade__image *src, int64_t height, int64_t width)
{
    bool by_height = src->height * width <= src->width * height;
    scaling s = {.a = by_height ? src->height : src->width, .b = by_height ? height : width};
    s.weight = (uint32_t)(2 * (s.a >= s.b ? s.a : s.b));
    return s;
}

/* Where the middle of the scaled image begins, along a side of n pixels. */
static int64_t find_start(const scaling *by, int64_t n, int64_t wanted)
{
    return (n * by->b - wanted * by->a) / (2 * by->a);
}

/* Pixel i of the scaled image, along a side of n pixels. */
static span find_span(const scaling *by, int64_t n, int64_t i)
{
    int64_t pixel = 2 * by->b, begin = i * 2 * by->a, end = begin + 2 * by->a;
    span s;
    if (by->a >= by->b) {
        s = (span){.first = begin / pixel, .last = (end - 1) / pixel};
        s.first_weight = (uint32_t)((s.first + 1) * pixel - begin);
        s.last_weight = (uint32_t)(end - s.last * pixel);
    } else {
        int64_t centre = begin + by->a - by->b; /* from the centre of pixel 0 on */
        s.first = centre < 0 ? 0 : centre / pixel;
        s.last = centre < 0 || s.first + 1 == n ? s.first : s.first + 1;
        s.last_weight = (uint32_t)(centre - s.first * pixel);
        s.first_weight = (uint32_t)pixel - s.last_weight;
    }
    if (s.first == s.last) {
        s.first_weight = by->weight;
        s.last_weight = 0;
    }
    return s;
}

/* sum (n_channels, width) of one row of the source. */
static void sum_columns(uint32_t *sum, const job *j, int64_t y)
{
    int c = j->src->n_channels;
    uint32_t whole = (uint32_t)(2 * j->by.b);
    const unsigned char *row = j->src->pixels + y * j->src->width * c;
    for (int64_t x = 0; x < j->width; x++) {
        const span *s = &j->columns[x];
        for (int k = 0; k < c; k++) {
            uint32_t between = 0;
            for (int64_t i = s->first + 1; i < s->last; i++) between += row[i * c + k];
            sum[k * j->width + x] = s->first_weight * row[s->first * c + k] + whole * between +
                                    s->last_weight * row[s->last * c + k];
        }
    }
}

/* The same, unless it is there already: neighbours in the result share rows. */
static const uint32_t *find_row(job *j, int64_t y)
{
    int which = (int)(y % 2);
    if (j->row_at[which] != y) sum_columns(j->rows[which], j, y);
    j->row_at[which] = y;
    return j->rows[which];
}

static void add_row(uint64_t *sum, const uint32_t *row, int64_t n, uint64_t weight)
{
    for (int64_t i = 0; i < n; i++) sum[i] += weight * row[i];
}

/* sum / all, rounded down. The product with the inverse is off by less than one, however it was rounded, which
 * is put right. Divisions were a quarter of the time in which 375 × 500 becomes 224 × 224. */
static int64_t divide(int64_t sum, int64_t all, double inverse)
{
    int64_t quotient = (int64_t)((double)sum * inverse), left = sum - quotient * all;
    return left < 0 ? quotient - 1 : left >= all ? quotient + 1 : quotient;
}

/* Row y of the result, in all channels. */
static void make_row(unsigned char *dst, job *j, int64_t y)
{
    int64_t n = j->src->n_channels * j->width;
    int64_t all = (int64_t)j->by.weight * j->by.weight;
    double inverse = 1.0 / (double)all;
    span s = find_span(&j->by, j->src->height, j->top + y);
    memset(j->sum, 0, (size_t)n * sizeof *j->sum);
    for (int64_t i = s.first; i <= s.last; i++) {
        uint64_t weight = i == s.first  ? s.first_weight
                          : i == s.last ? s.last_weight
                                        : (uint64_t)(2 * j->by.b);
        add_row(j->sum, find_row(j, i), n, weight);
    }
    for (int k = 0; k < j->src->n_channels; k++)
        for (int64_t x = 0; x < j->width; x++)
            dst[(k * j->height + y) * j->width + x] =
                (unsigned char)divide((int64_t)j->sum[k * j->width + x] + all / 2, all, inverse);
}

static clade_status scale(unsigned char *dst, job *j, const char *path)
{
    size_t width = (size_t)j->width, n = (size_t)j->src->n_channels * width;
    j->columns = malloc(width * sizeof *j->columns);
    for (int i = 0; i < 2; i++) j->rows[i] = malloc(n * sizeof *j->rows[i]);
    j->sum = malloc(n * sizeof *j->sum);
    if (!j->columns || !j->rows[0] || !j->rows[1] || !j->sum)
        return clade__fail(CLADE_ENOMEM, "no memory to scale '%s'", path);
    for (int64_t x = 0; x < j->width; x++)
        j->columns[x] = find_span(&j->by, j->src->width, j->left + x);
    for (int64_t y = 0; y < j->height; y++) make_row(dst, j, y);
    return CLADE_OK;
}

/* Cuts the result out, without scaling. */
static void copy(unsigned char *dst, const job *j)
{
    int c = j->src->n_channels;
    for (int k = 0; k < c; k++)
        for (int64_t y = 0; y < j->height; y++) {
            const unsigned char *row =
                j->src->pixels + ((j->top + y) * j->src->width + j->left) * c + k;
            for (int64_t x = 0; x < j->width; x++) *dst++ = row[x * c];
        }
}

clade_status clade__image_scale(unsigned char *dst, int n_channels, int64_t height, int64_t width,
                                const clade__image *src, const char *path)
{
    job j = {.by = choose_scaling(src, height, width), .src = src, .height = height, .width = width,
             .row_at = {-1, -1}};
    j.top = find_start(&j.by, src->height, height);
    j.left = find_start(&j.by, src->width, width);
    clade_status status = CLADE_OK;
    if (j.by.a == j.by.b)
        copy(dst, &j);
    else
        status = scale(dst, &j, path);
    free(j.columns);
    for (int i = 0; i < 2; i++) free(j.rows[i]);
    free(j.sum);
    size_t plane = (size_t)(height * width);
    for (int k = src->n_channels; status == CLADE_OK && k < n_channels; k++)
        memcpy(dst + (size_t)k * plane, dst, plane);
    return status;
}
