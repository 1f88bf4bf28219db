/* Layouts: what is read lives from its writing on, values that live at once share no slot, and the
 * memory that is planned is the memory that is taken. */
#include "network.h"

#define NAMED(type, name) "{\"type\":\"" type "\",\"name\":\"" name "\"}"
#define ADD(a, b) "{\"type\":\"add\",\"inputs\":[\"" a "\",\"" b "\"]}"
#define MODEL(layers) "{\"input\":[20],\"layers\":[" layers "]}"

static const struct {
    const char *what, *json;
} graphs[] = {
    {"one linear", MODEL(LINEAR(10))},
    {"chain", MODEL(LINEAR(50) ",{\"type\":\"relu\"}," LINEAR(60) ",{\"type\":\"tanh\"}," LINEAR(
                  40) ",{\"type\":\"sigmoid\"}," LINEAR(10))},
    {"chain without epilogues",
     MODEL(LINEAR(50) ",{\"type\":\"gelu\"}," LINEAR(60) ",{\"type\":\"gelu\"}," LINEAR(10))},
    {"fan-out and add",
     MODEL("{\"type\":\"linear\",\"units\":30,\"name\":\"h\"},{\"type\":\"relu\",\"name\":\"r\"},"
           "{\"type\":\"tanh\",\"name\":\"t\",\"inputs\":[\"h\"]},"
           "{\"type\":\"add\",\"inputs\":[\"r\",\"t\"],\"name\":\"s\"}," LINEAR(
               30) ",{\"type\":\"gelu\",\"name\":\"g\"},"
                   "{\"type\":\"add\",\"inputs\":[\"g\",\"s\"]}," LINEAR(10))},
    {"a and a", MODEL("{\"type\":\"linear\",\"units\":30,\"name\":\"a\"},"
                      "{\"type\":\"add\",\"inputs\":[\"a\",\"a\"]}," LINEAR(10))},
    {"reductions",
     "{\"input\":[4,6,5],\"layers\":[{\"type\":\"sum\",\"dim\":0},{\"type\":\"mean\",\"dim\":1},"
     "{\"type\":\"linear\",\"units\":30,\"name\":\"a\"},{\"type\":\"max\",\"name\":\"m\"}," LINEAR(
         30) ",{\"type\":\"add\",\"inputs\":[\"a\",\"4\"]}," LINEAR(10) "]}"},
    {"a reduction with scratch", "{\"input\":[200,500],\"layers\":[{\"type\":\"sum\"}," LINEAR(
                                     10) ",{\"type\":\"softmax\"}," LINEAR(10) "]}"},
    {"dropouts", MODEL(NAMED("dropout", "first") "," LINEAR(50) ",{\"type\":\"relu\"},"
                       NAMED("dropout", "d") ",{\"type\":\"tanh\"},{\"type\":\"dropout\"},"
                       "{\"type\":\"add\",\"inputs\":[\"d\",\"5\"]}," LINEAR(10)
                       ",{\"type\":\"dropout\"}")},
    {"parts", MODEL("{\"type\":\"linear\",\"units\":30,\"name\":\"h\"},"
                    "{\"type\":\"slice\",\"length\":25,\"name\":\"a\"},"
                    "{\"type\":\"slice\",\"inputs\":[\"h\"],\"start\":5,\"length\":25},"
                    "{\"type\":\"add\",\"inputs\":[\"2\",\"a\"],\"name\":\"s\"},"
                    "{\"type\":\"concat\",\"inputs\":[\"s\",\"h\",\"input\",\"s\"]}," LINEAR(10))},
    {"residual blocks", MODEL(LINEAR(30) "," NAMED("batch_norm", "a") "," NAMED("relu", "r") "," LINEAR(30) ","
                              NAMED("batch_norm", "b") "," ADD("b", "r") "," NAMED("relu", "s") "," LINEAR(30) ","
                              NAMED("batch_norm", "c") "," LINEAR(30) "," NAMED("batch_norm", "d") ","
                              ADD("c", "d") "," NAMED("leaky_relu", "t") "," ADD("t", "s") "," LINEAR(10))},
};
enum { N_GRAPHS = sizeof graphs / sizeof graphs[0] };

static const clade_loss losses[] = {CLADE_LOSS_CROSS_ENTROPY, CLADE_LOSS_MSE,
                                    CLADE_LOSS_BCE_WITH_LOGITS};

/* ---- what must hold of any layout ------------------------------------------------------------- */

static bool one_of(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0) names++;
    return *names != NULL;
}

/* From the formulas of the gradients. */
static bool gradient_needs_x(const clade__layer *layer)
{
    return one_of(layer->type->name, (const char *const[]){"linear", "gelu", "max", "batch_norm", NULL});
}

static bool gradient_needs_y(const clade__layer *layer)
{
    return one_of(layer->type->name, (const char *const[]){"sigmoid", "tanh", "relu", "leaky_relu",
                                                           "softmax", "log_softmax", NULL});
}

/* Layers here have one output, so that a layer's number is its output's. */
static const clade__value *y_of(const clade__layout *layout, int layer)
{
    return &layout->values[layout->y[layer]];
}

static const clade__value *dy_of(const clade__layout *layout, int layer)
{
    return layout->dy[layer] < 0 ? NULL : &layout->values[layout->dy[layer]];
}

static void assert_lives(const char *what, const clade__value *value, int from, int to)
{
    assert_non_null(value);
    if (value->from <= from && value->to >= to) return;
    print_error("%s lives from %d to %d, and is used from %d to %d\n", what, value->from,
                value->to, from, to);
    fail();
}

/* When a layer's forward runs: an epilogue runs with its linear. */
static int forward_time(const clade__layout *layout, const clade__layer *layer)
{
    if (!layer->type) return 0;
    const clade__layer *head = layout->heads[layer->index];
    return head ? head->index : layer->index;
}

/* The layer whose backward its own is part of. */
static int led_back_by(const clade__layout *layout, const clade__layer *layer)
{
    const clade__layer *head = layout->heads[layer->index];
    return head && layout->tails[head->index].goes_back ? head->index : layer->index;
}

/* When the gradient of layer i's output is written first, and last read: by its own backward. */
static void check_dy(const clade_model *model, const clade__layout *layout, int i)
{
    int n = model->graph.n_layers, from = n;
    for (int u = n - 1; u > i; u--) {
        const clade__layer *user = model->graph.layers[u];
        for (int k = 0; k < user->n_inputs && from == n; k++)
            if (user->inputs[k]->layer->index == i) from = 2 * n - led_back_by(layout, user);
    }
    /* Several users write apart from one another: what the last of them leaves is read. */
    const clade_node *y = &model->graph.layers[i]->outputs[0];
    assert_lives("dy", dy_of(layout, i), y->n_users > 1 ? 2 * n - i : from, 2 * n - i);
}

/* The times here are those that graph/plan.c runs at: layer i forward at i, the loss at n, layer i
 * backward at 2 n - i, and at 2 n + 1 the host reads. */
static void check_lives(const clade_model *model, const clade__layout *layout)
{
    int n = model->graph.n_layers, end = 2 * n + 1;
    const bool *needs_grad = model->exe.needs_grad;
    for (int i = 0; i < n; i++) {
        const clade__layer *layer = model->graph.layers[i];
        int first = forward_time(layout, layer), last = first;
        bool trained = layout->training && needs_grad[i];
        if (&layer->outputs[0] == model->output) last = end;
        int back = led_back_by(layout, layer);
        if (trained && gradient_needs_y(layer) && (back == i || layout->tails[back].add) && last < 2 * n - back)
            last = 2 * n - back;
        for (int u = n - 1; u > i; u--) {
            const clade__layer *user = model->graph.layers[u];
            for (int k = 0; k < user->n_inputs; k++) {
                if (user->inputs[k]->layer != layer || layout->heads[u] == layer) continue;
                int read = layout->training && needs_grad[u] && gradient_needs_x(user)
                               ? 2 * n - u
                               : forward_time(layout, user);
                if (last < read) last = read;
            }
        }
        assert_lives("y", y_of(layout, i), first, last);
        if (trained && back == i) check_dy(model, layout, i);
    }
    const clade__loss_values *loss = &layout->losses[0];
    assert_lives("labels", &layout->values[loss->labels], 0, n);
    assert_lives("loss", &layout->values[loss->loss], n, end);
    assert_lives("hit", &layout->values[loss->hit], n, end);
    if (loss->target >= 0) assert_lives("target", &layout->values[loss->target], 0, n);
}

static void check_slots(const clade__layout *layout)
{
    for (int i = 0; i < layout->n_values; i++) {
        const clade__value *a = &layout->values[i];
        assert_in_range(a->slot, 0, layout->n_slots - 1);
        assert_true(layout->slot_bytes[a->slot] >= a->bytes);
        for (int j = 0; j < i; j++) {
            const clade__value *b = &layout->values[j];
            assert_true(a->slot != b->slot || a->to < b->from || b->to < a->from);
        }
    }
}

static size_t check_sizes(const clade_model *model, const clade__layout *layout)
{
    size_t sum = 0;
    for (int i = 0; i < model->graph.n_layers; i++)
        assert_int_equal(y_of(layout, i)->bytes,
                         4 * layout->batch *
                             clade_shape_elements(model->graph.layers[i]->outputs[0].shape));
    for (int i = 0; i < layout->n_values; i++) sum += layout->values[i].bytes;
    for (int i = 0; i < layout->n_slots; i++) assert_true(layout->slot_bytes[i] <= sum);
    return sum;
}

static size_t slots_bytes(const clade__layout *layout)
{
    size_t bytes = 0;
    for (int i = 0; i < layout->n_slots; i++) bytes += layout->slot_bytes[i];
    return bytes;
}

static void no_value_meets_another_in_its_slot(void **state)
{
    for (int i = 0; i < N_GRAPHS; i++)
        for (int l = 0; l < 3; l++) {
            clade_model *model = net_model(
                *state, 1, graphs[i].json, &(clade_compile_options){.loss = losses[l], .batch = 9});
            const clade__layout *layouts[] = {model->exe.train_layout, model->exe.infer_layout};
            for (int k = 0; k < 2; k++) {
                check_lives(model, layouts[k]);
                check_slots(layouts[k]);
                check_sizes(model, layouts[k]);
            }
            assert_true(layouts[0]->training && layouts[0]->batch == 9);
            assert_true(!layouts[1]->training && layouts[1]->batch == CLADE__INFER_BATCH);
            clade_model_free(model);
        }
}

static void slots_take_less_than_the_values(void **state)
{
    for (int i = 0; i < N_GRAPHS; i++) {
        clade_model *model = net_model(*state, 1, graphs[i].json, &(clade_compile_options){0});
        size_t sum = check_sizes(model, model->exe.train_layout);
        assert_true(slots_bytes(model->exe.train_layout) <= sum);
        if (model->graph.n_layers > 3) { /* the more there is to share, the more is saved */
            assert_true(slots_bytes(model->exe.train_layout) < sum);
            assert_true(slots_bytes(model->exe.infer_layout) < slots_bytes(model->exe.train_layout) *
                                                               CLADE__INFER_BATCH / 128);
        }
        clade_model_free(model);
    }
}

/* ---- epilogues and gradients in place ---------------------------------------------------------- */

static void an_epilogue_shares_its_linear_s_value(void **state)
{
    static const struct {
        const char *activation;
        bool trained, inferred; /* whether it is one */
    } cases[] = {{"relu", true, true}, {"tanh", true, true}, {"sigmoid", true, true},
                 {"leaky_relu", true, true}, {"gelu", false, true}, {"softmax", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *json = test_text(MODEL(LINEAR(8) ",{\"type\":\"%s\"}," LINEAR(10)),
                                     cases[i].activation);
        clade_model *model = net_model(*state, 1, json, &(clade_compile_options){.batch = 4});
        const clade__layout *train = model->exe.train_layout, *infer = model->exe.infer_layout;
        assert_true((train->tails[1].activation == model->graph.layers[2]) == cases[i].trained);
        assert_true((infer->tails[1].activation == model->graph.layers[2]) == cases[i].inferred);
        assert_true((y_of(train, 1) == y_of(train, 2)) ==
                    cases[i].trained);
        assert_null(train->tails[3].activation);
        clade_model_free(model);
    }
    /* With a second user the linear's own values are wanted too. */
    clade_model *model = net_model(*state, 1, graphs[3].json, &(clade_compile_options){.batch = 4});
    assert_null(model->exe.train_layout->tails[1].activation);
    assert_null(model->exe.infer_layout->tails[1].activation);
    clade_model_free(model);
}

static void assert_tail(const clade_model *model, const clade__layout *layout, int head, int add, int activation)
{
    const clade__tail *tail = &layout->tails[head];
    clade__layer **layers = model->graph.layers;
    assert_ptr_equal(tail->add, add < 0 ? NULL : layers[add]);
    assert_ptr_equal(tail->activation, activation < 0 ? NULL : layers[activation]);
    for (int i = head + 1; i <= activation; i++) {
        assert_ptr_equal(layout->heads[i], layers[head]);
        assert_ptr_equal(y_of(layout, i), y_of(layout, head));
        assert_int_equal(layout->dy[i] >= 0, layout->training && i == add);
        assert_false(layout->goes_back[i]);
    }
    assert_int_equal(tail->goes_back, layout->training);
}

/* In "residual blocks": an add is the later norm's, whichever input that is. */
static void a_norm_takes_the_add_and_the_activation(void **state)
{
    clade_model *model = net_model(*state, 1, graphs[N_GRAPHS - 1].json, &(clade_compile_options){.batch = 4});
    const clade__layout *layouts[] = {model->exe.train_layout, model->exe.infer_layout};
    for (int i = 0; i < 2; i++) {
        assert_tail(model, layouts[i], 2, -1, 3);
        assert_tail(model, layouts[i], 5, 6, 7);
        assert_tail(model, layouts[i], 11, 12, 13);
        assert_int_equal(layouts[i]->tails[5].other, 1);
        assert_int_equal(layouts[i]->tails[11].other, 0);
        assert_null(layouts[i]->tails[9].add); /* the earlier one */
    }
    /* s is added once more: that gradient is relu's, and what goes on is masked in its place. */
    assert_ptr_equal(dy_of(layouts[0], 6), dy_of(layouts[0], 5));
    clade_model_free(model);
}

/* Outside training only, and not where the norm has an add, or the convolution another user. */
static void a_norm_is_folded_into_its_convolution(void **state)
{
#define CONV(name) "{\"type\":\"conv2d\",\"name\":\"" name "\",\"out_channels\":3,\"kernel_size\":3,\"padding\":1}"
    clade_model *model = net_model(
        *state, 1, "{\"input\":[3,4,4],\"layers\":[" CONV("a") "," NAMED("batch_norm", "b") "," NAMED("relu", "c") ","
        CONV("d") "," NAMED("batch_norm", "e") "," ADD("c", "e") "," CONV("f") "," NAMED("batch_norm", "g") ","
        ADD("f", "g") ",{\"type\":\"flatten\"}," LINEAR(2) "]}", &(clade_compile_options){.batch = 4});
    const clade__layout *train = model->exe.train_layout, *infer = model->exe.infer_layout;
    clade__layer **layers = model->graph.layers;
    assert_ptr_equal(infer->tails[1].norm, layers[2]);
    assert_ptr_equal(infer->tails[1].activation, layers[3]);
    assert_ptr_equal(infer->heads[2], layers[1]);
    assert_ptr_equal(infer->heads[3], layers[1]);
    assert_true(infer->y[1] == infer->y[3]);
    assert_int_equal(infer->values[infer->tails[1].weight].bytes, 4 * 81);
    assert_int_equal(infer->values[infer->tails[1].bias].bytes, 4 * 3);
    assert_null(infer->tails[4].norm);
    assert_ptr_equal(infer->tails[5].add, layers[6]);
    assert_null(infer->tails[7].norm);
    for (int i = 0; i < model->graph.n_layers; i++) assert_null(train->tails[i].norm);
    assert_ptr_equal(train->heads[3], layers[2]);
    clade_model_free(model);
}

static void an_activation_s_gradient_is_made_in_place(void **state)
{
    clade_model *model = net_model(*state, 1, graphs[1].json, &(clade_compile_options){.batch = 4});
    const clade__layout *layout = model->exe.train_layout;
    assert_ptr_equal(dy_of(layout, 1), dy_of(layout, 2));
    assert_null(dy_of(layout, 0)); /* the input's is not computed */
    assert_ptr_not_equal(dy_of(layout, 2), dy_of(layout, 3));
    clade_model_free(model);
}

/* A part that is all of a sample costs nothing, and a real one is copied. */
static void a_part_that_is_all_is_a_view(void **state)
{
    static const struct {
        const char *layer;
        bool is_view;
    } cases[] = {{"\"type\":\"slice\",\"length\":8", true}, {"\"type\":\"slice\",\"length\":7", false},
                 {"\"type\":\"concat\"", true}, {"\"type\":\"concat\",\"inputs\":[\"0\",\"0\"]", false},
                 {"\"type\":\"split\",\"sizes\":[8]", true}, {"\"type\":\"split\",\"sizes\":[7,1]", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *json = test_text(MODEL(LINEAR(8) ",{%s}," LINEAR(10)), cases[i].layer);
        clade_model *model = net_model(*state, 1, json, &(clade_compile_options){.batch = 4});
        const clade__layout *train = model->exe.train_layout, *infer = model->exe.infer_layout;
        assert_true((train->y[1] == train->y[2]) == cases[i].is_view);
        assert_true((infer->y[1] == infer->y[2]) == cases[i].is_view);
        assert_true((train->dy[1] == train->dy[2]) == cases[i].is_view);
        assert_int_equal(model->graph.n_computing, cases[i].is_view ? 2 : 3);
        clade_model_free(model);
    }
}

/* ---- memory ------------------------------------------------------------------------------------ */

static void record_all(clade_model *model)
{
    const clade__layout *layouts[] = {model->exe.train_layout, model->exe.infer_layout};
    for (int i = 0; i < 2; i++) {
        clade__plan plan;
        clade__commands *commands;
        assert_ok(clade__plan_open(&plan, &(clade__plan_options){&model->exe, &model->session,
                                                                 layouts[i]->training,
                                                                 layouts[i]->batch, true}));
        assert_ok(clade__commands_create(&commands, model->device));
        assert_ok(clade__plan_record(&plan, commands, true));
        assert_ok(clade__commands_run(commands));
        assert_ok(clade_device_finish(model->device));
        clade__commands_free(commands);
        clade__plan_close(&plan);
    }
}

/* On a device of its own: a pool with buffers of others would hide what is taken. */
static void the_device_is_asked_for_what_was_planned(void **state)
{
    (void)state;
    static const clade_optimizer optimizers[] = {
        {.lr = 0.1f}, {.lr = 0.1f, .momentum = 0.9f}, {.kind = CLADE_OPTIMIZER_ADAM},
        {.lr = 0.1f, .clip_norm = 1.0f}};
    for (int i = 0; i < 4; i++) {
        clade_device *device;
        clade_memory memory;
        assert_ok(clade_device_open(&device, NULL));
        clade_model *model = net_model(
            device, 1, "{\"input\":[784],\"layers\":[" LINEAR(500) ",{\"type\":\"relu\"}," LINEAR(
                           500) ",{\"type\":\"gelu\"}," LINEAR(10) "]}",
            &(clade_compile_options){.optimizer = optimizers[i], .batch = 300});
        assert_ok(clade_model_memory(model, &memory));
        uint64_t before = clade_device_bytes_held(device);
        assert_ok(clade__model_materialize(model));
        record_all(model);
        double taken = (double)(clade_device_bytes_held(device) - before);
        if (fabs(taken - (double)memory.total) > 0.02 * (double)memory.total)
            fail_msg("%.0f bytes taken, %.0f planned", taken, (double)memory.total);

        uint64_t held = clade_device_bytes_held(device);
        record_all(model); /* nothing more is taken */
        assert_true(clade_device_bytes_held(device) == held);
        clade_model_free(model);
        clade_device_free(device);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_value_meets_another_in_its_slot),
        cmocka_unit_test(slots_take_less_than_the_values),
        cmocka_unit_test(an_epilogue_shares_its_linear_s_value),
        cmocka_unit_test(a_norm_takes_the_add_and_the_activation),
        cmocka_unit_test(a_norm_is_folded_into_its_convolution),
        cmocka_unit_test(an_activation_s_gradient_is_made_in_place),
        cmocka_unit_test(a_part_that_is_all_is_a_view),
        cmocka_unit_test(the_device_is_asked_for_what_was_planned),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
