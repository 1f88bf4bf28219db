/* The feed: samples from a data set to the tensors of a plan.
 *
 * Resident: the whole set lies on the device, as bytes when it came as bytes, and a kernel gathers
 * each batch by the epoch's order. Streamed, when the device cannot hold it: the host gathers the
 * next batch into one of two buffers while the device works on the one before.
 */
#ifndef CLADE_TRAIN_FEED_H
#define CLADE_TRAIN_FEED_H

#include "data/balance.h"
#include "graph/plan.h"

typedef struct clade__feed {
    const clade_data *data;
    const void *answers;   /* its labels or targets, or the labels given in their place; or NULL */
    clade_device *device;
    bool resident, shuffled;
    bool replacement; /* shuffled: an epoch's samples are drawn with replacement; unless set, not */
    clade__class_lists lists; /* shuffled: they are drawn class by class; of no class unless so */
    int64_t max_batch;
    const clade__scaling *scaling; /* what the network sees of the data */
    clade_tensor *values, *labels, *targets; /* all of the data, or one batch; NULL if it has none */
    clade_tensor *columns; /* the scaling's, on the device; NULL if it has none */
    clade_tensor *order;   /* resident and shuffled: the epoch's order, (n_samples) */
    int32_t *host_order;   /* shuffled: the same on the host */
    clade__transfer order_sent;
    int32_t first;         /* what the recorded gather starts from */
    unsigned char *stage[2]; /* streamed: a batch of values, then of labels or targets */
    clade__transfer sent[2][2];
    int turn;
} clade__feed;

/* Bytes of device memory that the data takes when it is resident. */
uint64_t clade__feed_resident_bytes(const clade_data *data, bool shuffled);

/* All that is pointed at is borrowed until the feed is closed. */
typedef struct clade__feed_options {
    int64_t max_batch;
    bool resident;
    bool shuffled; /* clade__feed_shuffle is called before each epoch */
    const clade__scaling *scaling; /* what the network sees of the data */
    const int32_t *labels; /* (n_samples) in place of the data's; NULL: those */
    const float *targets;  /* (n_samples, n_targets), the same */
    bool replacement, balanced; /* as in clade_fit_options; shuffled */
    bool alone;            /* the samples are enough: no labels or targets are sent */
} clade__feed_options;

/* Takes all memory it will use, and sends resident data. */
clade_status clade__feed_open(clade__feed *feed, clade_device *device, const clade_data *data,
                              const clade__feed_options *options);
void clade__feed_close(clade__feed *feed);

/* Records how a plan gets its batch, with its labels or targets where answers are wanted. */
clade_status clade__feed_record(clade__feed *feed, const clade__plan *plan,
                                clade__commands *commands, bool answers);

/* Draws the order of an epoch, as the options said. */
clade_status clade__feed_shuffle(clade__feed *feed, uint64_t seed, int64_t epoch);

/* Before the recorded commands run: the batch is the n samples from `first` of the order. */
clade_status clade__feed_next(clade__feed *feed, int64_t first, int64_t n);

#endif
