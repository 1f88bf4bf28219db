/* Pixels of PNG and JPEG files: each kind that there is against known values, and each kind of damage. */
#include "support.h"

#include <png.h>
#include <zlib.h>

#include "data/image.h"
#include "pictures.h"

static picture made;
static clade__image image; /* the last one that was decoded */

static void decode(int height, int width, int n_channels)
{
    assert_ok(clade__image_decode(&image, "x.png", made.bytes, made.n));
    assert_int_equal(image.height, height);
    assert_int_equal(image.width, width);
    assert_int_equal(image.n_channels, n_channels);
}

static void assert_pixels(const unsigned char *want, size_t n)
{
    assert_memory_equal(image.pixels, want, n);
}

static void refuse(clade_status status, const char *part)
{
    assert_fails(clade__image_decode(&image, "some/x.png", made.bytes, made.n), status, part);
    assert_non_null(strstr(clade_error(), "'some/x.png'"));
}

/* ---- names ----------------------------------------------------------------------------------- */

static void names(void **state)
{
    (void)state;
    static const char *const good[] = {"a.png", "A.PNG", "a.b.jpg", "a.JPeG", "-.jpeg"};
    static const char *const bad[] = {"", "png", ".png", "a.pngs", "a.png ", "a.gif", "jpeg", ".jpg", "apng"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) assert_true(clade__image_has_name(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(clade__image_has_name(bad[i]));
}

/* ---- PNG ------------------------------------------------------------------------------------- */

static void png_grey(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {0, 1, 127, 128, 254, 255};
    picture_png(&made, bytes, 2, 3, &(png_how){0});
    decode(2, 3, 1);
    assert_pixels(bytes, 6);
    /* Of fewer bits: the greatest value is white. */
    static const unsigned char bits[] = {0xa0, 0x40}, of_bits[] = {255, 0, 255, 0, 255, 0};
    picture_png(&made, bits, 2, 3, &(png_how){.depth = 1});
    decode(2, 3, 1);
    assert_pixels(of_bits, 6);
    static const unsigned char twos[] = {0x1b}, of_twos[] = {0, 85, 170, 255};
    picture_png(&made, twos, 1, 4, &(png_how){.depth = 2});
    decode(1, 4, 1);
    assert_pixels(of_twos, 4);
    static const unsigned char fours[] = {0x0f, 0x70}, of_fours[] = {0, 255, 119};
    picture_png(&made, fours, 1, 3, &(png_how){.depth = 4});
    decode(1, 3, 1);
    assert_pixels(of_fours, 3);
}

/* 16 bits: value * 255 / 65535, to the nearest. */
static void png_deep(void **state)
{
    (void)state;
    unsigned char deep[2 * 512], want[512];
    for (unsigned i = 0; i < 512; i++) {
        unsigned value = i * 128 + i % 7;
        deep[2 * i] = (unsigned char)(value >> 8);
        deep[2 * i + 1] = (unsigned char)value;
        want[i] = (unsigned char)floor(value * 255.0 / 65535.0 + 0.5);
    }
    picture_png(&made, deep, 16, 32, &(png_how){.depth = 16});
    decode(16, 32, 1);
    assert_pixels(want, 512);
    picture_png(&made, deep, 2, 85, &(png_how){.depth = 16, .type = PNG_COLOR_TYPE_RGB});
    decode(2, 85, 3);
    assert_pixels(want, 2 * 85 * 3);
}

static void png_colours(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {1, 2, 3, 4, 5, 6, 255, 0, 9, 10, 11, 12};
    picture_png(&made, bytes, 2, 2, &(png_how){.type = PNG_COLOR_TYPE_RGB});
    decode(2, 2, 3);
    assert_pixels(bytes, 12);
    static const unsigned char palette[] = {10, 20, 30, 200, 210, 220, 7, 8, 9};
    static const unsigned char codes[] = {0x18}; /* of two bits: 0, 1, 2, 0 */
    static const unsigned char want[] = {10, 20, 30, 200, 210, 220, 7, 8, 9, 10, 20, 30};
    picture_png(&made, codes, 1, 4, &(png_how){.depth = 2, .type = PNG_COLOR_TYPE_PALETTE,
                                              .palette = palette, .n_palette = 3});
    decode(1, 4, 3);
    assert_pixels(want, 12);
}

/* What is transparent lies over black. */
static void png_alpha(void **state)
{
    (void)state;
    static const unsigned char grey[] = {200, 255, 200, 128, 200, 0, 3, 127};
    static const unsigned char of_grey[] = {200, 100, 0, 1}; /* 100.4, and 1.49 */
    picture_png(&made, grey, 2, 2, &(png_how){.type = PNG_COLOR_TYPE_GRAY_ALPHA});
    decode(2, 2, 1);
    assert_pixels(of_grey, 4);
    static const unsigned char rgba[] = {100, 150, 200, 255, 100, 150, 200, 51, 255, 255, 255, 1};
    static const unsigned char of_rgba[] = {100, 150, 200, 20, 30, 40, 1, 1, 1};
    picture_png(&made, rgba, 1, 3, &(png_how){.type = PNG_COLOR_TYPE_RGB_ALPHA});
    decode(1, 3, 3);
    assert_pixels(of_rgba, 9);
    static const unsigned char palette[] = {10, 20, 30, 200, 210, 220}, alpha[] = {0}, codes[] = {0, 1};
    static const unsigned char of_palette[] = {0, 0, 0, 200, 210, 220};
    picture_png(&made, codes, 1, 2, &(png_how){.type = PNG_COLOR_TYPE_PALETTE, .palette = palette,
                                              .n_palette = 2, .alpha = alpha, .n_alpha = 1});
    decode(1, 2, 3);
    assert_pixels(of_palette, 6);
    static const unsigned char plain[] = {50, 60, 70}, of_plain[] = {50, 0, 70};
    picture_png(&made, plain, 1, 3, &(png_how){.transparent = 61});
    decode(1, 3, 1);
    assert_pixels(of_plain, 3);
}

static void png_interlaced(void **state)
{
    (void)state;
    unsigned char bytes[19 * 13 * 3];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * i * 31 + i);
    static const int sizes[][2] = {{19, 13}, {1, 1}, {1, 13}, {19, 1}, {2, 3}, {8, 8}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        picture_png(&made, bytes, sizes[i][0], sizes[i][1],
                    &(png_how){.type = PNG_COLOR_TYPE_RGB, .interlaced = true});
        decode(sizes[i][0], sizes[i][1], 3);
        assert_pixels(bytes, (size_t)(sizes[i][0] * sizes[i][1] * 3));
    }
}

/* Gamma, background and comments change nothing, and a smaller image takes the memory of a larger one. */
static void png_described(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {0, 50, 100, 150};
    picture_png(&made, bytes, 2, 2, &(png_how){.described = true, .transparent = 51});
    decode(2, 2, 1);
    assert_pixels((const unsigned char[]){0, 0, 100, 150}, 4);
}

/* Cut at any byte it is truncated; and no byte can be changed unnoticed but in what only describes. */
static void png_damaged(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {0, 1, 127, 128, 254, 255};
    picture_png(&made, bytes, 1, 2, &(png_how){.type = PNG_COLOR_TYPE_RGB});
    size_t whole = made.n;
    for (made.n = 8; made.n < whole; made.n++) refuse(CLADE_EDATA, "is truncated: its PNG data has no end");
    for (size_t i = 0; i < whole; i++)
        for (int bit = 0; bit < 8; bit++) {
            made.bytes[i] ^= (unsigned char)(1 << bit);
            refuse(CLADE_EDATA, i < 4 ? "is neither PNG nor JPEG" : "some/x.png");
            made.bytes[i] ^= (unsigned char)(1 << bit);
        }
    made.bytes[whole] = 7; /* behind the end nothing is looked at */
    made.n = whole + 1;
    decode(1, 2, 3);
    made.bytes[41] ^= 1; /* of the packed pixels */
    refuse(CLADE_EDATA, "cannot be decoded: it is PNG, but libpng says: ");
}

/* A header alone takes no memory for what it claims. */
static void png_claims(void **state)
{
    (void)state;
    static const unsigned char bytes[16] = {0};
    picture_png(&made, bytes, 4, 4, &(png_how){0});
    static const struct {
        unsigned char height[4], width[4];
        const char *part;
    } claims[] = {
        {{0, 0, 0, 4}, {0, 1, 0, 0}, "is damaged: it says that its image has 4x65536 pixels, which"},
        {{0, 1, 0, 0}, {0, 1, 0, 0}, "is an image of 65536x65536 pixels, want 1 to 134217728"},
        {{0x7f, 0xff, 0xff, 0xff}, {0x7f, 0xff, 0xff, 0xff}, "2147483647x2147483647 pixels, want"},
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        memcpy(made.bytes + 16, claims[i].width, 4);
        memcpy(made.bytes + 20, claims[i].height, 4);
        png_save_uint_32(made.bytes + 29, (png_uint_32)crc32(0, made.bytes + 12, 17));
        refuse(CLADE_EDATA, claims[i].part);
    }
}

/* ---- JPEG ------------------------------------------------------------------------------------ */

/* Smooth colours, which the transform keeps. */
static const unsigned char *smooth(int height, int width, int n_channels)
{
    static unsigned char samples[64 * 64 * 4];
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < n_channels; c++)
                samples[(y * width + x) * n_channels + c] = (unsigned char)(40 + 60 * c + y + 2 * x);
    return samples;
}

static void assert_near(const unsigned char *want, size_t n, int most)
{
    for (size_t i = 0; i < n; i++)
        assert_in_range(image.pixels[i], want[i] > most ? want[i] - most : 0, want[i] + most);
}

static void jpeg_kinds(void **state)
{
    (void)state;
    static const jpeg_how hows[] = {{0}, {.progressive = true}, {.as_rgb = true}, {.quality = 95},
                                    {.quality = 95, .progressive = true}, {.n_channels = 1},
                                    {.n_channels = 1, .progressive = true}};
    static const int sizes[][2] = {{1, 1}, {8, 8}, {17, 31}, {33, 16}};
    for (size_t i = 0; i < sizeof hows / sizeof hows[0]; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            int height = sizes[k][0], width = sizes[k][1], n = hows[i].n_channels ? 1 : 3;
            const unsigned char *samples = smooth(height, width, n);
            picture_jpeg(&made, samples, height, width, &hows[i]);
            decode(height, width, n);
            assert_near(samples, (size_t)(height * width * n), hows[i].quality ? 5 : 2);
        }
    unsigned char even[64];
    memset(even, 77, sizeof even);
    picture_jpeg(&made, even, 8, 8, &(jpeg_how){.n_channels = 1});
    decode(8, 8, 1);
    assert_pixels(even, 64);
}

static void jpeg_refused(void **state)
{
    (void)state;
    picture_jpeg(&made, smooth(8, 8, 4), 8, 8, &(jpeg_how){.n_channels = 4});
    refuse(CLADE_EDATA, "is a JPEG image in the colours of print, CMYK; convert it to RGB, or to PNG");
    picture_jpeg(&made, smooth(8, 8, 3), 8, 8, &(jpeg_how){.arithmetic = true});
    refuse(CLADE_EDATA, "is a JPEG image of arithmetic coding; convert it");
}

/* libjpeg only warns of most of this. */
static void jpeg_damaged(void **state)
{
    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        picture_jpeg(&made, smooth(24, 24, 3), 24, 24, &(jpeg_how){.progressive = progressive});
        size_t whole = made.n;
        for (made.n = 3; made.n < whole; made.n++) refuse(CLADE_EDATA, "is truncated: its JPEG data has no end");
        made.bytes[whole] = 7;
        made.n = whole + 1;
        decode(24, 24, 3);
    }
    picture_jpeg(&made, smooth(24, 24, 3), 24, 24, &(jpeg_how){0});
    made.bytes[made.n - 20] = 0xff; /* a marker within the data */
    made.bytes[made.n - 19] = 0xd9;
    refuse(CLADE_EDATA, "cannot be decoded: it is JPEG, but libjpeg says: Corrupt JPEG data");
    picture_jpeg(&made, smooth(8, 8, 3), 8, 8, &(jpeg_how){0});
    for (size_t i = 0; i + 9 < made.n; i++) /* the frame's header: precision, height, width */
        if (made.bytes[i] == 0xff && made.bytes[i + 1] == 0xc0) {
            memcpy(made.bytes + i + 5, "\x20\x00\x20\x00", 4);
            refuse(CLADE_EDATA, "is damaged: it says that its image has 8192x8192 pixels, which its bytes");
            memcpy(made.bytes + i + 5, "\xff\xff\xff\xff", 4);
            refuse(CLADE_EDATA, "libjpeg says: Maximum supported image dimension is 65500 pixels");
            memcpy(made.bytes + i + 5, "\x00\x08\x00\x08", 4);
            made.bytes[i + 4] = 12;
            refuse(CLADE_EDATA, "libjpeg says: Unsupported JPEG data precision 12");
            return;
        }
    fail_msg("no frame");
}

/* The last scan of a progressive image over and over: each takes time for all of it. */
static void jpeg_scans(void **state)
{
    (void)state;
    static unsigned char many[65536];
    picture_jpeg(&made, smooth(8, 8, 1), 8, 8, &(jpeg_how){.n_channels = 1, .two_scans = true});
    size_t scan = 0;
    for (size_t i = 0; i + 1 < made.n; i++)
        if (made.bytes[i] == 0xff && made.bytes[i + 1] == 0xda) scan = i;
    size_t n = made.n - 2 - scan, at = scan;
    memcpy(many, made.bytes, scan);
    for (int i = 1; i <= 500; i++, at += n) {
        assert_true(at + n + 2 <= sizeof many);
        memcpy(many + at, made.bytes + scan, n);
        memcpy(many + at + n, "\xff\xd9", 2);
        if (i == 499) assert_ok(clade__image_decode(&image, "x.jpg", many, at + n + 2));
    }
    assert_fails(clade__image_decode(&image, "x.jpg", many, at + 2), CLADE_EDATA,
                 "'x.jpg' is a JPEG image of more than 500 scans");
}

static void neither(void **state)
{
    (void)state;
    made.n = 0;
    refuse(CLADE_EDATA, "is empty");
    memcpy(made.bytes, "GIF89a", 6);
    made.n = 6;
    refuse(CLADE_EDATA, "is neither PNG nor JPEG, whatever its name says; convert it");
    memcpy(made.bytes, "\xff\xd8", 2);
    made.n = 2;
    refuse(CLADE_EDATA, "is neither PNG nor JPEG");
}

static void grey(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30};
    static const unsigned char want[] = {255, 0, 76, 150, 29, 18}; /* 76.2, 149.7, 29.1, 18.15 */
    picture_png(&made, bytes, 2, 3, &(png_how){.type = PNG_COLOR_TYPE_RGB});
    decode(2, 3, 3);
    clade__image_make_grey(&image);
    assert_int_equal(image.n_channels, 1);
    assert_pixels(want, 6);
    clade__image_make_grey(&image);
    assert_pixels(want, 6);
}

static int free_image(void **state)
{
    (void)state;
    clade__image_free(&image);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),          cmocka_unit_test(png_grey),      cmocka_unit_test(png_deep),
        cmocka_unit_test(png_colours),    cmocka_unit_test(png_alpha),     cmocka_unit_test(png_interlaced),
        cmocka_unit_test(png_described),  cmocka_unit_test(png_damaged),   cmocka_unit_test(png_claims),
        cmocka_unit_test(jpeg_kinds),     cmocka_unit_test(jpeg_refused),  cmocka_unit_test(jpeg_damaged),
        cmocka_unit_test(jpeg_scans),     cmocka_unit_test(neither),       cmocka_unit_test(grey),
    };
    return cmocka_run_group_tests_name("image", tests, NULL, free_image);
}
