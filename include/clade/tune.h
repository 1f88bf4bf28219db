/* Tuning: the fastest of the ways to multiply matrices that give right results, for one device and the products
 * that are made there. What is found is kept in the folder of the library's caches, for each device, driver and
 * version of CLBlast, and used by every process that opens the device from then on.
 *
 * Two things are tuned. How our own gemm is cut into work-groups is measured again, longer; all ways have the same
 * bits. CLBlast's parameters are searched: they change how sums are made, and with them the last bits of what
 * --gemm clblast computes. So a checkpoint has the name of the set that it was trained with, and a training that
 * is resumed with another one says so. */
#ifndef CLADE_TUNE_H
#define CLADE_TUNE_H

#include <signal.h>

#include <clade/device.h>
#include <clade/model.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLADE_TUNE_MAX_PRODUCTS 64

typedef struct clade_tune_product {
    int64_t m, n, k;
    bool trans_a, trans_b;
    double before, after; /* seconds of one call by CLBlast: as it was set, and by the set that was kept or, where
                           * none was, by the best that was seen; 0 where that was not measured */
    uint64_t reserved[4];
} clade_tune_product;

typedef struct clade_tune_progress {
    double seconds, seconds_of; /* so far, of so many */
    int n_tried, n_failed;      /* candidates: all, and those that crashed, hung, were wrong or were refused */
    double gain;                /* of the best so far: the products' weighted geometric mean, 1.5 for 1.5 times as
                                 * fast as before */
    const char *last;           /* how the last candidate did: "slower", "faster", "hung", … */
    uint64_t reserved[4];
} clade_tune_progress;

typedef struct clade_tune_options {
    const char *device; /* as clade_device_open_units has them; 0 units: all */
    int compute_units;
    clade_status (*open)(clade_model **model, void *user); /* called in a child process: a model that is compiled
                           * for training, on that device. Its products, forward and backward, are tuned for, each
                           * by its share of a step's time. NULL: those of the workloads of `clade bench gemm` but
                           * the largest cube, all alike */
    double seconds;     /* about, for all of it; 0 means 60 */
    double timeout;     /* of one candidate, in seconds; 0 means 30 */
    void (*on_progress)(const clade_tune_progress *progress, void *user); /* may be NULL */
    void *user;
    const volatile sig_atomic_t *stop; /* may be NULL; once it is not 0, what was found so far is decided on */
    uint64_t reserved[8];
} clade_tune_options;

typedef struct clade_tune_result {
    bool kept;    /* a new set is in use from the next opening of the device on */
    double gain;  /* of the set against that before, in turns with it; 1 where none was kept */
    double noise; /* of that figure: half the distance between its quartiles over the turns */
    char why[256]; /* in one line, where none was kept */
    int n_tried, n_failed;
    int n_products;
    clade_tune_product products[CLADE_TUNE_MAX_PRODUCTS];
    uint64_t reserved[8];
} clade_tune_result;

/* Searches. Each candidate runs in a child process with a timeout, is compared with a reference in double precision
 * before it is timed, and is passed over by later searches where it failed. The best is kept where it beats what was
 * in use beyond the noise, in turns with it, and makes none of the products slower than 0.97 of before. A process
 * that has called OpenCL must not call this: children of such a one have no threads to compute with.
 * CLADE_ESTATE while another process tunes; CLADE_EIO where there is no cache folder; and what opening device and
 * model gives. options may be NULL. */
CLADE_API CLADE_MUST_CHECK clade_status clade_tune(const clade_tune_options *options, clade_tune_result *result);

/* What is kept for a device, as the text of a file; *text is NULL where nothing is. To be freed by
 * clade_tuned_text_free. */
CLADE_API CLADE_MUST_CHECK clade_status clade_tuned_export(clade_device *device, char **text);
CLADE_API void clade_tuned_text_free(char *text);

/* Keeps such a text in place of what was kept, for the next opening of the device. CLADE_EDATA, beginning with `name`,
 * for one that is damaged, or of another device, driver or version; CLADE_ESTATE while a process tunes; CLADE_EIO. */
CLADE_API CLADE_MUST_CHECK clade_status clade_tuned_import(clade_device *device, const char *name,
                                                           const char *text, size_t n_bytes);

/* Removes what is kept. CLADE_ESTATE while a process tunes; CLADE_EIO. */
CLADE_API CLADE_MUST_CHECK clade_status clade_tuned_forget(clade_device *device);

#ifdef __cplusplus
}
#endif

#endif
