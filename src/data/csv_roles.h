/* What each column of a CSV file is for: by the options of the spec, or by the schema of a model. */
#ifndef CLADE_DATA_CSV_ROLES_H
#define CLADE_DATA_CSV_ROLES_H

#include "data/csv_file.h"
#include "data/spec.h"
#include "data/split.h"

typedef enum clade__csv_role {
    CLADE__CSV_UNUSED,
    CLADE__CSV_FEATURE,
    CLADE__CSV_LABEL,
    CLADE__CSV_TARGET,
} clade__csv_role;

/* Starts zeroed. */
typedef struct clade__csv_roles {
    clade__csv_role *role; /* (n_cols) */
    bool *category;        /* (n_cols) a feature that categories= names, though it may be numbers */
    int *features;         /* (n_features) columns, in the order of the network's features */
    int n_features;
    int *targets;          /* (n_targets) columns, in the order of the targets */
    int n_targets;
    int label;             /* a column; -1: there are targets, or samples alone */
    int group, parts;      /* columns that rows are split by; -1: none */
    int *kept;             /* (n_kept) columns that are carried along */
    int n_kept;
    char *extra;           /* names, between commas, of columns that the schema does not know; or NULL */
} clade__csv_roles;

/* Whether an option names a column by its name, so that there is a header. */
bool clade__csv_roles_name(const clade__data_spec *spec, const clade__split_wants *split);

/* Roles of a table that a schema is to be made of. */
CLADE_MUST_CHECK clade_status clade__csv_roles_choose(clade__csv_roles *roles,
                                                      const clade__csv_file *file,
                                                      const clade__data_spec *spec,
                                                      const clade__split_wants *split);

/* csv_match.c: roles as spec->how->schema has them: by name where both have names, else by position. CLADE_EDATA,
 * with lists, where columns are missing. */
CLADE_MUST_CHECK clade_status clade__csv_roles_match(clade__csv_roles *roles,
                                                     const clade__csv_file *file,
                                                     const clade__data_spec *spec,
                                                     const clade__split_wants *split);

void clade__csv_roles_free(clade__csv_roles *roles);

/* ---- steps of both ------------------------------------------------------------------------------ */

/* Takes memory for the columns of the file, all of them unused. */
CLADE_MUST_CHECK clade_status clade__csv_roles_start(clade__csv_roles *roles,
                                                     const clade__csv_file *file);

/* Whether the spec asks for samples alone, by label=none. */
bool clade__csv_roles_without_answers(const clade__data_spec *spec);

/* Finds the label or the targets among the columns that are features so far. */
CLADE_MUST_CHECK clade_status clade__csv_roles_answers(clade__csv_roles *roles,
                                                       const clade__csv_file *file,
                                                       const clade__data_spec *spec);

/* Finds the columns that rows are split by, and those that are carried along. */
CLADE_MUST_CHECK clade_status clade__csv_roles_split(clade__csv_roles *roles,
                                                     const clade__csv_file *file,
                                                     const clade__split_wants *split);
CLADE_MUST_CHECK clade_status clade__csv_roles_keep(clade__csv_roles *roles,
                                                    const clade__csv_file *file,
                                                    const clade__data_spec *spec);

/* ---- csv_columns.c: columns by name or number --------------------------------------------------- */

/* What is done with each column of a list "a,b,-1". */
typedef clade_status clade__csv_column_taker(void *context, int col, const char *text);

CLADE_MUST_CHECK clade_status clade__csv_each_column(const clade__csv_file *file,
                                                     const char *option, const char *list,
                                                     clade__csv_column_taker *take, void *context);

/* A column by its name, or its number from 1, or from -1 at the end. */
CLADE_MUST_CHECK clade_status clade__csv_find_column(const clade__csv_file *file, const char *option,
                                                     const char *text, int *col);

/* The column of a name; -1 where there is none. CLADE_EDATA where there are several. */
CLADE_MUST_CHECK clade_status clade__csv_find_name(const clade__csv_file *file, const char *name,
                                                   int *col);

/* Whether any item of a list is a name and no number. */
bool clade__csv_names_column(const char *list);

#endif
