#include "data/split.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

/* Not a seed that a user is likely to shuffle training with: that would draw alike. */
#define SPLIT_SEED UINT64_C(0x73706c6974)
#define USUAL_TEST 0.2

/* ---- options --------------------------------------------------------------------------------- */

static clade_status read_test(clade__split_wants *wants, const clade__data_spec *spec)
{
    const char *text = clade__data_option(spec, "test");
    if (!text) return CLADE_OK;
    if (clade__number_double(text, &wants->test) != CLADE__NUMBER_FINITE || wants->test < 0.0 ||
        wants->test >= 1.0)
        return clade__fail(CLADE_EINVAL,
                           "%s: test=%s, want the share of rows to test with: at least 0, below 1",
                           spec->kind, text);
    wants->parts = wants->test > 0.0;
    return CLADE_OK;
}

/* Reads "0.8,0.1,0.1"; *all: that is all there is. */
static void read_shares(const char *text, double shares[3], int *n, bool *all)
{
    *n = 0;
    while (*text && *n < 3) {
        char number[32];
        size_t length = strcspn(text, ",");
        if (length == 0 || length >= sizeof number) break;
        snprintf(number, sizeof number, "%.*s", (int)length, text);
        if (clade__number_double(number, &shares[*n]) != CLADE__NUMBER_FINITE) break;
        ++*n;
        text += length + (text[length] == ',');
    }
    *all = !*text;
}

/* A name, or a number from 1, or from -1 at the end. */
static bool is_column(const char *text)
{
    double number;
    if (!*text || strchr(text, ',')) return false;
    return clade__number_double(text, &number) != CLADE__NUMBER_FINITE || !strchr(text, '.');
}

static clade_status read_split(clade__split_wants *wants, const clade__data_spec *spec)
{
    const char *text = clade__data_option(spec, "split");
    double shares[3] = {0}, sum = 0.0;
    int n;
    bool all;
    if (!text) return CLADE_OK;
    if (clade__data_option(spec, "test"))
        return clade__fail(CLADE_EINVAL, "%s: both test= and split=; give one", spec->kind);
    wants->parts = true;
    read_shares(text, shares, &n, &all);
    bool positive = all;
    for (int i = 0; i < n; i++) {
        sum += shares[i];
        positive = positive && shares[i] > 0.0;
    }
    if (n >= 2 && positive && fabs(sum - 1.0) < 1e-6) {
        wants->valid = n == 3 ? shares[1] : 0.0;
        wants->test = shares[n - 1];
        return CLADE_OK;
    }
    if (is_column(text) && strcmp(spec->kind, "csv") == 0) {
        wants->column = text;
        return CLADE_OK;
    }
    return clade__fail(CLADE_EINVAL, "%s: split=%s, want shares of rows that add up to 1: 0.8,0.2 to "
                       "train and test, or 0.8,0.1,0.1 to train, validate and test", spec->kind, text);
}

clade_status clade__split_read(clade__split_wants *wants, const clade__data_spec *spec)
{
    *wants = (clade__split_wants){.test = USUAL_TEST, .seed = SPLIT_SEED};
    const char *stratify = clade__data_option(spec, "stratify");
    wants->group = clade__data_option(spec, "group");
    wants->asked = spec->part_given || wants->group || stratify || clade__data_option(spec, "test") ||
                   clade__data_option(spec, "split");
    wants->parts = wants->asked || !spec->how->whole;
    CLADE_TRY(read_test(wants, spec));
    CLADE_TRY(read_split(wants, spec));
    CLADE_TRY(clade__data_option_number(spec, "seed", 0, UINT64_MAX, &wants->seed));
    if (stratify && strcmp(stratify, "yes") != 0 && strcmp(stratify, "no") != 0)
        return clade__fail(CLADE_EINVAL, "%s: stratify=%s, want yes or no", spec->kind, stratify);
    wants->stratify = stratify && strcmp(stratify, "yes") == 0;
    if (wants->stratify + (wants->group != NULL) + (wants->column != NULL) > 1)
        return clade__fail(CLADE_EINVAL, "%s: rows are split by one of stratify=yes, group= and "
                           "split=COLUMN", spec->kind);
    return CLADE_OK;
}

/* ---- the choice ------------------------------------------------------------------------------ */

/* How many of n rows a share is; at least one. */
static int64_t count_share(double share, int64_t n)
{
    int64_t count = (int64_t)(share * (double)n + 0.5);
    return count < 1 ? 1 : count;
}

/* The first of the order are tested, the next validated, the rest trained on. */
static void by_chance(uint8_t *part, const int32_t *order, int64_t n, int64_t n_valid,
                      int64_t n_test)
{
    for (int64_t i = 0; i < n; i++)
        part[order[i]] = i < n_test             ? CLADE__TEST
                         : i < n_test + n_valid ? CLADE__VALID
                                                : CLADE__TRAIN;
}

/* Rows in the order of their classes, by chance within each: a fixed number of them at equal distances
 * is each class's share, to the next whole one. */
static clade_status by_class(uint8_t *part, int32_t *order, int64_t n, int64_t n_valid,
                             int64_t n_test, const int32_t *classes)
{
    int32_t n_classes = 0;
    for (int64_t i = 0; i < n; i++)
        if (classes[i] >= n_classes) n_classes = classes[i] + 1;
    int64_t *start = calloc((size_t)n_classes + 1, sizeof *start);
    int32_t *sorted = malloc((size_t)n * sizeof *sorted);
    if (!start || !sorted) {
        free(start);
        free(sorted);
        return clade__fail(CLADE_ENOMEM, "no memory to split %" PRId64 " rows", n);
    }
    for (int64_t i = 0; i < n; i++) start[classes[i] + 1]++;
    for (int32_t c = 0; c < n_classes; c++) start[c + 1] += start[c];
    for (int64_t i = 0; i < n; i++) sorted[start[classes[order[i]]]++] = order[i];
    int64_t rest = n - n_test, at = 0; /* `at` counts the rows that are not tested */
    for (int64_t i = 0; i < n; i++) {
        bool test = (i + 1) * n_test / n > i * n_test / n;
        bool valid = !test && (at + 1) * n_valid / rest > at * n_valid / rest;
        part[sorted[i]] = test ? CLADE__TEST : valid ? CLADE__VALID : CLADE__TRAIN;
        at += !test;
    }
    free(start);
    free(sorted);
    return CLADE_OK;
}

/* Groups come in the order of chance, whole: those up to the tested share are tested, and so on. */
static clade_status by_group(uint8_t *part, const int32_t *order, int64_t n, int64_t n_valid,
                             int64_t n_test, const int32_t *groups)
{
    int32_t n_groups = 0;
    for (int64_t i = 0; i < n; i++)
        if (groups[i] >= n_groups) n_groups = groups[i] + 1;
    int64_t *size = calloc((size_t)n_groups + 1, sizeof *size), done = 0;
    int8_t *of_group = malloc((size_t)n_groups + 1);
    if (!size || !of_group) {
        free(size);
        free(of_group);
        return clade__fail(CLADE_ENOMEM, "no memory to split %" PRId64 " rows", n);
    }
    memset(of_group, -1, (size_t)n_groups + 1);
    for (int64_t i = 0; i < n; i++)
        if (groups[i] >= 0) size[groups[i]]++;
    for (int64_t i = 0; i < n; i++) {
        int32_t group = groups[order[i]];
        if (group >= 0 && of_group[group] >= 0) {
            part[order[i]] = (uint8_t)of_group[group];
            continue;
        }
        clade__part to = done < n_test ? CLADE__TEST : done < n_test + n_valid ? CLADE__VALID
                                                                               : CLADE__TRAIN;
        part[order[i]] = (uint8_t)to;
        if (group >= 0) of_group[group] = (int8_t)to;
        done += group >= 0 ? size[group] : 1;
    }
    free(size);
    free(of_group);
    return CLADE_OK;
}

static clade_status choose(clade__split *split, const clade__split_wants *wants,
                           const clade__split_keys *keys)
{
    int64_t n = split->n_all, n_test = count_share(wants->test, n);
    int64_t n_valid = wants->valid > 0.0 ? count_share(wants->valid, n) : 0;
    if (n_test + n_valid > n - 1) n_test = n - 1 - n_valid;
    int32_t *order = malloc((size_t)n * sizeof *order);
    if (!order) return clade__fail(CLADE_ENOMEM, "no memory to split %" PRId64 " rows", n);
    clade__shuffle(order, n, wants->seed, 0);
    clade_status status = CLADE_OK;
    if (wants->stratify)
        status = by_class(split->part, order, n, n_valid, n_test, keys->classes);
    else if (wants->group)
        status = by_group(split->part, order, n, n_valid, n_test, keys->groups);
    else
        by_chance(split->part, order, n, n_valid, n_test);
    free(order);
    return status;
}

static clade_status check_parts(const clade__split *split, const clade__split_wants *wants,
                                const char *path)
{
    static const char *const names[] = {"train", "validation", "test"};
    int64_t n[3] = {0};
    for (int64_t i = 0; i < split->n_all; i++) n[split->part[i]]++;
    if (n[CLADE__TRAIN] > 0 && n[split->wanted] > 0) return CLADE_OK;
    int empty = n[split->wanted] == 0 ? split->wanted : CLADE__TRAIN;
    return clade__fail(CLADE_EDATA, "'%s' has no row for its %s part, %s", path, names[empty],
                       wants->column  ? "by the column that split= names"
                       : wants->group ? "since group= has too few groups"
                                      : "since it has too few rows");
}

clade_status clade__split_rows(clade__split *split, const clade__split_wants *wants,
                               const clade__data_spec *spec, int64_t n_rows,
                               const clade__split_keys *keys, const char *path)
{
    *split = (clade__split){.n_rows = n_rows, .n_all = n_rows, .end = n_rows, .wanted = spec->part};
    if (wants->parts) {
        bool three = wants->valid > 0.0;
        if (n_rows < 2 + three)
            return clade__fail(CLADE_EDATA, "'%s' has %s, which cannot be split into %d parts; add "
                               "test=0 to have all rows in each", path,
                               n_rows == 1 ? "one row" : "two rows", 2 + three);
        split->part = malloc((size_t)n_rows);
        if (!split->part)
            return clade__fail(CLADE_ENOMEM, "no memory to split %" PRId64 " rows", n_rows);
        bool has_valid = three;
        for (int64_t i = 0; wants->column && i < n_rows; i++) {
            split->part[i] = (uint8_t)keys->parts[i];
            has_valid = has_valid || split->part[i] == CLADE__VALID;
        }
        if (!wants->column) CLADE_TRY(choose(split, wants, keys));
        if (split->wanted == CLADE__VALID && !has_valid) split->wanted = CLADE__TEST;
        CLADE_TRY(check_parts(split, wants, path));
        split->n_rows = 0;
        for (int64_t i = 0; i < n_rows; i++) split->n_rows += split->part[i] == split->wanted;
    }
    CLADE_TRY(clade__data_option_first(spec, path, split->n_rows, &split->n_rows));
    split->end = 0;
    for (int64_t n = 0; n < split->n_rows; split->end++)
        n += !split->part || split->part[split->end] == split->wanted;
    return CLADE_OK;
}

clade_status clade__split_tell(const clade__split *split, clade_data *data)
{
    data->whole = !split->part;
    if (!split->part) return CLADE_OK;
    data->part = clade__part_name(split->wanted);
    data->rows = malloc((size_t)split->n_rows * sizeof *data->rows);
    if (!data->rows) return clade__fail(CLADE_ENOMEM, "no memory for %" PRId64 " rows", split->n_rows);
    int64_t n[3] = {0}, at = 0;
    for (int64_t i = 0; i < split->n_all; i++) {
        n[split->part[i]]++;
        if (clade__split_takes(split, i)) data->rows[at++] = (int32_t)i;
    }
    if (split->wanted != CLADE__TRAIN)
        return clade__data_note(data, "its %s part: %" PRId64 " of its %" PRId64 " rows", data->part,
                                split->n_rows, split->n_all);
    if (n[CLADE__VALID] > 0)
        return clade__data_note(data, "%" PRId64 " of its %" PRId64 " rows are held out to validate "
                                "with, and %" PRId64 " to test with", n[CLADE__VALID], split->n_all,
                                n[CLADE__TEST]);
    return clade__data_note(data, "%" PRId64 " of its %" PRId64 " rows %s held out", n[CLADE__TEST],
                            split->n_all, n[CLADE__TEST] == 1 ? "is" : "are");
}

void clade__split_free(clade__split *split)
{
    free(split->part);
    *split = (clade__split){0};
}
