/* Images brought to a size, against the definition in image_scale.h in double precision. */
#include "support.h"

#include "data/image_scale.h"

/* Of the scaled image: where pixel i of a side is; see image_scale.h. */
typedef struct side {
    int64_t n, wanted;
    double a, start;
} side;

static side make_side(int64_t n, int64_t wanted, double a)
{
    /* What is a whole number must not fall below it. */
    return (side){n, wanted, a, floor(((double)n / a - (double)wanted) / 2.0 + 1e-9)};
}

/* How much pixel j of the source counts in pixel i of the result. */
static double weigh(const side *s, int64_t i, int64_t j)
{
    double begin = (s->start + (double)i) * s->a, end = begin + s->a;
    if (s->a >= 1.0) {
        double covered = fmin(end, (double)j + 1.0) - fmax(begin, (double)j);
        return covered > 0.0 ? covered / s->a : 0.0;
    }
    double centre = fmin(fmax((begin + end) / 2.0 - 0.5, 0.0), (double)s->n - 1.0);
    return fmax(0.0, 1.0 - fabs(centre - (double)j));
}

static void check(int64_t height, int64_t width, int64_t h, int64_t w, int n_channels)
{
    size_t n = (size_t)(height * width * n_channels), n_out = (size_t)(h * w * 3);
    float *random = test_random(7, (int64_t)n, 0.0f, 256.0f);
    unsigned char *pixels = malloc(n), *got = malloc(n_out);
    for (size_t i = 0; i < n; i++) pixels[i] = (unsigned char)random[i];
    clade__image src = {.height = height, .width = width, .n_channels = n_channels, .pixels = pixels};
    memset(got, 99, n_out);
    assert_ok(clade__image_scale(got, 3, h, w, &src, "x"));
    double by_height = (double)height / (double)h, by_width = (double)width / (double)w;
    side rows = make_side(height, h, fmin(by_height, by_width));
    side cols = make_side(width, w, fmin(by_height, by_width));
    for (int c = 0; c < 3; c++)
        for (int64_t y = 0; y < h; y++)
            for (int64_t x = 0; x < w; x++) {
                double want = 0.0;
                for (int64_t j = 0; j < height; j++) {
                    double weight = weigh(&rows, y, j);
                    for (int64_t k = 0; weight > 0.0 && k < width; k++)
                        want += weight * weigh(&cols, x, k) *
                                pixels[(j * width + k) * n_channels + (n_channels == 3 ? c : 0)];
                }
                unsigned char value = got[(c * h + y) * w + x];
                if (fabs(value - want) > 0.5 + 1e-6)
                    fail_msg("%dx%d to %dx%d: (%d, %d, %d) is %d, want %g", (int)height, (int)width, (int)h,
                             (int)w, c, (int)y, (int)x, value, want);
            }
    free(random);
    free(pixels);
    free(got);
}

static void all_sizes(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{1, 1}, {1, 7}, {7, 1}, {2, 3}, {13, 13}, {16, 8}, {31, 17}, {40, 64}};
    size_t n = sizeof sizes / sizeof sizes[0];
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            for (int c = 1; c <= 3; c += 2) check(sizes[i][0], sizes[i][1], sizes[k][0], sizes[k][1], c);
    check(97, 301, 64, 64, 3);
    check(97, 301, 32, 128, 1);
    check(3, 5, 211, 89, 3);
}

/* By hand: halves and quarters, and where the middle is. */
static void known(void **state)
{
    (void)state;
    static unsigned char pixels[] = {10, 20, 30, 40, 50, 60, 70, 80};
    unsigned char got[8];
    clade__image src = {.height = 2, .width = 4, .n_channels = 1, .pixels = pixels};
    assert_ok(clade__image_scale(got, 1, 1, 2, &src, "x"));
    assert_memory_equal(got, ((unsigned char[]){35, 55}), 2); /* means of four */
    assert_ok(clade__image_scale(got, 1, 1, 1, &src, "x"));
    assert_memory_equal(got, ((unsigned char[]){35}), 1); /* the left of two middles */
    assert_ok(clade__image_scale(got, 1, 2, 2, &src, "x"));
    assert_memory_equal(got, ((unsigned char[]){20, 30, 60, 70}), 4); /* cut, not scaled */
    assert_ok(clade__image_scale(got, 1, 2, 3, &src, "x"));
    assert_memory_equal(got, ((unsigned char[]){10, 20, 30, 50, 60, 70}), 6);
    src.height = src.width = 1;
    assert_ok(clade__image_scale(got, 1, 2, 3, &src, "x"));
    assert_memory_equal(got, ((unsigned char[]){10, 10, 10, 10, 10, 10}), 6);
    src.width = 2;
    assert_ok(clade__image_scale(got, 1, 2, 4, &src, "x"));
    assert_memory_equal(got, ((unsigned char[]){10, 13, 18, 20, 10, 13, 18, 20}), 8); /* 12.5, 17.5 */
}

/* A side may be long: nothing overflows. */
static void extremes(void **state)
{
    (void)state;
    enum { LONG = 200000 };
    unsigned char *pixels = malloc(LONG), got[4];
    memset(pixels, 255, LONG);
    clade__image src = {.height = 1, .width = LONG, .n_channels = 1, .pixels = pixels};
    for (int turned = 0; turned < 2; turned++) {
        src.height = turned ? LONG : 1;
        src.width = turned ? 1 : LONG;
        assert_ok(clade__image_scale(got, 1, 2, 2, &src, "x"));
        assert_memory_equal(got, "\xff\xff\xff\xff", 4);
        unsigned char *line = malloc(CLADE__IMAGE_MOST_SIDE);
        assert_ok(clade__image_scale(line, 1, turned ? 1 : CLADE__IMAGE_MOST_SIDE,
                                     turned ? CLADE__IMAGE_MOST_SIDE : 1, &src, "x"));
        for (int i = 0; i < CLADE__IMAGE_MOST_SIDE; i++) assert_int_equal(line[i], 255);
        assert_ok(clade__image_scale(line, 1, turned ? CLADE__IMAGE_MOST_SIDE : 1,
                                     turned ? 1 : CLADE__IMAGE_MOST_SIDE, &src, "x"));
        for (int i = 0; i < CLADE__IMAGE_MOST_SIDE; i++) assert_int_equal(line[i], 255);
        free(line);
    }
    free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_sizes), cmocka_unit_test(known),
                                       cmocka_unit_test(extremes)};
    return cmocka_run_group_tests_name("image_scale", tests, NULL, NULL);
}
