#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)16 * 1024)

struct clade__arena_block {
    struct clade__arena_block *before;
    size_t used, bytes;
    alignas(max_align_t) unsigned char data[];
};

void *clade__arena_alloc(clade__arena *arena, size_t bytes)
{
    const size_t align = alignof(max_align_t);
    if (bytes > (size_t)-1 / 2) return NULL;
    bytes = (bytes + align - 1) / align * align;
    struct clade__arena_block *block = arena->last;
    if (!block || block->bytes - block->used < bytes) {
        size_t data_bytes = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        block = calloc(1, sizeof *block + data_bytes);
        if (!block) return NULL;
        block->bytes = data_bytes;
        block->before = arena->last;
        arena->last = block;
    }
    void *at = block->data + block->used;
    block->used += bytes;
    return at;
}

char *clade__arena_copy_text(clade__arena *arena, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = clade__arena_alloc(arena, bytes);
    if (copy) memcpy(copy, text, bytes);
    return copy;
}

void clade__arena_free(clade__arena *arena)
{
    while (arena->last) {
        struct clade__arena_block *before = arena->last->before;
        free(arena->last);
        arena->last = before;
    }
}
