#include "data/moments.h"

#include <math.h>

void clade__moments_standard(const clade__moments *m, double most, double *center, double *scale)
{
    double variance = m->n > 0 ? m->squares / (double)m->n : 0.0;
    *center = 0.0;
    *scale = 1.0;
    if (!isfinite(variance)) return;
    *center = clade__moments_mean(m);
    double inverse = 1.0 / sqrt(variance);
    if (inverse <= most) *scale = inverse;
}
