/* A document of `clade eval --json`, read to be drawn. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/plot_eval.h"

bool cli_is_file(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
}

static const char *text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static clade_status damaged(const char *what)
{
    return clade__fail(CLADE_EDATA, "not a document of `clade eval --json`: %s", what);
}

static clade_status open_matrix(cli_matrix *m, int n_rows, int n_cols)
{
    size_t n = (size_t)n_rows * (size_t)n_cols;
    *m = (cli_matrix){.n_rows = n_rows, .n_cols = n_cols};
    m->counts = calloc(n, sizeof *m->counts);
    m->shares = calloc(n, sizeof *m->shares);
    m->row_names = calloc((size_t)n_rows, sizeof *m->row_names);
    m->col_names = calloc((size_t)n_cols, sizeof *m->col_names);
    if (m->counts && m->shares && m->row_names && m->col_names) return CLADE_OK;
    return clade__fail(CLADE_ENOMEM, "no memory for the picture");
}

static clade_status read_confusion(cli_evaluation *e)
{
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(e->document, "confusion");
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(e->document, "classes"), *row, *cell;
    cli_matrix *m = &e->matrix;
    int n = cJSON_GetArraySize(rows), i = 0;
    if (n < 1) return damaged("it has no \"confusion\"");
    if (cJSON_GetArraySize(classes) != n) return damaged("\"classes\" are not as many as rows");
    CLADE_TRY(open_matrix(m, n, n));
    cJSON_ArrayForEach(row, classes) m->row_names[i++] = text_of(row, "name");
    memcpy(m->col_names, m->row_names, (size_t)n * sizeof *m->row_names);
    i = 0;
    cJSON_ArrayForEach(row, rows)
    {
        double sum = 0.0, *counts = m->counts + (size_t)i * (size_t)n;
        int k = 0;
        if (cJSON_GetArraySize(row) != n) return damaged("\"confusion\" is not square");
        cJSON_ArrayForEach(cell, row)
        {
            if (!cJSON_IsNumber(cell) || !(cell->valuedouble >= 0 && cell->valuedouble <= 1e15))
                return damaged("\"confusion\" has what is no count");
            sum += counts[k++] = cell->valuedouble;
        }
        for (k = 0; k < n && sum > 0; k++)
            m->shares[(size_t)i * (size_t)n + (size_t)k] = counts[k] / sum;
        i++;
    }
    return CLADE_OK;
}

/* Of each label: those off that are called off and on, and those on that are called off and on. */
static clade_status read_labels(cli_evaluation *e)
{
    static const char *const names[] = {"0, called 0", "0, called 1", "1, called 0", "1, called 1"};
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(e->document, "labels"), *label;
    cli_matrix *m = &e->matrix;
    int n = cJSON_GetArraySize(labels), i = 0;
    if (n < 1) return damaged("it has no \"labels\"");
    CLADE_TRY(open_matrix(m, n, 4));
    memcpy(m->col_names, names, sizeof names);
    cJSON_ArrayForEach(label, labels)
    {
        double support = number_of(label, "support"), right = number_of(label, "right");
        double extra = number_of(label, "predicted") - right, *counts = m->counts + 4 * (size_t)i;
        double off = e->n_samples - support;
        if (!(right >= 0 && extra >= 0 && support >= right && off >= extra))
            return damaged("a label's counts do not fit together");
        counts[0] = off - extra;
        counts[1] = extra;
        counts[2] = support - right;
        counts[3] = right;
        for (int k = 0; k < 4; k++) {
            double all = k < 2 ? off : support;
            m->shares[4 * (size_t)i + (size_t)k] = all > 0 ? counts[k] / all : 0.0;
        }
        m->row_names[i++] = text_of(label, "name");
    }
    return CLADE_OK;
}

/* Points that are not finite have no place in the picture. */
static clade_status read_panel(cli_panel *panel, const cJSON *target)
{
    const cJSON *points = cJSON_GetObjectItemCaseSensitive(target, "points"), *point;
    int n = cJSON_GetArraySize(points);
    panel->name = text_of(target, "name");
    panel->rmse = number_of(target, "rmse");
    panel->r2 = number_of(target, "r2");
    panel->points = calloc((size_t)n + 1, 2 * sizeof *panel->points);
    if (!panel->points) return clade__fail(CLADE_ENOMEM, "no memory for the picture");
    cJSON_ArrayForEach(point, points)
    {
        const cJSON *truth = cJSON_GetArrayItem(point, 0), *predicted = cJSON_GetArrayItem(point, 1);
        if (!cJSON_IsNumber(truth) || !cJSON_IsNumber(predicted)) continue;
        if (!(fabs(truth->valuedouble) <= 1e300 && fabs(predicted->valuedouble) <= 1e300)) continue;
        panel->points[2 * panel->n_points] = truth->valuedouble;
        panel->points[2 * panel->n_points++ + 1] = predicted->valuedouble;
    }
    return panel->n_points > 0 ? CLADE_OK : damaged("a target has no points that could be drawn");
}

static clade_status read_numbers(cli_evaluation *e)
{
    const cJSON *targets = cJSON_GetObjectItemCaseSensitive(e->document, "targets"), *target;
    cJSON_ArrayForEach(target, targets)
    {
        if (e->n_panels == CLI_MOST_PANELS) break;
        CLADE_TRY(read_panel(&e->panels[e->n_panels++], target));
    }
    return e->n_panels > 0 ? CLADE_OK : damaged("it has no \"targets\"");
}

static clade_status read_document(cli_evaluation *e)
{
    if (number_of(e->document, "schema") != 1.0)
        return damaged("its \"schema\" is not 1, which this version draws");
    const char *kind = text_of(e->document, "kind");
    e->n_samples = number_of(e->document, "samples");
    e->accuracy = number_of(e->document, "accuracy");
    if (!kind || !(e->n_samples >= 1)) return damaged("it has no \"kind\" or no \"samples\"");
    e->labels = strcmp(kind, "labels") == 0;
    if (e->labels) return read_labels(e);
    if (strcmp(kind, "classes") == 0) return read_confusion(e);
    if (strcmp(kind, "numbers") == 0) return read_numbers(e);
    return damaged("its \"kind\" is unknown");
}

clade_status cli_evaluation_read(cli_evaluation *e, const char *path)
{
    unsigned char *text = NULL;
    size_t n_bytes;
    CLADE_TRY(clade__file_read(path, &text, &n_bytes));
    e->document = clade__json_parse((char *)text, n_bytes, true);
    free(text);
    if (!cJSON_IsObject(e->document))
        return clade__fail(CLADE_EDATA, "'%s' is a file; give the folder of a run, or a document of "
                           "`clade eval --json`", path);
    clade_status status = read_document(e);
    return status == CLADE_OK ? status : clade__fail_in(status, "%s", path);
}

void cli_evaluation_free(cli_evaluation *e)
{
    for (int i = 0; i < e->n_panels; i++) free(e->panels[i].points);
    free(e->matrix.counts);
    free(e->matrix.shares);
    free(e->matrix.row_names);
    free(e->matrix.col_names);
    cJSON_Delete(e->document);
    *e = (cli_evaluation){0};
}
