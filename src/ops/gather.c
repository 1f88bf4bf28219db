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

clade_status clade__gather(clade__commands *commands, clade_tensor *dst, const clade_tensor *src,
                           const clade_tensor *index, const int32_t *first, float scale,
                           float shift, const clade_tensor *columns)
{
    const clade__check check = {commands, "gather"};
    CLADE_TRY(clade__check_tensor(&check, "dst", dst, CLADE_FLOAT32));
    const bool bytes = src && src->dtype == CLADE_UINT8;
    CLADE_TRY(clade__check_tensor(&check, "src", src, bytes ? CLADE_UINT8 : CLADE_FLOAT32));
    const int64_t rows = clade__shape_rows(dst->shape), cols = clade__shape_cols(dst->shape);
    const int64_t n = clade__shape_rows(src->shape);
    CLADE_TRY(clade__check_shape(&check, "src", src, src->dtype, CLADE_SHAPE(n, cols)));
    if (columns)
        CLADE_TRY(clade__check_shape(&check, "columns", columns, CLADE_FLOAT32,
                                     CLADE_SHAPE(3, cols)));
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
        .kernel = one ? "gather_labels" : "gather_ints",
        CLADE__ELEMENTS(rows),
        CLADE__ARGS(clade__arg_tensor(dst), clade__arg_tensor(src), clade__arg_tensor(index),
                    clade__arg_int_ref(first), clade__arg_int(n_index), clade__arg_int(n),
                    clade__arg_int(one ? rows : cols)),
    };
    if (!one) launch.groups[0] = (size_t)rows * clade__groups(cols, CLADE__ELEMENT_GROUP);
    return clade__commands_launch(commands, &launch);
}
