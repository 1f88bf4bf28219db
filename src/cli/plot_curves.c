/* metrics.jsonl, one JSON object a line, as the curves of a picture. */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "base/file.h"
#include "cli/plot.h"

#define MAX_EPOCH 1e9   /* of the setting train.epochs */
#define MAX_VALUE 1e300 /* what is larger has no place on an axis: the curve has a gap there */

static const char *const keys[CLI_N_CURVES] = {"train_loss", "valid_loss", "train_accuracy",
                                               "valid_accuracy"};

/* A number that may be absent, or null where it was NaN or infinite. */
static bool read_value(const cJSON *event, int curve, double *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(event, keys[curve]);
    *value = NAN;
    if (!item || cJSON_IsNull(item)) return true;
    if (!cJSON_IsNumber(item)) return false;
    if (fabs(item->valuedouble) <= MAX_VALUE)
        *value = item->valuedouble * (curve >= CLI_TRAIN_ACCURACY ? 100 : 1);
    return true;
}

static clade_status add_epoch(cli_curves *run, const cJSON *event)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(event, "epoch");
    if (!cJSON_IsNumber(number) || !(number->valuedouble >= 0 && number->valuedouble <= MAX_EPOCH))
        return clade__fail(CLADE_EDATA, "\"epoch\" is not the number of an epoch");
    if (run->n_epochs == run->capacity) {
        size_t capacity = run->capacity ? 2 * run->capacity : 64;
        cli_epoch *epochs = realloc(run->epochs, capacity * sizeof *epochs);
        if (!epochs) return clade__fail(CLADE_ENOMEM, "no memory for the curves");
        run->epochs = epochs;
        run->capacity = capacity;
    }
    cli_epoch *epoch = &run->epochs[run->n_epochs];
    epoch->epoch = number->valuedouble;
    for (int curve = 0; curve < CLI_N_CURVES; curve++)
        if (!read_value(event, curve, &epoch->values[curve]))
            return clade__fail(CLADE_EDATA, "\"%s\" is not a number", keys[curve]);
    run->n_epochs++;
    return CLADE_OK;
}

static clade_status add_event(cli_curves *run, const cJSON *event)
{
    if (!cJSON_IsObject(event)) return clade__fail(CLADE_EDATA, "not a JSON object");
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "event"));
    if (!name) return clade__fail(CLADE_EDATA, "no \"event\" in it");
    return strcmp(name, "epoch") == 0 ? add_epoch(run, event) : CLADE_OK;
}

/* A last line that neither ends nor parses is one that is being written right now. */
static clade_status read_lines(cli_curves *run, char *text, size_t n_bytes, const char *path)
{
    char *end = text + n_bytes;
    for (int line = 1; text < end; line++) {
        char *stop = memchr(text, '\n', (size_t)(end - text));
        char *next = stop ? stop + 1 : end;
        if (stop) *stop = '\0';
        size_t length = (size_t)((stop ? stop : end) - text);
        if (text[strspn(text, " \t\r")] || strlen(text) != length) {
            cJSON *event = strlen(text) == length ? clade__json_parse(text, length, true) : NULL;
            run->cut = !event && !stop;
            clade_status status = CLADE_OK;
            if (event)
                status = add_event(run, event);
            else if (stop)
                status = clade__fail(CLADE_EDATA, "not a line of JSON");
            cJSON_Delete(event);
            if (status != CLADE_OK) return clade__fail_in(status, "%s:%d", path, line);
        }
        text = next;
    }
    return CLADE_OK;
}

static clade_status read_run(cli_curves *run, const char *folder)
{
    run->folder = strdup(folder);
    if (!run->folder) return clade__fail(CLADE_ENOMEM, "no memory for the curves");
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') run->folder[--length] = '\0';

    struct stat about;
    if (stat(folder, &about) != 0)
        return clade__fail(CLADE_EDATA, "no run folder '%s': %s", folder, clade__errno_text(errno));
    if (!S_ISDIR(about.st_mode))
        return clade__fail(CLADE_EDATA, "'%s' is a file; give the folder of a run", folder);
    clade__text path = {0};
    clade__text_append(&path, "%s/metrics.jsonl", run->folder);
    if (path.failed) return clade__fail(CLADE_ENOMEM, "no memory for the curves");
    unsigned char *text = NULL;
    size_t n_bytes;
    clade_status status;
    if (stat(path.data, &about) != 0 && errno == ENOENT)
        status = clade__fail(CLADE_EDATA,
                             "'%s' is not the folder of a run: it has no metrics.jsonl", folder);
    else
        status = clade__file_read(path.data, &text, &n_bytes);
    if (status == CLADE_OK) status = read_lines(run, (char *)text, n_bytes, path.data);
    free(text);
    clade__text_free(&path);
    return status;
}

/* The last part of the folder's path: of "." too. */
static clade_status name_run(cli_curves *run)
{
    char *whole = realpath(run->folder, NULL);
    const char *slash = whole ? strrchr(whole, '/') : NULL;
    run->name = strdup(slash && slash[1] ? slash + 1 : run->folder);
    free(whole);
    return run->name ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory for the curves");
}

/* runs/a and more/a are called by their paths. */
static clade_status tell_names_apart(cli_curves *runs, int n)
{
    bool same[CLI_MAX_RUNS] = {false};
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            if (k != i && strcmp(runs[i].name, runs[k].name) == 0) same[i] = true;
    for (int i = 0; i < n; i++) {
        if (!same[i]) continue;
        free(runs[i].name);
        runs[i].name = strdup(runs[i].folder);
        if (!runs[i].name) return clade__fail(CLADE_ENOMEM, "no memory for the curves");
    }
    return CLADE_OK;
}

clade_status cli_curves_read(cli_curves *runs, const char *const *folders, int n)
{
    for (int i = 0; i < n; i++) {
        CLADE_TRY(read_run(&runs[i], folders[i]));
        CLADE_TRY(name_run(&runs[i]));
    }
    return tell_names_apart(runs, n);
}

void cli_curves_free(cli_curves *runs, int n)
{
    for (int i = 0; i < n; i++) {
        free(runs[i].folder);
        free(runs[i].name);
        free(runs[i].epochs);
        runs[i] = (cli_curves){0};
    }
}
