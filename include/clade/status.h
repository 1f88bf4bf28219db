/* Status codes and the message that goes with them.
 *
 * Every fallible function returns a clade_status. When it is not CLADE_OK, clade_error() gives
 * one line that says what failed, where, and what to try. The line belongs to the calling thread
 * and holds until that thread's next failing call.
 *
 * NULL for an object, a text or a place for a result is CLADE_EINVAL, and the message names the
 * function or operation and the argument, unless the header says that it may be NULL.
 * Every function that frees takes NULL, and does nothing then. A function that returns no status
 * cannot refuse: what it is asked about must be there.
 *
 * Structs grow without breaking programs that were built with older headers. One that a program allocates,
 * copies or steps through in an array ends in `reserved` words: a later version takes its new members from
 * the first of these, so that the struct's size and the places of its other members stay. Reserved words
 * are 0: zero a struct before you fill it, as (clade_fit_options){.epochs = 3} does. A function that is
 * given one which is not 0 returns CLADE_EINVAL: the program asks for what this library does not know.
 * What the library fills has zeros there. clade_shape, clade_span and clade_data_kind_option stay as they
 * are, and have none; nor has what the library alone makes and shows by a pointer, one at a time, such as
 * clade_report: it grows at its end.
 */
#ifndef CLADE_STATUS_H
#define CLADE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define CLADE_API
#else
#define CLADE_API __attribute__((visibility("default")))
#endif

#if defined(__GNUC__)
#define CLADE_MUST_CHECK __attribute__((warn_unused_result))
#else
#define CLADE_MUST_CHECK
#endif

/* Code and meaning; the one place where either is written. */
#define CLADE_STATUS_TABLE(X)                                                                      \
    X(OK, "done")                                                                                  \
    X(EINVAL, "an argument is out of its range")                                                   \
    X(ESHAPE, "shapes do not fit together")                                                        \
    X(ENOMEM, "out of host memory")                                                                \
    X(EDEVICEMEM, "out of device memory, or more than the device allows")                          \
    X(ENODEVICE, "no suitable OpenCL device")                                                      \
    X(EOPENCL, "an OpenCL call failed")                                                            \
    X(EBUILD, "a kernel did not build")                                                            \
    X(EWRONG, "the device computes wrong results")                                                 \
    X(EIO, "a file could not be read or written")                                                  \
    X(EDATA, "a data or model file is damaged or does not fit")                                    \
    X(ECONFIG, "a configuration is not valid")                                                     \
    X(EDIVERGED, "training diverged")                                                              \
    X(ESTATE, "a call came in the wrong order")                                                    \
    X(ERANK, "another process of the job is gone, or differs from this one")

typedef enum clade_status {
#define CLADE_STATUS_ENUM(name, meaning) CLADE_##name,
    CLADE_STATUS_TABLE(CLADE_STATUS_ENUM)
#undef CLADE_STATUS_ENUM
} clade_status;

/* The symbol of a status, "CLADE_ESHAPE"; never NULL. */
CLADE_API const char *clade_status_name(clade_status status);

/* The meaning of a status in a few words; never NULL. */
CLADE_API const char *clade_status_meaning(clade_status status);

/* The calling thread's last failure in one line, "" before the first; owned by the library. */
CLADE_API const char *clade_error(void);

/* The library's version, "MAJOR.MINOR.PATCH". */
CLADE_API const char *clade_version(void);

#ifdef __cplusplus
}
#endif

#endif
