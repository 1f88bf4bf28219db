#include "conv/conv_cpu.h"

#define GROUPS_PER_UNIT 8

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

int clade__conv_activation(const clade__epilogue *epilogue, float *slope)
{
    *slope = epilogue->slope;
    if (epilogue->activation == CLADE_IDENTITY) *slope = 1.0f;
    if (epilogue->activation == CLADE_RELU) *slope = 0.0f;
    bool is_cheap = epilogue->activation == CLADE_IDENTITY || epilogue->activation == CLADE_RELU ||
                    epilogue->activation == CLADE_LEAKY_RELU;
    return is_cheap ? CLADE__BY_SLOPE : (int)epilogue->activation;
}

int clade__conv_wanted_groups(const clade_device *device)
{
    return GROUPS_PER_UNIT * clade_device_describe(device)->compute_units;
}
