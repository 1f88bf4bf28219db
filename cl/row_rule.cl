/* Which rows of a loss count, by their labels, and what its gradient is divided by; included by the
 * kernels that must know.
 *
 *   rule = (n_classes, has_ignore, ignore_index, n_totals)
 *
 * A row counts its class's weight, or 1 where there are no weights. One whose label is ignore_index
 * counts for nothing; one whose label is no class otherwise is an error, of which a NaN loss tells.
 * The gradient of the mean is divided by totals[index], the sum of what all rows of the step count.
 */

static inline bool is_ignored(const int label, const int4 rule)
{
    return rule.s1 != 0 && label == rule.s2;
}

static inline bool is_class(const int label, const int4 rule)
{
    return label >= 0 && label < rule.s0;
}

/* What a row of this label counts. weights (n_classes) may be null. */
static inline float count_of(const int label, const global float *weights, const int4 rule)
{
    if (is_ignored(label, rule) || !is_class(label, rule)) return 0.0f;
    return weights ? weights[label] : 1.0f;
}

/* scale divided by the total, 0 where nothing counts; just scale without totals. */
static inline float scale_by_total(const float scale, const global float *totals, const int index,
                                   const int4 rule)
{
    if (!totals) return scale;
    const float total = index >= 0 && index < rule.s3 ? totals[index] : 0.0f;
    return total > 0.0f ? scale / total : 0.0f;
}
