/* The command line of `clade bench`. */
#include "cli/bench_plan.h"

#include <stdlib.h>
#include <string.h>

#include "cli/plot.h"

enum { MAX_SHAPES = 256, MAX_SHAPE_TEXT = 80 };
#define USUAL_LOSS     0.25
#define USUAL_ACCURACY 0.95
#define USUAL_SEEDS    5
#define MOST_SEEDS     100

/* ---- which part ------------------------------------------------------------------------------ */

static const char *const parts[] = {
    [CLI_BENCH_SUITE] = "",          [CLI_BENCH_DEVICE] = "device",     [CLI_BENCH_GEMM] = "gemm",
    [CLI_BENCH_OPS] = "ops",         [CLI_BENCH_TRAIN] = "train",       [CLI_BENCH_BATCHING] = "batching",
    [CLI_BENCH_PARALLEL] = "parallel", [CLI_BENCH_START] = "start",     [CLI_BENCH_ACCURACY] = "accuracy",
    [CLI_BENCH_COMPARE] = "compare",
};

enum { N_PARTS = sizeof parts / sizeof parts[0] };

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/* The words that are no options: a part, then files: of compare all; else, behind --json, one to write. */
static clade_status choose_part(const cli_call *call, cli_bench_plan *plan)
{
    int n = call->n_arguments, first = 0;
    char hint[256];
    const char *last = n > 0 ? call->arguments[n - 1] : NULL;
    const char *word = n > 0 ? call->arguments[0] : "";
    for (int i = 1; i < N_PARTS && first == 0; i++)
        if (strcmp(word, parts[i]) == 0) {
            plan->part = (cli_bench_part)i;
            first = 1;
        }
    plan->files = call->arguments + first;
    plan->n_files = n - first;
    if (plan->part == CLI_BENCH_COMPARE) return CLADE_OK;
    if (plan->part == CLI_BENCH_SUITE && call->json && plan->n_files == 1 && ends_in(last, ".json"))
        plan->json_file = plan->files[--plan->n_files];
    if (plan->part == CLI_BENCH_TRAIN && plan->n_files > 0) {
        plan->config = plan->files[0];
        plan->files++;
        plan->n_files--;
    }
    if (plan->n_files == 0) return CLADE_OK;
    if (first == 0)
        return clade__fail(CLADE_EINVAL, "bench: unknown measurement '%s'%s", word,
                           clade__suggest(hint, sizeof hint, word, parts + 1, N_PARTS - 1));
    return clade__fail(CLADE_EINVAL, "bench: unexpected argument '%s'; see 'clade bench --help'",
                       plan->files[0]);
}

/* An option that would be of no use is a mistake. */
static clade_status check_use(const cli_call *call, const cli_bench_plan *plan)
{
    enum {
        SUITE = 1 << CLI_BENCH_SUITE,
        GEMM = 1 << CLI_BENCH_GEMM,
        STEPS = 1 << CLI_BENCH_TRAIN | 1 << CLI_BENCH_BATCHING | 1 << CLI_BENCH_PARALLEL,
        PICTURES = 1 << CLI_BENCH_BATCHING | 1 << CLI_BENCH_PARALLEL,
        START = 1 << CLI_BENCH_START,
        ACCURACY = 1 << CLI_BENCH_ACCURACY,
        COMPARE = 1 << CLI_BENCH_COMPARE
    };
    static const struct {
        const char *option;
        unsigned used;
        const char *where;
    } rows[] = {{"shape", GEMM, "gemm"},
                {"provider", GEMM | STEPS | ACCURACY, "gemm, train, batching, parallel and accuracy"},
                {"workload", SUITE | STEPS | START, "train, batching, parallel, start, and the suite"},
                {"batch", STEPS, "train, batching and parallel"},
                {"to-loss", 1 << CLI_BENCH_PARALLEL, "parallel"},
                {"output", PICTURES, "batching and parallel"},
                {"seconds", ~(unsigned)(START | ACCURACY | COMPARE), "what is measured"},
                {"accuracy", ACCURACY, "accuracy"},
                {"seeds", ACCURACY, "accuracy"},
                {"html", SUITE | COMPARE, "the suite and compare"},
                {"rounds", SUITE, "the suite"},
                {"quick", SUITE, "the suite"},
                {"fail-below", COMPARE, "compare"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (cli_value_of(call, rows[i].option) && !(rows[i].used & 1u << plan->part))
            return clade__fail(CLADE_EINVAL, "bench: --%s is for %s", rows[i].option, rows[i].where);
    if (plan->config && cli_value_of(call, "workload"))
        return clade__fail(CLADE_EINVAL, "bench train: --workload and '%s' do not go together", plan->config);
    return CLADE_OK;
}

/* ---- options --------------------------------------------------------------------------------- */

static bool parse_trans(const char *text, clade_bench_shape *shape)
{
    if (strlen(text) != 2 || strspn(text, "nt") != 2) return false;
    shape->trans_a = text[0] == 't';
    shape->trans_b = text[1] == 't';
    return true;
}

/* "100,900,1000" or "100,900,1000,nt" */
static clade_status parse_shape(const char *text, clade_bench_shape *shape)
{
    char copy[MAX_SHAPE_TEXT], *fields[5];
    int n = 0;
    *shape = (clade_bench_shape){0};
    snprintf(copy, sizeof copy, "%s", text);
    for (char *at = copy; at && n < 5; n++) {
        fields[n] = at;
        at = strchr(at, ',');
        if (at) *at++ = '\0';
    }
    int64_t *sizes[] = {&shape->m, &shape->n, &shape->k};
    bool good = (n == 3 || n == 4) && strlen(text) < sizeof copy;
    for (int i = 0; good && i < 3; i++) good = cli_parse_count(fields[i], sizes[i]);
    if (good && n == 4) good = parse_trans(fields[3], shape);
    if (!good)
        return clade__fail(CLADE_EINVAL,
                           "--shape is '%s', want M,N,K or M,N,K,nt (nn, nt, tn or tt)", text);
    for (int i = 0; i < 3; i++)
        if (*sizes[i] < 1 || *sizes[i] > INT32_MAX)
            return clade__fail(CLADE_EINVAL, "--shape is '%s', want sizes from 1 to %d", text,
                               INT32_MAX);
    return CLADE_OK;
}

/* The values given, joined by blanks; or the list. */
static clade_status choose_shapes(const char *text, cli_bench_plan *plan)
{
    plan->shapes = calloc(MAX_SHAPES, sizeof *plan->shapes);
    if (!plan->shapes) return clade__fail(CLADE_ENOMEM, "no memory for the shapes");
    if (!text) {
        while (plan->n_shapes < MAX_SHAPES &&
               clade_bench_gemm_shape(plan->n_shapes, &plan->shapes[plan->n_shapes]))
            plan->n_shapes++;
        return CLADE_OK;
    }
    for (;;) {
        char one[MAX_SHAPE_TEXT + 1];
        size_t length = strcspn(text, " ");
        if (plan->n_shapes == MAX_SHAPES)
            return clade__fail(CLADE_EINVAL, "--shape: more than %d shapes", MAX_SHAPES);
        snprintf(one, sizeof one, "%.*s", (int)length, text);
        CLADE_TRY(parse_shape(one, &plan->shapes[plan->n_shapes]));
        plan->n_shapes++;
        if (!text[length]) return CLADE_OK;
        text += length + 1;
    }
}

/* The library would refuse it too, but after a device is open and its limits are measured. */
static clade_status check_workload(const char *name)
{
    const char *names[16];
    char hint[256];
    const clade_bench_workload *workload;
    size_t n = 0;
    for (; n < 16 && (workload = clade_bench_workload_at((int)n)); n++) {
        names[n] = workload->name;
        if (strcmp(name, workload->name) == 0) return CLADE_OK;
    }
    return clade__fail(CLADE_EINVAL, "bench: unknown workload '%s'%s", name,
                       clade__suggest(hint, sizeof hint, name, names, n));
}

/* Of the suite and of compare. */
static clade_status read_page_options(const cli_call *call, cli_bench_plan *plan)
{
    const char *rounds = cli_value_of(call, "rounds"), *below = cli_value_of(call, "fail-below");
    plan->html = cli_value_of(call, "html");
    plan->quick = cli_value_of(call, "quick") != NULL;
    if (rounds && (!cli_parse_count(rounds, &plan->rounds) || plan->rounds < 1 ||
                   plan->rounds > CLADE_SUITE_MAX_ROUNDS))
        return clade__fail(CLADE_EINVAL, "--rounds is %s, want a whole number from 1 to %d", rounds,
                           CLADE_SUITE_MAX_ROUNDS);
    if (below && (!cli_parse_real(below, &plan->fail_below) ||
                  !(plan->fail_below > 0.0 && plan->fail_below <= 1.0)))
        return clade__fail(CLADE_EINVAL, "--fail-below is %s, want a number above 0, at most 1", below);
    if (plan->part == CLI_BENCH_COMPARE && plan->n_files < 2)
        return clade__fail(CLADE_EINVAL, "bench compare: want two files or more, as `clade bench --json "
                           "FILE.json` writes them");
    if (plan->part == CLI_BENCH_COMPARE && plan->n_files > CLI_BENCH_MAX_FILES)
        return clade__fail(CLADE_EINVAL, "bench compare: %d files, want at most %d", plan->n_files,
                           CLI_BENCH_MAX_FILES);
    return CLADE_OK;
}

static clade_status read_accuracy(const cli_call *call, cli_bench_plan *plan)
{
    const char *accuracy = cli_value_of(call, "accuracy"), *seeds = cli_value_of(call, "seeds");
    plan->accuracy = USUAL_ACCURACY;
    plan->seeds = USUAL_SEEDS;
    if (accuracy && (!cli_parse_real(accuracy, &plan->accuracy) ||
                     !(plan->accuracy > 0.0 && plan->accuracy <= 1.0)))
        return clade__fail(CLADE_EINVAL, "--accuracy is %s, want a number above 0, at most 1", accuracy);
    if (seeds && (!cli_parse_count(seeds, &plan->seeds) || plan->seeds < 1 || plan->seeds > MOST_SEEDS))
        return clade__fail(CLADE_EINVAL, "--seeds is %s, want a whole number from 1 to %d", seeds, MOST_SEEDS);
    return CLADE_OK;
}

clade_status cli_bench_plan_read(const cli_call *call, cli_bench_plan *plan)
{
    CLADE_TRY(choose_part(call, plan));
    CLADE_TRY(check_use(call, plan));
    CLADE_TRY(read_page_options(call, plan));
    CLADE_TRY(read_accuracy(call, plan));
    const char *seconds = cli_value_of(call, "seconds"), *batch = cli_value_of(call, "batch");
    const char *to_loss = cli_value_of(call, "to-loss");
    plan->quiet = call->quiet;
    plan->workload = cli_value_of(call, "workload");
    plan->options.provider = cli_value_of(call, "provider");
    if (seconds && (!cli_parse_real(seconds, &plan->options.seconds) ||
                    !(plan->options.seconds > 0.0 && plan->options.seconds <= 60.0)))
        return clade__fail(CLADE_EINVAL, "--seconds is %s, want a number above 0, at most 60",
                           seconds);
    if (batch && (!cli_parse_count(batch, &plan->batch) || plan->batch < 1))
        return clade__fail(CLADE_EINVAL, "--batch is %s, want a whole number, at least 1", batch);
    if (plan->workload) CLADE_TRY(check_workload(plan->workload));
    plan->to_loss = USUAL_LOSS;
    if (to_loss && (!cli_parse_real(to_loss, &plan->to_loss) || !(plan->to_loss >= 0.0 && plan->to_loss <= 100.0)))
        return clade__fail(CLADE_EINVAL, "--to-loss is %s, want a number up to 100, or 0 for none", to_loss);
    plan->output = cli_value_of(call, "output");
    bool png;
    if (plan->output) CLADE_TRY(cli_plot_format(plan->output, &png));
    if (plan->part != CLI_BENCH_GEMM && plan->options.provider && strcmp(plan->options.provider, "openblas") == 0)
        return clade__fail(CLADE_EINVAL, "bench: openblas runs beside the device, not on it: it is "
                           "for gemm alone");
    return plan->part == CLI_BENCH_GEMM ? choose_shapes(cli_value_of(call, "shape"), plan) : CLADE_OK;
}

void cli_bench_plan_free(cli_bench_plan *plan)
{
    free(plan->shapes);
}
