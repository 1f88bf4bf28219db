/* One work-item an element; included by the kernels that have no reduction.
 *
 *   element    0 1 2 ... G-1 | G ... 2G-1 | ...        G = ELEMENT_GROUP
 *   work-item  0 1 2 ... G-1 | 0 ...  G-1 | ...        the last group's excess does nothing
 *
 * The group is src/ops/mapping.h's CLADE__ELEMENT_GROUP.
 * A remainder is taken as x - x / n * n: of x / n beside x % n LLVM makes an instruction that Oclgrind
 * 21.10 does not know when it looks for uninitialised reads.
 */
#ifndef ELEMENT_GROUP
#define ELEMENT_GROUP 128
#endif

#define ELEMENT_KERNEL kernel __attribute__((reqd_work_group_size(ELEMENT_GROUP, 1, 1))) void

/* size_t, because n rounded up to whole groups may pass the largest int. */
#define ELEMENT get_global_id(0)
