#include "base/philox.h"

#include <math.h>

clade__philox_block clade__philox(uint64_t key, uint64_t counter_low, uint64_t counter_high)
{
    uint32_t c0 = (uint32_t)counter_low, c1 = (uint32_t)(counter_low >> 32);
    uint32_t c2 = (uint32_t)counter_high, c3 = (uint32_t)(counter_high >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u; /* golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    return (clade__philox_block){{c0, c1, c2, c3}};
}

clade__random clade__random_start(uint64_t seed, uint64_t stream)
{
    return (clade__random){.key = seed, .stream = stream};
}

uint32_t clade__random_word(clade__random *random)
{
    unsigned lane = random->position & 3;
    if (lane == 0) random->block = clade__philox(random->key, random->position >> 2, random->stream);
    random->position++;
    return random->block.word[lane];
}

float clade__random_uniform(clade__random *random)
{
    return (float)(clade__random_word(random) >> 8) * 0x1p-24f;
}

double clade__random_normal(clade__random *random)
{
    double u = ((double)clade__random_word(random) + 1.0) * 0x1p-32; /* in (0, 1] */
    double v = (double)clade__random_word(random) * 0x1p-32;
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

uint32_t clade__random_below(clade__random *random, uint32_t bound)
{
    uint64_t product = (uint64_t)clade__random_word(random) * bound;
    if ((uint32_t)product < bound) {
        uint32_t least = (0u - bound) % bound;
        while ((uint32_t)product < least) product = (uint64_t)clade__random_word(random) * bound;
    }
    return (uint32_t)(product >> 32);
}
