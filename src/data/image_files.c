#define _POSIX_C_SOURCE 200809L
#include "data/image_files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "data/image.h"

static clade_status no_memory(void)
{
    return clade__fail(CLADE_ENOMEM, "images: no memory for the names of files");
}

/* ---- one folder ------------------------------------------------------------------------------ */

/* What stands in a folder; where it is a link, what that leads to. */
typedef struct entry {
    char *name; /* the arena's */
    bool is_folder, is_file;
} entry;

typedef struct entries {
    entry *list; /* (n) in the order of the bytes of their names */
    int64_t n, room;
} entries;

static int by_name(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* folder/name, in the arena. */
static char *join(clade__arena *arena, const char *folder, const char *name)
{
    size_t n = strlen(folder) + strlen(name) + 2;
    char *path = clade__arena_alloc(arena, n);
    if (path) clade__format(path, n, "%s/%s", folder, name);
    return path;
}

static clade_status add_entry(entries *e, clade__arena *arena, const char *folder, const char *name)
{
    if (e->n == e->room) {
        int64_t room = e->room ? 2 * e->room : 64;
        entry *list = realloc(e->list, (size_t)room * sizeof *list);
        if (!list) return no_memory();
        e->list = list;
        e->room = room;
    }
    struct stat about;
    char *path = join(arena, folder, name);
    if (!path) return no_memory();
    if (stat(path, &about) != 0)
        return clade__fail(CLADE_EIO, "cannot open '%s': %s", path, clade__errno_text(errno));
    e->list[e->n++] = (entry){.name = path + strlen(folder) + 1,
                              .is_folder = S_ISDIR(about.st_mode),
                              .is_file = S_ISREG(about.st_mode)};
    return CLADE_OK;
}

/* All but what is hidden. The list is to be freed, also after a failure. */
static clade_status read_folder(entries *e, clade__arena *arena, const char *folder)
{
    DIR *open = opendir(folder);
    *e = (entries){0};
    if (!open)
        return clade__fail(CLADE_EIO, "cannot open '%s': %s", folder, clade__errno_text(errno));
    clade_status status = CLADE_OK;
    while (status == CLADE_OK) {
        errno = 0;
        const struct dirent *found = readdir(open);
        if (!found && errno != 0)
            status = clade__fail(CLADE_EIO, "cannot read '%s': %s", folder, clade__errno_text(errno));
        if (!found) break;
        if (found->d_name[0] != '.') status = add_entry(e, arena, folder, found->d_name);
    }
    closedir(open);
    if (status == CLADE_OK && e->n > 0) qsort(e->list, (size_t)e->n, sizeof *e->list, by_name);
    return status;
}

static bool has_folder(const entries *e)
{
    for (int64_t i = 0; i < e->n; i++)
        if (e->list[i].is_folder) return true;
    return false;
}

static bool is_image(const entry *it)
{
    return !it->is_folder && clade__image_has_name(it->name);
}

static bool has_image(const entries *e)
{
    for (int64_t i = 0; i < e->n; i++)
        if (is_image(&e->list[i])) return true;
    return false;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* What is listed, while it is. */
typedef struct listing {
    clade__image_files *to;
    const char *top; /* the folder that was given */
    int64_t room;    /* for files */
} listing;

static clade_status ignore(listing *l, const char *folder, const char *name)
{
    clade__image_files *to = l->to;
    if (to->n_ignored++ > 0) return CLADE_OK;
    char *path = join(&to->arena, folder, name);
    if (!path) return no_memory();
    to->first_ignored = path + strlen(l->top) + 1;
    return CLADE_OK;
}

static clade_status add_file(listing *l, const char *folder, const entry *it, int32_t label,
                             int64_t number)
{
    clade__image_files *to = l->to;
    if (!it->is_file)
        return clade__fail(CLADE_EIO, "cannot read '%s/%s': not a regular file", folder, it->name);
    if (to->n_files == l->room) {
        int64_t room = l->room ? 2 * l->room : 64;
        clade__image_file *files = realloc(to->files, (size_t)room * sizeof *files);
        if (!files) return no_memory();
        to->files = files;
        l->room = room;
    }
    char *path = join(&to->arena, folder, it->name);
    if (!path) return no_memory();
    to->files[to->n_files++] = (clade__image_file){
        .path = path, .name = path + strlen(l->top) + 1, .label = label, .number = number};
    return CLADE_OK;
}

/* The images of a folder, all of one class, or of none (-1). */
static clade_status add_images(listing *l, const char *folder, const entries *e, int32_t label)
{
    int64_t n = 0;
    for (int64_t i = 0; i < e->n; i++) {
        const entry *it = &e->list[i];
        if (it->is_folder && label >= 0)
            return clade__fail(CLADE_EDATA, "'%s/%s' is a folder within a class; put its images into '%s'",
                               folder, it->name, folder);
        CLADE_TRY(is_image(it) ? add_file(l, folder, it, label, n++) : ignore(l, folder, it->name));
    }
    if (n > 0) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "'%s'%s has no images: no file whose name ends in .png, .jpg or .jpeg",
                       folder, label >= 0 ? ", a class," : "");
}

/* ---- classes --------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the folders to the classes, for which there is room. */
static clade_status add_classes(clade__image_files *to, const char *folder, const entries *e)
{
    for (int64_t i = 0; i < e->n; i++) {
        if (!e->list[i].is_folder) continue;
        if (!clade__is_utf8(e->list[i].name))
            return clade__fail(CLADE_EDATA, "'%s/%s' is a class whose name is not UTF-8; rename it", folder,
                               e->list[i].name);
        to->classes[to->n_classes++] = e->list[i].name;
    }
    return CLADE_OK;
}

/* The classes of all parts; one that is in several is one. */
static clade_status list_classes(clade__image_files *to, char *const *folders, const entries *e, int n)
{
    int64_t n_folders = 0;
    for (int i = 0; i < n; i++)
        for (int64_t k = 0; k < e[i].n; k++) n_folders += e[i].list[k].is_folder;
    if (n_folders > CLADE__DATA_MAX_CLASSES)
        return clade__fail(CLADE_EDATA, "'%s' has %" PRId64 " folders, want at most %d classes", folders[0],
                           n_folders, CLADE__DATA_MAX_CLASSES);
    to->classes = malloc((size_t)(n_folders + 1) * sizeof *to->classes);
    if (!to->classes) return no_memory();
    for (int i = 0; i < n; i++) CLADE_TRY(add_classes(to, folders[i], &e[i]));
    qsort(to->classes, (size_t)to->n_classes, sizeof *to->classes, by_text);
    int kept = 0;
    for (int i = 0; i < to->n_classes; i++)
        if (kept == 0 || strcmp(to->classes[i], to->classes[kept - 1]) != 0)
            to->classes[kept++] = to->classes[i];
    to->n_classes = kept;
    return CLADE_OK;
}

/* The files of every class that has a folder here. */
static clade_status add_class_files(listing *l, const char *folder, const entries *e)
{
    clade__image_files *to = l->to;
    int32_t label = 0;
    for (int64_t i = 0; i < e->n; i++) {
        const entry *it = &e->list[i];
        if (!it->is_folder) {
            CLADE_TRY(ignore(l, folder, it->name));
            continue;
        }
        while (strcmp(to->classes[label], it->name) != 0) label++;
        entries within;
        char *path = join(&to->arena, folder, it->name);
        if (!path) return no_memory();
        clade_status status = read_folder(&within, &to->arena, path);
        if (status == CLADE_OK) status = add_images(l, path, &within, label);
        free(within.list);
        CLADE_TRY(status);
    }
    return CLADE_OK;
}

static int by_number(const void *a, const void *b)
{
    const clade__image_file *x = a, *y = b;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    return (x->label > y->label) - (x->label < y->label);
}

/* ---- parts ----------------------------------------------------------------------------------- */

typedef struct part_folder {
    const char *name;
    clade__part part;
} part_folder;

static const part_folder part_folders[] = {{"train", CLADE__TRAIN}, {"valid", CLADE__VALID},
                                           {"val", CLADE__VALID},   {"test", CLADE__TEST}};

enum { N_PART_FOLDERS = sizeof part_folders / sizeof part_folders[0] };

/* Those that are there, with folders in them: else they are classes of such a name. */
typedef struct parts {
    int n;
    const part_folder *is[N_PART_FOLDERS];
    char *path[N_PART_FOLDERS];
    entries within[N_PART_FOLDERS];
} parts;

static clade_status find_parts(parts *p, clade__arena *arena, const char *top, const entries *e)
{
    for (int i = 0; i < N_PART_FOLDERS; i++)
        for (int64_t k = 0; k < e->n; k++) {
            if (!e->list[k].is_folder || strcmp(e->list[k].name, part_folders[i].name) != 0) continue;
            char *path = p->path[p->n] = join(arena, top, part_folders[i].name);
            if (!path) return no_memory();
            clade_status status = read_folder(&p->within[p->n], arena, path);
            p->is[p->n] = &part_folders[i];
            p->n++;
            CLADE_TRY(status);
            if (has_folder(&p->within[p->n - 1])) continue;
            free(p->within[--p->n].list);
            p->within[p->n].list = NULL;
        }
    return CLADE_OK;
}

static void free_parts(parts *p)
{
    for (int i = 0; i < p->n; i++) free(p->within[i].list);
}

/* The one of this kind; -1: there is none. */
static int find_part(const parts *p, clade__part part)
{
    for (int i = 0; i < p->n; i++)
        if (p->is[i]->part == part) return i;
    return -1;
}

static clade_status choose_part(int *which, const parts *p, const clade__data_spec *spec)
{
    for (int i = 1; i < p->n; i++)
        if (p->is[i]->part == p->is[i - 1]->part)
            return clade__fail(CLADE_EDATA, "'%s' has both '%s' and '%s'; leave one", spec->path,
                               p->is[i - 1]->name, p->is[i]->name);
    *which = find_part(p, spec->part);
    if (*which < 0 && spec->part != CLADE__TRAIN)
        *which = find_part(p, spec->part == CLADE__TEST ? CLADE__VALID : CLADE__TEST);
    if (*which >= 0) return CLADE_OK;
    return clade__fail(CLADE_EIO,
                       "'%s' has no %s part: no folder %s with a folder for each class in it, beside '%s'; "
                       "images:%s/%s is this one alone, of which a part is held out",
                       spec->path, clade__part_name(spec->part),
                       spec->part == CLADE__TRAIN ? "'train'" : "'test', 'valid' or 'val'", p->is[0]->name,
                       spec->path, p->is[0]->name);
}

static clade_status list_part(listing *l, const parts *p, const entries *e, const clade__data_spec *spec)
{
    clade__image_files *to = l->to;
    int which;
    CLADE_TRY(choose_part(&which, p, spec));
    to->has_parts = true;
    to->part = p->is[which]->part;
    for (int64_t i = 0; i < e->n; i++) {
        bool is_part = false;
        for (int k = 0; k < p->n; k++) is_part = is_part || strcmp(e->list[i].name, p->is[k]->name) == 0;
        if (!is_part) CLADE_TRY(ignore(l, l->top, e->list[i].name));
    }
    CLADE_TRY(list_classes(to, p->path, p->within, p->n));
    return add_class_files(l, p->path[which], &p->within[which]);
}

/* ---- all ------------------------------------------------------------------------------------- */

static clade_status list_top(listing *l, const entries *e, const clade__data_spec *spec, bool alone)
{
    char *top = (char *)(uintptr_t)l->top;
    if (alone || (spec->how->samples_only && has_image(e) && !has_folder(e)))
        return add_images(l, l->top, e, -1);
    if (!has_folder(e) && has_image(e))
        return clade__fail(CLADE_EIO, "'%s' has images, but no folder for each class; images:%s?labels=none is "
                           "samples alone, to predict on", l->top, l->top);
    if (!has_folder(e))
        return clade__fail(CLADE_EIO, "'%s' has no folders; it must hold one for each class, with PNG and JPEG "
                           "files in it, or train and test with such folders", l->top);
    parts p = {0};
    clade_status status = find_parts(&p, &l->to->arena, l->top, e);
    if (status == CLADE_OK && p.n > 0)
        status = list_part(l, &p, e, spec);
    else if (status == CLADE_OK)
        status = list_classes(l->to, &top, e, 1);
    if (status == CLADE_OK && p.n == 0) status = add_class_files(l, l->top, e);
    free_parts(&p);
    return status;
}

clade_status clade__image_files_list(clade__image_files *list, const clade__data_spec *spec, bool alone)
{
    listing l = {.to = list, .top = spec->path};
    struct stat about;
    entries e = {0};
    if (stat(spec->path, &about) == 0 && !S_ISDIR(about.st_mode))
        return clade__fail(CLADE_EIO, "images: '%s' is a file; give the folder it is in", spec->path);
    clade_status status = read_folder(&e, &list->arena, spec->path);
    if (status == CLADE_OK) status = list_top(&l, &e, spec, alone);
    free(e.list);
    if (status == CLADE_OK)
        qsort(list->files, (size_t)list->n_files, sizeof *list->files, by_number);
    return status;
}

/* depth: how far below, of the folders of a part only. */
static bool holds_images(const char *folder, int depth)
{
    clade__arena arena = {0};
    entries e;
    bool there = read_folder(&e, &arena, folder) == CLADE_OK && has_image(&e);
    for (int64_t i = 0; depth > 0 && i < e.n && !there; i++) {
        char *path = e.list[i].is_folder ? join(&arena, folder, e.list[i].name) : NULL;
        bool part = false;
        for (int k = 0; k < N_PART_FOLDERS; k++)
            part = part || strcmp(e.list[i].name, part_folders[k].name) == 0;
        there = path && holds_images(path, part ? depth - 1 : 0);
    }
    free(e.list);
    clade__arena_free(&arena);
    return there;
}

bool clade__image_files_there(const char *folder)
{
    return holds_images(folder, 2);
}

void clade__image_files_free(clade__image_files *list)
{
    free(list->files);
    free(list->classes);
    clade__arena_free(&list->arena);
}
