/* Reductions over rows, columns and all, their gradients, and the gradient of a bias. */
#include <math.h>
#include <stdlib.h>

#include "ops/ops.h"
#include "ops/reduce.h"
#include "verify/families.h"

/* Every way to share an output among work-items, in one launch and, for a long axis, in two; see
 * ops/reduce.c. Each is reduced over its last dimension but one, its last, and all. */
static const clade_shape shapes[] = {
    {2, {1, 7}},     {2, {7, 1}},     {2, {65, 13}},     {2, {5, 64}},      {2, {5, 65}},
    {2, {13, 67}},   {2, {131, 67}},  {2, {128, 512}},   {2, {131, 1000}},  {2, {600, 3}},
    {3, {3, 29, 65}}, {4, {2, 3, 17, 7}}, {2, {1, 4099}}, {2, {1, 50021}},   {2, {30011, 1}},
    {2, {2, 20011}}, {2, {10007, 3}}, {3, {2, 5003, 5}}, {2, {1021, 1031}}, {0}};

/* src as (outer, axis, inner). */
typedef struct view {
    int dim;
    int64_t outer, axis, inner;
} view;

static clade_reduction kind_of(const clade__trial *t)
{
    return (clade_reduction)((t->op->variant & ~CLADE__ADDS) / 3);
}

static view view_of(const clade__trial *t)
{
    int way = (t->op->variant & ~CLADE__ADDS) % 3, last = t->shape.rank - 1;
    int64_t n = clade_shape_elements(t->shape), cols = clade__shape_cols(t->shape);
    if (way == CLADE__OF_ALL) return (view){CLADE_ALL, 1, n, 1};
    if (way == CLADE__OF_COLS) return (view){last, n / cols, cols, 1};
    int64_t rows = t->shape.dim[last - 1];
    return (view){last - 1, n / rows / cols, rows, cols};
}

/* The element of src where output k begins; the others of its axis are `inner` apart. */
static int64_t start_of(const view *v, int64_t k)
{
    return k / v->inner * v->axis * v->inner + k % v->inner;
}

static int64_t first_largest(const float *x, const view *v)
{
    int64_t first = 0;
    for (int64_t a = 1; a < v->axis; a++) {
        float other = x[a * v->inner], best = x[first * v->inner];
        if (other > best || (isnan(other) && !isnan(best))) first = a;
    }
    return first;
}

/* So that some are equal: of what is compared, and never summed. */
static void make_equals(clade__operand *o)
{
    for (int64_t i = 0; o->before.data && i < o->n; i++)
        o->before.floats[i] = roundf(o->before.floats[i] * 20.0f) / 20.0f;
}

/* ---- forward --------------------------------------------------------------------------------- */

enum { SRC, DST, SCRATCH };

static void prepare(clade__trial *t, clade_dtype dtype)
{
    view v = view_of(t);
    int64_t n_scratch = clade__reduce_scratch(v.dim, t->shape);
    clade__trial_in(t, "src", t->shape, -1.0, 1.0);
    clade__trial_out(t, "dst", dtype, CLADE_SHAPE(v.outer * v.inner), -1);
    if (n_scratch > 0) clade__trial_scratch(t, "scratch", CLADE_SHAPE(n_scratch));
}

static void prepare_forward(clade__trial *t)
{
    prepare(t, CLADE_FLOAT32);
}

static clade_status record_forward(clade__commands *commands, const clade__trial *t)
{
    return clade__reduce_forward(commands, kind_of(t), view_of(t).dim, clade__trial_tensor(t, DST),
                                 clade__trial_tensor(t, SRC),
                                 t->n_operands > SCRATCH ? clade__trial_tensor(t, SCRATCH) : NULL);
}

static void expect_forward(clade__trial *t)
{
    view v = view_of(t);
    clade_reduction kind = kind_of(t);
    for (int64_t k = 0; k < t->operands[DST].n; k++) {
        const float *x = t->operands[SRC].before.floats + start_of(&v, k);
        double sum = 0.0, size = 0.0, top = (double)x[0];
        for (int64_t a = 0; a < v.axis; a++) {
            double value = (double)x[a * v.inner];
            sum += value;
            size += fabs(value);
            top = clade__larger(value, top);
        }
        /* Whatever the order of a sum; what is exact is exact in every order. */
        double bound = t->values == CLADE__EXACT ? 0.0 : (double)(v.axis - 1) * size;
        if (kind == CLADE_MAX) {
            clade__expect(&t->operands[DST], k, top, 0.0);
        } else if (kind == CLADE_SUM) {
            clade__expect(&t->operands[DST], k, sum, bound);
        } else {
            double mean = sum / (double)v.axis;
            clade__expect(&t->operands[DST], k, mean,
                          bound / (double)v.axis + CLADE__UNITS_DIVIDE * fabs(mean));
        }
    }
}

const clade__family clade__reduce_forwards = {
    prepare_forward, record_forward, expect_forward,
    1u << CLADE__ORDINARY | 1u << CLADE__EXACT | 1u << CLADE__NONFINITE | 1u << CLADE__DENORMAL,
    shapes};

static void prepare_argmax(clade__trial *t)
{
    prepare(t, CLADE_INT32);
    make_equals(&t->operands[SRC]);
}

static void expect_argmax(clade__trial *t)
{
    view v = view_of(t);
    for (int64_t k = 0; k < t->operands[DST].n; k++) {
        const float *x = t->operands[SRC].before.floats + start_of(&v, k);
        clade__expect(&t->operands[DST], k, (double)first_largest(x, &v), 0.0);
    }
}

/* No denormal numbers: whether one is larger than another is the device's affair. */
#define FINITE_AND_NOT (1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE)

const clade__family clade__argmaxes = {prepare_argmax, record_forward, expect_argmax,
                                       FINITE_AND_NOT, shapes};

/* ---- backward -------------------------------------------------------------------------------- */

enum { DDST, DSRC, OF };

static void prepare_backward(clade__trial *t)
{
    view v = view_of(t);
    clade__trial_in(t, "ddst", CLADE_SHAPE(v.outer * v.inner), -1.0, 1.0);
    clade__trial_gradient(t, "dsrc", t->shape, -1, t->op->variant & CLADE__ADDS);
}

static clade_status record_backward(clade__commands *commands, const clade__trial *t)
{
    return clade__reduce_backward(commands, kind_of(t), view_of(t).dim,
                                  clade__trial_tensor(t, DSRC),
                                  t->n_operands > OF ? clade__trial_tensor(t, OF) : NULL,
                                  clade__trial_tensor(t, DDST), t->op->variant & CLADE__ADDS);
}

static void expect_backward(clade__trial *t)
{
    view v = view_of(t);
    bool is_mean = kind_of(t) == CLADE_MEAN;
    for (int64_t k = 0; k < t->operands[DDST].n; k++) {
        double g = (double)t->operands[DDST].before.floats[k];
        if (is_mean) g /= (double)v.axis;
        for (int64_t a = 0; a < v.axis; a++)
            clade__expect_given(&t->operands[DSRC], start_of(&v, k) + a * v.inner, g,
                                is_mean ? CLADE__UNITS_DIVIDE * fabs(g) : 0.0);
    }
}

const clade__family clade__reduce_backwards = {prepare_backward, record_backward, expect_backward,
                                               FINITE_AND_NOT | 1u << CLADE__DENORMAL, shapes};

static void prepare_max_backward(clade__trial *t)
{
    prepare_backward(t);
    clade__trial_in(t, "src", t->shape, -1.0, 1.0);
    make_equals(&t->operands[OF]);
}

static void expect_max_backward(clade__trial *t)
{
    view v = view_of(t);
    for (int64_t k = 0; k < t->operands[DDST].n; k++) {
        int64_t start = start_of(&v, k);
        int64_t first = first_largest(t->operands[OF].before.floats + start, &v);
        for (int64_t a = 0; a < v.axis; a++)
            if (a == first || !(t->op->variant & CLADE__ADDS)) /* else it keeps its bits */
                clade__expect_given(&t->operands[DSRC], start + a * v.inner,
                                    a == first ? (double)t->operands[DDST].before.floats[k] : 0.0, 0.0);
    }
}

const clade__family clade__max_backwards = {prepare_max_backward, record_backward,
                                            expect_max_backward, FINITE_AND_NOT, shapes};

/* ---- the gradient of a bias ------------------------------------------------------------------ */

static const clade_shape bias_shapes[] = {
    {2, {1, 1}},   {2, {1, 2}},    {2, {2, 3}},    {2, {15, 4}},     {2, {16, 5}},
    {2, {17, 15}}, {2, {33, 16}},  {2, {100, 17}}, {2, {7, 512}},    {2, {128, 3071}},
    {2, {3001, 63}}, {2, {1021, 1031}}, {0}};

enum { DY, DBIAS };

static void prepare_row_sums(clade__trial *t)
{
    const clade_shape shape = CLADE_SHAPE(clade__shape_cols(t->shape));
    clade__trial_in(t, "dy", t->shape, -1.0, 1.0);
    if (t->op->variant)
        clade__trial_inout(t, "dbias", shape, -1.0, 1.0);
    else
        clade__trial_out(t, "dbias", CLADE_FLOAT32, shape, -1);
}

static clade_status record_row_sums(clade__commands *commands, const clade__trial *t)
{
    return clade__sum_rows(commands, clade__trial_tensor(t, DBIAS), clade__trial_tensor(t, DY),
                           t->op->variant);
}

static void expect_row_sums(clade__trial *t)
{
    int64_t rows = clade__shape_rows(t->shape), cols = clade__shape_cols(t->shape);
    for (int64_t c = 0; c < cols; c++) {
        double sum = t->op->variant ? (double)t->operands[DBIAS].before.floats[c] : 0.0;
        double size = fabs(sum);
        for (int64_t r = 0; r < rows; r++) {
            double value = (double)t->operands[DY].before.floats[r * cols + c];
            sum += value;
            size += fabs(value);
        }
        clade__expect(&t->operands[DBIAS], c, sum,
                      t->values == CLADE__EXACT ? 0.0 : (double)rows * size);
    }
}

const clade__family clade__row_sums = {
    prepare_row_sums, record_row_sums, expect_row_sums,
    1u << CLADE__ORDINARY | 1u << CLADE__EXACT | 1u << CLADE__NONFINITE | 1u << CLADE__DENORMAL,
    bias_shapes};
