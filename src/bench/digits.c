#include "bench/digits.h"

#include <clade/data.h>
#include <clade/model.h>

clade_status clade__bench_digits(clade_data **data, clade_data **valid)
{
    CLADE_TRY(clade_data_open(data, "digits?n=4096"));
    return clade_data_open(valid, "digits?n=1024&part=test");
}

clade_status clade__bench_digits_model(clade_model **out, const clade_bench *bench, uint64_t seed, bool keep_gradients)
{
    CLADE_TRY(clade_model_create(out, bench->device, seed));
    clade_node *h = clade_flatten(clade_input(*out, CLADE_SHAPE(28, 28)));
    for (int i = 0; i < 2; i++) h = clade_relu(clade_linear(h, 512));
    return clade_compile(*out, clade_linear(h, 10),
                         &(clade_compile_options){.optimizer = clade_sgd(0.05f, 0.9f), .gemm = bench->provider,
                                                  .batch = CLADE__BENCH_DIGITS_BATCH,
                                                  .keep_gradients = keep_gradients});
}
