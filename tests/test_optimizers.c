/* Optimizers of a model: several steps of training against PyTorch's formulas in double precision,
 * their defaults, and what is refused. The kernels alone are tested in test_sgd and test_adam. */
#include "network.h"
#include "reference.h"

enum { STEPS = 6, SAMPLES = 12 };

static const char json[] = "{\"input\":[4],\"layers\":[{\"type\":\"linear\",\"units\":3},"
                           "{\"type\":\"tanh\"},{\"type\":\"linear\",\"units\":2}]}";

/* The weight decay of element i of all parameters. */
static double decay_of(const clade_model *model, const clade_optimizer *o, int64_t i)
{
    const clade__parameter *p = model->graph.parameters;
    for (; i >= clade_shape_elements(p->shape); p++) i -= clade_shape_elements(p->shape);
    return o->decay_weights_only && strstr(p->name, "bias") ? 0.0 : (double)o->weight_decay;
}

/* One step of torch.optim.SGD over all parameters w (n); state is the velocity. */
static void sgd(const clade_model *model, const clade_optimizer *o, int64_t n, double *w,
                double *state, const double *grad, int step)
{
    for (int64_t i = 0; i < n; i++) {
        double g = grad[i] + decay_of(model, o, i) * w[i];
        state[i] = step == 1 ? g : (double)o->momentum * state[i] + g;
        g = o->nesterov ? g + (double)o->momentum * state[i] : state[i];
        w[i] -= (double)o->lr * g;
    }
}

/* torch.optim.Adam and AdamW; state is the two moments, one behind the other. */
static void adam(const clade_model *model, const clade_optimizer *o, int64_t n, double *w,
                 double *state, const double *grad, int step)
{
    double beta1 = o->beta1 != 0.0f ? (double)o->beta1 : 0.9;
    double beta2 = o->beta2 != 0.0f ? (double)o->beta2 : 0.999;
    double epsilon = o->epsilon != 0.0f ? (double)o->epsilon : 1e-8;
    bool decoupled = o->kind == CLADE_OPTIMIZER_ADAMW;
    for (int64_t i = 0; i < n; i++) {
        double *m = &state[i], *v = &state[n + i], g = grad[i];
        if (decoupled)
            w[i] -= (double)o->lr * decay_of(model, o, i) * w[i];
        else
            g += decay_of(model, o, i) * w[i];
        *m = beta1 * *m + (1.0 - beta1) * g;
        *v = beta2 * *v + (1.0 - beta2) * g * g;
        double m_hat = *m / (1.0 - pow(beta1, step)), v_hat = *v / (1.0 - pow(beta2, step));
        w[i] -= (double)o->lr * m_hat / (sqrt(v_hat) + epsilon);
    }
}

/* torch.nn.utils.clip_grad_norm_ of one gradient (n). */
static void clip(double max_norm, int64_t n, double *grad)
{
    double squares = 0.0;
    for (int64_t i = 0; i < n; i++) squares += grad[i] * grad[i];
    double scale = fmin(1.0, max_norm / (sqrt(squares) + 1e-6));
    for (int64_t i = 0; i < n; i++) grad[i] *= scale;
}

/* The whole set is one batch, so that the order of a shuffle does not matter. The steps are made
 * in two calls of fit: state and step number outlive a call. */
static void check_optimizer(clade_device *device, const char *what, clade_optimizer optimizer)
{
    clade_model *model = net_model(device, 5, json,
                                   &(clade_compile_options){.optimizer = optimizer,
                                                            .batch = SAMPLES});
    net_batch batch = net_random_batch(model, 21, SAMPLES, 2);
    clade_data *data = net_data(model, &batch, 2);
    int64_t n = clade_model_n_parameters(model);
    double *want = net_parameters(model), *state = ref_doubles(2 * n);
    memset(state, 0, (size_t)(2 * n) * sizeof *state);
    for (int step = 1; step <= STEPS; step++) {
        double *grad = net_gradient(model, want, &batch);
        if (optimizer.clip_norm > 0.0f) clip((double)optimizer.clip_norm, n, grad);
        (optimizer.kind == CLADE_OPTIMIZER_SGD ? sgd : adam)(model, &optimizer, n, want, state,
                                                             grad, step);
        free(grad);
    }
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 2}, NULL));
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = STEPS - 2}, NULL));
    double *got = net_parameters(model);
    ref_check_doubles(what, got, want, n, 2e-5);
    free(got);
    free(want);
    free(state);
    net_free_batch(&batch);
    clade_data_free(data);
    clade_model_free(model);
}

static void steps_follow_pytorch_s_formulas(void **state)
{
    static const struct {
        const char *what;
        clade_optimizer optimizer;
    } cases[] = {
        {"sgd", {.lr = 0.3f}},
        {"sgd with weight decay", {.lr = 0.3f, .weight_decay = 0.2f}},
        {"momentum", {.lr = 0.3f, .momentum = 0.8f}},
        {"momentum with weight decay", {.lr = 0.3f, .momentum = 0.8f, .weight_decay = 0.2f}},
        {"nesterov", {.lr = 0.3f, .momentum = 0.8f, .nesterov = true, .weight_decay = 0.1f}},
        {"adam", {.kind = CLADE_OPTIMIZER_ADAM, .lr = 0.05f}},
        {"adam with weight decay",
         {.kind = CLADE_OPTIMIZER_ADAM, .lr = 0.05f, .weight_decay = 0.2f}},
        {"adam with other constants",
         {.kind = CLADE_OPTIMIZER_ADAM, .lr = 0.05f, .beta1 = 0.7f, .beta2 = 0.8f,
          .epsilon = 0.01f}},
        {"adamw", {.kind = CLADE_OPTIMIZER_ADAMW, .lr = 0.05f, .weight_decay = 0.3f}},
        {"sgd, weights decayed only", {.lr = 0.3f, .weight_decay = 0.2f, .decay_weights_only = true}},
        {"momentum, weights decayed only",
         {.lr = 0.3f, .momentum = 0.8f, .weight_decay = 0.2f, .decay_weights_only = true}},
        {"adamw, weights decayed only",
         {.kind = CLADE_OPTIMIZER_ADAMW, .lr = 0.05f, .weight_decay = 0.3f,
          .decay_weights_only = true}},
        {"clipped sgd", {.lr = 3.0f, .clip_norm = 0.1f}},
        {"sgd that is clipped at first", {.lr = 0.3f, .momentum = 0.8f, .clip_norm = 0.6f}},
        {"clipped adamw",
         {.kind = CLADE_OPTIMIZER_ADAMW, .lr = 0.05f, .epsilon = 0.01f, .clip_norm = 0.01f}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_optimizer(*state, cases[i].what, cases[i].optimizer);
}

static void zero_means_pytorch_s_default(void **state)
{
    (void)state;
    clade_optimizer o = {0};
    assert_ok(clade__optimizer_resolve(&o));
    assert_true(o.lr == 0.01f && o.momentum == 0.0f && o.weight_decay == 0.0f && !o.nesterov);
    o = clade_adam(0.0f);
    assert_ok(clade__optimizer_resolve(&o));
    assert_true(o.lr == 0.001f && o.beta1 == 0.9f && o.beta2 == 0.999f && o.epsilon == 1e-8f);
    assert_true(o.kind == CLADE_OPTIMIZER_ADAM && o.weight_decay == 0.0f);
    o = clade_adamw(0.0f, 0.0f);
    assert_ok(clade__optimizer_resolve(&o));
    assert_true(o.kind == CLADE_OPTIMIZER_ADAMW && o.lr == 0.001f && o.weight_decay == 0.0f);
    o = clade_sgd(0.5f, 0.25f);
    assert_ok(clade__optimizer_resolve(&o));
    assert_true(o.kind == CLADE_OPTIMIZER_SGD && o.lr == 0.5f && o.momentum == 0.25f);
}

static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        clade_optimizer optimizer;
        const char *message;
    } cases[] = {
        {{.kind = (clade_optimizer_kind)7}, "unknown kind 7"},
        {{.lr = -1.0f}, "lr is -1"},
        {{.lr = NAN}, "lr is nan"},
        {{.lr = INFINITY}, "lr is inf"},
        {{.momentum = 1.0f}, "momentum is 1"},
        {{.momentum = -0.1f}, "momentum is -0.1"},
        {{.weight_decay = -1.0f}, "weight_decay is -1"},
        {{.kind = CLADE_OPTIMIZER_ADAM, .beta1 = 1.0f}, "beta1 is 1"},
        {{.kind = CLADE_OPTIMIZER_ADAM, .beta2 = -0.5f}, "beta2 is -0.5"},
        {{.kind = CLADE_OPTIMIZER_ADAMW, .epsilon = -1.0f}, "epsilon is -1"},
        {{.kind = CLADE_OPTIMIZER_ADAM, .momentum = 0.9f}, "adam has no momentum"},
        {{.kind = CLADE_OPTIMIZER_ADAMW, .nesterov = true}, "adamw has no momentum"},
        {{.nesterov = true}, "nesterov wants a momentum"},
        {{.clip_norm = -1.0f}, "clip_norm is -1"},
        {{.clip_norm = INFINITY}, "clip_norm is inf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_model *model;
        assert_ok(clade_model_create(&model, *state, 1));
        clade_node *output = clade_model_layers(model, json);
        clade_compile_options options = {.optimizer = cases[i].optimizer};
        assert_fails(clade_compile(model, output, &options), CLADE_EINVAL, cases[i].message);
        options.optimizer = clade_sgd(0.1f, 0.9f); /* and it can be compiled with a better one */
        assert_ok(clade_compile(model, output, &options));
        clade_model_free(model);
    }
}

static void optimizers_have_names(void **state)
{
    (void)state;
    assert_string_equal(clade_optimizer_name(CLADE_OPTIMIZER_SGD), "sgd");
    assert_string_equal(clade_optimizer_name(CLADE_OPTIMIZER_ADAM), "adam");
    assert_string_equal(clade_optimizer_name(CLADE_OPTIMIZER_ADAMW), "adamw");
    assert_null(clade_optimizer_name((clade_optimizer_kind)3));
    assert_null(clade_optimizer_name((clade_optimizer_kind)-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_follow_pytorch_s_formulas),
        cmocka_unit_test(zero_means_pytorch_s_default),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(optimizers_have_names),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
