/* What is tuned: files of it, whole, damaged and foreign; who may change them; and a search among candidates of
 * which one hangs, one crashes and one is wrong. */
#define _XOPEN_SOURCE 700
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "blas/tuned_gemm.h"
#include "device/tuned.h"
#include "tune/kept.h"
#include "tune/search.h"

static const char set_line[] =
    "set GEMMK=0 KREG=1 KWG=32 KWI=2 MDIMA=4 MDIMC=4 MWG=64 NDIMB=4 NDIMC=4 NWG=32 SA=0 SB=0 STRM=0 STRN=0 VWM=8 "
    "VWN=8 XGEMM_MIN_INDIRECT_SIZE=1\n";

static const char *cache;

/* A device with an empty cache folder. */
static clade_device *open_fresh(void)
{
    clade_device *device;
    static char folder[256];
    snprintf(folder, sizeof folder, "%s", test_folder());
    cache = folder;
    assert_int_equal(setenv("CLADE_CACHE_DIR", cache, 1), 0);
    assert_ok(clade_device_open(&device, NULL));
    return device;
}

static clade_device *reopen(clade_device *device)
{
    clade_device_free(device);
    assert_ok(clade_device_open(&device, NULL));
    return device;
}

static void put(const char *path, const char *text)
{
    const clade__piece piece = {text, strlen(text)};
    assert_ok(clade__file_write(path, &piece, 1));
}

static char *stored_path(void)
{
    static char path[512];
    test_only_file(path, sizeof path, test_text("%s/tuned-*.txt", cache));
    return path;
}

static void a_set_is_a_text(void **state)
{
    (void)state;
    clade__clblast_set set, again;
    char text[CLADE__CLBLAST_TEXT];
    static const char *const bad[] = {"MWG", "MWG=", "MWG=-1", "MWG=x", "MWG=65537", "MGW=4", "MWG=4  NWG=4", "MWG=4,"};
    assert_true(clade__clblast_read(&set, set_line + 4, strlen(set_line) - 5));
    clade__clblast_write(text, &set);
    assert_true(clade__clblast_read(&again, text, strlen(text)));
    assert_memory_equal(&again, &set, sizeof set);
    assert_true(clade__clblast_hash(&set) == clade__clblast_hash(&again));
    again.values[0] = 1;
    assert_true(clade__clblast_hash(&set) != clade__clblast_hash(&again));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (clade__clblast_read(&again, bad[i], strlen(bad[i]))) fail_msg("'%s' was taken", bad[i]);
}

/* By what CLBlast's kernels demand: a candidate that it must refuse, or that must be wrong, only costs time. */
static void expect_possible(const clade__clblast_set *set, int max_group)
{
    enum { GEMMK, KREG, KWG, KWI, MDIMC = 5, MWG, NDIMC = 8, NWG, VWM = 14, VWN };
    const int *v = set->values;
    for (int i = 0; i < 16; i++) assert_true(v[i] >= 0);
    assert_true(v[MDIMC] * v[NDIMC] <= max_group);
    assert_int_equal(v[MWG] % (v[MDIMC] * v[VWM]), 0);
    assert_int_equal(v[NWG] % (v[NDIMC] * v[VWN]), 0);
    assert_int_equal(v[KWG] % v[KWI], 0);
    if (v[GEMMK] == 1) assert_int_equal(v[MWG], v[NWG]); /* it pads one dimension for the other's tile */
    if (v[GEMMK] == 1) assert_int_equal(v[KREG] % v[VWN], 0);
}

static void candidates_are_possible(void **state)
{
    (void)state;
    uint64_t seen[3] = {0};
    for (int cpu = 0; cpu < 2; cpu++) {
        clade__search search;
        clade__clblast_set set = clade__clblast_nothing();
        clade__search_start(&search, &set, cpu == 1, 256);
        for (int i = 0; i < 300; i++) {
            set = clade__search_next(&search);
            expect_possible(&set, 256);
            if (i == 0) search.best = set;
            if (i >= 3) continue;
            for (int j = 0; j < i; j++) assert_true(seen[j] != clade__clblast_hash(&set));
            seen[i] = clade__clblast_hash(&set);
        }
    }
}

/* Kept, found when the device is opened, named by what depends on it, and computed with. */
static void what_is_kept_is_used(void **state)
{
    (void)state;
    clade_device *device = open_fresh();
    const clade__gemm_provider *clblast;
    const clade_gemm_args args = {.m = 33, .n = 70, .k = 129, .trans_b = true};
    char origin[64];
    assert_ok(clade__gemm_provider_named(&clblast, "clblast"));
    clade__gemm_origin(origin, sizeof origin, device, clblast);
    assert_string_equal(origin, "clblast");
    assert_ok(clade__tuned_keep(device, set_line));
    device = reopen(device);
    clade__clblast_set set = clade__gemm_set_in_use(device);
    assert_int_equal(set.values[9], 32);
    clade__gemm_origin(origin, sizeof origin, device, clblast);
    assert_true(strncmp(origin, "clblast, tuned ", 15) == 0);
    assert_ok(clade__gemm_check(device, clblast, &args, NULL));
    const bool cpu = clade_device_describe(device)->type == CLADE_DEVICE_CPU;
    clade__gemm_origin(origin, sizeof origin, device, NULL);
    assert_true(cpu ? strcmp(origin, "auto") == 0 : strncmp(origin, "auto, local, tuned ", 19) == 0);
    assert_ok(clade_tuned_forget(device));
    assert_ok(clade_tuned_forget(device)); /* nothing is left, which is what is wanted */
    device = reopen(device);
    assert_string_equal(clade__tuned_lines(device), "");
    clade_device_free(device);
}

static void a_file_goes_there_and_back(void **state)
{
    (void)state;
    clade_device *device = open_fresh();
    char *text, *again;
    assert_ok(clade_tuned_export(device, &text));
    assert_null(text);
    assert_ok(clade__tuned_keep(device, set_line));
    assert_ok(clade_tuned_export(device, &text));
    assert_ok(clade_tuned_forget(device));
    assert_ok(clade_tuned_import(device, "x", text, strlen(text)));
    assert_ok(clade_tuned_export(device, &again));
    assert_string_equal(again, text);
    clade_tuned_text_free(again);
    for (size_t n = 0; n < strlen(text); n += 7)
        assert_fails(clade_tuned_import(device, "f.tuned", text, n), CLADE_EDATA, "f.tuned: it is ");
    for (size_t i = 0; i < strlen(text); i += 11) {
        text[i] ^= 1;
        assert_fails(clade_tuned_import(device, "f.tuned", text, strlen(text)), CLADE_EDATA, "f.tuned: it is ");
        text[i] ^= 1;
    }
    clade_tuned_text_free(text);
    assert_string_equal(clade__tuned_lines(device), set_line);
    clade_device_free(device);
}

/* The last bits of CLBlast's products are those of its set: a checkpoint knows it. */
static void a_run_knows_its_set(void **state)
{
    (void)state;
    clade_device *device = open_fresh();
    const char *run = test_text("%s/run", cache);
    static const char changed[] = "the run had another device, driver, gemm or version of clade";
#define TRAIN "train", "--run", run, "--gemm", "clblast", "--valid", "none"
    command_result result = command_expect(COMMAND(TRAIN, "--model", "linear", "--data", "digits?n=64", "--batch",
                                                   "64", "--epochs", "1"), 0);
    command_free(&result);
    result = command_expect(COMMAND(TRAIN, "--resume", "--epochs", "2"), 0);
    assert_null(strstr(result.err, changed));
    command_free(&result);
    assert_ok(clade__tuned_keep(device, set_line));
    result = command_expect(COMMAND(TRAIN, "--resume", "--epochs", "3"), 0);
    if (!strstr(result.err, changed)) fail_msg("%s", result.err);
    command_free(&result);
    result = command_expect(COMMAND(TRAIN, "--resume", "--epochs", "4"), 0);
    assert_null(strstr(result.err, changed));
    command_free(&result);
    clade_device_free(device);
}

/* A text whose sum is right, with one line in place of another. */
static char *with_line(const char *text, const char *line, const char *other)
{
    static char out[4096];
    const char *at = strstr(text, line);
    assert_non_null(at);
    size_t rest = strlen(at) - strcspn(at, "\n");
    int n = snprintf(out, sizeof out, "%.*s%s%.*s", (int)(at - text), text, other, (int)(rest - 21),
                     at + strcspn(at, "\n"));
    snprintf(out + n, sizeof out - (size_t)n, "sum %016llx\n",
             (unsigned long long)clade__hash(CLADE__HASH_START, out, (size_t)n));
    return out;
}

static void other_devices_are_refused(void **state)
{
    (void)state;
    clade_device *device = open_fresh();
    char *text, *foreign;
    static const char *const lines[][2] = {{"device ", "device Another"}, {"driver ", "driver 0.1"},
                                           {"clblast ", "clblast 9.9"}, {"units ", "units 77"}};
    assert_ok(clade__tuned_keep(device, set_line));
    assert_ok(clade_tuned_export(device, &text));
    for (size_t i = 0; i < 4; i++) {
        foreign = with_line(text, lines[i][0], lines[i][1]);
        assert_fails(clade_tuned_import(device, "f", foreign, strlen(foreign)), CLADE_EDATA,
                     "f: it is tuned for another device, driver or version (");
        if (!strstr(clade_error(), lines[i][1])) fail_msg("%s", clade_error());
    }
    foreign = with_line(text, "set ", "set NEW=1");
    assert_fails(clade_tuned_import(device, "f", foreign, strlen(foreign)), CLADE_EDATA,
                 "f: it has parameters that this version does not know");
    assert_string_equal(clade__tuned_lines(device), set_line);
    clade_tuned_text_free(text);
    clade_device_free(device);
}

static void a_damaged_store_is_told_and_ignored(void **state)
{
    (void)state;
    clade_device *device = open_fresh();
    assert_ok(clade__tuned_keep(device, set_line));
    put(stored_path(), "clade tuned 1\nplatf");
    device = reopen(device);
    assert_string_equal(clade__tuned_lines(device), "");
    if (!strstr(clade_device_reason(device), "it is damaged: its sum is not that of its text"))
        fail_msg("%s", clade_device_reason(device));
    assert_ok(clade_tuned_forget(device));
    device = reopen(device);
    assert_null(strstr(clade_device_reason(device), "damaged"));
    clade_device_free(device);
}

static void one_process_tunes_at_a_time(void **state)
{
    (void)state;
    clade_device *device = open_fresh();
    clade__run_lock lock;
    assert_ok(clade__tune_lock(&lock));
    command_expect_error(COMMAND("tune", "--seconds", "1"), 1, "another process tunes, with results in '");
    command_expect_error(COMMAND("tune", "--forget"), 1, "another process tunes, with results in '");
    assert_fails(clade_tuned_forget(device), CLADE_ESTATE, "another process tunes");
    clade__run_lock_release(&lock);
    assert_ok(clade_tuned_forget(device));
    clade_device_free(device);
}

static void bad_usage_is_told(void **state)
{
    (void)state;
    clade_device *device = open_fresh();
    const char *file = test_text("%s/f.tuned", cache);
    command_expect_error(COMMAND("tune", "--seconds", "0"), 2, "--seconds is 0, want a number above 0");
    command_expect_error(COMMAND("tune", "--list", "--forget"), 2, "--list, --forget, --export and --import go alone");
    command_expect_error(COMMAND("tune", "--model", "linear"), 2, "no data given");
    command_expect_error(COMMAND("tune", "--batch", "3"), 2, "no network given");
    command_expect_error(COMMAND("tune", "--list", "--device", "nosuch"), 3, "nosuch");
    command_expect_error(COMMAND("tune", "--seconds", "1", "--device", "nosuch"), 3, "nosuch");
    command_expect_error(COMMAND("tune", "--export", file), 1, "nothing is kept for this device");
    command_expect_error(COMMAND("tune", "--import", file), 4, "f.tuned");
    put(file, "{\"foreign\":1}");
    command_expect_error(COMMAND("tune", "--import", file), 4, "f.tuned: it is no file of `clade tune`");
    assert_ok(clade__tuned_keep(device, set_line));
    command_expect_error(COMMAND("tune", "--export", test_text("%s/no/f", cache)), 1, "/no/f");
    command_result result = command_expect(COMMAND("tune", "--export", file), 0);
    command_free(&result);
    result = command_expect(COMMAND("tune", "--import", file), 0);
    command_free(&result);
    result = command_expect(COMMAND("tune", "--list"), 0);
    assert_non_null(strstr(result.out, set_line));
    command_free(&result);
    clade_tune_result tuned;
    assert_fails(clade_tune(&(clade_tune_options){.seconds = -1.0}, &tuned), CLADE_EINVAL, "tune: seconds");
    assert_fails(clade_tune(&(clade_tune_options){.reserved = {1}}, &tuned), CLADE_EINVAL, "reserved[0]");
    clade_device_free(device);
}

#ifdef BAD_CLBLAST
static int count(const char *text, const char *part)
{
    int n = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) n++;
    return n;
}

static cJSON *search(const char *seconds)
{
    command_result result = command_expect(
        COMMAND("tune", "--model", "linear", "--data", "digits?n=64", "--batch", "16", "--seconds", seconds,
                "--timeout", "25", "--json", "--quiet"), 0);
    cJSON *document = command_json(result.out);
    command_free(&result);
    return document;
}

static void bad_candidates_cost_their_time(void **state)
{
    (void)state;
    clade_device *device = open_fresh();
    const clade_device_info *info = clade_device_describe(device);
    bool pocl = strcmp(info->platform, "Portable Computing Language") == 0 && info->type == CLADE_DEVICE_CPU;
    if (!pocl) { /* whose first candidates are known */
        clade_device_free(device);
        skip();
    }
    setenv("LD_PRELOAD", BAD_CLBLAST, 1);
    cJSON *document = search("70");
    assert_true(command_number(document, "tried") >= 3);
    assert_true(command_number(document, "failed") >= 3);
    cJSON_Delete(document);
    device = reopen(device);
    const char *lines = clade__tuned_lines(device);
    if (count(lines, " hung\n") < 1 || count(lines, " crashed\n") != 1 || count(lines, " wrong\n") < 1)
        fail_msg("%s", lines);
    int n_crashed = count(lines, " crashed\n");
    cJSON_Delete(search("8")); /* they are not tried again, and still known */
    device = reopen(device);
    assert_int_equal(count(clade__tuned_lines(device), " crashed\n"), n_crashed);
    unsetenv("LD_PRELOAD");
    clade_device_free(device);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_is_a_text),
        cmocka_unit_test(candidates_are_possible),
        cmocka_unit_test(what_is_kept_is_used),
        cmocka_unit_test(a_run_knows_its_set),
        cmocka_unit_test(a_file_goes_there_and_back),
        cmocka_unit_test(other_devices_are_refused),
        cmocka_unit_test(a_damaged_store_is_told_and_ignored),
        cmocka_unit_test(one_process_tunes_at_a_time),
        cmocka_unit_test(bad_usage_is_told),
#ifdef BAD_CLBLAST
        cmocka_unit_test(bad_candidates_cost_their_time),
#endif
    };
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}
