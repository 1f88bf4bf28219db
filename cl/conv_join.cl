/* dweight (n) = the sum of parts (n_parts, n), in order: the end of conv_dots.cl. */
#include "element.cl"

ELEMENT_KERNEL conv_join(global float *restrict dweight, const global float *restrict parts, const int n,
                         const int n_parts)
{
    if (!HAS_ELEMENT(n)) return;
    float sum = parts[ELEMENT];
    for (int s = 1; s < n_parts; s++) sum += parts[(size_t)s * n + ELEMENT];
    GIVE(dweight[ELEMENT], sum);
}
