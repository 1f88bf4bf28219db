/* What the operations' tests share: shapes worth trying, plain double-precision references, and
 * comparisons with them. Memory that is returned is malloc'd; a failure fails the test. */
#ifndef CLADE_TESTS_REFERENCE_H
#define CLADE_TESTS_REFERENCE_H

#include "support.h"

/* Matrices of one row or column, of primes, around a work-group of 64 and of 128, larger than one,
 * and with rows around and far over the 64 columns from which a row has several work-items. */
typedef struct ref_matrix {
    int rows, cols;
} ref_matrix;

extern const ref_matrix ref_matrices[];
extern const int ref_n_matrices;

double *ref_doubles(int64_t n);
double *ref_widen(const float *x, int64_t n);

/* n labels in [0, n_classes). */
int32_t *ref_labels(uint64_t seed, int64_t n, int n_classes);

/* Asserts that the tensor holds `want`, to within atol + rtol |want|. `want` is freed. */
void ref_check(const char *what, const clade_tensor *got, double *want, double atol, double rtol);

/* Asserts that two tensors hold the same bits. */
void ref_check_same_bits(const char *what, const clade_tensor *got, const clade_tensor *want);

/* The gradient of f at x (n) by central differences; f must be smooth within 1e-5 of x. */
typedef double ref_function(const double *x, void *user);
double *ref_gradient(ref_function *f, double *x, int64_t n, void *user);

/* Asserts |got - want| <= tolerance for doubles. */
void ref_check_doubles(const char *what, const double *got, const double *want, int64_t n,
                       double tolerance);

/* Asserts that every case of the operations whose names are or begin with `op` is right: verify's. */
void ref_verify(clade_device *device, const char *op);

/* What a loss of values against targets of the same shape must refuse. */
typedef clade_status ref_loss(clade_tensor *loss, clade_tensor *dy, const clade_tensor *y,
                              const clade_tensor *target, float scale);
void ref_check_loss_errors(clade_device *device, const char *name, ref_loss *loss);

#endif
