/* A .npy file is: 93 'NUMPY', two bytes of version, the header's length (2 bytes in version 1.0,
 * 4 in 2.0 and 3.0, little-endian), the header (see npy_header.h), the elements. Reference: the
 * NumPy manual, "A simple file format for NumPy arrays" (numpy.lib.format).
 *
 * Elements of the other byte order are swapped, and those in Fortran order moved, when the file is
 * read: whoever takes them sees one form.
 */
#include "data/npy_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/npy_header.h"

#define MOST_TEXT (1 << 20) /* characters of one text */

static const struct {
    char letter;
    clade__npy_kind kind;
    const char *bytes; /* those that there may be, a digit each */
} numbers[] = {
    {'b', CLADE__NPY_BOOL, "1"},
    {'u', CLADE__NPY_UNSIGNED, "1248"},
    {'i', CLADE__NPY_SIGNED, "1248"},
    {'f', CLADE__NPY_FLOAT, "248"},
};

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
static clade_status find_header(clade__npy *file, clade__npy_header *in)
{
    if (file->n_bytes == 0) return clade__fail(CLADE_EDATA, "'%s' is empty", file->path);
    size_t known = file->n_bytes < 6 ? file->n_bytes : 6;
    if (memcmp(file->bytes, "\x93NUMPY", known) != 0)
        return clade__fail(CLADE_EDATA,
                           "'%s' is no .npy file: it does not begin with 93 'NUMPY'; write it by "
                           "numpy.save or numpy.savez",
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

static clade_status fail_header(const clade__npy *file, const clade__npy_header *in)
{
    if (in->structured)
        return clade__fail(CLADE_EDATA,
                           "'%s' has structured elements, want a plain array of numbers; save "
                           "numpy.lib.recfunctions.structured_to_unstructured(x)",
                           file->path);
    return clade__fail(CLADE_EDATA, "'%s' has a damaged header: at byte %zu, want %s", file->path,
                       (size_t)((const unsigned char *)in->at - file->bytes), in->want);
}

/* ---- the type -------------------------------------------------------------------------------- */

static clade_status fail_type(const clade__npy *file, const char *descr, clade__npy_use use)
{
    static const struct {
        char letter;
        const char *what;
    } others[] = {{'O', " (Python objects)"}, {'U', " (texts)"},        {'S', " (texts)"},
                  {'c', " (complex numbers)"}, {'M', " (dates)"},       {'m', " (times)"},
                  {'V', " (raw bytes)"}};
    char letter = strchr("<>=|", descr[0]) && descr[0] ? descr[1] : descr[0];
    const char *what = "";
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].letter == letter) what = others[i].what;
    if (use == CLADE__NPY_SAMPLES)
        return clade__fail(CLADE_EDATA,
                           "'%s' has elements of type '%s'%s, want numbers; where they can be made "
                           "numbers, save x.astype('<f4')",
                           file->path, descr, what);
    return clade__fail(CLADE_EDATA,
                       "'%s' has elements of type '%s'%s, want labels or numbers; save "
                       "y.astype('<i4') for labels, y.astype('U') for names as labels, "
                       "y.astype('<f4') for numbers to predict",
                       file->path, descr, what);
}

static bool little_endian_machine(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

/* A type is [<>=|] a letter and the bytes of an element, of 'U' its characters. '=' and '|' are the
 * machine's own order. */
static clade_status read_type(clade__npy *file, const char *descr, clade__npy_use use, bool *swapped)
{
    const char *type = descr;
    bool big = !little_endian_machine();
    if (*type && strchr("<>=|", *type)) {
        if (*type == '<' || *type == '>') big = *type == '>';
        type++;
    }
    *swapped = big;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (type[0] != numbers[i].letter || !type[1] || type[2]) continue;
        if (!strchr(numbers[i].bytes, type[1])) continue;
        file->kind = numbers[i].kind;
        file->element_bytes = type[1] - '0';
        return CLADE_OK;
    }
    if (use != CLADE__NPY_ANSWERS || (*type != 'U' && *type != 'S'))
        return fail_type(file, descr, use);
    int length = 0;
    const char *digit = type + 1;
    for (; *digit >= '0' && *digit <= '9' && length <= MOST_TEXT; digit++)
        length = 10 * length + (*digit - '0');
    if (*digit || length < 1 || length > MOST_TEXT) return fail_type(file, descr, use);
    file->kind = *type == 'U' ? CLADE__NPY_TEXT : CLADE__NPY_BYTES;
    file->element_bytes = *type == 'U' ? 4 * length : length;
    return CLADE_OK;
}

/* ---- the elements ---------------------------------------------------------------------------- */

static clade_status check_rank(const clade__npy *file, clade__npy_use use)
{
    int most = use == CLADE__NPY_SAMPLES ? CLADE_MAX_RANK : 2;
    if (file->rank >= 1 && file->rank <= most) return CLADE_OK;
    const char *name = use == CLADE__NPY_SAMPLES ? "x" : "y";
    char advice[64] = "";
    if (file->rank > 0) snprintf(advice, sizeof advice, "; save %s.reshape(len(%s), -1)", name, name);
    return clade__fail(CLADE_EDATA, "'%s' has %d dimensions, want 1 to %d: %s%s", file->path,
                       file->rank, most,
                       use == CLADE__NPY_SAMPLES ? "(n), or (n, …), n samples" : "(n), or (n, t)",
                       advice);
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

static void swap_bytes(clade__npy *file)
{
    int n = file->kind == CLADE__NPY_TEXT ? 4 : file->kind == CLADE__NPY_BYTES ? 1
                                                                               : file->element_bytes;
    unsigned char *end = file->elements + file->n_elements * file->element_bytes;
    for (unsigned char *at = file->elements; n > 1 && at < end; at += n)
        for (int i = 0; i < n / 2; i++) {
            unsigned char byte = at[i];
            at[i] = at[n - 1 - i];
            at[n - 1 - i] = byte;
        }
}

/* Fortran order has the first index fastest: moves the elements to C order, the last one fastest. */
static clade_status reorder(clade__npy *file)
{
    size_t n = (size_t)file->element_bytes;
    unsigned char *moved = malloc((size_t)file->n_elements * n), *dst = moved;
    if (!moved)
        return clade__fail(CLADE_ENOMEM, "'%s' is in Fortran order, and there is no memory to turn "
                           "it; save numpy.ascontiguousarray(x)", file->path);
    int64_t index[CLADE_MAX_RANK] = {0}, stride[CLADE_MAX_RANK] = {1}, from = 0;
    int last = file->rank - 1;
    for (int i = 1; i <= last; i++) stride[i] = stride[i - 1] * file->dim[i - 1];
    for (int64_t done = 0; done < file->n_elements; done++, dst += n) {
        memcpy(dst, file->elements + (size_t)from * n, n);
        int axis = last;
        from += stride[axis];
        while (++index[axis] == file->dim[axis] && axis > 0) {
            from += stride[axis - 1] - index[axis] * stride[axis];
            index[axis--] = 0;
        }
    }
    free(file->bytes);
    file->bytes = file->elements = moved;
    file->n_bytes = (size_t)file->n_elements * n;
    return CLADE_OK;
}

clade_status clade__npy_parse(clade__npy *file, clade__npy_use use)
{
    clade__npy_header in = {0};
    bool swapped = false;
    CLADE_TRY(find_header(file, &in));
    if (!clade__npy_header_parse(&in)) return fail_header(file, &in);
    CLADE_TRY(read_type(file, in.descr, use, &swapped));
    file->rank = in.rank;
    memcpy(file->dim, in.dim, sizeof file->dim);
    CLADE_TRY(check_rank(file, use));
    CLADE_TRY(check_sizes(file));
    if (swapped) swap_bytes(file);
    for (int64_t i = 0; file->kind == CLADE__NPY_BOOL && i < file->n_elements; i++)
        file->elements[i] = file->elements[i] != 0;
    return in.fortran && file->rank > 1 ? reorder(file) : CLADE_OK;
}

void clade__npy_free(clade__npy *file)
{
    free(file->path);
    free(file->bytes);
    *file = (clade__npy){0};
}

/* ---- one element ----------------------------------------------------------------------------- */

uint64_t clade__npy_whole(const clade__npy *file, int64_t i, bool *negative)
{
    int n = file->element_bytes;
    uint64_t bits = little_endian(file->elements + i * n, n);
    *negative = file->kind == CLADE__NPY_SIGNED && bits >> (8 * n - 1);
    if (!*negative) return bits;
    uint64_t ones = n == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * n) - 1;
    return ones - bits + 1; /* two's complement */
}

/* IEEE 754 binary16: a sign, 5 bits of exponent (bias 15), 10 of fraction. */
static float half_value(unsigned bits)
{
    int exponent = (int)(bits >> 10 & 31);
    float fraction = (float)(bits & 1023);
    float magnitude = exponent == 31  ? (bits & 1023 ? NAN : INFINITY)
                      : exponent == 0 ? ldexpf(fraction, -24)
                                      : ldexpf(1024.0f + fraction, exponent - 25);
    return bits >> 15 ? -magnitude : magnitude;
}

float clade__npy_float(const clade__npy *file, int64_t i)
{
    int n = file->element_bytes;
    if (file->kind != CLADE__NPY_FLOAT) {
        bool negative;
        float value = (float)clade__npy_whole(file, i, &negative);
        return negative ? -value : value;
    }
    uint64_t bits = little_endian(file->elements + i * n, n);
    if (n == 2) return half_value((unsigned)bits);
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

size_t clade__npy_text_room(const clade__npy *file)
{
    return (size_t)file->element_bytes + 1; /* a character of 4 bytes becomes at most 4 */
}

/* One character in UTF-8; how many bytes, 0 for what is no character. */
static int put_character(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return c > 0;
    }
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return 0;
    int n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00 >> n & 0xff) | c);
    return n;
}

clade_status clade__npy_text(const clade__npy *file, int64_t i, char *out)
{
    bool wide = file->kind == CLADE__NPY_TEXT, good = true;
    int n = file->element_bytes, step = wide ? 4 : 1, length = 0;
    const unsigned char *text = file->elements + i * n;
    while (n > 0 && little_endian(text + n - step, step) == 0) n -= step;
    for (int at = 0; at < n && good; at += step) {
        int put = 1;
        if (wide)
            put = put_character(out + length, (uint32_t)little_endian(text + at, 4));
        else
            out[length] = (char)text[at];
        good = put > 0 && out[length] != '\0';
        length += put;
    }
    out[length] = '\0';
    if (n == 0)
        return clade__fail(CLADE_EDATA, "'%s' has an empty text in row %" PRId64 ", want a label",
                           file->path, i);
    if (!good || !clade__is_utf8(out))
        return clade__fail(CLADE_EDATA, "'%s' has a text in row %" PRId64 " that is no UTF-8%s",
                           file->path, i,
                           wide ? "" : "; save numpy.char.decode(y, 'latin1')");
    return CLADE_OK;
}
