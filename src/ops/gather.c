#include "base/philox.h"
#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

/* How many rows can be asked for: those of index or, without one, of src. */
static clade_status count_index(int64_t *n_index, const clade__check *check,
                                const clade_tensor *index, int64_t n_src)
{
    *n_index = n_src;
    if (!index) return CLADE_OK;
    CLADE_TRY(clade__check_tensor(check, "index", index, CLADE_INT32));
    *n_index = clade_tensor_elements(index);
    return CLADE_OK;
}

/* Numbers or bytes (n, cols) for rows of dst (rows, cols), and what scales the columns. */
static clade_status check_numbers(const clade__check *check, const clade_tensor *dst, const clade_tensor *src,
                                  const clade_tensor *columns)
{
    CLADE_TRY(clade__check_tensor(check, "dst", dst, CLADE_FLOAT32));
    const bool bytes = src && src->dtype == CLADE_UINT8;
    CLADE_TRY(clade__check_tensor(check, "src", src, bytes ? CLADE_UINT8 : CLADE_FLOAT32));
    const int64_t cols = clade__shape_cols(dst->shape), n = clade__shape_rows(src->shape);
    CLADE_TRY(clade__check_shape(check, "src", src, src->dtype, CLADE_SHAPE(n, cols)));
    if (!columns) return CLADE_OK;
    return clade__check_shape(check, "columns", columns, CLADE_FLOAT32, CLADE_SHAPE(3, cols));
}

/* Elements that a work-item of a CPU has, where a row has fewer. */
#define ITEM_ELEMENTS 4096

static void append_arg(clade__launch *launch, clade__arg arg)
{
    launch->args[launch->n_args++] = arg;
}

static const char *const vector_options[] = {[4] = "-DVW=4", [8] = "-DVW=8", [16] = "-DVW=16"};

/* Whole rows for each work-item of a CPU, by vectors that a row is long enough for. */
static void take_whole_rows(clade__launch *launch, int vector, int64_t rows, int64_t cols)
{
    while (vector > cols && vector > 1) vector = vector > 4 ? vector / 2 : 1;
    if (vector == 1) return;
    const int64_t per_item = cols < ITEM_ELEMENTS ? ITEM_ELEMENTS / cols : 1;
    launch->options = vector_options[vector];
    launch->groups[0] = clade__groups(rows, (size_t)per_item);
    launch->local[0] = 1;
    append_arg(launch, clade__arg_int(rows));
    append_arg(launch, clade__arg_int(per_item));
}

clade_status clade__gather(clade__commands *commands, clade_tensor *dst, const clade_tensor *src,
                           const clade_tensor *index, const int32_t *first, float scale,
                           float shift, const clade_tensor *columns)
{
    const clade__check check = {commands, "gather"};
    CLADE_TRY(check_numbers(&check, dst, src, columns));
    const bool bytes = src->dtype == CLADE_UINT8;
    const int64_t rows = clade__shape_rows(dst->shape), cols = clade__shape_cols(dst->shape);
    const int64_t n = clade__shape_rows(src->shape);
    int64_t n_index;
    CLADE_TRY(count_index(&n_index, &check, index, n));
    clade__launch launch = {
        .program = "gather",
        .kernel = bytes ? "gather_bytes" : "gather_floats",
        .groups = {(size_t)rows * clade__groups(cols, CLADE__ELEMENT_GROUP)},
        .local = {CLADE__ELEMENT_GROUP},
        CLADE__ARGS(clade__arg_tensor(dst), clade__arg_tensor(src), clade__arg_tensor(index),
                    clade__arg_int_ref(first), clade__arg_int(n_index), clade__arg_int(n),
                    clade__arg_int(cols), clade__arg_float(scale), clade__arg_float(shift)),
    };
    if (columns) {
        launch.kernel = bytes ? "gather_bytes_by_column" : "gather_floats_by_column";
        launch.args[7] = clade__arg_tensor(columns);
        launch.n_args = 8;
    }
    take_whole_rows(&launch, clade__item_vector(clade__commands_device(commands)), rows, cols);
    return clade__commands_launch(commands, &launch);
}

clade_status clade__gather_labels(clade__commands *commands, clade_tensor *dst,
                                  const clade_tensor *src, const clade_tensor *index,
                                  const int32_t *first)
{
    const clade__check check = {commands, "gather_labels"};
    CLADE_TRY(clade__check_tensor(&check, "dst", dst, CLADE_INT32));
    CLADE_TRY(clade__check_tensor(&check, "src", src, CLADE_INT32));
    const bool one = src->shape.rank < 2; /* column */
    const int64_t cols = one ? 1 : clade__shape_cols(src->shape);
    const int64_t rows = clade_tensor_elements(dst) / cols, n = clade_tensor_elements(src) / cols;
    if (!one) CLADE_TRY(clade__check_shape(&check, "dst", dst, CLADE_INT32, CLADE_SHAPE(rows, cols)));
    int64_t n_index;
    CLADE_TRY(count_index(&n_index, &check, index, n));
    clade__launch launch = {
        .program = "gather",
        /* They have no vectors; but so they are of the program that most features are of. */
        .options = vector_options[clade__item_vector(clade__commands_device(commands))],
        .kernel = one ? "gather_labels" : "gather_ints",
        CLADE__ELEMENTS(rows),
        CLADE__ARGS(clade__arg_tensor(dst), clade__arg_tensor(src), clade__arg_tensor(index),
                    clade__arg_int_ref(first), clade__arg_int(n_index), clade__arg_int(n),
                    clade__arg_int(one ? rows : cols)),
    };
    if (!one) launch.groups[0] = (size_t)rows * clade__groups(cols, CLADE__ELEMENT_GROUP);
    return clade__commands_launch(commands, &launch);
}

/* ---- images, changed at random ----------------------------------------------------------------- */

static clade_status check_augmentation(const clade__augmentation *how, int64_t cols)
{
    const int64_t *d = how->image;
    if (d[0] < 1 || d[1] < 1 || d[2] < 1 || d[0] * d[1] * d[2] != cols)
        return clade__fail(CLADE_ESHAPE,
                           "gather_augmented: images of %lld x %lld x %lld in rows of %lld",
                           (long long)d[0], (long long)d[1], (long long)d[2], (long long)cols);
    if (how->crop >= 0 && how->crop <= INT16_MAX && how->cutout >= 0 && how->cutout <= INT16_MAX)
        return CLADE_OK;
    return clade__fail(CLADE_EINVAL,
                       "gather_augmented: crop and cutout are %d and %d, want 0 to %d", how->crop,
                       how->cutout, INT16_MAX);
}

clade_status clade__gather_augmented(clade__commands *commands, clade_tensor *dst,
                                     const clade_tensor *src, const clade__rows_by *by,
                                     const clade__augmentation *how)
{
    const clade__check check = {commands, "gather_augmented"};
    CLADE_TRY(check_numbers(&check, dst, src, by->columns));
    const bool bytes = src->dtype == CLADE_UINT8;
    const int64_t rows = clade__shape_rows(dst->shape), cols = clade__shape_cols(dst->shape);
    const int64_t n = clade__shape_rows(src->shape);
    CLADE_TRY(clade__check_tensor(&check, "ids", how->ids, CLADE_INT32));
    CLADE_TRY(check_augmentation(how, cols));
    int64_t n_index;
    CLADE_TRY(count_index(&n_index, &check, by->index, n));
    const int64_t *d = how->image;
    const int64_t pieces = d[0] * d[1] * (int64_t)clade__groups(d[2], CLADE__ELEMENT_GROUP);
    const clade__arg image = {CLADE__ARG_INT4,
                              {.ints = {(int32_t)d[0], (int32_t)d[1], (int32_t)d[2], (int32_t)n}}};
    const clade__arg change = {CLADE__ARG_INT4,
                               {.ints = {how->crop, how->flip, how->cutout, (int32_t)n_index}}};
    const clade__arg draw = {CLADE__ARG_INT4, {.ints = {(int32_t)(uint32_t)how->seed,
                                                        (int32_t)(uint32_t)(how->seed >> 32),
                                                        CLADE__STREAM_AUGMENT, 0}}};
    clade__launch launch = {
        .program = "augment",
        .kernel = bytes ? "augment_bytes" : "augment_floats",
        .groups = {(size_t)(rows * pieces)},
        .local = {CLADE__ELEMENT_GROUP},
        CLADE__ARGS(clade__arg_tensor(dst), clade__arg_tensor(src), clade__arg_tensor(by->index),
                    clade__arg_tensor(how->ids), clade__arg_int_ref(by->first), image, change, draw,
                    clade__arg_int_ref(how->epoch), clade__arg_float(by->scale),
                    clade__arg_float(by->shift)),
    };
    if (by->columns) {
        launch.kernel = bytes ? "augment_bytes_by_column" : "augment_floats_by_column";
        launch.args[9] = clade__arg_tensor(by->columns);
        launch.n_args = 10;
    }
    return clade__commands_launch(commands, &launch);
}
