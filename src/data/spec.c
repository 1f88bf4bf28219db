/* Opens data by its spec: takes the text apart, checks it against the kind's row, calls the
 * reader. */
#include "data/spec.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

/* Options of several kinds. */
#define PART  {"part", "train|valid|test", "which part to read (default: by the command)"}
#define FIRST {"n", "N", "only the first N of the part (default: all)"}
#define SEED  {"seed", "N", "where the random numbers start (default: 1)"}
#define SHARES                                                                                     \
    {"test", "FRACTION", "the share of rows in the test part, drawn once for all; 0: every part is "  \
                         "all rows (default: 0.2 where one file is to train and validate with)"},     \
    {"seed", "N", "another draw of the parts"},                                                       \
    {"stratify", "yes|no", "let each part have its share of each class (default: no)"}

static const clade_data_kind_option digits_options[] = {
    PART, {"n", "N", "how many samples (default: 20000 to train, 4000 to test)"}, SEED, {0}};

static const clade_data_kind_option mnist_options[] = {
    PART, FIRST,
    {"set", "NAME", "which set, where DIR holds several: mnist, balanced, bymerge, byclass, letters, "
                    "digits, emnist-mnist or qmnist"}, {0}};

static const clade_data_kind_option cifar10_options[] = {
    PART, FIRST, {"files", "NAME[,NAME...]", "read these files of DIR, whichever part is asked for"},
    {0}};

static const clade_data_kind_option cifar100_options[] = {
    PART, FIRST, {"labels", "fine|coarse", "100 classes, or the 20 that they belong to (default: fine)"},
    {0}};

static const clade_data_kind_option images_options[] = {
    PART, FIRST,
    {"size", "N|HxW", "scale every image until it covers so many pixels, and cut these out of its middle; "
                      "needed where images differ in size"},
    {"channels", "1|3", "grey, or colours (default: 3)"},
    {"labels", "none", "the images in DIR itself, without classes, to predict on"},
    SHARES,
    {"split", "A,B[,C]", "shares of images to train, validate and test with, or to train and test"}, {0}};

static const clade_data_kind_option csv_options[] = {
    PART, FIRST,
    {"header", "yes|no|auto", "whether the first row names the columns (default: auto, by what "
                              "stands in it)"},
    {"label", "COLUMN|none", "the column of the classes: a name, or a number from 1, or from -1 at "
                             "the end; none: all are features, to predict on (default: -1)"},
    {"target", "COLUMN[,COLUMN...]", "columns of numbers to predict, in place of classes"},
    {"drop", "COLUMN[,COLUMN...]", "columns to leave out"},
    {"id", "COLUMN[,COLUMN...]", "the same, carried along by `clade predict`"},
    {"features", "COLUMN[,COLUMN...]", "these alone are features (default: all other columns)"},
    {"categories", "COLUMN[,COLUMN...]", "numbers that are categories, as texts are"},
    {"missing", "RULE[,COLUMN:RULE...]", "what a missing number becomes: refuse, mean or median of the "
                                         "train part, or a number; with any but refuse a missing "
                                         "category is one of its own (default: refuse)"},
    {"unknown", "refuse|zeros", "a category that the train part lacks (default: refuse)"},
    {"separator", "C", "between cells: a comma, ';', tab or '|' (default: as found)"},
    {"decimal", "C", "in numbers: '.' or a comma (default: as found)"},
    {"comment", "C", "lines that begin with it are passed over; none: no line is (default: '#' at the "
                     "top)"},
    SHARES,
    {"split", "A,B[,C]|COLUMN", "shares of rows to train, validate and test with, or to train and test; "
                                "or a column that says train, valid or test of each row"},
    {"group", "COLUMN", "rows with the same text here are in one part"}, {0}};

static const clade_data_kind_option npy_options[] = {
    PART, FIRST, {"classes", "N", "how many classes there are (default: the greatest label + 1)"},
    {"scale", "NUMBER", "a network sees value * NUMBER, which may be 1/255 (default: that for images "
                        "of bytes, else 1)"},
    SHARES,
    {"split", "A,B[,C]", "shares of rows to train, validate and test with, or to train and test"},
    {"x", "NAME", "the array of samples in an .npz archive; x=TRAIN,TEST for parts (default: one named "
                  "as usual, x, x_train, data ...)"},
    {"y", "NAME|none", "the array of labels or targets, as x="},
    {"fields", "NAME[,NAME...]", "arrays of an archive, each for the network's input of its name"}, {0}};

static const clade_data_kind_option random_options[] = {
    PART,
    {"features", "N", "numbers in a sample; it must be given"},
    {"classes", "N", "how many classes (default: 10)"},
    {"targets", "N", "numbers to predict, in place of classes"},
    {"n", "N", "how many samples (default: 1000)"}, SEED, {0}};

/* Each option is given once, so that a spec has room for all that its kind has. */
#define HAS_ROOM(options)                                                                          \
    static_assert(sizeof(options) / sizeof(options)[0] <= CLADE__DATA_MAX_OPTIONS + 1, #options)
HAS_ROOM(digits_options);
HAS_ROOM(mnist_options);
HAS_ROOM(cifar10_options);
HAS_ROOM(cifar100_options);
HAS_ROOM(images_options);
HAS_ROOM(csv_options);
HAS_ROOM(npy_options);
HAS_ROOM(random_options);

typedef struct data_kind {
    clade_data_kind about;
    clade__data_opener *opener;
} data_kind;

static const data_kind kinds[] = {
    {{"digits", NULL, "28x28 grey digits, made by the library", digits_options}, clade__digits_open},
    {{"mnist", "DIR", "the IDX files of MNIST or a set like it", mnist_options}, clade__mnist_open},
    {{"cifar10", "DIR", "the binary version of CIFAR-10", cifar10_options}, clade__cifar10_open},
    {{"cifar100", "DIR", "the binary version of CIFAR-100", cifar100_options}, clade__cifar100_open},
    {{"images", "DIR", "a folder a class, with PNG and JPEG files in it", images_options}, clade__images_open},
    {{"csv", "FILE", "a table", csv_options}, clade__csv_open},
    {{"npy", "X,Y|FILE.npz", "NumPy files: samples, and labels or targets", npy_options}, clade__npy_open},
    {{"random", NULL, "noise, to measure with", random_options}, clade__random_open},
};

#define N_KINDS (sizeof kinds / sizeof kinds[0])

const clade_data_kind *clade_data_kind_at(int index)
{
    return index >= 0 && (size_t)index < N_KINDS ? &kinds[index].about : NULL;
}

static size_t count_options(const data_kind *kind)
{
    size_t n = 0;
    while (kind->about.options[n].key) n++;
    return n;
}

static bool has_option(const data_kind *kind, const char *key)
{
    for (const clade_data_kind_option *option = kind->about.options; option->key; option++)
        if (strcmp(option->key, key) == 0) return true;
    return false;
}

const char *clade__data_option(const clade__data_spec *spec, const char *key)
{
    for (size_t i = 0; i < spec->n_options; i++)
        if (strcmp(spec->options[i].key, key) == 0) return spec->options[i].value;
    return NULL;
}

clade_status clade__data_option_number(const clade__data_spec *spec, const char *key,
                                       uint64_t least, uint64_t most, uint64_t *value)
{
    const char *text = clade__data_option(spec, key);
    if (!text) return CLADE_OK;
    uint64_t number = 0;
    bool good = *text != '\0';
    for (const char *c = text; *c && good; c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        good = *c >= '0' && *c <= '9' && number <= (UINT64_MAX - digit) / 10;
        number = number * 10 + digit;
    }
    if (!good || number < least || number > most)
        return clade__fail(CLADE_EINVAL,
                           "%s: %s=%s, want a whole number from %" PRIu64 " to "
                           "%" PRIu64,
                           spec->kind, key, text, least, most);
    *value = number;
    return CLADE_OK;
}

clade_status clade__data_option_first(const clade__data_spec *spec, const char *path,
                                      int64_t n_there, int64_t *n)
{
    uint64_t wanted = (uint64_t)n_there;
    CLADE_TRY(clade__data_option_number(spec, "n", 1, INT32_MAX, &wanted));
    if (wanted > (uint64_t)n_there)
        return clade__fail(CLADE_EDATA,
                           "'%s' has %" PRId64 " samples in its %s part, and n=%" PRIu64
                           " asks for more",
                           path, n_there, spec->part != CLADE__TRAIN ? "test" : "train", wanted);
    *n = (int64_t)wanted;
    return CLADE_OK;
}

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

/* `name` is the spec up to its first ':' or '?', and `spec` the whole. */
static clade_status find_kind(const data_kind **kind, const char *name, const char *spec)
{
    const char *names[N_KINDS];
    for (size_t i = 0; i < N_KINDS; i++) {
        names[i] = kinds[i].about.name;
        if (strcmp(name, names[i]) != 0) continue;
        *kind = &kinds[i];
        return CLADE_OK;
    }
    char hint[256], path[4096];
    const char *options = clade_data_spec_options(spec);
    int n = snprintf(path, sizeof path, "%.*s", options ? (int)(options - 1 - spec) : (int)strlen(spec),
                     spec);
    /* Before a ':' stands a kind, if a misspelt one, unless it is no word or a drive's letter. */
    bool misspelt = strchr(path, ':') && strlen(name) > 1 && !name[strspn(name, WORD)];
    const char *guess = misspelt || n >= (int)sizeof path ? NULL : clade__data_guess_kind(path);
    if (guess)
        return clade__fail(CLADE_EINVAL, "'%s' says no kind of data; did you mean '%s:%s'?", spec, guess,
                           spec);
    return clade__fail(CLADE_EINVAL, "unknown kind of data '%s'%s", name,
                       clade__suggest(hint, sizeof hint, name, names, N_KINDS));
}

static clade_status fail_unknown(const data_kind *kind, const char *key)
{
    char hint[512];
    const char *keys[CLADE__DATA_MAX_OPTIONS];
    size_t n = count_options(kind);
    for (size_t i = 0; i < n; i++) keys[i] = kind->about.options[i].key;
    return clade__fail(CLADE_EINVAL, "%s: unknown option '%s'%s", kind->about.name, key,
                       clade__suggest(hint, sizeof hint, key, keys, n));
}

static clade_status add_option(clade__data_spec *spec, const data_kind *kind, char *text)
{
    char *equals = strchr(text, '=');
    if (equals) *equals = '\0';
    const char *name = kind->about.name;
    if (!has_option(kind, text)) return fail_unknown(kind, text);
    if (!equals)
        return clade__fail(CLADE_EINVAL, "%s: option '%s' has no value; write %s=…", name, text, text);
    if (clade__data_option(spec, text))
        return clade__fail(CLADE_EINVAL, "%s: option '%s' is given twice", name, text);
    spec->options[spec->n_options].key = text;
    spec->options[spec->n_options++].value = equals + 1;
    return CLADE_OK;
}

/* The '?' behind which a word and '=' stand; NULL where there is none. */
static char *find_options(char *text)
{
    for (char *mark = strchr(text, '?'); mark; mark = strchr(mark + 1, '?')) {
        size_t n = strspn(mark + 1, WORD);
        if (n > 0 && mark[1 + n] == '=') return mark;
    }
    return NULL;
}

const char *clade_data_spec_options(const char *spec)
{
    const char *mark = spec ? find_options((char *)(uintptr_t)spec) : NULL;
    return mark ? mark + 1 : NULL;
}

/* The same in a spec's path, and a '?' at the end behind which an option lacks its value, so that this
 * is what the message says, and not that there is no file of such a name. */
static char *find_options_of(const data_kind *kind, char *path)
{
    char *options = find_options(path);
    if (options) return options;
    options = strrchr(path, '?');
    return options && has_option(kind, options + 1) ? options : NULL;
}

/* Cuts `text`, a copy of `whole`, into the parts of `spec`, which point into it. */
static clade_status parse(clade__data_spec *spec, const data_kind **kind, char *text, const char *whole)
{
    char *path = text + strcspn(text, ":?"), separator = *path;
    if (separator) *path++ = '\0';
    CLADE_TRY(find_kind(kind, text, whole));
    const clade_data_kind *about = &(*kind)->about;
    char *options = separator == '?' ? path : NULL;
    if (separator == ':' && (options = find_options_of(*kind, path))) *options++ = '\0';
    spec->kind = about->name;
    spec->path = separator == ':' ? path : NULL;
    if (about->path && (!spec->path || !*path))
        return clade__fail(CLADE_EINVAL, "%s: no path; write %s:%s", text, text, about->path);
    if (!about->path && spec->path)
        return clade__fail(CLADE_EINVAL, "%s: takes no path, but '%s' was given", text, path);
    while (options) {
        char *next = strchr(options, '&');
        if (next) *next++ = '\0';
        CLADE_TRY(add_option(spec, *kind, options));
        options = next;
    }
    return CLADE_OK;
}

static const char *const part_names[] = {
    [CLADE__TRAIN] = "train", [CLADE__VALID] = "valid", [CLADE__TEST] = "test"};

const char *clade__part_name(clade__part part)
{
    return part_names[part];
}

static clade_status choose_part(clade__data_spec *spec, const char *fallback)
{
    const char *part = clade__data_option(spec, "part");
    spec->part_given = part != NULL;
    if (!part) part = fallback ? fallback : "train";
    for (int i = CLADE__TRAIN; i <= CLADE__TEST; i++)
        if (strcmp(part, part_names[i]) == 0) {
            spec->part = (clade__part)i;
            return CLADE_OK;
        }
    return clade__fail(CLADE_EINVAL, "%s: part '%s', want train, valid or test", spec->kind, part);
}

/* Names data by the spec, and by its part where the spec names none and there are any: valid is test
 * where there are two. */
static clade_status name_data(clade_data *data, const char *text, const data_kind *kind,
                              const clade__data_spec *spec)
{
    clade__text made = {0};
    const char *part = data->part;
    if (!part) part = part_names[spec->part == CLADE__TRAIN ? CLADE__TRAIN : CLADE__TEST];
    clade__text_append(&made, "%s", text);
    if (has_option(kind, "part") && !spec->part_given && !data->whole)
        clade__text_append(&made, "%spart=%s", spec->n_options ? "&" : "?", part);
    data->name = made.data;
    if (!made.failed) return CLADE_OK;
    data->name = NULL;
    clade__text_free(&made);
    return clade__fail(CLADE_ENOMEM, "data: no memory");
}

static clade_status open_parsed(clade_data **out, const char *text, const data_kind *kind,
                                const clade__data_spec *spec)
{
    clade_data *data = NULL;
    double start = clade__seconds();
    clade_status status = kind->opener(&data, spec);
    if (status == CLADE_OK) status = name_data(data, text, kind, spec);
    if (status == CLADE_OK && spec->how->standardize && !data->schema)
        status = clade_data_standardize(data);
    if (status == CLADE_OK && spec->how->standardize_targets && !data->schema)
        status = clade__data_standardize_targets(data);
    if (status != CLADE_OK) {
        clade_data_free(data);
        return status;
    }
    data->seconds = clade__seconds() - start;
    *out = data;
    return CLADE_OK;
}

clade_status clade_data_open_with(clade_data **out, const char *spec,
                                  const clade_data_options *options)
{
    CLADE_WANT(out);
    *out = NULL;
    CLADE_WANT(spec);
    CLADE_WANT(options);
    CLADE_WANT_UNUSED("data", options->reserved);
    if (!*spec)
        return clade__fail(CLADE_EINVAL, "data: the spec is empty; write digits or mnist:DIR");
    size_t bytes = strlen(spec) + 1;
    char *copy = malloc(bytes);
    if (!copy) return clade__fail(CLADE_ENOMEM, "data: no memory");
    memcpy(copy, spec, bytes);

    clade__data_spec parsed = {.how = options};
    const data_kind *kind = NULL;
    clade_status status = parse(&parsed, &kind, copy, spec);
    if (status == CLADE_OK) status = choose_part(&parsed, options->part);
    if (status == CLADE_OK) status = open_parsed(out, spec, kind, &parsed);
    free(copy);
    return status;
}

clade_status clade_data_open_part(clade_data **out, const char *spec, const char *part)
{
    CLADE_WANT(out);
    *out = NULL;
    CLADE_WANT(spec);
    CLADE_WANT(part);
    return clade_data_open_with(out, spec, &(clade_data_options){.part = part});
}

clade_status clade_data_open(clade_data **out, const char *spec)
{
    CLADE_WANT(out);
    *out = NULL;
    CLADE_WANT(spec);
    return clade_data_open_with(out, spec, &(clade_data_options){.whole = true});
}
