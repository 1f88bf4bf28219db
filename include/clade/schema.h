/* Schemas: what the columns of a table are to a network. One is made when a table is read to be trained
 * on; the model keeps it, so that all later tables are read alike, whatever the order of their columns.
 *
 * A number is one feature, (value - center) * scale, computed in double precision; a missing one is
 * `fill`, where there is one. A category is a feature for each of its texts: 1 for that of the cell, 0
 * for all others ("one-hot"). Numbers are compared as categories by their value, texts by their bytes; ""
 * stands for a missing one. */
#ifndef CLADE_SCHEMA_H
#define CLADE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include <clade/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clade_schema clade_schema;

typedef struct clade_column_info {
    const char *name;  /* owned by the schema; NULL in a table without a header */
    bool is_category;
    double center, scale; /* a number's; 0 and 1 unless it is standardized */
    bool fills;           /* a missing number becomes fill, and a missing category, where "" is not among
                           * its texts, 0 in all features; else either is an error */
    double fill;
    int n_categories;     /* a category's */
    bool unknown_is_zeros; /* a category's: one that is not among its texts is 0 in all features; else it
                            * is an error */
    int64_t first_feature, n_features;
    uint64_t reserved[8];
} clade_column_info;

/* The columns that are features, in the order of the features. Functions of a schema that is NULL
 * give 0 or NULL. */
CLADE_API int clade_schema_n_columns(const clade_schema *schema);
CLADE_API CLADE_MUST_CHECK clade_status clade_schema_column(const clade_schema *schema, int index,
                                                            clade_column_info *info);

/* A text of a category's column; NULL out of range. */
CLADE_API const char *clade_schema_category(const clade_schema *schema, int column, int index);

/* The name of the column that holds the classes, or of a target; NULL where it has none. */
CLADE_API const char *clade_schema_label(const clade_schema *schema);
CLADE_API int64_t clade_schema_n_targets(const clade_schema *schema);
CLADE_API const char *clade_schema_target(const clade_schema *schema, int64_t index);

/* Columns of the table that are no features, as they were left out; NULL out of range. */
CLADE_API const char *clade_schema_unused(const clade_schema *schema, int index);

#ifdef __cplusplus
}
#endif

#endif
