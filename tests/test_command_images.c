/* The clade command on folders of images: classes go by their names, predictions name the files, and what is
 * refused is named. */
#include "command.h"

#include <stdio.h>
#include <sys/stat.h>

#include "pictures.h"

static char folder[512];

static const char *in(const char *name)
{
    return test_text("%s/%s", folder, name);
}

/* A grey PNG of one brightness, of any size. */
static void put(const char *name, int brightness, int height, int width)
{
    static picture made;
    unsigned char pixels[32 * 32];
    memset(pixels, brightness, sizeof pixels);
    picture_png(&made, pixels, height, width, &(png_how){0});
    test_write_file(in(name), made.bytes, made.n);
}

/* Classes by how bright they are. `seen` lacks the first of those of `all`, so that it numbers the others
 * differently. */
static int make_folders(void **state)
{
    static const char *const names[] = {"all", "all/black", "all/grey", "all/white",
                                        "seen", "seen/grey", "seen/white", "strange", "strange/green", "new"};
    static const char *const classes[] = {"black", "grey", "white"};
    if (test_find_device(state) != 0) return -1;
    snprintf(folder, sizeof folder, "%s", test_folder());
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(mkdir(in(names[i]), 0777), 0);
    for (int i = 0; i < 30; i++)
        put(test_text("all/%s/%02d.png", classes[i % 3], i), 10 + 115 * (i % 3) + i / 3, 3 + i % 5, 4);
    for (int i = 1; i < 3; i++) put(test_text("seen/%s/1.png", classes[i]), 15 + 115 * i, 4, 4);
    put("strange/green/1.png", 100, 4, 4);
    put("new/b.png", 130, 5, 7);
    put("new/a.png", 240, 4, 4);
    return 0;
}

static void classes_go_by_name(void **state)
{
    (void)state;
    char model[700];
    snprintf(model, sizeof model, "%s/model.safetensors", in("run"));
    command_result result = command_expect(
        COMMAND("train", "--model", "mlp:16", "--data", test_text("images:%s?size=4", in("all")), "--valid",
                test_text("images:%s", in("seen")), "--standardize", "--optimizer", "adam", "--lr", "0.01",
                "--epochs", "60", "--batch", "8", "--run", in("run")), 0);
    command_free(&result);
    result = command_expect(COMMAND("eval", model, "--data", test_text("images:%s", in("seen")), "--json"), 0);
    cJSON *document = command_json(result.out);
    assert_true(command_number(document, "accuracy") == 1.0);
    cJSON_Delete(document);
    command_free(&result);

    result = command_expect(
        COMMAND("predict", model, "--data", test_text("images:%s?labels=none&size=4", in("new"))), 0);
    assert_non_null(strstr(result.out, "index,file,class,p_black,p_grey,p_white\n0,a.png,white,"));
    assert_non_null(strstr(result.out, "\n1,b.png,grey,"));
    command_free(&result);
    result = command_expect(COMMAND("predict", model, "--data", test_text("images:%s", in("seen"))), 0);
    assert_non_null(strstr(result.out, "\n0,grey/1.png,grey,"));
    command_free(&result);

    command_expect_error(COMMAND("eval", model, "--data", test_text("images:%s", in("strange")), "--quiet"), 4,
                         "is of class 'green', which the model was not trained on");
    command_expect_error(COMMAND("predict", model, "--data", test_text("images:%s", in("seen")), "--keep", "id"),
                         2, "only the name of each image can, as 'file'");
}

static void what_is_refused_is_named(void **state)
{
    (void)state;
    static const unsigned char start[] = {0xff, 0xd8, 0xff, 0xe0};
    const char *data = test_text("images:%s", in("all"));
    command_expect_error(COMMAND("train", "--model", "linear", "--data", data, "--quiet"), 4,
                         "; add size=N, to which all are scaled and cut");
    test_write_file(in("strange/green/2.jpg"), start, sizeof start);
    data = test_text("images:%s?test=0", in("strange"));
    command_expect_error(COMMAND("train", "--model", "linear", "--data", data, "--quiet"), 4,
                         "green/2.jpg' is truncated");
    assert_int_equal(mkdir(in("strange/blue"), 0777), 0);
    command_expect_error(COMMAND("train", "--model", "linear", "--data", data, "--quiet"), 4,
                         "strange/blue', a class, has no images");
    data = test_text("images:%s?labels=none", in("new"));
    command_expect_error(COMMAND("train", "--model", "linear", "--data", data, "--quiet"), 4, "size=N");
    data = test_text("images:%s?labels=none&size=4", in("new"));
    command_expect_error(COMMAND("train", "--model", "linear", "--data", data, "--quiet"), 4,
                         "has neither labels nor targets: there is nothing to learn from it");
    command_expect_error(COMMAND("train", "--model", "linear", "--data", in("all"), "--quiet"), 2,
                         test_text("did you mean 'images:%s'", in("all")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(classes_go_by_name),
                                       cmocka_unit_test(what_is_refused_is_named)};
    return cmocka_run_group_tests_name("command_images", tests, make_folders, NULL);
}
