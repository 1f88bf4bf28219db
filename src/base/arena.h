/* An arena: allocations that live and die together. Memory is zeroed and aligned for any type. */
#ifndef CLADE_BASE_ARENA_H
#define CLADE_BASE_ARENA_H

#include <stddef.h>

typedef struct clade__arena {
    struct clade__arena_block *last;
} clade__arena;

/* NULL when there is no memory. */
void *clade__arena_alloc(clade__arena *arena, size_t bytes);
char *clade__arena_copy_text(clade__arena *arena, const char *text);
void clade__arena_free(clade__arena *arena);

#endif
