/* clade verify: that it leaves no kernel out, that its formulas of gradients are right, and that it
 * notices each kernel that is wrong, and how. */
#define _XOPEN_SOURCE 700
#include <signal.h>

#include "base/file.h"
#include "base/text.h"
#include "blas/provider.h"
#include "command.h"
#include "conv/conv.h"
#include "device/program.h"
#include "reference.h"
#include "verify/families.h"
#include "verify/table.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* ---- what is wrong is noticed ---------------------------------------------------------------- */

/* One mistake in each kernel; what else is in the table is other kinds of mistakes. */
static const struct broken {
    const char *kernel, *file, *right, *wrong, *op, *problem; /* problem: NULL for a wrong result */
} broken[] = {
    {"activation_forward_all", "activation", "activation_forward(x[i], slope)",
     "activation_forward(x[i] * 1.00001f, slope)", "sigmoid_forward", NULL},
    {"activation_forward_sum", "activation", "a[i] + b[i]", "a[i] - b[i]", "activation_of_sum", NULL},
    {"activation_backward_all", "activation", "activation_backward(saved[i], dy[i], slope)",
     "activation_backward(saved[i], dy[i], 2.0f * slope)", "leaky_relu_backward", NULL},
    {"activation_backward_all", "activation", "GIVE(dx[i], activation_backward(saved[i], dy[i], slope))",
     "dx[i] = activation_backward(saved[i], dy[i], slope)", "relu_backward_added", NULL},
    {"adam_step", "adam", "(1.0f - beta2)", "(0.999f - beta2)", "adamw", NULL},
    {"add_forward", "add", "a[i] + b[i]", "a[i] - b[i]", "add", NULL},
    {"add_forward", "add", "HAS_ELEMENT(n)", "i <= (size_t)n", "add", "y is written past its end"},
    {"add_forward", "add", "HAS_ELEMENT(n)", "i + 1 < (size_t)n", "add", "is nan, want"},
    {"argmax_forward", "argmax", "min(chunk, n - begin)", "min(chunk, n - begin) - 1", "argmax", NULL},
    {"max_backward", "argmax", ": gradient;", ": -gradient;", "max", NULL},
    {"max_backward", "argmax", "*at + gradient", "gradient", "max_of_rows_backward_added", NULL},
    {"avg_pool2d_forward", "avg_pool2d", "part += of_windows", "part = of_windows", "avg_pool2d", NULL},
    {"avg_pool2d_forward", "avg_pool2d", "(rows.end - rows.begin) * (cols.end - cols.begin)", "1",
     "avg_pool2d_meeting", NULL},
    {"avg_pool2d_forward", "avg_pool2d", "o * size / out)", "o * (size / out))",
     "adaptive_avg_pool2d", NULL},
    {"avg_pool2d_backward", "avg_pool2d", "to[h * WIDTH + w] += part", "to[h * WIDTH + w] = part",
     "avg_pool2d_overlapping_backward", NULL},
    {"avg_pool2d_backward", "avg_pool2d", "ADD ? dx[at] : 0.0f", "0.0f",
     "adaptive_avg_pool2d_backward_added", NULL},
    {"batch_norm_parts", "batch_norm", "part += d * d", "part += d", "batch_norm_plain", NULL},
    {"batch_norm_statistics", "batch_norm", "+ n * (d * d)", "", "batch_norm_plain", NULL},
    {"batch_norm_statistics", "batch_norm", "squares / (count - 1.0f)", "squares / count", "batch_norm", NULL},
    {"batch_norm_forward", "batch_norm", "* by.scale + by.shift", "* by.scale - by.shift", "batch_norm_evaluation", NULL},
    {"batch_norm_back_parts", "batch_norm", "FILL(by.middle)) - by.middle;", "FILL(by.middle));", "batch_norm", NULL},
    {"batch_norm_sums", "batch_norm", "product / sqrt(", "product * sqrt(", "batch_norm_backward", NULL},
    {"batch_norm_sums", "batch_norm", "add_bias ? dbias[channel] + total", "add_bias ? total",
     "batch_norm_backward_added", NULL},
    {"batch_norm_forward", "batch_norm", "normal += fetch(other", "normal -= fetch(other", "batch_norm_other", NULL},
    {"batch_norm_channel", "batch_norm", "numbers.s2, s, shape), s, shape,", "numbers.s1, s, shape), s, shape,",
     "batch_norm_forward", NULL},
    {"batch_norm_channel_backward", "batch_norm", "masked ? 1.0f : slope", "slope",
     "batch_norm_other_relu_backward", NULL},
    {"batch_norm_fold", "batch_norm", "- mean[channel]) * scale", "- mean[channel])", "batch_norm_fold", NULL},
    {"batch_norm_back_parts", "batch_norm", "value <= 0.0f ? low : dy", "value <= 0.0f ? dy : dy",
     "batch_norm_relu_backward", NULL},
    {"batch_norm_back_parts", "batch_norm", "put(g, masked", "put(0.0f * g, masked", "batch_norm_other_relu_backward",
     NULL},
    {"batch_norm_backward", "batch_norm", "- d * of_products)", ")", "batch_norm_plain_backward", NULL},
    {"bce_with_logits", "bce_with_logits", "log_of_1_and(e)", "log_of_1_and(0.9999f * e)",
     "bce_with_logits", NULL},
    {"bce_with_logits", "bce_with_logits", "-wt * x", "wt * x", "bce_with_logits_weighted", NULL},
    {"clip_norm_squares", "clip_norm", "x * x", "x", "clip_norm", NULL},
    {"clip_norm_scale", "clip_norm", "sqrt(sum)", "sum", "clip_norm", NULL},
    {"columns_from_images", "conv_columns", "iy < shape.s1 &&", "iy + 1 < shape.s1 &&",
     "conv2d_columns_forward", NULL},
    {"images_from_columns", "conv_columns", "x < 0 || ox >= shape.s4", "x < 0 || ox + 1 >= shape.s4",
     "conv2d_columns_backward", NULL},
    {"images_from_columns", "conv_columns", "GIVE(dx[(", "(dx[(", "conv2d_columns_backward_added", NULL},
    {"rows_from_images", "conv_columns", "at - image * rows.s1", "at - image * (rows.s1 - 1)",
     "conv2d_columns_backward", NULL},
    {"images_from_rows", "conv_columns", "bias[o] : 0.0f", "bias[0] : 0.0f",
     "conv2d_columns_forward", NULL},
    {"conv_rows", "conv_rows", "x.s0 - k.least_x;", "x.s0;", "conv2d_tiled_forward", NULL},
    {"conv_rows", "conv_rows", "y.s1 != 0 ||", "", "conv2d_tiled_backward", NULL},
    {"conv_dots", "conv_dots", "v < n * VW;", "v < (n - 1) * VW;", "conv2d_tiled_weight", NULL},
    {"conv_lanes", "conv_lanes", "o.kw + o.begin_x", "o.kw", "conv2d_forward", NULL},
    {"conv_lanes", "conv_lanes", "(DATA ? -y : y)", "y", "conv2d_backward", NULL},
    {"conv_lanes", "conv_lanes", "LOAD(p) + a[m] : a[m]", "a[m] : a[m]", "conv2d_backward_added", NULL},
    {"conv_outer", "conv_outer", "i * p.image_pitch + y * p.row_pitch", "i * p.image_pitch", "conv2d_weight", NULL},
    {"conv_outer", "conv_outer", "(row * NX + k) * pitch + o", "row * NX * pitch + o",
     "conv2d_weight", NULL},
    {"conv_pack", "conv_rows", "c * size.s4 + t", "c * size.s4", "conv2d_tiled_forward", NULL},
    {"conv_winograd", "conv_winograd", "j == pitch - 1 ? 0 : -1", "j == pitch ? 0 : -1",
     "conv2d_forward", NULL},
    {"conv_winograd", "conv_winograd", "OUT * first + y < h;", "OUT * first + y + 1 < h;", "conv2d_backward",
     NULL},
    {"conv_winograd_weight", "conv_winograd_weight", "(cols >= 0)", "(cols >= 1)", "conv2d_weight", NULL},
    {"conv_winograd_weight", "conv_winograd_weight", "(TILE * r + k) * apart]", "(TILE * k + r) * apart]",
     "conv2d_weight", NULL},
    {"conv_winograd_pack", "conv_winograd", "size.s4 ? 8 - x : x,", "x,", "conv2d_backward", NULL},
    {"conv_join", "conv_join", "int s = 1;", "int s = 2;", "conv2d_weight", NULL},
    {"conv_join", "conv_join", "GIVE(dweight[ELEMENT], sum)", "dweight[ELEMENT] = sum",
     "conv2d_weight_added", NULL},
    {"cross_entropy", "cross_entropy", "/ sum - 1.0f)", "/ sum)", "cross_entropy", NULL},
    {"cross_entropy", "cross_entropy", "first == label && ", "",
     "cross_entropy_alone", NULL},
    {"cross_entropy", "cross_entropy", "ignored ? 0.0f : of_row", "of_row", "cross_entropy_mean", NULL},
    {"cross_entropy", "cross_entropy", "(1.0f - smoothing) * weight", "weight",
     "cross_entropy_smoothed", NULL},
    {"cross_entropy", "cross_entropy", "factor = weight * slope", "factor = slope",
     "cross_entropy_weighted", NULL},
    {"dropout", "dropout", "word[k] >=", "word[3 - k] >=", "dropout", NULL},
    {"dropout", "dropout", "GIVE(y[i], (word", "y[i] = ((word", "dropout_added", NULL},
    {"gather_bytes", "gather", "x * scale", "x / scale", "gather_bytes", NULL},
    {"gather_floats", "gather", "n_index, n, first, r", "n_index, n, 0, r", "gather_in_order", NULL},
    {"gather_bytes_by_column", "gather", "columns + cols + c", "columns + c",
     "gather_bytes_by_column", NULL},
    {"gather_floats_by_column", "gather", "row < 0 ? (VEC)(NAN)", "row < 0 ? (VEC)(0.0f)",
     "gather_float_by_column", NULL},
    {"gather_labels", "gather", "row < 0 ? -1", "row < 0 ? 0", "gather_labels", NULL},
    {"augment_floats", "augment", "a.s2 >> 31", "a.s2 >> 30 & 1", "augment_float", NULL},
    {"augment_bytes", "augment", "change.s0 + 1", "change.s0 + 2", "augment_bytes", NULL},
    {"augment_floats_by_column", "augment", "row >= 0 ? 0.0f", "row >= 0 ? 1.0f",
     "augment_float_by_column", NULL},
    {"augment_bytes_by_column", "augment", "columns[cols + c]", "columns[c]",
     "augment_bytes_by_column", NULL},
    {"gather_ints", "gather", "-1 : src[(size_t)row * cols + c]", "0 : src[(size_t)row * cols + c]",
     "gather_ints", NULL},
    {"gemm_dots", "gemm_dots", "sum[r][1], sum[r][2]", "sum[r][2], sum[r][1]", "gemm tiled", NULL},
    {"gemm_epilogue", "gemm_epilogue", "bias[col]", "bias[row]", "gemm clblast", NULL},
    {"gemm_join", "gemm_join", "int s = 1;", "int s = 2;", "gemm local", NULL},
    {"gemm_local", "gemm_local", "p < EACH; p++", "p + 1 < EACH; p++", "gemm local", NULL},
    {"gemm_local", "gemm_local", "j == n && bias", "j == n - 1 && bias", "gemm_update local", NULL},
    {"gemm_rows", "gemm_rows", "p < kc; p++) {", "p + 1 < kc; p++) {", "gemm tiled", NULL},
    {"gemm_rows", "gemm_rows", "x = w - lr * x", "x = w - 1.00001f * lr * x", "gemm_update tiled", NULL},
    {"conv_transpose2d_finish", "conv_transpose2d", "plane / channels * channels", "plane",
     "conv_transpose2d_forward", NULL},
    {"conv_transpose2d_finish", "conv_transpose2d", "&& at >= area", "&& at + 1 >= area",
     "conv_transpose2d_relu", NULL},
    {"images_from_rows", "conv_columns", "GIVE(images[", "(images[",
     "conv_transpose2d_columns_backward_added", NULL},
    {"count_hits", "metrics", "top > threshold", "top >= 0.0f", "count_hits", NULL},
    {"mark_rows", "metrics", "loss[row] = NAN", "loss[row] = 0.0f", "mark_rows", NULL},
    {"weigh_rows", "weigh_rows", "loss[row] * weight", "loss[row]", "weigh_rows", NULL},
    {"weigh_rows", "weigh_rows", "weight * scale_by_total", "scale_by_total", "weigh_rows", NULL},
    {"count_rows", "count_rows", "totals[index] = sum", "totals[0] = sum", "count_rows", NULL},
    {"metrics_store", "metrics", "step[1] = add", "step[3] = add", "metrics_store",
     "must stay as they are"},
    {"loss_mean", "metrics", "means[1 + index] = x", "means[index] = x", "loss_mean", NULL},
    {"loss_mean", "metrics", "index > 0 ? means[0] + x", "index > 1 ? means[0] + x",
     "loss_mean_of_all_rows", NULL},
    {"row_counts", "metric_sums", "row_count(labels, weights", "row_count(labels, 0",
     "metrics_sum_weighted", NULL},
    {"top_hits", "metric_sums", "n_before < (float)k", "n_before <= (float)k", "metrics_sum", NULL},
    {"row_errors", "metric_sums", "error * error", "error", "metrics_sum_of_numbers", NULL},
    {"row_errors", "metric_sums", "row_count(labels, 0, row, rule) > 0.0f ?", "rows > 0 ?",
     "metrics_sum_ignoring", NULL},
    {"sum_values", "metric_sums", "add ? *at + sum", "add ? sum", "metrics_sum_weighted", NULL},
    {"peaks", "metrics", "min(RUN, n", "min(RUN - 1, n", "peaks", NULL},
    {"group_norm_forward", "group_norm", "mean) * scale + shift", "mean) * scale", "group_norm_forward", NULL},
    {"group_norm_backward", "group_norm", "(gradient - d * slope)", "gradient", "group_norm_plain", NULL},
    {"group_norm_parts", "group_norm", "meeting) * unit", "meeting)", "group_norm_backward", NULL},
    {"max_pool2d_forward", "max_pool2d", "(x > *top) | (x != x)", "(x >= *top) | (x != x)",
     "max_pool2d_forward", NULL},
    {"max_pool2d_forward", "max_pool2d", "value != value", "false", "max_pool2d_dilated", NULL},
    {"max_pool2d_forward", "pool2d", "low.odd, high.odd", "low.even, high.odd",
     "max_pool2d_overlapping", NULL},
    {"max_pool2d_forward", "max_pool2d", "(c.odd, d.odd), first + width + 1", "(c.odd, d.odd), first + width",
     "max_pool2d_forward", NULL},
    {"max_pool2d_forward", "max_pool2d", "= largest(x + from - at,", "= largest(x + from,", "max_pool2d_forward", NULL},
    {"max_pool2d_backward", "max_pool2d", "to[i] += OF_INPUT", "to[i] = OF_INPUT",
     "max_pool2d_meeting", NULL},
    {"max_pool2d_backward", "max_pool2d", "== at + i ? g : 0.0f", "== at + i ? 0.0f : g", "max_pool2d_backward", NULL},
    {"max_pool2d_backward", "max_pool2d", "(y) <= 0.0f ? (zero)", "(y) <= 0.5f ? (zero)", "max_pool2d_behind_relu",
     NULL},
    {"max_pool2d_backward", "max_pool2d", "indices[o] == h * WIDTH + w", "indices[o] >= 0",
     "max_pool2d_overlapping_backward", NULL},
    {"multiply_forward", "multiply", "a[i] * b[i]", "a[i] + b[i]", "multiply", NULL},
    {"multiply_forward", "multiply", "GIVE(y[i], a[i] * b[i])", "y[i] = a[i] * b[i]", "multiply_added", NULL},
    {"mse", "mse", "error * slope", "1.00001f * error * slope", "mse", NULL},
    {"one_hot", "one_hot", "label == (int)i", "label == 1 + (int)i", "one_hot", NULL},
    {"reduce_forward", "reduce", "result / divisor", "result", "mean", NULL},
    {"reduce_forward", "reduce", "EACH_OF(a, b, n)", "EACH_OF(a, b, n - 1)", "sum", NULL},
    {"reduce_backward", "reduce_backward", "] / divisor", "]", "mean", NULL},
    {"sgd_step", "sgd", "momentum * velocity[i]", "velocity[i]", "sgd_momentum", NULL},
    {"slice_wide", "slice", "src_start + i]);", "i]);", "slice", NULL},
    {"slice_wide", "slice", "dst_start + i], src", "i], src", "slice_into", NULL},
    {"slice_narrow", "slice", "at = (int)ELEMENT", "at = (int)ELEMENT / 2 * 2", "concat", NULL},
    {"softmax_forward", "softmax", "/ sum, y", "/ (1.0001f * sum), y", "softmax_forward", NULL},
    {"metrics_store", "row_reduce", "k < 64; k += 8", "k < 56; k += 8", "metrics_store", NULL},
    {"softmax_backward", "softmax", "n - c, 0.0f) - sum)", "n - c, 0.0f) + sum)",
     "softmax_backward", NULL},
    {"softmax_backward", "softmax", "give(fetch(y", "put(fetch(y", "softmax_backward_added", NULL},
    {"log_softmax_forward", "softmax", "- log_sum", "+ log_sum", "log_softmax_forward", NULL},
    {"log_softmax_backward", "softmax", "- exp(fetch(y + c, n - c, 0.0f)) * sum", "- sum",
     "log_softmax_backward", NULL},
    {"sum_rows", "sum_rows", "int k = 1; k < LANES", "int k = 2; k < LANES", "bias_gradient", NULL},
};

/* A folder for CLADE_KERNEL_DIR where the file has the mistake; a file that is only included counts
 * for those beside it. */
static const char *break_kernel(const struct broken *b)
{
    static char folder[256];
    const char *source = getenv("CLADE_TEST_SOURCE");
    snprintf(folder, sizeof folder, "%s", test_folder());
    const char *files[] = {b->file, strcmp(b->file, "row_reduce") == 0 ? "metrics"
                                    : strcmp(b->file, "pool2d") == 0   ? "max_pool2d"
                                                                       : NULL};
    for (int i = 0; i < 2 && files[i]; i++) {
        unsigned char *bytes;
        size_t n_bytes;
        assert_ok(clade__file_read(test_text("%s/cl/%s.cl", source, files[i]), &bytes, &n_bytes));
        const char *text = (const char *)bytes, *at = i == 0 ? strstr(text, b->right) : text;
        if (!at) print_error("%s.cl has no longer '%s'\n", files[i], b->right);
        assert_non_null(at);
        clade__text broken_text = {0};
        clade__text_append(&broken_text, "%.*s", (int)(at - text), text);
        if (i == 0) clade__text_append(&broken_text, "%s", b->wrong);
        clade__text_append(&broken_text, "%s", i == 0 ? at + strlen(b->right) : at);
        test_write_file(test_text("%s/%s.cl", folder, files[i]), broken_text.data,
                        broken_text.length);
        clade__text_free(&broken_text);
        free(bytes);
    }
    return folder;
}

/* Whether the kernel, or the provider that it is of, is not for this device. */
static bool is_refused(const clade_device *device, const char *kernel)
{
    const clade__conv one = {1, 1, 1, 1, 1, 1, 1, 1, {1, 1}, {1, 1}, {1, 1}, {0, 0}};
    const clade__conv three = {1, 8, 4, 4, 8, 4, 4, 1, {3, 3}, {1, 1}, {1, 1}, {1, 1}};
    const clade__conv many = {16, 6, 5, 5, 6, 5, 5, 1, {5, 5}, {1, 1}, {1, 1}, {2, 2}};
    const clade__conv wide = {1, 16, 4, 4, 16, 4, 4, 1, {3, 3}, {1, 1}, {1, 1}, {1, 1}};
    if (strcmp(kernel, "conv_winograd_weight") == 0)
        return clade__conv_winograd_weight.refuses(device, &wide, CLADE__CONV_WEIGHT);
    if (strncmp(kernel, "conv_winograd", 13) == 0)
        return clade__conv_winograd.refuses(device, &three, CLADE__CONV_FORWARD);
    if (strcmp(kernel, "conv_lanes") == 0)
        return clade__conv_lanes.refuses(device, &many, CLADE__CONV_FORWARD);
    if (strcmp(kernel, "conv_outer") == 0)
        return clade__conv_outer.refuses(device, &three, CLADE__CONV_WEIGHT);
    if (strcmp(kernel, "conv_rows") == 0 || strcmp(kernel, "conv_pack") == 0 ||
        strcmp(kernel, "conv_dots") == 0 || strcmp(kernel, "conv_join") == 0)
        return clade__conv_tiled.refuses(device, &one, CLADE__CONV_FORWARD);
    if (strncmp(kernel, "batch_norm_channel", 18) == 0) return clade__item_vector(device) == 1;
    const clade_gemm_args any = {.m = 8, .n = 8, .k = 8};
    return (strcmp(kernel, "gemm_rows") == 0 || strcmp(kernel, "gemm_dots") == 0) &&
           clade__gemm_tiled.refuses(device, &any);
}

static void check_broken(void **state, const struct broken *b)
{
    const char *const ops[] = {b->op, NULL};
    clade_verify_result result;
    assert_int_equal(setenv("CLADE_KERNEL_DIR", break_kernel(b), 1), 0);
    clade_device *device = test_open_again(state);
    assert_ok(clade_verify(device, &(clade_verify_options){.ops = ops, .small = true}, &result));
    unsetenv("CLADE_KERNEL_DIR");
    const char *named = test_text("%s of ", b->kernel), *want = b->problem ? b->problem : ", want ";
    int n_named = 0;
    for (int i = 0; i < result.n_cases; i++) {
        const clade_verify_case *c = &result.cases[i];
        if (c->verdict == CLADE_WRONG && strstr(c->kernels, named) && strstr(c->problem, want))
            n_named++;
    }
    if (n_named == 0) print_error("%s with '%s' was not found wrong\n", b->kernel, b->wrong);
    assert_true(n_named > 0);
    assert_false(result.passed);
    clade_verify_free(&result);
    clade_device_free(device);
}

static void every_broken_kernel_is_noticed(void **state)
{
    for (size_t i = 0; i < COUNT(broken); i++)
        if (!is_refused(*state, broken[i].kernel)) check_broken(state, &broken[i]);
}

static void a_kernel_that_does_not_build_is_named(void **state)
{
    const char *const ops[] = {"add", NULL};
    const char *folder = test_folder();
    clade_verify_result result;
    test_write_file(test_text("%s/add.cl", folder), "kernel void add_forward(", 24);
    assert_int_equal(setenv("CLADE_KERNEL_DIR", folder, 1), 0);
    clade_device *device = test_open_again(state);
    assert_ok(clade_verify(device, &(clade_verify_options){.ops = ops, .small = true}, &result));
    unsetenv("CLADE_KERNEL_DIR");
    assert_int_equal(result.n_wrong, result.n_cases);
    assert_non_null(strstr(result.cases[0].problem, "add.cl does not build"));
    clade_verify_free(&result);
    clade_device_free(device);
}

/* ---- nothing is left out --------------------------------------------------------------------- */

/* Whether other files include it, as they do what has no kernels. */
static bool is_included(const char *name)
{
    const char *line = test_text("#include \"%s.cl\"", name);
    for (const clade__kernel_source *source = clade__kernel_sources; source->name; source++)
        if (strstr(source->text, line)) return true;
    return false;
}

/* The kernels of a file, "a;b;c", as the driver tells them. Where there are none, PoCL has an empty list, and Intel's
 * runtime an error. */
static void kernel_names(clade_device *device, const clade__kernel_source *source, char *names,
                         size_t names_bytes)
{
    cl_int error;
    cl_device_id id = clade_opencl_device(device);
    cl_program program = clCreateProgramWithSource(clade_opencl_context(device), 1,
                                                   (const char **)(uintptr_t)&source->text, NULL,
                                                   &error);
    assert_int_equal(error, CL_SUCCESS);
    error = clBuildProgram(program, 1, &id, CLADE__EVERY_BUILD, NULL, NULL);
    if (error != CL_SUCCESS) fail_msg("%s.cl does not build without options: %d", source->name, error);
    error = clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES, names_bytes, names, NULL);
    if (error == CL_INVALID_PROGRAM_EXECUTABLE && is_included(source->name))
        names[0] = '\0';
    else
        assert_int_equal(error, CL_SUCCESS);
    clReleaseProgram(program);
}

static bool is_launched(const clade_verify_result *result, const char *kernel)
{
    const char *named = test_text("%s of ", kernel);
    for (int i = 0; i < result->n_cases; i++) {
        const char *at = strstr(result->cases[i].kernels, named);
        if (at && (at == result->cases[i].kernels || at[-1] == ' ')) return true;
    }
    return false;
}

static bool is_broken_here(const char *kernel)
{
    for (size_t i = 0; i < COUNT(broken); i++)
        if (strcmp(broken[i].kernel, kernel) == 0) return true;
    return false;
}

/* Every kernel of the library but those of bench is launched by a case that verifies it, even among
 * the small ones, and is broken above. */
static void every_kernel_is_verified(void **state)
{
    clade_verify_result result;
    int n_missing = 0, n = 0;
    assert_ok(clade_verify(*state, &(clade_verify_options){.small = true}, &result));
    for (const clade__kernel_source *source = clade__kernel_sources; source->name; source++) {
        char names[1024] = "", *rest = names;
        if (strcmp(source->name, "bench") == 0) continue;
        kernel_names(*state, source, names, sizeof names);
        for (char *name = strtok_r(names, ";", &rest); name; name = strtok_r(NULL, ";", &rest)) {
            n++;
            if (!is_launched(&result, name) && !is_refused(*state, name)) {
                print_error("%s.cl: no case of clade verify launches %s\n", source->name, name);
                n_missing++;
            }
            if (!is_broken_here(name)) {
                print_error("%s.cl: %s is not broken in this test\n", source->name, name);
                n_missing++;
            }
        }
    }
    assert_true(n >= 20);
    assert_int_equal(n_missing, 0);
    assert_true(result.passed);
    clade_verify_free(&result);
}

static int n_begun;

static void count_begun(const char *op, const char *shape, void *user)
{
    assert_non_null(strstr(op, "softmax_"));
    assert_int_equal(shape[0], '(');
    assert_ptr_equal(user, &n_begun);
    n_begun++;
}

static void operations_are_chosen_by_name(void **state)
{
    const char *const two[] = {"softmax", "log_softmax_forward", NULL};
    const char *const none[] = {"sofmax", NULL};
    clade_verify_options options = {
        .ops = two, .small = true, .begins = count_begun, .user = &n_begun};
    clade_verify_result small, all;
    assert_ok(clade_verify(*state, &options, &small));
    assert_int_equal(n_begun, small.n_cases);
    assert_string_equal(small.cases[0].op, "softmax_forward");
    assert_string_equal(small.cases[0].shape, "(1, 1)");
    assert_string_equal(small.cases[small.n_cases - 1].op, "log_softmax_forward");
    options.small = false;
    assert_ok(clade_verify(*state, &options, &all));
    assert_true(all.n_cases > small.n_cases);
    clade_verify_free(&small);
    clade_verify_free(&all);
    options.ops = none;
    assert_fails(clade_verify(*state, &options, &all), CLADE_EINVAL, "no operation 'sofmax'");
    assert_int_equal(all.n_cases, 0);
}

static void fresh_buffers_are_those_of_all_cases_together(void **state)
{
    const char *const ops[] = {"add", NULL};
    clade_verify_options options = {.ops = ops, .small = true};
    clade_verify_result result;
    uint64_t peaks[2];
    for (int fresh = 0; fresh < 2; fresh++) {
        clade_device *device = test_open_again(state);
        options.fresh = fresh;
        assert_ok(clade_verify(device, &options, &result));
        assert_true(result.passed && result.n_cases > 10);
        assert_true(clade_device_bytes_held(device) == 0);
        peaks[fresh] = clade_device_bytes_peak(device);
        clade_verify_free(&result);
        clade_device_free(device);
    }
    assert_true(peaks[1] > 10 * peaks[0]);
}

/* ---- gradients ------------------------------------------------------------------------------- */

/* An operand named d and another's name. */
static const clade__operand *find_gradient(const clade__trial *t, const char *of)
{
    return clade__trial_find(t, test_text("d%s", of));
}

/* The sum over what forward makes, each weighted as backward is told. */
static double weighted_sum(clade__trial *forward, const clade__trial *backward)
{
    double sum = 0;
    assert_ok(clade__trial_expect(forward));
    for (int i = 0; i < forward->n_operands; i++) {
        const clade__operand *y = &forward->operands[i], *dy = find_gradient(backward, y->name);
        if (y->role != CLADE__OUT) continue;
        for (int64_t k = 0; dy && dy->role == CLADE__IN && k < y->n; k++)
            sum += y->want[k] * (double)dy->before.floats[k];
        for (int64_t k = 0; strcmp(y->name, "loss") == 0 && k < y->n; k++)
            sum += y->want[k] * (double)CLADE__LOSS_SCALE / clade__divisor_of(backward);
    }
    return sum;
}

/* Backward sees the values that forward had and made. */
static void copy_values(clade__trial *backward, const clade__trial *forward)
{
    for (int i = 0; i < backward->n_operands; i++) {
        clade__operand *to = &backward->operands[i];
        const clade__operand *from = clade__trial_find(forward, to->name);
        if (!from || to->role != CLADE__IN) continue;
        for (int64_t k = 0; to->dtype == CLADE_INT32 && from->want && k < to->n; k++)
            to->before.ints[k] = (int32_t)from->want[k];
        if (to->dtype != CLADE_FLOAT32) continue;
        for (int64_t k = 0; k < to->n; k++)
            to->before.floats[k] =
                from->role == CLADE__IN ? from->before.floats[k] : (float)from->want[k];
    }
}

/* Compares the formula of backward with central differences of the formula of forward. The step and
 * the values are such that every sum is a float, and clear of 0, where relu has its kink. */
static void check_gradient(const clade__op *forward_op, const clade__op *backward_op)
{
    const float step = 0x1p-10f;
    clade__trial forward = {.op = forward_op, .shape = CLADE_SHAPE(3, 5)};
    clade__trial backward = {.op = backward_op, .shape = CLADE_SHAPE(3, 5)};
    assert_ok(clade__trial_prepare(&forward));
    assert_ok(clade__trial_prepare(&backward));
    clade__operand *x = &forward.operands[0];
    for (int64_t i = 0; i < x->n; i++)
        x->before.floats[i] = (floorf(x->before.floats[i] * 128) + 0.5f) / 128;
    assert_ok(clade__trial_expect(&forward));
    copy_values(&backward, &forward);
    assert_ok(clade__trial_expect(&backward));
    const clade__operand *dx = find_gradient(&backward, x->name);
    assert_non_null(dx);
    for (int64_t i = 0; i < x->n; i++) {
        float *at = &x->before.floats[i], middle = *at;
        *at = middle + step;
        double above = weighted_sum(&forward, &backward);
        *at = middle - step;
        double want = (above - weighted_sum(&forward, &backward)) / (2 * (double)step);
        *at = middle;
        ref_check_doubles(test_text("%s %s", backward_op->name, dx->name), &dx->want[i], &want, 1,
                          2e-6);
    }
    clade__trial_free(&forward);
    clade__trial_free(&backward);
}

/* "softmax_forward" for softmax_backward, "sum_of_rows" for sum_of_rows_backward. */
static const clade__op *forward_of(const char *backward)
{
    int length = (int)(strlen(backward) - strlen("_backward"));
    const clade__op *op = clade__op_find(test_text("%.*s_forward", length, backward));
    return op ? op : clade__op_find(test_text("%.*s", length, backward));
}

static void formulas_of_gradients_are_right(void **state)
{
    static const char *const losses[] = {
        "cross_entropy", "cross_entropy_weighted", "cross_entropy_ignoring", "cross_entropy_smoothed",
        "cross_entropy_mean", "mse", "bce_with_logits", "bce_with_logits_weighted"};
    int n = 0;
    (void)state;
    for (int i = 0; i < clade__n_ops; i++) {
        const clade__op *op = &clade__ops[i];
        if (!strstr(op->name, "_backward") || strstr(op->name, "_added")) continue;
        assert_non_null(forward_of(op->name));
        check_gradient(forward_of(op->name), op);
        n++;
    }
    assert_true(n >= 16);
    for (size_t i = 0; i < COUNT(losses); i++)
        check_gradient(clade__op_find(losses[i]), clade__op_find(losses[i]));
}

/* ---- the command ----------------------------------------------------------------------------- */

static void the_command_prints_a_table(void **state)
{
    (void)state;
    command_result r = COMMAND("verify", "sigmoid", "--small", "--quiet");
    assert_int_equal(r.status, 0);
    assert_string_equal(r.err, "");
    assert_non_null(strstr(r.out, "OPERATION"));
    assert_non_null(strstr(r.out, "\nsigmoid_backward "));
    assert_non_null(strstr(r.out, " cases of 3 operations in "));
    assert_non_null(strstr(r.out, " s, 0 wrong\n"));
    command_result all = COMMAND("verify", "sigmoid", "--small", "--verbose");
    assert_non_null(strstr(all.out, "(127) denormal"));
    assert_true(strlen(all.out) > 2 * strlen(r.out));
    command_free(&all);
    command_free(&r);
    r = COMMAND("verify", "sigmiod");
    assert_int_equal(r.status, 2);
    assert_non_null(strstr(r.err, "verify: no operation 'sigmiod'"));
    command_free(&r);
}

static void the_command_names_kernel_options_and_driver(void **state)
{
    const clade_device_info *info = clade_device_describe(*state);
    const struct broken wrong = {"softmax_backward", "softmax", "n - c, 0.0f) - sum)",
                                 "n - c, 0.0f) + sum)", "softmax", NULL};
    assert_int_equal(setenv("CLADE_KERNEL_DIR", break_kernel(&wrong), 1), 0);
    command_result r = COMMAND("verify", "softmax", "--small"), json = COMMAND("verify", "softmax",
                                                                           "--small", "--json");
    unsetenv("CLADE_KERNEL_DIR");
    assert_int_equal(r.status, 1);
    assert_non_null(strstr(r.out, "WRONG"));
    assert_non_null(strstr(r.err, "softmax_backward of softmax.cl, built with '" CLADE__EVERY_BUILD
                                  " -DLANES=1' is wrong on "));
    assert_non_null(strstr(r.err, test_text("%s (driver %s)", info->name, info->driver)));
    assert_int_equal(json.status, 1);
    cJSON *document = cJSON_Parse(json.out);
    assert_non_null(document);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(document, "passed")));
    assert_string_equal(
        cJSON_GetObjectItem(cJSON_GetObjectItem(document, "device"), "driver")->valuestring,
        info->driver);
    const cJSON *cases = cJSON_GetObjectItem(document, "cases"), *c;
    int n_wrong = 0;
    cJSON_ArrayForEach(c, cases)
    {
        bool is_wrong = strcmp(cJSON_GetObjectItem(c, "verdict")->valuestring, "WRONG") == 0;
        bool is_backward = strstr(cJSON_GetObjectItem(c, "op")->valuestring, "softmax_backward") != NULL;
        assert_true(!is_wrong || is_backward);
        assert_int_equal(is_wrong, cJSON_GetObjectItem(c, "problem")->valuestring[0] != '\0');
        n_wrong += is_wrong;
    }
    assert_true(n_wrong > 0);
    assert_int_equal(n_wrong, cJSON_GetObjectItem(document, "wrong")->valueint);
    cJSON_Delete(document);
    command_free(&json);
    command_free(&r);
}

/* However many processes share the work, the cases are those of one, in its order, each once. */
static void shared_work_is_whole(void **state)
{
    static const char *const ops[] = {"softmax", "add", "one_hot", "gemm", NULL};
    clade_verify_options options = {.ops = ops};
    clade_verify_result one;
    assert_ok(clade_verify(*state, &options, &one));
    command_result result =
        command_expect(COMMAND("verify", "softmax", "add", "one_hot", "gemm", "--json"), 0);
    cJSON *document = command_json(result.out);
    const cJSON *cases = cJSON_GetObjectItem(document, "cases");
    assert_int_equal(cJSON_GetArraySize(cases), one.n_cases);
    assert_in_range(one.n_cases, 1000, 2000);
    for (int i = 0; i < one.n_cases; i++) {
        const cJSON *c = cJSON_GetArrayItem(cases, i);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(c, "op")), one.cases[i].op);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(c, "shape")), one.cases[i].shape);
        assert_true(i == 0 || one.cases[i].part >= one.cases[i - 1].part);
    }
    cJSON_Delete(document);
    command_free(&result);
    clade_verify_free(&one);
}

/* On a terminal it tells how far it is. */
static void progress_is_shown(void **state)
{
    (void)state;
    command_result result = command_expect(
        command_run_on_terminal((const char *const[]){"verify", "softmax", "add", NULL}, 80), 0);
    assert_non_null(strstr(result.out, " %  "));
    assert_in_range(command_longest_line(result.out), 1, 80);
    command_free(&result);
    result = command_expect(COMMAND("verify", "add"), 0);
    assert_string_equal(result.err, "");
    command_free(&result);
}

/* The workers hold stderr: it ends with the last of them. A whole run takes longer by far. */
static void workers_end_with_the_command(void **state)
{
    (void)state;
    double begun = clade__seconds();
    command_result result =
        command_run_and_signal_after((const char *const[]){"verify", NULL}, NULL, 1.0, SIGKILL);
    assert_int_equal(result.status, 128 + SIGKILL);
    assert_true(clade__seconds() - begun < 12.0);
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_is_verified),
        cmocka_unit_test(every_broken_kernel_is_noticed),
        cmocka_unit_test(a_kernel_that_does_not_build_is_named),
        cmocka_unit_test(operations_are_chosen_by_name),
        cmocka_unit_test(fresh_buffers_are_those_of_all_cases_together),
        cmocka_unit_test(formulas_of_gradients_are_right),
        cmocka_unit_test(the_command_prints_a_table),
        cmocka_unit_test(the_command_names_kernel_options_and_driver),
        cmocka_unit_test(shared_work_is_whole),
        cmocka_unit_test(progress_is_shown),
        cmocka_unit_test(workers_end_with_the_command),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
