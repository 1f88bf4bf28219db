/* src/base/json.h: what is written is the JSON that was meant, and reads back as the same. */
#include "support.h"

#include <float.h>
#include <locale.h>

#include <cjson/cJSON.h>

#include "base/json.h"

static void values_stand_where_they_belong(void **state)
{
    (void)state;
    clade__json json = {0};
    clade__json_object(&json, NULL);
    clade__json_string(&json, "a", "b");
    clade__json_list(&json, "list");
    clade__json_number(&json, NULL, 1);
    clade__json_object(&json, NULL);
    clade__json_object_end(&json);
    clade__json_list(&json, NULL);
    clade__json_list_end(&json);
    clade__json_bool(&json, NULL, true);
    clade__json_list_end(&json);
    clade__json_bool(&json, "no", false);
    clade__json_number(&json, "none", NAN);
    clade__json_string(&json, "nothing", NULL);
    clade__json_null(&json, "null");
    clade__json_object_end(&json);
    char *text = clade__json_finish(&json);
    assert_string_equal(text, "{\"a\":\"b\",\"list\":[1,{},[],true],\"no\":false,\"none\":null,"
                              "\"nothing\":null,\"null\":null}");
    free(text);

    clade__json_string(&json, NULL, "used again"); /* finish leaves nothing behind */
    text = clade__json_finish(&json);
    assert_string_equal(text, "\"used again\"");
    free(text);
}

static void texts_are_quoted(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"", "\"\""},
        {"\"", "\"\\\"\""},
        {"a\\b", "\"a\\\\b\""},
        {"two\nlines\x1f", "\"two\\u000alines\\u001f\""},
        {"100 % of Müller", "\"100 % of Müller\""},
        {"\x7f\xc2\x85\xe2\x80\xa8\xef\xbf\xbf", "\"\\u007f\\u0085\\u2028\\uffff\""}, /* for YAML */
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        clade__json json = {0};
        clade__json_string(&json, NULL, texts[i][0]);
        char *text = clade__json_finish(&json);
        assert_string_equal(text, texts[i][1]);
        cJSON *read = cJSON_Parse(text);
        assert_string_equal(cJSON_GetStringValue(read), texts[i][0]);
        cJSON_Delete(read);
        free(text);
    }
}

/* What is not UTF-8 is replaced byte by byte, and the document is JSON all the same. */
static void other_bytes_are_replaced(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"K\xfche", "\"K\\ufffdhe\""},
        {"caf\xe9", "\"caf\\ufffd\""},
        {"\xc3\"\xe2\x82", "\"\\ufffd\\\"\\ufffd\\ufffd\""},
        {"\xed\xa0\x80\xc3\xbc\x80", "\"\\ufffd\\ufffd\\ufffdü\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        clade__json json = {0};
        clade__json_string(&json, NULL, texts[i][0]);
        char *text = clade__json_finish(&json);
        assert_string_equal(text, texts[i][1]);
        free(text);
    }
}

static void check_number(double number, const char *want)
{
    clade__json json = {0};
    clade__json_number(&json, NULL, number);
    char *text = clade__json_finish(&json);
    assert_string_equal(text, want);
    cJSON *read = cJSON_Parse(text);
    assert_true(cJSON_GetNumberValue(read) == number);
    cJSON_Delete(read);
    free(text);
}

static void check_numbers(void)
{
    check_number(0, "0");
    check_number(-0.5, "-0.5");
    check_number(60000, "60000");
    check_number(INT32_MAX, "2147483647");
    check_number(9e15, "9e+15");
    check_number(0.1, "0.1");
    check_number(1.0 / 3.0, "0.3333333333333333");
    check_number(DBL_MAX, "1.7976931348623157e+308");
    check_number(5e-324, "4.94065645841247e-324");
    check_number(clade__decimal(0.1f), "0.1");
    check_number(clade__decimal(0x1p-30f), "9.313226e-10");
}

static void numbers_read_back(void **state)
{
    (void)state;
    check_numbers();
}

static void locales_do_not_matter(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8"};
    bool any = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!setlocale(LC_NUMERIC, names[i])) continue;
        any = true;
        check_numbers();
    }
    setlocale(LC_NUMERIC, "C");
    if (!any) skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stand_where_they_belong),
        cmocka_unit_test(texts_are_quoted),
        cmocka_unit_test(other_bytes_are_replaced),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(locales_do_not_matter),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
