/* Pooling of images: the largest and the mean of windows, and their gradients. */
#include <stdlib.h>

#include "ops/ops.h"
#include "ops/pool2d.h"
#include "verify/families.h"

/* One pixel, one row, one column, prime sizes, rests that no window has, few planes and many, and outputs
 * of a row fewer and more than a vector. A matrix is so many planes, of about as many rows as columns. */
static const clade_shape shapes[] = {
    {4, {1, 1, 1, 1}},    {4, {2, 3, 5, 7}},    {4, {1, 2, 1, 40}},  {4, {3, 1, 41, 1}},
    {3, {2, 5, 67}},      {4, {33, 1, 5, 6}},   {4, {1, 1, 3, 70}},  {2, {5, 49}},
    {4, {33, 1, 4, 12}},
    {4, {3, 11, 14, 28}}, {4, {2, 33, 17, 31}}, {4, {40, 2, 33, 35}}, {4, {8, 16, 32, 32}},
    {4, {1, 2, 131, 257}}, {0}};

/* ---- windows --------------------------------------------------------------------------------- */

static void set(int64_t to[2], int64_t height, int64_t width)
{
    to[0] = height;
    to[1] = width;
}

/* The image of a trial, and its planes. */
static int64_t image_of(const clade__trial *t, int64_t image[2])
{
    const clade_shape s = t->shape;
    if (s.rank > 2) {
        set(image, s.dim[s.rank - 2], s.dim[s.rank - 1]);
    } else {
        int64_t height = 1, n = s.dim[1];
        for (int64_t h = 2; h * h <= n; h++)
            if (n % h == 0) height = h;
        set(image, height, n / height);
    }
    return clade_shape_elements(s) / (image[0] * image[1]);
}

/* The windows of the variant, cut to what the image has. */
static clade_pool2d_args window_of(const clade__trial *t)
{
    int64_t image[2];
    clade_pool2d_args w = {0};
    image_of(t, image);
    switch (t->op->variant & CLADE__WINDOWS) {
    case CLADE__WINDOWS_OF_2: set(w.kernel_size, 2, 2); break;
    case CLADE__WINDOWS_OF_3:
        set(w.kernel_size, 3, 3);
        set(w.stride, 2, 2);
        set(w.padding, 1, 1);
        break;
    case CLADE__WINDOWS_MEET:
        set(w.kernel_size, 3, 5);
        set(w.stride, 1, 1);
        set(w.padding, 0, 2);
        break;
    default:
        set(w.kernel_size, 2, 3);
        set(w.stride, 3, 1);
        set(w.padding, 1, 1);
        set(w.dilation, 3, 2);
    }
    for (int i = 0; i < 2; i++) {
        int64_t dilation = w.dilation[i] ? w.dilation[i] : 1;
        while ((w.kernel_size[i] - 1) * dilation >= image[i] + 2 * w.padding[i]) w.kernel_size[i]--;
        if (w.padding[i] > w.kernel_size[i] / 2) w.padding[i] = w.kernel_size[i] / 2;
        while ((w.kernel_size[i] - 1) * dilation >= image[i] + 2 * w.padding[i]) w.kernel_size[i]--;
    }
    w.leaves_padding_out = t->op->variant & CLADE__WINDOWS_LEAVE_PADDING_OUT;
    return w;
}

/* Heights and widths of an adaptive pooling: one, that of even windows, or that of uneven ones. */
static void shares_of(const clade__trial *t, int64_t out[2])
{
    int64_t image[2];
    int kind = t->op->variant & CLADE__WINDOWS;
    image_of(t, image);
    for (int i = 0; i < 2; i++) {
        out[i] = kind == CLADE__SHARES_ONE ? 1 : kind == CLADE__SHARES_EVEN ? image[i]
                                                                            : (image[i] + 2 * i) / 3 + 1;
        for (int64_t k = 2; kind == CLADE__SHARES_EVEN && k * k <= image[i]; k++)
            if (image[i] % k == 0) out[i] = image[i] / k;
    }
}

static bool is_adaptive(const clade__trial *t)
{
    return (t->op->variant & CLADE__WINDOWS) >= CLADE__SHARES_ONE;
}

static void size_of_output(const clade__trial *t, int64_t out[2])
{
    int64_t image[2];
    clade_pool2d_args w;
    const clade_pool2d_args given = window_of(t);
    image_of(t, image);
    if (is_adaptive(t))
        shares_of(t, out);
    else if (clade__pool2d_resolve("", &given, &w) != CLADE_OK ||
             clade__pool2d_output("", &w, image, out) != CLADE_OK)
        abort(); /* a mistake in the shapes above */
}

static clade_shape input_shape(const clade__trial *t)
{
    int64_t image[2], planes = image_of(t, image);
    return t->shape.rank > 2 ? t->shape : CLADE_SHAPE(planes, image[0], image[1]);
}

static clade_shape output_shape(const clade__trial *t)
{
    int64_t out[2];
    clade_shape shape = input_shape(t);
    size_of_output(t, out);
    shape.dim[shape.rank - 2] = out[0];
    shape.dim[shape.rank - 1] = out[1];
    return shape;
}

/* The elements of a window in its plane. */
typedef struct members {
    int64_t n, rows, cols; /* in the image */
    int64_t divisor;
    int64_t first[2], end[2], step[2];
} members;

static members members_of(const clade__trial *t, int64_t oy, int64_t ox)
{
    int64_t image[2], out[2], o[2] = {oy, ox}, count[2] = {0};
    clade_pool2d_args w = window_of(t);
    members m = {.step = {1, 1}};
    image_of(t, image);
    size_of_output(t, out);
    for (int i = 0; i < 2; i++) {
        int64_t stride = w.stride[i] ? w.stride[i] : w.kernel_size[i];
        if (!is_adaptive(t) && w.dilation[i]) m.step[i] = w.dilation[i];
        m.first[i] = is_adaptive(t) ? o[i] * image[i] / out[i] : o[i] * stride - w.padding[i];
        m.end[i] = is_adaptive(t) ? ((o[i] + 1) * image[i] - 1) / out[i] + 1
                                  : m.first[i] + (w.kernel_size[i] - 1) * m.step[i] + 1;
        while (m.first[i] < 0) m.first[i] += m.step[i];
        if (m.end[i] > image[i]) m.end[i] = image[i];
        for (int64_t k = m.first[i]; k < m.end[i]; k += m.step[i]) count[i]++;
    }
    m.rows = count[0];
    m.cols = count[1];
    m.n = count[0] * count[1];
    m.divisor = is_adaptive(t) || w.leaves_padding_out ? m.n : w.kernel_size[0] * w.kernel_size[1];
    return m;
}

/* An output: its number, its window, and where its plane begins in x, whose width it is. */
typedef struct place {
    int64_t o, plane, width;
    const members *m;
    int32_t *n_terms; /* of a gradient: how many each element has so far */
} place;
typedef void visit(clade__trial *t, const place *at);

/* Element k of its window, as an index of the plane. */
static int64_t member(const place *at, int64_t k)
{
    const members *m = at->m;
    int64_t row = m->first[0] + k / m->cols * m->step[0];
    return row * at->width + m->first[1] + k % m->cols * m->step[1];
}

static void each_output(clade__trial *t, visit *of, int32_t *n_terms)
{
    int64_t image[2], out[2], planes = image_of(t, image);
    size_of_output(t, out);
    for (int64_t y = 0; y < out[0]; y++)
        for (int64_t x = 0; x < out[1]; x++) {
            const members m = members_of(t, y, x);
            for (int64_t p = 0; p < planes; p++)
                of(t, &(place){(p * out[0] + y) * out[1] + x, p * image[0] * image[1], image[1], &m,
                               n_terms});
        }
}

/* ---- the largest ----------------------------------------------------------------------------- */

enum { X, Y, INDICES };

/* So that some are equal; not of a matrix, of which central differences are taken. */
static void make_equals(const clade__trial *t, clade__operand *o)
{
    if (t->shape.rank == 2) return;
    for (int64_t i = 0; o->before.data && i < o->n; i++)
        o->before.floats[i] = roundf(o->before.floats[i] * 10.0f) / 10.0f;
}

static void prepare_max(clade__trial *t)
{
    clade_shape out = output_shape(t);
    clade__trial_in(t, "x", input_shape(t), -1.0, 1.0);
    clade__trial_out(t, "y", CLADE_FLOAT32, out, -1);
    if (!(t->op->variant & CLADE__NO_INDICES))
        clade__trial_out(t, "indices", CLADE_INT32, out, -1);
    make_equals(t, &t->operands[X]);
}

static clade_status record_max(clade__commands *commands, const clade__trial *t)
{
    const clade_pool2d_args args = window_of(t);
    return clade__max_pool2d_forward(commands, clade__trial_tensor(t, Y),
                                     t->n_operands > INDICES ? clade__trial_tensor(t, INDICES) : NULL,
                                     clade__trial_tensor(t, X), &args);
}

static void visit_max(clade__trial *t, const place *at)
{
    const float *x = t->operands[X].before.floats + at->plane;
    int64_t o = at->o, best = at->m->n > 0 ? member(at, 0) : -1;
    for (int64_t k = 1; k < at->m->n; k++) {
        int64_t i = member(at, k);
        if (x[i] > x[best] || isnan(x[i])) best = i;
    }
    clade__expect(&t->operands[Y], o, best < 0 ? -INFINITY : (double)x[best], 0.0);
    if (t->n_operands > INDICES) clade__expect(&t->operands[INDICES], o, (double)best, 0.0);
}

static void expect_max(clade__trial *t)
{
    each_output(t, visit_max, NULL);
}

/* No denormal numbers: whether one is larger than another is the device's affair. */
#define FINITE_AND_NOT (1u << CLADE__ORDINARY | 1u << CLADE__NONFINITE)
#define ALL_VALUES     (FINITE_AND_NOT | 1u << CLADE__EXACT | 1u << CLADE__DENORMAL)

const clade__family clade__max_pools = {prepare_max, record_max, expect_max, FINITE_AND_NOT, shapes};

enum { DY, DX, OF_DY };

/* Any element of its window, and none where it has none. */
static void visit_choice(clade__trial *t, const place *at)
{
    int64_t n = at->m->n;
    t->operands[OF_DY].before.ints[at->o] = n > 0 ? (int32_t)member(at, at->o * 7 % n) : -1;
}

static void prepare_max_backward(clade__trial *t)
{
    clade__trial_in(t, "dy", output_shape(t), -1.0, 1.0);
    clade__trial_gradient(t, "dx", input_shape(t), -1, t->op->variant & CLADE__ADDS);
    clade__trial_in_integers(t, "indices", CLADE_INT32, output_shape(t), 0, 1);
    if (t->operands[OF_DY].before.data) each_output(t, visit_choice, NULL);
    if (t->op->variant & CLADE__BEHIND_RELU) clade__trial_in(t, "y", output_shape(t), -1.0, 1.0);
}

static clade_status record_max_backward(clade__commands *commands, const clade__trial *t)
{
    const clade_pool2d_args args = window_of(t);
    return clade__max_pool2d_backward(commands, clade__trial_tensor(t, DX), clade__trial_tensor(t, DY),
                                      clade__trial_tensor(t, OF_DY),
                                      t->n_operands > OF_DY + 1 ? clade__trial_tensor(t, OF_DY + 1) : NULL, &args,
                                      t->op->variant & CLADE__ADDS);
}

/* The gradient of an element is a sum in order, of what is there where it is added, and of its terms. While
 * they come in, `bound` has the sum of their sizes. */
static void begin_sums(clade__operand *dx)
{
    bool adds = dx->role == CLADE__INOUT;
    for (int64_t i = 0; i < dx->n; i++) {
        dx->want[i] = adds ? (double)dx->before.floats[i] : 0.0;
        dx->bound[i] = fabs(dx->want[i]);
    }
}

static void add_term(clade__trial *t, const place *at, int64_t i, double term)
{
    clade__operand *dx = &t->operands[DX];
    dx->want[at->plane + i] += term;
    dx->bound[at->plane + i] += fabs(term);
    at->n_terms[at->plane + i]++;
}

/* Each term is within `units`, and each addition but a first one to 0 rounds. */
static void end_sums(clade__operand *dx, const int32_t *n_terms, double units)
{
    bool adds = dx->role == CLADE__INOUT;
    for (int64_t i = 0; i < dx->n; i++) {
        double n_sums = (double)(n_terms[i] - (adds ? 0 : 1));
        if (n_terms[i] > 0)
            dx->bound[i] *= n_sums + units;
        else
            dx->bound[i] = adds ? -1.0 : 0.0;
    }
}

static void visit_max_backward(clade__trial *t, const place *at)
{
    int32_t i = t->operands[OF_DY].before.ints[at->o];
    if (t->n_operands > OF_DY + 1 && t->operands[OF_DY + 1].before.floats[at->o] <= 0.0f) return;
    if (i >= 0) add_term(t, at, i, (double)t->operands[DY].before.floats[at->o]);
}

/* Calls visit, which adds terms, for each output. */
static void expect_sums(clade__trial *t, visit *of, double units)
{
    clade__operand *dx = &t->operands[DX];
    int32_t *n_terms = clade__arena_alloc(&t->arena, (size_t)dx->n * sizeof *n_terms); /* zeros */
    t->failed = t->failed || !n_terms;
    if (t->failed) return;
    begin_sums(dx);
    each_output(t, of, n_terms);
    end_sums(dx, n_terms, units);
}

static void expect_max_backward(clade__trial *t)
{
    expect_sums(t, visit_max_backward, 0.0);
}

const clade__family clade__max_pool_backwards = {prepare_max_backward, record_max_backward,
                                                 expect_max_backward, ALL_VALUES, shapes};

/* ---- the mean -------------------------------------------------------------------------------- */

enum { SCRATCH = 2 };

static void prepare_mean(clade__trial *t)
{
    int64_t out[2], n = 0;
    size_of_output(t, out);
    if (is_adaptive(t)) n = clade__adaptive_avg_pool2d_scratch(input_shape(t), out);
    clade__trial_in(t, "x", input_shape(t), -1.0, 1.0);
    clade__trial_out(t, "y", CLADE_FLOAT32, output_shape(t), -1);
    if (n > 0) clade__trial_scratch(t, "scratch", CLADE_SHAPE(n));
}

static clade_status record_mean(clade__commands *commands, const clade__trial *t)
{
    const clade_pool2d_args args = window_of(t);
    clade_tensor *y = clade__trial_tensor(t, Y), *x = clade__trial_tensor(t, X);
    if (!is_adaptive(t)) return clade__avg_pool2d_forward(commands, y, x, &args);
    return clade__adaptive_avg_pool2d_forward(
        commands, y, x, t->n_operands > SCRATCH ? clade__trial_tensor(t, SCRATCH) : NULL);
}

/* Rows are summed one after another; but of all of a plane no order is known. */
static void visit_mean(clade__trial *t, const place *at)
{
    const members *m = at->m;
    double sum = 0.0, size = 0.0, n_sums = (double)(m->rows - 1 + m->cols - 1);
    for (int64_t k = 0; k < m->n; k++) {
        double x = (double)t->operands[X].before.floats[at->plane + member(at, k)];
        sum += x;
        size += fabs(x);
    }
    if ((t->op->variant & CLADE__WINDOWS) == CLADE__SHARES_ONE) n_sums = (double)(m->n - 1);
    if (t->values == CLADE__EXACT) n_sums = 0.0; /* in every order */
    double divisor = (double)m->divisor;
    clade__expect(&t->operands[Y], at->o, sum / divisor,
                  n_sums * size / divisor + CLADE__UNITS_DIVIDE * fabs(sum / divisor));
}

static void expect_mean(clade__trial *t)
{
    each_output(t, visit_mean, NULL);
}

const clade__family clade__avg_pools = {prepare_mean, record_mean, expect_mean, ALL_VALUES, shapes};

static void prepare_mean_backward(clade__trial *t)
{
    clade__trial_in(t, "dy", output_shape(t), -1.0, 1.0);
    clade__trial_gradient(t, "dx", input_shape(t), -1, t->op->variant & CLADE__ADDS);
}

static clade_status record_mean_backward(clade__commands *commands, const clade__trial *t)
{
    const clade_pool2d_args args = window_of(t);
    bool add = t->op->variant & CLADE__ADDS;
    clade_tensor *dx = clade__trial_tensor(t, DX), *dy = clade__trial_tensor(t, DY);
    return is_adaptive(t) ? clade__adaptive_avg_pool2d_backward(commands, dx, dy, add)
                          : clade__avg_pool2d_backward(commands, dx, dy, &args, add);
}

static void visit_mean_backward(clade__trial *t, const place *at)
{
    double term = (double)t->operands[DY].before.floats[at->o] / (double)at->m->divisor;
    for (int64_t k = 0; k < at->m->n; k++) add_term(t, at, member(at, k), term);
}

static void expect_mean_backward(clade__trial *t)
{
    expect_sums(t, visit_mean_backward, CLADE__UNITS_DIVIDE);
}

const clade__family clade__avg_pool_backwards = {prepare_mean_backward, record_mean_backward,
                                                 expect_mean_backward, ALL_VALUES, shapes};

/* ---- upsample -------------------------------------------------------------------------------- */

static const int64_t scale[2] = {2, 3};

static clade_shape larger_shape(const clade__trial *t)
{
    clade_shape shape = input_shape(t);
    for (int i = 0; i < 2; i++) shape.dim[shape.rank - 2 + i] *= scale[i];
    return shape;
}

/* The element of the smaller image that element i of the larger is. */
static int64_t nearest(const clade__trial *t, int64_t i)
{
    int64_t image[2];
    image_of(t, image);
    int64_t height = image[0] * scale[0], width = image[1] * scale[1];
    int64_t row = i / width % height / scale[0];
    return (i / width / height * image[0] + row) * image[1] + i % width / scale[1];
}

static void prepare_upsample(clade__trial *t)
{
    clade__trial_in(t, "x", input_shape(t), -1.0, 1.0);
    clade__trial_out(t, "y", CLADE_FLOAT32, larger_shape(t), -1);
}

static clade_status record_upsample(clade__commands *commands, const clade__trial *t)
{
    return clade__upsample_forward(commands, clade__trial_tensor(t, Y), clade__trial_tensor(t, X), scale);
}

static void expect_upsample(clade__trial *t)
{
    for (int64_t i = 0; i < t->operands[Y].n; i++)
        clade__expect(&t->operands[Y], i, (double)t->operands[X].before.floats[nearest(t, i)], 0.0);
}

const clade__family clade__upsamples = {prepare_upsample, record_upsample, expect_upsample, ALL_VALUES,
                                        shapes};

static void prepare_upsample_backward(clade__trial *t)
{
    clade__trial_in(t, "dy", larger_shape(t), -1.0, 1.0);
    clade__trial_out(t, "dx", CLADE_FLOAT32, input_shape(t), -1);
}

static clade_status record_upsample_backward(clade__commands *commands, const clade__trial *t)
{
    return clade__upsample_backward(commands, clade__trial_tensor(t, DX), clade__trial_tensor(t, DY), scale);
}

/* Rows of the window, and then these; the quotient by 1 may be as far off as any. */
static void expect_upsample_backward(clade__trial *t)
{
    clade__operand *dx = &t->operands[DX];
    for (int64_t i = 0; i < dx->n; i++) clade__expect(dx, i, 0.0, 0.0);
    for (int64_t i = 0; i < t->operands[DY].n; i++) {
        double term = (double)t->operands[DY].before.floats[i];
        dx->want[nearest(t, i)] += term;
        dx->bound[nearest(t, i)] += (scale[0] + scale[1] - 2 + CLADE__UNITS_DIVIDE) * fabs(term);
    }
}

const clade__family clade__upsample_backwards = {prepare_upsample_backward, record_upsample_backward,
                                                 expect_upsample_backward, ALL_VALUES, shapes};
