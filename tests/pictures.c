#include "support.h"

#include <stdio.h>

#include <jpeglib.h>
#include <png.h>

#include "pictures.h"

static void append(png_structp png, png_bytep bytes, size_t n)
{
    picture *to = png_get_io_ptr(png);
    assert_true(to->n + n <= sizeof to->bytes);
    memcpy(to->bytes + to->n, bytes, n);
    to->n += n;
}

static void flush(png_structp png)
{
    (void)png;
}

static void describe(png_structp png, png_infop info)
{
    png_set_gAMA(png, info, 0.3);
    png_set_bKGD(png, info, &(png_color_16){.gray = 200, .red = 200, .green = 200, .blue = 200});
    png_set_text(png, info, &(png_text){.compression = PNG_TEXT_COMPRESSION_NONE, .key = "Comment",
                                        .text = "x"}, 1);
}

void picture_png(picture *to, const unsigned char *samples, int height, int width, const png_how *how)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_non_null(info);
    to->n = 0;
    png_set_write_fn(png, to, append, flush);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, how->depth ? how->depth : 8, how->type,
                 how->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE,
                 PNG_FILTER_TYPE_BASE);
    if (how->palette) png_set_PLTE(png, info, (png_const_colorp)how->palette, how->n_palette);
    if (how->n_alpha > 0) png_set_tRNS(png, info, how->alpha, how->n_alpha, NULL);
    if (how->transparent > 0)
        png_set_tRNS(png, info, NULL, 0, &(png_color_16){.gray = (png_uint_16)(how->transparent - 1)});
    if (how->described) describe(png, info);
    png_write_info(png, info);
    size_t row = png_get_rowbytes(png, info);
    for (int pass = png_set_interlace_handling(png); pass > 0; pass--)
        for (int y = 0; y < height; y++) png_write_row(png, samples + (size_t)y * row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
}

void picture_jpeg(picture *to, const unsigned char *samples, int height, int width, const jpeg_how *how)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = to->bytes;
    unsigned long n = sizeof to->bytes;
    int channels = how->n_channels ? how->n_channels : 3;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &n);
    jpeg.image_height = (JDIMENSION)height;
    jpeg.image_width = (JDIMENSION)width;
    jpeg.input_components = channels;
    jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    if (how->as_rgb) jpeg_set_colorspace(&jpeg, JCS_RGB);
    jpeg_set_quality(&jpeg, how->quality ? how->quality : 100, TRUE);
    if (!how->quality) jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
    static const jpeg_scan_info scans[] = {{1, {0}, 0, 0, 0, 0}, {1, {0}, 1, 63, 0, 0}};
    if (how->progressive) jpeg_simple_progression(&jpeg);
    if (how->two_scans) {
        jpeg.scan_info = scans;
        jpeg.num_scans = 2;
    }
    jpeg.arith_code = how->arithmetic;
    jpeg.optimize_coding = !how->arithmetic;
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)samples + (size_t)jpeg.next_scanline * (size_t)(width * channels);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    assert_ptr_equal(bytes, to->bytes); /* there was room */
    to->n = n;
    jpeg_destroy_compress(&jpeg);
}
