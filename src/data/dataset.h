/* A data set as the library sees it. Made by a reader, changed by nothing after. */
#ifndef CLADE_DATA_DATASET_H
#define CLADE_DATA_DATASET_H

#include <clade/data.h>

#include "base/error.h"
#include "base/philox.h"
#include "base/scaling.h"
#include "base/schema.h"

#define CLADE__DATA_MAX_CLASSES (1 << 20) /* more is a mistake */

/* A column of the source that is carried along as text. */
typedef struct clade__kept {
    char *name;
    char **texts;       /* the different ones; one block, the texts behind the pointers */
    int32_t *of_sample; /* (n_samples) in texts; -1 where the cell is empty */
} clade__kept;

/* A named part of each sample; see clade_data_field. */
typedef struct clade__field {
    char *name;
    clade_dtype dtype;
    clade_shape shape; /* of one sample */
    void *values;      /* (n_samples, shape…) */
} clade__field;

struct clade_data {
    char *name;
    int64_t n_samples;
    clade_shape shape;   /* of one sample */
    clade_dtype dtype;   /* of values: CLADE_UINT8 or CLADE_FLOAT32 */
    void *values;        /* (n_samples, shape…); NULL where there are fields */
    clade__field *fields; /* (n_fields), in place of values, labels and targets; NULL: there are those */
    int n_fields;
    clade__scaling scaling; /* what a network sees of the values */
    int n_classes;
    int32_t *labels;     /* (n_samples), or NULL */
    int64_t n_targets;
    float *targets;      /* (n_samples, n_targets), or NULL */
    char **class_names;  /* (n_classes), or NULL; one block, the texts behind the pointers */
    clade_schema *schema; /* what the columns of its table are; NULL: it comes from none */
    bool whole;          /* it is all rows of a file that could be split */
    const char *part;    /* which part of one that is; NULL: by how it was opened */
    int32_t *rows;       /* (n_samples) each sample's row in its source; NULL: its own number */
    clade__kept *kept;   /* (n_kept) */
    int n_kept;
    char **notes;        /* (n_notes) what the user should know of it, a line each */
    int n_notes;
    bool numbered;       /* labels are the source's own numbers, and names only describe them */
    double seconds;      /* spent reading */
};

/* For readers: a data set with room for its values, and for labels when n_classes > 0, or targets
 * when n_targets > 0; undefined yet. Scale 1, shift 0, no name, classes without names. Bounds are
 * those of clade_data_from_arrays; the sizes must be known to be backed by real data, since the
 * memory is taken here. Classes take none before they are named: a label in a file is no proof that
 * there are so many. */
CLADE_MUST_CHECK clade_status clade__data_create(clade_data **out, int64_t n_samples,
                                                 clade_shape shape, clade_dtype dtype,
                                                 int n_classes, int64_t n_targets);

/* Names the classes; copies n_classes texts. */
CLADE_MUST_CHECK clade_status clade__data_name_classes(clade_data *data, const char *const *names);

/* Adds a note, one line that says what was decided or looks doubtful. */
CLADE_MUST_CHECK clade_status clade__data_note(clade_data *data, const char *format, ...)
    CLADE_PRINTF(2, 3);

/* Makes targets of mean 0 and deviation 1, as clade_data_options has it; standardize.c. For data that
 * comes from no table: its schema will describe targets alone. */
CLADE_MUST_CHECK clade_status clade__data_standardize_targets(clade_data *data);

/* fields.c: the field of a name, NULL where there is none; the bytes of all fields of one sample. */
const clade__field *clade__data_field(const clade_data *data, const char *name);
size_t clade__data_field_bytes(const clade_data *data);
bool clade__data_fields_equal(const clade_data *a, const clade_data *b); /* of as many samples and fields */
void clade__data_free_fields(clade_data *data);

/* CLADE_EINVAL where the data is of fields, which `what` cannot do anything with. */
clade_status clade__data_want_samples(const clade_data *data, const char *what);

/* Frees what origin.c knows of. */
void clade__data_free_origin(clade_data *data);

/* Of one sample: how many values it has; their bytes; the bytes of its label or targets; and of all that
 * it has. */
int64_t clade__data_cols(const clade_data *data);
size_t clade__data_value_bytes(const clade_data *data);
size_t clade__data_answer_bytes(const clade_data *data);
size_t clade__data_sample_bytes(const clade_data *data);

/* For data that is made in memory: bounds of the number of samples and of a sample's shape. */
clade_status clade__data_check_sizes(int64_t n_samples, clade_shape shape, size_t element_bytes,
                                     size_t *bytes);
clade_status clade__data_check_finite(const float *x, int64_t rows, int64_t cols, const char *what);

/* The labels or the targets; NULL when there are none. */
const void *clade__data_answers(const clade_data *data);

/* The random numbers of an epoch, which share none with another's. */
clade__random clade__random_epoch(uint64_t seed, uint64_t stream, int64_t epoch);

/* order (n) becomes a random permutation of 0 … n-1, a function of seed and epoch alone. */
void clade__shuffle(int32_t *order, int64_t n, uint64_t seed, int64_t epoch);

/* order (n) becomes n draws from 0 … n-1 with replacement, a function of the same. */
void clade__draw(int32_t *order, int64_t n, uint64_t seed, int64_t epoch);

#endif
