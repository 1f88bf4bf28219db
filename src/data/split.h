/* Train, validation and test parts of a file that has none: a choice of its rows that is the same on
 * every machine, so that no two parts share a row and together they are all rows.
 *
 *   test=FRACTION             two parts, train and test
 *   split=TRAIN,TEST          the same, as shares that add up to 1
 *   split=TRAIN,VALID,TEST    three parts
 *   split=COLUMN              a column that says of each row: train, valid or test
 *   seed=N                    another choice
 *   stratify=yes              each part has its share of each class
 *   group=COLUMN              rows of one group are in one part
 */
#ifndef CLADE_DATA_SPLIT_H
#define CLADE_DATA_SPLIT_H

#include "data/spec.h"

/* What the options ask for. */
typedef struct clade__split_wants {
    bool asked;                /* an option asks for parts */
    bool parts;                /* there are parts; unless set, all rows are in every part */
    double valid, test;        /* shares; 0 for a part that there is not */
    const char *column;        /* of the rows' parts; NULL: by the shares */
    const char *group;         /* a column; NULL: none */
    bool stratify;
    uint64_t seed;
} clade__split_wants;

/* What rows are chosen by, (n_rows) each; NULL where it is not asked for. */
typedef struct clade__split_keys {
    const int32_t *classes;
    const int32_t *groups; /* -1: a group of its own */
    const int32_t *parts;  /* a clade__part each */
} clade__split_keys;

typedef struct clade__split {
    int64_t n_rows;       /* in the part that is opened */
    int64_t n_all;        /* of the file */
    int64_t end;          /* rows from here on are not in it */
    uint8_t *part;        /* (n_all) the clade__part of each; NULL: all rows are in every part */
    clade__part wanted;
} clade__split;

/* CLADE_EINVAL for options that make no sense, or not together. Without any that asks for parts there are
 * none where the data is opened whole, else a fifth of the rows is the test part. */
CLADE_MUST_CHECK clade_status clade__split_read(clade__split_wants *wants,
                                                const clade__data_spec *spec);

/* Chooses the rows of spec's part out of n_rows; with n=N, the first N of these. At least one row is in
 * each part. `path` is for messages. */
CLADE_MUST_CHECK clade_status clade__split_rows(clade__split *split,
                                                const clade__split_wants *wants,
                                                const clade__data_spec *spec, int64_t n_rows,
                                                const clade__split_keys *keys, const char *path);

/* Whether the part that is opened has this row; whether the train part has it. */
static inline bool clade__split_takes(const clade__split *split, int64_t row)
{
    return row < split->end && (!split->part || split->part[row] == split->wanted);
}

static inline bool clade__split_trains(const clade__split *split, int64_t row)
{
    return !split->part || split->part[row] == CLADE__TRAIN;
}

/* Tells the data which rows it has, and in a note which are held out or left out. */
CLADE_MUST_CHECK clade_status clade__split_tell(const clade__split *split, clade_data *data);

void clade__split_free(clade__split *split);

#endif
