#include "ops/mapping.h"
#include "ops/ops.h"
#include "ops/pool2d.h"

/* Of the kernels for windows of 2 x 2. */
static const char *halves_options(const clade__commands *commands, bool relu)
{
#define HALVES(vw) {"-DLONE=1 -DHALVES=1 -DVW=" #vw, "-DLONE=1 -DHALVES=1 -DRELU=1 -DVW=" #vw}
    static const char *const options[][2] = {HALVES(4), HALVES(8), HALVES(16)};
#undef HALVES
    const int vector = clade__item_vector(clade__commands_device(commands));
    return options[vector / 8][relu];
}

clade_status clade__max_pool2d_forward(clade__commands *commands, clade_tensor *y,
                                       clade_tensor *indices, const clade_tensor *x,
                                       const clade_pool2d_args *args)
{
    const clade__check check = {commands, "max_pool2d"};
    clade__pooling p;
    clade__pooling_rows rows;
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "y", y, CLADE_FLOAT32));
    CLADE_TRY(clade__pooling_open(&p, &check, args, x->shape, y->shape));
    if (indices)
        CLADE_TRY(clade__check_shape(&check, "indices", indices, CLADE_INT32, y->shape));
    const int64_t n = clade_tensor_elements(y);
    if (!clade__pooling_by_rows(commands, &p, &rows))
        return clade__commands_launch(
            commands, &(clade__launch){
                          .program = "max_pool2d",
                          .kernel = "max_pool2d_forward",
                          CLADE__ELEMENTS(n),
                          CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(indices),
                                      clade__arg_tensor(x), clade__arg_int(n),
                                      clade__pooling_image(&p), clade__pooling_window(&p)),
                      });
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "max_pool2d",
                      .kernel = "max_pool2d_forward",
                      .options = clade__pooling_halves(commands, &p, false) ? halves_options(commands, false)
                                                                            : rows.options,
                      .groups = {(size_t)rows.n_items},
                      .local = {1},
                      CLADE__ARGS(clade__arg_tensor(y), clade__arg_tensor(indices),
                                  clade__arg_tensor(x), clade__pooling_image(&p),
                                  clade__pooling_window(&p), clade__arg_int(rows.per_item),
                                  clade__arg_int(rows.begin), clade__arg_int(rows.end)),
                  });
}

static const char *backward_options(char text[64], const clade__commands *commands,
                                    const clade__pooling *p, bool relu, bool add)
{
    if (!add && clade__pooling_halves(commands, p, true)) return halves_options(commands, relu);
    return clade__options_adding(text, relu ? "-DLONE=1 -DRELU=1" : "-DLONE=1", add);
}

clade_status clade__max_pool2d_backward(clade__commands *commands, clade_tensor *dx,
                                        const clade_tensor *dy, const clade_tensor *indices,
                                        const clade_tensor *relu_y, const clade_pool2d_args *args,
                                        bool add)
{
    const clade__check check = {commands, "max_pool2d"};
    clade__pooling p;
    char options[64];
    CLADE_TRY(clade__check_tensor(&check, "dx", dx, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "dy", dy, CLADE_FLOAT32));
    CLADE_TRY(clade__pooling_open(&p, &check, args, dx->shape, dy->shape));
    CLADE_TRY(clade__check_shape(&check, "indices", indices, CLADE_INT32, dy->shape));
    if (relu_y) CLADE_TRY(clade__check_shape(&check, "y", relu_y, CLADE_FLOAT32, dy->shape));
    const int64_t n = clade_tensor_elements(dx), per_item = clade__pooling_planes(commands, &p);
    if (per_item == 0)
        return clade__commands_launch(
            commands, &(clade__launch){
                          .program = "max_pool2d",
                          .kernel = "max_pool2d_backward",
                          .options = clade__options_adding(options, relu_y ? "-DRELU=1" : NULL, add),
                          CLADE__ELEMENTS(n),
                          CLADE__ARGS(clade__arg_tensor(dx), clade__arg_tensor(dy),
                                      clade__arg_tensor(indices), clade__arg_tensor(relu_y),
                                      clade__arg_int(n), clade__pooling_image(&p),
                                      clade__pooling_window(&p)),
                      });
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "max_pool2d",
                      .kernel = "max_pool2d_backward",
                      .options = backward_options(options, commands, &p, relu_y != NULL, add),
                      .groups = {clade__groups(p.planes, (size_t)per_item)},
                      .local = {1},
                      CLADE__ARGS(clade__arg_tensor(dx), clade__arg_tensor(dy),
                                  clade__arg_tensor(indices), clade__arg_tensor(relu_y),
                                  clade__pooling_image(&p), clade__arg_int(per_item)),
                  });
}

clade_status clade_max_pool2d_forward(clade_tensor *y, clade_tensor *indices, const clade_tensor *x,
                                      const clade_pool2d_args *args)
{
    CLADE_WANT(args);
    return clade__max_pool2d_forward(clade__immediate_of(x), y, indices, x, args);
}

clade_status clade_max_pool2d_backward(clade_tensor *dx, const clade_tensor *dy,
                                       const clade_tensor *indices, const clade_pool2d_args *args)
{
    CLADE_WANT(args);
    return clade__max_pool2d_backward(clade__immediate_of(dx), dx, dy, indices, NULL, args, false);
}
