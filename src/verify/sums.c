#include "verify/sums.h"

#include <string.h>

#include "verify/families.h"

bool clade__sums_make(clade__trial *t, clade__sums *s, int64_t n)
{
    s->sum = clade__arena_alloc(&t->arena, 3 * (size_t)n * sizeof *s->sum);
    if (!s->sum) {
        t->failed = true;
        return false;
    }
    memset(s->sum, 0, 3 * (size_t)n * sizeof *s->sum);
    s->size = s->sum + n;
    s->count = s->size + n;
    return true;
}

void clade__sums_add(const void *sums, int64_t at, int64_t a, int64_t b)
{
    const clade__sums *s = sums;
    double product = (double)s->a[a] * (double)s->b[b];
    s->sum[at] += product;
    s->size[at] += fabs(product);
    s->count[at] += 1.0;
}

double clade__sums_bound(const clade__trial *t, const clade__sums *s, int64_t i)
{
    return t->values == CLADE__EXACT && !s->rounds ? 0.0 : (s->count[i] + 2.0) * s->size[i];
}

void clade__sums_expect_outputs(const clade__trial *t, clade__operand *y, clade__sums *s,
                                const float *bias)
{
    const int64_t *dim = y->shape.dim, area = dim[2] * dim[3];
    for (int64_t i = 0; i < y->n; i++) {
        double of_channel = (double)bias[i / area % dim[1]], sum = s->sum[i] + of_channel;
        s->size[i] += fabs(of_channel);
        if (t->op->variant & CLADE__WITH_RELU && sum < 0.0) sum = 0.0;
        clade__expect(y, i, sum, clade__sums_bound(t, s, i));
    }
}

void clade__sums_expect_gradient(const clade__trial *t, clade__operand *o, const clade__sums *s)
{
    for (int64_t i = 0; i < o->n; i++) {
        /* Images that are taken in parts add to what was there as they go. */
        double more = o->role == CLADE__INOUT ? fabs((double)o->before.floats[i]) * s->count[i] : 0.0;
        clade__expect_given(o, i, s->sum[i], clade__sums_bound(t, s, i) + more);
    }
}

void clade__sums_of_channels(const clade__trial *t, clade__operand *dbias, const clade__operand *dy)
{
    const int64_t *dim = dy->shape.dim, area = dim[2] * dim[3];
    for (int64_t c = 0; c < dim[1]; c++) {
        double sum = 0.0, size = 0.0;
        for (int64_t i = 0; i < dy->n; i++) {
            if (i / area % dim[1] != c) continue;
            sum += (double)dy->before.floats[i];
            size += fabs((double)dy->before.floats[i]);
        }
        double units = t->values == CLADE__EXACT ? 0.0 : (double)(dy->n / dim[1]);
        clade__expect(dbias, c, sum, units * size);
    }
}
