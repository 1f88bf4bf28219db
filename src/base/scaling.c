#include "base/scaling.h"

#include <stdlib.h>
#include <string.h>

clade_status clade__scaling_copy(clade__scaling *to, const clade__scaling *from)
{
    clade__scaling copy = *from;
    if (from->columns) {
        size_t bytes = 2 * (size_t)from->n_columns * sizeof *copy.columns;
        copy.columns = malloc(bytes);
        if (!copy.columns) return clade__fail(CLADE_ENOMEM, "no memory to scale the input");
        memcpy(copy.columns, from->columns, bytes);
    }
    free(to->columns);
    *to = copy;
    return CLADE_OK;
}

void clade__scaling_free(clade__scaling *scaling)
{
    free(scaling->columns);
    scaling->columns = NULL;
    scaling->n_columns = 0;
}

double clade__scaling_apply(const clade__scaling *scaling, int64_t column, double value)
{
    const double *columns = scaling->columns;
    if (!columns) return value * (double)scaling->scale + (double)scaling->shift;
    return value * columns[column] + columns[scaling->n_columns + column];
}

void clade__scaling_split(const clade__scaling *scaling, float *columns)
{
    int64_t n = scaling->n_columns;
    for (int64_t i = 0; i < n; i++) {
        double center = -scaling->columns[n + i] / scaling->columns[i];
        columns[i] = (float)scaling->columns[i];
        columns[n + i] = (float)center;
        columns[2 * n + i] = (float)(center - (double)columns[n + i]);
    }
}
