/* Data sets: labelled samples in host memory, read from files or made by the library.
 *
 * A spec says where from:
 *   digits            made by the library: 28×28 grey digits; digits?n=2000&seed=3
 *   mnist:DIR         the IDX files of MNIST or Fashion-MNIST, gzipped or plain
 * and after a question mark, options joined by '&': part=train|test; for digits also n=, the number
 * of samples (20,000 to train and 4,000 to test unless given), and seed= (1 unless given).
 */
#ifndef CLADE_DATA_H
#define CLADE_DATA_H

#include <clade/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clade_data clade_data;

typedef struct clade_data_info {
    const char *name;    /* the spec, with its part; owned by the data */
    int64_t n_samples;
    clade_shape shape;   /* of one sample */
    clade_dtype dtype;   /* CLADE_UINT8, or CLADE_FLOAT32 */
    float scale, shift;  /* a network sees value * scale + shift */
    int n_classes;       /* labels are 0 … n_classes-1; 0 when targets are numbers */
    int64_t n_targets;   /* target numbers of a sample when n_classes is 0 */
    uint64_t bytes;      /* samples and labels, in host memory */
    double seconds;      /* spent reading or making it */
} clade_data_info;

/* Opens the train part, unless the spec names another. CLADE_EINVAL for a spec that makes no
 * sense, CLADE_EIO for a file that cannot be read, CLADE_EDATA for one that is damaged. */
CLADE_API CLADE_MUST_CHECK clade_status clade_data_open(clade_data **out, const char *spec);

/* The same with another default part: "train" or "test". */
CLADE_API CLADE_MUST_CHECK clade_status clade_data_open_part(clade_data **out, const char *spec,
                                                             const char *part);

/* Copies samples from memory. features (n_samples, shape…) float32; either labels (n_samples),
 * each in [0, n_classes), or, with labels NULL, targets (n_samples, n_targets). CLADE_EINVAL for a
 * label out of range, a value that is not finite or a count that makes no sense, CLADE_ESHAPE for
 * a bad shape. */
typedef struct clade_data_arrays {
    int64_t n_samples;
    clade_shape shape;
    const float *features;
    const int32_t *labels;
    int n_classes;
    const float *targets;
    int64_t n_targets;
} clade_data_arrays;

CLADE_API CLADE_MUST_CHECK clade_status clade_data_from_arrays(clade_data **out,
                                                               const clade_data_arrays *arrays);

/* Changes what a network sees to value * scale + shift. Both must be finite, scale not 0. */
CLADE_API CLADE_MUST_CHECK clade_status clade_data_set_scale(clade_data *data, float scale,
                                                             float shift);

CLADE_API clade_data_info clade_data_describe(const clade_data *data);
CLADE_API void clade_data_free(clade_data *data);

/* A class's name as text, owned by the data: its label's digits where the source names none. NULL
 * for a label that is not in 0 … n_classes-1. */
CLADE_API const char *clade_data_class_name(const clade_data *data, int label);

#ifdef __cplusplus
}
#endif

#endif
