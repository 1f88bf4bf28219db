/* Planes of an image turned, so that the channels of a pixel are neighbours; included by convolutions for CPUs,
 * after conv_planes.cl, without which there is none. */
#ifdef SHARED
#if VW > 1
/* Of rows i and i + VW / 2 the elements in turn, for each i: after log2(VW) times rows are columns. */
static inline void riffle(VEC *to, const VEC *from)
{
    UNROLL for (int i = 0; i < VW / 2; i++) interleave(to + 2 * i, from[i], from[i + VW / 2]);
}

/* VW vectors as rows become columns. */
static inline void transpose(VEC *a)
{
    VEC b[VW];
    riffle(b, a);
    riffle(a, b);
#if VW == 8
    riffle(b, a);
    UNROLL for (int i = 0; i < VW; i++) a[i] = b[i];
#elif VW == 16
    riffle(b, a);
    riffle(a, b);
#endif
}

/* VW pixels of `channels` channels, at most VW, whose planes lie `area` apart; the others are 0. */
static inline void turn_tile(local float *to, const int pitch, const global float *from, const size_t area,
                             const int channels)
{
    VEC a[VW];
    UNROLL for (int o = 0; o < VW; o++) a[o] = o < channels ? LOAD(from + o * area) : (VEC)(0.0f);
    transpose(a);
    UNROLL for (int i = 0; i < VW; i++) STORE(a[i], to + i * pitch);
}
#endif

/* to (n, pitch): n pixels of `channels` channels, and zeros up to the pitch. */
SHARED void turn(local float *to, const int pitch, const global float *from, const size_t area,
                        const int channels, const int n)
{
    int i = 0;
#if VW > 1
    for (; i + VW <= n; i += VW)
        for (int o = 0; o < pitch; o += VW)
            turn_tile(to + i * pitch + o, pitch, from + o * area + i, area, channels - o);
#endif
    for (; i < n; i++)
        for (int o = 0; o < pitch; o++) to[i * pitch + o] = o < channels ? from[o * area + i] : 0.0f;
}
#endif
