/* Folders of images: a folder a class, PNG and JPEG files in it. They are listed, the rows of the part are
 * chosen, and these alone are decoded, once and on all cores, into bytes. */
#include "data/image_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "data/image.h"
#include "data/image_scale.h"
#include "data/split.h"

/* What is read, and how; starts zeroed. */
typedef struct source {
    clade__image_files files;
    clade__split split;
    clade__image_file *rows; /* (n_rows) those of the part; of `files` */
    int64_t n_rows;
    int n_channels;
    int64_t height, width; /* of a sample; 0: that of the first image */
    bool scaled;           /* they are given */
    int n_parts;           /* that are decoded apart */
    clade_data *data;
} source;

/* ---- options --------------------------------------------------------------------------------- */

/* A side of size=, up to `end` or the end of the text; 0: it is none. */
static int64_t read_side(const char **text, char end)
{
    int64_t side = 0;
    int n = 0;
    for (; **text >= '0' && **text <= '9' && n < 6; n++, ++*text) side = side * 10 + (**text - '0');
    bool ends = **text == '\0' || (end && **text == end);
    return ends && side <= CLADE__IMAGE_MOST_SIDE ? side : 0;
}

static clade_status read_size(source *s, const clade__data_spec *spec)
{
    const char *given = clade__data_option(spec, "size"), *at = given;
    if (!given) return CLADE_OK;
    s->scaled = true;
    s->height = s->width = read_side(&at, 'x');
    if (*at == 'x') {
        at++;
        s->width = read_side(&at, '\0');
    }
    if (s->height > 0 && s->width > 0) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "images: size=%s, want pixels, as size=64, or height and width, as "
                       "size=48x64; from 1 to %d", given, CLADE__IMAGE_MOST_SIDE);
}

static clade_status read_channels(source *s, const clade__data_spec *spec)
{
    const char *given = clade__data_option(spec, "channels");
    s->n_channels = given && strcmp(given, "1") == 0 ? 1 : 3;
    if (!given || s->n_channels == 1 || strcmp(given, "3") == 0) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "images: channels=%s, want 3 (colour) or 1 (grey)", given);
}

static clade_status list_files(source *s, const clade__data_spec *spec)
{
    const char *labels = clade__data_option(spec, "labels");
    if (labels && strcmp(labels, "none") != 0)
        return clade__fail(CLADE_EINVAL, "images: labels=%s, want none, where there is no folder for each "
                           "class", labels);
    if (spec->how->keep && strcmp(spec->how->keep, "file") != 0)
        return clade__fail(CLADE_EINVAL, "images: '%s' cannot be carried along; only the name of each "
                           "image can, as 'file'", spec->how->keep);
    return clade__image_files_list(&s->files, spec, labels != NULL);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static clade_status split_rows(source *s, const clade__data_spec *spec)
{
    static const char *const keys[] = {"split", "stratify", "seed"};
    const char *test = clade__data_option(spec, "test");
    const clade__image_files *files = &s->files;
    bool asked = test && strcmp(test, "0") != 0;
    clade__split_wants wants;
    CLADE_TRY(clade__split_read(&wants, spec));
    for (int i = 0; i < 3; i++) asked = asked || clade__data_option(spec, keys[i]);
    if (files->has_parts && asked)
        return clade__fail(CLADE_EINVAL, "images: '%s' has parts of its own; leave out test=, split=, "
                           "stratify= and seed=", spec->path);
    if (wants.stratify && files->n_classes == 0)
        return clade__fail(CLADE_EINVAL, "images: stratify=yes goes by classes, and there are none");
    if (files->has_parts || (files->n_classes == 0 && !wants.asked)) wants.parts = false;
    if (!wants.stratify)
        return clade__split_rows(&s->split, &wants, spec, files->n_files, &(clade__split_keys){0}, spec->path);
    int32_t *classes = malloc((size_t)files->n_files * sizeof *classes);
    if (!classes)
        return clade__fail(CLADE_ENOMEM, "images: no memory to split %" PRId64 " rows", files->n_files);
    for (int64_t i = 0; i < files->n_files; i++) classes[i] = files->files[i].label;
    clade_status status = clade__split_rows(&s->split, &wants, spec, files->n_files,
                                            &(clade__split_keys){.classes = classes}, spec->path);
    free(classes);
    return status;
}

/* Moves the files of the part to the front; the others are not needed any more. */
static void choose_rows(source *s)
{
    s->rows = s->files.files;
    for (int64_t i = 0; i < s->files.n_files; i++)
        if (clade__split_takes(&s->split, i)) s->rows[s->n_rows++] = s->rows[i];
}

/* ---- decoding -------------------------------------------------------------------------------- */

static clade_status read_image(clade__image *image, const char *path)
{
    unsigned char *bytes;
    size_t n_bytes;
    CLADE_TRY(clade__file_read(path, &bytes, &n_bytes));
    clade_status status = clade__image_decode(image, path, bytes, n_bytes);
    free(bytes);
    return status;
}

static clade_status read_row(const source *s, int64_t row, clade__image *image)
{
    const char *path = s->rows[row].path;
    CLADE_TRY(read_image(image, path));
    if (!s->scaled && (image->height != s->height || image->width != s->width))
        return clade__fail(CLADE_EDATA,
                           "'%s' has %" PRId64 "x%" PRId64 " pixels, but '%s' %" PRId64 "x%" PRId64
                           "; add size=N, to which all are scaled and cut", path, image->height,
                           image->width, s->rows[0].path, s->height, s->width);
    if (s->n_channels == 1) clade__image_make_grey(image);
    size_t n = (size_t)clade__data_cols(s->data);
    return clade__image_scale((unsigned char *)s->data->values + (size_t)row * n, s->n_channels, s->height,
                              s->width, image, path);
}

enum { LEAST_ROWS = 8 }; /* of a part */

/* One part of the rows; the first that cannot be read is its error. */
static clade_status read_some(void *context, int part)
{
    const source *s = context;
    int64_t end = s->n_rows * (part + 1) / s->n_parts;
    clade__image image = {0};
    clade_status status = CLADE_OK;
    for (int64_t row = s->n_rows * part / s->n_parts; row < end && status == CLADE_OK; row++)
        status = read_row(s, row, &image);
    clade__image_free(&image);
    return status;
}

/* Without size= all images are as the first. */
static clade_status find_size(source *s)
{
    clade__image first = {0};
    if (s->scaled) return CLADE_OK;
    clade_status status = read_image(&first, s->rows[0].path);
    s->height = first.height;
    s->width = first.width;
    clade__image_free(&first);
    return status;
}

static clade_status read_rows(source *s)
{
    CLADE_TRY(find_size(s));
    clade_status status = clade__data_create(&s->data, s->n_rows,
                                             CLADE_SHAPE(s->n_channels, s->height, s->width), CLADE_UINT8,
                                             s->files.n_classes, 0);
    if (status != CLADE_OK)
        return clade__fail_in(status, "images: %" PRId64 " of %" PRId64 "x%" PRId64 " pixels, as '%s'",
                              s->n_rows, s->height, s->width, s->rows[0].path);
    s->data->scaling.scale = 1.0f / 255.0f;
    for (int64_t i = 0; s->data->labels && i < s->n_rows; i++) s->data->labels[i] = s->rows[i].label;
    s->n_parts = clade__parallel_parts(s->n_rows, LEAST_ROWS);
    return clade__parallel(s->n_parts, read_some, s);
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* The names of the files, as a column that is carried along. */
static clade_status keep_names(const source *s)
{
    clade_data *data = s->data;
    size_t n = (size_t)s->n_rows;
    const char **names = malloc(n * sizeof *names);
    data->kept = calloc(1, sizeof *data->kept);
    if (names && data->kept) {
        data->n_kept = 1;
        for (size_t i = 0; i < n; i++) names[i] = s->rows[i].name;
        data->kept->texts = clade__names_copy(names, n);
        data->kept->name = clade__copy_text("file");
        data->kept->of_sample = malloc(n * sizeof *data->kept->of_sample);
    }
    free(names);
    if (data->n_kept == 0 || !data->kept->texts || !data->kept->name || !data->kept->of_sample)
        return clade__fail(CLADE_ENOMEM, "images: no memory for the names of %" PRId64 " files", s->n_rows);
    for (size_t i = 0; i < n; i++) data->kept->of_sample[i] = (int32_t)i;
    return CLADE_OK;
}

static clade_status tell(source *s, const clade__data_spec *spec)
{
    const clade__image_files *files = &s->files;
    clade_data *data = s->data;
    if (files->n_classes > 0)
        CLADE_TRY(clade__data_name_classes(data, (const char *const *)files->classes));
    CLADE_TRY(keep_names(s));
    if (!files->has_parts)
        CLADE_TRY(clade__split_tell(&s->split, data));
    else
        data->part = clade__part_name(files->part);
    if (files->has_parts && files->part != spec->part)
        CLADE_TRY(clade__data_note(data, "'%s' has no %s part; this is its %s part", spec->path,
                                   clade__part_name(spec->part), data->part));
    if (files->n_ignored == 0) return CLADE_OK;
    return clade__data_note(data, "passed over in '%s', since no image (.png, .jpg, .jpeg): '%s'%s", spec->path,
                            files->first_ignored, files->n_ignored > 1 ? " and others" : "");
}

clade_status clade__images_open(clade_data **out, const clade__data_spec *spec)
{
    *out = NULL;
    source s = {0};
    clade_status status = read_size(&s, spec);
    if (status == CLADE_OK) status = read_channels(&s, spec);
    if (status == CLADE_OK) status = list_files(&s, spec);
    if (status == CLADE_OK) status = split_rows(&s, spec);
    if (status == CLADE_OK) {
        choose_rows(&s);
        status = read_rows(&s);
    }
    if (status == CLADE_OK) status = tell(&s, spec);
    clade__split_free(&s.split);
    clade__image_files_free(&s.files);
    if (status != CLADE_OK) {
        clade_data_free(s.data);
        return status;
    }
    *out = s.data;
    return CLADE_OK;
}
