/* Files that may be gzipped: members, padding, damage, and how much of it is unpacked. */
#include "support.h"

#include <stdio.h>

#include "data/gzip.h"

#define N_BYTES 3000

static unsigned char content[N_BYTES]; /* half of it packs well, half does not */
static char path[256];

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < N_BYTES; i++)
        content[i] = i < N_BYTES / 2 ? 'a' : (unsigned char)((unsigned)i * 2654435761u >> 13);
    snprintf(path, sizeof path, "%s/file", test_folder());
    return 0;
}

/* What is in the file is the first n bytes of content. */
static void assert_reads(size_t n)
{
    unsigned char *bytes;
    size_t got;
    assert_ok(clade__gzip_read_file(path, &bytes, &got));
    assert_int_equal(got, n);
    assert_memory_equal(bytes, content, n);
    assert_int_equal(bytes[n], 0);
    free(bytes);
}

static void assert_bad(clade_status status, const char *part)
{
    unsigned char *bytes = content;
    size_t n = 1;
    assert_fails(clade__gzip_read_file(path, &bytes, &n), status, part);
    assert_null(bytes);
    assert_int_equal(n, 0);
    assert_non_null(strstr(clade_error(), path));
}

static void reads_whole_files(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 2, N_BYTES / 2, N_BYTES};
    unsigned char packed[2 * N_BYTES];
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        test_write_file(path, content, lengths[i]);
        assert_reads(lengths[i]);
        test_write_file(path, packed, test_gzip(packed, sizeof packed, content, lengths[i]));
        assert_reads(lengths[i]);
    }
    remove(path);
    assert_bad(CLADE_EIO, "cannot open");
}

/* gzip(1) and cat make such files; tapes and some downloads pad them. */
static void members_and_padding(void **state)
{
    (void)state;
    unsigned char packed[2 * N_BYTES] = {0};
    size_t n = test_gzip(packed, sizeof packed, content, 20);
    n += test_gzip(packed + n, sizeof packed - n, content + 20, 0);
    n += test_gzip(packed + n, sizeof packed - n, content + 20, N_BYTES - 20);
    static const size_t padding[] = {0, 1, 2, 511};
    for (int i = 0; i < 4; i++) {
        test_write_file(path, packed, n + padding[i]);
        assert_reads(N_BYTES);
    }
    packed[n + 40] = 'x'; /* which is no padding */
    test_write_file(path, packed, n + 41);
    assert_bad(CLADE_EDATA, test_text("has 41 trailing bytes after its gzip data, which ends at "
                                      "byte %zu", n));
    packed[n] = 0x1f; /* nor is a member that has but begun */
    test_write_file(path, packed, n + 1);
    assert_bad(CLADE_EDATA, "has 1 trailing bytes");
    packed[n + 1] = 0x8b;
    test_write_file(path, packed, n + 2);
    assert_bad(CLADE_EDATA, "is truncated: its gzip data stops at byte");
}

static void damage(void **state)
{
    (void)state;
    unsigned char packed[2 * N_BYTES];
    size_t n = test_gzip(packed, sizeof packed, content, N_BYTES);
    for (size_t length = 2; length < n; length += length < 20 || length > n - 20 ? 1 : 37) {
        test_write_file(path, packed, length);
        assert_bad(CLADE_EDATA, "is truncated: its gzip data stops at byte");
    }
    packed[n - 6] ^= 1;
    test_write_file(path, packed, n);
    assert_bad(CLADE_EDATA, test_text("is a damaged gzip file: incorrect data check at byte %zu of "
                                      "%zu; copy it anew", n - 4, n));
    packed[2] = 7;
    test_write_file(path, packed, n);
    assert_bad(CLADE_EDATA, "is a damaged gzip file: unknown compression method");
}

/* A file that would unpack to a thousand times its length: who wants 10 bytes gets these. */
static void takes_what_is_wanted(void **state)
{
    (void)state;
    enum { MANY = 1 << 22 };
    unsigned char *zeros = calloc(MANY, 1), *packed = malloc(MANY), got[10];
    size_t n, n_got;
    assert_true(zeros && packed);
    n = test_gzip(packed, MANY, zeros, MANY);
    assert_true(n < MANY / 1000);
    test_write_file(path, packed, n);
    clade__gzip file = {0};
    assert_ok(clade__gzip_open(&file, path));
    assert_true(clade__gzip_most_left(&file) == 1032 * n);
    assert_ok(clade__gzip_read(&file, got, sizeof got, &n_got));
    assert_int_equal(n_got, sizeof got);
    assert_memory_equal(got, zeros, sizeof got);
    assert_int_equal(file.z.total_out, sizeof got);
    assert_true(clade__gzip_most_left(&file) == 1032 * n - 10);
    clade__gzip_close(&file);

    unsigned char *bytes;
    assert_ok(clade__gzip_read_file(path, &bytes, &n_got));
    assert_int_equal(n_got, MANY);
    assert_memory_equal(bytes, zeros, MANY);
    free(bytes);
    free(packed);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole_files),
        cmocka_unit_test(members_and_padding),
        cmocka_unit_test(damage),
        cmocka_unit_test(takes_what_is_wanted),
    };
    return cmocka_run_group_tests_name("gzip", tests, set_up, NULL);
}
