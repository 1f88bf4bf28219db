/* A trial: one operation on one shape, on a device and once more in double precision on the host.
 *
 * An operation declares its operands with their values (prepare), says what to launch (record), and
 * computes from its formula what must come out, and how far a float may be from it (expect). The
 * trial does the rest; clade bench uses the first two alone, tests the last.
 *
 * How far: every rounding to float is off by at most the relative error CLADE__UNIT, and a function
 * of OpenCL C by the ulps that its specification allows, 1 ulp being at most 2 units. A bound is the
 * sum of |value| times units over what is rounded on the way to a result: it is derived for each
 * formula (Higham, Accuracy and Stability of Numerical Algorithms, 2 and 3), and nothing is fitted.
 * Beside it stands CLADE__FLUSHED, since a device may take denormal numbers for zeros.
 */
#ifndef CLADE_VERIFY_TRIAL_H
#define CLADE_VERIFY_TRIAL_H

#include <math.h>

#include "base/arena.h"
#include "device/commands.h"

#define CLADE__UNIT    0x1p-24
#define CLADE__FLUSHED 0x1p-110 /* what 65536 denormal numbers add up to at most */

/* Units of OpenCL C's functions: 7.4 of the specification, full profile. */
#define CLADE__UNITS_DIVIDE 5
#define CLADE__UNITS_EXP    6
#define CLADE__UNITS_LOG    6
#define CLADE__UNITS_LOG1P  4
#define CLADE__UNITS_SQRT   6
#define CLADE__UNITS_TANH   10

/* What the values of float operands are. */
typedef enum clade__values {
    CLADE__ORDINARY,  /* uniform in the operand's range */
    CLADE__EXACT,     /* odd multiples of 1/32 within ±1: sums of 2^18 of them are exact in any
                       * order, and of 2^13 products of two: a term too few or too many shows */
    CLADE__NONFINITE, /* ordinary, with NaN, both infinities and what is large among them */
    CLADE__DENORMAL   /* denormal, smallest normal and ordinary in turn */
} clade__values;

typedef enum clade__role {
    CLADE__IN,     /* must stay as it was */
    CLADE__OUT,    /* starts as NaN in the first run, so that what is not written shows */
    CLADE__INOUT,
    CLADE__SCRATCH /* anything may be in it */
} clade__role;

typedef struct clade__operand {
    const char *name;
    clade__role role;
    clade_dtype dtype;
    clade_shape shape;
    int64_t n;
    union {
        void *data; /* NULL for OUT and SCRATCH */
        float *floats;
        int32_t *ints;
        uint8_t *bytes;
    } before;
    uint32_t poison;       /* what is where nothing is said of it: a quiet NaN, the operand's own */
    int over;              /* the operand whose place this output may take, -1 for none */
    double *want, *bound;  /* (n), of OUT and INOUT: see clade__expect */
    clade_tensor *tensor;  /* for record */
    clade_tensor *whole, view;
    uint32_t *first, *now; /* the bits that the first run and the last left, guard included */
} clade__operand;

#define CLADE__MAX_OPERANDS 13

/* Tensors of trials that are done, kept so that no other takes a buffer's place. */
typedef struct clade__kept {
    clade_tensor **tensors;
    size_t n, capacity;
} clade__kept;

void clade__kept_free(clade__kept *kept);

typedef struct clade__op clade__op;

typedef struct clade__trial {
    clade_device *device; /* NULL where nothing is run */
    const clade__op *op;
    clade_shape shape;
    clade__values values;
    const void *detail;   /* a case of gemm, which is more than a shape */
    clade__kept *kept;    /* where its tensors go when it is done; NULL: they are freed */
    clade__operand operands[CLADE__MAX_OPERANDS];
    int n_operands;
    int64_t guard;        /* elements behind every operand that nobody may touch */
    bool in_place;
    bool failed;          /* no memory */
    clade__arena arena;

    char text[96];        /* the case, for people */

    /* What clade__trial_run found: of the element with the largest error for its bound. */
    double error, allowed, share;
    char problem[256], kernels[320]; /* the problem is "" when all is right */
} clade__trial;

/* An operation for all who check, differentiate or measure it: see table.h. */
struct clade__op {
    const char *name;
    const struct clade__family *family;
    int variant;
    double flops; /* for each element of the shape; an exp, erf, square root or division is one */
};

typedef struct clade__family {
    void (*prepare)(clade__trial *trial);
    clade_status (*record)(clade__commands *commands, const clade__trial *trial);
    void (*expect)(clade__trial *trial);
    unsigned values;           /* 1 << each kind that it is tried with */
    const clade_shape *shapes; /* ends in a shape of rank 0 */
} clade__family;

/* ---- for an operation ------------------------------------------------------------------------ */

/* Adds an operand; its number is the order of the calls. Floats are in [low, high), or as the trial's
 * values say; integers in low … high-1. Without memory `failed` is set and there are no values. */
void clade__trial_in(clade__trial *trial, const char *name, clade_shape shape, double low,
                     double high);
void clade__trial_in_as(clade__trial *trial, const char *name, clade_shape shape, double low,
                        double high, clade__values values);
void clade__trial_in_integers(clade__trial *trial, const char *name, clade_dtype dtype,
                              clade_shape shape, int low, int high);
void clade__trial_inout(clade__trial *trial, const char *name, clade_shape shape, double low,
                        double high);
/* over: the operand in whose place it may be, or -1. */
void clade__trial_out(clade__trial *trial, const char *name, clade_dtype dtype, clade_shape shape,
                      int over);
/* An output that is a gradient; with `add` it is added to what is there, in a place of its own. */
void clade__trial_gradient(clade__trial *trial, const char *name, clade_shape shape, int over,
                           bool add);
void clade__trial_scratch(clade__trial *trial, const char *name, clade_shape shape);

/* Where values are not ordinary: multiplies some floats of operand number i, for functions that must
 * not overflow. */
void clade__trial_make_large(clade__trial *trial, int i, float factor);

/* The tensor of operand number i, for record. */
static inline clade_tensor *clade__trial_tensor(const clade__trial *trial, int i)
{
    return trial->operands[i].tensor;
}

/* The operand of a name, for those that not every variant has; NULL for none. */
const clade__operand *clade__trial_find(const clade__trial *trial, const char *name);

/* What must be in element i of an output, within `bound` units. An element of which nothing is said
 * must keep its bits. */
static inline void clade__expect(clade__operand *operand, int64_t i, double want, double bound)
{
    operand->want[i] = want;
    operand->bound[i] = bound;
}

/* The same of a gradient: it is added to what was there, where the operand is updated. */
static inline void clade__expect_given(clade__operand *operand, int64_t i, double want, double bound)
{
    bool adds = operand->role == CLADE__INOUT;
    if (adds) want += (double)operand->before.floats[i];
    clade__expect(operand, i, want, adds ? bound + fabs(want) : bound);
}

/* a, or b when it is larger; NaN when either is. */
static inline double clade__larger(double a, double b)
{
    return a > b || a != a ? a : b;
}

/* ---- for whoever runs it --------------------------------------------------------------------- */

/* Prepares the operands of trial->op on trial->shape; what was there before is freed. */
clade_status clade__trial_prepare(clade__trial *trial);

/* Computes what must come out. */
clade_status clade__trial_expect(clade__trial *trial);

/* Makes the tensors, with what is in them before, and frees them. */
clade_status clade__trial_upload(clade__trial *trial);

/* What a run reads and writes at least: each operand once, and twice where it is updated. */
double clade__trial_bytes(const clade__trial *trial);
void clade__trial_drop(clade__trial *trial);

/* Runs and compares: with a guard behind every operand; again without it, for the same bits; and,
 * where an output may take an input's place, there. A wrong result is in trial->problem, and no
 * error. */
clade_status clade__trial_run(clade__trial *trial);

void clade__trial_free(clade__trial *trial);

#endif
