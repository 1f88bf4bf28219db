/* Right before fast: `clade verify` of what a row is made of, each operation once for a suite. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clade/check.h>

#include "bench/steps.h"
#include "bench/suite_state.h"
#include "graph/dry_run.h"
#include "graph/layer.h"

/* ---- words ----------------------------------------------------------------------------------- */

/* Keeps the cases that are wrong, one for each set of kernels. */
static clade_status keep_wrong(clade__suite_word *word, const clade_verify_result *result)
{
    if (result->n_wrong == 0) return CLADE_OK;
    word->wrong = calloc((size_t)result->n_wrong, sizeof *word->wrong);
    if (!word->wrong) return clade__fail(CLADE_ENOMEM, "no memory for what is wrong");
    for (int i = 0; i < result->n_cases; i++) {
        const clade_verify_case *c = &result->cases[i];
        int k = 0;
        if (c->verdict != CLADE_WRONG) continue;
        while (k < word->n_wrong && strcmp(word->wrong[k].kernels, c->kernels) != 0) k++;
        if (k == word->n_wrong) word->wrong[word->n_wrong++] = *c;
    }
    return CLADE_OK;
}

static clade_status verify_word(clade_suite *suite, const char *text, const clade__suite_word **out)
{
    for (int i = 0; i < suite->n_words; i++)
        if (strcmp(suite->words[i].word, text) == 0) {
            *out = &suite->words[i];
            return CLADE_OK;
        }
    if (suite->n_words == CLADE__SUITE_WORDS)
        return clade__fail(CLADE_EINVAL, "suite: more than %d operations to verify", CLADE__SUITE_WORDS);
    const char *const ops[] = {text, NULL};
    clade_verify_result result;
    CLADE_TRY(clade_verify(suite->device,
                           &(clade_verify_options){.ops = ops, .small = suite->options.small}, &result));
    clade__suite_word *word = &suite->words[suite->n_words];
    *word = (clade__suite_word){0};
    snprintf(word->word, sizeof word->word, "%s", text);
    clade_status status = keep_wrong(word, &result);
    clade_verify_free(&result);
    if (status != CLADE_OK) return status;
    suite->n_words++;
    *out = word;
    return CLADE_OK;
}

/* Whether a case has a kernel that a step launches. Of one that did not build, and of another library's
 * call, nothing is known: it counts. */
static bool is_launched(const clade_verify_case *c, const clade__commands *dry)
{
    if (!dry || !strstr(c->kernels, " of ")) return true;
    for (size_t i = 0; i < clade__commands_n_kernels(dry); i++) {
        clade__command_info kernel = clade__commands_kernel(dry, i);
        char text[160];
        snprintf(text, sizeof text, "%s of %s.cl,", kernel.label, kernel.program);
        const char *at = strstr(c->kernels, text);
        if (at && (at == c->kernels || at[-1] == ' ')) return true;
    }
    return false;
}

/* dry: what is launched; NULL: all that is wrong counts. */
static clade_status check_word(clade_suite *suite, clade__suite_entry *entry, const char *text,
                               const clade__commands *dry)
{
    const clade__suite_word *word = NULL;
    CLADE_TRY(verify_word(suite, text, &word));
    for (int i = 0; i < word->n_wrong && !entry->wrong; i++) {
        const clade_verify_case *c = &word->wrong[i];
        if (!is_launched(c, dry)) continue;
        entry->wrong = true;
        snprintf(entry->why, sizeof entry->why, "%s %s: %s", c->op, c->shape, c->problem);
    }
    return CLADE_OK;
}

/* ---- what steps are made of ------------------------------------------------------------------- */

/* Layers that only change a shape, and those that are all products, are no operations. */
static bool has_op(const char *word)
{
    size_t n = strlen(word);
    const char *op;
    for (int i = 0; (op = clade_bench_op_name(i)); i++)
        if (strncmp(op, word, n) == 0 && (op[n] == '\0' || op[n] == '_')) return true;
    return false;
}

static clade_status check_gemm(clade_suite *suite, clade__suite_entry *entry, const clade_bench_shape *shape)
{
    const char *provider;
    char word[48];
    CLADE_TRY(clade__suite_provider(suite, shape, &provider));
    snprintf(word, sizeof word, "gemm %s", provider);
    return check_word(suite, entry, word, NULL);
}

/* What every step has beside its layers; it is not in the dry run. */
static clade_status check_rest(clade_suite *suite, clade__suite_entry *entry, const clade__steps *steps)
{
    const clade_optimizer *optimizer = &steps->model->exe.optimizer;
    const clade_bench_shape of_a_layer = {.m = 128, .n = 512, .k = 512, .trans_b = true};
    CLADE_TRY(check_gemm(suite, entry, &of_a_layer));
    const char *const words[] = {
        optimizer->kind != CLADE_OPTIMIZER_SGD ? clade_optimizer_name(optimizer->kind)
        : optimizer->nesterov                  ? "sgd_nesterov"
        : optimizer->momentum != 0.0f          ? "sgd_momentum"
                                               : "sgd",
        steps->data->dtype == CLADE_UINT8 ? "gather_bytes" : "gather_float",
        "gather_labels",
        "metrics_store",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        CLADE_TRY(check_word(suite, entry, words[i], NULL));
    return CLADE_OK;
}

static clade_status check_layers(clade_suite *suite, clade__suite_entry *entry, const clade__steps *steps,
                                 const clade__commands *dry)
{
    const clade__graph *graph = &steps->model->graph;
    for (int i = 0; i < graph->n_layers; i++) {
        const clade__layer *layer = graph->layers[i];
        if (layer->type && has_op(layer->type->name))
            CLADE_TRY(check_word(suite, entry, layer->type->name, dry));
    }
    for (int i = 0; i < graph->n_losses; i++)
        CLADE_TRY(check_word(suite, entry, clade_loss_name(graph->losses[i].kind), dry));
    return check_word(suite, entry, "bias_gradient", dry);
}

static clade_status check_steps(clade_suite *suite, clade__suite_entry *entry)
{
    clade__steps steps;
    clade__commands *dry = NULL;
    CLADE_TRY(clade__suite_open_steps(suite, entry, &steps));
    clade_status status = clade__dry_run(&dry, &steps.model->exe, true, entry->row.batch, NULL);
    if (status == CLADE_OK) status = check_layers(suite, entry, &steps, dry);
    if (status == CLADE_OK) status = check_rest(suite, entry, &steps);
    double flops = clade__step_flops(steps.model, 1);
    clade__commands_free(dry);
    clade__steps_close(&steps);
    CLADE_TRY(status);
    return entry->wrong ? CLADE_OK : clade__suite_check_losses(suite, entry, flops);
}

clade_status clade__suite_check_entry(clade_suite *suite, clade__suite_entry *entry)
{
    clade_bench_shape shape;
    switch (entry->kind) {
    case CLADE__SUITE_OP: return check_word(suite, entry, clade_bench_op_name(entry->index), NULL);
    case CLADE__SUITE_TRAIN: return check_steps(suite, entry);
    case CLADE__SUITE_GEMM:
        return clade__suite_gemm(entry->index, &shape) ? check_gemm(suite, entry, &shape) : CLADE_OK;
    default: return CLADE_OK;
    }
}
