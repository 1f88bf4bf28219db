/* How work-items are laid over data: the host's half of cl/element.cl and cl/row_reduce.cl.
 *
 * The macros are fields of a clade__launch. Local sizes are fixed, so that a short last batch
 * meets kernels that are already compiled. */
#ifndef CLADE_OPS_MAPPING_H
#define CLADE_OPS_MAPPING_H

#include "device/commands.h"

#define CLADE__ELEMENT_GROUP 128
#define CLADE__ROW_GROUP     64

/* Rows of up to so many columns have one work-item each, wider ones a whole group. */
#define CLADE__NARROW_COLS 64

#define CLADE__ARGS(...)                                                                           \
    .args = {__VA_ARGS__}, .n_args = (int)(sizeof((clade__arg[]){__VA_ARGS__}) / sizeof(clade__arg))

/* One work-item for each of n elements. */
#define CLADE__ELEMENTS(n)                                                                         \
    .groups = {clade__groups((n), CLADE__ELEMENT_GROUP)}, .local = {CLADE__ELEMENT_GROUP}

/* Work-items that share rows. */
#define CLADE__ROWS(rows, cols)                                                                    \
    .options = (cols) <= CLADE__NARROW_COLS ? "-DLANES=1" : "-DLANES=64",                          \
    .groups = {(cols) <= CLADE__NARROW_COLS ? clade__groups((rows), CLADE__ROW_GROUP)              \
                                            : (size_t)(rows)},                                     \
    .local = {CLADE__ROW_GROUP}

#endif
