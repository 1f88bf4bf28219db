/* A tensor that is cut along a dimension is seen as (outer, axis, inner), and so as `outer` rows of
 * axis * inner elements; a part of it is a run of neighbours in each row. */
#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

/* Of all rows of a tensor, the elements from `start` on. */
typedef struct part {
    const clade_tensor *tensor;
    int64_t pitch, start;
} part;

static int64_t inner_of(clade_shape shape, int dim)
{
    int64_t n = 1;
    for (int i = dim + 1; i < shape.rank; i++) n *= shape.dim[i];
    return n;
}

static clade_status check_dim(const clade__check *check, int dim, const clade_tensor *whole)
{
    if (dim >= 0 && dim < whole->shape.rank) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "%s: dim is %d, want less than the rank, %d", check->op, dim,
                       whole->shape.rank);
}

/* A float32 or int32, which `name` is. */
static clade_status check_whole(const clade__check *check, const char *name,
                                const clade_tensor *whole, int dim, bool add)
{
    bool is_int = whole && whole->dtype == CLADE_INT32 && !add;
    CLADE_TRY(clade__check_tensor(check, name, whole, is_int ? CLADE_INT32 : CLADE_FLOAT32));
    return check_dim(check, dim, whole);
}

/* `small` is `whole` but for its length along dim, and lies in it from `start` on. */
static clade_status check_part(const clade__check *check, const char *name,
                               const clade_tensor *small, const clade_tensor *whole, int dim,
                               int64_t start)
{
    CLADE_TRY(clade__check_tensor(check, name, small, whole->dtype));
    clade_shape want = whole->shape;
    bool has_dim = small->shape.rank == want.rank;
    if (has_dim) want.dim[dim] = small->shape.dim[dim];
    CLADE_TRY(clade__check_shape(check, name, small, whole->dtype, want));
    int64_t n = small->shape.dim[dim], axis = whole->shape.dim[dim];
    if (start >= 0 && start <= axis - n) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "%s: elements %lld to %lld of dimension %d, which has %lld",
                       check->op, (long long)start, (long long)(start + n - 1), dim,
                       (long long)axis);
}

static clade_status launch(clade__commands *commands, const part *dst, const part *src,
                           int64_t width, bool add)
{
    int64_t outer = clade_tensor_elements(dst->tensor) / dst->pitch, n = outer * width;
    bool is_wide = width >= CLADE__ELEMENT_GROUP;
    int64_t blocks = (int64_t)clade__groups(width, CLADE__ELEMENT_GROUP);
    clade__launch launch = {
        .program = "slice",
        .kernel = is_wide ? "slice_wide" : "slice_narrow",
        .options = add ? "-DADD=1" : NULL,
        CLADE__ELEMENTS(is_wide ? outer * blocks * CLADE__ELEMENT_GROUP : n),
    };
    launch.args[launch.n_args++] = clade__arg_tensor(dst->tensor);
    launch.args[launch.n_args++] = clade__arg_tensor(src->tensor);
    if (!is_wide) launch.args[launch.n_args++] = clade__arg_int(n);
    const int64_t sizes[] = {width, dst->pitch, dst->start, src->pitch, src->start};
    for (int i = 0; i < 5; i++) launch.args[launch.n_args++] = clade__arg_int(sizes[i]);
    return clade__commands_launch(commands, &launch);
}

/* The rows of `small`, and where they are in those of `whole`. */
static int64_t parts_of(part *of_small, part *of_whole, const clade_tensor *small,
                        const clade_tensor *whole, int dim, int64_t start)
{
    int64_t inner = inner_of(whole->shape, dim), width = small->shape.dim[dim] * inner;
    *of_small = (part){small, width, 0};
    *of_whole = (part){whole, whole->shape.dim[dim] * inner, start * inner};
    return width;
}

clade_status clade__slice_forward(clade__commands *commands, clade_tensor *y,
                                  const clade_tensor *x, int dim, int64_t start, bool add)
{
    const clade__check check = {commands, "slice"};
    part to, from;
    CLADE_TRY(check_whole(&check, "x", x, dim, add));
    CLADE_TRY(check_part(&check, "y", y, x, dim, start));
    int64_t width = parts_of(&to, &from, y, x, dim, start);
    return launch(commands, &to, &from, width, add);
}

clade_status clade__slice_into(clade__commands *commands, clade_tensor *y, const clade_tensor *x,
                               int dim, int64_t start, bool add)
{
    const clade__check check = {commands, "slice_into"};
    part to, from;
    CLADE_TRY(check_whole(&check, "y", y, dim, add));
    CLADE_TRY(check_part(&check, "x", x, y, dim, start));
    int64_t width = parts_of(&from, &to, x, y, dim, start);
    return launch(commands, &to, &from, width, add);
}

clade_status clade__concat_forward(clade__commands *commands, clade_tensor *y,
                                   const clade_tensor *const *inputs, int n_inputs, int dim,
                                   bool add)
{
    const clade__check check = {commands, "concat"};
    int64_t start = 0;
    CLADE_TRY(check_whole(&check, "y", y, dim, add));
    for (int i = 0; i < n_inputs; i++) {
        CLADE_TRY(check_part(&check, "an input", inputs[i], y, dim, start));
        start += inputs[i]->shape.dim[dim];
    }
    if (start != y->shape.dim[dim])
        return clade__fail(CLADE_ESHAPE, "concat: the inputs have %lld elements along dimension %d, "
                           "and y has %lld", (long long)start, dim, (long long)y->shape.dim[dim]);
    start = 0;
    for (int i = 0; i < n_inputs; i++) {
        CLADE_TRY(clade__slice_into(commands, y, inputs[i], dim, start, add));
        start += inputs[i]->shape.dim[dim];
    }
    return CLADE_OK;
}

clade_status clade_slice_forward(clade_tensor *y, const clade_tensor *x, int dim, int64_t start)
{
    return clade__slice_forward(clade__immediate_of(x), y, x, dim, start, false);
}

clade_status clade_concat_forward(clade_tensor *y, const clade_tensor *const *inputs,
                                  int n_inputs, int dim)
{
    CLADE_WANT(inputs);
    return clade__concat_forward(clade__immediate_of(y), y, inputs, n_inputs, dim, false);
}
