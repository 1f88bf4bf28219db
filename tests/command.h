/* Runs ${CLADE_TEST_BUILD}/clade and catches what it says. */
#ifndef CLADE_TESTS_COMMAND_H
#define CLADE_TESTS_COMMAND_H

#include <stdio.h>

#include <cjson/cJSON.h>

#include "support.h"

typedef struct command_result {
    int status;      /* exit status; 128 + the signal when one killed it */
    char *out, *err; /* stdout and stderr; malloc'd, "" when empty */
} command_result;

/* arguments come after the program's name and end in NULL. Fails the test when it cannot be run. */
command_result command_run(const char *const *arguments);
void command_free(command_result *result);

/* COMMAND("info", path): the same with the arguments in place. */
#define COMMAND(...) command_run((const char *const[]){__VA_ARGS__, NULL})

/* The same, but a signal is sent once stderr contains `part`. */
command_result command_run_and_signal(const char *const *arguments, const char *part, int number);

/* The result, if it exited with `status`; else the test fails with what the command said. */
command_result command_expect(command_result result, int status);

/* The same of a failure, which has `part` in stderr and nothing in stdout; frees the result. */
void command_expect_error(command_result result, int status, const char *part);

/* A whole text as JSON, a number of an object, and the last event of this name in a run's
 * metrics.jsonl; the test fails where there is none. cJSON_Delete what is returned. */
cJSON *command_json(const char *text);
double command_number(const cJSON *object, const char *key);
cJSON *command_event(const char *run, const char *name);
/* So long after that; with part NULL, after its start. */
command_result command_run_and_signal_after(const char *const *arguments, const char *part,
                                            double seconds, int number);

/* Runs it on a pseudo terminal of so many columns, which are both its streams: what it said is in `out`,
 * with "\n" for a line's end, and "" in `err`. */
command_result command_run_on_terminal(const char *const *arguments, int columns);

/* The longest line that a terminal showed, in columns; one that was drawn over, up to "\r", counts. */
int command_longest_line(const char *said);

/* The arguments in one line; as test_text. */
const char *command_text(const char *const *arguments);

#endif
