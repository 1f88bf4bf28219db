/* src/base: hashes against published values, texts, files, the arena, error messages. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <dirent.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

/* ---- hash ------------------------------------------------------------------------------------ */

static void hash_gives_the_published_values(void **state)
{
    (void)state; /* FNV-1a 64: draft-eastlake-fnv, test vectors */
    assert_true(clade__hash(CLADE__HASH_START, "", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(clade__hash(CLADE__HASH_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(clade__hash(CLADE__HASH_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
    uint64_t ab_c = clade__hash_text(clade__hash_text(CLADE__HASH_START, "ab"), "c");
    uint64_t a_bc = clade__hash_text(clade__hash_text(CLADE__HASH_START, "a"), "bc");
    assert_true(ab_c != a_bc);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void text_grows(void **state)
{
    (void)state;
    clade__text text = {0};
    char want[6001] = "";
    for (int i = 0; i < 1000; i++) {
        clade__text_append(&text, "%d,%s", i % 10, "abcd");
        snprintf(want + 6 * i, sizeof want - (size_t)(6 * i), "%d,abcd", i % 10);
    }
    clade__text_append(&text, "%s", "");
    assert_false(text.failed);
    assert_int_equal(text.length, 6000);
    assert_true(text.capacity > text.length);
    assert_string_equal(text.data, want);
    clade__text_free(&text);
    assert_null(text.data);
    clade__text_append(&text, "again"); /* it can be used again */
    assert_string_equal(text.data, "again");
    clade__text_free(&text);
}

static void names_are_copied(void **state)
{
    (void)state;
    const char *const names[] = {"a", "", "longer"};
    char **copy = clade__names_copy(names, 3);
    assert_non_null(copy);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(copy[i], names[i]);
        assert_ptr_not_equal(copy[i], names[i]);
    }
    free(copy);
}

static void utf8_is_told(void **state)
{
    (void)state;
    static const char *const good[] = {"", "cat", "Kühe", "\xc2\x80", "\xe0\xa0\x80", "日本",
                                       "\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {
        "K\xfche", "\x80", "\xc3", "a\xe2\x82", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
        "\xc3(", "\xe2\x82("};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(clade__is_utf8(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (clade__is_utf8(bad[i])) fail_msg("bad[%zu] is no UTF-8", i);
}

static void nearest_word_is_near(void **state)
{
    (void)state;
    static const char *const words[] = {"epochs", "batch", "momentum", "lr"};
    char long_word[80];
    memset(long_word, 'x', sizeof long_word);
    long_word[sizeof long_word - 1] = '\0';
    assert_string_equal(clade__nearest_word("epoch", words, 4), "epochs");
    assert_string_equal(clade__nearest_word("EPOCHS", words, 4), "epochs");
    assert_string_equal(clade__nearest_word("momemtun", words, 4), "momentum");
    assert_string_equal(clade__nearest_word("btach", words, 4), "batch");
    assert_null(clade__nearest_word("validate", words, 4));
    assert_null(clade__nearest_word("", words, 4));
    assert_null(clade__nearest_word(long_word, words, 4));
    assert_null(clade__nearest_word("epoch", words, 0));
}

static void suggestions_fit_their_space(void **state)
{
    (void)state;
    static const char *const words[] = {"sgd", "adam", "adamw"};
    char out[64], tiny[8];
    assert_string_equal(clade__suggest(out, sizeof out, "adan", words, 3),
                        "; did you mean 'adam'?");
    assert_string_equal(clade__suggest(out, sizeof out, "lbfgs", words, 3),
                        "; one of sgd, adam, adamw");
    clade__suggest(tiny, sizeof tiny, "lbfgs", words, 3);
    assert_string_equal(tiny, "; one o");
}

static void decimals_are_those_that_were_meant(void **state)
{
    (void)state;
    assert_true(clade__decimal(0.1f) == 0.1);
    assert_true(clade__decimal(1e-30f) == 1e-30);
    assert_true(clade__decimal(-123456.7f) == -123456.7);
    assert_true(clade__decimal(0.0f) == 0.0);
    assert_true((float)clade__decimal(1.0f / 3.0f) == 1.0f / 3.0f);
    assert_true(isnan(clade__decimal(NAN)) && isinf(clade__decimal(INFINITY)));
}

static void contains_ignores_case(void **state)
{
    (void)state;
    assert_true(clade__contains_nocase("Portable Computing Language", "computing"));
    assert_true(clade__contains_nocase("abc", ""));
    assert_true(clade__contains_nocase("abc", "BC"));
    assert_false(clade__contains_nocase("abc", "abcd"));
    assert_false(clade__contains_nocase("", "a"));
}

/* ---- files ----------------------------------------------------------------------------------- */

static int count_entries(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) n++;
    closedir(dir);
    return n;
}

static void files_come_back_as_written(void **state)
{
    (void)state;
    const char *folder = test_folder();
    char path[256];
    unsigned char *data;
    size_t n_bytes;
    snprintf(path, sizeof path, "%s/a", folder);

    assert_ok(clade__file_write(path, (clade__piece[]){{"old and longer", 14}}, 1));
    assert_ok(clade__file_write(path, (clade__piece[]){{"a\0b", 3}, {NULL, 0}, {"cd", 2}}, 3));
    assert_ok(clade__file_read(path, &data, &n_bytes));
    assert_int_equal(n_bytes, 5);
    assert_memory_equal(data, "a\0bcd", 6); /* with the zero behind */
    free(data);
    assert_int_equal(count_entries(folder), 1); /* no temporary is left */

    assert_ok(clade__file_write(path, NULL, 0));
    assert_ok(clade__file_read(path, &data, &n_bytes));
    assert_int_equal(n_bytes, 0);
    assert_int_equal(data[0], 0);
    free(data);
}

static void file_errors_say_which_and_why(void **state)
{
    (void)state;
    const char *folder = test_folder();
    char missing[256], inside[300];
    unsigned char *data = (unsigned char *)"";
    size_t n_bytes = 1;
    snprintf(missing, sizeof missing, "%s/missing", folder);
    snprintf(inside, sizeof inside, "%s/file", missing);

    assert_fails(clade__file_read(missing, &data, &n_bytes), CLADE_EIO, missing);
    assert_null(data);
    assert_int_equal(n_bytes, 0);
    assert_fails(clade__file_read(missing, &data, &n_bytes), CLADE_EIO, "No such file");
    assert_fails(clade__file_read(folder, &data, &n_bytes), CLADE_EIO, "not a regular file");
    assert_fails(clade__file_write(inside, NULL, 0), CLADE_EIO, inside);
    assert_fails(clade__file_check(inside), CLADE_EIO, inside);
    assert_fails(clade__file_check(folder), CLADE_EIO, "it is a folder");

    char long_path[8001];
    memset(long_path, 'x', 8000);
    long_path[8000] = '\0';
    assert_fails(clade__file_write(long_path, NULL, 0), CLADE_EIO, "cannot write 'xxx");
    assert_fails(clade__make_folder(long_path), CLADE_EIO, "cannot make folder 'xxx");
}

/* A file cannot replace a folder: the rename fails, and what was there stays. */
static void a_failed_write_changes_nothing(void **state)
{
    (void)state;
    const char *folder = test_folder();
    char path[256], kept[300];
    snprintf(path, sizeof path, "%s/a", folder);
    snprintf(kept, sizeof kept, "%s/kept", path);
    assert_ok(clade__make_folder(path));
    test_write_file(kept, "x", 1);
    assert_fails(clade__file_write(path, (clade__piece[]){{"new", 3}}, 1), CLADE_EIO, path);
    assert_int_equal(count_entries(folder), 1);
    assert_int_equal(access(kept, F_OK), 0);
}

static void what_a_killed_write_leaves_is_removed(void **state)
{
    (void)state;
    static const char *const names[] = {"a.tmp-1", "b.safetensors.tmp-123456", /* and these stay: */
                                        "a.tmp-", "a.tmp-1x", ".tmp-1", "a.tmp", "tmp-1", "a"};
    char folder[256];
    snprintf(folder, sizeof folder, "%s", test_folder());
    for (int i = 0; i < 8; i++) test_write_file(test_text("%s/%s", folder, names[i]), "x", 1);
    clade__remove_temporaries(folder);
    for (int i = 0; i < 8; i++)
        assert_int_equal(access(test_text("%s/%s", folder, names[i]), F_OK), i < 2 ? -1 : 0);
    clade__remove_temporaries(test_text("%s/missing", folder)); /* nothing to do */
}

static void folders_are_made_with_those_above(void **state)
{
    (void)state;
    const char *folder = test_folder();
    char deep[256], file[256], below[300];
    struct stat about;
    snprintf(deep, sizeof deep, "%s/a/b/c", folder);
    snprintf(file, sizeof file, "%s/file", folder);
    snprintf(below, sizeof below, "%s/under", file);

    assert_ok(clade__make_folder(deep));
    assert_ok(clade__make_folder(deep));
    assert_int_equal(stat(deep, &about), 0);
    assert_true(S_ISDIR(about.st_mode));

    test_write_file(file, "x", 1);
    assert_fails(clade__make_folder(file), CLADE_EIO, "a file of that name");
    assert_fails(clade__make_folder(below), CLADE_EIO, file);
    assert_fails(clade__make_folder(""), CLADE_EIO, "empty");
}

static void the_clock_goes_on(void **state)
{
    (void)state;
    double before = clade__seconds();
    assert_true(before > 0);
    assert_true(clade__seconds() >= before);
}

/* ---- arena ----------------------------------------------------------------------------------- */

static void arena_gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    clade__arena arena = {0};
    static const size_t sizes[] = {1, 3, 16, 100, 5000, 16384, 16385, 100000, 1, 0, 7};
    unsigned char *parts[sizeof sizes / sizeof sizes[0]];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        parts[i] = clade__arena_alloc(&arena, sizes[i]);
        assert_non_null(parts[i]);
        assert_int_equal((uintptr_t)parts[i] % alignof(max_align_t), 0);
        for (size_t j = 0; j < sizes[i]; j++) assert_int_equal(parts[i][j], 0);
        memset(parts[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) /* none overlaps another */
        for (size_t j = 0; j < sizes[i]; j++) assert_int_equal(parts[i][j], i + 1);

    char word[] = "text";
    char *copy = clade__arena_copy_text(&arena, word);
    word[0] = 'n';
    assert_string_equal(copy, "text");
    assert_null(clade__arena_alloc(&arena, SIZE_MAX - 8));
    clade__arena_free(&arena);
    assert_null(arena.last);
    clade__arena_free(&arena); /* nothing to do */
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void messages_are_one_line(void **state)
{
    (void)state;
    assert_int_equal(clade__fail(CLADE_ESHAPE, "first\nsecond\r\n %d \n", 3), CLADE_ESHAPE);
    assert_string_equal(clade_error(), "first second   3");

    assert_int_equal(clade__fail_in(CLADE_ECONFIG, "file.yaml:%d", 7), CLADE_ECONFIG);
    assert_string_equal(clade_error(), "file.yaml:7: first second   3");

    assert_int_equal(clade__fail(CLADE_EIO, "%s, again", clade_error()), CLADE_EIO);
    assert_string_equal(clade_error(), "file.yaml:7: first second   3, again");

    assert_int_equal(clade__fail_again(CLADE_EDATA, "100%s"), CLADE_EDATA); /* not a format */
    assert_string_equal(clade_error(), "100%s");
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    char long_text[5001];
    memset(long_text, 'x', 5000);
    long_text[5000] = '\0';
    assert_int_equal(clade__fail(CLADE_EIO, "%s", long_text), CLADE_EIO);
    assert_true(strlen(clade_error()) < 5000);
    assert_int_equal(clade__fail_in(CLADE_EIO, "prefix"), CLADE_EIO);
    assert_int_equal(strncmp(clade_error(), "prefix: xxx", 11), 0);
    assert_int_equal(clade__fail_in(CLADE_EIO, "%s", long_text), CLADE_EIO);
    assert_int_equal(clade_error()[0], 'x');
}

static void *fail_elsewhere(void *was_empty)
{
    *(bool *)was_empty = clade_error()[0] == '\0';
    (void)clade__fail(CLADE_EIO, "elsewhere");
    return NULL;
}

static void messages_belong_to_their_thread(void **state)
{
    (void)state;
    pthread_t thread;
    bool was_empty = false;
    (void)clade__fail(CLADE_EIO, "here");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, &was_empty), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(was_empty);
    assert_string_equal(clade_error(), "here");
}

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(clade_status_name(CLADE_OK), "CLADE_OK");
    assert_string_equal(clade_status_name(CLADE_ESTATE), "CLADE_ESTATE");
    assert_string_equal(clade_status_meaning(CLADE_ENODEVICE), "no suitable OpenCL device");
    assert_string_equal(clade_status_name((clade_status)99), "unknown status");
    assert_string_equal(clade_status_meaning((clade_status)99), "unknown status");
    int major, minor, patch;
    assert_int_equal(sscanf(clade_version(), "%d.%d.%d", &major, &minor, &patch), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_gives_the_published_values),
        cmocka_unit_test(text_grows),
        cmocka_unit_test(names_are_copied),
        cmocka_unit_test(utf8_is_told),
        cmocka_unit_test(nearest_word_is_near),
        cmocka_unit_test(suggestions_fit_their_space),
        cmocka_unit_test(decimals_are_those_that_were_meant),
        cmocka_unit_test(contains_ignores_case),
        cmocka_unit_test(files_come_back_as_written),
        cmocka_unit_test(file_errors_say_which_and_why),
        cmocka_unit_test(a_failed_write_changes_nothing),
        cmocka_unit_test(what_a_killed_write_leaves_is_removed),
        cmocka_unit_test(folders_are_made_with_those_above),
        cmocka_unit_test(the_clock_goes_on),
        cmocka_unit_test(arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(messages_are_one_line),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(messages_belong_to_their_thread),
        cmocka_unit_test(statuses_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
