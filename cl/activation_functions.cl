/* Activations, element by element; included where one is needed.
 *
 *   0 identity    y = x                        dx = dy
 *   1 sigmoid     y = 1 / (1 + exp(-x))        dx = dy y (1 - y)
 *   2 tanh        y = tanh(x)                  dx = dy (1 - y^2)
 *   3 relu        y = x < 0 ? 0 : x            dx = y <= 0 ? 0 : dy
 *   4 leaky_relu  y = x > 0 ? x : slope x      dx = y > 0 ? dy : slope dy
 *   5 gelu        y = x P(x)                   dx = dy (P(x) + x exp(-x^2 / 2) / sqrt(2 pi))
 *                 with P(x) = (1 + erf(x / sqrt(2))) / 2
 *
 *   6 0, 3 or 4 by its slope of 1, 0 or any: one kernel for three (forward only)
 *
 * The numbers to 5 are those of clade_activation. A NaN passes through every one of them. gelu is
 * Hendrycks & Gimpel 2016, in its exact form. FLOAT is float, or a vector of floats.
 */
#ifndef ACTIVATION
#define ACTIVATION 0
#endif
#ifndef FLOAT
#define FLOAT float
#endif
#define ZERO ((FLOAT)(0.0f))

#if ACTIVATION == 5
/* erf as a quotient of polynomials in x^2, after Eigen's generic_fast_erf_float: within 5e-7, and 1
 * past 4. The built-in one is not vectorised by PoCL 3.1, and gelu takes thirty times as long. */
static inline FLOAT gelu_erf(const FLOAT x)
{
    const FLOAT low = x < -4.0f ? (FLOAT)(-4.0f) : x;
    const FLOAT t = low > 4.0f ? (FLOAT)(4.0f) : low;
    const FLOAT z = t * t;
    FLOAT p = -2.72614225801306e-10f;
    p = p * z + 2.77068142495902e-08f;
    p = p * z - 2.10102402082508e-06f;
    p = p * z - 5.69250639462346e-05f;
    p = p * z - 7.34990630326855e-04f;
    p = p * z - 2.95459980854025e-03f;
    p = p * z - 1.60960333262415e-02f;
    FLOAT q = -1.45660718464996e-05f;
    q = q * z - 2.13374055278905e-04f;
    q = q * z - 1.68282697438203e-03f;
    q = q * z - 7.37332916720468e-03f;
    q = q * z - 1.42647390514189e-02f;
    return t * p / q;
}
#endif

static inline FLOAT activation_forward(const FLOAT x, const float slope)
{
#if ACTIVATION == 0
    return x;
#elif ACTIVATION == 1
    return 1.0f / (1.0f + exp(-x));
#elif ACTIVATION == 2
    return tanh(x);
#elif ACTIVATION == 3
    return x < 0.0f ? ZERO : x;
#elif ACTIVATION == 4
    return x > 0.0f ? x : slope * x;
#elif ACTIVATION == 5
    return 0.5f * x * (1.0f + gelu_erf(x * 0.70710678f));
#elif ACTIVATION == 6
    const FLOAT low = slope == 0.0f ? ZERO : slope * x; /* 0, also for minus infinity */
    return x < 0.0f ? low : x;
#endif
}

#if ACTIVATION != 6
/* `saved` is x for gelu, and y = f(x) for the others. */
static inline FLOAT activation_backward(const FLOAT saved, const FLOAT dy, const float slope)
{
#if ACTIVATION == 0
    return dy;
#elif ACTIVATION == 1
    return dy * saved * (1.0f - saved);
#elif ACTIVATION == 2
    return dy * (1.0f - saved * saved);
#elif ACTIVATION == 3
    return saved <= 0.0f ? ZERO : dy;
#elif ACTIVATION == 4
    return saved > 0.0f ? dy : slope * dy;
#elif ACTIVATION == 5
    return dy * (0.5f * (1.0f + gelu_erf(saved * 0.70710678f)) +
                 saved * 0.39894228f * exp(-0.5f * saved * saved));
#endif
}
#endif
