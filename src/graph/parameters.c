/* Parameters as a program sees them: what they are, the tensors on the device, the learning rate. */
#include <math.h>

#include <clade/step.h>

#include "device/owner.h"
#include "graph/model.h"

static clade_status check_index(const clade_model *model, int index)
{
    if (index >= 0 && index < model->graph.n_parameters) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "parameter %d of %d", index, model->graph.n_parameters);
}

int clade_model_n_tensors(const clade_model *model)
{
    return model->graph.n_parameters;
}

clade_status clade_model_parameter_info(const clade_model *model, int index, clade_parameter_info *info)
{
    CLADE_WANT(model);
    CLADE_WANT(info);
    CLADE_TRY(check_index(model, index));
    const clade__parameter *p = &model->graph.parameters[index];
    *info = (clade_parameter_info){
        .name = p->name, .shape = p->shape, .trained = p->trained,
        .frozen = p->trained && model->exe.trains && !model->exe.parameters[index].trains};
    return CLADE_OK;
}

int clade_model_parameter_index(const clade_model *model, const char *name)
{
    return clade__graph_parameter(&model->graph, name);
}

/* ---- tensors ----------------------------------------------------------------------------------- */

static clade_status find_parameter(clade_model *model, int index, clade_tensor **parameter)
{
    CLADE_TRY(clade__check_compiled(model, "parameter", false));
    CLADE_TRY(check_index(model, index));
    CLADE_TRY(clade__model_materialize(model));
    *parameter = model->session.parameters[index].value;
    return CLADE_OK;
}

clade_status clade_model_parameter(clade_model *model, int index, clade_tensor **parameter)
{
    CLADE_WANT(model);
    CLADE_WANT(parameter);
    *parameter = NULL;
    CLADE_TRY(clade__device_take(model->device, "parameter"));
    return clade__device_give(model->device, find_parameter(model, index, parameter));
}

static clade_status find_gradient(clade_model *model, int index, clade_tensor **gradient)
{
    CLADE_TRY(clade__check_compiled(model, "gradient", true));
    CLADE_TRY(check_index(model, index));
    const clade__parameter *p = &model->graph.parameters[index];
    if (!p->trained)
        return clade__fail(CLADE_ESTATE, "gradient: '%s' is state, which its layer changes: it has none",
                           p->name);
    if (!model->exe.parameters[index].trains)
        return clade__fail(CLADE_ESTATE, "gradient: '%s' is frozen: it has none", p->name);
    if (model->exe.parameters[index].stepped) return clade__fail_stepped(p, "gradient");
    CLADE_TRY(clade__model_materialize(model));
    *gradient = model->session.parameters[index].grad;
    return CLADE_OK;
}

clade_status clade_model_gradient(clade_model *model, int index, clade_tensor **gradient)
{
    CLADE_WANT(model);
    CLADE_WANT(gradient);
    *gradient = NULL;
    CLADE_TRY(clade__device_take(model->device, "gradient"));
    return clade__device_give(model->device, find_gradient(model, index, gradient));
}

clade_status clade__fail_stepped(const clade__parameter *parameter, const char *what)
{
    return clade__fail(CLADE_ESTATE, "%s: the optimizer's step of '%s' is done inside a gemm, and its "
                       "gradient is not stored: compile with keep_gradients", what, parameter->name);
}

/* ---- learning rate ----------------------------------------------------------------------------- */

static clade_status set_lr(clade_model *model, float lr)
{
    CLADE_TRY(clade__check_compiled(model, "set_lr", true));
    if (!(lr >= 0.0f) || isinf(lr))
        return clade__fail(CLADE_EINVAL, "set_lr: lr is %g, want a finite number, at least 0", (double)lr);
    model->session.numbers.lr = lr;
    return CLADE_OK;
}

clade_status clade_set_lr(clade_model *model, float lr)
{
    CLADE_WANT(model);
    CLADE_TRY(clade__device_take(model->device, "set_lr"));
    return clade__device_give(model->device, set_lr(model, lr));
}

float clade_model_lr(const clade_model *model)
{
    return model->session.numbers.lr;
}
