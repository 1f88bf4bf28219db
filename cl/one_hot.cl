/* target (rows, cols) from labels (rows): target[r][c] = labels[r] == c ? 1 : 0; with one column,
 * target[r] = labels[r]. One work-item an element of target: see element.cl.
 */
#include "element.cl"

ELEMENT_KERNEL one_hot(global float *restrict target, const global int *restrict labels,
                       const int rows, const int cols)
{
    const size_t i = ELEMENT;
    if (i >= (size_t)rows * cols) return;
    const int row = (int)i / cols;
    const int label = labels[row];
    target[i] = cols == 1 ? (float)label : label == (int)i - row * cols ? 1.0f : 0.0f;
}
