#include "verify/table.h"

#include <string.h>

#include "verify/families.h"

#define REDUCTIONS(name, family, reduction, flops)                                                 \
    {name "_of_rows", &(family), CLADE__WAY(reduction, CLADE__OF_ROWS), flops},                    \
        {name "_of_cols", &(family), CLADE__WAY(reduction, CLADE__OF_COLS), flops},                \
        {name "_of_all", &(family), CLADE__WAY(reduction, CLADE__OF_ALL), flops}
#define BACKWARD(name, family, variant, flops)                                                     \
    {name "_backward", &(family), variant, flops},                                                 \
        {name "_backward_added", &(family), (variant) | CLADE__ADDS, (flops) + 1}
#define REDUCTIONS_BACK(name, family, reduction, flops)                                            \
    BACKWARD(name "_of_rows", family, CLADE__WAY(reduction, CLADE__OF_ROWS), flops),               \
        BACKWARD(name "_of_cols", family, CLADE__WAY(reduction, CLADE__OF_COLS), flops),           \
        BACKWARD(name "_of_all", family, CLADE__WAY(reduction, CLADE__OF_ALL), flops)

const clade__op clade__ops[] = {
    {"identity_forward", &clade__activation_forwards, CLADE_IDENTITY, 0},
    BACKWARD("identity", clade__activation_backwards, CLADE_IDENTITY, 0),
    {"sigmoid_forward", &clade__activation_forwards, CLADE_SIGMOID, 4},
    BACKWARD("sigmoid", clade__activation_backwards, CLADE_SIGMOID, 3),
    {"tanh_forward", &clade__activation_forwards, CLADE_TANH, 4},
    BACKWARD("tanh", clade__activation_backwards, CLADE_TANH, 3),
    {"relu_forward", &clade__activation_forwards, CLADE_RELU, 1},
    BACKWARD("relu", clade__activation_backwards, CLADE_RELU, 1),
    {"leaky_relu_forward", &clade__activation_forwards, CLADE_LEAKY_RELU, 2},
    BACKWARD("leaky_relu", clade__activation_backwards, CLADE_LEAKY_RELU, 2),
    {"gelu_forward", &clade__activation_forwards, CLADE_GELU, 5},
    BACKWARD("gelu", clade__activation_backwards, CLADE_GELU, 11),
    {"softmax_forward", &clade__softmax_forwards, false, 5},
    BACKWARD("softmax", clade__softmax_backwards, false, 4),
    {"log_softmax_forward", &clade__softmax_forwards, true, 5},
    BACKWARD("log_softmax", clade__softmax_backwards, true, 4),
    {"add", &clade__adds, 0, 1},
    {"slice", &clade__slices, CLADE__ALONG_FIRST, 0},
    {"slice_of_cols", &clade__slices, CLADE__ALONG_LAST, 0},
    {"slice_of_middle", &clade__slices, CLADE__ALONG_MIDDLE, 0},
    {"slice_of_ints", &clade__int_slices, CLADE__ALONG_LAST | CLADE__OF_INTS, 0},
    {"slice_added", &clade__slices, CLADE__ALONG_LAST | CLADE__ADDS, 1},
    {"slice_into", &clade__slices, CLADE__ALONG_MIDDLE | CLADE__INTO, 0},
    {"slice_into_added", &clade__slices, CLADE__ALONG_LAST | CLADE__INTO | CLADE__ADDS, 1},
    {"concat", &clade__concats, CLADE__ALONG_FIRST, 0},
    {"concat_of_cols", &clade__concats, CLADE__ALONG_LAST, 0},
    {"concat_added", &clade__concats, CLADE__ALONG_MIDDLE | CLADE__ADDS, 1},
    {"max_pool2d_forward", &clade__max_pools, CLADE__WINDOWS_OF_2, 1},
    {"max_pool2d_overlapping_forward", &clade__max_pools, CLADE__WINDOWS_OF_3, 9},
    {"max_pool2d_meeting_forward", &clade__max_pools, CLADE__WINDOWS_MEET, 15},
    {"max_pool2d_dilated_forward", &clade__max_pools, CLADE__WINDOWS_DILATED, 6},
    {"max_pool2d_alone", &clade__max_pools, CLADE__WINDOWS_OF_3 | CLADE__NO_INDICES, 9},
    BACKWARD("max_pool2d", clade__max_pool_backwards, CLADE__WINDOWS_OF_2, 0),
    BACKWARD("max_pool2d_overlapping", clade__max_pool_backwards, CLADE__WINDOWS_OF_3, 1),
    BACKWARD("max_pool2d_meeting", clade__max_pool_backwards, CLADE__WINDOWS_MEET, 1),
    BACKWARD("max_pool2d_dilated", clade__max_pool_backwards, CLADE__WINDOWS_DILATED, 1),
    {"avg_pool2d_forward", &clade__avg_pools, CLADE__WINDOWS_OF_2, 1},
    {"avg_pool2d_overlapping_forward", &clade__avg_pools, CLADE__WINDOWS_OF_3, 9},
    {"avg_pool2d_meeting_forward", &clade__avg_pools,
     CLADE__WINDOWS_MEET | CLADE__WINDOWS_LEAVE_PADDING_OUT, 15},
    BACKWARD("avg_pool2d", clade__avg_pool_backwards, CLADE__WINDOWS_OF_2, 1),
    BACKWARD("avg_pool2d_overlapping", clade__avg_pool_backwards, CLADE__WINDOWS_OF_3, 2),
    BACKWARD("avg_pool2d_meeting", clade__avg_pool_backwards,
             CLADE__WINDOWS_MEET | CLADE__WINDOWS_LEAVE_PADDING_OUT, 2),
    {"adaptive_avg_pool2d_forward", &clade__avg_pools, CLADE__SHARES_UNEVEN, 1},
    {"adaptive_avg_pool2d_even_forward", &clade__avg_pools, CLADE__SHARES_EVEN, 1},
    {"adaptive_avg_pool2d_of_all_forward", &clade__avg_pools, CLADE__SHARES_ONE, 1},
    BACKWARD("adaptive_avg_pool2d", clade__avg_pool_backwards, CLADE__SHARES_UNEVEN, 1),
    BACKWARD("adaptive_avg_pool2d_even", clade__avg_pool_backwards, CLADE__SHARES_EVEN, 1),
    BACKWARD("adaptive_avg_pool2d_of_all", clade__avg_pool_backwards, CLADE__SHARES_ONE, 1),
    {"conv2d_forward", &clade__conv_forwards, 0, 288},
    {"conv2d_relu", &clade__conv_forwards, CLADE__WITH_RELU, 288},
    BACKWARD("conv2d", clade__conv_backwards, 0, 576),
    {"conv2d_bias", &clade__conv_biases, 0, 1},
    {"conv2d_columns_forward", &clade__conv_forwards, CLADE__BY_COLUMNS, 288},
    BACKWARD("conv2d_columns", clade__conv_backwards, CLADE__BY_COLUMNS, 576),
    {"dropout", &clade__dropouts, 0, 1},
    {"dropout_added", &clade__dropouts, CLADE__ADDS, 2},
    {"cross_entropy", &clade__cross_entropies, 0, 7},
    {"cross_entropy_alone", &clade__cross_entropies, CLADE__NO_GRADIENT, 4},
    {"cross_entropy_weighted", &clade__cross_entropies, CLADE__WEIGHTED, 7},
    {"cross_entropy_ignoring", &clade__cross_entropies, CLADE__IGNORES | CLADE__DIVIDED, 7},
    {"cross_entropy_smoothed", &clade__cross_entropies, CLADE__SMOOTHS, 11},
    {"cross_entropy_mean", &clade__cross_entropies,
     CLADE__WEIGHTED | CLADE__IGNORES | CLADE__SMOOTHS | CLADE__DIVIDED, 12},
    {"cross_entropy_mean_alone", &clade__cross_entropies,
     CLADE__WEIGHTED | CLADE__IGNORES | CLADE__SMOOTHS | CLADE__NO_GRADIENT, 8},
    {"mse", &clade__mses, 0, 4},
    {"mse_alone", &clade__mses, CLADE__NO_GRADIENT, 3},
    {"bce_with_logits", &clade__bces, 0, 11},
    {"bce_with_logits_alone", &clade__bces, CLADE__NO_GRADIENT, 6},
    {"bce_with_logits_weighted", &clade__bces, CLADE__WEIGHTED, 15},
    {"one_hot", &clade__one_hots, 0, 0},
    REDUCTIONS("sum", clade__reduce_forwards, CLADE_SUM, 1),
    REDUCTIONS("mean", clade__reduce_forwards, CLADE_MEAN, 1),
    REDUCTIONS("max", clade__reduce_forwards, CLADE_MAX, 1),
    REDUCTIONS("argmax", clade__argmaxes, CLADE_ARGMAX, 1),
    REDUCTIONS_BACK("sum", clade__reduce_backwards, CLADE_SUM, 0),
    REDUCTIONS_BACK("mean", clade__reduce_backwards, CLADE_MEAN, 1),
    REDUCTIONS_BACK("max", clade__max_backwards, CLADE_MAX, 1),
    {"bias_gradient", &clade__row_sums, false, 1},
    {"bias_gradient_added", &clade__row_sums, true, 1},
    {"sgd", &clade__sgd_steps, 0, 4},
    {"sgd_momentum", &clade__sgd_steps, 1, 6},
    {"sgd_nesterov", &clade__sgd_steps, 2, 8},
    {"sgd_scaled", &clade__sgd_steps, CLADE__SCALED, 5},
    {"adam", &clade__adam_steps, false, 16},
    {"adamw", &clade__adam_steps, true, 16},
    {"adam_scaled", &clade__adam_steps, CLADE__SCALED, 17},
    {"clip_norm", &clade__norm_clips, 0, 2},
    {"gather_float", &clade__gathers, CLADE__FROM_FLOATS, 2},
    {"gather_in_order", &clade__gathers, CLADE__FROM_FLOATS | CLADE__IN_ORDER, 2},
    {"gather_bytes", &clade__byte_gathers, CLADE__FROM_BYTES, 2},
    {"gather_float_by_column", &clade__gathers, CLADE__FROM_FLOATS | CLADE__BY_COLUMN, 2},
    {"gather_bytes_by_column", &clade__byte_gathers, CLADE__FROM_BYTES | CLADE__BY_COLUMN, 2},
    {"augment_float", &clade__augments, CLADE__FROM_FLOATS, 2},
    {"augment_bytes", &clade__byte_augments, CLADE__FROM_BYTES, 2},
    {"augment_float_by_column", &clade__augments, CLADE__FROM_FLOATS | CLADE__BY_COLUMN, 2},
    {"augment_bytes_by_column", &clade__byte_augments, CLADE__FROM_BYTES | CLADE__BY_COLUMN, 2},
    {"gather_labels", &clade__label_gathers, 0, 0},
    {"gather_ints", &clade__label_gathers, CLADE__OF_COLUMNS, 0},
    {"count_hits", &clade__hit_counts, 0, 1},
    {"mark_rows", &clade__row_marks, 0, 1},
    {"count_rows", &clade__row_counts, CLADE__IGNORES, 0},
    {"count_rows_weighted", &clade__row_counts, CLADE__IGNORES | CLADE__WEIGHTED, 0},
    {"weigh_rows", &clade__row_weights, CLADE__WEIGHTED | CLADE__DIVIDED, 1},
    {"weigh_rows_ignoring", &clade__row_weights, CLADE__IGNORES | CLADE__DIVIDED, 1},
    {"weigh_rows_alone", &clade__row_weights,
     CLADE__WEIGHTED | CLADE__IGNORES | CLADE__NO_GRADIENT, 0},
    {"metrics_store", &clade__metric_stores, 0, 0},
    {"metrics_store_alone", &clade__metric_stores, CLADE__NO_HITS, 0},
    {"metrics_store_added", &clade__metric_stores, CLADE__ADDED, 0},
    {"loss_mean", &clade__loss_means, CLADE__DIVIDED, 1},
    {"loss_mean_of_all_rows", &clade__loss_means, 0, 1},
    {"metrics_sum", &clade__metric_sums, CLADE__IGNORES, 1},
    {"metrics_sum_weighted", &clade__metric_sums, CLADE__IGNORES | CLADE__WEIGHTED | CLADE__ADDS, 1},
    {"metrics_sum_of_numbers", &clade__metric_sums, CLADE__OF_NUMBERS, 6},
    {"metrics_sum_ignoring", &clade__metric_sums, CLADE__OF_NUMBERS | CLADE__IGNORES | CLADE__ADDS, 6},
    {"peaks", &clade__peak_searches, 0, 1},
    {"zero", &clade__zeros, 0, 0},
};

const int clade__n_ops = (int)(sizeof clade__ops / sizeof clade__ops[0]);

const clade__op *clade__op_find(const char *name)
{
    for (int i = 0; i < clade__n_ops; i++)
        if (strcmp(clade__ops[i].name, name) == 0) return &clade__ops[i];
    return NULL;
}
