/* Parts of tensors along a dimension: slice, the same into a larger tensor, and concat. */
#include "ops/ops.h"
#include "verify/families.h"

/* Rows shorter and longer than a work-group, of every rank; along a dimension of 1 as well. */
static const clade_shape shapes[] = {
    {1, {1}},       {1, {7}},         {1, {1009}},       {2, {1, 5}},     {2, {5, 1}},
    {2, {65, 13}},  {2, {3, 257}},    {2, {131, 129}},   {3, {3, 5, 7}},  {3, {2, 3, 131}},
    {4, {2, 3, 17, 7}}, {2, {1021, 1031}}, {3, {7, 3, 20011}}, {0}};

static int dim_of(const clade__trial *t)
{
    switch (t->op->variant & CLADE__ALONG) {
    case CLADE__ALONG_FIRST: return 0;
    case CLADE__ALONG_LAST: return t->shape.rank - 1;
    default: return t->shape.rank / 2;
    }
}

/* The shape with another length along the dimension. */
static clade_shape shape_with(const clade__trial *t, int64_t length)
{
    clade_shape shape = t->shape;
    shape.dim[dim_of(t)] = length;
    return shape;
}

static void add_input(clade__trial *t, const char *name, clade_shape shape)
{
    if (t->op->variant & CLADE__OF_INTS)
        clade__trial_in_integers(t, name, CLADE_INT32, shape, -1000000000, 1000000000);
    else
        clade__trial_in(t, name, shape, -1.0, 1.0);
}

static void add_output(clade__trial *t, const char *name, clade_shape shape)
{
    if (t->op->variant & CLADE__OF_INTS)
        clade__trial_out(t, name, CLADE_INT32, shape, -1);
    else
        clade__trial_gradient(t, name, shape, -1, t->op->variant & (CLADE__ADDS | CLADE__INTO));
}

/* Where an element of a part is in the whole: the part has `length` along the dimension, from `start`. */
static int64_t place_of(const clade__trial *t, int64_t i, int64_t start, int64_t length)
{
    int64_t inner = 1, axis = t->shape.dim[dim_of(t)];
    for (int d = dim_of(t) + 1; d < t->shape.rank; d++) inner *= t->shape.dim[d];
    int64_t outer = i / (length * inner), rest = i % (length * inner);
    return outer * axis * inner + start * inner + rest;
}

static void expect_copy(const clade__trial *t, clade__operand *to, int64_t i,
                        const clade__operand *from, int64_t k)
{
    bool is_int = from->dtype == CLADE_INT32;
    double x = is_int ? (double)from->before.ints[k] : (double)from->before.floats[k];
    if (t->op->variant & CLADE__ADDS)
        clade__expect_given(to, i, x, 0.0);
    else
        clade__expect(to, i, x, 0.0);
}

/* ---- slice, and into ------------------------------------------------------------------------- */

enum { FROM, TO };

/* A third is before the part, and half of the rest in it. */
static int64_t start_of(const clade__trial *t)
{
    return t->shape.dim[dim_of(t)] / 3;
}

static int64_t length_of(const clade__trial *t)
{
    return (t->shape.dim[dim_of(t)] - start_of(t) + 1) / 2;
}

static void prepare_slice(clade__trial *t)
{
    clade_shape part = shape_with(t, length_of(t));
    bool into = t->op->variant & CLADE__INTO;
    add_input(t, "x", into ? part : t->shape);
    add_output(t, "y", into ? t->shape : part);
}

static clade_status record_slice(clade__commands *commands, const clade__trial *t)
{
    return (t->op->variant & CLADE__INTO ? clade__slice_into : clade__slice_forward)(
        commands, clade__trial_tensor(t, TO), clade__trial_tensor(t, FROM), dim_of(t), start_of(t),
        t->op->variant & CLADE__ADDS);
}

static void expect_slice(clade__trial *t)
{
    clade__operand *x = &t->operands[FROM], *y = &t->operands[TO];
    bool into = t->op->variant & CLADE__INTO;
    for (int64_t i = 0; i < (into ? x->n : y->n); i++) {
        int64_t place = place_of(t, i, start_of(t), length_of(t));
        expect_copy(t, y, into ? place : i, x, into ? i : place);
    }
}

#define ALL_BUT_EXACT (1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE | 1u << CLADE__DENORMAL)

const clade__family clade__slices = {prepare_slice, record_slice, expect_slice, ALL_BUT_EXACT, shapes};
const clade__family clade__int_slices = {prepare_slice, record_slice, expect_slice,
                                         1u << CLADE__ORDINARY, shapes};

/* ---- concat ---------------------------------------------------------------------------------- */

enum { MAX_INPUTS = 3 };

/* Three inputs of lengths 1, about half, and the rest; fewer where the dimension is short. */
static int lengths_of(const clade__trial *t, int64_t lengths[MAX_INPUTS])
{
    int64_t axis = t->shape.dim[dim_of(t)];
    int n = axis < MAX_INPUTS ? (int)axis : MAX_INPUTS;
    for (int i = 0; i < n; i++) lengths[i] = 1;
    if (n == MAX_INPUTS) lengths[1] = axis / 2;
    if (n == MAX_INPUTS) lengths[2] = axis - 1 - lengths[1];
    return n;
}

static void prepare_concat(clade__trial *t)
{
    static const char *const names[] = {"a", "b", "c"};
    int64_t lengths[MAX_INPUTS];
    int n = lengths_of(t, lengths);
    for (int i = 0; i < n; i++) add_input(t, names[i], shape_with(t, lengths[i]));
    add_output(t, "y", t->shape);
}

static clade_status record_concat(clade__commands *commands, const clade__trial *t)
{
    const clade_tensor *inputs[MAX_INPUTS];
    int n = t->n_operands - 1;
    for (int i = 0; i < n; i++) inputs[i] = clade__trial_tensor(t, i);
    return clade__concat_forward(commands, clade__trial_tensor(t, n), inputs, n, dim_of(t),
                                 t->op->variant & CLADE__ADDS);
}

static void expect_concat(clade__trial *t)
{
    int64_t lengths[MAX_INPUTS], start = 0;
    int n = lengths_of(t, lengths);
    for (int k = 0; k < n; k++) {
        const clade__operand *x = &t->operands[k];
        for (int64_t i = 0; i < x->n; i++)
            expect_copy(t, &t->operands[n], place_of(t, i, start, lengths[k]), x, i);
        start += lengths[k];
    }
}

const clade__family clade__concats = {prepare_concat, record_concat, expect_concat, ALL_BUT_EXACT,
                                      shapes};
