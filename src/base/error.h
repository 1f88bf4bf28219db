/* How the library reports failures: a status, and one line of text for the calling thread. */
#ifndef CLADE_BASE_ERROR_H
#define CLADE_BASE_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include <clade/status.h>

#if defined(__GNUC__)
#define CLADE_PRINTF(format_index, first_index) \
    __attribute__((format(printf, format_index, first_index)))
#else
#define CLADE_PRINTF(format_index, first_index)
#endif

/* Sets the thread's message and returns `status`: return clade__fail(CLADE_ESHAPE, "…", …).
 * Line breaks in the text become spaces, so that a message stays one line. */
clade_status clade__fail(clade_status status, const char *format, ...) CLADE_PRINTF(2, 3);

/* Puts "prefix: " before the thread's message and returns `status`; for callers who know where. */
clade_status clade__fail_in(clade_status status, const char *format, ...) CLADE_PRINTF(2, 3);

/* Sets the thread's message as it is given; to pass on an error that was kept. */
clade_status clade__fail_again(clade_status status, const char *message);

/* What the system says of an errno. It lasts until the thread's next call. */
const char *clade__errno_text(int number);

/* Returns CLADE_EINVAL from a public function unless this argument of it was given. */
#define CLADE_WANT(argument)                                                                       \
    do {                                                                                           \
        if (!(argument))                                                                           \
            return clade__fail(CLADE_EINVAL, "%s: %s is NULL", __func__, #argument);               \
    } while (0)

/* CLADE_EINVAL unless these words, `name` of what is given to `where`, are all 0. */
clade_status clade__check_reserved(const char *where, const char *name, const uint64_t *words,
                                   size_t n_words);

/* Returns CLADE_EINVAL from the function around it where one of a struct's reserved words is not 0:
 * CLADE_WANT_UNUSED("fit", options->reserved). See clade/status.h. */
#define CLADE_WANT_UNUSED(where, array)                                                            \
    CLADE_TRY(clade__check_reserved(where, #array, array, sizeof(array) / sizeof *(array)))

/* Returns the status of a call from the function around it, unless it is CLADE_OK. */
#define CLADE_TRY(call)                                                                            \
    do {                                                                                           \
        clade_status clade__tried = (call);                                                        \
        if (clade__tried != CLADE_OK) return clade__tried;                                         \
    } while (0)

#endif
