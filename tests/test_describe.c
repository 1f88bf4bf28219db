/* Descriptions in JSON: read into nodes and written again, and every error by its place. No device
 * is needed. */
#include "network.h"

#include <cjson/cJSON.h>

static clade_model *described(const char *json)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, NULL, 1));
    if (!clade_model_layers(model, json)) fail_msg("%s", clade_error());
    return model;
}

static void assert_described(const clade_model *model, const char *want)
{
    char *text = clade__model_describe(model);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

#define MODEL(layers) "{\"input\":[2,3,4],\"layers\":[" layers "],\"loss\":\"cross_entropy\"}"

/* Texts in the form in which they are written. */
static const char *const descriptions[] = {
    MODEL("{\"type\":\"linear\",\"units\":5}"),
    MODEL("{\"type\":\"linear\",\"units\":5,\"bias\":false}"),
    MODEL("{\"type\":\"linear\",\"units\":5,\"init\":\"xavier\",\"bias_init\":\"he\"}"),
    MODEL("{\"type\":\"linear\",\"units\":5,\"init\":\"he\"}"),
    MODEL("{\"type\":\"linear\",\"units\":5,\"init\":{\"type\":\"normal\",\"mean\":-0.1,"
          "\"std\":0.02},\"bias_init\":{\"type\":\"constant\",\"value\":1e-30}}"),
    MODEL("{\"type\":\"linear\",\"units\":5,\"init\":{\"type\":\"normal\",\"mean\":0,"
          "\"std\":0.33333334}}"),
    MODEL("{\"type\":\"sigmoid\"}"),
    MODEL("{\"type\":\"tanh\"}"),
    MODEL("{\"type\":\"relu\"}"),
    MODEL("{\"type\":\"leaky_relu\",\"slope\":0.01}"),
    MODEL("{\"type\":\"leaky_relu\",\"slope\":0.12345679}"),
    MODEL("{\"type\":\"gelu\"}"),
    MODEL("{\"type\":\"dropout\",\"p\":0.3}"),
    MODEL("{\"type\":\"flatten\"}"),
    MODEL("{\"type\":\"softmax\"}"),
    MODEL("{\"type\":\"log_softmax\"}"),
    MODEL("{\"type\":\"add\",\"inputs\":[\"input\",\"input\"]}"),
    MODEL("{\"type\":\"sum\",\"dim\":0}"),
    MODEL("{\"type\":\"mean\",\"dim\":1}"),
    MODEL("{\"type\":\"max\",\"dim\":2}"),
    MODEL("{\"type\":\"max\",\"dim\":-1}"),
    MODEL("{\"type\":\"argmax\",\"dim\":2}"),
    MODEL("{\"type\":\"conv2d\",\"out_channels\":5,\"kernel_size\":[3,4],\"stride\":1,\"padding\":\"same\",\"dilation\":1,\"groups\":1}"),
    MODEL("{\"type\":\"conv2d\",\"out_channels\":5,\"kernel_size\":3,\"stride\":1,\"padding\":1,\"dilation\":1,\"groups\":1}"),
    MODEL("{\"type\":\"conv2d\",\"out_channels\":5,\"kernel_size\":[2,3],\"stride\":[1,2],\"padding\":[0,2],\"dilation\":[1,2],"
          "\"groups\":1,\"bias\":false,\"init\":\"he\"}"),
    MODEL("{\"type\":\"conv_transpose2d\",\"out_channels\":4,\"kernel_size\":[3,2],\"stride\":[2,3],\"padding\":1,"
          "\"output_padding\":[1,0],\"dilation\":1,\"groups\":2}"),
    MODEL("{\"type\":\"conv_transpose2d\",\"out_channels\":5,\"kernel_size\":3,\"stride\":1,\"padding\":0,"
          "\"output_padding\":1,\"dilation\":[2,3],\"groups\":1,\"bias\":false,\"init\":\"he\"}"),
    MODEL("{\"type\":\"concat\",\"dim\":-1}"),
    MODEL("{\"type\":\"concat\",\"inputs\":[\"input\",\"input\",\"input\"],\"dim\":0}"),
    MODEL("{\"type\":\"slice\",\"dim\":1,\"start\":-2,\"length\":2}"),
    MODEL("{\"type\":\"split\",\"dim\":2,\"sizes\":[1,3]},{\"type\":\"relu\"},"
          "{\"type\":\"concat\",\"inputs\":[\"0:1\",\"1\",\"0\"],\"dim\":-1},"
          "{\"type\":\"relu\",\"name\":\"r\",\"inputs\":[\"0:1\"]}"),
    MODEL("{\"type\":\"group_norm\",\"num_groups\":2,\"eps\":0.5,\"affine\":false}"),
    MODEL("{\"type\":\"multiply\",\"inputs\":[\"input\",\"input\"]}"),
    MODEL("{\"type\":\"reshape\",\"shape\":[4,-1]}"),
    MODEL("{\"type\":\"upsample\",\"scale_factor\":[2,1]}"),
    MODEL("{\"type\":\"batch_norm\",\"eps\":1e-05,\"momentum\":0}"),
    MODEL("{\"type\":\"batch_norm\",\"eps\":0.5,\"momentum\":1,\"affine\":false}"),
    MODEL("{\"type\":\"max_pool2d\",\"kernel_size\":[2,3],\"stride\":1,\"padding\":[1,0],"
          "\"dilation\":1}"),
    MODEL("{\"type\":\"avg_pool2d\",\"kernel_size\":3,\"stride\":[1,2],\"padding\":1}"),
    MODEL("{\"type\":\"avg_pool2d\",\"kernel_size\":2,\"stride\":2,\"padding\":1,"
          "\"count_include_pad\":false}"),
    MODEL("{\"type\":\"adaptive_avg_pool2d\",\"output_size\":[1,7]}"),
    MODEL("{\"type\":\"relu\",\"name\":\"first_one-2\"},{\"type\":\"tanh\",\"inputs\":[\"input\"]},"
          "{\"type\":\"add\",\"name\":\"s\",\"inputs\":[\"first_one-2\",\"1\"]},"
          "{\"type\":\"linear\",\"units\":5}"),
};
enum { N_DESCRIPTIONS = sizeof descriptions / sizeof descriptions[0] };

static void a_description_is_written_as_it_was_read(void **state)
{
    (void)state;
    for (int i = 0; i < N_DESCRIPTIONS; i++) {
        clade_model *model = described(descriptions[i]);
        assert_described(model, descriptions[i]);
        clade_model_free(model);
    }
}

static void every_layer_is_described(void **state)
{
    (void)state;
    for (int t = 0; clade__layer_type_at(t); t++) {
        const char *key = test_text("\"type\":\"%s\"", clade__layer_type_at(t)->name);
        int n = 0;
        for (int i = 0; i < N_DESCRIPTIONS; i++) n += strstr(descriptions[i], key) != NULL;
        if (n == 0) fail_msg("no description has %s", key);
    }
}

/* Other ways to say the same, what is left out, and nodes made by calls. */
static void what_is_left_out_has_its_default(void **state)
{
    (void)state;
    static const struct {
        const char *layer, *want;
    } cases[] = {
        {"{\"type\":\"linear\",\"units\":5,\"bias\":true,\"init\":\"default\","
         "\"bias_init\":{\"type\":\"default\"}}",
         "{\"type\":\"linear\",\"units\":5}"},
        {"{\"units\":5,\"type\":\"linear\",\"init\":\"normal\",\"bias_init\":\"constant\"}",
         "{\"type\":\"linear\",\"units\":5,\"init\":{\"type\":\"normal\",\"mean\":0,\"std\":1},"
         "\"bias_init\":{\"type\":\"constant\",\"value\":0}}"},
        {"{\"type\":\"conv2d\",\"out_channels\":5,\"kernel_size\":[2,2]}",
         "{\"type\":\"conv2d\",\"out_channels\":5,\"kernel_size\":2,\"stride\":1,\"padding\":0,\"dilation\":1,\"groups\":1}"},
        {"{\"type\":\"conv_transpose2d\",\"out_channels\":5,\"kernel_size\":[2,2],\"bias\":true}",
         "{\"type\":\"conv_transpose2d\",\"out_channels\":5,\"kernel_size\":2,\"stride\":1,\"padding\":0,"
         "\"output_padding\":0,\"dilation\":1,\"groups\":1}"},
        {"{\"type\":\"leaky_relu\"}", "{\"type\":\"leaky_relu\",\"slope\":0.01}"},
        {"{\"type\":\"dropout\"}", "{\"type\":\"dropout\",\"p\":0.5}"},
        {"{\"type\":\"dropout\",\"p\":0}", "{\"type\":\"dropout\",\"p\":0}"},
        {"{\"type\":\"sum\"}", "{\"type\":\"sum\",\"dim\":-1}"},
        {"{\"type\":\"concat\"}", "{\"type\":\"concat\",\"dim\":-1}"},
        {"{\"type\":\"slice\",\"length\":4}",
         "{\"type\":\"slice\",\"dim\":-1,\"start\":0,\"length\":4}"},
        {"{\"type\":\"split\",\"sizes\":[4]}", "{\"type\":\"split\",\"dim\":-1,\"sizes\":[4]}"},
        {"{\"type\":\"batch_norm\",\"affine\":true}",
         "{\"type\":\"batch_norm\",\"eps\":1e-05,\"momentum\":0.1}"},
        {"{\"type\":\"max_pool2d\",\"kernel_size\":[3,3]}",
         "{\"type\":\"max_pool2d\",\"kernel_size\":3,\"stride\":3,\"padding\":0,\"dilation\":1}"},
        {"{\"type\":\"avg_pool2d\",\"kernel_size\":[2,3],\"count_include_pad\":true}",
         "{\"type\":\"avg_pool2d\",\"kernel_size\":[2,3],\"stride\":[2,3],\"padding\":0}"},
        {"{\"type\":\"relu\",\"inputs\":[\"input\"]}", "{\"type\":\"relu\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_model *model = described(test_text("{\"layers\":[%s],\"input\":[2,3,4]}",
                                                 cases[i].layer));
        assert_described(model, test_text(MODEL("%s"), cases[i].want));
        clade_model_free(model);
    }
    clade_model *model;
    assert_ok(clade_model_create(&model, NULL, 1));
    clade_node *x = clade_input(model, CLADE_SHAPE(2, 3, 4));
    clade_node *h = clade_leaky_relu(x, 0.5f);
    clade_node *mean = clade_mean(h, 0);
    clade_add(mean, clade_max(x, 0));
    assert_described(model, MODEL("{\"type\":\"leaky_relu\",\"slope\":0.5},"
                                  "{\"type\":\"mean\",\"dim\":0},"
                                  "{\"type\":\"max\",\"inputs\":[\"input\"],\"dim\":0},"
                                  "{\"type\":\"add\",\"inputs\":[\"1\",\"2\"]}"));
    clade_model_free(model);
}

static void names_are_those_of_parameters(void **state)
{
    (void)state;
    clade_model *model = described(MODEL("{\"type\":\"linear\",\"units\":5,\"name\":\"a\"},"
                                         "{\"type\":\"relu\"},{\"type\":\"linear\",\"units\":2}"));
    static const char *const want[] = {"a.weight", "a.bias", "2.weight", "2.bias"};
    assert_int_equal(model->graph.n_parameters, 4);
    for (int i = 0; i < 4; i++) assert_string_equal(model->graph.parameters[i].name, want[i]);
    clade_model_free(model);
}

/* ---- errors ------------------------------------------------------------------------------------ */

#define LAYER(text) MODEL("{\"type\":\"relu\"},{" text "}")
#define CONV(kernel_size) LAYER("\"type\":\"conv2d\",\"out_channels\":5,\"kernel_size\":" kernel_size)

#define TRANSPOSED(kernel_size)                                                                    \
    LAYER("\"type\":\"conv_transpose2d\",\"out_channels\":5,\"kernel_size\":" kernel_size)

static void errors_say_where(void **state)
{
    static const struct {
        const char *json, *message; /* the whole of its beginning */
    } cases[] = {
        {"", "model: not valid JSON"},
        {"{", "model: not valid JSON"},
        {"[]", "model: want a mapping"},
        {"{}", "model.input: want the shape of a sample, a list of 1 to 5 whole numbers"},
        {"{\"imput\":[3]}", "model.imput: unknown key; did you mean 'input'?"},
        {"{\"input\":3}", "model.input: want the shape"},
        {"{\"input\":[]}", "model.input: want the shape"},
        {"{\"input\":[1,1,1,1,1,1]}", "model.input: want the shape"},
        {"{\"input\":[2.5]}", "model.input: want whole numbers of at least 1"},
        {"{\"input\":[0]}", "model.input: want whole numbers of at least 1"},
        {"{\"input\":[\"3\"]}", "model.input: want whole numbers of at least 1"},
        {"{\"input\":[100000,100000]}", "model.input: input: more than"},
        {"{\"input\":[3]}", "model.layers: want a list of 1 to 10000 layers"},
        {"{\"input\":[3],\"layers\":[]}", "model.layers: want a list"},
        {"{\"input\":[3],\"layers\":{}}", "model.layers: want a list"},
        {MODEL("{\"type\":\"relu\"},7"), "model.layers[1]: want a mapping such as {type: linear"},
        {LAYER(""), "model.layers[1]: a layer wants a type"},
        {LAYER("\"type\":7"), "model.layers[1]: a layer wants a type"},
        {LAYER("\"type\":\"rellu\""),
         "model.layers[1].type: unknown layer 'rellu'; did you mean 'relu'?"},
        {LAYER("\"type\":\"convolution\""), "model.layers[1].type: unknown layer 'convolution'; "
                                            "one of linear, sigmoid, tanh, relu, leaky_relu, gelu"},
        {LAYER("\"type\":\"relu\",\"slope\":1"), "model.layers[1].slope: unknown key; one of type, "
                                                 "name, inputs"},
        {LAYER("\"type\":\"linear\",\"unit\":1"),
         "model.layers[1].unit: unknown key; did you mean 'units'?"},
        {LAYER("\"type\":\"linear\""), "model.layers[1]: linear wants units"},
        {LAYER("\"type\":\"linear\",\"units\":\"5\""), "model.layers[1].units: want a number"},
        {LAYER("\"type\":\"linear\",\"units\":0"), "model.layers[1].units: 0, want a whole number "
                                                   "of at least 1"},
        {LAYER("\"type\":\"linear\",\"units\":2.5"), "model.layers[1].units: 2.5, want a whole"},
        {LAYER("\"type\":\"linear\",\"units\":1e10"), "model.layers[1].units: 10000000000, want"},
        {LAYER("\"type\":\"linear\",\"units\":1e999"), "model.layers[1].units: want a number"},
        {LAYER("\"type\":\"linear\",\"units\":1000000000"), "model.layers[1]: 1.weight: more than"},
        {LAYER("\"type\":\"linear\",\"units\":1,\"bias\":1"), "model.layers[1].bias: want true or "
                                                              "false"},
        {LAYER("\"type\":\"linear\",\"units\":1,\"init\":\"xaver\""),
         "model.layers[1].init: unknown initialiser 'xaver'; did you mean 'xavier'?"},
        {LAYER("\"type\":\"linear\",\"units\":1,\"init\":7"),
         "model.layers[1].init: want a name or a mapping"},
        {LAYER("\"type\":\"linear\",\"units\":1,\"bias_init\":{\"value\":1}"),
         "model.layers[1].bias_init: want a name or a mapping"},
        {LAYER("\"type\":\"linear\",\"units\":1,\"init\":{\"type\":\"normal\",\"sd\":1}"),
         "model.layers[1].init.sd: unknown key; did you mean 'std'?"},
        {LAYER("\"type\":\"linear\",\"units\":1,\"init\":{\"type\":\"normal\",\"std\":-1}"),
         "model.layers[1].init.std: -1, want at least 0"},
        {LAYER("\"type\":\"linear\",\"units\":1,\"init\":{\"type\":\"normal\",\"mean\":1e60}"),
         "model.layers[1].init.mean: want a number"},
        {LAYER("\"type\":\"leaky_relu\",\"slope\":\"x\""), "model.layers[1].slope: want a number"},
        {LAYER("\"type\":\"leaky_relu\",\"slope\":1e60"), "model.layers[1].slope: want a number"},
        {LAYER("\"type\":\"leaky_relu\",\"slope\":-1"), "model.layers[1]: leaky_relu: slope is -1"},
        {LAYER("\"type\":\"dropout\",\"p\":\"x\""), "model.layers[1].p: want a number"},
        {LAYER("\"type\":\"dropout\",\"p\":1.5"), "model.layers[1]: dropout: p is 1.5, want 0 to"},
        {LAYER("\"type\":\"dropout\",\"p\":-1"), "model.layers[1]: dropout: p is -1, want 0 to 1"},
        {LAYER("\"type\":\"sum\",\"dim\":3"), "model.layers[1]: sum: dim is 3, and a sample has 3"},
        {LAYER("\"type\":\"sum\",\"dim\":-2"), "model.layers[1].dim: -2, want a whole number of at "
                                               "least -1"},
        {LAYER("\"type\":\"add\""), "model.layers[1]: add wants inputs, 2 names"},
        {LAYER("\"type\":\"add\",\"inputs\":[\"0\"]"), "model.layers[1].inputs: want a list of 2 "
                                                       "names"},
        {LAYER("\"type\":\"concat\",\"inputs\":[]"), "model.layers[1].inputs: want a list of 1 name or more"},
        {LAYER("\"type\":\"concat\",\"dim\":3"), "model.layers[1]: concat: dim is 3, and a sample has 3"},
        {LAYER("\"type\":\"slice\""), "model.layers[1]: slice wants length"},
        {LAYER("\"type\":\"slice\",\"length\":0"), "model.layers[1].length: 0, want a whole number of at"},
        {LAYER("\"type\":\"slice\",\"length\":5"), "model.layers[1]: slice: start is 0 and length 5, and "
                                                     "dimension 2 of (2, 3, 4) has 4"},
        {LAYER("\"type\":\"split\""), "model.layers[1]: split wants sizes"},
        {LAYER("\"type\":\"split\",\"sizes\":4"), "model.layers[1].sizes: want a list of 1 to 64 whole"},
        {LAYER("\"type\":\"split\",\"sizes\":[1,2.5]"), "model.layers[1].sizes: want a list of 1 to 64"},
        {LAYER("\"type\":\"split\",\"sizes\":[1,\"3\"]"), "model.layers[1].sizes: want a list of 1"},
        {LAYER("\"type\":\"split\",\"sizes\":[1e300]"), "model.layers[1].sizes: want a list of 1"},
        {LAYER("\"type\":\"split\",\"sizes\":[]"), "model.layers[1]: split: sizes has 0 numbers, want 1"},
        {LAYER("\"type\":\"split\",\"sizes\":[4,0]"), "model.layers[1]: split: sizes is 0, want at least 1"},
        {LAYER("\"type\":\"split\",\"sizes\":[1,2]"), "model.layers[1]: split: sizes are 3 together, and "
                                                      "dimension 2 of (2, 3, 4) has 4"},
        {LAYER("\"type\":\"group_norm\""), "model.layers[1]: group_norm wants num_groups"},
        {LAYER("\"type\":\"group_norm\",\"num_groups\":3"), "model.layers[1]: group_norm: num_groups is 3, want "
                                                           "a divisor of the channels, 2"},
        {LAYER("\"type\":\"reshape\",\"shape\":[5,5]"), "model.layers[1]: reshape: shape is (5, 5), and a "
                                                       "sample is (2, 3, 4)"},
        {LAYER("\"type\":\"reshape\""), "model.layers[1]: reshape wants shape"},
        {LAYER("\"type\":\"upsample\",\"scale_factor\":1.5"), "model.layers[1].scale_factor: want a whole"},
        {LAYER("\"type\":\"batch_norm\",\"momentum\":2"), "model.layers[1]: batch_norm: momentum is 2, want 0"},
        {LAYER("\"type\":\"batch_norm\",\"eps\":0"), "model.layers[1]: batch_norm: eps is 0, want a number"},
        {LAYER("\"type\":\"max_pool2d\""), "model.layers[1]: max_pool2d wants kernel_size"},
        {LAYER("\"type\":\"max_pool2d\",\"kernel_size\":\"3\""), "model.layers[1].kernel_size: want a "
                                                                   "whole number, or two for height and"},
        {LAYER("\"type\":\"max_pool2d\",\"kernel_size\":[1,2,3]"), "model.layers[1].kernel_size: want a"},
        {LAYER("\"type\":\"max_pool2d\",\"kernel_size\":[1,2.5]"), "model.layers[1].kernel_size: want a"},
        {LAYER("\"type\":\"max_pool2d\",\"kernel_size\":[2,0]"), "model.layers[1].kernel_size: 0, want a "
                                                                 "whole number of at least 1"},
        {LAYER("\"type\":\"max_pool2d\",\"kernel_size\":2,\"padding\":-1"), "model.layers[1].padding: -1, "
                                                                            "want a whole number of at"},
        {LAYER("\"type\":\"max_pool2d\",\"kernel_size\":5"), "model.layers[1]: max_pool2d: the window is 5 x "
                                                             "5, and the image with its padding 3 x 4"},
        {LAYER("\"type\":\"avg_pool2d\",\"kernel_size\":2,\"ceil_mode\":true"), "model.layers[1].ceil_mode: "
                                                                                "unknown key"},
        {LAYER("\"type\":\"adaptive_avg_pool2d\",\"output_size\":0"), "model.layers[1].output_size: 0, want"},
        {LAYER("\"type\":\"conv2d\",\"out_channels\":5"), "model.layers[1]: conv2d wants kernel_size"},
        {CONV("\"3\""), "model.layers[1].kernel_size: want a whole number, or two for height and width"},
        {CONV("[3]"), "model.layers[1].kernel_size: want a whole number, or two"},
        {CONV("[1,2.5]"), "model.layers[1].kernel_size: want a whole number, or two"},
        {CONV("0"), "model.layers[1].kernel_size: 0, want a whole number of at least 1"},
        {CONV("5"), "model.layers[1]: conv2d: a kernel over 5 elements is larger than the padded input, "
                    "whose height is 3"},
        {CONV("1,\"padding\":[0,-1]"), "model.layers[1].padding: -1, want a whole number of at least 0"},
        {CONV("1,\"padding\":\"some\""), "model.layers[1].padding: want a whole number, or two for height "
                                           "and width, or same"},
        {CONV("1,\"padding\":\"same\",\"stride\":2"), "model.layers[1]: conv2d: padding 'same' wants a "
                                                        "stride of 1"},
        {CONV("1,\"groups\":2"), "model.layers[1]: conv2d: groups is 2, which does not divide both 2 "
                                 "channels and 5 out_channels"},
        {CONV("1,\"groups\":0"), "model.layers[1].groups: 0, want a whole number of at least 1"},
        {LAYER("\"type\":\"conv_transpose2d\",\"kernel_size\":5"), "model.layers[1]: conv_transpose2d wants "
                                                                    "out_channels"},
        {TRANSPOSED("2,\"padding\":\"same\""), "model.layers[1].padding: want a whole number, or two for height"},
        {TRANSPOSED("2,\"padding\":-1"), "model.layers[1].padding: -1, want a whole number of at least 0"},
        {TRANSPOSED("2,\"output_padding\":[0,-1]"), "model.layers[1].output_padding: -1, want a whole number"},
        {TRANSPOSED("2,\"output_padding\":2,\"stride\":[3,2]"), "model.layers[1]: conv_transpose2d: "
         "output_padding is 2, want less than the larger of stride and dilation, 2"},
        {TRANSPOSED("2,\"padding\":2"), "model.layers[1]: conv_transpose2d: a padding of 2 leaves nothing of the "
                                        "output, whose height is 4 without it"},
        {TRANSPOSED("2,\"groups\":2"), "model.layers[1]: conv_transpose2d: groups is 2, which does not divide both "
                                       "2 channels and 5 out_channels"},
        {MODEL("{\"type\":\"flatten\"},{\"type\":\"conv2d\",\"out_channels\":5,\"kernel_size\":1}"),
         "model.layers[1]: conv2d: a sample is (24), want (channels, height, width)"},
        {LAYER("\"type\":\"relu\",\"inputs\":[\"0:1\"]"), "model.layers[1].inputs: no layer named '0:1'"},
        {LAYER("\"type\":\"relu\",\"inputs\":\"0\""), "model.layers[1].inputs: want a list of 1 "
                                                      "name"},
        {LAYER("\"type\":\"relu\",\"inputs\":[\"1\"]"), "model.layers[1].inputs: no layer named '1' "
                                                        "before this one"},
        {LAYER("\"type\":\"relu\",\"inputs\":[0]"), "model.layers[1].inputs: no layer named '?'"},
        {LAYER("\"type\":\"relu\",\"name\":7"), "model.layers[1].name: want a text"},
        {LAYER("\"type\":\"relu\",\"name\":\"\""), "model.layers[1]: name: '' has not 1 to 200 letters"},
        {LAYER("\"type\":\"relu\",\"name\":\"a..b\""), "model.layers[1]: name: 'a..b' has not"},
        {LAYER("\"type\":\"relu\",\"name\":\"a b\""), "model.layers[1]: name: 'a b' has not"},
        {LAYER("\"type\":\"relu\",\"name\":\"0\""), "model.layers[1]: name: '0' is taken"},
        {LAYER("\"type\":\"relu\",\"name\":\"input\""), "model.layers[1]: name: 'input' is taken"},
        {MODEL("{\"type\":\"argmax\"},{\"type\":\"relu\"}"), "model.layers[1]: relu: cannot follow "
                                                             "argmax"},
        {MODEL("{\"type\":\"relu\",\"name\":\"a\"},{\"type\":\"relu\",\"name\":\"a\"}"),
         "model.layers[1]: name: 'a' is taken"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_model *model;
        assert_ok(clade_model_create(&model, *state, 1));
        assert_null(clade_model_layers(model, cases[i].json));
        if (strncmp(clade_error(), cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("got \"%s\", want \"%s\"", clade_error(), cases[i].message);
        /* and compile says it again */
        assert_fails(clade_compile(model, NULL, &(clade_compile_options){0}), CLADE_ECONFIG,
                     cases[i].message);
        clade_model_free(model);
    }
}

static void long_names_do_no_harm(void **state)
{
    (void)state;
    char json[4000], name[1500];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    static const char *const forms[] = {
        "{\"%s\":1}", "{\"input\":[3],\"layers\":[{\"type\":\"%s\"}]}",
        "{\"input\":[3],\"layers\":[{\"type\":\"relu\",\"%s\":1}]}",
        "{\"input\":[3],\"layers\":[{\"type\":\"relu\",\"name\":\"%s\"}]}",
        "{\"input\":[3],\"layers\":[{\"type\":\"relu\",\"inputs\":[\"%s\"]}]}",
        "{\"input\":[3],\"layers\":[{\"type\":\"linear\",\"units\":1,\"init\":\"%s\"}]}",
        "{\"input\":[3],\"layers\":[{\"type\":\"linear\",\"units\":1,\"init\":{\"%s\":1}}]}"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        clade_model *model;
        const char *at = strstr(forms[i], "%s");
        size_t before = (size_t)(at - forms[i]);
        memcpy(json, forms[i], before);
        strcpy(json + before, name);
        strcat(json, at + 2);
        assert_ok(clade_model_create(&model, NULL, 1));
        assert_null(clade_model_layers(model, json));
        assert_true(strncmp(clade_error(), "model.", 6) == 0);
        clade_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_description_is_written_as_it_was_read),
        cmocka_unit_test(every_layer_is_described),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(names_are_those_of_parameters),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(long_names_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
