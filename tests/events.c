#include "events.h"

#include "base/file.h"

events events_read(const char *folder)
{
    events log = {0};
    unsigned char *text;
    size_t n_bytes;
    assert_ok(clade__file_read(test_text("%s/metrics.jsonl", folder), &text, &n_bytes));
    assert_true(n_bytes > 0 && text[n_bytes - 1] == '\n');
    for (char *at = (char *)text, *end; (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        assert_true(log.n < EVENTS_MOST);
        log.event[log.n] = cJSON_Parse(at);
        assert_true(cJSON_IsObject(log.event[log.n]));
        log.n++;
    }
    free(text);
    return log;
}

void events_free(events *log)
{
    for (int i = 0; i < log->n; i++) cJSON_Delete(log->event[i]);
    *log = (events){0};
}

const cJSON *events_last(const events *log, const char *name)
{
    for (int i = log->n - 1; i >= 0; i--)
        if (strcmp(events_text(log->event[i], "event"), name) == 0) return log->event[i];
    fail_msg("there is no event '%s'", name);
    return NULL;
}

double events_number(const cJSON *event, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(event, key);
    if (!cJSON_IsNumber(item)) fail_msg("an event has no number '%s'", key);
    return item->valuedouble;
}

const char *events_text(const cJSON *event, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, key));
    if (!text) fail_msg("an event has no text '%s'", key);
    return text;
}

bool events_flag(const cJSON *event, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(event, key);
    if (!cJSON_IsBool(item)) fail_msg("an event has no flag '%s'", key);
    return cJSON_IsTrue(item);
}

static void check_same(cJSON *a, cJSON *b)
{
    static const char *const times[] = {"seconds", "samples_per_second"};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        bool in_a = cJSON_HasObjectItem(a, times[i]), in_b = cJSON_HasObjectItem(b, times[i]);
        assert_true(in_a == in_b);
        cJSON_DeleteItemFromObject(a, times[i]);
        cJSON_DeleteItemFromObject(b, times[i]);
    }
    char *text_a = cJSON_PrintUnformatted(a), *text_b = cJSON_PrintUnformatted(b);
    assert_string_equal(text_a, text_b);
    cJSON_free(text_a);
    cJSON_free(text_b);
}

void events_assert_same(const char *folder, const char *other)
{
    events a = events_read(folder), b = events_read(other);
    assert_int_equal(a.n, b.n);
    for (int i = 0; i < a.n; i++) check_same(a.event[i], b.event[i]);
    events_free(&a);
    events_free(&b);
}
