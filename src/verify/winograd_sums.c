/* How far roundings may take a convolution by Winograd's F(2 x 2, 3 x 3); cl/conv_winograd.cl has the formula.
 *
 * With the absolute values of all matrices and operands, y is what its terms come to in size at the most:
 *
 *     |A'| [ sum over c of (|G| |g| |G'|) * (|B'| |d| |B|) ] |A|
 *
 * A term passes 2 roundings of an input's transform, 4 of a weight's, one for each product, and 4 of the
 * outputs' transform (Higham, 3.1, for each of the sums in turn). */
#include <math.h>

#include "verify/sums.h"

#define ROUNDINGS 10 /* but for those of the products */

static const double of_input[4][4] = {{1, 0, 1, 0}, {0, 1, 1, 0}, {0, 1, 1, 0}, {0, 1, 0, 1}};
static const double of_weight[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, {0, 0, 1}};
static const double of_output[2][4] = {{1, 1, 1, 0}, {0, 1, 1, 1}};

/* A pass as a convolution in steps of 1: what is read, what comes of it, and where. */
typedef struct pass {
    int in[2], out[2], ic, oc, pad[2];
    bool turned; /* the kernel, and channels are exchanged */
} pass;

/* Adds those of one channel to `sum`: of the kernel g, and of the tile from row y and column x on. */
static void add_channel(double sum[4][4], const pass *p, const float *g, const float *plane, int y, int x)
{
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++) {
            double u = 0.0, v = 0.0;
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++)
                    u += of_weight[a][i] * of_weight[b][j] *
                         fabs((double)g[p->turned ? 8 - 3 * i - j : 3 * i + j]);
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++) {
                    bool inside = y + i >= 0 && y + i < p->in[0] && x + j >= 0 && x + j < p->in[1];
                    if (inside)
                        v += of_input[a][i] * of_input[b][j] *
                             fabs((double)plane[(y + i) * p->in[1] + x + j]);
                }
            sum[a][b] += u * v;
        }
}

static double size_of(double sum[4][4], int y, int x)
{
    double size = 0.0;
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++) size += of_output[y][a] * of_output[x][b] * sum[a][b];
    return size;
}

/* Those of the plane of channel o of group g, from the group's first input plane on. */
static void set_plane(const pass *p, int g, int o, const float *in, const float *weight, double *size,
                      double *count)
{
    int area = p->in[0] * p->in[1];
    for (int y = 0; y < p->out[0]; y += 2)
        for (int x = 0; x < p->out[1]; x += 2) {
            double sum[4][4] = {{0}};
            for (int c = 0; c < p->ic; c++) {
                int at = p->turned ? (g * p->ic + c) * p->oc + o : (g * p->oc + o) * p->ic + c;
                add_channel(sum, p, weight + 9 * at, in + c * area, y - p->pad[0], x - p->pad[1]);
            }
            for (int i = y; i < y + 2 && i < p->out[0]; i++)
                for (int j = x; j < x + 2 && j < p->out[1]; j++) {
                    size[i * p->out[1] + j] = size_of(sum, i - y, j - x);
                    count[i * p->out[1] + j] = p->ic + ROUNDINGS;
                }
        }
}

void clade__sums_of_winograd(clade__sums *sums, const clade__conv *conv, clade__conv_pass of)
{
    int ic = conv->c / conv->groups, oc = conv->oc / conv->groups;
    pass p = {{conv->h, conv->w}, {conv->oh, conv->ow}, ic, oc, {conv->pad[0], conv->pad[1]}, false};
    if (!clade__conv_winograd_suits(conv, of)) return;
    if (of == CLADE__CONV_DATA)
        p = (pass){{conv->oh, conv->ow}, {conv->h, conv->w}, oc, ic, {2 - conv->pad[0], 2 - conv->pad[1]},
                   true};
    int64_t in_area = (int64_t)p.in[0] * p.in[1], out_area = (int64_t)p.out[0] * p.out[1];
    for (int64_t group = 0; group < (int64_t)conv->n * conv->groups; group++)
        for (int o = 0; o < p.oc; o++) {
            int64_t at = (group * p.oc + o) * out_area;
            set_plane(&p, (int)(group % conv->groups), o, sums->a + group * p.ic * in_area, sums->b,
                      sums->size + at, sums->count + at);
        }
}
