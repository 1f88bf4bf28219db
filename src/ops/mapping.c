#include "ops/mapping.h"

#include <stdio.h>

const clade__row_mapping clade__narrow_rows = {"-DLANES=1", 64, CLADE__ROW_GROUP};
const clade__row_mapping clade__strided_rows = {"-DLANES=4 -DACROSS=1", 64, 4 * 64};

const clade__row_mapping *clade__wide_rows(const clade__commands *commands)
{
    static const clade__row_mapping wide = {"-DLANES=64", 1, CLADE__ROW_GROUP};
    static const clade__row_mapping by_4 = {"-DLANES=1 -DSLOTS=1 -DVW=4", 1, 1};
    static const clade__row_mapping by_8 = {"-DLANES=1 -DSLOTS=1 -DVW=8", 1, 1};
    static const clade__row_mapping by_16 = {"-DLANES=1 -DSLOTS=1 -DVW=16", 1, 1};
    switch (clade__item_vector(clade__commands_device(commands))) {
    case 1: return &wide;
    case 4: return &by_4;
    case 8: return &by_8;
    default: return &by_16;
    }
}

const clade__row_mapping *clade__rows_of(const clade__commands *commands, int64_t cols)
{
    return cols <= CLADE__NARROW_COLS ? &clade__narrow_rows : clade__wide_rows(commands);
}

const char *clade__options_adding(char text[64], const char *options, bool add)
{
    if (!add) return options;
    snprintf(text, 64, "%s%s-DADD=1", options ? options : "", options ? " " : "");
    return text;
}
