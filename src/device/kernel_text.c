/* Where a kernel's text comes from: the library, or the folder that CLADE_KERNEL_DIR names. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "device/program.h"

enum { MAX_DEPTH = 8 }; /* of files that include files */

static const char include_start[] = "#include \"", include_end[] = ".cl\"";

static clade_status append_file(clade__text *text, const char *name, int depth);

static clade_status append_embedded(clade__text *text, const char *name)
{
    const clade__kernel_source *source = clade__kernel_sources;
    while (source->name && strcmp(source->name, name) != 0) source++;
    if (!source->name)
        return clade__fail(CLADE_EBUILD, "no kernels named '%s' in the library", name);
    clade__text_append(text, "%s", source->text);
    return CLADE_OK;
}

/* Appends `from` with each #include "NAME.cl" replaced by that file. */
static clade_status append_resolved(clade__text *text, const char *from, int depth)
{
    const char *at;
    while ((at = strstr(from, include_start))) {
        char name[64];
        const char *start = at + sizeof include_start - 1, *end = strchr(start, '"');
        size_t length = end ? (size_t)(end - start) : 0, tail = sizeof include_end - 2;
        if (length <= tail || length - tail >= sizeof name ||
            strncmp(end - tail, include_end, sizeof include_end - 1) != 0)
            return clade__fail(CLADE_EBUILD, "want #include \"NAME.cl\": %.40s", at);
        memcpy(name, start, length - tail);
        name[length - tail] = '\0';
        clade__text_append(text, "%.*s", (int)(at - from), from);
        CLADE_TRY(append_file(text, name, depth + 1));
        from = end + 1;
    }
    clade__text_append(text, "%s", from);
    return CLADE_OK;
}

static clade_status append_file(clade__text *text, const char *name, int depth)
{
    char path[PATH_MAX];
    const char *folder = getenv("CLADE_KERNEL_DIR");
    if (!folder || !*folder) return append_embedded(text, name);
    if (depth > MAX_DEPTH)
        return clade__fail(CLADE_EBUILD, "CLADE_KERNEL_DIR: %s.cl includes itself", name);
    if (access(folder, R_OK | X_OK) != 0)
        return clade__fail(CLADE_EBUILD, "CLADE_KERNEL_DIR: cannot read '%s': %s", folder,
                           clade__errno_text(errno));
    int n = snprintf(path, sizeof path, "%s/%s.cl", folder, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return clade__fail(CLADE_EBUILD, "CLADE_KERNEL_DIR is too long");
    if (access(path, F_OK) != 0) return append_embedded(text, name);
    unsigned char *own;
    size_t own_bytes;
    clade_status status = clade__file_read(path, &own, &own_bytes);
    if (status != CLADE_OK)
        return clade__fail_in(status == CLADE_ENOMEM ? status : CLADE_EBUILD, "CLADE_KERNEL_DIR");
    status = append_resolved(text, (const char *)own, depth);
    free(own);
    return status == CLADE_OK ? status : clade__fail_in(status, "%s", path);
}

clade_status clade__kernel_text(char **out, const char *name)
{
    clade__text text = {0};
    clade_status status = append_file(&text, name, 0);
    if (status == CLADE_OK && text.failed)
        status = clade__fail(CLADE_ENOMEM, "no memory for the text of %s.cl", name);
    if (status != CLADE_OK) clade__text_free(&text);
    *out = text.data;
    return status;
}
