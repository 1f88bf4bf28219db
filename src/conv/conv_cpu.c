#include "conv/conv_cpu.h"

#define GROUPS_PER_UNIT 8
/* Groups of a weight's gradient, on every device, where there are so many images; of blocks of so many
 * channels. */
#define WANTED_GROUPS 16
#define BLOCK_OUT 32
#define BLOCK_ROWS (9 * 32) /* input channels and taps */
#define JOIN_GROUP 128      /* cl/element.cl's */

bool clade__conv_is_countable(const clade__conv *c)
{
    for (int d = 0; d < 2; d++)
        if (c->kernel[d] > CLADE__CONV_MAX_TAPS || c->pad[d] > 1 << 20 || c->dilation[d] > 1 << 20 ||
            c->stride[d] > 1 << 10)
            return false;
    return c->h <= 1 << 20 && c->w <= 1 << 20 && c->kernel[0] * c->kernel[1] <= CLADE__CONV_MAX_TAPS;
}

clade__arg clade__conv_window_arg(const clade__conv *c)
{
    return (clade__arg){CLADE__ARG_INT8,
                        {.ints = {c->kernel[0], c->kernel[1], c->stride[0], c->stride[1], c->pad[0],
                                  c->pad[1], c->dilation[0], c->dilation[1]}}};
}

void clade__conv_set_chunks(const clade__conv *c, int *images, int *chunks)
{
    int oc = c->oc / c->groups, rows = c->c / c->groups * c->kernel[0] * c->kernel[1];
    int64_t blocks = (int64_t)c->groups * clade__ceil_div(oc, BLOCK_OUT) * clade__ceil_div(rows, BLOCK_ROWS);
    int wanted = blocks >= WANTED_GROUPS ? 1 : clade__ceil_div(WANTED_GROUPS, (int)blocks);
    *images = clade__ceil_div(c->n, wanted < c->n ? wanted : c->n);
    *chunks = clade__ceil_div(c->n, *images);
}

clade_status clade__conv_join(clade__commands *commands, const clade__conv_call *call, int chunks)
{
    int64_t n = clade_shape_elements(clade__conv_weight_shape(&call->conv));
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "conv_join",
            .options = call->add ? "-DADD=1" : NULL,
            .kernel = "conv_join",
            .args = {clade__arg_tensor(call->out), clade__arg_tensor(call->scratch), clade__arg_int(n),
                     clade__arg_int(chunks)},
            .n_args = 4,
            .groups = {clade__groups(n, JOIN_GROUP)},
            .local = {JOIN_GROUP},
        });
}

int clade__conv_tile_rows(int channels, int vw)
{
    static const int rows[] = {CLADE__CONV_MAX_TILE, 6, 4, 2, 1};
    int best = 1, least = INT32_MAX;
    for (size_t i = vw < 16 ? 2 : 0; i < sizeof rows / sizeof rows[0]; i++) {
        int cost = clade__ceil_div(channels, rows[i]) * (rows[i] + 1);
        if (rows[i] > channels || cost >= least) continue;
        least = cost;
        best = rows[i];
    }
    return best;
}

int clade__conv_wanted_groups(const clade_device *device)
{
    return GROUPS_PER_UNIT * clade_device_describe(device)->compute_units;
}
