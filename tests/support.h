/* What the tests share: a device, comparison of arrays, random numbers, temporary folders. */
#ifndef CLADE_TESTS_SUPPORT_H
#define CLADE_TESTS_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clade/clade.h>

/* Asserts CLADE_OK and prints clade_error() otherwise. */
#define assert_ok(call) test_assert_ok((call), #call, __FILE__, __LINE__)
void test_assert_ok(clade_status status, const char *call, const char *file, int line);

/* Asserts that the call fails with `status` and a message that contains `part`. */
#define assert_fails(call, status, part) \
    test_assert_fails((call), (status), (part), #call, __FILE__, __LINE__)
void test_assert_fails(clade_status got, clade_status want, const char *part, const char *call,
                       const char *file, int line);

/* Group set-up: opens the device that CLADE_DEVICE names and puts it in *state. Where there is none
 * the program ends as skipped, or as failed under CLADE_REQUIRE_DEVICE=1. */
int test_open_device(void **state);
int test_close_device(void **state);

/* Group set-up for tests that open devices of their own: only sees to it that there is one. */
int test_find_device(void **state);

/* The device in *state, opened again: it has built and chosen nothing yet. */
clade_device *test_open_again(void **state);

/* Asserts |got - want| <= atol + rtol |want| for all, NaN equal to NaN; prints ten mismatches. */
void test_assert_close(const char *what, const float *got, const double *want, int64_t n,
                       double atol, double rtol);

/* n floats uniform in [low, high), a function of seed alone; malloc'd. */
float *test_random(uint64_t seed, int64_t n, float low, float high);

/* A float32 tensor, from data or undefined; the test fails when it cannot be made. */
clade_tensor *test_tensor(clade_device *device, clade_shape shape, const float *data);
clade_tensor *test_tensor_int(clade_device *device, clade_shape shape, const int32_t *data);

/* A tensor's contents, malloc'd. */
float *test_read(const clade_tensor *tensor);

/* The product of two random matrices of such a call, dense and with alpha 1; malloc'd. */
float *test_multiply(clade_device *device, const clade_gemm_args *shape);

/* A new empty folder; its path is valid until the next call. Removed when the program ends. */
const char *test_folder(void);

/* printf into a buffer that lasts until the fourth call after. */
const char *test_text(const char *format, ...);

/* The path of the one file that a glob pattern is to match. */
void test_only_file(char *path, size_t path_bytes, const char *pattern);

/* The path of a run's checkpoint, as test_text; and whether there is such a file. */
const char *test_checkpoint(const char *folder, int64_t step);
bool test_is_there(const char *path);

/* Asserts that two files hold the same bytes; their number. */
size_t test_assert_same_files(const char *a, const char *b);

/* Writes a file, failing the test when it cannot. */
void test_write_file(const char *path, const void *data, size_t n_bytes);

/* Gzips n bytes into dst, which has room for them; how many there are then. */
size_t test_gzip(unsigned char *dst, size_t room, const void *src, size_t n);

#endif
