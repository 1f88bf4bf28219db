#include "train/sources.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const clade__scaling plain = {.scale = 1.0f};

size_t clade__source_bytes(const clade__source *source)
{
    return (size_t)source->cols * clade_dtype_bytes(source->dtype);
}

double clade__source_value(const clade__source *source, int64_t sample, int64_t i)
{
    int64_t at = sample * source->cols + i;
    switch (source->dtype) {
    case CLADE_INT32: return (double)((const int32_t *)source->values)[at];
    case CLADE_UINT8:
        return clade__scaling_apply(source->scaling, i, (double)((const uint8_t *)source->values)[at]);
    default:
        return clade__scaling_apply(source->scaling, i,
                                    (double)((const float *)source->values)[at]);
    }
}

/* ---- inputs ------------------------------------------------------------------------------------ */

static const clade_node *node_of(const clade__graph *graph, int input)
{
    return &graph->inputs[input]->outputs[0];
}

/* The only input of which clade__only_compared says so. */
static int only_input(const clade__graph *graph, bool compared)
{
    int found = -1;
    for (int i = 0; i < graph->n_inputs; i++) {
        if (clade__only_compared(graph, i) != compared) continue;
        if (found >= 0) return -1;
        found = i;
    }
    return found;
}

int clade__sample_input(const clade__graph *graph)
{
    return only_input(graph, false);
}

int clade__answer_input(const clade__graph *graph)
{
    return only_input(graph, true);
}

/* ---- whether they fit -------------------------------------------------------------------------- */

/* Without dimensions of 1, which move no element. */
static clade_shape squeezed(clade_shape shape)
{
    clade_shape made = {0};
    for (int i = 0; i < shape.rank; i++)
        if (shape.dim[i] != 1) made.dim[made.rank++] = shape.dim[i];
    return made;
}

/* A flat sample may stand for a shaped one. Two shapes of as many elements are two layouts, such as
 * (channels, height, width) and (height, width, channels). */
static bool shapes_agree(clade_shape a, clade_shape b)
{
    if (clade_shape_elements(a) != clade_shape_elements(b)) return false;
    a = squeezed(a);
    b = squeezed(b);
    if (a.rank <= 1 || b.rank <= 1) return true;
    return a.rank == b.rank && memcmp(a.dim, b.dim, (size_t)a.rank * sizeof *a.dim) == 0;
}

static clade_status check_samples(const clade_model *model, const clade_data *data)
{
    char got[64], want[64];
    const clade__graph *graph = &model->graph;
    int input = clade__sample_input(graph);
    bool several_targets = clade__answer_input(graph) < 0 && graph->n_inputs > 1;
    if (input < 0 || several_targets)
        return clade__fail(
            CLADE_EDATA,
            "the model has %d inputs, '%s', '%s'%s, and '%s' has the samples "
            "of one; give it a field for each (clade_data_from_fields, or npy: with fields=)",
            graph->n_inputs, graph->inputs[0]->name, graph->inputs[1]->name,
            graph->n_inputs > 2 ? " and so on" : "", data->name);
    if (shapes_agree(data->shape, node_of(graph, input)->shape)) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "the model takes samples of shape %s, and '%s' has %s: is it "
                       "the data the model was made for?",
                       clade__shape_text(want, sizeof want, node_of(graph, input)->shape), data->name,
                       clade__shape_text(got, sizeof got, data->shape));
}

/* Labels or targets for a target of the network's own. */
static clade_status check_answers(const clade_model *model, const clade_data *data)
{
    const clade__graph *graph = &model->graph;
    int input = clade__answer_input(graph);
    if (input < 0 || !clade__data_answers(data)) return CLADE_OK; /* check_data.c tells of those */
    const clade_node *node = node_of(graph, input);
    int64_t want = clade_shape_elements(node->shape), got = data->labels ? 1 : data->n_targets;
    if (want == got && (node->dtype == CLADE_INT32) == (data->labels != NULL)) return CLADE_OK;
    return clade__fail(CLADE_EDATA,
                       "the network's input '%s' wants %" PRId64 " %s of a sample, and '%s' has "
                       "%" PRId64 " %s",
                       node->layer->name, want,
                       node->dtype == CLADE_INT32 ? "labels" : "target numbers", data->name, got,
                       data->labels ? "label" : "target numbers");
}

static clade_status check_field(const clade_data *data, const clade__layer *input)
{
    char got[64], want[64];
    const clade__field *field = clade__data_field(data, input->name);
    const clade_node *node = &input->outputs[0];
    if (!field)
        return clade__fail(CLADE_EDATA,
                           "the network's input '%s' has no field of its name in '%s', whose first "
                           "field is '%.60s'",
                           input->name, data->name, data->fields[0].name);
    if ((field->dtype == CLADE_INT32) != (node->dtype == CLADE_INT32))
        return clade__fail(CLADE_EDATA,
                           "the network's input '%s' is of %s values, and the field of '%s' of %s",
                           input->name, clade_dtype_name(node->dtype), data->name,
                           clade_dtype_name(field->dtype));
    if (shapes_agree(field->shape, node->shape)) return CLADE_OK;
    return clade__fail(CLADE_EDATA,
                       "the network's input '%s' has shape %s, and the field of '%s' has %s",
                       input->name, clade__shape_text(want, sizeof want, node->shape), data->name,
                       clade__shape_text(got, sizeof got, field->shape));
}

clade_status clade__check_sources(const clade_model *model, const clade_data *data, bool alone)
{
    const clade__graph *graph = &model->graph;
    if (data->n_fields == 0) {
        CLADE_TRY(check_samples(model, data));
        return alone ? CLADE_OK : check_answers(model, data);
    }
    for (int i = 0; i < graph->n_inputs; i++)
        if (!alone || !clade__only_compared(graph, i)) CLADE_TRY(check_field(data, graph->inputs[i]));
    return CLADE_OK;
}

/* ---- the list ---------------------------------------------------------------------------------- */

static void add_field(clade__sources *sources, const clade_data *data, const clade__graph *graph,
                      int input)
{
    const clade__field *field = clade__data_field(data, graph->inputs[input]->name);
    sources->list[sources->n++] = (clade__source){field->values, field->dtype,
                                                  clade_shape_elements(field->shape), &plain, input};
}

static void add_samples(clade__sources *sources, const clade_data *data, const clade__graph *graph,
                        const clade__source_options *options)
{
    sources->list[sources->n++] =
        (clade__source){data->values, data->dtype, clade__data_cols(data),
                        options->scaling ? options->scaling : &data->scaling,
                        clade__sample_input(graph)};
    if (options->alone || !clade__data_answers(data)) return;
    int input = clade__answer_input(graph);
    clade__source *answers = &sources->list[sources->n++];
    *answers = (clade__source){.scaling = &plain, .input = input < 0 ? CLADE__TO_ANSWERS : input};
    if (data->labels) {
        answers->values = options->labels ? options->labels : data->labels;
        answers->dtype = CLADE_INT32;
        answers->cols = 1;
    } else {
        answers->values = options->targets ? options->targets : data->targets;
        answers->dtype = CLADE_FLOAT32;
        answers->cols = data->n_targets;
    }
}

clade_status clade__sources_open(clade__sources *sources, const clade_model *model,
                                 const clade_data *data, const clade__source_options *options)
{
    const clade__graph *graph = &model->graph;
    *sources = (clade__sources){.list = calloc((size_t)graph->n_inputs + 1, sizeof *sources->list)};
    if (!sources->list)
        return clade__fail(CLADE_ENOMEM, "no memory to feed %d inputs", graph->n_inputs);
    if (data->n_fields == 0) add_samples(sources, data, graph, options);
    for (int i = 0; data->n_fields > 0 && i < graph->n_inputs; i++)
        if (!options->alone || !clade__only_compared(graph, i)) add_field(sources, data, graph, i);
    return CLADE_OK;
}

void clade__sources_close(clade__sources *sources)
{
    free(sources->list);
    *sources = (clade__sources){0};
}

const clade__source *clade__source_of_loss(const clade__sources *sources, const clade__graph *graph,
                                           int loss)
{
    const clade_node *target = graph->losses[loss].target;
    for (int i = 0; i < sources->n; i++) {
        int input = sources->list[i].input;
        if (target ? input >= 0 && node_of(graph, input) == target : input == CLADE__TO_ANSWERS)
            return &sources->list[i];
    }
    return NULL;
}
