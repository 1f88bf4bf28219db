/* Reports of an evaluation, against the definitions: by counting, pair by pair where need be. */
#include "network.h"

#include "train/report.h"

enum { MOST = 700 };

static const char json8[] = "{\"input\":[5],\"layers\":[" LINEAR(6) ",{\"type\":\"gelu\"}," LINEAR(8) "]}";
static const char json2[] = "{\"input\":[5],\"layers\":[" LINEAR(2) "]}";
static const char json1[] = "{\"input\":[5],\"layers\":[" LINEAR(1) "]}";

static void assert_near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12 * (1 + fabs(want)))) print_error("%.17g, want %.17g\n", got, want);
    assert_true(fabs(got - want) <= 1e-12 * (1 + fabs(want)));
}

static void assert_same_metrics(const clade_report *report, clade_model *model, clade_data *data)
{
    clade_metrics metrics;
    assert_ok(clade_evaluate(model, data, &metrics));
    assert_int_equal(report->metrics.n_samples, metrics.n_samples);
    assert_int_equal(report->metrics.n_not_finite, metrics.n_not_finite);
    assert_memory_equal(&report->metrics.loss, &metrics.loss, sizeof metrics.loss);
    assert_true(report->metrics.accuracy == metrics.accuracy ||
                (isnan(report->metrics.accuracy) && isnan(metrics.accuracy)));
}

/* The share of pairs, one of each class, that the scores put in the right order; ties half. */
static double auc_of(const double *scores, const int *positive, int n, int stride)
{
    double right = 0, pairs = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++) {
            double a = scores[i * stride], b = scores[k * stride];
            if (!positive[i * stride] || positive[k * stride]) continue;
            pairs++;
            right += a > b ? 1 : a == b ? 0.5 : 0;
        }
    return right / pairs;
}

static void areas_average_the_ranks_of_ties(void **state)
{
    (void)state;
    static const struct {
        int n;
        float scores[6];
        int positive[6];
        double want;
    } cases[] = {
        {4, {0.1f, 0.4f, 0.35f, 0.8f}, {0, 0, 1, 1}, 0.75}, /* scikit-learn's example */
        {4, {0.5f, 0.5f, 0.5f, 0.5f}, {0, 1, 0, 1}, 0.5},
        {3, {1, 2, 3}, {0, 0, 1}, 1.0},
        {3, {3, 2, 1}, {0, 0, 1}, 0.0},
        {6, {1, 2, 2, 2, 3, 3}, {0, 1, 0, 1, 0, 1}, 5.5 / 9},
        {2, {1, 2}, {1, 1}, NAN},
        {2, {1, NAN}, {0, 1}, NAN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade__score scores[6];
        for (int k = 0; k < cases[i].n; k++)
            scores[k] = (clade__score){cases[i].scores[k], cases[i].positive[k]};
        double got = clade__auc(scores, cases[i].n);
        assert_true(isnan(cases[i].want) ? isnan(got) : fabs(got - cases[i].want) < 1e-15);
    }
}

/* Of eight classes of which the data lacks the last two. */
static void check_classes(clade_model *model, int n)
{
    net_batch batch = net_random_batch(model, 61, n, 6);
    clade_data *data = net_data(model, &batch, 6);
    float y[MOST * 8];
    int64_t confusion[8][8] = {{0}}, n_top5 = 0;
    assert_ok(clade_predict(model, data, 0, n, true, y));
    for (int i = 0; i < n; i++) {
        const float *row = y + 8 * i;
        int best = 0, n_larger = 0;
        for (int c = 1; c < 8; c++) best = row[c] > row[best] ? c : best;
        for (int c = 0; c < 8; c++) n_larger += row[c] > row[batch.labels[i]];
        confusion[batch.labels[i]][best]++;
        n_top5 += n_larger < 5;
    }
    clade_report *report;
    assert_ok(clade_report_create(&report, model, data, NULL));
    assert_int_equal(report->kind, CLADE_REPORT_CLASSES);
    assert_same_metrics(report, model, data);
    assert_int_equal(report->n_classes, 8);
    assert_memory_equal(report->confusion, confusion, sizeof confusion);
    double sums[3] = {0}, recalls = 0, n_seen = 0, n_there = 0, n_right = 0;
    for (int c = 0; c < 8; c++) {
        const clade_class_report *got = &report->classes[c];
        double support = 0, predicted = 0, right = (double)confusion[c][c];
        for (int k = 0; k < 8; k++) {
            support += (double)confusion[c][k];
            predicted += (double)confusion[k][c];
        }
        double precision = predicted > 0 ? right / predicted : 0;
        double recall = support > 0 ? right / support : 0;
        double f1 = precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
        assert_true((double)got->support == support && (double)got->n_predicted == predicted);
        assert_near(got->precision, precision);
        assert_near(got->recall, recall);
        assert_near(got->f1, f1);
        sums[0] += precision;
        sums[1] += recall;
        sums[2] += f1;
        n_seen += support + predicted > 0;
        n_there += support > 0;
        recalls += support > 0 ? recall : 0;
        n_right += right;
    }
    assert_near(report->macro_precision, sums[0] / n_seen);
    assert_near(report->macro_recall, sums[1] / n_seen);
    assert_near(report->macro_f1, sums[2] / n_seen);
    assert_near(report->balanced_accuracy, recalls / n_there);
    assert_near(report->top5_accuracy, (double)n_top5 / n);
    assert_near(report->metrics.accuracy, n_right / n);
    assert_true(isnan(report->auc) && isnan(report->mae) && isnan(report->label_accuracy));
    clade_report_free(report);
    clade_data_free(data);
    net_free_batch(&batch);
}

static void classes_are_counted(void **state)
{
    static const clade_loss losses[] = {CLADE_LOSS_CROSS_ENTROPY, CLADE_LOSS_MSE,
                                        CLADE_LOSS_BCE_WITH_LOGITS};
    for (int l = 0; l < 3; l++) {
        clade_model *model =
            net_model(*state, 3, json8, &(clade_compile_options){.loss = losses[l]});
        check_classes(model, 1);
        check_classes(model, 257);
        check_classes(model, MOST);
        clade_model_free(model);
    }
}

/* Two classes, of two outputs or of one. */
static void two_classes_have_an_area(void **state)
{
    for (int outputs = 1; outputs <= 2; outputs++) {
        clade_loss loss = outputs == 1 ? CLADE_LOSS_BCE_WITH_LOGITS : CLADE_LOSS_CROSS_ENTROPY;
        clade_model *model = net_model(*state, 3, outputs == 1 ? json1 : json2,
                                       &(clade_compile_options){.loss = loss});
        net_batch batch = net_random_batch(model, 62, 300, 2);
        clade_data *data = net_data(model, &batch, 2);
        float p[600];
        double scores[300];
        assert_ok(clade_predict(model, data, 0, 300, true, p));
        assert_ok(clade_model_probabilities(model, 300, p, p));
        for (int i = 0; i < 300; i++) scores[i] = (double)p[(i + 1) * outputs - 1];
        clade_report *report;
        assert_ok(clade_report_create(&report, model, data, NULL));
        assert_same_metrics(report, model, data);
        assert_int_equal(report->n_classes, 2);
        assert_near(report->auc, auc_of(scores, batch.labels, 300, 1));
        assert_true(isnan(report->top5_accuracy));
        double n_right = (double)(report->confusion[0] + report->confusion[3]);
        assert_near(report->metrics.accuracy, n_right / 300);
        clade_report_free(report);
        clade_data_free(data);
        net_free_batch(&batch);
        clade_model_free(model);
    }
}

static void labels_are_counted_one_by_one(void **state)
{
    enum { N = 300, T = 8 };
    clade_model *model =
        net_model(*state, 3, json8, &(clade_compile_options){.loss = CLADE_LOSS_BCE_WITH_LOGITS});
    net_batch batch = net_random_batch(model, 63, N, 0);
    for (int i = 0; i < N * T; i++) batch.targets[i] = batch.targets[i] > 0.3;
    clade_data *data = net_data(model, &batch, 0);
    float y[N * T];
    double scores[N * T];
    int has[N * T];
    assert_ok(clade_predict(model, data, 0, N, true, y));
    double n_right = 0, n_rows = 0, areas = 0, f1s = 0;
    for (int i = 0; i < N; i++) {
        int row = 0;
        for (int c = 0; c < T; c++) {
            has[i * T + c] = batch.targets[i * T + c] == 1;
            scores[i * T + c] = (double)y[i * T + c];
            row += has[i * T + c] == (y[i * T + c] > 0);
        }
        n_right += row;
        n_rows += row == T;
    }
    clade_report *report;
    assert_ok(clade_report_create(&report, model, data, NULL));
    assert_same_metrics(report, model, data);
    assert_int_equal(report->kind, CLADE_REPORT_LABELS);
    assert_null(report->confusion);
    for (int c = 0; c < T; c++) {
        const clade_class_report *got = &report->classes[c];
        double tp = 0, fp = 0, fn = 0;
        for (int i = c; i < N * T; i += T) {
            tp += has[i] && y[i] > 0;
            fp += !has[i] && y[i] > 0;
            fn += has[i] && !(y[i] > 0);
        }
        assert_near(got->precision, tp + fp > 0 ? tp / (tp + fp) : 0);
        assert_near(got->recall, tp / (tp + fn));
        assert_near(got->f1, 2 * tp / (2 * tp + fp + fn));
        assert_near(got->accuracy, (N - fp - fn) / N);
        assert_near(got->auc, auc_of(scores + c, has + c, N, T));
        areas += got->auc / T;
        f1s += got->f1 / T;
    }
    assert_near(report->label_accuracy, n_right / (N * T));
    assert_near(report->row_accuracy, n_rows / N);
    assert_near(report->auc, areas);
    assert_near(report->macro_f1, f1s);
    clade_report_free(report);
    clade_data_free(data);

    batch.targets[5] = 0.5; /* no label: then all are numbers */
    data = net_data(model, &batch, 0);
    assert_ok(clade_report_create(&report, model, data, NULL));
    assert_int_equal(report->kind, CLADE_REPORT_NUMBERS);
    double error = 0;
    for (int i = 0; i < N * T; i++) error += fabs(1 / (1 + exp(-scores[i])) - batch.targets[i]);
    assert_true(fabs(report->mae - error / (N * T)) < 1e-7);
    clade_report_free(report);
    clade_data_free(data);
    net_free_batch(&batch);
    clade_model_free(model);
}

/* A model of labels knows that they are, though no table says so: from its file, too. */
static void labels_stay_labels_in_a_file(void **state)
{
    static const clade_loss losses[] = {CLADE_LOSS_BCE_WITH_LOGITS, CLADE_LOSS_MSE};
    const char *path = test_text("%s/labels.safetensors", test_folder());
    for (int l = 0; l < 2; l++) {
        clade_model *model = net_model(*state, 3, json8, &(clade_compile_options){.loss = losses[l]});
        net_batch batch = net_random_batch(model, 66, 20, 0);
        clade_data *data = net_data(model, &batch, 0);
        clade_metrics before, after;
        assert_ok(clade_fit(model, data, NULL, NULL));
        assert_ok(clade_evaluate(model, data, &before));
        assert_ok(clade_save(model, path));
        clade_model_free(model);
        assert_ok(clade_load(&model, *state, path));
        assert_int_equal(clade_schema_n_targets(clade_model_schema(model)), l == 0 ? 8 : 0);
        assert_ok(clade_evaluate(model, data, &after));
        assert_true(before.loss == after.loss);
        clade_model_free(model);
        clade_data_free(data);
        net_free_batch(&batch);
    }
}

/* The last target is the same in all samples: it has no spread to explain. */
static void numbers_have_errors(void **state)
{
    enum { N = MOST, T = 8, POINTS = 50 };
    clade_model *model =
        net_model(*state, 3, json8, &(clade_compile_options){.loss = CLADE_LOSS_MSE});
    net_batch batch = net_random_batch(model, 64, N, 0);
    for (int i = 0; i < N; i++) batch.targets[i * T + T - 1] = 0.1f;
    clade_data *data = net_data(model, &batch, 0);
    float y[N * T];
    assert_ok(clade_predict(model, data, 0, N, true, y));
    clade_report *report;
    assert_ok(clade_report_create(&report, model, data, &(clade_report_options){.most_points = POINTS}));
    assert_same_metrics(report, model, data);
    assert_int_equal(report->kind, CLADE_REPORT_NUMBERS);
    assert_int_equal(report->n_targets, T);
    assert_int_equal(report->n_points, POINTS);
    double mae = 0, rmse = 0, r2 = 0;
    for (int t = 0; t < T; t++) {
        const clade_target_report *got = &report->targets[t];
        double absolute = 0, squares = 0, mean = 0, spread = 0;
        for (int i = t; i < N * T; i += T) mean += (double)(float)batch.targets[i] / N;
        for (int i = t; i < N * T; i += T) {
            double truth = (double)(float)batch.targets[i], error = (double)y[i] - truth;
            absolute += fabs(error) / N;
            squares += error * error;
            spread += (truth - mean) * (truth - mean);
        }
        double explained = t < T - 1 ? 1 - squares / spread : 0;
        assert_near(got->mae, absolute);
        assert_near(got->rmse, sqrt(squares / N));
        assert_true(fabs(got->r2 - explained) <= 1e-9 * (1 + fabs(explained)));
        for (int p = 0; p < POINTS; p++) {
            int i = p * N / POINTS * T + t;
            assert_true(got->truth[p] == (double)(float)batch.targets[i]);
            assert_true(got->predicted[p] == (double)y[i]);
        }
        mae += got->mae / T;
        rmse += got->rmse / T;
        r2 += got->r2 / T;
    }
    assert_near(report->mae, mae);
    assert_near(report->rmse, rmse);
    assert_near(report->r2, r2);
    clade_report_free(report);
    clade_data_free(data);
    net_free_batch(&batch);
    clade_model_free(model);
}

/* One of ten samples is too large for the network: it is of no class, and counts as wrong. */
static void a_sample_that_is_not_finite_is_wrong(void **state)
{
    static const char wide[] = "{\"input\":[5],\"layers\":[{\"type\":\"linear\",\"units\":8,"
                               "\"init\":{\"type\":\"normal\",\"std\":30}}]}";
    clade_model *model = net_model(*state, 3, wide, &(clade_compile_options){0});
    net_batch batch = net_random_batch(model, 65, 40, 6);
    for (int i = 0; i < 40; i += 10)
        for (int c = 0; c < 5; c++) batch.x[i * 5 + c] = 3e38;
    clade_data *data = net_data(model, &batch, 6);
    clade_report *report;
    assert_ok(clade_report_create(&report, model, data, NULL));
    assert_same_metrics(report, model, data);
    assert_int_equal(report->metrics.n_not_finite, 4);
    int64_t n_support = 0, n_predicted = 0, n_right = 0, n_confused = 0;
    for (int c = 0; c < 8; c++) {
        n_support += report->classes[c].support;
        n_predicted += report->classes[c].n_predicted;
        n_right += report->classes[c].n_right;
        for (int k = 0; k < 8; k++) n_confused += report->confusion[8 * c + k];
    }
    assert_int_equal(n_support, 40);
    assert_int_equal(n_predicted, 36);
    assert_int_equal(n_confused, 36);
    assert_near(report->metrics.accuracy, (double)n_right / 40);
    clade_report_free(report);
    clade_data_free(data);
    net_free_batch(&batch);
    clade_model_free(model);
}

static void what_cannot_be_evaluated_has_no_report(void **state)
{
    clade_model *model = net_model(*state, 3, json8, &(clade_compile_options){0});
    clade_data *other;
    clade_report *report = (clade_report *)model;
    assert_ok(clade_data_open(&other, "random?features=4&classes=2"));
    assert_fails(clade_report_create(&report, model, other, NULL), CLADE_EDATA, "shape");
    assert_null(report);
    assert_string_equal(clade_report_kind_name(CLADE_REPORT_LABELS), "labels");
    assert_string_equal(clade_report_kind_name(CLADE_REPORT_METRICS), "metrics");
    assert_null(clade_report_kind_name((clade_report_kind)4));
    clade_data_free(other);
    clade_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas_average_the_ranks_of_ties),
        cmocka_unit_test(classes_are_counted),
        cmocka_unit_test(two_classes_have_an_area),
        cmocka_unit_test(labels_are_counted_one_by_one),
        cmocka_unit_test(labels_stay_labels_in_a_file),
        cmocka_unit_test(numbers_have_errors),
        cmocka_unit_test(a_sample_that_is_not_finite_is_wrong),
        cmocka_unit_test(what_cannot_be_evaluated_has_no_report),
    };
    return cmocka_run_group_tests_name("report", tests, test_open_device, test_close_device);
}
