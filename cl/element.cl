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

/* Whether there is an element for this work-item, of n. The group's common answer comes first, so that
 * the compiler makes a loop without masks for whole groups: by ELEMENT < n alone PoCL 3.1 masks every
 * load and store on AVX-512. On 16 M elements, which no cache holds, that takes three to ten times as
 * long (adam 49 ms, and 14 without), on 1 M a fifth longer. */
#define HAS_ELEMENT(n)                                                                             \
    ((get_group_id(0) + 1) * ELEMENT_GROUP <= (size_t)(n) || ELEMENT < (size_t)(n))

/* With -DADD=1 a gradient is added to what its place holds, for a value that has several users. */
#ifndef ADD
#define ADD 0
#endif
#if ADD
#define GIVE(at, x) (at) += (x)
#else
#define GIVE(at, x) (at) = (x)
#endif
