#include "base/hash.h"

#include <string.h>

uint64_t clade__hash(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t clade__hash_text(uint64_t hash, const char *text)
{
    return clade__hash(hash, text, strlen(text) + 1);
}
