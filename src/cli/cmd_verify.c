/* clade verify [OPERATION ...]: every operation on this device against double-precision formulas. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/verify_workers.h"

/* The cases of one operation: they follow each other. */
typedef struct group {
    const clade_verify_case *first, *worst;
    int n_cases, n_wrong;
} group;

/* From case number i on. The worst is the first that is wrong, else the one nearest to its bound. */
static group group_at(const clade_verify_result *result, int i)
{
    group g = {.first = &result->cases[i], .worst = &result->cases[i]};
    for (; i < result->n_cases && strcmp(result->cases[i].op, g.first->op) == 0; i++) {
        const clade_verify_case *c = &result->cases[i];
        g.n_cases++;
        if (c->verdict == CLADE_WRONG && g.n_wrong++ == 0) g.worst = c;
        if (g.n_wrong == 0 && c->share > g.worst->share) g.worst = c;
    }
    return g;
}

/* ---- output ---------------------------------------------------------------------------------- */

static void add_case(clade__json *json, const clade_verify_case *c)
{
    clade__json_object(json, NULL);
    clade__json_string(json, "op", c->op);
    clade__json_string(json, "shape", c->shape);
    clade__json_string(json, "kernels", c->kernels);
    clade__json_number(json, "error", c->error);
    clade__json_number(json, "allowed", c->allowed);
    clade__json_string(json, "verdict", clade_verdict_name(c->verdict));
    clade__json_string(json, "problem", c->problem);
    clade__json_object_end(json);
}

static clade_status print_json(const clade_verify_result *result, const clade_device_info *info)
{
    clade__json json = {0};
    clade__json_object(&json, NULL);
    clade__json_object(&json, "device");
    cli_json_device(&json, info);
    clade__json_object_end(&json);
    clade__json_bool(&json, "passed", result->passed);
    clade__json_number(&json, "wrong", result->n_wrong);
    clade__json_list(&json, "cases");
    for (int i = 0; i < result->n_cases; i++) add_case(&json, &result->cases[i]);
    clade__json_list_end(&json);
    clade__json_object_end(&json);
    return cli_print_json(&json);
}

static void add_row(cli_table *table, const clade_verify_case *c, int n_cases)
{
    cli_table_add(table, "%s", c->op);
    if (c->verdict == CLADE_REFUSED) {
        for (int i = 0; i < 4; i++) cli_table_add(table, "%s", "");
        cli_table_add(table, "refused: %s", c->problem);
        return;
    }
    cli_table_add(table, "%d", n_cases);
    cli_table_add(table, "%.2g", c->error);
    cli_table_add(table, "%.2g", c->allowed);
    cli_table_add(table, "%s", c->shape);
    cli_table_add(table, "%s", clade_verdict_name(c->verdict));
}

static clade_status print_table(const clade_verify_result *result, bool every_case)
{
    cli_table table = {.n_columns = 6, .right = 1u << 1 | 1u << 2 | 1u << 3, .drop = "32"};
    static const char *const titles[] = {"OPERATION", "CASES", "LARGEST ERROR", "ALLOWED", "AT",
                                         "VERDICT"};
    for (int i = 0; i < 6; i++) cli_table_add(&table, "%s", titles[i]);
    for (int i = 0; i < result->n_cases;) {
        group g = group_at(result, i);
        for (int k = 0; every_case && k < g.n_cases; k++) add_row(&table, &g.first[k], 1);
        if (!every_case) add_row(&table, g.worst, g.n_cases);
        i += g.n_cases;
    }
    clade_status status = cli_table_print(&table);
    cli_table_free(&table);
    return status;
}

/* One paragraph for each operation that is wrong; in all, how much was tried. */
static void print_findings(const clade_verify_result *result, double seconds)
{
    int n_ops = 0, n_tried = 0;
    for (int i = 0; i < result->n_cases; n_ops++) {
        group g = group_at(result, i);
        const clade_verify_case *c = g.worst;
        i += g.n_cases;
        if (c->verdict != CLADE_REFUSED) n_tried += g.n_cases;
        if (g.n_wrong == 0) continue;
        cli_print("\n%s, %d of %d cases, first %s:\n  %s\n", c->op, g.n_wrong, g.n_cases, c->shape,
                  c->problem);
        if (c->kernels[0]) cli_print("  %s\n", c->kernels);
    }
    printf("\n%d cases of %d operations in %.1f s, %d wrong\n", n_tried, n_ops, seconds,
           result->n_wrong);
}

static clade_status verdict(const clade_verify_result *result, const clade_device_info *info)
{
    const clade_verify_case *c = result->cases;
    if (result->passed) return CLADE_OK;
    while (c->verdict != CLADE_WRONG) c++;
    return clade__fail(CLADE_EWRONG, "verify: %s is wrong on %s (driver %s), %d of %d cases: %s: %s; "
                       "try another version of the driver, or another device", c->kernels[0]
                       ? c->kernels : c->op, info->name, info->driver, result->n_wrong,
                       result->n_cases, c->shape, c->problem);
}

/* ---- the command ----------------------------------------------------------------------------- */

static clade_status run_verify(cli_call *call)
{
    clade_verify_options own = {.ops = call->arguments,
                                .small = cli_value_of(call, "small") != NULL,
                                .fresh = cli_value_of(call, "fresh") != NULL};
    clade_device_info info;
    clade_verify_result result;
    double began = clade__seconds();
    clade_status status = cli_verify_run(call, &own, &info, &result);
    if (status == CLADE_OK && call->json) {
        status = print_json(&result, &info);
    } else if (status == CLADE_OK) {
        cli_print("%s (%s, driver %s)\n\n", info.name, info.platform, info.driver);
        status = print_table(&result, cli_value_of(call, "verbose") != NULL);
        print_findings(&result, clade__seconds() - began);
    }
    if (status == CLADE_OK) status = verdict(&result, &info);
    clade_verify_free(&result);
    return status;
}

static const cli_option options[] = {
    {"small", NULL, "only small shapes, for a device or tool that is slow"},
    {"fresh", NULL, "use no buffer twice, for a tool that looks for uninitialised reads"},
    {"verbose", NULL, "a line for every case, not for every operation"},
};

const cli_command cli_command_verify = {
    .name = "verify",
    .synopsis = "[OPERATION ...] [options]",
    .summary = "check every kernel on a device against double precision",
    .about = "Runs every operation, forward and backward, and every gemm provider on the\n"
             "device and compares with formulas in double precision on the host: shapes of 1,\n"
             "of primes, of one more and less than a work-group, large ones, parts of larger\n"
             "matrices; ordinary values, values whose sums are exact, NaN and infinities, and\n"
             "denormal numbers. Every case runs twice, for the same bits. Exits with 1 when\n"
             "anything is wrong, and names the kernel, its build options and the driver.\n"
             "\n"
             "The table has the element of each operation whose error is largest for what is\n"
             "allowed there: what rounding can add up to, and the precision that OpenCL C\n"
             "promises of its functions; 0 where the result must be exact.\n"
             "\n"
             "At first use most of the time is the driver's compiler: with PoCL on two cores 44\n"
             "seconds in all, later 8. On a CPU as many processes share\n"
             "the work as there are cores, up to eight; with --small or --fresh one does it.\n"
             "\n"
             "OPERATION is a name of the table, or its beginning: softmax, gemm, sum.\n"
             "\n"
             "Examples:\n"
             "  clade verify\n"
             "  clade verify --device gpu --json\n"
             "  clade verify softmax gemm --verbose\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .max_arguments = 64,
    .run = run_verify,
};
