/* The images of a folder: a folder a class, with files in it; the same below train, valid (or val) and test;
 * or files alone, of no class. */
#ifndef CLADE_DATA_IMAGE_FILES_H
#define CLADE_DATA_IMAGE_FILES_H

#include "base/arena.h"
#include "data/spec.h"

typedef struct clade__image_file {
    char *path; /* with the folder that was given */
    char *name; /* below that: class/name, or name; of `path` */
    int32_t label;  /* -1: none */
    int64_t number; /* among those of its class */
} clade__image_file;

/* Starts zeroed. Files are in the order of their numbers, and of their classes where those are equal: the
 * first of each class, then the second of each, so that the first N are of all classes. Within a class they
 * are in the order of the bytes of their names. */
typedef struct clade__image_files {
    clade__image_file *files; /* (n_files) */
    int64_t n_files;
    char **classes; /* (n_classes), in the order of their bytes */
    int n_classes;  /* 0: files alone */
    bool has_parts;
    clade__part part;    /* has_parts: which one these are of */
    int64_t n_ignored;   /* entries that are no images */
    char *first_ignored; /* its name, as those of files */
    clade__arena arena;  /* has all names */
} clade__image_files;

/* Lists those of the spec's part; where that is valid or test and there is only the other, of that. Without
 * classes where `alone` says so. CLADE_EIO for a folder that cannot be read, or holds no images; CLADE_EDATA
 * for a class without images and a folder within a class. */
CLADE_MUST_CHECK clade_status clade__image_files_list(clade__image_files *list,
                                                      const clade__data_spec *spec, bool alone);

/* Whether a folder holds images at all, where they are looked for. What cannot be read holds none. */
bool clade__image_files_there(const char *folder);

void clade__image_files_free(clade__image_files *list);

#endif
