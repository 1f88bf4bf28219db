#include "blas/clblast_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define MAX_VALUE 65536

const clade__clblast_kernel clade__clblast_kernels[CLADE__CLBLAST_KERNELS] = {
    {"Xgemm", 0, 16}, {"GemmRoutine", 16, 1}, {"XgemmDirect", 17, 10}, {"Copy", 27, 4},
    {"Pad", 31, 4}, {"Transpose", 35, 4}, {"Padtranspose", 39, 3}};

const char *const clade__clblast_names[CLADE__CLBLAST_VALUES] = {
    "GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB", "NDIMC", "NWG", "SA", "SB", "STRM", "STRN",
    "VWM", "VWN",
    "XGEMM_MIN_INDIRECT_SIZE",
    "KWID", "MDIMAD", "MDIMCD", "NDIMBD", "NDIMCD", "PADA", "PADB", "VWMD", "VWND", "WGD",
    "COPY_DIMX", "COPY_DIMY", "COPY_VW", "COPY_WPT",
    "PAD_DIMX", "PAD_DIMY", "PAD_WPTX", "PAD_WPTY",
    "TRA_DIM", "TRA_PAD", "TRA_SHUFFLE", "TRA_WPT",
    "PADTRA_PAD", "PADTRA_TILE", "PADTRA_WPT"};

clade__clblast_set clade__clblast_nothing(void)
{
    clade__clblast_set set;
    for (int i = 0; i < CLADE__CLBLAST_VALUES; i++) set.values[i] = -1;
    return set;
}

void clade__clblast_write(char out[CLADE__CLBLAST_TEXT], const clade__clblast_set *set)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < CLADE__CLBLAST_VALUES; i++)
        if (set->values[i] >= 0)
            used += (size_t)snprintf(out + used, CLADE__CLBLAST_TEXT - used, "%s%s=%d", used ? " " : "",
                                     clade__clblast_names[i], set->values[i]);
}

/* Takes "NAME=VALUE" of so many bytes. */
static bool read_value(clade__clblast_set *set, const char *text, size_t n_bytes)
{
    char *end;
    const char *equals = memchr(text, '=', n_bytes);
    if (!equals || equals + 1 == text + n_bytes || equals[1] < '0' || equals[1] > '9') return false;
    long value = strtol(equals + 1, &end, 10);
    if (end != text + n_bytes || value > MAX_VALUE) return false;
    for (int i = 0; i < CLADE__CLBLAST_VALUES; i++) {
        size_t n = strlen(clade__clblast_names[i]);
        if (n != (size_t)(equals - text) || strncmp(text, clade__clblast_names[i], n) != 0) continue;
        set->values[i] = (int)value;
        return true;
    }
    return false;
}

bool clade__clblast_read(clade__clblast_set *set, const char *text, size_t n_bytes)
{
    *set = clade__clblast_nothing();
    while (n_bytes > 0) {
        const char *blank = memchr(text, ' ', n_bytes);
        size_t n = blank ? (size_t)(blank - text) : n_bytes;
        if (!read_value(set, text, n)) return false;
        if (blank) n++;
        text += n;
        n_bytes -= n;
    }
    return true;
}

uint64_t clade__clblast_hash(const clade__clblast_set *set)
{
    char text[CLADE__CLBLAST_TEXT];
    clade__clblast_write(text, set);
    return clade__hash_text(CLADE__HASH_START, text);
}
