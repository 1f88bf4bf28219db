/* The sizes of a convolution, and the choice of a provider. */
#include "conv/conv.h"

static const clade__conv_provider *const providers[] = {
    &clade__conv_winograd, &clade__conv_winograd_weight, &clade__conv_lanes, &clade__conv_outer,
    &clade__conv_tiled,    &clade__conv_columns,         NULL};

/* ---- sizes ------------------------------------------------------------------------------------- */

static clade_status check_number(const char *op, const char *name, int64_t value, int64_t least)
{
    if (value >= least && value <= INT32_MAX) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "%s: %s is %lld, want at least %lld", op, name, (long long)value,
                       (long long)least);
}

static const char *const side_names[] = {"height", "width"};

/* Elements along height or width d from a kernel's first to its last. */
static int64_t reach_of(const clade__conv *conv, int d)
{
    return (int64_t)conv->dilation[d] * (conv->kernel[d] - 1);
}

/* Output elements along height or width d, and the padding before the first; sizes are below 2^31. */
static clade_status place(clade__conv *conv, int d, int64_t size, int64_t padding, int *count)
{
    int64_t reach = reach_of(conv, d);
    if (padding == CLADE_PADDING_SAME) {
        if (conv->stride[d] != 1)
            return clade__fail(CLADE_EINVAL, "conv2d: padding 'same' wants a stride of 1, and it is %d",
                               conv->stride[d]);
        conv->pad[d] = (int)(reach / 2);
        *count = (int)size;
        return CLADE_OK;
    }
    CLADE_TRY(check_number("conv2d", "padding", padding, 0));
    if (reach >= size + 2 * padding)
        return clade__fail(CLADE_ESHAPE, "conv2d: a kernel over %lld elements is larger than the padded "
                           "input, whose %s is %lld", (long long)reach + 1, side_names[d],
                           (long long)(size + 2 * padding));
    int64_t n = (size + 2 * padding - reach - 1) / conv->stride[d] + 1;
    conv->pad[d] = (int)padding;
    *count = (int)n;
    return n <= INT32_MAX ? CLADE_OK : clade__fail(CLADE_ESHAPE, "conv2d: padding is too large");
}

/* The same along d for a transposed one, whose output is the convolution's input. */
static clade_status place_transposed(clade__conv *conv, int d, int64_t size, int64_t padding,
                                     int64_t output_padding, int *count)
{
    const char *op = "conv_transpose2d";
    int most = conv->stride[d] > conv->dilation[d] ? conv->stride[d] : conv->dilation[d];
    CLADE_TRY(check_number(op, "padding", padding, 0));
    CLADE_TRY(check_number(op, "output_padding", output_padding, 0));
    if (output_padding >= most)
        return clade__fail(CLADE_EINVAL, "%s: output_padding is %lld, want less than the larger of stride and "
                           "dilation, %d", op, (long long)output_padding, most);
    int64_t n = (size - 1) * conv->stride[d] + reach_of(conv, d) + output_padding + 1;
    if (n <= 2 * padding)
        return clade__fail(CLADE_ESHAPE, "%s: a padding of %lld leaves nothing of the output, whose %s is %lld "
                           "without it", op, (long long)padding, side_names[d], (long long)n);
    if (n > INT32_MAX)
        return clade__fail(CLADE_ESHAPE, "%s: the output's %s is %lld before padding, want at most %d", op,
                           side_names[d], (long long)n, (int)INT32_MAX);
    conv->pad[d] = (int)padding;
    *count = (int)(n - 2 * padding);
    return CLADE_OK;
}

/* Kernel, stride, dilation and groups of a convolution whose channels are set. */
static clade_status set_window(const char *op, clade__conv *conv, const int64_t kernel[2],
                               const clade_conv2d_window *window)
{
    for (int d = 0; d < 2; d++) {
        CLADE_TRY(check_number(op, "kernel_size", kernel[d], 1));
        CLADE_TRY(check_number(op, "stride", window->stride[d], 0));
        CLADE_TRY(check_number(op, "dilation", window->dilation[d], 0));
        conv->kernel[d] = (int)kernel[d];
        conv->stride[d] = window->stride[d] ? (int)window->stride[d] : 1;
        conv->dilation[d] = window->dilation[d] ? (int)window->dilation[d] : 1;
    }
    CLADE_TRY(check_number(op, "groups", window->groups, 0));
    conv->groups = window->groups ? (int)window->groups : 1;
    return CLADE_OK;
}

clade_status clade__conv_of(clade__conv *out, clade_shape x, int64_t oc, const int64_t kernel[2],
                            const clade_conv2d_window *window)
{
    static const clade_conv2d_window plain;
    if (!window) window = &plain;
    CLADE_TRY(clade__shape_check_counted(x, "conv2d: x"));
    CLADE_TRY(check_number("conv2d", "out_channels", oc, 1));
    *out = (clade__conv){.n = (int)x.dim[0], .c = (int)x.dim[1], .h = (int)x.dim[2],
                         .w = (int)x.dim[3], .oc = (int)oc};
    CLADE_TRY(set_window("conv2d", out, kernel, window));
    if (out->c % out->groups != 0 || out->oc % out->groups != 0)
        return clade__fail(CLADE_ESHAPE, "conv2d: groups is %d, which does not divide both %d channels "
                           "and %d out_channels", out->groups, out->c, out->oc);
    if ((window->padding[0] == CLADE_PADDING_SAME) != (window->padding[1] == CLADE_PADDING_SAME))
        return clade__fail(CLADE_EINVAL, "conv2d: padding is 'same' in height or width alone");
    CLADE_TRY(place(out, 0, out->h, window->padding[0], &out->oh));
    CLADE_TRY(place(out, 1, out->w, window->padding[1], &out->ow));
    CLADE_TRY(clade__shape_check_counted(clade__conv_y_shape(out), "conv2d: y"));
    return clade__shape_check_counted(clade__conv_weight_shape(out), "conv2d: weight");
}

clade_status clade__conv_transposed_of(clade__conv *out, clade_shape x, int64_t channels,
                                       const int64_t kernel[2],
                                       const clade_conv_transpose2d_window *window)
{
    static const clade_conv_transpose2d_window plain;
    const char *op = "conv_transpose2d";
    if (!window) window = &plain;
    CLADE_TRY(clade__shape_check_counted(x, "conv_transpose2d: x"));
    CLADE_TRY(check_number(op, "out_channels", channels, 1));
    *out = (clade__conv){.n = (int)x.dim[0], .c = (int)channels, .oc = (int)x.dim[1],
                         .oh = (int)x.dim[2], .ow = (int)x.dim[3]};
    CLADE_TRY(set_window(op, out, kernel,
                         &(clade_conv2d_window){.stride = {window->stride[0], window->stride[1]},
                                                .dilation = {window->dilation[0], window->dilation[1]},
                                                .groups = window->groups}));
    if (out->c % out->groups != 0 || out->oc % out->groups != 0)
        return clade__fail(CLADE_ESHAPE, "%s: groups is %d, which does not divide both %d channels and %d "
                           "out_channels", op, out->groups, out->oc, out->c);
    CLADE_TRY(place_transposed(out, 0, out->oh, window->padding[0], window->output_padding[0], &out->h));
    CLADE_TRY(place_transposed(out, 1, out->ow, window->padding[1], window->output_padding[1], &out->w));
    CLADE_TRY(clade__shape_check_counted(clade__conv_x_shape(out), "conv_transpose2d: y"));
    return clade__shape_check_counted(clade__conv_weight_shape(out), "conv_transpose2d: weight");
}

clade_shape clade__conv_x_shape(const clade__conv *conv)
{
    return CLADE_SHAPE(conv->n, conv->c, conv->h, conv->w);
}

clade_shape clade__conv_y_shape(const clade__conv *conv)
{
    return CLADE_SHAPE(conv->n, conv->oc, conv->oh, conv->ow);
}

clade_shape clade__conv_weight_shape(const clade__conv *conv)
{
    return CLADE_SHAPE(conv->oc, conv->c / conv->groups, conv->kernel[0], conv->kernel[1]);
}

/* ---- providers --------------------------------------------------------------------------------- */

int64_t clade__conv_scratch(const clade__conv *conv, clade__conv_pass pass)
{
    int64_t each[] = {clade__conv_columns_scratch(conv), clade__conv_tiled_scratch(conv, pass),
                      clade__conv_winograd_scratch(conv, pass)};
    int64_t most = 0;
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++)
        if (each[i] > most) most = each[i];
    return most;
}

clade_status clade__conv_record(clade__commands *commands, const clade__conv_provider *provider,
                                const clade__conv_call *call)
{
    const clade_device *device = clade__commands_device(commands);
    for (int i = 0; !provider; i++)
        if (!providers[i + 1] || !providers[i]->refuses(device, &call->conv, call->pass))
            provider = providers[i]; /* the last takes everything */
    int64_t n = clade__conv_scratch(&call->conv, call->pass);
    int64_t has = call->scratch ? clade_tensor_elements(call->scratch) : 0;
    if (has < n)
        return clade__fail(CLADE_EINVAL, "convolution: scratch of %lld floats, want %lld",
                           (long long)has, (long long)n);
    return provider->record(commands, call);
}
