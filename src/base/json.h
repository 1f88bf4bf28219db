/* JSON. It is read by cJSON, and written here: value after value, in the order of the file, into one text. When memory runs
 * out the text has failed and is not to be used: nothing of a document can go missing unnoticed. */
#ifndef CLADE_BASE_JSON_H
#define CLADE_BASE_JSON_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "base/text.h"

/* Starts zeroed. */
typedef struct clade__json {
    clade__text text;
    bool comma; /* one stands before the next value */
} clade__json;

/* A value of an object, under a key; of a list, or alone, where key is NULL. A text that is NULL and a
 * number that is not finite become null. */
void clade__json_string(clade__json *json, const char *key, const char *value);
void clade__json_number(clade__json *json, const char *key, double value);
void clade__json_bool(clade__json *json, const char *key, bool value);
void clade__json_null(clade__json *json, const char *key);

/* An object or a list: what comes until the end belongs to it. */
void clade__json_object(clade__json *json, const char *key);
void clade__json_object_end(clade__json *json);
void clade__json_list(clade__json *json, const char *key);
void clade__json_list_end(clade__json *json);

/* The document, to be freed; NULL when there was no memory. */
char *clade__json_finish(clade__json *json);

/* Reads a document of n_bytes with cJSON, its numbers with a point under every locale; NULL when there is
 * no text, it is no JSON, or there is no memory. whole: nothing but blanks may follow it. */
cJSON *clade__json_parse(const char *text, size_t n_bytes, bool whole);

/* Appends a text in quotes, for who writes the rest himself. A byte that is not UTF-8, as a path may
 * have, becomes U+FFFD, the replacement character. */
void clade__json_quote(clade__text *text, const char *value);

#endif
