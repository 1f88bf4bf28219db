/* Values, and their slots: memory that several share, since no two of them live at once. */
#include <stdlib.h>

#include "graph/layout.h"

/* ---- values ------------------------------------------------------------------------------------ */

/* The number of a new value, or -1 without memory. */
static int add_value(clade__layout *layout, int64_t elements, clade_dtype dtype, int from, int to)
{
    if (layout->n_values == layout->capacity) {
        int capacity = 2 * layout->capacity + 64;
        clade__value *values = realloc(layout->values, (size_t)capacity * sizeof *values);
        if (!values) return -1;
        layout->values = values;
        layout->capacity = capacity;
    }
    layout->values[layout->n_values] =
        (clade__value){.bytes = (size_t)elements * clade_dtype_bytes(dtype), .from = from, .to = to,
                       .slot = -1, .next = -1};
    return layout->n_values++;
}

clade_status clade__layout_new_value(clade__layout *layout, int64_t elements, clade_dtype dtype,
                                     int from, int to, int *value)
{
    *value = add_value(layout, elements, dtype, from, to);
    return *value < 0 ? clade__fail(CLADE_ENOMEM, "no memory to plan a step") : CLADE_OK;
}

void clade__layout_live_until(clade__layout *layout, int value, int time)
{
    if (value >= 0 && layout->values[value].to < time) layout->values[value].to = time;
}

/* ---- slots ------------------------------------------------------------------------------------- */

static int larger_first(const void *a, const void *b)
{
    const clade__value *x = *(clade__value *const *)a, *y = *(clade__value *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y; /* one order everywhere */
}

static bool slot_is_free(const clade__layout *layout, int first, const clade__value *value)
{
    for (int i = first; i >= 0; i = layout->values[i].next)
        if (layout->values[i].from <= value->to && value->from <= layout->values[i].to) return false;
    return true;
}

/* Largest first, each into the first slot that is free for all of its life: then no slot is ever
 * enlarged. first_of (n_values): the head of each slot's list. */
static void assign_slots(clade__layout *layout, clade__value **order, int *first_of)
{
    for (int i = 0; i < layout->n_values; i++) order[i] = &layout->values[i];
    qsort(order, (size_t)layout->n_values, sizeof *order, larger_first);
    for (int i = 0; i < layout->n_values; i++) {
        int slot = 0;
        while (slot < layout->n_slots && !slot_is_free(layout, first_of[slot], order[i])) slot++;
        if (slot == layout->n_slots) {
            first_of[slot] = -1;
            layout->slot_bytes[layout->n_slots++] = order[i]->bytes;
        }
        order[i]->slot = slot;
        order[i]->next = first_of[slot];
        first_of[slot] = (int)(order[i] - layout->values);
    }
}

clade_status clade__layout_pack(clade__layout *layout)
{
    size_t n = (size_t)layout->n_values + 1;
    clade__value **order = malloc(n * sizeof *order);
    int *first_of = malloc(n * sizeof *first_of);
    layout->slot_bytes = clade__arena_alloc(&layout->arena, n * sizeof *layout->slot_bytes);
    bool room = order && first_of && layout->slot_bytes;
    if (room) assign_slots(layout, order, first_of);
    free(order);
    free(first_of);
    return room ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory to plan a step");
}
