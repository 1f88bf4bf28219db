/* Blocks of a description: what a use of one becomes, and what is wrong with one, with its place. */
#include <stdio.h>

#include "network.h"

/* The description of a model that is built from json, which blocks have left. */
static void becomes(const char *json, const char *want)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, NULL, 1));
    clade_node *output = clade_model_layers(model, json);
    if (!output) fail_msg("%s", clade_error());
    char *text = clade__model_describe(model);
    assert_non_null(strstr(text, want));
    free(text);
    clade_model_free(model);
}

static void a_use_is_the_layers_of_the_block(void **state)
{
    (void)state;
    becomes("{\"input\":[8],\"blocks\":{\"pair\":[{\"type\":\"linear\",\"units\":\"$width\"},{\"type\":\"relu\"}]},"
            "\"layers\":[{\"block\":\"pair\",\"width\":5}," LINEAR(3) "]}",
            "\"layers\":[{\"type\":\"linear\",\"name\":\"pair.0\",\"units\":5},{\"type\":\"relu\",\"name\":\"pair.1\"},"
            LINEAR(3) "]");
    becomes("{\"input\":[8],\"blocks\":{\"pair\":[{\"type\":\"linear\",\"units\":\"$width\",\"name\":\"fc\"},"
            "{\"type\":\"relu\"}]},\"layers\":[{\"block\":\"pair\",\"name\":\"body\",\"width\":5,\"repeat\":2,"
            "\"first\":1}]}",
            "[{\"type\":\"linear\",\"name\":\"body.1.fc\",\"units\":5},{\"type\":\"relu\",\"name\":\"body.1.1\"},"
            "{\"type\":\"linear\",\"name\":\"body.2.fc\",\"units\":5},{\"type\":\"relu\",\"name\":\"body.2.1\"}]");
}

/* A residual block: "in" is the layer before, or the input, whatever its name. */
static void inputs_are_those_of_the_block(void **state)
{
    (void)state;
    static const char block[] =
        "\"blocks\":{\"residual\":[{\"type\":\"linear\",\"units\":8,\"name\":\"a\"},{\"type\":\"tanh\"},"
        "{\"type\":\"add\",\"inputs\":[\"1\",\"in\"]}]}";
    static const char first[] = "{\"type\":\"linear\",\"name\":\"r.0.a\",\"units\":8},{\"type\":\"tanh\",\"name\":"
                                "\"r.0.1\"},{\"type\":\"add\",\"name\":\"r.0.2\",\"inputs\":[\"r.0.1\",\"%s\"]}";
    char want[1024], part[512];
    snprintf(part, sizeof part, first, "input");
    snprintf(want, sizeof want, "[%s,{\"type\":\"linear\",\"name\":\"r.1.a\",\"units\":8},{\"type\":\"tanh\",\"name\":"
             "\"r.1.1\"},{\"type\":\"add\",\"name\":\"r.1.2\",\"inputs\":[\"r.1.1\",\"r.0.2\"]}]", part);
    becomes(test_text("{\"input\":[8],%s,\"layers\":[{\"block\":\"residual\",\"name\":\"r\",\"repeat\":2}]}", block),
            want);
    snprintf(part, sizeof part, first, "0");
    becomes(test_text("{\"input\":[4],%s,\"layers\":[" LINEAR(8) ",{\"block\":\"residual\",\"name\":\"r\","
                      "\"repeat\":1}]}", block), part);
    snprintf(part, sizeof part, first, "stem");
    becomes(test_text("{\"input\":[4],%s,\"layers\":[{\"type\":\"linear\",\"units\":8,\"name\":\"stem\"},"
                      "{\"block\":\"residual\",\"name\":\"r\",\"repeat\":1}]}", block), part);
    /* From an earlier layer, which another one follows; both halves are used. */
    becomes(test_text("{\"input\":[4],%s,\"layers\":[{\"type\":\"linear\",\"units\":8,\"name\":\"stem\"},{\"type\":\"relu\","
                      "\"name\":\"side\"},{\"block\":\"residual\",\"name\":\"r\",\"inputs\":[\"stem\"]},"
                      "{\"type\":\"add\",\"inputs\":[\"side\",\"r.2\"]}]}", block),
            "{\"type\":\"linear\",\"name\":\"r.a\",\"inputs\":[\"stem\"],\"units\":8}");
}

static void refused(const char *rest, const char *message)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, NULL, 1));
    assert_null(clade_model_layers(model, test_text("{\"input\":[8],%s}", rest)));
    if (!strstr(clade_error(), message)) fail_msg("\"%s\", want \"%s\"", clade_error(), message);
    clade_model_free(model);
}

static void what_is_wrong_has_a_place(void **state)
{
    (void)state;
#define PAIR "\"blocks\":{\"pair\":[{\"type\":\"linear\",\"units\":\"$width\"},{\"type\":\"relu\"}]},"
    refused(PAIR "\"layers\":[{\"block\":\"pear\"}]", "model.layers[0].block: model.blocks has no block 'pear'");
    refused("\"layers\":[{\"block\":\"pair\"}]", "model.layers[0].block: model.blocks has no block 'pair'");
    refused(PAIR "\"layers\":[{\"block\":\"pair\"}]",
            "model.blocks.pair[0]: model.layers[0] uses it without a value for $width");
    refused(PAIR "\"layers\":[{\"block\":\"pair\",\"width\":2,\"widht\":3}]",
            "model.layers[0].widht: the block 'pair' has no $widht");
    refused(PAIR "\"layers\":[{\"block\":\"pair\",\"width\":2,\"repeat\":0}]",
            "model.layers[0].repeat: want a whole number from 1 to 1000");
    refused(PAIR "\"layers\":[{\"block\":\"pair\",\"width\":-2}]", "model.blocks.pair[0].units: ");
    refused(PAIR "\"layers\":[{\"block\":\"pair\",\"width\":2},{\"type\":\"relux\"}]",
            "model.layers[1].type: unknown layer 'relux'");
    refused(PAIR "\"layers\":[{\"block\":\"pair\",\"width\":2,\"inputs\":[\"a\",\"b\"]}]",
            "model.layers[0].inputs: want the name of one layer in a list");
    refused("\"blocks\":{\"a\":[]},\"layers\":[{\"block\":\"a\"}]", "model.blocks.a: want a list of layers");
    refused("\"blocks\":[],\"layers\":[{\"block\":\"a\"}]", "model.blocks: want a mapping");
    refused("\"blocks\":{\"a\":[{\"block\":\"a\"}]},\"layers\":[{\"block\":\"a\"}]",
            "model.blocks.a[0]: want a layer, a mapping with a type; a block has no blocks inside");
    refused("\"blocks\":{\"a\":[{\"type\":\"relu\"}]},\"layers\":[{\"block\":\"a\",\"name\":\"n\"},"
            "{\"block\":\"a\",\"name\":\"n\"}]", "model.blocks.a[0]: name: 'n.0' is taken by another layer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_use_is_the_layers_of_the_block),
        cmocka_unit_test(inputs_are_those_of_the_block),
        cmocka_unit_test(what_is_wrong_has_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
