/* Holds a document against a JSON Schema: as much of it as data/bench.schema.json uses, and stricter, since a
 * member that the schema does not tell of is an error. */
#ifndef CLADE_TESTS_BENCH_SCHEMA_H
#define CLADE_TESTS_BENCH_SCHEMA_H

#include <stdbool.h>

#include <cjson/cJSON.h>

/* Prints what is wrong, with the path to it. */
bool bench_schema_holds(const cJSON *schema, const cJSON *value, const char *path);

#endif
