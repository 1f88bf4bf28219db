/* FNV-1a, 64 bit: names of cache entries and checks against damage; not against malice. */
#ifndef CLADE_BASE_HASH_H
#define CLADE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define CLADE__HASH_START UINT64_C(0xcbf29ce484222325)

/* The hash of bytes, going on from `hash`. */
uint64_t clade__hash(uint64_t hash, const void *data, size_t bytes);

/* The same for a text, its closing zero included, so that ("ab", "c") and ("a", "bc") differ. */
uint64_t clade__hash_text(uint64_t hash, const char *text);

#endif
