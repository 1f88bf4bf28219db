/* The row of src for row r of a batch, by an index (n_index) that may be null: then the row is first + r. -1
 * where there is none, of the index or of src (n). */
static inline int source_row(const global int *index, const int n_index, const int n,
                             const int first, const int r)
{
    const long at = (long)first + r;
    if (at < 0 || at >= n_index) return -1;
    const int row = index ? index[at] : (int)at;
    return row >= 0 && row < n ? row : -1;
}
