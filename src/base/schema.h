/* A schema from inside; see clade/schema.h for what a user sees.
 *
 * Built once, by the reader of a table or from the text in a model file, then sealed and never changed:
 * data and models share it by counted references. */
#ifndef CLADE_BASE_SCHEMA_H
#define CLADE_BASE_SCHEMA_H

#include <clade/schema.h>

#include "base/error.h"

typedef struct clade__column {
    char *name;           /* NULL: without a header */
    bool is_category;
    double center, scale; /* a number: (value - center) * scale */
    bool fills;           /* a missing cell is no error: */
    double fill;          /* it is this number; a category that has no text "" is 0 in all features */
    char **texts;         /* a category's, (n_texts); numbers in their canonical form */
    int n_texts;
    bool unknown_is_zeros;
    int64_t first_feature; /* set by clade__schema_seal */
} clade__column;

typedef struct clade__target {
    char *name;           /* NULL: without one */
    double center, scale; /* the network sees (value - center) * scale */
} clade__target;

struct clade_schema {
    clade__column *columns; /* (n_columns) */
    int n_columns;          /* 0: only the targets are described */
    clade__target *targets; /* (n_targets) */
    int64_t n_targets;
    char *label;            /* the column of the classes; NULL: none, or without a header */
    char **unused;          /* (n_unused) names of columns that are no features */
    int n_unused;
    int64_t n_features;     /* set by clade__schema_seal */
    char *text;             /* all of it as JSON; the same */
    _Atomic int n_users;
};

/* An empty one, with room: numbers with center 0 and scale 1, texts NULL, nothing unused. For whoever
 * fills it: every text is malloc'd and becomes the schema's. */
CLADE_MUST_CHECK clade_status clade__schema_create(clade_schema **out, int n_columns,
                                                   int64_t n_targets);

/* Ends the building: counts features and writes the text. */
CLADE_MUST_CHECK clade_status clade__schema_seal(clade_schema *schema);

/* Makes a schema from such a text, sealed. CLADE_EDATA where it is none. */
CLADE_MUST_CHECK clade_status clade__schema_parse(clade_schema **out, const char *text);

/* One more user of it, and one less; the last frees it. NULL is allowed. */
clade_schema *clade__schema_hold(const clade_schema *schema);
void clade__schema_release(clade_schema *schema);

/* Whether both say the same of all columns; two NULL do. */
bool clade__schema_equal(const clade_schema *a, const clade_schema *b);

/* Whether features are numbers alone, so that a row of them can do without the table. */
bool clade__schema_all_numbers(const clade_schema *schema);

/* Whether any number has a center or a scale of its own. */
bool clade__schema_is_scaled(const clade_schema *schema);

/* What a network's output for a target is in the target's own units. */
double clade__schema_target_value(const clade_schema *schema, int64_t target, double output);

#endif
