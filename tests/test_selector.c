/* Which device a selector names, and which devices are one: on machines that do not exist. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <stdio.h>

#include "device/discovery.h"

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

#define CPU         CLADE_DEVICE_CPU
#define GPU         CLADE_DEVICE_GPU
#define ACCELERATOR CLADE_DEVICE_ACCELERATOR

typedef struct made_up {
    int platform, device; /* P:D */
    clade_device_type type;
    const char *name, *platform_name;
    int units, mhz;
    bool unavailable, unified;
    unsigned more_types;
    unsigned vendor_id, bus; /* bus 0: the driver does not tell */
    const char *version;
    size_t group; /* the work-group limit; 0: the driver does not tell */
} made_up;

/* `n` devices as clade__discover would give them; free with free(). */
static clade__found *machine(const made_up *devices, int n)
{
    clade__found *found = calloc((size_t)n, sizeof *found);
    assert_non_null(found);
    for (int i = 0; i < n; i++) {
        const made_up *from = &devices[i];
        clade_device_info *info = &found[i].info;
        info->index = i;
        info->platform_index = from->platform;
        info->device_index = from->device;
        info->type = from->type;
        found[i].types = 1u << from->type | from->more_types;
        snprintf(info->name, sizeof info->name, "%s", from->name);
        snprintf(info->platform, sizeof info->platform, "%s", from->platform_name);
        info->compute_units = from->units;
        info->clock_mhz = from->mhz;
        info->available = !from->unavailable;
        info->work_group_limit = from->group;
        if (from->version) snprintf(info->version, sizeof info->version, "%s", from->version);
        found[i].unified_memory = from->unified;
        found[i].vendor_id = from->vendor_id;
        found[i].has_pci = from->bus > 0;
        found[i].pci[1] = from->bus;
    }
    return found;
}

static char why[512];

/* The index that a selector names; the test fails when it names none. */
static int selected(const made_up *devices, int n, const char *selector)
{
    clade__found *found = machine(devices, n);
    int index = -1;
    why[0] = '\0';
    assert_ok(clade__select(found, n, selector, &index, why, sizeof why));
    free(found);
    assert_in_range(index, 0, n - 1);
    return index;
}

static void refused(const made_up *devices, int n, const char *selector, const char *part)
{
    clade__found *found = machine(devices, n);
    int index = -1;
    assert_fails(clade__select(found, n, selector, &index, why, sizeof why), CLADE_ENODEVICE, part);
    free(found);
}

/* The whole of the reason for the last device that was selected. */
#define assert_why(text) assert_string_equal(why, (text))

static bool said(const char *part)
{
    return strstr(clade_error(), part) != NULL;
}

/* A workstation: what it names is used below by index. */
static const made_up workstation[] = {
    {0, 0, CPU, "pthread-haswell", "Portable Computing Language", 64, .mhz = 4000, .unified = true},
    {1, 0, GPU, "Intel UHD Graphics", "Intel OpenCL Graphics", 96, .mhz = 1500, .unified = true},
    {1, 1, ACCELERATOR, "Stratix FPGA", "Intel OpenCL Graphics", 500, .mhz = 5000},
    {2, 0, GPU, "gfx90a", "AMD Accelerated Parallel Processing", 10, .mhz = 1000},
    {2, 1, GPU, "gfx1100", "AMD Accelerated Parallel Processing", 20, .mhz = 1000},
};
enum { N_WORKSTATION = COUNT(workstation) };

/* ---- nothing given --------------------------------------------------------------------------- */

static int no_default(void **state)
{
    (void)state;
    return unsetenv("CLADE_DEVICE");
}

/* A driver that is of no use gives way to one that is; alone, it is chosen, and opening says why not. */
static void what_cannot_be_used_comes_last(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        size_t group;
        const char *message;
    } useless[] = {{"OpenCL 1.1 Mesa", 256, "offers OpenCL 1.1 Mesa; OpenCL 1.2 is needed"},
                   {"OpenCL 3.0", 128, "takes work-groups of at most 128 work-items; 256 are needed"},
                   {"OpenCL 1.2", 64, "takes work-groups of at most 64 work-items; 256 are needed"}};
    for (int i = 0; i < COUNT(useless); i++) {
        made_up devices[] = {{0, 0, GPU, "AMD Radeon", "Clover", 20, .mhz = 1500},
                             {1, 0, CPU, "pthread", "Portable Computing Language", 2, .mhz = 2000}};
        devices[0].version = useless[i].version;
        devices[0].group = useless[i].group;
        assert_int_equal(selected(devices, 2, NULL), 1);
        assert_int_equal(selected(devices, 1, NULL), 0);
        clade__found *found = machine(devices, 2);
        assert_fails(clade__check_usable(&found[0].info), CLADE_ENODEVICE, useless[i].message);
        assert_ok(clade__check_usable(&found[1].info));
        free(found);
    }
}

/* llvmpipe is the slower, whatever others say of themselves. */
static void a_graphics_driver_is_the_last_cpu(void **state)
{
    (void)state;
    static const made_up devices[] = {{0, 0, CPU, "llvmpipe (LLVM 15.0.6, 256 bits)", "rusticl", 8, .mhz = 300},
                                      {1, 0, CPU, "Intel(R) Xeon(R) Processor", "Intel(R) OpenCL", 2, .mhz = 0}};
    assert_int_equal(selected(devices, 2, NULL), 1);
    assert_int_equal(selected(devices, 2, "cpu"), 1);
    assert_int_equal(selected(devices, 1, NULL), 0);
}

/* The best is taken away again and again: kind counts first, then memory of its own, then size. */
static void the_best_kind_is_the_default(void **state)
{
    (void)state;
    static const int order[] = {4, 3, 1, 2, 0};
    made_up devices[N_WORKSTATION];
    memcpy(devices, workstation, sizeof devices);
    for (int i = 0; i < N_WORKSTATION; i++) {
        assert_int_equal(selected(devices, N_WORKSTATION, NULL), order[i]);
        assert_int_equal(selected(devices, N_WORKSTATION, ""), order[i]);
        devices[order[i]].unavailable = true;
    }
    refused(devices, N_WORKSTATION, NULL, "0 (0:0) pthread-haswell, Portable Computing Language");
    assert_true(said("available"));
}

static void the_order_of_the_drivers_does_not_matter(void **state)
{
    (void)state;
    made_up devices[N_WORKSTATION];
    for (int i = 0; i < N_WORKSTATION; i++) devices[i] = workstation[N_WORKSTATION - 1 - i];
    assert_int_equal(selected(devices, N_WORKSTATION, NULL), 0);
    assert_string_equal(devices[0].name, "gfx1100");
    devices[0].units = 1; /* now gfx90a is the larger */
    assert_int_equal(selected(devices, N_WORKSTATION, NULL), 1);
}

/* A driver may say nothing of clock and width; of equals the first is taken. */
static void unknown_speeds_do_no_harm(void **state)
{
    (void)state;
    static const made_up devices[] = {{0, 0, CPU, "c", "p", 0, .mhz = 0},
                                      {0, 1, GPU, "a", "p", 4, .mhz = 0},
                                      {0, 2, GPU, "b", "p", 4, .mhz = 0},
                                      {0, 3, CLADE_DEVICE_OTHER, "o", "p", 900, .mhz = 9000}};
    assert_int_equal(selected(devices, 4, NULL), 1);
    assert_int_equal(selected(&devices[3], 1, NULL), 0);
}

static void the_default_has_a_reason(void **state)
{
    (void)state;
    selected(workstation, N_WORKSTATION, NULL);
    assert_why("gfx1100 is the best device: a GPU, 20 compute units");
    selected(workstation, 1, NULL);
    assert_why("pthread-haswell is the only device");
    const made_up without_gpu[] = {workstation[0], workstation[2]};
    selected(without_gpu, 2, NULL);
    assert_why("Stratix FPGA is the best device: an accelerator, and there is no GPU, "
               "500 compute units");
    const made_up cpus[] = {workstation[0], {3, 0, CPU, "EPYC", "Intel OpenCL", 8, .mhz = 2000}};
    selected(cpus, 2, NULL);
    assert_why("pthread-haswell is the best device: a CPU, and there is no GPU, 64 compute units");
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static void a_kind_names_its_best(void **state)
{
    (void)state;
    assert_int_equal(selected(workstation, N_WORKSTATION, "gpu"), 4);
    assert_why("gfx1100 is the best gpu device");
    assert_int_equal(selected(workstation, N_WORKSTATION, "cpu"), 0);
    assert_why("pthread-haswell is the only cpu device");
    assert_int_equal(selected(workstation, N_WORKSTATION, "accelerator"), 2);
    assert_why("Stratix FPGA is the only accelerator device");
    assert_int_equal(selected(workstation, 2, "gpu"), 1); /* only the integrated one is there */
}

static void a_kind_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    refused(workstation, 1, "gpu", "device selector 'gpu' matches no device");
    assert_true(said("0 (0:0) pthread-haswell, Portable Computing Language"));
    made_up broken[] = {workstation[0], workstation[4]};
    broken[1].unavailable = true;
    refused(broken, 2, "gpu", "available");
    assert_true(said("0 (0:0) pthread-haswell") && said("(2:1) gfx1100"));
}

static void a_simulator_is_what_it_is_asked_to_be(void **state)
{
    (void)state;
    static const char *const names[] = {[CPU] = "cpu", [GPU] = "gpu", [ACCELERATOR] = "accelerator"};
    const made_up simulator = {0, 0, CPU, "Simulator", "p", 1, .mhz = 1,
                               .more_types = 1u << GPU | 1u << ACCELERATOR};
    for (int type = 0; type < COUNT(names); type++) {
        clade__found *found = machine(&simulator, 1);
        int index = -1;
        assert_ok(clade__select(found, 1, NULL, &index, why, sizeof why));
        assert_int_equal(found->info.type, CPU);
        assert_ok(clade__select(found, 1, names[type], &index, why, sizeof why));
        assert_int_equal(found->info.type, type);
        free(found);
    }
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void numbers_name_devices(void **state)
{
    (void)state;
    for (int i = 0; i < N_WORKSTATION; i++) {
        const made_up *device = &workstation[i];
        assert_int_equal(selected(workstation, N_WORKSTATION, test_text("%d", i)), i);
        const char *pair = test_text("%d:%d", device->platform, device->device);
        assert_int_equal(selected(workstation, N_WORKSTATION, pair), i);
        assert_why(test_text("%s is what '%s' names", device->name, pair));
    }
    static const char *const wrong[] = {"5", "3:0", "0:1", "1:", ":1", "-1", "1:1:1", "0x1",
                                        "4294967296", "00000000001"};
    for (int i = 0; i < COUNT(wrong); i++)
        refused(workstation, N_WORKSTATION, wrong[i], "matches nothing; there is");
}

/* An index is one even where names have digits. */
static void a_number_is_no_part_of_a_name(void **state)
{
    (void)state;
    static const made_up devices[] = {{0, 0, GPU, "Radeon 1", "p", 1, .mhz = 1},
                                      {0, 1, GPU, "Radeon 0", "p", 1, .mhz = 1}};
    assert_int_equal(selected(devices, 2, "1"), 1);
    refused(devices, 2, "2", "matches nothing");
}

/* ---- names ----------------------------------------------------------------------------------- */

static void parts_of_names_match(void **state)
{
    (void)state;
    assert_int_equal(selected(workstation, N_WORKSTATION, "uhd"), 1);
    assert_why("Intel UHD Graphics is what 'uhd' names");
    assert_int_equal(selected(workstation, N_WORKSTATION, "GFX90"), 3);
    assert_int_equal(selected(workstation, N_WORKSTATION, "portable computing"), 0);
    assert_int_equal(selected(workstation, N_WORKSTATION, "PTHREAD-HASWELL"), 0);
}

static void an_ambiguous_name_lists_its_candidates(void **state)
{
    (void)state;
    refused(workstation, N_WORKSTATION, "amd",
            "device selector 'amd' matches more than one device; say which by its number: "
            "3 (2:0) gfx90a, AMD Accelerated Parallel Processing; "
            "4 (2:1) gfx1100, AMD Accelerated Parallel Processing");
    assert_false(said("Intel"));
    assert_false(said("pthread"));
    refused(workstation, N_WORKSTATION, "intel", "1 (1:0) Intel UHD Graphics"); /* a name too */
    assert_true(said("2 (1:1) Stratix FPGA"));
    assert_false(said("gfx"));
}

static void an_unmatched_name_lists_all(void **state)
{
    (void)state;
    refused(workstation, N_WORKSTATION, "voodoo",
            "device selector 'voodoo' matches nothing; there is: 0 (0:0) pthread-haswell");
    for (int i = 0; i < N_WORKSTATION; i++) assert_true(said(workstation[i].name));
}

/* ---- CLADE_DEVICE ---------------------------------------------------------------------------- */

static void the_environment_is_the_default(void **state)
{
    (void)state;
    assert_int_equal(setenv("CLADE_DEVICE", "gfx90a", 1), 0);
    assert_int_equal(selected(workstation, N_WORKSTATION, NULL), 3);
    assert_why("gfx90a is what 'gfx90a' (from CLADE_DEVICE) names");
    assert_int_equal(selected(workstation, N_WORKSTATION, ""), 3);
    assert_int_equal(selected(workstation, N_WORKSTATION, "uhd"), 1); /* what is said wins */
    assert_null(strstr(why, "CLADE_DEVICE"));

    assert_int_equal(setenv("CLADE_DEVICE", "cpu", 1), 0);
    assert_int_equal(selected(workstation, N_WORKSTATION, NULL), 0);
    assert_why("pthread-haswell is the only cpu device (from CLADE_DEVICE)");
    assert_int_equal(selected(workstation, N_WORKSTATION, "gpu"), 4);
    assert_why("gfx1100 is the best gpu device");

    assert_int_equal(setenv("CLADE_DEVICE", "", 1), 0); /* as if it were not there */
    assert_int_equal(selected(workstation, N_WORKSTATION, NULL), 4);
    assert_null(strstr(why, "CLADE_DEVICE"));
    assert_int_equal(unsetenv("CLADE_DEVICE"), 0);
}

/* Who sees the error may not know that the variable is set. */
static void errors_name_the_environment(void **state)
{
    (void)state;
    assert_int_equal(setenv("CLADE_DEVICE", "voodoo", 1), 0);
    refused(workstation, N_WORKSTATION, NULL,
            "device selector 'voodoo' (from CLADE_DEVICE) matches nothing");
    assert_int_equal(setenv("CLADE_DEVICE", "amd", 1), 0);
    refused(workstation, N_WORKSTATION, NULL, "'amd' (from CLADE_DEVICE) matches more than one");
    assert_int_equal(setenv("CLADE_DEVICE", "gpu", 1), 0);
    refused(workstation, 1, NULL, "'gpu' (from CLADE_DEVICE) matches no device");
    refused(workstation, 1, "voodoo", "device selector 'voodoo' matches nothing");
    assert_int_equal(unsetenv("CLADE_DEVICE"), 0);
}

/* ---- one device behind two platforms --------------------------------------------------------- */

static void check_same(const made_up *devices, const int *want, int n)
{
    clade__found *found = machine(devices, n);
    for (int i = 0; i < n; i++) found[i].info.same_as = 77;
    clade__mark_same(found, n);
    for (int i = 0; i < n; i++) {
        if (found[i].info.same_as != want[i])
            print_error("%s of platform %d: same as %d, want %d\n", devices[i].name,
                        devices[i].platform, found[i].info.same_as, want[i]);
        assert_int_equal(found[i].info.same_as, want[i]);
    }
    free(found);
}

#define CHECK_SAME(devices, ...)                                                                   \
    do {                                                                                           \
        assert_int_equal(COUNT(((const int[]){__VA_ARGS__})), COUNT(devices));                     \
        check_same(devices, (const int[]){__VA_ARGS__}, COUNT(devices));                           \
    } while (0)

static void a_cpu_is_one_whatever_its_name(void **state)
{
    (void)state;
    static const made_up devices[] = {{0, 0, CPU, "pthread-skylake", "PoCL", 8, .mhz = 1},
                                      {1, 0, CPU, "Intel(R) Xeon(R)", "Intel", 8, .mhz = 1},
                                      {1, 1, GPU, "Intel(R) Xeon(R)", "Intel", 8, .mhz = 1},
                                      {2, 0, CPU, "third", "Oclgrind", 8, .mhz = 1}};
    CHECK_SAME(devices, -1, 0, -1, 0); /* of the first, not of a copy */
}

static void the_bus_tells_gpus_apart(void **state)
{
    (void)state;
    static const made_up devices[] = {
        {0, 0, GPU, "Radeon", "A", 8, .mhz = 1, .vendor_id = 1, .bus = 3},
        {0, 1, GPU, "Radeon", "A", 8, .mhz = 1, .vendor_id = 1, .bus = 4},
        {1, 0, GPU, "gfx1100", "B", 8, .mhz = 1, .vendor_id = 2, .bus = 4}, /* the other order */
        {1, 1, GPU, "gfx1100", "B", 8, .mhz = 1, .vendor_id = 2, .bus = 3},
        {2, 0, GPU, "Radeon", "C", 8, .mhz = 1, .vendor_id = 1, .bus = 5},
    };
    CHECK_SAME(devices, -1, -1, 1, 0, -1);
}

static void names_tell_where_the_bus_is_unknown(void **state)
{
    (void)state;
    static const made_up devices[] = {
        {0, 0, GPU, "NVIDIA H200", "CUDA", 8, .mhz = 1, .vendor_id = 0x10de, .bus = 3},
        {0, 1, GPU, "NVIDIA H200", "CUDA", 8, .mhz = 1, .vendor_id = 0x10de, .bus = 4},
        {1, 0, GPU, "h200", "PoCL", 8, .mhz = 1, .vendor_id = 0x10de},
        {1, 1, GPU, "h200", "PoCL", 8, .mhz = 1, .vendor_id = 0x10de},
        {2, 0, GPU, "h200", "other vendor", 8, .mhz = 1, .vendor_id = 0x8086},
        {3, 0, GPU, "a100", "other name", 8, .mhz = 1, .vendor_id = 0x10de},
        {4, 0, ACCELERATOR, "NVIDIA H200", "other kind", 8, .mhz = 1, .vendor_id = 0x10de},
    };
    CHECK_SAME(devices, -1, -1, 0, 1, -1, -1, -1);
}

/* The one in the middle is the first one's copy, and says nothing of its own of the third. */
static void a_copy_does_not_pass_on(void **state)
{
    (void)state;
    static const made_up devices[] = {{0, 0, GPU, "Arc", "A", .vendor_id = 1, .bus = 3},
                                      {1, 0, GPU, "Arc", "B", .vendor_id = 1},
                                      {2, 0, GPU, "Arc", "C", .vendor_id = 1, .bus = 4}};
    CHECK_SAME(devices, -1, 0, -1);
}

static void twins_of_a_platform_are_two(void **state)
{
    (void)state;
    static const made_up devices[] = {{0, 0, GPU, "Arc", "Intel", 8, .mhz = 1, .vendor_id = 1},
                                      {0, 1, GPU, "Arc", "Intel", 8, .mhz = 1, .vendor_id = 1},
                                      {0, 2, CPU, "half", "Intel", 8, .mhz = 1, .vendor_id = 1},
                                      {0, 3, CPU, "half", "Intel", 8, .mhz = 1, .vendor_id = 1}};
    CHECK_SAME(devices, -1, -1, -1, -1);
}

static void platforms_have_short_names(void **state)
{
    (void)state;
    static const made_up both[] = {
        {0, 0, CPU, "pthread-AMD EPYC", "Portable Computing Language", 2, 2000, .bus = 0},
        {1, 0, GPU, "llvmpipe of pocl", "rusticl", 2, 2000, .bus = 0},
        {2, 0, GPU, "gfx1100", "AMD Accelerated Parallel Processing", 48, 2000, .bus = 3},
        {3, 0, CPU, "EPYC", "Intel(R) OpenCL", 2, 2000, .bus = 0},
        {4, 0, GPU, "RTX", "NVIDIA CUDA", 80, 2000, .bus = 4},
        {5, 0, CPU, "x", "Clover", 80, 2000, .bus = 0},
    };
    static const char *const words[] = {"pocl", "rusticl", "amd", "intel", "nvidia", "clover"};
    for (int i = 0; i < COUNT(both); i++) assert_int_equal(selected(both, COUNT(both), words[i]), i);
    assert_int_equal(selected(both, COUNT(both), "cuda"), 4);
    assert_int_equal(selected(both, COUNT(both), "PoCL"), 0);
    /* Where the platform has no device, it is a part of a name, as any other word. */
    assert_int_equal(selected(both, 2, "amd"), 0);
    refused(both, 1, "rusticl", "'rusticl' matches nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_used_comes_last),
        cmocka_unit_test(a_graphics_driver_is_the_last_cpu),
        cmocka_unit_test(the_best_kind_is_the_default),
        cmocka_unit_test(the_order_of_the_drivers_does_not_matter),
        cmocka_unit_test(unknown_speeds_do_no_harm),
        cmocka_unit_test(the_default_has_a_reason),
        cmocka_unit_test(a_kind_names_its_best),
        cmocka_unit_test(a_kind_that_is_not_there_is_an_error),
        cmocka_unit_test(a_simulator_is_what_it_is_asked_to_be),
        cmocka_unit_test(numbers_name_devices),
        cmocka_unit_test(a_number_is_no_part_of_a_name),
        cmocka_unit_test(parts_of_names_match),
        cmocka_unit_test(an_ambiguous_name_lists_its_candidates),
        cmocka_unit_test(an_unmatched_name_lists_all),
        cmocka_unit_test(the_environment_is_the_default),
        cmocka_unit_test(errors_name_the_environment),
        cmocka_unit_test(a_cpu_is_one_whatever_its_name),
        cmocka_unit_test(the_bus_tells_gpus_apart),
        cmocka_unit_test(names_tell_where_the_bus_is_unknown),
        cmocka_unit_test(a_copy_does_not_pass_on),
        cmocka_unit_test(twins_of_a_platform_are_two),
        cmocka_unit_test(platforms_have_short_names),
    };
    return cmocka_run_group_tests(tests, no_default, NULL);
}
