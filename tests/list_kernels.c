/* Which kernels the library would build, with which options, on each GPU of device/descriptions.c: for check_offline.
 * A line each, of words that a tab divides:
 *
 *   device   WORD  work-group limit  bytes of local memory      a device that is described
 *   refused  WORD  why                                          one that cannot be opened
 *   kernel   WORD  file in cl/  options  kernel                 what it would build
 *
 * Nothing is compiled, and nothing runs. It needs a CPU device, to pass for them all. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/descriptions.c"
#include "kernel_list.h"

static clade_status list(clade_device *device, const char *word)
{
    const clade_device_info *info = clade_device_describe(device);
    clade__commands *dry = NULL;
    CLADE_TRY(clade__commands_create_dry(&dry, device));
    clade_status status = test_note_kernels(dry);
    printf("device\t%s\t%zu\t%llu\n", word, info->work_group_limit, (unsigned long long)info->local_memory_bytes);
    for (size_t i = 0; status == CLADE_OK && i < clade__commands_n_kernels(dry); i++) {
        const clade__command_info kernel = clade__commands_kernel(dry, i);
        char options[256];
        test_all_options(options, sizeof options, &kernel);
        printf("kernel\t%s\t%s\t%s\t%s\n", word, kernel.program, options, kernel.label);
    }
    clade__commands_free(dry);
    return status;
}

int main(void)
{
    for (const clade__description *d = clade__descriptions; d->word; d++) {
        clade_device *device = NULL;
        if (d->type != CLADE_DEVICE_GPU) continue;
        setenv("CLADE_POSE", d->word, 1);
        clade_status status = clade_device_open(&device, NULL);
        if (status == CLADE_ENODEVICE && strstr(clade_error(), d->name)) {
            printf("refused\t%s\t%s\n", d->word, clade_error());
            continue;
        }
        if (status == CLADE_OK && strcmp(clade_device_describe(device)->name, d->name) != 0)
            status = clade__fail(CLADE_ENODEVICE, "%s is no CPU", clade_device_describe(device)->name);
        if (status == CLADE_OK) status = list(device, d->word);
        clade_device_free(device);
        if (status == CLADE_OK) continue;
        fprintf(stderr, "list_kernels: as %s: %s\n", d->word, clade_error());
        return 1;
    }
    return 0;
}
