/* Files that others could meddle with: temporaries beside a target, and a cache's folder. The random bytes
 * of a temporary's name are made predictable here, so that something can stand in its way. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* ---- the random bytes ------------------------------------------------------------------------ */

int __real_getentropy(void *bytes, size_t n_bytes);
int __wrap_getentropy(void *bytes, size_t n_bytes);

static int n_planned = -1; /* so many calls give 1, 2, ...; below 0: they are random */
static bool no_entropy;

int __wrap_getentropy(void *bytes, size_t n_bytes)
{
    static uint64_t next;
    if (no_entropy) return -1;
    if (n_planned < 0) return __real_getentropy(bytes, n_bytes);
    next = next % (uint64_t)n_planned + 1;
    assert_int_equal(n_bytes, sizeof next);
    memcpy(bytes, &next, n_bytes);
    return 0;
}

static int count_entries(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir)) n++;
    closedir(dir);
    return n - 2;
}

static void assert_holds(const char *path, const char *text)
{
    unsigned char *bytes;
    size_t n_bytes;
    assert_ok(clade__file_read(path, &bytes, &n_bytes));
    assert_string_equal((char *)bytes, text);
    free(bytes);
}

/* ---- temporaries ----------------------------------------------------------------------------- */

enum { N_THREADS = 8, N_WRITES = 40, N_BYTES = 20000 };

typedef struct writer {
    pthread_t thread;
    const char *path;
    int id;
    clade_status status;
} writer;

static void *write_often(void *user)
{
    writer *w = user;
    char bytes[N_BYTES];
    memset(bytes, 'a' + w->id, sizeof bytes);
    for (int i = 0; i < N_WRITES && w->status == CLADE_OK; i++)
        w->status = clade__file_write(w->path, &(clade__piece){bytes, sizeof bytes}, 1);
    return NULL;
}

static void check_writers(void)
{
    char folder[256], path[300];
    writer writers[N_THREADS];
    unsigned char *bytes;
    size_t n_bytes;
    snprintf(folder, sizeof folder, "%s", test_folder());
    snprintf(path, sizeof path, "%s/a", folder);
    assert_ok(clade__file_write(path, &(clade__piece){"", 0}, 1));
    for (int i = 0; i < N_THREADS; i++) {
        writers[i] = (writer){.path = path, .id = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_often, &writers[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        assert_int_equal(writers[i].status, CLADE_OK);
    }
    assert_ok(clade__file_read(path, &bytes, &n_bytes));
    assert_int_equal(n_bytes, N_BYTES);
    for (int i = 0; i < N_BYTES; i++) assert_int_equal(bytes[i], bytes[0]); /* of one writer */
    free(bytes);
    assert_int_equal(count_entries(folder), 1);
}

static void threads_may_write_one_path(void **state)
{
    (void)state;
    check_writers();
    no_entropy = true;
    check_writers();
    no_entropy = false;
}

static void what_stands_in_the_way_stays(void **state)
{
    (void)state;
    char folder[256], path[300], other[300];
    snprintf(folder, sizeof folder, "%s", test_folder());
    snprintf(path, sizeof path, "%s/a", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    test_write_file(other, "kept", 4);
    test_write_file(test_text("%s.tmp-000000000001", path), "planted", 7);
    assert_int_equal(symlink(other, test_text("%s.tmp-000000000002", path)), 0);
    assert_int_equal(symlink(test_text("%s/new", folder), test_text("%s.tmp-000000000003", path)), 0);
    n_planned = 4;
    clade_status written = clade__file_write(path, &(clade__piece){"mine", 4}, 1);
    clade_status checked = clade__file_check(path);
    n_planned = 3; /* no other name is left */
    clade_status refused = clade__file_write(path, &(clade__piece){"lost", 4}, 1);
    n_planned = -1;
    assert_ok(written);
    assert_ok(checked);
    assert_fails(refused, CLADE_EIO, "File exists");
    assert_holds(path, "mine");
    assert_holds(other, "kept");
    assert_holds(test_text("%s.tmp-000000000001", path), "planted");
    assert_false(test_is_there(test_text("%s/new", folder)));
    assert_int_equal(count_entries(folder), 5);
    clade__remove_temporaries(folder);
    assert_int_equal(count_entries(folder), 2);
}

static void a_written_file_has_the_usual_mode(void **state)
{
    (void)state;
    struct stat about;
    const char *path = test_text("%s/a", test_folder());
    mode_t old = umask(027);
    assert_ok(clade__file_write(path, NULL, 0));
    umask(old);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0640);
}

/* ---- folders of one's own -------------------------------------------------------------------- */

static char own[300], file[310]; /* file: a in own */
static unsigned char *held;
static size_t n_held;

static clade_status read_own(void)
{
    free(held);
    return clade__private_read(own, "a", &held, &n_held);
}

static int make_own(void **state)
{
    (void)state;
    snprintf(own, sizeof own, "%s/above/own", test_folder());
    snprintf(file, sizeof file, "%s/a", own);
    mode_t old = umask(0);
    clade_status status = clade__private_folder(own);
    if (status == CLADE_OK)
        status = clade__private_write(own, "a", &(clade__piece){"mine", 4}, 1);
    umask(old);
    return status != CLADE_OK;
}

static int free_held(void **state)
{
    (void)state;
    free(held);
    held = NULL;
    return 0;
}

static void it_is_for_its_owner_alone(void **state)
{
    (void)state;
    struct stat about;
    assert_int_equal(stat(own, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(stat(test_text("%s/..", own), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(stat(file, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_ok(read_own());
    assert_int_equal(n_held, 4);
    assert_string_equal((char *)held, "mine");
    assert_int_equal(chmod(own, 0755), 0); /* to read is no harm */
    assert_int_equal(chmod(file, 0644), 0);
    assert_ok(clade__private_folder(own));
    assert_ok(read_own());
}

static void what_others_may_write_is_not_read(void **state)
{
    (void)state;
    static const mode_t modes[] = {0770, 0720, 0777, 0702, 01777};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(own, modes[i]), 0);
        assert_fails(clade__private_folder(own), CLADE_EIO, test_text("others may write to '%s'", own));
        assert_fails(read_own(), CLADE_EIO, "others may write");
        assert_null(held);
        assert_fails(clade__private_write(own, "b", NULL, 0), CLADE_EIO, "others may write");
        assert_int_equal(count_entries(own), 1);
        assert_int_equal(chmod(own, 0700), 0);
        assert_ok(read_own());
        assert_int_equal(chmod(file, modes[i] & 0666), 0);
        assert_fails(read_own(), CLADE_EIO, "others may write to 'a'");
        assert_int_equal(chmod(file, 0600), 0);
    }
}

static void what_is_of_another_user_is_not_read(void **state)
{
    (void)state;
    if (geteuid() != 0) skip(); /* only root can give a file away */
    assert_int_equal(chown(file, 12345, (gid_t)-1), 0);
    assert_fails(read_own(), CLADE_EIO, "'a' belongs to another user (12345)");
    assert_ok(clade__private_write(own, "a", &(clade__piece){"new", 3}, 1)); /* it can be replaced */
    assert_ok(read_own());
    assert_string_equal((char *)held, "new");
    assert_int_equal(chown(own, 12345, (gid_t)-1), 0);
    assert_fails(read_own(), CLADE_EIO, test_text("'%s' belongs to another user", own));
    assert_fails(clade__private_folder(own), CLADE_EIO, "belongs to another user");
}

/* A link could lead out of the folder, and a pipe would make who reads it wait. */
static void only_files_are_read(void **state)
{
    (void)state;
    const char *moved = test_text("%s/b", own);
    assert_int_equal(rename(file, moved), 0);
    assert_int_equal(symlink(moved, file), 0);
    assert_fails(read_own(), CLADE_EIO, "cannot open 'a'");
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_fails(read_own(), CLADE_EIO, "not a regular file");
    assert_int_equal(unlink(file), 0);
    assert_fails(read_own(), CLADE_EIO, "No such file");
    test_write_file(test_text("%s/file", own), "", 0);
    assert_fails(clade__private_folder(test_text("%s/file", own)), CLADE_EIO, "a file of that name");
    assert_fails(clade__private_read(test_text("%s/file", own), "a", &held, &n_held), CLADE_EIO, "file'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_may_write_one_path),
        cmocka_unit_test(what_stands_in_the_way_stays),
        cmocka_unit_test(a_written_file_has_the_usual_mode),
        cmocka_unit_test_setup_teardown(it_is_for_its_owner_alone, make_own, free_held),
        cmocka_unit_test_setup_teardown(what_others_may_write_is_not_read, make_own, free_held),
        cmocka_unit_test_setup_teardown(what_is_of_another_user_is_not_read, make_own, free_held),
        cmocka_unit_test_setup_teardown(only_files_are_read, make_own, free_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
