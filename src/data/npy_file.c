/* A .npy file is: 93 'NUMPY', two bytes of version, the header's length (2 bytes in version 1.0,
 * 4 in 2.0 and 3.0, little-endian), the header, the elements. The header is a Python dictionary
 * with three keys, written as text:
 *
 *   {'descr': '<f4', 'fortran_order': False, 'shape': (150, 4), }
 *
 * It is parsed by that grammar and never evaluated. Reference: the NumPy manual, "A simple file
 * format for NumPy arrays" (numpy.lib.format).
 */
#include "data/npy_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static const struct {
    const char *descr;
    clade__npy_kind kind;
    int bytes;
} types[] = {
    {"<f4", CLADE__NPY_FLOAT, 4},    {"<f8", CLADE__NPY_FLOAT, 8},  {"|u1", CLADE__NPY_UNSIGNED, 1},
    {"<i4", CLADE__NPY_SIGNED, 4},   {"<i8", CLADE__NPY_SIGNED, 8}, {"|b1", CLADE__NPY_UNSIGNED, 1},
    {"|i1", CLADE__NPY_SIGNED, 1},   {"<i2", CLADE__NPY_SIGNED, 2}, {"<u2", CLADE__NPY_UNSIGNED, 2},
    {"<u4", CLADE__NPY_UNSIGNED, 4},
};

/* The header as it is read. A step that fails says what it wanted, and leaves `at` there. */
typedef struct cursor {
    const char *at, *end;
    const char *want; /* NULL as long as all is well */
    char descr[16];
    bool structured, fortran;
    int rank;
    int64_t dim[CLADE_MAX_RANK];
} cursor;

static void skip_blanks(cursor *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\n')) in->at++;
}

static bool fail_want(cursor *in, const char *want)
{
    if (!in->want) in->want = want;
    return false;
}

static bool peek(cursor *in, char c)
{
    skip_blanks(in);
    return in->at < in->end && *in->at == c;
}

/* Passes over `text`, blanks before it aside. */
static bool take(cursor *in, const char *text)
{
    size_t n = strlen(text);
    skip_blanks(in);
    if ((size_t)(in->end - in->at) < n || memcmp(in->at, text, n) != 0) return fail_want(in, text);
    in->at += n;
    return true;
}

/* A text in either kind of quotes, without escapes. */
static bool take_string(cursor *in, char *out, size_t out_bytes)
{
    if (!peek(in, '\'') && !peek(in, '"')) return fail_want(in, "a text in quotes");
    char quote = *in->at++;
    size_t n = 0;
    for (; in->at < in->end && *in->at != quote; in->at++) {
        if (n + 1 >= out_bytes || *in->at == '\\' || (unsigned char)*in->at < ' ')
            return fail_want(in, "a closing quote");
        out[n++] = *in->at;
    }
    out[n] = '\0';
    if (in->at == in->end) return fail_want(in, "a closing quote");
    in->at++;
    return true;
}

static bool take_size(cursor *in, int64_t *size)
{
    skip_blanks(in);
    const char *start = in->at;
    *size = 0;
    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
        if (*size > (INT64_MAX - 9) / 10) return fail_want(in, "a size that fits 64 bits");
        *size = *size * 10 + (*in->at - '0');
    }
    return in->at > start ? true : fail_want(in, "a size, or )");
}

/* (), (3,) or (3, 4) with a comma at the end or without. */
static bool take_shape(cursor *in)
{
    if (!take(in, "(")) return false;
    while (!peek(in, ')')) {
        int64_t size;
        if (!take_size(in, &size)) return false;
        if (in->rank < CLADE_MAX_RANK) in->dim[in->rank] = size;
        in->rank++;
        if ((in->rank == 1 || !peek(in, ')')) && !take(in, ",")) return false;
    }
    return take(in, ")");
}

static bool take_value(cursor *in, int key)
{
    if (key == 2) return take_shape(in);
    if (key == 1) {
        in->fortran = peek(in, 'T');
        return take(in, in->fortran ? "True" : "False");
    }
    in->structured = peek(in, '[');
    if (in->structured) return fail_want(in, "elements of one type"); /* the rest means nothing */
    return take_string(in, in->descr, sizeof in->descr);
}

static bool take_header(cursor *in)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    bool seen[3] = {false};
    char key[16];
    if (!take(in, "{")) return false;
    while (!peek(in, '}')) {
        const char *start = in->at;
        if (!take_string(in, key, sizeof key)) return false;
        int k = 0;
        while (k < 3 && strcmp(key, keys[k]) != 0) k++;
        if (k == 3 || seen[k]) {
            in->at = start;
            return fail_want(in, "descr, fortran_order and shape, each once");
        }
        seen[k] = true;
        if (!take(in, ":") || !take_value(in, k)) return false;
        if (!peek(in, '}') && !take(in, ",")) return false;
    }
    if (!seen[0] || !seen[1] || !seen[2])
        return fail_want(in, "descr, fortran_order and shape, each once");
    if (!take(in, "}")) return false;
    skip_blanks(in);
    return in->at == in->end ? true : fail_want(in, "nothing more but blanks");
}

static uint64_t little_endian(const unsigned char *bytes, int n)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static clade_status fail_truncated(const clade__npy *file)
{
    return clade__fail(CLADE_EDATA, "'%s' is truncated: it ends at byte %zu, in its header",
                       file->path, file->n_bytes);
}

/* Finds the header, and the elements behind it. */
static clade_status find_header(clade__npy *file, cursor *in)
{
    if (file->n_bytes == 0) return clade__fail(CLADE_EDATA, "'%s' is empty", file->path);
    size_t known = file->n_bytes < 6 ? file->n_bytes : 6;
    if (memcmp(file->bytes, "\x93NUMPY", known) != 0)
        return clade__fail(CLADE_EDATA, "'%s' is no .npy file: it does not begin with 93 'NUMPY'",
                           file->path);
    if (file->n_bytes < 10) return fail_truncated(file);
    int major = file->bytes[6], minor = file->bytes[7];
    if (major < 1 || major > 3 || minor != 0)
        return clade__fail(CLADE_EDATA, "'%s' has version %d.%d at byte 6, want 1.0, 2.0 or 3.0",
                           file->path, major, minor);
    size_t start = major == 1 ? 10 : 12;
    if (file->n_bytes < start) return fail_truncated(file);
    uint64_t length = little_endian(file->bytes + 8, (int)start - 8);
    if (length > file->n_bytes - start) return fail_truncated(file);
    in->at = (const char *)file->bytes + start;
    in->end = in->at + length;
    file->elements = file->bytes + start + length;
    return CLADE_OK;
}

static clade_status check_type(clade__npy *file, const cursor *in)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(in->descr, types[i].descr) != 0) continue;
        file->kind = types[i].kind;
        file->element_bytes = types[i].bytes;
        return CLADE_OK;
    }
    const char *what = in->descr[0] == '>'   ? " (big-endian)"
                       : in->descr[1] == 'O' ? " (Python objects)"
                                             : "";
    return clade__fail(CLADE_EDATA,
                       "'%s' has elements of type '%s'%s, want one of <f4, <f8, |u1, <i4, <i8; "
                       "save x.astype('<f4')",
                       file->path, in->descr, what);
}

/* Sizes against one another and against the bytes that are there. */
static clade_status check_sizes(clade__npy *file)
{
    uint64_t elements = 1, room = file->n_bytes - (uint64_t)(file->elements - file->bytes);
    uint64_t most = room / (uint64_t)file->element_bytes;
    for (int i = 0; i < file->rank; i++) {
        if (file->dim[i] < 1)
            return clade__fail(CLADE_EDATA, "'%s' has size 0 in dimension %d: it holds nothing",
                               file->path, i);
        if (elements <= most) /* else there are too many, and more could only overflow */
            elements = (uint64_t)file->dim[i] > most / elements ? most + 1
                                                                : elements * (uint64_t)file->dim[i];
    }
    if (elements > most)
        return clade__fail(CLADE_EDATA,
                           "'%s' is truncated, or its header is damaged: it has %" PRIu64
                           " bytes of elements, too few for its shape",
                           file->path, room);
    uint64_t want = elements * (uint64_t)file->element_bytes;
    if (want < room)
        return clade__fail(CLADE_EDATA,
                           "'%s' has trailing bytes: by its header it ends at byte %zu, but it "
                           "has %zu",
                           file->path, file->n_bytes - (size_t)(room - want), file->n_bytes);
    if (file->dim[0] > INT32_MAX)
        return clade__fail(CLADE_EDATA, "'%s' has %" PRId64 " rows, more than %d", file->path,
                           file->dim[0], INT32_MAX);
    file->n_elements = (int64_t)elements;
    return CLADE_OK;
}

clade_status clade__npy_read(clade__npy *file, int least_rank, int most_rank, const char *want)
{
    cursor in = {0};
    CLADE_TRY(clade__file_read(file->path, &file->bytes, &file->n_bytes));
    CLADE_TRY(find_header(file, &in));
    if (!take_header(&in)) {
        size_t at = (size_t)((const unsigned char *)in.at - file->bytes);
        return in.structured ? clade__fail(CLADE_EDATA,
                                           "'%s' has structured elements, want a plain array of "
                                           "numbers",
                                           file->path)
                             : clade__fail(CLADE_EDATA,
                                           "'%s' has a damaged header: at byte %zu, "
                                           "want %s",
                                           file->path, at, in.want);
    }
    CLADE_TRY(check_type(file, &in));
    if (in.fortran)
        return clade__fail(CLADE_EDATA,
                           "'%s' is in Fortran order, want C order; save "
                           "numpy.ascontiguousarray(x)",
                           file->path);
    if (in.rank < least_rank || in.rank > most_rank)
        return clade__fail(CLADE_EDATA, "'%s' has %d dimension%s, want %s", file->path, in.rank,
                           in.rank == 1 ? "" : "s", want);
    file->rank = in.rank;
    memcpy(file->dim, in.dim, sizeof file->dim);
    return check_sizes(file);
}

void clade__npy_free(clade__npy *file)
{
    free(file->path);
    free(file->bytes);
    *file = (clade__npy){0};
}

int64_t clade__npy_whole(const clade__npy *file, int64_t i)
{
    int n = file->element_bytes;
    uint64_t bits = little_endian(file->elements + i * n, n);
    if (file->kind == CLADE__NPY_SIGNED && bits >> (8 * n - 1)) { /* negative: two's complement */
        uint64_t ones = n == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * n) - 1;
        return -(int64_t)(ones - bits) - 1;
    }
    return (int64_t)bits;
}

float clade__npy_float(const clade__npy *file, int64_t i)
{
    if (file->kind != CLADE__NPY_FLOAT) return (float)clade__npy_whole(file, i);
    int n = file->element_bytes;
    uint64_t bits = little_endian(file->elements + i * n, n);
    if (n == 4) {
        uint32_t word = (uint32_t)bits;
        float value;
        memcpy(&value, &word, sizeof value);
        return value;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return (float)value;
}
