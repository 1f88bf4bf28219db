/* Sums of lanes, for kernels whose sums are vectors; included by them, after vector.cl, without which there
 * are none: add_lanes gives the sums of the lanes of four vectors, in a fixed order. */
#ifndef VEC
#elif VW == 16
static inline float4 add_lanes(const VEC a, const VEC b, const VEC c, const VEC d)
{
    const float16 x = (float16)(a.lo, b.lo) + (float16)(a.hi, b.hi);
    const float16 y = (float16)(c.lo, d.lo) + (float16)(c.hi, d.hi);
    float16 z = (float16)(x.s0123, x.s89ab, y.s0123, y.s89ab) +
                (float16)(x.s4567, x.scdef, y.s4567, y.scdef);
    z += z.s23016745ab89efcd;
    z += z.s1032547698badcfe;
    return z.s048c;
}
#elif VW == 8
static inline float4 add_lanes(const VEC a, const VEC b, const VEC c, const VEC d)
{
    const float8 x = (float8)(a.lo, b.lo) + (float8)(a.hi, b.hi);
    const float8 y = (float8)(c.lo, d.lo) + (float8)(c.hi, d.hi);
    float8 z = (float8)(x.s01, x.s45, y.s01, y.s45) + (float8)(x.s23, x.s67, y.s23, y.s67);
    z += z.s10325476;
    return z.s0246;
}
#elif VW == 4
static inline float4 add_lanes(const VEC a, const VEC b, const VEC c, const VEC d)
{
    const float4 x = (float4)(a.lo, b.lo) + (float4)(a.hi, b.hi);
    const float4 y = (float4)(c.lo, d.lo) + (float4)(c.hi, d.hi);
    return (float4)(x.s02, y.s02) + (float4)(x.s13, y.s13);
}
#else
static inline float4 add_lanes(const VEC a, const VEC b, const VEC c, const VEC d)
{
    return (float4)(a, b, c, d);
}
#endif
