/* The inputs of a network, as a program sees them. */
#include "graph/model.h"

bool clade__only_compared(const clade__graph *graph, int input)
{
    const clade_node *node = &graph->inputs[input]->outputs[0];
    for (int i = 0; i < graph->n_losses && node->n_users == 0; i++)
        if (graph->losses[i].target == node) return true;
    return false;
}

clade_shape clade_model_input_shape(const clade_model *model)
{
    return model->graph.n_inputs > 0 ? model->graph.inputs[0]->outputs[0].shape : (clade_shape){0};
}

int clade_model_n_inputs(const clade_model *model)
{
    return model->graph.n_inputs;
}

clade_status clade_model_input_at(const clade_model *model, int index, clade_input_info *info)
{
    CLADE_WANT(model);
    CLADE_WANT(info);
    if (index < 0 || index >= model->graph.n_inputs)
        return clade__fail(CLADE_EINVAL, "input %d of %d", index, model->graph.n_inputs);
    const clade__layer *input = model->graph.inputs[index];
    *info = (clade_input_info){.name = input->name, .dtype = input->outputs[0].dtype,
                               .shape = input->outputs[0].shape,
                               .compared = clade__only_compared(&model->graph, index)};
    return CLADE_OK;
}
