/* The metrics.jsonl of a run folder in the tests, event by event. */
#ifndef CLADE_TESTS_EVENTS_H
#define CLADE_TESTS_EVENTS_H

#include <cjson/cJSON.h>

#include "support.h"

enum { EVENTS_MOST = 1000 };

/* A folder's events, parsed; to be freed. The test fails for a file that has half a line. */
typedef struct events {
    int n;
    cJSON *event[EVENTS_MOST];
} events;

events events_read(const char *folder);
void events_free(events *log);

/* The last event of this name; the test fails when there is none. */
const cJSON *events_last(const events *log, const char *name);

/* A value of an event; the test fails when it has none of that name and kind. */
double events_number(const cJSON *event, const char *key);
const char *events_text(const cJSON *event, const char *key);
bool events_flag(const cJSON *event, const char *key);

/* Asserts that two folders' logs are the same but for their times. */
void events_assert_same(const char *folder, const char *other);

#endif
