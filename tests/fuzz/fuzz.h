/* What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput, which gives an
 * input to a reader and checks what must hold of any input; the seeds of fuzz_NAME.c are the files in
 * NAME/, each finding among them. libFuzzer makes inputs without end (tools/test --fuzz), and
 * replay.c runs the seeds as a test, under any compiler.
 *
 * fuzz.c stands between the library and the system (ld --wrap): while an input is read, the library
 * may hold no more memory than the input could fill, must give all of it back, and opens no file
 * outside the folder it was given. A violation ends the program, as a crash would.
 */
#ifndef CLADE_TESTS_FUZZ_H
#define CLADE_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clade/clade.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* Ends the program, naming the condition, unless it holds. */
#define fuzz_assert(condition) \
    ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition, clade_error()))
_Noreturn void fuzz_fail(const char *file, int line, const char *what, const char *more);

/* An input as it is taken apart, from its front. */
typedef struct fuzz_input {
    const uint8_t *bytes;
    size_t n_bytes;
} fuzz_input;

/* The folder for the inputs, in memory where the system has such; removed when the program ends. */
const char *fuzz_folder(void);

/* Writes a file in the folder; the path is valid until the fourth call after. */
const char *fuzz_write(const char *name, fuzz_input bytes);

/* Between these, the library's memory is counted: at most `most_bytes` at any time, and at the end
 * as much as at the start. */
void fuzz_begin(size_t most_bytes);
void fuzz_end(void);

/* Asserts that a call succeeded, or failed as a reader may: with one of the statuses for a bad spec,
 * file or config, and a message of one line. Whether it succeeded. */
bool fuzz_check(clade_status status);

/* Makes the spec of a file in the folder; false where its path would end elsewhere, see spec.c. */
bool fuzz_spec(char *spec, size_t spec_bytes, const char *kind, const char *path,
               const char *options);

/* Opens both parts of "KIND:PATH", with the options of a spec; asserts of each all that clade/data.h
 * says. same_parts: the files are the same for both, so that one can be read where the other can, and
 * both have answers unless label=none. */
void fuzz_open_data(const char *kind, const char *path, const char *options, bool same_parts);

/* The first n bytes, or as many as there are. */
fuzz_input fuzz_take(fuzz_input *input, size_t n_bytes);

/* The same, preceded by two bytes that say how many. */
fuzz_input fuzz_take_part(fuzz_input *input);

/* Copies the text before the first `end`, which is passed over, into out, cut to fit. */
void fuzz_take_text(fuzz_input *input, char end, char *out, size_t out_bytes);

#endif
