/* The public structs as programs were compiled with them: every size, and the place of every member. A new
 * member takes the first of its struct's reserved words: it gets an AT of its own here, that of `reserved`
 * moves, and nothing else does. Whatever else has to be changed here breaks every program that was built
 * before (see clade/status.h). check_abi sees to it that no struct is missing; gdb's `ptype /o` shows
 * places. And: reserved words are looked at, wherever a struct is given to the library. */
#include "support.h"

/* ---- places, where long and pointers have 64 bits ------------------------------------------------- */

#if defined(__LP64__)

#define SIZE(name, bytes) _Static_assert(sizeof(clade_##name) == (bytes), "clade_" #name " has grown");
#define AT(name, member, byte)                                                                     \
    _Static_assert(offsetof(clade_##name, member) == (byte), "clade_" #name "." #member " has moved");

/* clade/tensor.h */
SIZE(shape, 56) AT(shape, rank, 0) AT(shape, dim, 8)

/* clade/device.h */
SIZE(device_info, 912) AT(device_info, index, 0) AT(device_info, platform_index, 4)
    AT(device_info, device_index, 8) AT(device_info, name, 12) AT(device_info, vendor, 140)
    AT(device_info, platform, 268) AT(device_info, platform_version, 396)
    AT(device_info, driver, 524) AT(device_info, version, 652) AT(device_info, type, 780)
    AT(device_info, compute_units, 784) AT(device_info, clock_mhz, 788)
    AT(device_info, float_vector_width, 792) AT(device_info, work_group_limit, 800)
    AT(device_info, global_memory_bytes, 808) AT(device_info, max_allocation_bytes, 816)
    AT(device_info, local_memory_bytes, 824) AT(device_info, local_memory_dedicated, 832)
    AT(device_info, available, 833) AT(device_info, is_default, 834)
    AT(device_info, same_as, 836) AT(device_info, view_alignment_bytes, 840)
    AT(device_info, reserved, 848)
SIZE(platform_info, 304) AT(platform_info, index, 0) AT(platform_info, name, 4)
    AT(platform_info, version, 132) AT(platform_info, n_devices, 260)
    AT(platform_info, hint, 264) AT(platform_info, reserved, 272)
SIZE(profile_entry, 72) AT(profile_entry, label, 0) AT(profile_entry, n_calls, 8)
    AT(profile_entry, seconds, 16) AT(profile_entry, phase, 24) AT(profile_entry, layer, 32)
    AT(profile_entry, reserved, 40)
SIZE(profile_totals, 64) AT(profile_totals, n_commands, 0) AT(profile_totals, n_traced, 8)
    AT(profile_totals, busy_seconds, 16) AT(profile_totals, wall_seconds, 24)
    AT(profile_totals, reserved, 32)

/* clade/ops.h */
SIZE(gemm_args, 144) AT(gemm_args, m, 0) AT(gemm_args, n, 8) AT(gemm_args, k, 16)
    AT(gemm_args, trans_a, 24) AT(gemm_args, trans_b, 25) AT(gemm_args, alpha, 28)
    AT(gemm_args, beta, 32) AT(gemm_args, a, 40) AT(gemm_args, b, 48) AT(gemm_args, c, 56)
    AT(gemm_args, a_offset, 64) AT(gemm_args, b_offset, 72) AT(gemm_args, c_offset, 80)
    AT(gemm_args, lda, 88) AT(gemm_args, ldb, 96) AT(gemm_args, ldc, 104)
    AT(gemm_args, reserved, 112)
SIZE(dropout_args, 64) AT(dropout_args, p, 0) AT(dropout_args, seed, 8)
    AT(dropout_args, layer, 16) AT(dropout_args, step, 24) AT(dropout_args, reserved, 32)
SIZE(cross_entropy_options, 64) AT(cross_entropy_options, weight, 0)
    AT(cross_entropy_options, label_smoothing, 8)
    AT(cross_entropy_options, has_ignore_index, 12) AT(cross_entropy_options, ignore_index, 16)
    AT(cross_entropy_options, total, 24) AT(cross_entropy_options, reserved, 32)
SIZE(sgd_args, 56) AT(sgd_args, lr, 0) AT(sgd_args, momentum, 4) AT(sgd_args, weight_decay, 8)
    AT(sgd_args, nesterov, 12) AT(sgd_args, scale, 16) AT(sgd_args, reserved, 24)
SIZE(adam_args, 72) AT(adam_args, lr, 0) AT(adam_args, beta1, 4) AT(adam_args, beta2, 8)
    AT(adam_args, epsilon, 12) AT(adam_args, weight_decay, 16) AT(adam_args, decoupled, 20)
    AT(adam_args, step, 24) AT(adam_args, scale, 32) AT(adam_args, reserved, 40)

/* clade/model.h */
SIZE(init, 48) AT(init, kind, 0) AT(init, mean, 4) AT(init, std, 8) AT(init, value, 12)
    AT(init, reserved, 16)
SIZE(linear_options, 200) AT(linear_options, units, 0) AT(linear_options, no_bias, 8)
    AT(linear_options, weight_init, 16) AT(linear_options, bias_init, 64)
    AT(linear_options, name, 112) AT(linear_options, shared_weight, 120)
    AT(linear_options, shared_bias, 128) AT(linear_options, reserved, 136)
SIZE(loss_options, 88) AT(loss_options, kind, 0) AT(loss_options, weight, 4)
    AT(loss_options, ignores, 8) AT(loss_options, ignore_index, 12)
    AT(loss_options, label_smoothing, 16) AT(loss_options, reserved, 24)
SIZE(optimizer, 104) AT(optimizer, kind, 0) AT(optimizer, lr, 4) AT(optimizer, momentum, 8)
    AT(optimizer, nesterov, 12) AT(optimizer, beta1, 16) AT(optimizer, beta2, 20)
    AT(optimizer, epsilon, 24) AT(optimizer, weight_decay, 28)
    AT(optimizer, decay_weights_only, 32) AT(optimizer, clip_norm, 36)
    AT(optimizer, reserved, 40)
SIZE(data_size, 56) AT(data_size, n_samples, 0) AT(data_size, sample_bytes, 8)
    AT(data_size, fixed_bytes, 16) AT(data_size, reserved, 24)
SIZE(parameter_group, 56) AT(parameter_group, pattern, 0) AT(parameter_group, frozen, 8)
    AT(parameter_group, lr_factor, 12) AT(parameter_group, no_decay, 16)
    AT(parameter_group, reserved, 24)
SIZE(compile_options, 336) AT(compile_options, loss, 0) AT(compile_options, optimizer, 8)
    AT(compile_options, batch, 112) AT(compile_options, accumulate, 120)
    AT(compile_options, train, 128) AT(compile_options, valid, 184)
    AT(compile_options, gemm, 240) AT(compile_options, keep_gradients, 248)
    AT(compile_options, groups, 256) AT(compile_options, n_groups, 264)
    AT(compile_options, reserved, 272)
SIZE(memory, 112) AT(memory, parameters, 0) AT(memory, gradients, 8)
    AT(memory, optimizer_state, 16) AT(memory, activations, 24) AT(memory, data, 32)
    AT(memory, total, 40) AT(memory, reserved, 48)
SIZE(layer_info, 144) AT(layer_info, type, 0) AT(layer_info, name, 8) AT(layer_info, shape, 16)
    AT(layer_info, parameters, 72) AT(layer_info, reserved, 80)
SIZE(model_scale, 64) AT(model_scale, scale, 0) AT(model_scale, shift, 8)
    AT(model_scale, feature_scale, 16) AT(model_scale, feature_shift, 24)
    AT(model_scale, reserved, 32)
SIZE(weight_name, 32) AT(weight_name, parameter, 0) AT(weight_name, tensor, 8)
    AT(weight_name, reserved, 16)
SIZE(load_options, 80) AT(load_options, names, 0) AT(load_options, n_names, 8)
    AT(load_options, partial, 12) AT(load_options, reserved, 16)

/* clade/train.h */
SIZE(metrics, 32) AT(metrics, n_samples, 0) AT(metrics, loss, 8) AT(metrics, accuracy, 16)
    AT(metrics, n_not_finite, 24)
SIZE(span, 16) AT(span, count, 0) AT(span, unit, 8)
SIZE(schedule, 136) AT(schedule, kind, 0) AT(schedule, warmup, 8) AT(schedule, step_size, 24)
    AT(schedule, gamma, 32) AT(schedule, min_lr, 40) AT(schedule, factor, 48)
    AT(schedule, patience, 56) AT(schedule, threshold, 64) AT(schedule, reserved, 72)
SIZE(progress, 208) AT(progress, epoch, 0) AT(progress, n_epochs, 4) AT(progress, step, 8)
    AT(progress, n_steps, 16) AT(progress, epoch_step, 24) AT(progress, n_epoch_steps, 32)
    AT(progress, lr, 40) AT(progress, train, 48) AT(progress, epoch_end, 80)
    AT(progress, has_valid, 81) AT(progress, valid, 88) AT(progress, best, 120)
    AT(progress, seconds, 128) AT(progress, samples_per_second, 136) AT(progress, reserved, 144)
SIZE(fit_options, 408) AT(fit_options, epochs, 0) AT(fit_options, max_steps, 8)
    AT(fit_options, validate, 16) AT(fit_options, log_every, 24) AT(fit_options, run_dir, 32)
    AT(fit_options, checkpoint_every, 40) AT(fit_options, keep, 56) AT(fit_options, resume, 60)
    AT(fit_options, class_weights, 64) AT(fit_options, balanced, 72)
    AT(fit_options, replacement, 73) AT(fit_options, schedule, 80)
    AT(fit_options, patience, 216) AT(fit_options, min_delta, 224) AT(fit_options, stream, 232)
    AT(fit_options, on_progress, 240) AT(fit_options, on_message, 248)
    AT(fit_options, on_begin, 256) AT(fit_options, user, 264) AT(fit_options, stop, 272)
    AT(fit_options, reserved, 280)
SIZE(divergence, 112) AT(divergence, step, 0) AT(divergence, phase, 8) AT(divergence, layer, 12)
    AT(divergence, reserved, 80)
SIZE(fit_result, 840) AT(fit_result, end, 0) AT(fit_result, why, 4)
    AT(fit_result, diverged, 520) AT(fit_result, steps, 632) AT(fit_result, epochs, 640)
    AT(fit_result, seconds, 648) AT(fit_result, samples_per_second, 656)
    AT(fit_result, train, 664) AT(fit_result, has_valid, 696) AT(fit_result, valid, 704)
    AT(fit_result, best_valid, 736) AT(fit_result, best_epoch, 768)
    AT(fit_result, reserved, 776)

/* clade/data.h */
SIZE(data_info, 200) AT(data_info, name, 0) AT(data_info, n_samples, 8) AT(data_info, shape, 16)
    AT(data_info, dtype, 72) AT(data_info, scale, 76) AT(data_info, shift, 80)
    AT(data_info, feature_scale, 88) AT(data_info, feature_shift, 96)
    AT(data_info, standardized, 104) AT(data_info, n_classes, 108) AT(data_info, n_targets, 112)
    AT(data_info, bytes, 120) AT(data_info, seconds, 128) AT(data_info, reserved, 136)
SIZE(data_options, 104) AT(data_options, part, 0) AT(data_options, whole, 8)
    AT(data_options, standardize, 9) AT(data_options, standardize_targets, 10)
    AT(data_options, schema, 16) AT(data_options, samples_only, 24) AT(data_options, keep, 32)
    AT(data_options, reserved, 40)
SIZE(data_kind_option, 24) AT(data_kind_option, key, 0) AT(data_kind_option, argument, 8)
    AT(data_kind_option, help, 16)
SIZE(data_kind, 32) AT(data_kind, name, 0) AT(data_kind, path, 8) AT(data_kind, help, 16)
    AT(data_kind, options, 24)
SIZE(data_arrays, 168) AT(data_arrays, n_samples, 0) AT(data_arrays, shape, 8)
    AT(data_arrays, features, 64) AT(data_arrays, labels, 72) AT(data_arrays, n_classes, 80)
    AT(data_arrays, targets, 88) AT(data_arrays, n_targets, 96) AT(data_arrays, reserved, 104)

/* clade/schema.h */
SIZE(column_info, 136) AT(column_info, name, 0) AT(column_info, is_category, 8)
    AT(column_info, center, 16) AT(column_info, scale, 24) AT(column_info, fills, 32)
    AT(column_info, fill, 40) AT(column_info, n_categories, 48)
    AT(column_info, unknown_is_zeros, 52) AT(column_info, first_feature, 56)
    AT(column_info, n_features, 64) AT(column_info, reserved, 72)

/* clade/check.h */
SIZE(gradcheck_options, 104) AT(gradcheck_options, samples, 0)
    AT(gradcheck_options, elements, 8) AT(gradcheck_options, tolerance, 16)
    AT(gradcheck_options, seed, 24) AT(gradcheck_options, class_weights, 32)
    AT(gradcheck_options, reserved, 40)
SIZE(gradcheck_parameter, 136) AT(gradcheck_parameter, name, 0)
    AT(gradcheck_parameter, shape, 8) AT(gradcheck_parameter, checked, 64)
    AT(gradcheck_parameter, error, 72) AT(gradcheck_parameter, max_relative_error, 80)
    AT(gradcheck_parameter, max_absolute_error, 88) AT(gradcheck_parameter, passed, 96)
    AT(gradcheck_parameter, reserved, 104)
SIZE(gradcheck_result, 104) AT(gradcheck_result, passed, 0) AT(gradcheck_result, tolerance, 8)
    AT(gradcheck_result, samples, 16) AT(gradcheck_result, n_parameters, 24)
    AT(gradcheck_result, parameters, 32) AT(gradcheck_result, reserved, 40)
SIZE(verify_case, 776) AT(verify_case, op, 0) AT(verify_case, shape, 40)
    AT(verify_case, kernels, 136) AT(verify_case, error, 456) AT(verify_case, allowed, 464)
    AT(verify_case, share, 472) AT(verify_case, part, 480) AT(verify_case, verdict, 484)
    AT(verify_case, problem, 488) AT(verify_case, reserved, 744)
SIZE(verify_result, 88) AT(verify_result, passed, 0) AT(verify_result, n_cases, 4)
    AT(verify_result, n_wrong, 8) AT(verify_result, cases, 16) AT(verify_result, reserved, 24)
SIZE(verify_options, 112) AT(verify_options, ops, 0) AT(verify_options, small, 8)
    AT(verify_options, fresh, 9) AT(verify_options, begins, 16) AT(verify_options, takes, 24)
    AT(verify_options, last_first, 32) AT(verify_options, user, 40)
    AT(verify_options, reserved, 48)

/* clade/report.h */
SIZE(class_report, 104) AT(class_report, name, 0) AT(class_report, support, 8)
    AT(class_report, n_predicted, 16) AT(class_report, n_right, 24)
    AT(class_report, precision, 32) AT(class_report, recall, 40) AT(class_report, f1, 48)
    AT(class_report, accuracy, 56) AT(class_report, auc, 64) AT(class_report, reserved, 72)
SIZE(target_report, 80) AT(target_report, name, 0) AT(target_report, mae, 8)
    AT(target_report, rmse, 16) AT(target_report, r2, 24) AT(target_report, truth, 32)
    AT(target_report, predicted, 40) AT(target_report, reserved, 48)
SIZE(report, 176) AT(report, metrics, 0) AT(report, kind, 32) AT(report, n_classes, 40)
    AT(report, classes, 48) AT(report, macro_precision, 56) AT(report, macro_recall, 64)
    AT(report, macro_f1, 72) AT(report, confusion, 80) AT(report, balanced_accuracy, 88)
    AT(report, top5_accuracy, 96) AT(report, auc, 104) AT(report, label_accuracy, 112)
    AT(report, row_accuracy, 120) AT(report, n_targets, 128) AT(report, targets, 136)
    AT(report, mae, 144) AT(report, rmse, 152) AT(report, r2, 160) AT(report, n_points, 168)
SIZE(report_options, 72) AT(report_options, most_points, 0) AT(report_options, reserved, 8)

/* clade/step.h */
SIZE(parameter_info, 104) AT(parameter_info, name, 0) AT(parameter_info, shape, 8)
    AT(parameter_info, trained, 64) AT(parameter_info, frozen, 65) AT(parameter_info, reserved, 72)
SIZE(batch, 112) AT(batch, n, 0) AT(batch, inputs, 8) AT(batch, n_inputs, 16)
    AT(batch, answers, 24) AT(batch, add, 32) AT(batch, step_samples, 40) AT(batch, reserved, 48)

/* clade/bench.h */
SIZE(bench_options, 80) AT(bench_options, seconds, 0) AT(bench_options, provider, 8)
    AT(bench_options, reserved, 16)
SIZE(bench_time, 64) AT(bench_time, median, 0) AT(bench_time, min, 8) AT(bench_time, spread, 16)
    AT(bench_time, n_blocks, 24) AT(bench_time, reserved, 32)
SIZE(bench_limits, 312) AT(bench_limits, flops_per_second, 0) AT(bench_limits, vector_width, 8)
    AT(bench_limits, accumulators, 12) AT(bench_limits, copy_bytes_per_second, 16)
    AT(bench_limits, triad_bytes_per_second, 24) AT(bench_limits, update_bytes_per_second, 32)
    AT(bench_limits, bytes_per_second, 40) AT(bench_limits, array_bytes, 48)
    AT(bench_limits, launch_host, 56) AT(bench_limits, launch, 120)
    AT(bench_limits, round_trip, 184) AT(bench_limits, reserved, 248)
SIZE(bench_shape, 64) AT(bench_shape, m, 0) AT(bench_shape, n, 8) AT(bench_shape, k, 16)
    AT(bench_shape, trans_a, 24) AT(bench_shape, trans_b, 25) AT(bench_shape, reserved, 32)
SIZE(bench_gemm_result, 120) AT(bench_gemm_result, provider, 0) AT(bench_gemm_result, time, 8)
    AT(bench_gemm_result, flops_per_second, 72) AT(bench_gemm_result, share_of_peak, 80)
    AT(bench_gemm_result, reserved, 88)
SIZE(bench_openblas_info, 616) AT(bench_openblas_info, config, 0)
    AT(bench_openblas_info, core, 256) AT(bench_openblas_info, tried, 320)
    AT(bench_openblas_info, n_threads, 576) AT(bench_openblas_info, reserved, 584)
SIZE(bench_op_result, 144) AT(bench_op_result, op, 0) AT(bench_op_result, rows, 8)
    AT(bench_op_result, cols, 16) AT(bench_op_result, time, 24) AT(bench_op_result, flops, 88)
    AT(bench_op_result, bytes, 96) AT(bench_op_result, share_of_roof, 104)
    AT(bench_op_result, reserved, 112)
SIZE(bench_workload, 32) AT(bench_workload, name, 0) AT(bench_workload, about, 8)
    AT(bench_workload, batches, 16)
SIZE(bench_train_result, 192) AT(bench_train_result, workload, 0)
    AT(bench_train_result, batch, 8) AT(bench_train_result, time, 16)
    AT(bench_train_result, samples_per_second, 80) AT(bench_train_result, flops, 88)
    AT(bench_train_result, bytes, 96) AT(bench_train_result, flops_per_second, 104)
    AT(bench_train_result, share_of_limit, 112) AT(bench_train_result, host_seconds, 120)
    AT(bench_train_result, reserved, 128)
SIZE(bench_batching_result, 216) AT(bench_batching_result, workload, 0)
    AT(bench_batching_result, batch, 8) AT(bench_batching_result, all, 16)
    AT(bench_batching_result, one, 80) AT(bench_batching_result, why_not_one, 144)
    AT(bench_batching_result, reserved, 152)

#endif

/* ---- reserved words ------------------------------------------------------------------------------- */

/* Sets the last of a struct's reserved words, makes the call, which must be refused, and clears it. */
#define REFUSED(object, call)                                                                      \
    do {                                                                                           \
        uint64_t *last = (object).reserved + sizeof (object).reserved / sizeof(uint64_t) - 1;      \
        *last = 1;                                                                                 \
        assert_fails(call, CLADE_EINVAL, "is not 0: the struct was not zeroed");                   \
        *last = 0;                                                                                 \
    } while (0)

#define N       12 /* samples */
#define CLASSES 3

static void operations_look_at_them(void **state)
{
    static const int32_t classes[] = {0, 2, 1, 0};
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(4, 4), NULL);
    clade_tensor *row = test_tensor(*state, CLADE_SHAPE(4), NULL);
    clade_tensor *one = test_tensor(*state, CLADE_SHAPE(1), NULL);
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(4), classes);
    clade_gemm_args gemm = {.m = 4, .n = 4, .k = 4, .a = x, .b = x, .c = x, .lda = 4, .ldb = 4, .ldc = 4};
    clade_dropout_args dropout = {.p = 0.5f};
    clade_cross_entropy_options loss = {0};
    clade_sgd_args sgd = {.lr = 0.1f};
    clade_adam_args adam = {.lr = 0.1f, .step = 1};
    REFUSED(gemm, clade_gemm_strided(&gemm));
    REFUSED(dropout, clade_dropout_forward(x, x, &dropout));
    REFUSED(dropout, clade_dropout_backward(x, x, &dropout));
    REFUSED(loss, clade_cross_entropy(row, NULL, NULL, x, labels, 1.0f, &loss));
    REFUSED(loss, clade_count_rows(one, labels, 4, &loss));
    REFUSED(sgd, clade_sgd_step(x, NULL, x, &sgd));
    REFUSED(adam, clade_adam_step(x, x, x, x, &adam));
    clade_tensor_free(labels);
    clade_tensor_free(one);
    clade_tensor_free(row);
    clade_tensor_free(x);
}

/* A builder's error is what compiling returns. */
static clade_status build(clade_device *device, const clade_linear_options *options)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, device, 1));
    clade_node *y = clade_linear_with(clade_input(model, CLADE_SHAPE(2)), options);
    clade_status status = clade_compile(model, y, NULL);
    clade_model_free(model);
    return status;
}

static void building_looks_at_them(void **state)
{
    clade_linear_options options = {.units = CLASSES};
    clade_loss_options loss = {.kind = CLADE_LOSS_MSE};
    clade_model *model;
    REFUSED(options, build(*state, &options));
    REFUSED(options.weight_init, build(*state, &options));
    REFUSED(options.bias_init, build(*state, &options));
    assert_ok(build(*state, &options));
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *y = clade_linear(clade_input(model, CLADE_SHAPE(2)), 1);
    clade_node *target = clade_input_named(model, "target", CLADE_FLOAT32, CLADE_SHAPE(1));
    REFUSED(loss, clade_add_loss(y, target, &loss));
    assert_ok(clade_add_loss(y, target, &loss));
    clade_model_free(model);
}

static void compiling_looks_at_them(void **state)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *y = clade_linear(clade_input(model, CLADE_SHAPE(2)), CLASSES);
    clade_parameter_group groups[2] = {{.pattern = "*"}, {.pattern = "*"}};
    clade_weight_name names[2] = {{.parameter = "0.weight", .tensor = "a"},
                                  {.parameter = "0.bias", .tensor = "b"}};
    clade_compile_options options = {.batch = 4, .groups = groups, .n_groups = 2};
    clade_load_options load = {.names = names, .n_names = 2};
    REFUSED(options, clade_compile(model, y, &options));
    REFUSED(options.optimizer, clade_compile(model, y, &options));
    REFUSED(options.train, clade_compile(model, y, &options));
    REFUSED(options.valid, clade_compile(model, y, &options));
    REFUSED(groups[1], clade_compile(model, y, &options));
    assert_ok(clade_compile(model, y, &options));
    REFUSED(load, clade_load_weights(model, "none", &load));
    REFUSED(names[1], clade_load_weights(model, "none", &load));
    clade_model_free(model);
}

static clade_data *make_data(void)
{
    static const int32_t labels[N] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
    clade_data *data;
    float *x = test_random(1, 2 * N, -1.0f, 1.0f);
    clade_data_arrays arrays = {.n_samples = N, .shape = CLADE_SHAPE(2), .features = x, .labels = labels,
                                .n_classes = CLASSES};
    REFUSED(arrays, clade_data_from_arrays(&data, &arrays));
    assert_ok(clade_data_from_arrays(&data, &arrays));
    free(x);
    return data;
}

static void training_looks_at_them(void **state)
{
    clade_model *model;
    clade_report *report;
    clade_memory memory;
    clade_gradcheck_result result;
    clade_data *data = make_data();
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *y = clade_linear(clade_input(model, CLADE_SHAPE(2)), CLASSES);
    assert_ok(clade_compile(model, y, &(clade_compile_options){.batch = 4, .keep_gradients = true}));
    clade_fit_options fit = {.epochs = 1};
    clade_gradcheck_options check = {.samples = 4};
    clade_report_options wanted = {.most_points = 0};
    REFUSED(fit, clade_fit(model, data, &fit, NULL));
    REFUSED(fit.schedule, clade_fit(model, data, &fit, NULL));
    REFUSED(fit, clade_fit_memory(model, data, &fit, &memory));
    REFUSED(check, clade_gradcheck(model, data, &check, &result));
    REFUSED(wanted, clade_report_create(&report, model, data, &wanted));
    clade_model_free(model);
    clade_data_free(data);
}

static void steps_look_at_them(void **state)
{
    clade_model *model;
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(4, 2), NULL);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(4, CLASSES), NULL);
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(4), (int32_t[]){0, 1, 2, 0});
    const clade_tensor *inputs[] = {x};
    clade_batch batch = {.n = 4, .inputs = inputs, .n_inputs = 1, .answers = labels};
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *output = clade_linear(clade_input(model, CLADE_SHAPE(2)), CLASSES);
    assert_ok(clade_compile(model, output, &(clade_compile_options){.batch = 4, .keep_gradients = true}));
    REFUSED(batch, clade_forward(model, &batch, y));
    REFUSED(batch, clade_gradients(model, &batch, NULL));
    REFUSED(batch, clade_step(model, &batch, NULL));
    assert_ok(clade_step(model, &batch, NULL));
    clade_model_free(model);
    clade_tensor_free(x);
    clade_tensor_free(y);
    clade_tensor_free(labels);
}

static void others_look_at_them(void **state)
{
    clade_data *data;
    clade_bench *bench;
    clade_verify_result result;
    clade_bench_gemm_result results[CLADE_BENCH_MAX_PROVIDERS];
    int n_results;
    clade_data_options opened = {0};
    clade_verify_options verify = {0};
    clade_bench_options measured = {0};
    clade_bench_shape shape = {.m = 1, .n = 1, .k = 1};
    REFUSED(opened, clade_data_open_with(&data, "random", &opened));
    REFUSED(verify, clade_verify(*state, &verify, &result));
    REFUSED(measured, clade_bench_open(&bench, *state, &measured));
    assert_ok(clade_bench_open(&bench, *state, &measured));
    REFUSED(shape, clade_bench_gemm(bench, &shape, results, &n_results));
    clade_bench_free(bench);
}

/* What a caller hands in may hold anything; what comes back has zeros. */
static void results_have_zeros_there(void **state)
{
    static const uint64_t zeros[8];
    clade_fit_result result;
    clade_layer_info layer;
    clade_parameter_info parameter;
    clade_model *model;
    clade_data *data = make_data();
    memset(&parameter, 0xff, sizeof parameter);
    memset(&result, 0xff, sizeof result);
    memset(&layer, 0xff, sizeof layer);
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *y = clade_linear(clade_input(model, CLADE_SHAPE(2)), CLASSES);
    assert_ok(clade_compile(model, y, NULL));
    assert_ok(clade_fit(model, data, NULL, &result));
    assert_ok(clade_model_layer(model, 0, &layer));
    assert_memory_equal(result.reserved, zeros, sizeof result.reserved);
    assert_memory_equal(result.diverged.reserved, zeros, sizeof result.diverged.reserved);
    assert_ok(clade_model_parameter_info(model, 0, &parameter));
    assert_memory_equal(layer.reserved, zeros, sizeof layer.reserved);
    assert_memory_equal(parameter.reserved, zeros, sizeof parameter.reserved);
    clade_data_info info = clade_data_describe(data);
    assert_memory_equal(info.reserved, zeros, sizeof info.reserved);
    clade_model_free(model);
    clade_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_look_at_them), cmocka_unit_test(building_looks_at_them),
        cmocka_unit_test(compiling_looks_at_them), cmocka_unit_test(training_looks_at_them),
        cmocka_unit_test(steps_look_at_them),      cmocka_unit_test(others_look_at_them),
        cmocka_unit_test(results_have_zeros_there),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
