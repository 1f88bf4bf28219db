/* A hash table of texts, with open addressing. */
#include "data/csv_words.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

typedef struct clade__csv_word {
    size_t start; /* in bytes */
    uint64_t hash;
    int64_t row;
    uint32_t length;
} word;

static size_t find_slot(const clade__csv_words *w, uint64_t hash, const char *text, uint32_t length)
{
    size_t slot = (size_t)(hash ^ hash >> 32) & (w->n_slots - 1);
    for (; w->slots[slot] >= 0; slot = (slot + 1) & (w->n_slots - 1)) {
        const word *at = &w->list[w->slots[slot]];
        if (at->hash == hash && at->length == length &&
            memcmp(w->bytes + at->start, text, length) == 0)
            break;
    }
    return slot;
}

static clade_status grow_table(clade__csv_words *w)
{
    size_t n_slots = w->n_slots ? 2 * w->n_slots : 4;
    int32_t *slots = malloc(n_slots * sizeof *slots);
    word *list = realloc(w->list, n_slots / 2 * sizeof *list);
    if (list) w->list = list;
    if (!slots || !list) {
        free(slots);
        return clade__fail(CLADE_ENOMEM, "csv: no memory for %zu different texts", n_slots / 2);
    }
    free(w->slots);
    w->slots = slots;
    w->n_slots = n_slots;
    for (size_t i = 0; i < n_slots; i++) slots[i] = -1;
    for (int32_t i = 0; i < w->n; i++)
        slots[find_slot(w, w->list[i].hash, w->bytes + w->list[i].start, w->list[i].length)] = i;
    return CLADE_OK;
}

static clade_status make_room(clade__csv_words *w, size_t n_bytes)
{
    if (w->room - w->n_bytes >= n_bytes) return CLADE_OK;
    size_t room = 2 * w->n_bytes + n_bytes + 16;
    char *bytes = realloc(w->bytes, room);
    if (!bytes) return clade__fail(CLADE_ENOMEM, "csv: no memory for %zu bytes of text", room);
    w->bytes = bytes;
    w->room = room;
    return CLADE_OK;
}

/* The text stands in the free room already. */
static clade_status add_word(clade__csv_words *w, uint64_t hash, uint32_t length, int64_t row)
{
    if ((size_t)w->n >= w->n_slots / 2) CLADE_TRY(grow_table(w));
    w->slots[find_slot(w, hash, w->bytes + w->n_bytes, length)] = w->n;
    w->list[w->n++] = (word){w->n_bytes, hash, row, length};
    w->n_bytes += length + (size_t)1;
    return CLADE_OK;
}

clade_status clade__csv_words_number(clade__csv_words *w, const clade__csv_cell *cell, int64_t row,
                                     int32_t *number)
{
    const char *text = cell->text;
    uint32_t length = cell->length;
    if (cell->escaped) {
        CLADE_TRY(make_room(w, length + (size_t)1));
        text = w->bytes + w->n_bytes;
        length = (uint32_t)clade__csv_cell_copy(cell, w->bytes + w->n_bytes);
    }
    uint64_t hash = clade__hash(CLADE__HASH_START, text, length);
    if (w->n_slots > 0) {
        *number = w->slots[find_slot(w, hash, text, length)];
        if (*number >= 0) return CLADE_OK;
    }
    if (!cell->escaped) {
        CLADE_TRY(make_room(w, length + (size_t)1));
        (void)clade__csv_cell_copy(cell, w->bytes + w->n_bytes);
    }
    *number = w->n;
    return add_word(w, hash, length, row);
}

clade__csv_cell clade__csv_words_cell(const clade__csv_words *w, int32_t number)
{
    const word *at = &w->list[number];
    return (clade__csv_cell){.text = w->bytes + at->start, .length = at->length};
}

int64_t clade__csv_words_row(const clade__csv_words *w, int32_t number)
{
    return w->list[number].row;
}

char **clade__csv_words_copy(const clade__csv_words *w)
{
    size_t n = (size_t)w->n;
    char **copies = malloc(n * sizeof *copies + w->n_bytes + 1);
    if (!copies) return NULL;
    char *to = (char *)(copies + n);
    if (n > 0) memcpy(to, w->bytes, w->n_bytes);
    for (size_t i = 0; i < n; i++) copies[i] = to + w->list[i].start;
    return copies;
}

void clade__csv_words_free(clade__csv_words *w)
{
    free(w->list);
    free(w->slots);
    free(w->bytes);
    *w = (clade__csv_words){0};
}
