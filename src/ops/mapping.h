/* How work-items are laid over data: the host's half of cl/element.cl and cl/row_reduce.cl.
 *
 * The macros are fields of a clade__launch. Local sizes are fixed, so that a short last batch
 * meets kernels that are already compiled. */
#ifndef CLADE_OPS_MAPPING_H
#define CLADE_OPS_MAPPING_H

#include "device/commands.h"

#define CLADE__ELEMENT_GROUP 128
#define CLADE__ROW_GROUP     64

/* Rows of up to so many columns have one work-item each. */
#define CLADE__NARROW_COLS 64

/* How work-items share rows: cl/row_reduce.cl's macros, and what they come to. */
typedef struct clade__row_mapping {
    const char *options;
    size_t slots; /* rows of a group */
    size_t local; /* work-items of a group */
} clade__row_mapping;

/* Of rows of so many neighbouring columns, for the device of the commands; and of long ones. */
const clade__row_mapping *clade__rows_of(const clade__commands *commands, int64_t cols);
const clade__row_mapping *clade__wide_rows(const clade__commands *commands);

/* Of rows of a few columns, and of longer ones whose elements lie apart. */
extern const clade__row_mapping clade__narrow_rows, clade__strided_rows;

/* The options, and -DADD=1 where a gradient is added to what is there; in `text`, if need be. */
const char *clade__options_adding(char text[64], const char *options, bool add);

#define CLADE__ARGS(...)                                                                           \
    .args = {__VA_ARGS__}, .n_args = (int)(sizeof((clade__arg[]){__VA_ARGS__}) / sizeof(clade__arg))

/* One work-item for each of n elements. */
#define CLADE__ELEMENTS(n)                                                                         \
    .groups = {clade__groups((n), CLADE__ELEMENT_GROUP)}, .local = {CLADE__ELEMENT_GROUP}

/* Work-items that share rows, by a clade__row_mapping. */
#define CLADE__ROWS(mapping, rows)                                                                 \
    .options = (mapping)->options, .groups = {clade__groups((rows), (mapping)->slots)},            \
    .local = {(mapping)->local}

#endif
