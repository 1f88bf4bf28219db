/* NumPy files: the samples, and in a second one, or in the same archive, the label or the target
 * numbers of each. */
#include "data/npy_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "data/npy_fields.h"
#include "data/npy_labels.h"
#include "data/npz.h"
#include "data/split.h"

/* All that is read; starts zeroed. */
typedef struct sources {
    clade__npy samples;
    clade__npy answers[CLADE__NPZ_PARTS]; /* (n_answers) those of the samples, then of other parts */
    int n_answers;
    const char *part; /* which one the samples are, by the file itself; NULL: it has no parts */
    clade__npy_labels labels;
} sources;

static void free_sources(sources *s)
{
    clade__npy_free(&s->samples);
    for (int i = 0; i < CLADE__NPZ_PARTS; i++) clade__npy_free(&s->answers[i]);
    clade__npy_labels_free(&s->labels);
}

/* ---- files ----------------------------------------------------------------------------------- */

static clade_status copy_path(char **path, const char *text, size_t length)
{
    clade__text copy = {0};
    clade__text_append(&copy, "%.*s", (int)length, text);
    if (copy.failed) return clade__fail(CLADE_ENOMEM, "npy: no memory");
    *path = copy.data;
    return CLADE_OK;
}

/* The options x= and y= choose arrays of an archive. */
static clade_status refuse_choice(const clade__data_spec *spec, const char *option, const char *path)
{
    const char *value = clade__data_option(spec, option);
    if (!value) return CLADE_OK;
    return clade__fail(CLADE_EINVAL,
                       "npy: %s=%s chooses an array of an .npz archive, and '%s' is none", option,
                       value, path);
}

/* Reads array->path: a .npy file, or an archive of one array. */
static clade_status read_array(clade__npy *array, clade__npy_use use, const clade__data_spec *spec)
{
    const char *option = use == CLADE__NPY_SAMPLES ? "x" : "y";
    CLADE_TRY(clade__file_read(array->path, &array->bytes, &array->n_bytes));
    if (!clade__is_zip(array->bytes, array->n_bytes)) {
        CLADE_TRY(refuse_choice(spec, option, array->path));
        return clade__npy_parse(array, use);
    }
    clade__npz npz = {0};
    const clade__zip_member *member = NULL;
    clade__npy archive = *array;
    *array = (clade__npy){0};
    clade_status status = clade__npz_open(&npz, archive.path, archive.bytes, archive.n_bytes);
    if (status == CLADE_OK) status = clade__npz_only(&npz, spec, option, &member);
    if (status == CLADE_OK) status = clade__npz_read(&npz, member, array, use);
    clade__npz_close(&npz);
    free(archive.path);
    return status;
}

static clade_status read_archive(sources *s, const clade__npz *npz, const clade__data_spec *spec)
{
    clade__npz_choice choice;
    CLADE_TRY(clade__npz_choose(npz, spec, &choice));
    s->part = choice.part;
    s->n_answers = choice.n_answers;
    CLADE_TRY(clade__npz_read(npz, choice.samples, &s->samples, CLADE__NPY_SAMPLES));
    for (int i = 0; i < s->n_answers; i++)
        CLADE_TRY(clade__npz_read(npz, choice.answers[i], &s->answers[i], CLADE__NPY_ANSWERS));
    return CLADE_OK;
}

/* One path: an archive of samples and answers, or samples alone. */
static clade_status read_one(sources *s, const clade__data_spec *spec)
{
    clade__npy *samples = &s->samples;
    CLADE_TRY(clade__file_read(spec->path, &samples->bytes, &samples->n_bytes));
    if (clade__is_zip(samples->bytes, samples->n_bytes)) {
        clade__npz npz = {0};
        unsigned char *bytes = samples->bytes;
        samples->bytes = NULL;
        clade_status status = clade__npz_open(&npz, spec->path, bytes, samples->n_bytes);
        if (status == CLADE_OK) status = read_archive(s, &npz, spec);
        clade__npz_close(&npz);
        return status;
    }
    CLADE_TRY(copy_path(&samples->path, spec->path, strlen(spec->path)));
    CLADE_TRY(refuse_choice(spec, "x", spec->path));
    CLADE_TRY(refuse_choice(spec, "y", spec->path));
    return clade__npy_parse(samples, CLADE__NPY_SAMPLES);
}

/* Two paths, cut at the last comma; without one there is one path. */
static clade_status read_paths(sources *s, const clade__data_spec *spec)
{
    const char *comma = strrchr(spec->path, ',');
    if (comma == spec->path || (comma && comma[1] == '\0'))
        return clade__fail(CLADE_EINVAL,
                           "npy: '%s' is not two files; write npy:X,Y with X for the samples and "
                           "Y for the labels, npy:FILE.npz with both, or npy:X to predict on",
                           spec->path);
    if (!comma) return read_one(s, spec);
    CLADE_TRY(copy_path(&s->samples.path, spec->path, (size_t)(comma - spec->path)));
    CLADE_TRY(copy_path(&s->answers[0].path, comma + 1, strlen(comma + 1)));
    CLADE_TRY(read_array(&s->samples, CLADE__NPY_SAMPLES, spec));
    s->n_answers = 1;
    return read_array(&s->answers[0], CLADE__NPY_ANSWERS, spec);
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool has_labels(const sources *s)
{
    return s->n_answers > 0 && s->answers[0].kind != CLADE__NPY_FLOAT;
}

static clade_status check_answers(const sources *s)
{
    const clade__npy *answers = &s->answers[0];
    if (answers->dim[0] != s->samples.dim[0])
        return clade__fail(CLADE_EDATA,
                           "'%s' has %" PRId64 " rows, but '%s' has %" PRId64 " samples",
                           answers->path, answers->dim[0], s->samples.path, s->samples.dim[0]);
    for (int i = 0; has_labels(s) && i < s->n_answers; i++) {
        answers = &s->answers[i];
        if (answers->rank == 1 || answers->dim[1] == 1) continue;
        return clade__fail(CLADE_EDATA,
                           "'%s' has %" PRId64 " %s a row, want one label; save y.argmax(axis=1) "
                           "where a row has a 1 for its class, y.astype('<f4') for numbers to "
                           "predict",
                           answers->path, answers->dim[1],
                           clade__npy_is_text(answers) ? "texts" : "whole numbers");
    }
    return CLADE_OK;
}

static clade_status read_labels(sources *s, const clade__data_spec *spec)
{
    if (s->n_answers > 0) CLADE_TRY(check_answers(s));
    if (has_labels(s)) return clade__npy_labels_read(&s->labels, s->answers, s->n_answers, spec);
    const char *classes = clade__data_option(spec, "classes");
    if (!classes) return CLADE_OK;
    if (s->n_answers == 0)
        return clade__fail(CLADE_EINVAL, "npy: classes= is for labels, and '%s' has none",
                           spec->path);
    return clade__fail(CLADE_EDATA,
                       "'%s' has floats, which are targets, but classes=%s wants labels; save "
                       "y.astype('<i4')",
                       s->answers[0].path, classes);
}

/* ---- samples --------------------------------------------------------------------------------- */

/* Checks every row of float32, and copies those of the split; n values a row. */
static clade_status copy_floats(float *dst, const clade__npy *src, int64_t n,
                                const clade__split *split)
{
    for (int64_t row = 0; row < src->dim[0]; row++) {
        bool taken = clade__split_takes(split, row);
        for (int64_t i = 0; i < n; i++) {
            float value = clade__npy_float(src, row * n + i);
            if (!isfinite(value))
                return clade__fail(CLADE_EDATA,
                                   "'%s' has %s at element %" PRId64 " of row %" PRId64
                                   ", want finite numbers that fit float32",
                                   src->path, isnan(value) ? "nan" : "an infinity", i, row);
            if (taken) *dst++ = value;
        }
    }
    return CLADE_OK;
}

static void copy_bytes(unsigned char *dst, const clade__npy *src, int64_t n,
                       const clade__split *split)
{
    for (int64_t row = 0; row < src->dim[0]; row++) {
        if (!clade__split_takes(split, row)) continue;
        memcpy(dst, src->elements + row * n, (size_t)n);
        dst += n;
    }
}

static int greatest_byte(const clade__npy *samples)
{
    int most = 0;
    if (samples->kind != CLADE__NPY_UNSIGNED || samples->element_bytes > 1) return 0;
    for (int64_t i = 0; i < samples->n_elements; i++)
        if (samples->elements[i] > most) most = samples->elements[i];
    return most;
}

/* Bytes of images are seen as 0 to 1, as those of all other kinds of images are; of flags they are
 * that already. A table of bytes is taken for images laid flat where it goes into the upper half of
 * what a byte can be: raw, such numbers train to nothing; and counts and codes stay below. */
static bool is_image(const clade__npy *samples)
{
    return greatest_byte(samples) > (samples->rank > 2 ? 1 : 127);
}

/* scale=NUMBER, or scale=1/255. */
static clade_status choose_scale(float *scale, const clade__npy *samples,
                                 const clade__data_spec *spec)
{
    const char *given = clade__data_option(spec, "scale");
    if (!given) {
        *scale = is_image(samples) ? 1.0f / 255.0f : 1.0f;
        return CLADE_OK;
    }
    char above[64];
    double number = 0.0, below = 1.0;
    size_t n = strcspn(given, "/");
    bool good = n < sizeof above;
    if (good) {
        memcpy(above, given, n);
        above[n] = '\0';
        good = clade__number_double(above, &number) == CLADE__NUMBER_FINITE &&
               (!given[n] || clade__number_double(given + n + 1, &below) == CLADE__NUMBER_FINITE);
    }
    *scale = good && below != 0.0 ? (float)(number / below) : 0.0f;
    if (isfinite(*scale) && *scale != 0.0f) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "npy: scale=%s, want a number or a fraction, as scale=1/255",
                       given);
}

static clade_status read_part(clade_data **out, const sources *s, const clade__split *split)
{
    const clade__npy *samples = &s->samples, *answers = &s->answers[0];
    clade_shape shape = {.rank = samples->rank - 1};
    for (int i = 0; i < shape.rank; i++) shape.dim[i] = samples->dim[i + 1];
    if (samples->rank == 1) shape = CLADE_SHAPE(1);
    bool has_targets = s->n_answers > 0 && !has_labels(s);
    int64_t n_targets = has_targets ? answers->n_elements / answers->dim[0] : 0;
    bool bytes = samples->kind <= CLADE__NPY_UNSIGNED && samples->element_bytes == 1;
    CLADE_TRY(clade__data_create(out, split->n_rows, shape, bytes ? CLADE_UINT8 : CLADE_FLOAT32,
                                 s->labels.n_classes, n_targets));
    clade_data *data = *out;
    if (bytes)
        copy_bytes(data->values, samples, clade__data_cols(data), split);
    else
        CLADE_TRY(copy_floats(data->values, samples, clade__data_cols(data), split));
    if (has_targets) return copy_floats(data->targets, answers, n_targets, split);
    int32_t *label = data->labels;
    for (int64_t i = 0; label && i < answers->dim[0]; i++)
        if (clade__split_takes(split, i)) *label++ = clade__npy_label(&s->labels, answers, i);
    return s->labels.names ? clade__data_name_classes(data, s->labels.names) : CLADE_OK;
}

/* A column whose numbers differ, but not as float32; -1: there is none. */
static int64_t find_collapsed(const clade__npy *samples)
{
    int64_t n_cols = samples->n_elements / samples->dim[0];
    size_t n = (size_t)samples->element_bytes;
    for (int64_t col = 0; n >= 4 && samples->rank <= 2 && col < n_cols; col++) {
        float first = clade__npy_float(samples, col);
        bool same = true, same_float = true;
        for (int64_t i = col + n_cols; i < samples->n_elements && same_float; i += n_cols) {
            same = same && memcmp(samples->elements + (size_t)i * n,
                                  samples->elements + (size_t)col * n, n) == 0;
            same_float = clade__npy_float(samples, i) == first;
        }
        if (!same && same_float) return col;
    }
    return -1;
}

/* What the user should know of the samples. */
static clade_status note_samples(clade_data *data, const clade__npy *samples,
                                 const clade__data_spec *spec)
{
    int64_t col = find_collapsed(samples);
    if (samples->rank <= 2 && is_image(samples) && !clade__data_option(spec, "scale") &&
        !spec->how->standardize)
        CLADE_TRY(clade__data_note(data,
                                   "'%s' has bytes up to %d, which a network sees as 0 to 1, as those "
                                   "of images; add scale=1 to have them as they are",
                                   samples->path, greatest_byte(samples)));
    if (col < 0) return CLADE_OK;
    return clade__data_note(data,
                            "'%s' has different numbers in x[:, %" PRId64 "] that are all %.9g as "
                            "float32, and so say nothing; save x - x.mean(axis=0)",
                            samples->path, col, (double)clade__npy_float(samples, col));
}

/* The rows of the part; where the file has parts of its own, all of those that were read. */
static clade_status choose_rows(clade__split *split, const sources *s, const clade__data_spec *spec)
{
    static const char *const keys[] = {"split", "stratify", "seed"};
    const char *test = clade__data_option(spec, "test");
    bool asked = test && strcmp(test, "0") != 0;
    clade__split_wants wants;
    clade__split_keys split_by = {0};
    int64_t n = s->samples.dim[0];
    CLADE_TRY(clade__split_read(&wants, spec));
    for (int i = 0; i < 3; i++) asked = asked || clade__data_option(spec, keys[i]);
    if (s->part && asked)
        return clade__fail(CLADE_EINVAL,
                           "npy: '%s' has a test part of its own; leave out test= and split=, or name "
                           "one array by x=NAME&y=NAME",
                           spec->path);
    if (s->part || (s->n_answers == 0 && !wants.asked)) wants.parts = false;
    if (!wants.stratify)
        return clade__split_rows(split, &wants, spec, n, &split_by, s->samples.path);
    if (s->labels.n_classes == 0)
        return clade__fail(CLADE_EINVAL, "npy: stratify=yes goes by classes, and there are none");
    int32_t *classes = malloc((size_t)n * sizeof *classes);
    if (!classes) return clade__fail(CLADE_ENOMEM, "npy: no memory to split %" PRId64 " rows", n);
    for (int64_t i = 0; i < n; i++)
        classes[i] = (int32_t)clade__npy_label(&s->labels, s->answers, i);
    split_by.classes = classes;
    clade_status status = clade__split_rows(split, &wants, spec, n, &split_by, s->samples.path);
    free(classes);
    return status;
}

clade_status clade__npy_open(clade_data **out, const clade__data_spec *spec)
{
    *out = NULL;
    if (clade__data_option(spec, "fields")) return clade__npy_fields_open(out, spec);
    sources s = {0};
    clade__split split = {0};
    clade_data *data = NULL;
    float scale = 1.0f;
    clade_status status = read_paths(&s, spec);
    if (status == CLADE_OK) status = read_labels(&s, spec);
    if (status == CLADE_OK) status = choose_scale(&scale, &s.samples, spec);
    if (status == CLADE_OK) status = choose_rows(&split, &s, spec);
    if (status == CLADE_OK) status = read_part(&data, &s, &split);
    if (status == CLADE_OK && !s.part) status = clade__split_tell(&split, data);
    if (status == CLADE_OK && s.part) data->part = s.part;
    if (status == CLADE_OK) status = note_samples(data, &s.samples, spec);
    clade__split_free(&split);
    free_sources(&s);
    if (status != CLADE_OK) {
        clade_data_free(data);
        return status;
    }
    data->scaling.scale = scale;
    *out = data;
    return CLADE_OK;
}
