/* How far roundings may take a convolution by Winograd's tiles; cl/winograd.cl has the matrices,
 * cl/conv_winograd_weight.cl the formula of the weight's gradient.
 *
 * With the absolute values of all matrices and operands, y is what its terms come to in size at the most:
 *
 *     |A'| [ sum over c of (|G| |g| |G'|) * (|B'| |d| |B|) ] |A|
 *
 * and of the gradient of the weight, which is the derivative of that,
 *
 *     |G'| [ sum over tiles of (|A| |e| |A'|) * (|B'| |d| |B|) ] |G|
 *
 * With tiles of 2 x 2 a term passes 2 roundings of an input's transform, 4 of a weight's or 2 of e's, one for each
 * product, and 4 of the outputs' transform (Higham, 3.1, for each of the sums in turn). With tiles of 4 x 4 it passes
 * 3 of an input's along each dimension, 4 of a weight's and 4 of an output's, or 3 of e's and 5 of the gradient's;
 * rounded factors are counted: 24 at the most. */
#include <math.h>

#include "verify/sums.h"

#define MAX_SIDE 4
#define MAX_TILE (MAX_SIDE + 2)
#define A 0.70710678118654752 /* the points of tiles of 4 x 4 */
#define B 1.41421356237309505

/* The absolute values of the matrices for tiles of side x side outputs, tile x tile inputs, and what a term passes
 * besides the products' roundings. */
typedef struct matrices {
    int side, tile, roundings;
    double of_input[MAX_TILE][MAX_TILE], of_weight[MAX_TILE][3], of_output[MAX_SIDE][MAX_TILE];
} matrices;

static const matrices all[] = {
    {2, 4, 10,
     {{1, 0, 1, 0}, {0, 1, 1, 0}, {0, 1, 1, 0}, {0, 1, 0, 1}},
     {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, {0, 0, 1}},
     {{1, 1, 1, 0}, {0, 1, 1, 1}}},
    {4, 6, 24,
     {{1, 0, 2.5, 0, 1, 0}, {0, B, 2, A, 1, 0}, {0, B, 2, A, 1, 0}, {0, A, 0.5, B, 1, 0}, {0, A, 0.5, B, 1, 0},
      {0, 1, 0, 2.5, 0, 1}},
     {{1, 0, 0}, {2 / 3.0, B / 3, 1 / 3.0}, {2 / 3.0, B / 3, 1 / 3.0}, {1 / 6.0, B / 6, 1 / 3.0},
      {1 / 6.0, B / 6, 1 / 3.0}, {0, 0, 1}},
     {{1, 1, 1, 1, 1, 0}, {0, A, A, B, B, 0}, {0, 0.5, 0.5, 2, 2, 0}, {0, A / 2, A / 2, 2 * B, 2 * B, 1}}},
};

static const matrices *matrices_of(int side)
{
    return &all[side == all[1].side];
}

/* A pass as a convolution in steps of 1: what is read, what comes of it, and where. */
typedef struct pass {
    int in[2], out[2], ic, oc, pad[2];
    bool turned; /* the kernel, and channels are exchanged */
} pass;

/* Adds those of one channel to `sum`: of the kernel g, and of the tile from row y and column x on. */
static void add_channel(double sum[MAX_TILE][MAX_TILE], const matrices *by, const pass *p, const float *g,
                        const float *plane, int y, int x)
{
    for (int a = 0; a < by->tile; a++)
        for (int b = 0; b < by->tile; b++) {
            double u = 0.0, v = 0.0;
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++)
                    u += by->of_weight[a][i] * by->of_weight[b][j] *
                         fabs((double)g[p->turned ? 8 - 3 * i - j : 3 * i + j]);
            for (int i = 0; i < by->tile; i++)
                for (int j = 0; j < by->tile; j++) {
                    bool inside = y + i >= 0 && y + i < p->in[0] && x + j >= 0 && x + j < p->in[1];
                    if (inside)
                        v += by->of_input[a][i] * by->of_input[b][j] *
                             fabs((double)plane[(y + i) * p->in[1] + x + j]);
                }
            sum[a][b] += u * v;
        }
}

static double size_of(double sum[MAX_TILE][MAX_TILE], const matrices *by, int y, int x)
{
    double size = 0.0;
    for (int a = 0; a < by->tile; a++)
        for (int b = 0; b < by->tile; b++) size += by->of_output[y][a] * by->of_output[x][b] * sum[a][b];
    return size;
}

/* Those of the plane of channel o of group g, from the group's first input plane on. */
static void set_plane(const pass *p, int g, int o, const float *in, const float *weight, double *size,
                      double *count)
{
    const matrices *by = matrices_of(clade__conv_winograd_side(p->ic, p->out[0], p->out[1]));
    int area = p->in[0] * p->in[1];
    for (int y = 0; y < p->out[0]; y += by->side)
        for (int x = 0; x < p->out[1]; x += by->side) {
            double sum[MAX_TILE][MAX_TILE] = {{0}};
            for (int c = 0; c < p->ic; c++) {
                int at = p->turned ? (g * p->ic + c) * p->oc + o : (g * p->oc + o) * p->ic + c;
                add_channel(sum, by, p, weight + 9 * at, in + c * area, y - p->pad[0], x - p->pad[1]);
            }
            for (int i = y; i < y + by->side && i < p->out[0]; i++)
                for (int j = x; j < x + by->side && j < p->out[1]; j++) {
                    size[i * p->out[1] + j] = size_of(sum, by, i - y, j - x);
                    count[i * p->out[1] + j] = p->ic + by->roundings;
                }
        }
}

/* Adds those of one tile of two planes, of which `e` has gradients, to `sum`. */
static void add_tile(double sum[MAX_TILE][MAX_TILE], const matrices *by, const clade__conv *c, const float *e,
                     const float *d, int y, int x)
{
    for (int a = 0; a < by->tile; a++)
        for (int b = 0; b < by->tile; b++) {
            double u = 0.0, v = 0.0;
            for (int i = 0; i < by->side && y + i < c->oh; i++)
                for (int j = 0; j < by->side && x + j < c->ow; j++)
                    u += by->of_output[i][a] * by->of_output[j][b] * fabs((double)e[(y + i) * c->ow + x + j]);
            for (int i = 0; i < by->tile; i++)
                for (int j = 0; j < by->tile; j++) {
                    int row = y + i - c->pad[0], col = x + j - c->pad[1];
                    if (row >= 0 && row < c->h && col >= 0 && col < c->w)
                        v += by->of_input[a][i] * by->of_input[b][j] * fabs((double)d[row * c->w + col]);
                }
            sum[a][b] += u * v;
        }
}

/* The 9 elements of output channel o and of channel k of its group. */
static void set_gradient(clade__sums *sums, const clade__conv *c, int o, int k)
{
    const matrices *by = matrices_of(clade__conv_winograd_weight_side(c));
    int ic = c->c / c->groups, first = o / (c->oc / c->groups) * ic;
    int tiles = ((c->oh - 1) / by->side + 1) * ((c->ow - 1) / by->side + 1);
    double sum[MAX_TILE][MAX_TILE] = {{0}}, *size = sums->size + ((int64_t)o * ic + k) * 9;
    for (int i = 0; i < c->n; i++)
        for (int y = 0; y < c->oh; y += by->side)
            for (int x = 0; x < c->ow; x += by->side)
                add_tile(sum, by, c, sums->a + ((int64_t)i * c->oc + o) * c->oh * c->ow,
                         sums->b + ((int64_t)i * c->c + first + k) * c->h * c->w, y, x);
    for (int i = 0; i < 9; i++) {
        size[i] = 0.0;
        sums->count[size - sums->size + i] = c->n * tiles + by->roundings;
        for (int a = 0; a < by->tile; a++)
            for (int b = 0; b < by->tile; b++)
                size[i] += by->of_weight[a][i / 3] * by->of_weight[b][i % 3] * sum[a][b];
    }
}

void clade__sums_of_winograd(clade__sums *sums, const clade__conv *conv, clade__conv_pass of)
{
    int ic = conv->c / conv->groups, oc = conv->oc / conv->groups;
    pass p = {{conv->h, conv->w}, {conv->oh, conv->ow}, ic, oc, {conv->pad[0], conv->pad[1]}, false};
    if (of == CLADE__CONV_WEIGHT && clade__conv_winograd_weight_suits(conv)) {
        sums->rounds = clade__conv_winograd_weight_side(conv) == 4;
        for (int o = 0; o < conv->oc; o++)
            for (int k = 0; k < ic; k++) set_gradient(sums, conv, o, k);
    }
    if (!clade__conv_winograd_suits(conv, of)) return;
    if (of == CLADE__CONV_DATA)
        p = (pass){{conv->oh, conv->ow}, {conv->h, conv->w}, oc, ic, {2 - conv->pad[0], 2 - conv->pad[1]},
                   true};
    sums->rounds = clade__conv_winograd_side(p.ic, p.out[0], p.out[1]) == 4;
    int64_t in_area = (int64_t)p.in[0] * p.in[1], out_area = (int64_t)p.out[0] * p.out[1];
    for (int64_t group = 0; group < (int64_t)conv->n * conv->groups; group++)
        for (int o = 0; o < p.oc; o++) {
            int64_t at = (group * p.oc + o) * out_area;
            set_plane(&p, (int)(group % conv->groups), o, sums->a + group * p.ic * in_area, sums->b,
                      sums->size + at, sums->count + at);
        }
}
