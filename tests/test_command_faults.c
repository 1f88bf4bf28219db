/* Every call of the system and of cJSON, libyaml and popt in the command's own sources, measurements
 * aside, made to fail: one at a time, where it stands. Each time the command ends with a documented
 * status and says why, or no harm is done; what it prints as JSON is whole, and models can be loaded.
 *
 * A scenario is run as it is; then, for each site that it came by and that has not failed yet, with
 * the site's first call failing. CLADE_TEST_VERBOSE=1 prints what came of each run. */
#define _POSIX_C_SOURCE 200809L
#include "command.h"

#include <dirent.h>
#include <unistd.h>

#include "base/file.h"

enum { MAX_SITES = 400, MAX_WORDS = 16 };

typedef struct site {
    int number, n_calls;
    char place[64], call[48];
    bool failed;
} site;

static site sites[MAX_SITES];
static int n_sites, n_runs, n_failed, n_wrong;
static char folder[64]; /* what the command runs on is below it; words that begin with ./ are, too */

typedef struct scenario {
    const char *name;
    const char *words[MAX_WORDS]; /* end in NULL */
    bool pictures; /* needs gnuplot */
    int status;    /* without a fault; where it is not 0, nothing is done with one either */
} scenario;

#define SMALL "csv:./rows.csv"

/* In ./trained is a whole run, in ./run a copy of it. */
static const scenario scenarios[] = {
    {"train", {"train", "./net.yaml", "--run", "./new", "--json"}, false, 0},
    {"again", {"train", "./net.yaml", "--run", "./run", "--epochs", "1", "--overwrite"}, false, 0},
    {"text", {"train", "--model", "mlp:4", "--dropout", "0.1", "--data", SMALL, "--run", "./new",
              "--epochs", "1", "--profile", "./new/trace.json"}, false, 0},
    {"unnamed", {"train", "--model", "linear", "--data", SMALL, "--epochs", "1", "--batch", "auto", "--share", "1"},
     false, 0},
    {"resume", {"train", "--resume", "--run", "./run", "--epochs", "3"}, false, 0},
    {"drawn", {"train", "./net.yaml", "--run", "./new", "--plot"}, true, 0},
    {"weights", {"train", "--model", "linear", "--data", SMALL, "--run", "./new", "--max-steps", "1",
                 "--class-weights", "odd=2"}, false, 0},
    {"plot", {"plot", "./run", "./trained/../run", "--output", "./c.svg", "--json"}, true, 0},
    {"eval", {"eval", "./run/model.safetensors", "--data", SMALL, "--json"}, false, 0},
    {"tables", {"eval", "./run/model.safetensors", "--data", SMALL}, false, 0},
    {"confusion", {"plot", "./trained/e.json", "--output", "./c.svg", "--json"}, true, 0},
    {"numbers", {"plot", "./numbers.txt", "--output", "./c.svg"}, true, 0},
    {"predict", {"predict", "./run/model.safetensors", "--data", SMALL, "--json"}, false, 0},
    {"refused", {"train", "./net.yaml", "--run", "./run"}, false, 2},
    {"blocks", {"train", "--model", "resnet20", "--data", "random?features=4"}, false, 2},
    {"empty", {"train", "./empty.yaml", "--run", "./new"}, false, 2},
    {"two", {"bench", "gemm", "--shape", "1,2,3", "--shape", "4,5,6", "--help"}, false, 0},
    {"info", {"info", "./run/model.safetensors"}, false, 0},
    {"devices json", {"devices", "--json"}, false, 0},
    {"gradcheck", {"gradcheck", "./net.yaml", "--json"}, false, 0},
    {"verify", {"verify", "add", "sum", "--small"}, false, 0},
    {"compare", {"bench", "compare", "./suite.txt", "./suite.txt", "--html", "./c.html"}, false, 0},
    {"compare json", {"bench", "compare", "./suite.txt", "./suite.txt", "--json"}, false, 0},
    {"verify shared", {"verify", "add"}, false, 0},
};

static const char net[] = "name: net\n"
                          "model:\n"
                          "  input: [3]\n"
                          "  layers:\n"
                          "    - {type: linear, units: 4, bias: true}\n"
                          "    - {type: leaky_relu, slope: 0.1}\n"
                          "    - {type: linear, units: 2}\n"
                          "data:\n"
                          "  train: " SMALL "\n"
                          "train: {epochs: 2, batch: 4}\n";

static const char empty[] = "model: {input: [3], layers: [{type: linear, units: }]}\n"
                            "data: {train: " SMALL "}\n";

static const char numbers[] = "{\"schema\":1,\"kind\":\"numbers\",\"samples\":2,"
                              "\"targets\":[{\"points\":[[1,2],[2,1]]}]}";

/* Of the suite: a device with one row. */
#define NUMBER(name) "\"" name "\":1"
#define TEXT(name)   "\"" name "\":\"s\""
static const char suite[] =
    "{\"schema\":\"clade-bench\",\"version\":1,\"suite\":1,\"devices\":[{\"identity\":{" TEXT("date") ","
    TEXT("system") "," TEXT("processor") "," TEXT("governor") "," TEXT("clade") "," TEXT("clblast") ","
    NUMBER("processors") "," NUMBER("allowed_processors") "," NUMBER("host_mhz") "," NUMBER("host_memory_bytes")
    ",\"device\":{" TEXT("name") "," TEXT("platform") "," TEXT("driver") "," TEXT("version") ","
    NUMBER("compute_units") "," NUMBER("clock_mhz") "," NUMBER("global_memory_bytes") "}},\"protocol\":{"
    NUMBER("seconds") "," NUMBER("rounds") "," NUMBER("wall_seconds") ",\"quick\":false},\"limits\":{"
    NUMBER("flops_per_second") "," NUMBER("bytes_per_second") "},\"rows\":[{\"kind\":\"op\",\"unit\":\"s\","
    "\"verdict\":\"ok\"," TEXT("name") "," TEXT("why") ",\"less_is_better\":true," NUMBER("value") ","
    NUMBER("spread") "," NUMBER("noise") "," NUMBER("drift") "," NUMBER("share") "," NUMBER("flops") ","
    NUMBER("bytes") "," NUMBER("batch") "}]}]}";

static void shell(const char *line)
{
    if (system(line) != 0) print_error("failed: %s\n", line);
}

/* The command in its folder; words end in NULL. */
static command_result run(const scenario *s)
{
    shell(test_text("cd %s && rm -rf new run runs *.json && cp -r trained run", folder));
    return command_run(s->words);
}

static void wrong(const site *at, const char *what, const char *more)
{
    n_wrong++;
    print_error("%s: %s fails: %s: %s\n", at->place, at->call, what, more);
}

static bool wants_json(const scenario *s)
{
    for (const char *const *word = s->words; *word; word++)
        if (strcmp(*word, "--json") == 0) return true;
    return false;
}

static void check_json(const site *at, const char *text)
{
    cJSON *document = cJSON_ParseWithOpts(text, NULL, true);
    if (!document) wrong(at, "no whole JSON", text);
    cJSON_Delete(document);
}

static void check_models(const site *at, const char *name)
{
    DIR *dir = opendir(test_text("%s/%s", folder, name));
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        clade_model *model = NULL;
        const char *path = test_text("%s/%s/%s", folder, name, entry->d_name);
        if (strstr(path, ".tmp")) wrong(at, "left unfinished", path);
        else if (strstr(path, ".safetensors") && clade_load(&model, NULL, path) != CLADE_OK)
            wrong(at, "damaged", clade_error());
        clade_model_free(model);
    }
    if (dir) closedir(dir);
}

/* A status of `clade --help`, and a message with every failure. */
static void check(const site *at, const scenario *s, const command_result *result)
{
    bool says_why = strncmp(result->err, "clade: ", 7) == 0 || strstr(result->err, "\nclade: ");
    if (result->status > 4) wrong(at, test_text("status %d", result->status), result->err);
    if (result->status != 0 && !says_why) wrong(at, "no message", result->err);
    if (result->status == 0 && wants_json(s)) check_json(at, result->out);
    if (result->status == 0 && s->status != 0) wrong(at, "no failure", result->err);
    check_models(at, "run");
    check_models(at, "new");
}

static void fail_site(const scenario *s, site *at)
{
    setenv("CLADE_FAULT_SITE", test_text("%d", at->number), 1);
    command_result result = run(s);
    unsetenv("CLADE_FAULT_SITE");
    if (getenv("CLADE_TEST_VERBOSE"))
        print_message("%s: %s: status %d: %s\n", at->place, at->call, result.status, result.err);
    check(at, s, &result);
    at->failed = true;
    n_runs++;
    n_failed += result.status != 0;
    command_free(&result);
}

/* The sites with how often each was called. */
static void read_list(const char *path)
{
    unsigned char *text;
    size_t n_bytes;
    assert_ok(clade__file_read(path, &text, &n_bytes));
    int n = 0;
    for (char *line = strtok((char *)text, "\n"); line; line = strtok(NULL, "\n")) {
        assert_in_range(n, 0, MAX_SITES - 1);
        site *at = &sites[n++];
        assert_int_equal(sscanf(line, "%d %d %63s %47s", &at->number, &at->n_calls, at->place,
                                at->call), 4);
    }
    free(text);
    assert_true(n > 0 && (n_sites == 0 || n_sites == n));
    n_sites = n;
}

static bool has_gnuplot(void)
{
    return system("command -v gnuplot >/dev/null 2>&1") == 0;
}

static void no_fault_of_the_command_does_harm(void **state)
{
    (void)state;
    char list[sizeof folder + 16];
    snprintf(list, sizeof list, "%s/sites", folder);
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        const scenario *s = &scenarios[i];
        if (s->pictures && !has_gnuplot()) continue;
        setenv("CLADE_FAULT_LIST", list, 1);
        command_result usual = command_expect(run(s), s->status);
        command_free(&usual);
        unsetenv("CLADE_FAULT_LIST");
        read_list(list);
        int n_before = n_runs;
        for (int k = 0; k < n_sites; k++)
            if (sites[k].n_calls > 0 && !sites[k].failed) fail_site(s, &sites[k]);
        print_message("%-14s %3d call sites\n", s->name, n_runs - n_before);
    }
    print_message("%d runs: %d failed with a message, %d did not fail; %d are wrong\n", n_runs,
                  n_failed, n_runs - n_failed, n_wrong);
    assert_int_equal(n_wrong, 0);
}

/* Measurements; and what only a terminal or a crash comes by. */
static bool is_apart(const site *at)
{
    return strstr(at->place, "bench") || strstr(at->place, "batching") ||
           strstr(at->place, "suite_run.c") || strstr(at->place, "suite_start.c") ||
           (strstr(at->place, "progress.c") && strcmp(at->call, "fflush") == 0) ||
           (strstr(at->place, "verify_workers.c") && strcmp(at->call, "write") == 0);
}

static void every_site_of_the_command_failed(void **state)
{
    (void)state;
    int n_left = 0;
    for (int k = 0; k < n_sites; k++) {
        if (sites[k].failed || is_apart(&sites[k])) continue;
        n_left++;
        print_message("%s: %s never failed\n", sites[k].place, sites[k].call);
    }
    assert_true(n_left == 0 || !has_gnuplot());
}

static int set_up(void **state)
{
    test_find_device(state);
    snprintf(folder, sizeof folder, "%s", test_folder());
    if (chdir(folder) != 0) return -1;
    setenv("CLADE_TEST_BUILD", CLADE_FAULTY_COMMAND, 1);
    test_write_file("net.yaml", net, sizeof net - 1);
    test_write_file("empty.yaml", empty, sizeof empty - 1);
    test_write_file("numbers.txt", numbers, sizeof numbers - 1);
    test_write_file("suite.txt", suite, sizeof suite - 1);
    FILE *rows = fopen("rows.csv", "w");
    for (int i = 0; rows && i < 24; i++)
        fprintf(rows, "%d,%d,%d,%s\n", i % 7, i * i % 5, -i, i % 2 ? "odd" : "even");
    if (!rows || fclose(rows) != 0) return -1;
    command_result trained =
        command_expect(COMMAND("train", "./net.yaml", "--run", "./trained", "--quiet"), 0);
    command_free(&trained);
    trained = command_expect(
        COMMAND("eval", "./trained/model.safetensors", "--data", SMALL, "--json"), 0);
    test_write_file("./trained/e.json", trained.out, strlen(trained.out));
    command_free(&trained);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_fault_of_the_command_does_harm),
        cmocka_unit_test(every_site_of_the_command_failed),
    };
    return cmocka_run_group_tests_name("command faults", tests, set_up, NULL);
}
