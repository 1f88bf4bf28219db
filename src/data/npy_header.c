/* A step that fails says what it wanted, and leaves `at` there. */
#include "data/npy_header.h"

#include <string.h>

static void skip_blanks(clade__npy_header *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\n')) in->at++;
}

static bool fail_want(clade__npy_header *in, const char *want)
{
    if (!in->want) in->want = want;
    return false;
}

static bool peek(clade__npy_header *in, char c)
{
    skip_blanks(in);
    return in->at < in->end && *in->at == c;
}

/* Passes over `text`, blanks before it aside. */
static bool take(clade__npy_header *in, const char *text)
{
    size_t n = strlen(text);
    skip_blanks(in);
    if ((size_t)(in->end - in->at) < n || memcmp(in->at, text, n) != 0) return fail_want(in, text);
    in->at += n;
    return true;
}

/* A text in either kind of quotes, without escapes. */
static bool take_string(clade__npy_header *in, char *out, size_t out_bytes)
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

static bool take_size(clade__npy_header *in, int64_t *size)
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
static bool take_shape(clade__npy_header *in)
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

static bool take_value(clade__npy_header *in, int key)
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

bool clade__npy_header_parse(clade__npy_header *in)
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
