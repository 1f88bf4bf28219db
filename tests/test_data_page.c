/* data/README.md has an example of every option of every kind of data; check_data_page runs them. */
#include "support.h"

#include <stdio.h>

#include <clade/data.h>

static char *page;

/* Behind the next line of the examples from *at on, which is cut out into line; false at the end. */
static bool next_example(const char **at, bool *inside, char line[1024])
{
    while (**at) {
        size_t n = strcspn(*at, "\n");
        assert_true(n < 1024);
        memcpy(line, *at, n);
        line[n] = '\0';
        *at += n + ((*at)[n] == '\n');
        if (strncmp(line, "```", 3) == 0)
            *inside = strcmp(line, "```sh") == 0;
        else if (*inside && line[0] != '#')
            return true;
    }
    return false;
}

/* Whether a line has a spec of the kind with this option. */
static bool has_example(const char *kind, const char *key)
{
    const char *at = page;
    char line[1024], first[64], later[64];
    bool inside = false;
    snprintf(first, sizeof first, "?%s=", key);
    snprintf(later, sizeof later, "&%s=", key);
    while (next_example(&at, &inside, line)) {
        const char *spec = strstr(line, test_text("\"%s:", kind));
        if (!spec) spec = strstr(line, test_text("\"%s?", kind));
        if (spec && (strstr(spec, first) || strstr(spec, later))) return true;
    }
    return false;
}

static void every_option_has_an_example(void **state)
{
    (void)state;
    int n = 0;
    const char *source = getenv("CLADE_TEST_SOURCE");
    if (!source) skip();
    FILE *file = fopen(test_text("%s/data/README.md", source), "r");
    assert_non_null(file);
    page = calloc(1, 1 << 20);
    assert_non_null(page);
    assert_in_range(fread(page, 1, (1 << 20) - 1, file), 1000, (1 << 20) - 2);
    assert_int_equal(fclose(file), 0);
    for (int i = 0; clade_data_kind_at(i); i++) {
        const clade_data_kind *kind = clade_data_kind_at(i);
        for (const clade_data_kind_option *option = kind->options; option->key; option++, n++)
            if (!has_example(kind->name, option->key))
                fail_msg("data/README.md has no example of %s's option %s=", kind->name, option->key);
    }
    assert_true(n > 30);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_option_has_an_example)};
    return cmocka_run_group_tests_name("data_page", tests, NULL, NULL);
}
