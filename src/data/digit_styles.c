/* The strokes of the ten digits; drawn up by hand, to look like people's and not like print. */
#include "data/digit_styles.h"

#define LENGTH(array) (int)(sizeof(array) / sizeof(array)[0])

/* A stroke from its points: LINE({0, 0}, {100, 100}). */
#define STROKE(is_curved, ...)                                                                     \
    {is_curved, (int)(sizeof((uint8_t[][2]){__VA_ARGS__}) / 2), {__VA_ARGS__}}
#define CURVE(...) STROKE(true, __VA_ARGS__)
#define LINE(...) STROKE(false, __VA_ARGS__)

#define STYLE(...)                                                                                 \
    {(int)(sizeof((const clade__stroke[]){__VA_ARGS__}) / sizeof(clade__stroke)),                  \
     (const clade__stroke[]){__VA_ARGS__}}

static const clade__digit_style zero[] = {
    /* oval; a rounder one, closed with a hook */
    STYLE(CURVE({50, 0}, {26, 12}, {16, 50}, {26, 88}, {50, 100}, {74, 88}, {84, 50}, {74, 12},
                {50, 0}, {38, 4})),
    STYLE(CURVE({62, 6}, {36, 4}, {16, 26}, {12, 60}, {26, 92}, {54, 98}, {80, 78}, {88, 44},
                {76, 14}, {54, 4}, {40, 14})),
};

static const clade__digit_style one[] = {
    /* a bar; with a flag; with flag and foot */
    STYLE(LINE({50, 0}, {50, 50}, {50, 100})),
    STYLE(LINE({32, 22}, {53, 0}, {53, 50}, {53, 100})),
    STYLE(LINE({32, 20}, {52, 0}, {52, 50}, {52, 100}), LINE({28, 100}, {76, 100})),
};

static const clade__digit_style two[] = {
    /* with a straight foot; with a loop at the corner */
    STYLE(CURVE({20, 24}, {30, 6}, {52, 0}, {74, 9}, {78, 30}, {62, 58}, {40, 80}, {20, 100}),
          LINE({20, 100}, {82, 99})),
    STYLE(CURVE({20, 20}, {40, 2}, {66, 5}, {76, 26}, {60, 58}, {34, 88}, {18, 97}, {14, 84},
                {30, 77}, {56, 92}, {86, 96})),
};

static const clade__digit_style three[] = {
    /* two bows; flat on top */
    STYLE(CURVE({22, 12}, {46, 0}, {72, 8}, {72, 32}, {44, 46}),
          CURVE({44, 46}, {74, 56}, {80, 82}, {52, 100}, {18, 88})),
    STYLE(LINE({20, 3}, {76, 2}, {44, 40}),
          CURVE({44, 40}, {72, 46}, {82, 70}, {64, 95}, {36, 99}, {16, 86})),
};

static const clade__digit_style four[] = {
    /* open; closed */
    STYLE(LINE({32, 0}, {18, 58}, {84, 56}), LINE({68, 18}, {64, 60}, {62, 100})),
    STYLE(LINE({62, 0}, {14, 66}, {88, 66}), LINE({62, 0}, {62, 50}, {62, 100})),
};

static const clade__digit_style five[] = {
    /* with corners; in one rounded movement */
    STYLE(LINE({78, 2}, {32, 2}, {26, 44}),
          CURVE({26, 44}, {50, 37}, {74, 48}, {80, 72}, {60, 97}, {34, 99}, {16, 86})),
    STYLE(CURVE({80, 4}, {54, 6}, {36, 10}, {30, 28}, {34, 42}, {58, 50}, {74, 66}, {68, 90},
                {44, 99}, {18, 92})),
};

static const clade__digit_style six[] = {
    /* bowed; with a straight back */
    STYLE(CURVE({70, 4}, {42, 18}, {22, 52}, {22, 82}, {42, 99}, {66, 96}, {78, 76}, {66, 56},
                {42, 56}, {24, 74})),
    STYLE(CURVE({48, 0}, {32, 36}, {20, 72}, {32, 96}, {56, 99}, {74, 84}, {70, 64}, {50, 57},
                {30, 66}, {22, 80})),
};

static const clade__digit_style seven[] = {
    /* two lines; with a bar; with a serif and a bowed leg */
    STYLE(LINE({18, 3}, {80, 2}, {60, 50}, {40, 100})),
    STYLE(LINE({18, 3}, {80, 2}, {60, 50}, {40, 100}), LINE({36, 52}, {78, 50})),
    STYLE(LINE({18, 18}, {20, 3}, {80, 2}), CURVE({80, 2}, {62, 32}, {52, 64}, {50, 100})),
};

static const clade__digit_style eight[] = {
    /* in one movement; two loops */
    STYLE(CURVE({72, 14}, {50, 0}, {28, 12}, {30, 32}, {50, 47}, {74, 64}, {76, 88}, {50, 100},
                {24, 88}, {26, 64}, {50, 47}, {70, 33}, {72, 12})),
    STYLE(CURVE({50, 0}, {29, 8}, {27, 32}, {50, 45}, {73, 32}, {71, 8}, {50, 0}, {40, 3}),
          CURVE({50, 45}, {24, 58}, {22, 86}, {50, 100}, {78, 86}, {76, 58}, {50, 45}, {40, 48})),
};

static const clade__digit_style nine[] = {
    /* with a straight leg; with a hooked one */
    STYLE(CURVE({76, 26}, {56, 2}, {30, 10}, {22, 36}, {42, 54}, {66, 44}, {76, 26}),
          LINE({76, 26}, {72, 62}, {66, 100})),
    STYLE(CURVE({74, 16}, {50, 0}, {26, 16}, {26, 42}, {50, 52}, {72, 36}, {74, 16}),
          CURVE({74, 16}, {78, 56}, {64, 92}, {40, 100}, {22, 90})),
};

#define DIGIT(styles) {LENGTH(styles), styles}

const clade__digit_styles clade__digits[10] = {
    DIGIT(zero), DIGIT(one), DIGIT(two),   DIGIT(three), DIGIT(four),
    DIGIT(five), DIGIT(six), DIGIT(seven), DIGIT(eight), DIGIT(nine),
};
