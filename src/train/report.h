/* A report in the making: predictions come in chunks, and each kind of report takes them in. */
#ifndef CLADE_TRAIN_REPORT_H
#define CLADE_TRAIN_REPORT_H

#include <clade/report.h>

#include "base/error.h"
#include "data/dataset.h"
#include "graph/model.h"

/* What an AUC is made of: a score, and whether the sample has the class. */
typedef struct clade__score {
    float score;
    int32_t positive;
} clade__score;

/* auc.c: reorders the scores. NaN where all or none are positive, or one is NaN. */
double clade__auc(clade__score *scores, int64_t n);

typedef struct clade__reporter {
    clade_report *report;
    clade_model *model;
    const clade_data *data;
    const int32_t *labels; /* (n_samples) as the model numbers its classes; NULL without classes */
    int64_t n_outputs;
    clade__score *scores;  /* (n_samples) of class 1; (n_classes, n_samples) of labels; or NULL */
    int64_t n_top5, n_rows_right;
    double *means;                /* (n_targets) of the true values */
    double *squares, *deviations; /* (n_targets) */
} clade__reporter;

/* Of each kind: takes memory; takes in samples [first, first + n) with their raw outputs (n, n_outputs),
 * room (n, n_outputs) being free to use; and makes the figures of all that has been counted. */
typedef struct clade__report_parts {
    clade_status (*begin)(clade__reporter *r);
    clade_status (*take)(clade__reporter *r, int64_t first, int64_t n, const float *raw,
                         float *room);
    void (*finish)(clade__reporter *r);
} clade__report_parts;

extern const clade__report_parts clade__report_classes, clade__report_labels, clade__report_numbers;

/* Precision, recall and F1 of each class from its counts, and the means over those that count. */
void clade__report_ratios(clade_report *report, bool all);

/* Room for n classes without names; false when there is no memory. */
bool clade__report_room(clade_report *report, int64_t n_classes);

/* A copy of a name, NULL of NULL. */
clade_status clade__report_name(char **out, const char *name);

/* The target of a sample in its own units. */
double clade__report_truth(const clade__reporter *r, int64_t sample, int64_t target);

#endif
