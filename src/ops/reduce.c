/* A reduction sees src as (outer, axis, inner) and dst as (outer, inner).
 *
 * A long axis with few outputs would keep most of a device idle. It is cut into chunks, each
 * reduced to one element of scratch (outer, chunks, inner), and a second launch reduces those. The
 * cut depends on the shape alone, and so does the order of every sum. */
#include "ops/reduce.h"

#include <stdio.h>

#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

typedef struct view {
    int64_t outer, axis, inner;
} view;

static view view_of(int dim, clade_shape shape)
{
    if (dim == CLADE_ALL) return (view){1, clade_shape_elements(shape), 1};
    view v = {1, shape.dim[dim], 1};
    for (int i = 0; i < dim; i++) v.outer *= shape.dim[i];
    for (int i = dim + 1; i < shape.rank; i++) v.inner *= shape.dim[i];
    return v;
}

/* With an axis shorter than this, the lanes of a strided row would have too little to do. */
#define SHORT_AXIS 16

/* How work-items share an output: see cl/row_reduce.cl. */
static const clade__row_mapping *mapping_of(const clade__commands *commands, int64_t axis,
                                            int64_t inner)
{
    if (inner == 1) return clade__rows_of(commands, axis);
    return axis < SHORT_AXIS ? &clade__narrow_rows : &clade__strided_rows;
}

/* Work-items that fill a device well enough, and the elements that each should at least have. */
#define ENOUGH_ITEMS    16384
#define ENOUGH_ELEMENTS 32

/* The work-items for one output, of a device that has many. */
static int64_t lanes_of(view v)
{
    if (v.inner == 1) return v.axis <= CLADE__NARROW_COLS ? 1 : CLADE__ROW_GROUP;
    return v.axis < SHORT_AXIS ? 1 : 4;
}

/* The elements of axis that one work-group's slot reduces: all, or less where that pays. It is the
 * same on every device, so that scratch is too. */
static int64_t chunk_of(view v)
{
    const int64_t lanes = lanes_of(v);
    const int64_t items = v.outer * v.inner * lanes;
    int64_t chunks = ENOUGH_ITEMS / items;
    if (chunks > v.axis / (ENOUGH_ELEMENTS * lanes)) chunks = v.axis / (ENOUGH_ELEMENTS * lanes);
    return chunks < 4 ? v.axis : (v.axis - 1) / chunks + 1;
}

static int64_t chunks_of(view v)
{
    return (v.axis - 1) / chunk_of(v) + 1;
}

int64_t clade__reduce_scratch(int dim, clade_shape src)
{
    if (dim < CLADE_ALL || dim >= src.rank) return 0;
    const view v = view_of(dim, src);
    return chunks_of(v) > 1 ? v.outer * chunks_of(v) * v.inner : 0;
}

/* One launch of sum or max: dst (outer, chunks, inner). */
static clade_status launch_reduce(clade__commands *commands, clade_reduction kind, view v,
                                  int64_t chunk, float divisor, clade_tensor *dst,
                                  const clade_tensor *src)
{
    const int64_t rows = v.outer * ((v.axis - 1) / chunk + 1); /* of dst, inner columns each */
    const int vector = clade__item_vector(clade__commands_device(commands));
    clade__row_mapping mapping = *mapping_of(commands, chunk, v.inner);
    int64_t n_slots = rows * v.inner;
    char of_mapping[48], options[64];
    if (vector > 1 && v.inner >= vector) { /* a slot is a vector of columns */
        snprintf(of_mapping, sizeof of_mapping, "-DLANES=1 -DSLOTS=1 -DACROSS=1 -DVW=%d", vector);
        mapping = (clade__row_mapping){of_mapping, 1, 1};
        n_slots = rows * ((v.inner - 1) / vector + 1);
    }
    snprintf(options, sizeof options, "-DREDUCTION=%d %s", kind == CLADE_MAX, mapping.options);
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "reduce",
            .kernel = "reduce_forward",
            .options = options,
            .groups = {clade__groups(n_slots, mapping.slots)},
            .local = {mapping.local},
            CLADE__ARGS(clade__arg_tensor(dst), clade__arg_tensor(src), clade__arg_int(v.outer),
                        clade__arg_int(v.axis), clade__arg_int(v.inner), clade__arg_int(chunk),
                        clade__arg_float(divisor)),
        });
}

/* One launch of argmax over n candidates: those in `chosen`, or without it all of axis. */
static clade_status launch_argmax(clade__commands *commands, view v, int64_t n, int64_t chunk,
                                  clade_tensor *dst, const clade_tensor *src,
                                  const clade_tensor *chosen)
{
    const int64_t outputs = v.outer * ((n - 1) / chunk + 1) * v.inner;
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "argmax",
            .kernel = "argmax_forward",
            CLADE__ROWS(mapping_of(commands, chunk, v.inner), outputs),
            CLADE__ARGS(clade__arg_tensor(dst), clade__arg_tensor(src), clade__arg_tensor(chosen),
                        clade__arg_int(v.outer), clade__arg_int(v.axis), clade__arg_int(v.inner),
                        clade__arg_int(n), clade__arg_int(chunk)),
        });
}

static clade_status check_dim(const clade__check *check, clade_reduction kind, int dim,
                              clade_shape src)
{
    if (kind > CLADE_ARGMAX)
        return clade__fail(CLADE_EINVAL, "reduce: there is no kind %d", (int)kind);
    if (dim < CLADE_ALL || dim >= src.rank)
        return clade__fail(CLADE_EINVAL, "%s: dim is %d, want less than the rank, %d, or CLADE_ALL",
                           check->op, dim, src.rank);
    return CLADE_OK;
}

static const char *kind_name(clade_reduction kind)
{
    static const char *const names[] = {"sum", "mean", "max", "argmax"};
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "reduce";
}

clade_status clade__reduce_forward(clade__commands *commands, clade_reduction kind, int dim,
                                   clade_tensor *dst, const clade_tensor *src,
                                   clade_tensor *scratch)
{
    const clade__check check = {commands, kind_name(kind)};
    CLADE_TRY(clade__check_tensor(&check, "src", src, CLADE_FLOAT32));
    CLADE_TRY(check_dim(&check, kind, dim, src->shape));
    const view v = view_of(dim, src->shape);
    const clade_dtype dtype = kind == CLADE_ARGMAX ? CLADE_INT32 : CLADE_FLOAT32;
    CLADE_TRY(clade__check_count(&check, "dst", dst, dtype, v.outer * v.inner));
    const int64_t chunk = chunk_of(v), chunks = chunks_of(v);
    const float divisor = kind == CLADE_MEAN ? (float)v.axis : 1.0f;
    if (chunks == 1)
        return kind == CLADE_ARGMAX ? launch_argmax(commands, v, v.axis, v.axis, dst, src, NULL)
                                    : launch_reduce(commands, kind, v, v.axis, divisor, dst, src);

    const view second = {v.outer, chunks, v.inner};
    CLADE_TRY(
        clade__check_count(&check, "scratch", scratch, CLADE_FLOAT32, v.outer * chunks * v.inner));
    if (kind == CLADE_ARGMAX) {
        CLADE_TRY(launch_argmax(commands, v, v.axis, chunk, scratch, src, NULL));
        return launch_argmax(commands, v, chunks, chunks, dst, src, scratch);
    }
    CLADE_TRY(launch_reduce(commands, kind, v, chunk, 1.0f, scratch, src));
    return launch_reduce(commands, kind, second, chunks, divisor, dst, scratch);
}

clade_status clade__sum_rows(clade__commands *commands, clade_tensor *dst, const clade_tensor *src,
                             bool add)
{
    const int64_t rows = clade__shape_rows(src->shape), cols = clade__shape_cols(src->shape);
    /* A few columns are left to work-items of one vector of four, as are those of other devices. */
    const int width = 4 * clade__item_vector(clade__commands_device(commands));
    const bool wide = width > 4 && cols >= width;
    char options[64];
    snprintf(options, sizeof options, "-DLANES=1 -DSLOTS=1 -DNV=4 -DVW=%d", width / 4);
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "sum_rows",
                      .kernel = "sum_rows",
                      .options = wide ? options : NULL,
                      .groups = {clade__groups(cols, wide ? (size_t)width : 16)},
                      .local = {wide ? 1 : CLADE__ROW_GROUP},
                      CLADE__ARGS(clade__arg_tensor(dst), clade__arg_tensor(src),
                                  clade__arg_int(rows), clade__arg_int(cols), clade__arg_int(add)),
                  });
}

static clade_status launch_max_backward(clade__commands *commands, view v, clade_tensor *dsrc,
                                        const clade_tensor *src, const clade_tensor *ddst,
                                        bool add)
{
    char options[64];
    clade__row_mapping mapping = *mapping_of(commands, v.axis, v.inner);
    mapping.options = clade__options_adding(options, mapping.options, add);
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "argmax",
            .kernel = "max_backward",
            CLADE__ROWS(&mapping, v.outer * v.inner),
            CLADE__ARGS(clade__arg_tensor(dsrc), clade__arg_tensor(src), clade__arg_tensor(ddst),
                        clade__arg_int(v.outer), clade__arg_int(v.axis), clade__arg_int(v.inner)),
        });
}

clade_status clade__reduce_backward(clade__commands *commands, clade_reduction kind, int dim,
                                    clade_tensor *dsrc, const clade_tensor *src,
                                    const clade_tensor *ddst, bool add)
{
    const clade__check check = {commands, kind_name(kind)};
    CLADE_TRY(clade__check_tensor(&check, "dsrc", dsrc, CLADE_FLOAT32));
    CLADE_TRY(check_dim(&check, kind, dim, dsrc->shape));
    if (kind == CLADE_ARGMAX) return clade__fail(CLADE_EINVAL, "argmax: it has no gradient");
    const view v = view_of(dim, dsrc->shape);
    CLADE_TRY(clade__check_count(&check, "ddst", ddst, CLADE_FLOAT32, v.outer * v.inner));
    if (kind == CLADE_MAX) {
        CLADE_TRY(clade__check_shape(&check, "src", src, CLADE_FLOAT32, dsrc->shape));
        return launch_max_backward(commands, v, dsrc, src, ddst, add);
    }
    const int64_t n = clade_tensor_elements(dsrc);
    char options[64];
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "reduce_backward",
            .kernel = "reduce_backward",
            .options = clade__options_adding(options, NULL, add),
            CLADE__ELEMENTS(n),
            CLADE__ARGS(clade__arg_tensor(dsrc), clade__arg_tensor(ddst), clade__arg_int(n),
                        clade__arg_int(v.axis), clade__arg_int(v.inner),
                        clade__arg_float(kind == CLADE_MEAN ? (float)v.axis : 1.0f)),
        });
}

clade_status clade_reduce_forward(clade_reduction kind, int dim, clade_tensor *dst,
                                  const clade_tensor *src)
{
    /* Freed at once: the pool hands a buffer on only to work that is queued after this. */
    clade_tensor *scratch = NULL;
    const int64_t n = src ? clade__reduce_scratch(dim, src->shape) : 0;
    if (n > 0)
        CLADE_TRY(clade_tensor_create(&scratch, src->device, CLADE_FLOAT32, CLADE_SHAPE(n), NULL));
    clade_status status =
        clade__reduce_forward(clade__immediate_of(src), kind, dim, dst, src, scratch);
    clade_tensor_free(scratch);
    return status;
}

clade_status clade_reduce_backward(clade_reduction kind, int dim, clade_tensor *dsrc,
                                   const clade_tensor *src, const clade_tensor *ddst)
{
    return clade__reduce_backward(clade__immediate_of(dsrc), kind, dim, dsrc, src, ddst,
                                  false);
}
