/* The provider `columns`: every window of an image becomes a column of a matrix, and gemm does the rest.
 * Right on every device, and fast where gemm is; images are taken a few at a time, so that the matrix
 * stays small. cl/conv_columns.cl has the drawing. */
#include <stdio.h>

#include "conv/conv.h"

/* Floats of scratch at the most, but for one image that needs more. */
#define SCRATCH_FLOATS (4 * 1024 * 1024)
#define GROUP 128 /* cl/element.cl's */

typedef struct columns {
    clade__commands *commands;
    const clade__conv_call *call;
    int64_t area;         /* of an output plane */
    int64_t k;            /* rows of a group's matrix */
    int64_t first, count; /* images */
} columns;

/* Floats of scratch of one image: all its columns, and a row for each output channel. */
static int64_t floats_of_image(const clade__conv *c)
{
    int64_t rows = (int64_t)c->c * c->kernel[0] * c->kernel[1] + c->oc;
    return rows * c->oh * c->ow;
}

static int64_t images_at_a_time(const clade__conv *c)
{
    int64_t fit = SCRATCH_FLOATS / floats_of_image(c);
    return fit < 1 ? 1 : fit > c->n ? c->n : fit;
}

int64_t clade__conv_columns_scratch(const clade__conv *conv)
{
    return images_at_a_time(conv) * floats_of_image(conv);
}

/* ---- launches ---------------------------------------------------------------------------------- */

static int64_t pixels(const columns *s)
{
    return s->count * s->area;
}

/* Where the rows of output channels begin, behind all columns. */
static int64_t rows_at(const columns *s)
{
    return s->k * s->call->conv.groups * pixels(s);
}

/* A launch over `n` elements in each of `planes` planes; what is missing are its first two arguments. */
static clade__launch launch_of(const char *kernel, int64_t n, int64_t planes)
{
    return (clade__launch){.program = "conv_columns", .kernel = kernel, .n_args = 2,
                           .groups = {clade__groups(n, GROUP), (size_t)planes}, .local = {GROUP, 1}};
}

static void add_sizes(const columns *s, clade__launch *l)
{
    const clade__conv *c = &s->call->conv;
    l->args[l->n_args++] = (clade__arg){
        CLADE__ARG_INT8, {.ints = {c->c, c->h, c->w, c->oh, c->ow, c->kernel[0], c->kernel[1],
                                   (int32_t)s->count}}};
    l->args[l->n_args++] = (clade__arg){
        CLADE__ARG_INT8, {.ints = {c->stride[0], c->stride[1], c->pad[0], c->pad[1], c->dilation[0],
                                   c->dilation[1], (int32_t)s->first}}};
}

static clade_status columns_from_images(const columns *s)
{
    const clade__conv *c = &s->call->conv;
    clade__launch l = launch_of("columns_from_images", pixels(s), s->k * c->groups);
    l.args[0] = clade__arg_tensor(s->call->scratch);
    l.args[1] = clade__arg_tensor(s->call->x);
    add_sizes(s, &l);
    return clade__commands_launch(s->commands, &l);
}

static clade_status images_from_columns(const columns *s)
{
    const clade__conv *c = &s->call->conv;
    clade__launch l = launch_of("images_from_columns", s->count * c->h * c->w, c->c);
    l.options = s->call->add ? "-DADD=1" : NULL;
    l.args[0] = clade__arg_tensor(s->call->out);
    l.args[1] = clade__arg_tensor(s->call->scratch);
    add_sizes(s, &l);
    return clade__commands_launch(s->commands, &l);
}

static void add_rows(const columns *s, clade__launch *l)
{
    l->args[l->n_args++] = (clade__arg){
        CLADE__ARG_INT4, {.ints = {s->call->conv.oc, (int32_t)s->area, (int32_t)s->count,
                                   (int32_t)s->first}}};
    l->args[l->n_args++] = clade__arg_int(rows_at(s));
}

static clade_status rows_from_images(const columns *s)
{
    clade__launch l = launch_of("rows_from_images", pixels(s), s->call->conv.oc);
    l.args[0] = clade__arg_tensor(s->call->scratch);
    l.args[1] = clade__arg_tensor(s->call->dy);
    add_rows(s, &l);
    return clade__commands_launch(s->commands, &l);
}

static clade_status images_from_rows(const columns *s)
{
    const clade__epilogue *epilogue = &s->call->epilogue;
    char options[32];
    snprintf(options, sizeof options, "-DACTIVATION=%d%s", (int)epilogue->activation,
             s->call->add ? " -DADD=1" : "");
    clade__launch l = launch_of("images_from_rows", pixels(s), s->call->conv.oc);
    l.options = options;
    l.args[0] = clade__arg_tensor(s->call->out);
    l.args[1] = clade__arg_tensor(s->call->scratch);
    add_rows(s, &l);
    l.args[l.n_args++] = clade__arg_tensor(epilogue->bias);
    l.args[l.n_args++] = clade__arg_float(epilogue->slope);
    return clade__commands_launch(s->commands, &l);
}

/* ---- passes ------------------------------------------------------------------------------------ */

/* The gemm of group g, between its part of the weights, its columns and its rows. */
static clade_status multiply(const columns *s, int g)
{
    const clade__conv_call *call = s->call;
    const int64_t oc = call->conv.oc / call->conv.groups, p = pixels(s);
    const int64_t weight_at = g * oc * s->k, columns_at = g * s->k * p, row_at = rows_at(s) + g * oc * p;
    clade_gemm_args args = {.alpha = 1.0f, .ldc = p, .lda = s->k, .ldb = p};
    if (call->pass == CLADE__CONV_FORWARD) { /* rows = weight columns */
        args.m = oc, args.n = p, args.k = s->k;
        args.a = call->weight, args.a_offset = weight_at;
        args.b = call->scratch, args.b_offset = columns_at;
        args.c = call->scratch, args.c_offset = row_at;
    } else if (call->pass == CLADE__CONV_DATA) { /* columns = weightᵀ rows */
        args.m = s->k, args.n = p, args.k = oc, args.trans_a = true;
        args.a = call->weight, args.a_offset = weight_at;
        args.b = call->scratch, args.b_offset = row_at;
        args.c = call->scratch, args.c_offset = columns_at;
    } else { /* dweight = rows columnsᵀ, of all images */
        args.m = oc, args.n = s->k, args.k = p, args.trans_b = true, args.lda = p, args.ldc = s->k;
        args.a = call->scratch, args.a_offset = row_at;
        args.b = call->scratch, args.b_offset = columns_at;
        args.c = call->out, args.c_offset = weight_at;
        args.beta = call->add || s->first > 0 ? 1.0f : 0.0f;
    }
    return clade__gemm(s->commands, &args, NULL);
}

/* A pass over some of the images. */
static clade_status record_images(const columns *s)
{
    const clade__conv_pass pass = s->call->pass;
    if (pass != CLADE__CONV_FORWARD) CLADE_TRY(rows_from_images(s));
    if (pass != CLADE__CONV_DATA) CLADE_TRY(columns_from_images(s));
    for (int g = 0; g < s->call->conv.groups; g++) CLADE_TRY(multiply(s, g));
    return pass == CLADE__CONV_FORWARD ? images_from_rows(s)
           : pass == CLADE__CONV_DATA  ? images_from_columns(s)
                                       : CLADE_OK;
}

static clade_status record(clade__commands *commands, const clade__conv_call *call)
{
    const clade__conv *c = &call->conv;
    columns s = {.commands = commands, .call = call, .area = (int64_t)c->oh * c->ow,
                 .k = (int64_t)(c->c / c->groups) * c->kernel[0] * c->kernel[1]};
    int64_t step = images_at_a_time(c);
    for (; s.first < c->n; s.first += step) {
        s.count = c->n - s.first < step ? c->n - s.first : step;
        CLADE_TRY(record_images(&s));
    }
    return CLADE_OK;
}

static const char *refuses(const clade_device *device, const clade__conv *conv, clade__conv_pass pass)
{
    (void)device;
    (void)conv;
    (void)pass;
    return NULL;
}

const clade__conv_provider clade__conv_columns = {"columns", refuses, record};
