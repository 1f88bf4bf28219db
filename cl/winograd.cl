/* The matrices of Winograd's convolution by 3 x 3, F(OUT x OUT, 3 x 3), along one dimension; included by
 * conv_winograd.cl and conv_winograd_weight.cl behind vector.cl, without which there is none.
 *
 *   y = A' [ (G g G') * (B' d B) ] A            Lavin & Gray 2016, section 4.1
 *
 *   d is a tile of TILE x TILE inputs, TILE = OUT + 2, g the kernel, y the OUT x OUT outputs; * is element by element
 *
 * They come from polynomials that are multiplied by their values at TILE - 1 points and the highest coefficients
 * (Cook & Toom). -DOUT=2, at 0, 1 and -1, has 16 products for 4 outputs, where the sum itself has 36:
 *
 *        [1  0 -1  0]        [ 1    0    0 ]       [1 1  1  0]
 *   B' = [0  1  1  0]    G = [1/2  1/2  1/2]  A' = [0 1 -1 -1]
 *        [0 -1  1  0]        [1/2 -1/2  1/2]
 *        [0  1  0 -1]        [ 0    0    1 ]
 *
 * -DOUT=4, at 0, a, -a, b and -b, has 36 for 16, where the sum has 144. With a = 1/sqrt(2) and b = sqrt(2) no factor is
 * far from 1, so that roundings grow less than at 1 and 2, whose factors are whole numbers (Barabasz et al. 2020):
 *
 *        [1   0  -5/2   0   1  0]        [  1     0    0 ]        [1  1   1   1   1   0]
 *        [0  -b   -2    a   1  0]        [-2/3 -2a/3 -1/3]   A' = [0  a  -a   b  -b   0]
 *   B' = [0   b   -2   -a   1  0]    G = [-2/3  2a/3 -1/3]        [0 1/2 1/2  2   2   0]
 *        [0  -a  -1/2   b   1  0]        [ 1/6   b/6  1/3]        [0 a/2 -a/2 2b -2b  1]
 *        [0   a  -1/2  -b   1  0]        [ 1/6  -b/6  1/3]
 *        [0   1   0   -5/2  0  1]        [  0     0    1 ]
 */
#ifdef VEC
#ifndef OUT
#define OUT 2
#endif
#define TILE (OUT + 2)
#define TILE_ELEMENTS (TILE * TILE)
#define ROOT_HALF 0.70710678118654752f
#define ROOT_TWO 1.41421356237309505f

/* t = B' d */
static inline void winograd_inputs(VEC *t, const VEC *d)
{
#if OUT == 2
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[1] - d[3];
#else
    const VEC even = fma(d[2], (VEC)(-2.0f), d[4]), odd = fma(d[1], (VEC)(-2.0f), d[3]);
    const VEC even_b = fma(d[2], (VEC)(-0.5f), d[4]), odd_b = fma(d[1], (VEC)(-0.5f), d[3]);
    t[0] = fma(d[2], (VEC)(-2.5f), d[4]) + d[0];
    t[1] = fma(odd, (VEC)(ROOT_HALF), even);
    t[2] = fma(odd, (VEC)(-ROOT_HALF), even);
    t[3] = fma(odd_b, (VEC)(ROOT_TWO), even_b);
    t[4] = fma(odd_b, (VEC)(-ROOT_TWO), even_b);
    t[5] = fma(d[3], (VEC)(-2.5f), d[1]) + d[5];
#endif
}

/* The columns of B' d B to v, whose elements lie `apart`: t has its rows, by the above. */
static inline void winograd_columns(local float *v, const int apart, VEC t[TILE][TILE])
{
    UNROLL for (int s = 0; s < TILE; s++) {
        VEC d[TILE], column[TILE];
        UNROLL for (int r = 0; r < TILE; r++) d[r] = t[r][s];
        winograd_inputs(column, d);
        UNROLL for (int r = 0; r < TILE; r++) STORE(column[r], v + (TILE * r + s) * apart);
    }
}

/* y = A' m */
static inline void winograd_outputs(VEC *y, const VEC *m)
{
#if OUT == 2
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] - m[3];
#else
    const VEC sum = m[1] + m[2], difference = m[1] - m[2], sum_b = m[3] + m[4], difference_b = m[3] - m[4];
    y[0] = m[0] + sum + sum_b;
    y[1] = fma(difference_b, (VEC)(ROOT_TWO), difference * ROOT_HALF);
    y[2] = fma(sum_b, (VEC)(2.0f), sum * 0.5f);
    y[3] = fma(difference_b, (VEC)(2.0f * ROOT_TWO), fma(difference, (VEC)(0.5f * ROOT_HALF), m[5]));
#endif
}

/* t = A e, of the gradients of outputs */
static inline void winograd_gradients(VEC *t, const VEC *e)
{
#if OUT == 2
    t[0] = e[0];
    t[1] = e[0] + e[1];
    t[2] = e[0] - e[1];
    t[3] = -e[1];
#else
    const VEC even = fma(e[2], (VEC)(0.5f), e[0]), odd = fma(e[3], (VEC)(0.5f), e[1]);
    const VEC even_b = fma(e[2], (VEC)(2.0f), e[0]), odd_b = fma(e[3], (VEC)(2.0f), e[1]);
    t[0] = e[0];
    t[1] = fma(odd, (VEC)(ROOT_HALF), even);
    t[2] = fma(odd, (VEC)(-ROOT_HALF), even);
    t[3] = fma(odd_b, (VEC)(ROOT_TWO), even_b);
    t[4] = fma(odd_b, (VEC)(-ROOT_TWO), even_b);
    t[5] = e[3];
#endif
}

/* u = G g, of a kernel */
static inline void winograd_kernel(float *u, const float *g)
{
#if OUT == 2
    u[0] = g[0];
    u[1] = 0.5f * (g[0] + g[2] + g[1]);
    u[2] = 0.5f * (g[0] + g[2] - g[1]);
    u[3] = g[2];
#else
    const float even = -(2.0f * g[0] + g[2]) * (1.0f / 3.0f), odd = g[1] * (ROOT_TWO / 3.0f);
    const float even_b = (g[0] + 2.0f * g[2]) * (1.0f / 6.0f), odd_b = g[1] * (ROOT_TWO / 6.0f);
    u[0] = g[0];
    u[1] = even - odd;
    u[2] = even + odd;
    u[3] = even_b + odd_b;
    u[4] = even_b - odd_b;
    u[5] = g[2];
#endif
}

/* g = G' s, of the gradient of a kernel */
static inline void winograd_kernel_back(float *g, const float *s)
{
#if OUT == 2
    g[0] = s[0] + 0.5f * (s[1] + s[2]);
    g[1] = 0.5f * (s[1] - s[2]);
    g[2] = s[3] + 0.5f * (s[1] + s[2]);
#else
    const float sum = s[1] + s[2], sum_b = s[3] + s[4];
    g[0] = s[0] + (sum_b - 4.0f * sum) * (1.0f / 6.0f);
    g[1] = ((s[3] - s[4]) - 2.0f * (s[1] - s[2])) * (ROOT_TWO / 6.0f);
    g[2] = s[5] + (sum_b - sum) * (1.0f / 3.0f);
#endif
}
#endif
