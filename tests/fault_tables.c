/* A scenario of test_faults.c: tables with all that their options ask for, and what binds them to a model. */
#include "fault_scenarios.h"

#include "base/error.h"
#include "support.h"

static clade_status read_with(const char *spec, clade_data_options options, double *n)
{
    clade_data *data;
    CLADE_TRY(clade_data_open_with(&data, spec, &options));
    *n += (double)clade_data_describe(data).n_samples;
    clade_data_free(data);
    return CLADE_OK;
}

static clade_status read_tables(double *n)
{
    static const char *const options[] = {
        "label=kind&missing=median&test=0.5&stratify=yes&drop=part",
        "label=kind&missing=mean&group=b&test=0.5&drop=part",
        "label=kind&missing=0&split=part",
        "label=kind&missing=1,b:0&categories=a&unknown=zeros&split=0.5,0.25,0.25&drop=part",
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        CLADE_TRY(read_with(test_text("csv:%s/table.csv?%s", fault_folder.files, options[i]),
                            (clade_data_options){.keep = "part,a", .standardize = true}, n));
    return read_with(test_text("npy:%s/x.npy,%s/y.npy?test=0.5&stratify=yes", fault_folder.files,
                               fault_folder.files),
                     (clade_data_options){.part = "test"}, n);
}

typedef struct subject {
    clade_device *device;
    clade_data *table, *arrays;
    clade_model *model;
} subject;

/* A model of a standardized table, and then plain numbers for it. */
static clade_status bind(subject *s, const char *options, const clade_data_arrays *arrays,
                         clade_loss loss, double *figure)
{
    clade_metrics metrics;
    CLADE_TRY(clade_device_open(&s->device, NULL));
    CLADE_TRY(clade_data_open_with(&s->table,
                                   test_text("csv:%s/n.csv?%s", fault_folder.files, options),
                                   &(clade_data_options){.whole = true,
                                                         .standardize = true,
                                                         .standardize_targets = true}));
    CLADE_TRY(clade_model_create(&s->model, s->device, 1));
    clade_node *output = clade_linear(clade_input(s->model, arrays->shape), 2);
    CLADE_TRY(clade_compile(s->model, output,
                            &(clade_compile_options){.loss = loss, .batch = 2}));
    CLADE_TRY(clade_fit(s->model, s->table, NULL, NULL));
    CLADE_TRY(clade_data_from_arrays(&s->arrays, arrays));
    CLADE_TRY(clade_evaluate(s->model, s->arrays, &metrics));
    *figure += metrics.loss;
    return CLADE_OK;
}

static clade_status in_subject(const char *options, const clade_data_arrays *arrays,
                               clade_loss loss, double *figure)
{
    subject s = {0};
    clade_status status = bind(&s, options, arrays, loss, figure);
    clade_model_free(s.model);
    clade_data_free(s.table);
    clade_data_free(s.arrays);
    clade_device_free(s.device);
    return status;
}

clade_status fault_run_tables(double *figure)
{
    static const float x[4] = {1, 2, 4, 5}, y[4] = {3, 1, 6, 2};
    static const int32_t labels[2] = {1, 2};
    *figure = 0.0;
    CLADE_TRY(read_tables(figure));
    CLADE_TRY(in_subject("target=c,b",
                         &(clade_data_arrays){.n_samples = 2, .shape = CLADE_SHAPE(1), .features = x,
                                              .targets = y, .n_targets = 2},
                         CLADE_LOSS_MSE, figure));
    /* Classes that are numbers, 3 and 6, on labels without names: none of them is 1 or 2. */
    clade_status status =
        in_subject("label=c", &(clade_data_arrays){.n_samples = 2, .shape = CLADE_SHAPE(2),
                                                   .features = x, .labels = labels, .n_classes = 3},
                   CLADE_LOSS_CROSS_ENTROPY, figure);
    return status == CLADE_EDATA ? CLADE_OK : status;
}
