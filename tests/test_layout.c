/* Layouts: what is read lives from its writing on, values that live at once share no slot, and the
 * memory that is planned is the memory that is taken. */
#include "graph/layer.h"
#include "network.h"

#define NAMED(type, name) "{\"type\":\"" type "\",\"name\":\"" name "\"}"
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
static bool gradient_needs_x(const clade_node *node)
{
    return one_of(node->type->name, (const char *const[]){"linear", "gelu", "max", NULL});
}

static bool gradient_needs_y(const clade_node *node)
{
    return one_of(node->type->name, (const char *const[]){"sigmoid", "tanh", "relu", "leaky_relu",
                                                          "softmax", "log_softmax", NULL});
}

static const clade__value *value_of(const clade__layout *layout, int node, int role)
{
    int value = layout->value_of[node * CLADE__N_ROLES + role];
    return value < 0 ? NULL : &layout->values[value];
}

static void assert_lives(const char *what, const clade__value *value, int from, int to)
{
    assert_non_null(value);
    if (value->from <= from && value->to >= to) return;
    print_error("%s lives from %d to %d, and is used from %d to %d\n", what, value->from,
                value->to, from, to);
    fail();
}

/* When a node's forward runs: an epilogue runs with its linear. */
static int forward_time(const clade__layout *layout, const clade_node *node)
{
    if (!node->type) return 0;
    return layout->activation_of[node->inputs[0]->index] == node ? node->inputs[0]->index
                                                                 : node->index;
}

/* The times here are those that graph/plan.c runs at: node i forward at i, the loss at n, node i
 * backward at 2 n - i, and at 2 n + 1 the host reads. */
static void check_lives(const clade_model *model, const clade__layout *layout)
{
    int n = model->n_nodes;
    assert_int_equal(layout->n_nodes, n);
    for (int i = 0; i < n; i++) {
        const clade_node *node = model->nodes[i];
        const clade__value *y = value_of(layout, i, CLADE__VALUE_Y);
        int first = forward_time(layout, node), last = first, dy_from = n;
        bool trained = layout->training && node->needs_grad;
        if (node == model->output) last = 2 * n + 1;
        if (trained && gradient_needs_y(node) && last < 2 * n - i) last = 2 * n - i;
        for (int u = n - 1; u > i; u--) {
            const clade_node *user = model->nodes[u];
            for (int k = 0; k < user->n_inputs; k++) {
                if (user->inputs[k] != node || layout->activation_of[i] == user) continue;
                int read = layout->training && user->needs_grad && gradient_needs_x(user)
                               ? 2 * n - u
                               : forward_time(layout, user);
                if (last < read) last = read;
            }
            if (user->inputs[0] == node || user->inputs[user->n_inputs - 1] == node)
                dy_from = dy_from == n ? 2 * n - u : dy_from;
        }
        assert_lives("y", y, first, last);
        if (trained) assert_lives("dy", value_of(layout, i, CLADE__VALUE_DY), dy_from, 2 * n - i);
    }
    int end = 2 * n + 1;
    assert_lives("labels", &layout->values[layout->labels], 0, n);
    assert_lives("loss", &layout->values[layout->loss], n, end);
    assert_lives("hit", &layout->values[layout->hit], n, end);
    if (layout->target >= 0) assert_lives("target", &layout->values[layout->target], 0, n);
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
    for (int i = 0; i < model->n_nodes; i++)
        assert_int_equal(value_of(layout, i, CLADE__VALUE_Y)->bytes,
                         4 * layout->batch * clade_shape_elements(model->nodes[i]->shape));
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
            const clade__layout *layouts[] = {model->train_layout, model->infer_layout};
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
        size_t sum = check_sizes(model, model->train_layout);
        assert_true(slots_bytes(model->train_layout) <= sum);
        if (model->n_nodes > 3) { /* the more there is to share, the more is saved */
            assert_true(slots_bytes(model->train_layout) < sum);
            assert_true(slots_bytes(model->infer_layout) < slots_bytes(model->train_layout) *
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
        const clade__layout *train = model->train_layout, *infer = model->infer_layout;
        assert_true((train->activation_of[1] == model->nodes[2]) == cases[i].trained);
        assert_true((infer->activation_of[1] == model->nodes[2]) == cases[i].inferred);
        assert_true((value_of(train, 1, CLADE__VALUE_Y) == value_of(train, 2, CLADE__VALUE_Y)) ==
                    cases[i].trained);
        assert_null(train->activation_of[3]);
        clade_model_free(model);
    }
    /* With a second user the linear's own values are wanted too. */
    clade_model *model = net_model(*state, 1, graphs[3].json, &(clade_compile_options){.batch = 4});
    assert_null(model->train_layout->activation_of[1]);
    assert_null(model->infer_layout->activation_of[1]);
    clade_model_free(model);
}

static void an_activation_s_gradient_is_made_in_place(void **state)
{
    clade_model *model = net_model(*state, 1, graphs[1].json, &(clade_compile_options){.batch = 4});
    const clade__layout *layout = model->train_layout;
    assert_ptr_equal(value_of(layout, 1, CLADE__VALUE_DY), value_of(layout, 2, CLADE__VALUE_DY));
    assert_null(value_of(layout, 0, CLADE__VALUE_DY)); /* the input's is not computed */
    assert_ptr_not_equal(value_of(layout, 2, CLADE__VALUE_DY),
                         value_of(layout, 3, CLADE__VALUE_DY));
    clade_model_free(model);
}

/* ---- memory ------------------------------------------------------------------------------------ */

static void record_all(clade_model *model)
{
    const clade__layout *layouts[] = {model->train_layout, model->infer_layout};
    for (int i = 0; i < 2; i++) {
        clade__plan plan;
        clade__commands *commands;
        assert_ok(clade__plan_open(&plan, model, layouts[i], layouts[i]->batch));
        assert_ok(clade__commands_create(&commands, model->device));
        assert_ok(clade__plan_record(&plan, model, layouts[i], commands, true, true));
        assert_ok(clade__commands_run(commands));
        assert_ok(clade_device_finish(model->device));
        clade__commands_free(commands);
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
        cmocka_unit_test(an_activation_s_gradient_is_made_in_place),
        cmocka_unit_test(the_device_is_asked_for_what_was_planned),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
