/* Random numbers: the generator against published vectors, and what is made of its words. */
#include "support.h"

#include "base/philox.h"

/* philox4x32-10 in kat_vectors of Random123 (D. E. Shaw Research). */
static void philox_gives_the_published_words(void **state)
{
    (void)state;
    static const struct {
        uint64_t key, low, high;
        uint32_t want[4];
    } vectors[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {UINT64_C(0x299f31d0a4093822), UINT64_C(0x85a308d3243f6a88), UINT64_C(0x0370734413198a2e),
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        clade__philox_block got = clade__philox(vectors[i].key, vectors[i].low, vectors[i].high);
        for (int j = 0; j < 4; j++) assert_int_equal(got.word[j], vectors[i].want[j]);
    }
}

static void a_sequence_is_the_blocks_in_order(void **state)
{
    (void)state;
    clade__random random = clade__random_start(42, 7);
    for (uint64_t i = 0; i < 9; i++)
        assert_int_equal(clade__random_word(&random), clade__philox(42, i / 4, 7).word[i % 4]);

    clade__random copy = random; /* a copy goes on alike */
    assert_int_equal(clade__random_word(&copy), clade__random_word(&random));

    clade__random other_stream = clade__random_start(42, 8);
    clade__random other_seed = clade__random_start(43, 7);
    clade__random first = clade__random_start(42, 7);
    uint32_t word = clade__random_word(&first);
    assert_int_not_equal(word, clade__random_word(&other_stream));
    assert_int_not_equal(word, clade__random_word(&other_seed));
}

static void uniform_is_in_range_and_even(void **state)
{
    (void)state;
    enum { N = 100000 };
    clade__random random = clade__random_start(1, 1);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        float u = clade__random_uniform(&random);
        assert_true(u >= 0.0f && u < 1.0f);
        assert_true(u * 0x1p24f == floorf(u * 0x1p24f));
        sum += u;
        squares += (double)u * u;
    }
    /* five standard errors */
    assert_true(fabs(sum / N - 0.5) < 5 * sqrt(1.0 / 12 / N));
    assert_true(fabs(squares / N - 1.0 / 3) < 5 * sqrt(4.0 / 45 / N));
}

static void normal_has_its_moments(void **state)
{
    (void)state;
    enum { N = 100000 };
    clade__random random = clade__random_start(2, 1);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        double x = clade__random_normal(&random);
        assert_true(isfinite(x));
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / N) < 5 * sqrt(1.0 / N));
    assert_true(fabs(squares / N - 1) < 5 * sqrt(2.0 / N));
}

/* chi² with `bound` - 1 degrees of freedom lies within five standard deviations of its mean. */
static void check_below(uint32_t bound)
{
    enum { N = 70000, MOST = 64 };
    double counts[MOST] = {0}, chi = 0;
    clade__random random = clade__random_start(3, bound);
    for (int i = 0; i < N; i++) {
        uint32_t x = clade__random_below(&random, bound);
        assert_true(x < bound);
        counts[x]++;
    }
    double want = (double)N / bound;
    for (uint32_t x = 0; x < bound; x++) chi += (counts[x] - want) * (counts[x] - want) / want;
    assert_true(fabs(chi - (bound - 1)) <= 5 * sqrt(2.0 * (bound - 1)));
}

static void below_is_in_range_and_even(void **state)
{
    (void)state;
    check_below(1);
    check_below(2);
    check_below(7);
    check_below(64);
}

/* With a bound of 3 * 2^30 a word taken modulo the bound would give the lowest third twice as
 * often as the others. */
static void below_has_no_bias(void **state)
{
    (void)state;
    enum { N = 60000 };
    double counts[3] = {0};
    clade__random random = clade__random_start(4, 1);
    for (int i = 0; i < N; i++)
        counts[clade__random_below(&random, UINT32_C(3) << 30) >> 30]++;
    for (int third = 0; third < 3; third++)
        assert_true(fabs(counts[third] / N - 1.0 / 3) < 5 * sqrt(2.0 / 9 / N));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_words),
        cmocka_unit_test(a_sequence_is_the_blocks_in_order),
        cmocka_unit_test(uniform_is_in_range_and_even),
        cmocka_unit_test(normal_has_its_moments),
        cmocka_unit_test(below_is_in_range_and_even),
        cmocka_unit_test(below_has_no_bias),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
