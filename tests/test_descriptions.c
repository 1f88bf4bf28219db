/* What the library chooses on devices that are described alone, which a CPU passes for. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/steps.h"
#include "blas/provider.h"
#include "blas/tuned_gemm.h"
#include "conv/conv.h"
#include "device/descriptions.h"
#include "device/opencl.h"
#include "kernel_list.h"
#include "ops/mapping.h"

/* The CPU as what CLADE_POSE says; NULL as itself. */
static clade_status open_as(clade_device **out, const char *word)
{
    if (word)
        setenv("CLADE_POSE", word, 1);
    else
        unsetenv("CLADE_POSE");
    clade_status status = clade_device_open(out, NULL);
    unsetenv("CLADE_POSE");
    return status;
}

static clade_device *opened_as(const char *word)
{
    clade_device *device;
    assert_ok(open_as(&device, word));
    return device;
}

static const clade__description *description_of(const char *word)
{
    const clade__description *d = clade__descriptions;
    while (d->word && strcmp(d->word, word) != 0) d++;
    assert_non_null(d->word);
    return d;
}

/* ---- what is told ------------------------------------------------------------------------------ */

static void a_device_tells_what_is_described(void **state)
{
    const clade_device_info *own = clade_device_describe(*state);
    clade_device *device = opened_as("rx580");
    const clade_device_info *info = clade_device_describe(device);
    assert_string_equal(info->name, "AMD Radeon RX 580 (gfx803)");
    assert_string_equal(info->vendor, "Advanced Micro Devices, Inc.");
    assert_int_equal(info->type, CLADE_DEVICE_GPU);
    assert_int_equal(info->compute_units, 36);
    assert_int_equal(info->work_group_limit, 256);
    assert_int_equal(info->local_memory_bytes, 32 * 1024);
    assert_true(info->local_memory_dedicated);
    assert_int_equal(info->float_vector_width, 1);
    assert_true(info->view_alignment_bytes >= 256);
    assert_string_equal(info->platform, own->platform); /* the driver and its memory are there */
    assert_int_equal(info->global_memory_bytes, own->global_memory_bytes);
    assert_non_null(strstr(clade_device_reason(device), "CPUs pose as rx580 (CLADE_POSE)"));
    clade_device_free(device);

    assert_ok(open_as(&device, "cpu-sse"));
    info = clade_device_describe(device);
    assert_int_equal(info->type, CLADE_DEVICE_CPU);
    assert_int_equal(info->float_vector_width, 4);
    assert_int_equal(info->compute_units, own->compute_units);
    assert_int_equal(info->local_memory_bytes, own->local_memory_bytes);
    clade_device_free(device);
    assert_null(strstr(clade_device_reason(*state), "CLADE_POSE"));
}

static void it_is_in_the_list(void **state)
{
    (void)state;
    clade_device_info *list;
    int n;
    char why[512];
    setenv("CLADE_POSE", "mali-g610", 1);
    assert_ok(clade_devices(&list, &n, why, sizeof why));
    unsetenv("CLADE_POSE");
    assert_string_equal(list[0].name, "Mali-G610");
    assert_non_null(strstr(why, "CPUs pose as mali-g610"));
    clade_devices_free(list);
}

static void an_unknown_word_is_refused(void **state)
{
    (void)state;
    clade_device *device;
    assert_fails(open_as(&device, "rx590"), CLADE_EINVAL, "did you mean 'rx580'?");
    assert_fails(open_as(&device, "quantum"), CLADE_EINVAL, "one of rx580, radeon-vii");
    assert_ok(open_as(&device, ""));
    assert_null(strstr(clade_device_reason(device), "CLADE_POSE"));
    clade_device_free(device);
}

/* In one sentence, that names the device and both limits. */
static void small_groups_are_refused(void **state)
{
    (void)state;
    static const int limits[] = {64, 128};
    for (int i = 0; i < 2; i++) {
        clade_device *device;
        const char *word = test_text("groups-of-%d", limits[i]);
        const char *want = test_text("%s takes work-groups of at most %d work-items; 256 are needed",
                                     description_of(word)->name, limits[i]);
        assert_fails(open_as(&device, word), CLADE_ENODEVICE, want);
        assert_null(strchr(clade_error(), '\n'));
        assert_null(device);
    }
}

/* ---- what is chosen ---------------------------------------------------------------------------- */

typedef struct choice {
    const char *word;
    int item_vector; /* floats that a work-item takes at a time */
    const char *gemm, *long_rows;
} choice;

static const choice choices[] = {
    {"rx580", 1, "local", "-DLANES=64"},
    {"radeon-vii", 1, "local", "-DLANES=64"},
    {"rx6800", 1, "local", "-DLANES=64"},
    {"radeon-780m", 1, "local", "-DLANES=64"},
    {"arc-a380", 1, "local", "-DLANES=64"},
    {"uhd630", 1, "local", "-DLANES=64"},
    {"rtx3060", 1, "local", "-DLANES=64"},
    {"apple-m1", 1, "local", "-DLANES=64"},
    {"adreno-640", 1, "local", "-DLANES=64"},
    {"mali-g610", 1, "local", "-DLANES=64"},
    {"mali-t860", 1, "local", "-DLANES=64"}, /* though its vectors have 4 */
    {"videocore-6", 1, "local", "-DLANES=64"},
    {"cpu-sse", 4, "tiled", "-DLANES=1 -DSLOTS=1 -DVW=4"},
    {"cpu-avx2", 8, "tiled", "-DLANES=1 -DSLOTS=1 -DVW=8"},
};

enum { N_CHOICES = sizeof choices / sizeof choices[0] };

/* The first provider that takes a pass of an ordinary convolution is that by columns. */
static bool takes_columns(const clade_device *device)
{
    static const clade__conv_provider *const others[] = {
        &clade__conv_winograd, &clade__conv_winograd_weight, &clade__conv_lanes, &clade__conv_outer, &clade__conv_tiled};
    const clade__conv conv = {32, 16, 12, 12, 16, 12, 12, 1, {3, 3}, {1, 1}, {1, 1}, {1, 1}};
    for (int pass = CLADE__CONV_FORWARD; pass <= CLADE__CONV_WEIGHT; pass++)
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            if (!others[i]->refuses(device, &conv, (clade__conv_pass)pass)) return false;
    return true;
}

/* A GPU leaves large products to CLBlast, and a thin one keeps, however long it is. */
static void check_large_products(clade_device *device, bool gpu)
{
    static const struct product {
        int m, n, k;
        bool is_large;
    } products[] = {{1024, 1024, 1024, true},  {512, 2048, 1024, true}, {1024, 1024, 1023, false},
                    {511, 4096, 4096, false}, {4096, 10, 65536, false}, {128, 512, 784, false}};
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        const struct product *p = &products[i];
        const clade_gemm_args args = {.m = p->m, .n = p->n, .k = p->k, .lda = p->k, .ldb = p->n, .ldc = p->n};
        const clade__gemm_provider *gemm;
        assert_ok(clade__gemm_choose(device, NULL, &args, &gemm));
        assert_string_equal(gemm->name, !gpu ? "tiled" : p->is_large ? "clblast" : "local");
    }
}

static void check_choice(const choice *want)
{
    const clade_gemm_args any = {.m = 64, .n = 64, .k = 64, .lda = 64, .ldb = 64, .ldc = 64};
    const clade__gemm_provider *gemm;
    const bool gpu = want->item_vector == 1;
    clade_device *device = opened_as(want->word);
    clade__commands *dry;
    assert_ok(clade__commands_create_dry(&dry, device));
    assert_int_equal(clade__item_vector(device), want->item_vector);
    assert_ok(clade__gemm_choose(device, NULL, &any, &gemm));
    assert_string_equal(gemm->name, want->gemm);
    assert_true(clade__gemm_can_update(device, NULL, &any));
    check_large_products(device, gpu);
    char origin[64];
    clade__gemm_origin(origin, sizeof origin, device, NULL);
    assert_string_equal(origin, gpu ? "auto, local" : "auto");
    clade__gemm_origin(origin, sizeof origin, device, &clade__gemm_local);
    assert_string_equal(origin, "local");
    assert_string_equal(clade__rows_of(dry, CLADE__NARROW_COLS + 1)->options, want->long_rows);
    assert_string_equal(clade__rows_of(dry, CLADE__NARROW_COLS)->options, "-DLANES=1");
    if (gpu) assert_true(takes_columns(device));
    if (gpu) assert_false(device->quirks.prefetch_by_builtin);
    clade__commands_free(dry);
    clade_device_free(device);
}

static void each_device_gets_what_suits_it(void **state)
{
    (void)state;
    for (const clade__description *d = clade__descriptions; d->word; d++) {
        const choice *of_d = NULL;
        for (int i = 0; i < N_CHOICES; i++)
            if (strcmp(choices[i].word, d->word) == 0) of_d = &choices[i];
        if (of_d)
            check_choice(of_d);
        else
            assert_true(d->work_group_limit < CLADE__LARGEST_GROUP); /* it is refused */
    }
}

/* ---- what is built ----------------------------------------------------------------------------- */

/* Every kernel that a step of a known network launches is in the list, and the step runs. */
static void networks_build_what_is_listed(void **state)
{
    (void)state;
    static const char *const names[] = {"mnist-784-512-512-10", "lenet", "resnet20"};
    clade_device *device = opened_as("rx580");
    clade__commands *list;
    assert_ok(clade__commands_create_dry(&list, device));
    assert_ok(test_note_kernels(list));
    assert_null(device->programs);
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        const clade__workload *workload;
        clade__steps steps;
        assert_ok(clade__workload_find(names[n], &workload));
        assert_ok(clade__steps_open(&steps, workload, &(clade__steps_options){.device = device, .batch = 8}));
        const clade__commands *step = steps.pass.full.last;
        assert_true(clade__commands_count(step) > 10);
        for (size_t i = 0; i < clade__commands_count(step); i++) {
            const clade__command_info built = clade__commands_describe(step, i);
            if (!*built.program || test_is_known(list, &built)) continue;
            fail_msg("%s: %s of %s.cl with '%s' is not listed", names[n], built.label, built.program, built.options);
        }
        assert_ok(clade__steps_next(&steps));
        assert_ok(clade_device_finish(device));
        clade__steps_close(&steps);
    }
    clade__commands_free(list);
    clade_device_free(device);
}

/* A step of mlp:512,512 by sgd with momentum, on a GPU: a gather of images and one of labels, three products forward
 * with bias and activation, the loss, two products and two slopes back, three products with the optimizer's steps,
 * metrics. Each command is one launch where none is CLBlast's. */
static void a_step_on_a_gpu_is_few_launches(void **state)
{
    (void)state;
    const clade__workload *workload;
    clade__steps steps;
    clade_device *device = opened_as("rx580");
    assert_ok(clade__workload_find("mnist-784-512-512-10", &workload));
    assert_ok(clade__steps_open(&steps, workload, &(clade__steps_options){.device = device, .batch = 128}));
    const clade__commands *step = steps.pass.full.last;
    const size_t n = clade__commands_count(step);
    for (size_t i = 0; i < n; i++) {
        const char *label = clade__commands_describe(step, i).label;
        print_message("%s%s", label, i + 1 < n ? ", " : "\n");
        assert_null(strstr(label, "clblast"));
    }
    assert_in_range(n, 10, 20);
    clade__steps_close(&steps);
    clade_device_free(device);
}

/* Where the default is no CPU, nothing passes for another device. */
static int open_cpu(void **state)
{
    test_open_device(state);
    if (clade_device_describe(*state)->type == CLADE_DEVICE_CPU) return 0;
    test_close_device(state);
    fprintf(stderr, "SKIPPED: no CPU to pass for other devices\n");
    exit(77);
}

int main(void)
{
    unsetenv("CLADE_POSE");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_tells_what_is_described),
        cmocka_unit_test(it_is_in_the_list),
        cmocka_unit_test(an_unknown_word_is_refused),
        cmocka_unit_test(small_groups_are_refused),
        cmocka_unit_test(each_device_gets_what_suits_it),
        cmocka_unit_test(networks_build_what_is_listed),
        cmocka_unit_test(a_step_on_a_gpu_is_few_launches),
    };
    return cmocka_run_group_tests(tests, open_cpu, test_close_device);
}
