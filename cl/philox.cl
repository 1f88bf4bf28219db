/* Philox 4x32-10, a counter-based random number generator, included where one is needed: the same
 * four words for a key and a counter (low word first) as src/base/philox.c has on the host.
 *
 * Reference: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 *
 * The words are scalars and the rounds unrolled, so that PoCL vectorises over work-items: 0.4 ms for
 * 1024 x 1024 words on two cores, where uint4 and a loop take 41 ms. Products in ulong take half as
 * long as mul_hi.
 */
typedef struct philox_words {
    uint s0, s1, s2, s3;
} philox_words;

static inline philox_words philox(philox_words c, uint key0, uint key1)
{
    _Pragma("unroll") for (int round = 0; round < 10; round++)
    {
        const ulong p0 = (ulong)0xD2511F53u * c.s0, p1 = (ulong)0xCD9E8D57u * c.s2;
        c.s0 = (uint)(p1 >> 32) ^ c.s1 ^ key0;
        c.s2 = (uint)(p0 >> 32) ^ c.s3 ^ key1;
        c.s1 = (uint)p1;
        c.s3 = (uint)p0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return c;
}
