/* A scenario of test_faults.c: folders of images, PNG and JPEG, with parts and without. */
#include "fault_scenarios.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/parallel.h"
#include "pictures.h"
#include "support.h"

static const char *in(const char *name)
{
    return test_text("%s/%s", fault_folder.files, name);
}

void fault_put_images(void)
{
    static const char *const folders[] = {"images", "images/a", "images/b", "parted", "parted/train",
                                          "parted/train/a", "parted/test", "parted/test/a"};
    static const char *const files[] = {"images/a/1.png",  "images/a/2.jpg",        "images/b/1.png",
                                        "images/b/2.jpeg", "parted/train/a/1.png", "parted/test/a/1.png"};
    static const unsigned char pixels[3 * 3 * 3] = {1, 2, 3, 4, 5, 6, 7};
    static picture png, jpeg;
    picture_png(&png, pixels, 3, 3, &(png_how){.type = 2});
    picture_jpeg(&jpeg, pixels, 3, 3, &(jpeg_how){0});
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        assert_int_equal(mkdir(in(folders[i]), 0777), 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const picture *made = strstr(files[i], "png") ? &png : &jpeg;
        test_write_file(in(files[i]), made->bytes, made->n);
    }
    test_write_file(in("images/README"), "x", 1);
}

static clade_status read_images(const char *spec, double *n)
{
    clade_data *data;
    CLADE_TRY(clade_data_open(&data, spec));
    *n += (double)clade_data_describe(data).n_samples;
    clade_data_free(data);
    return CLADE_OK;
}

static clade_status read_all(double *n)
{
    clade_data *data;
    CLADE_TRY(read_images(test_text("images:%s?stratify=yes&test=0.5&size=2", in("images")), n));
    CLADE_TRY(read_images(test_text("images:%s", in("parted")), n));
    CLADE_TRY(read_images(test_text("images:%s?labels=none", in("images/a")), n));
    clade_status status = clade_data_open(&data, in("images")); /* it has no kind */
    if (status == CLADE_OK) clade_data_free(data);
    return status == CLADE_EINVAL ? CLADE_OK : status;
}

clade_status fault_run_images(double *n)
{
    *n = 0.0;
    clade__parallel_set(1, 2); /* one thread, since sites are counted */
    clade_status status = read_all(n);
    clade__parallel_set(0, 0);
    return status;
}
