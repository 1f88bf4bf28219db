/* Reports: what an evaluation owes its reader, beside loss and accuracy. The formulas are those of
 * scikit-learn's metrics, computed in double precision on the host. */
#ifndef CLADE_REPORT_H
#define CLADE_REPORT_H

#include <clade/train.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum clade_report_kind {
    CLADE_REPORT_CLASSES, /* a sample is of one class */
    CLADE_REPORT_LABELS,  /* bce_with_logits on targets that all are 0 or 1: each is a label, on or off */
    CLADE_REPORT_NUMBERS, /* targets are numbers */
    CLADE_REPORT_METRICS  /* the data is of named fields: there are the metrics alone */
} clade_report_kind;

/* Of a class, or of a label: which of the samples have it, and which get it. */
typedef struct clade_class_report {
    char *name;          /* NULL without one */
    int64_t support;     /* samples that have it */
    int64_t n_predicted; /* samples that get it */
    int64_t n_right;     /* both */
    double precision;    /* n_right / n_predicted; 0 where none gets it */
    double recall;       /* n_right / support; 0 where none has it */
    double f1;           /* 2 n_right / (support + n_predicted); 0 where that is 0 */
    double accuracy;     /* of a label: the share of samples for which it is right; NaN of a class */
    double auc;          /* of a label, as clade_report's; NaN of a class */
    uint64_t reserved[4];
} clade_class_report;

/* Of a target, in its own units. */
typedef struct clade_target_report {
    char *name;       /* NULL without one */
    double mae, rmse; /* mean absolute error, root of the mean squared error */
    double r2;        /* 1 - squared errors / squared deviations from the mean; where all true values are
                       * the same, 1 without an error and else 0; NaN of fewer than two samples */
    double *truth, *predicted; /* (n_points) */
    uint64_t reserved[4];
} clade_target_report;

typedef struct clade_report {
    clade_metrics metrics; /* as clade_evaluate gives them */
    clade_report_kind kind;

    /* Classes and labels. A sample whose outputs are not finite has none, and is wrong. */
    int64_t n_classes; /* that the model tells apart; or labels */
    clade_class_report *classes; /* (n_classes) */
    double macro_precision, macro_recall, macro_f1; /* means over the classes that a sample has or gets;
                                                     * over all labels */
    int64_t *confusion;       /* (n_classes, n_classes), the true ones by row, the predicted ones by
                               * column, of classes; NULL of labels, and of more than
                               * CLADE_REPORT_MOST_CONFUSED classes */
    double balanced_accuracy; /* of classes: the mean recall of those that a sample has; else NaN */
    double top5_accuracy;     /* of more than five classes: the share of samples whose own is among the
                               * five with the largest outputs; else NaN */
    double auc; /* of two classes: the area under the curve of the receiver operating characteristic of
                 * class 1's probability, which is the share of pairs of a sample of class 1 and one of
                 * class 0 that it puts in the right order, ties counted half (Mann & Whitney 1947). NaN
                 * where one class is missing or an output is not finite; and of labels their mean */
    double label_accuracy; /* of labels: the share that is right of all labels of all samples; else NaN */
    double row_accuracy;   /* of labels: the share of samples of which all labels are right; else NaN */

    /* Numbers: the means over the targets. */
    int64_t n_targets;
    clade_target_report *targets; /* (n_targets) */
    double mae, rmse, r2;
    int64_t n_points; /* samples evenly spaced over the data, to draw */
} clade_report;

#define CLADE_REPORT_MOST_CONFUSED 2048

/* Zeroed: as said. */
typedef struct clade_report_options {
    int64_t most_points; /* of a target; 0: none */
    uint64_t reserved[8];
} clade_report_options;

/* Evaluates a model on data as clade_evaluate does, with its errors and its metrics to the last digit,
 * and once more for the predictions. Host memory is that of the report, of some thousand predictions,
 * and of eight bytes for each value that an AUC is of. options may be NULL. */
CLADE_API CLADE_MUST_CHECK clade_status clade_report_create(clade_report **out, clade_model *model,
                                                            clade_data *data,
                                                            const clade_report_options *options);
CLADE_API void clade_report_free(clade_report *report);

/* "classes", "labels", "numbers". NULL out of range. */
CLADE_API const char *clade_report_kind_name(clade_report_kind kind);

#ifdef __cplusplus
}
#endif

#endif
