/* Dry commands: counts, the kernels that would be needed, and notes.
 *
 * Lists are searched from front to end: a graph has some tens of kernels, and as many notes as it has
 * products of different shapes. */
#include "device/dry.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct clade__dry_kernel {
    uint64_t hash;
    char *text; /* program, options and kernel, each with its closing zero */
    const char *options, *kernel;
};

struct clade__dry_note {
    const char *kind;
    void *data;
    size_t times;
};

/* A list of `size`-byte elements with room for one more; NULL when there is no memory. */
static void *grown(void *list, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity) return list;
    size_t more = 2 * *capacity + 16;
    void *larger = realloc(list, more * size);
    if (larger) *capacity = more;
    return larger;
}

static clade_status no_memory(void)
{
    return clade__fail(CLADE_ENOMEM, "no memory for commands");
}

static bool same_kernel(const struct clade__dry_kernel *k, uint64_t hash, const char *program,
                        const char *options, const char *kernel)
{
    return k->hash == hash && strcmp(k->text, program) == 0 && strcmp(k->options, options) == 0 &&
           strcmp(k->kernel, kernel) == 0;
}

clade_status clade__dry_launch(clade__dry *dry, const clade__launch *launch)
{
    const char *options = launch->options ? launch->options : "";
    uint64_t hash = clade__hash_text(CLADE__HASH_START, launch->program);
    hash = clade__hash_text(clade__hash_text(hash, options), launch->kernel);
    dry->n_commands++;
    for (size_t i = 0; i < dry->n_kernels; i++)
        if (same_kernel(&dry->kernels[i], hash, launch->program, options, launch->kernel))
            return CLADE_OK;

    size_t in_program = strlen(launch->program) + 1, in_options = strlen(options) + 1;
    size_t in_kernel = strlen(launch->kernel) + 1;
    struct clade__dry_kernel *kernels =
        grown(dry->kernels, dry->n_kernels, &dry->kernels_capacity, sizeof *kernels);
    if (!kernels) return no_memory();
    dry->kernels = kernels;
    char *text = malloc(in_program + in_options + in_kernel);
    if (!text) return no_memory();
    memcpy(text, launch->program, in_program);
    memcpy(text + in_program, options, in_options);
    memcpy(text + in_program + in_options, launch->kernel, in_kernel);
    kernels[dry->n_kernels++] = (struct clade__dry_kernel){
        hash, text, text + in_program, text + in_program + in_options};
    return CLADE_OK;
}

clade__command_info clade__dry_kernel_at(const clade__dry *dry, size_t i)
{
    const struct clade__dry_kernel *k = &dry->kernels[i];
    return (clade__command_info){.label = k->kernel, .program = k->text, .options = k->options};
}

clade_status clade__dry_note(clade__dry *dry, const char *kind, const void *data, size_t bytes,
                             clade__note_same *same)
{
    for (size_t i = 0; i < dry->n_notes; i++) {
        struct clade__dry_note *note = &dry->notes[i];
        if (strcmp(note->kind, kind) != 0 || !same(note->data, data)) continue;
        note->times++;
        return CLADE_OK;
    }
    struct clade__dry_note *notes =
        grown(dry->notes, dry->n_notes, &dry->notes_capacity, sizeof *notes);
    if (!notes) return no_memory();
    dry->notes = notes;
    void *copy = malloc(bytes);
    if (!copy) return no_memory();
    memcpy(copy, data, bytes);
    notes[dry->n_notes++] = (struct clade__dry_note){kind, copy, 1};
    return CLADE_OK;
}

const void *clade__dry_note_at(const clade__dry *dry, size_t i, const char *kind)
{
    return strcmp(dry->notes[i].kind, kind) == 0 ? dry->notes[i].data : NULL;
}

size_t clade__dry_note_times(const clade__dry *dry, size_t i)
{
    return dry->notes[i].times;
}

void clade__dry_free(clade__dry *dry)
{
    for (size_t i = 0; i < dry->n_kernels; i++) free(dry->kernels[i].text);
    for (size_t i = 0; i < dry->n_notes; i++) free(dry->notes[i].data);
    free(dry->kernels);
    free(dry->notes);
}
