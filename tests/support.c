#define _XOPEN_SOURCE 700
#include "support.h"

#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#include <zlib.h>

#include "base/file.h"
#include "base/philox.h"

#define SKIPPED 77

void test_assert_ok(clade_status status, const char *call, const char *file, int line)
{
    if (status == CLADE_OK) return;
    print_error("%s: %s: %s\n", call, clade_status_name(status), clade_error());
    _fail(file, line);
}

void test_assert_fails(clade_status got, clade_status want, const char *part, const char *call,
                       const char *file, int line)
{
    if (got == want && strstr(clade_error(), part)) return;
    print_error("%s: got %s \"%s\", want %s with \"%s\"\n", call, clade_status_name(got),
                got == CLADE_OK ? "" : clade_error(), clade_status_name(want), part);
    _fail(file, line);
}

int test_open_device(void **state)
{
    clade_device *device;
    if (clade_device_open(&device, NULL) != CLADE_OK) {
        const char *require = getenv("CLADE_REQUIRE_DEVICE");
        bool required = require && strcmp(require, "1") == 0;
        fprintf(stderr, "%s: %s\n", required ? "FAILED, a device is required" : "SKIPPED",
                clade_error());
        exit(required ? 1 : SKIPPED);
    }
    *state = device;
    return 0;
}

int test_close_device(void **state)
{
    clade_device_free(*state);
    return 0;
}

int test_find_device(void **state)
{
    test_open_device(state); /* ends the program where there is none */
    return test_close_device(state);
}

clade_device *test_open_again(void **state)
{
    clade_device *device;
    int index = clade_device_describe(*state)->index;
    assert_ok(clade_device_open(&device, test_text("%d", index)));
    return device;
}

void test_assert_close(const char *what, const float *got, const double *want, int64_t n,
                       double atol, double rtol)
{
    int64_t n_wrong = 0;
    for (int64_t i = 0; i < n; i++) {
        bool same = isnan(want[i]) ? isnan(got[i])
                    : isinf(want[i]) ? (double)got[i] == want[i]
                                     : fabs(got[i] - want[i]) <= atol + rtol * fabs(want[i]);
        if (same) continue;
        if (n_wrong++ < 10)
            print_error("%s[%lld]: got %.9g, want %.9g, error %.3g\n", what, (long long)i,
                        (double)got[i], want[i], fabs(got[i] - want[i]));
    }
    if (n_wrong > 0) {
        print_error("%s: %lld of %lld elements differ\n", what, (long long)n_wrong, (long long)n);
        fail();
    }
}

float *test_random(uint64_t seed, int64_t n, float low, float high)
{
    float *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    clade__random random = clade__random_start(seed, 77);
    for (int64_t i = 0; i < n; i++) x[i] = low + (high - low) * clade__random_uniform(&random);
    return x;
}

clade_tensor *test_tensor(clade_device *device, clade_shape shape, const float *data)
{
    clade_tensor *tensor;
    assert_ok(clade_tensor_create(&tensor, device, CLADE_FLOAT32, shape, data));
    return tensor;
}

clade_tensor *test_tensor_int(clade_device *device, clade_shape shape, const int32_t *data)
{
    clade_tensor *tensor;
    assert_ok(clade_tensor_create(&tensor, device, CLADE_INT32, shape, data));
    return tensor;
}

float *test_read(const clade_tensor *tensor)
{
    float *data = malloc(clade_tensor_bytes(tensor));
    assert_non_null(data);
    assert_ok(clade_tensor_read(tensor, data));
    return data;
}

static char root[64];
static int n_folders;

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    (void)about;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_root(void)
{
    nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_folder(void)
{
    if (!root[0]) {
        strcpy(root, "/tmp/clade-test-XXXXXX");
        assert_non_null(mkdtemp(root));
        atexit(remove_root);
    }
    const char *path = test_text("%s/%d", root, n_folders++);
    assert_int_equal(mkdir(path, 0777), 0);
    return path;
}

const char *test_text(const char *format, ...)
{
    static char texts[4][1024];
    static int next;
    char *text = texts[next++ % 4];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof texts[0], format, args);
    va_end(args);
    return text;
}

const char *test_checkpoint(const char *folder, int64_t step)
{
    return test_text("%s/checkpoint-%lld.safetensors", folder, (long long)step);
}

bool test_is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

void test_write_file(const char *path, const void *data, size_t n_bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n_bytes, file), n_bytes);
    assert_int_equal(fclose(file), 0);
}

size_t test_assert_same_files(const char *a, const char *b)
{
    unsigned char *in_a, *in_b;
    size_t a_bytes, b_bytes;
    assert_ok(clade__file_read(a, &in_a, &a_bytes));
    assert_ok(clade__file_read(b, &in_b, &b_bytes));
    assert_int_equal(a_bytes, b_bytes);
    assert_memory_equal(in_a, in_b, a_bytes);
    free(in_a);
    free(in_b);
    return a_bytes;
}

float *test_multiply(clade_device *device, const clade_gemm_args *shape)
{
    clade_gemm_args args = *shape;
    float *a = test_random(1, args.m * args.k, -1, 1), *b = test_random(2, args.k * args.n, -1, 1);
    clade_tensor *ta = test_tensor(device, CLADE_SHAPE(args.m * args.k), a);
    clade_tensor *tb = test_tensor(device, CLADE_SHAPE(args.k * args.n), b);
    clade_tensor *tc = test_tensor(device, CLADE_SHAPE(args.m * args.n), NULL);
    args.a = ta;
    args.b = tb;
    args.c = tc;
    args.alpha = 1;
    assert_ok(clade_gemm_strided(&args));
    float *c = test_read(tc);
    clade_tensor_free(ta);
    clade_tensor_free(tb);
    clade_tensor_free(tc);
    free(a);
    free(b);
    return c;
}

size_t test_gzip(unsigned char *dst, size_t room, const void *src, size_t n)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)src,
                  .avail_in = (uInt)n,
                  .next_out = dst,
                  .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

void test_only_file(char *path, size_t path_bytes, const char *pattern)
{
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    snprintf(path, path_bytes, "%s", found.gl_pathv[0]);
    globfree(&found);
}
