/* The feed: the samples of a data set, source by source, to the tensors of a plan.
 *
 * Resident: the whole set lies on the device, as bytes when it came as bytes, and a kernel gathers
 * each batch by the epoch's order. Streamed, when the device cannot hold it: the host gathers the
 * next batch into one of two buffers while the device works on the one before.
 */
#ifndef CLADE_TRAIN_FEED_H
#define CLADE_TRAIN_FEED_H

#include <clade/train.h>

#include "data/balance.h"
#include "graph/plan.h"
#include "ops/ops.h"
#include "train/sources.h"

/* A source on its way. */
typedef struct clade__fed {
    const clade__source *source;
    clade_tensor *tensor;  /* all of it, or one batch: (rows, cols), or of labels (rows) */
    clade_tensor *columns; /* the scaling's, on the device; NULL if it has none */
    bool augmented;        /* as the feed's augment says */
    size_t stage_at;       /* streamed: where its part of a stage begins */
    clade__transfer sent[2];
} clade__fed;

typedef struct clade__feed {
    const clade_data *data;
    clade_device *device;
    bool resident, shuffled;
    bool replacement; /* shuffled: an epoch's samples are drawn with replacement; unless set, not */
    clade__class_lists lists; /* shuffled: they are drawn class by class; of no class unless so */
    int64_t max_batch;
    clade__fed *fed;       /* (n_fed) */
    int n_fed;
    clade_tensor *order;   /* resident and shuffled: the epoch's order, (n_samples) */
    int32_t *host_order;   /* shuffled: the same on the host */
    clade__transfer order_sent;
    int32_t first;         /* what the recorded gather starts from */
    clade__augmentation augment; /* of images; ids: the order, or streamed a batch's, owned then */
    clade_tensor *ids;           /* streamed and augmented: (max_batch) */
    size_t ids_at;               /* where these are in a stage */
    clade__transfer ids_sent[2];
    int32_t epoch;               /* that was shuffled last */
    unsigned char *stage[2]; /* streamed: a batch of each source, one after another */
    int turn;
} clade__feed;

/* Bytes of device memory that the data takes when it is resident. */
uint64_t clade__feed_resident_bytes(const clade_data *data, bool shuffled);

/* All that is pointed at is borrowed until the feed is closed. */
typedef struct clade__feed_options {
    int64_t max_batch;
    bool resident;
    bool shuffled; /* clade__feed_shuffle is called before each epoch */
    bool replacement, balanced; /* as in clade_fit_options; shuffled */
    const clade_augment *augment; /* the same, checked; NULL: none. Of the first source, and shuffled */
    uint64_t seed;                /* of augment */
} clade__feed_options;

/* CLADE_EINVAL where the data's samples are no images that can be changed so. */
clade_status clade__feed_check_augment(const clade_data *data, const clade_augment *augment);

/* Takes all memory it will use, and sends resident data. */
clade_status clade__feed_open(clade__feed *feed, clade_device *device, const clade_data *data,
                              const clade__sources *sources, const clade__feed_options *options);
void clade__feed_close(clade__feed *feed);

/* Records how a plan gets its batch. */
clade_status clade__feed_record(clade__feed *feed, const clade__plan *plan, clade__commands *commands);

/* Draws the order of an epoch, as the options said. */
clade_status clade__feed_shuffle(clade__feed *feed, uint64_t seed, int64_t epoch);

/* Before the recorded commands run: the batch is the n samples from `first` of the order. */
clade_status clade__feed_next(clade__feed *feed, int64_t first, int64_t n);

#endif
