/* Layers that cut a sample along a dimension or put parts together: concat, slice, split. Each has one
 * whole, and parts that lie in it one behind another:
 *
 *              whole     parts                 forward      backward
 *   concat     output    inputs, from 0 on     join         cut
 *   slice      input     one output, at start  cut          join, with zeros around it
 *   split      input     outputs, from 0 on    cut          join
 *
 * References: torch.cat, torch.narrow, torch.split. */
#include <string.h>

#include "graph/layer.h"

/* All options of these layers begin with it. */
typedef struct dim_option {
    int64_t dim;
} dim_option;

static bool is_concat(const clade__layer *layer)
{
    return layer->type == &clade__layer_concat;
}

static const clade_node *whole_of(const clade__layer *layer)
{
    return is_concat(layer) ? &layer->outputs[0] : layer->inputs[0];
}

static int n_parts(const clade__layer *layer)
{
    return is_concat(layer) ? layer->n_inputs : layer->n_outputs;
}

static const clade_node *part_of(const clade__layer *layer, int k)
{
    return is_concat(layer) ? layer->inputs[k] : &layer->outputs[k];
}

/* Of a sample, counted from the first. */
static int dim_of(const clade__layer *layer)
{
    const dim_option *options = layer->options;
    int dim = (int)options->dim;
    return dim < 0 ? dim + layer->inputs[0]->shape.rank : dim;
}

/* Where the first part begins. */
static int64_t start_of(const clade__layer *layer)
{
    const clade__slice_options *options = layer->options;
    if (layer->type != &clade__layer_slice) return 0;
    return options->start < 0 ? options->start + layer->inputs[0]->shape.dim[dim_of(layer)]
                              : options->start;
}

/* ---- shapes ------------------------------------------------------------------------------------ */

static clade_status check_dim(const clade__layer *layer)
{
    const dim_option *options = layer->options;
    int rank = layer->inputs[0]->shape.rank;
    if (dim_of(layer) >= 0 && dim_of(layer) < rank) return CLADE_OK;
    return clade__fail(CLADE_ESHAPE, "%s: dim is %d, and a sample has %d dimension%s",
                       layer->type->name, (int)options->dim, rank, rank == 1 ? "" : "s");
}

static clade_status infer_concat(clade__layer *layer)
{
    char a[64], b[64];
    const clade_node *first = layer->inputs[0];
    clade_shape shape = first->shape;
    CLADE_TRY(check_dim(layer));
    int dim = dim_of(layer);
    for (int k = 1; k < layer->n_inputs; k++) {
        const clade_node *input = layer->inputs[k];
        clade_shape same = input->shape;
        if (input->dtype != first->dtype)
            return clade__fail(CLADE_ESHAPE, "concat: inputs are %s and %s, want one type",
                               clade_dtype_name(first->dtype), clade_dtype_name(input->dtype));
        same.dim[dim] = first->shape.dim[dim];
        if (!clade__shape_equal(same, first->shape))
            return clade__fail(CLADE_ESHAPE, "concat: inputs are %s and %s, want one shape but for "
                               "dimension %d", clade__shape_text(a, sizeof a, first->shape),
                               clade__shape_text(b, sizeof b, input->shape), dim);
        shape.dim[dim] += input->shape.dim[dim];
    }
    return clade__layer_output(layer, first->dtype, shape);
}

/* One output, of `length` along the dimension. */
static clade_status add_part(clade__layer *layer, int64_t length)
{
    clade_shape shape = layer->inputs[0]->shape;
    shape.dim[dim_of(layer)] = length;
    return clade__layer_output(layer, layer->inputs[0]->dtype, shape);
}

static clade_status infer_slice(clade__layer *layer)
{
    char text[64];
    const clade__slice_options *options = layer->options;
    const clade_shape shape = layer->inputs[0]->shape;
    CLADE_TRY(check_dim(layer));
    int64_t axis = shape.dim[dim_of(layer)], start = start_of(layer);
    if (start < 0 || start > axis || options->length > axis - start)
        return clade__fail(CLADE_ESHAPE, "slice: start is %lld and length %lld, and dimension %d of %s "
                           "has %lld", (long long)options->start, (long long)options->length,
                           dim_of(layer), clade__shape_text(text, sizeof text, shape),
                           (long long)axis);
    return add_part(layer, options->length);
}

static clade_status infer_split(clade__layer *layer)
{
    char text[64];
    const clade__split_options *options = layer->options;
    const clade_shape shape = layer->inputs[0]->shape;
    CLADE_TRY(check_dim(layer));
    int64_t axis = shape.dim[dim_of(layer)], sum = 0;
    for (int i = 0; i < options->sizes.n; i++) sum += options->sizes.list[i];
    if (sum != axis)
        return clade__fail(CLADE_ESHAPE, "split: sizes are %lld together, and dimension %d of %s has "
                           "%lld", (long long)sum, dim_of(layer),
                           clade__shape_text(text, sizeof text, shape), (long long)axis);
    for (int i = 0; i < options->sizes.n; i++) CLADE_TRY(add_part(layer, options->sizes.list[i]));
    return CLADE_OK;
}

/* ---- on the device ----------------------------------------------------------------------------- */

/* The parts out of the whole; wanted and add (n_parts), or NULL for all and for none. */
static clade_status cut(clade__commands *commands, const clade__layer *layer, clade_tensor *parts,
                        const clade_tensor *whole, const bool *wanted, const bool *add)
{
    int dim = dim_of(layer);
    int64_t start = start_of(layer);
    for (int k = 0; k < n_parts(layer); k++) {
        if (!wanted || wanted[k])
            CLADE_TRY(clade__slice_forward(commands, &parts[k], whole, dim + 1, start,
                                           add && add[k]));
        start += part_of(layer, k)->shape.dim[dim];
    }
    return CLADE_OK;
}

/* The whole out of its parts; what is in no part stays as it is. */
static clade_status join(clade__commands *commands, const clade__layer *layer, clade_tensor *whole,
                         const clade_tensor *parts, bool add)
{
    int dim = dim_of(layer);
    int64_t start = start_of(layer);
    for (int k = 0; k < n_parts(layer); k++) {
        CLADE_TRY(clade__slice_into(commands, whole, &parts[k], dim + 1, start, add));
        start += part_of(layer, k)->shape.dim[dim];
    }
    return CLADE_OK;
}

static clade_status concat_forward(clade__commands *commands, const clade__layer_io *io)
{
    return join(commands, io->layer, &io->y[0], io->x, false);
}

static clade_status concat_backward(clade__commands *commands, const clade__layer_io *io)
{
    return cut(commands, io->layer, io->dx, &io->dy[0], io->wanted, io->add);
}

static clade_status parts_forward(clade__commands *commands, const clade__layer_io *io)
{
    return cut(commands, io->layer, io->y, &io->x[0], NULL, NULL);
}

static clade_status slice_backward(clade__commands *commands, const clade__layer_io *io)
{
    if (!io->add[0]) CLADE_TRY(clade__commands_zero(commands, &io->dx[0]));
    return join(commands, io->layer, &io->dx[0], io->dy, io->add[0]);
}

static clade_status split_backward(clade__commands *commands, const clade__layer_io *io)
{
    return join(commands, io->layer, &io->dx[0], io->dy, io->add[0]);
}

/* ---- the formulas ------------------------------------------------------------------------------ */

/* The whole is `outer` rows of `pitch` elements; a part has `width` of each, from `first` on. */
typedef struct rows {
    int64_t outer, pitch, width, first;
} rows;

/* Part k; `start` is where it begins along the dimension, and becomes where the next one does. */
static rows rows_of(const clade__layer *layer, int64_t n, int k, int64_t *start)
{
    const clade_shape shape = whole_of(layer)->shape;
    int dim = dim_of(layer);
    int64_t inner = 1, length = part_of(layer, k)->shape.dim[dim];
    for (int i = dim + 1; i < shape.rank; i++) inner *= shape.dim[i];
    int64_t pitch = shape.dim[dim] * inner;
    const rows r = {n * clade_shape_elements(shape) / pitch, pitch, length * inner, *start * inner};
    *start += length;
    return r;
}

/* Adds to the parts what the whole has in their places; a part may be NULL. */
static void cut_formula(const clade__layer *layer, int64_t n, double *const *parts, const double *whole)
{
    int64_t start = start_of(layer);
    for (int k = 0; k < n_parts(layer); k++) {
        const rows r = rows_of(layer, n, k, &start);
        for (int64_t i = 0; parts[k] && i < r.outer * r.width; i++)
            parts[k][i] += whole[i / r.width * r.pitch + r.first + i % r.width];
    }
}

static void join_formula(const clade__layer *layer, int64_t n, double *whole, const double *const *parts)
{
    int64_t start = start_of(layer);
    for (int k = 0; k < n_parts(layer); k++) {
        const rows r = rows_of(layer, n, k, &start);
        for (int64_t i = 0; i < r.outer * r.width; i++)
            whole[i / r.width * r.pitch + r.first + i % r.width] += parts[k][i];
    }
}

static void zero_outputs(const clade__formula *f)
{
    for (int k = 0; k < f->layer->n_outputs; k++) {
        size_t n = (size_t)(f->n * clade_shape_elements(f->layer->outputs[k].shape));
        memset(f->y[k], 0, n * sizeof *f->y[k]);
    }
}

static void concat_formula(const clade__formula *f)
{
    zero_outputs(f);
    join_formula(f->layer, f->n, f->y[0], f->x);
}

static void parts_formula(const clade__formula *f)
{
    zero_outputs(f);
    cut_formula(f->layer, f->n, f->y, f->x[0]);
}

static void concat_gradient(const clade__formula *f, const clade__formula_gradients *g)
{
    cut_formula(f->layer, f->n, g->dx, g->dy[0]);
}

static void parts_gradient(const clade__formula *f, const clade__formula_gradients *g)
{
    if (g->dx[0]) join_formula(f->layer, f->n, g->dx[0], g->dy);
}

/* ---- the rows ---------------------------------------------------------------------------------- */

#define DIM {"dim", CLADE__OPTION_WHOLE, 0, .fallback = -1, .least = -CLADE_MAX_RANK, .most = CLADE_MAX_RANK}

static const clade__option concat_list[] = {DIM, {NULL}};
static const clade__option slice_list[] = {
    DIM,
    {"start", CLADE__OPTION_WHOLE, offsetof(clade__slice_options, start), .least = -INT32_MAX,
     .most = INT32_MAX},
    {"length", CLADE__OPTION_WHOLE, offsetof(clade__slice_options, length), true, 0, 1, INT32_MAX},
    {NULL}};
static const clade__option split_list[] = {
    DIM,
    {"sizes", CLADE__OPTION_SIZES, offsetof(clade__split_options, sizes), true, 0, 1, INT32_MAX},
    {NULL}};

const clade__layer_type clade__layer_concat = {
    .name = "concat", .n_inputs = CLADE__ANY_INPUTS, .takes_int32 = true,
    .options_bytes = sizeof(dim_option), .options = concat_list, .adds = true, .same_is_view = true,
    .infer = infer_concat, .forward = concat_forward, .backward = concat_backward,
    .formula = concat_formula, .formula_backward = concat_gradient};

const clade__layer_type clade__layer_slice = {
    .name = "slice", .n_inputs = 1, .takes_int32 = true,
    .options_bytes = sizeof(clade__slice_options), .options = slice_list, .adds = true,
    .same_is_view = true, .infer = infer_slice, .forward = parts_forward,
    .backward = slice_backward, .formula = parts_formula, .formula_backward = parts_gradient};

const clade__layer_type clade__layer_split = {
    .name = "split", .n_inputs = 1, .takes_int32 = true,
    .options_bytes = sizeof(clade__split_options), .options = split_list, .adds = true,
    .same_is_view = true, .infer = infer_split, .forward = parts_forward,
    .backward = split_backward, .formula = parts_formula, .formula_backward = parts_gradient};
