/* A device selector on a machine that does not exist. Input, in lines: the selector, then a device
 * each: a byte for its kind, a byte for its platform, its name, a tab, its platform's name. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/discovery.h"
#include "fuzz.h"

enum { MOST_DEVICES = 8 };

static void make_device(clade__found *found, const char *line, int index)
{
    const clade__found *before = index > 0 ? found - 1 : NULL;
    clade_device_info *info = &found->info;
    char kind = line[0], platform = kind ? line[1] : 0;
    const char *name = platform ? line + 2 : "", *tab = strchr(name, '\t');
    *found = (clade__found){.unified_memory = kind & 8, .vendor_id = (unsigned)(kind & 16)};
    info->index = index;
    info->type = (clade_device_type)(kind & 3);
    found->types = 1u << info->type;
    info->available = kind & 4;
    info->platform_index = platform & 3;
    bool same_platform = before && before->info.platform_index == info->platform_index;
    info->device_index = same_platform ? before->info.device_index + 1 : 0;
    info->compute_units = platform >> 2;
    found->has_pci = kind & 32;
    snprintf(info->name, sizeof info->name, "%.*s", (int)strcspn(name, "\t"), name);
    snprintf(info->platform, sizeof info->platform, "%s", tab ? tab + 1 : "");
}

/* The index that is selected, or -1. */
static int selected(clade__found *found, int n, const char *selector)
{
    char why[512] = "";
    int index = -1;
    if (!fuzz_check(clade__select(found, n, selector, &index, why, sizeof why))) return -1;
    fuzz_assert(index >= 0 && index < n && why[0]);
    return index;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static clade__found found[MOST_DEVICES];
    char selector[256], line[600];
    fuzz_input input = {bytes, n_bytes};
    int n = 0;
    fuzz_take_text(&input, '\n', selector, sizeof selector);
    while (n < MOST_DEVICES && (n == 0 || input.n_bytes > 0)) {
        fuzz_take_text(&input, '\n', line, sizeof line);
        make_device(&found[n], line, n);
        n++;
    }
    unsetenv("CLADE_DEVICE");
    fuzz_begin(16384);
    int index = selected(found, n, selector);
    clade__mark_same(found, n);
    for (int i = 0; i < n; i++) {
        int same = found[i].info.same_as;
        fuzz_assert(same == -1 || (same >= 0 && same < i && found[same].info.same_as == -1));
    }
    fuzz_end();
    setenv("CLADE_DEVICE", selector, 1); /* the environment counts where nothing is given */
    fuzz_assert(selected(found, n, NULL) == index);
    return 0;
}
