/* Runs files through a fuzz target once: PROGRAM FILE|FOLDER …, a folder for the files in it. Takes
 * the place of libFuzzer where there is none. */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "fuzz.h"

static int n_run;

static void run_file(const char *path)
{
    unsigned char *bytes;
    size_t n_bytes;
    if (clade__file_read(path, &bytes, &n_bytes)) fuzz_fail(path, 0, "read", clade_error());
    fprintf(stderr, "%s\n", path); /* the last one is the one that failed */
    uint8_t *input = malloc(n_bytes + !n_bytes); /* as long as the input: a sanitizer sees its end */
    fuzz_assert(input);
    memcpy(input, bytes, n_bytes);
    free(bytes);
    LLVMFuzzerTestOneInput(input, n_bytes);
    free(input);
    n_run++;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        if (!folder) run_file(argv[i]);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            char path[1024];
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (entry->d_name[0] != '.') run_file(path);
        }
        if (folder) closedir(folder);
    }
    printf("%d inputs\n", n_run);
    return n_run > 0 ? 0 : 1;
}
