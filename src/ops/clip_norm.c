#include <math.h>

#include "ops/check.h"
#include "ops/mapping.h"
#include "ops/ops.h"

/* The elements of a group: enough to pay for it, and few enough that a large gradient has many. */
static int64_t chunk_of(const clade_device *device)
{
    return clade__item_vector(device) > 1 ? 16384 : 4096;
}

int64_t clade__clip_norm_partials(const clade_device *device, int64_t n)
{
    return (n + chunk_of(device) - 1) / chunk_of(device);
}

static clade_status launch_squares(clade__commands *commands, clade_tensor *partials,
                                   const clade_tensor *grad, int64_t first)
{
    const clade_device *device = clade__commands_device(commands);
    const int64_t n = clade_tensor_elements(grad);
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "clip_norm",
                      .kernel = "clip_norm_squares",
                      CLADE__ROWS(clade__wide_rows(commands), clade__clip_norm_partials(device, n)),
                      CLADE__ARGS(clade__arg_tensor(partials), clade__arg_tensor(grad),
                                  clade__arg_int(n), clade__arg_int(chunk_of(device)),
                                  clade__arg_int(first)),
                  });
}

clade_status clade__clip_norm(clade__commands *commands, clade_tensor *scale,
                              clade_tensor *partials, clade_tensor *const *grads, int n_grads,
                              float max_norm)
{
    const clade__check check = {commands, "clip_norm"};
    CLADE_TRY(clade__check_count(&check, "scale", scale, CLADE_FLOAT32, 1));
    CLADE_TRY(clade__check_range(&check, "max_norm", max_norm, 0, INFINITY));
    const clade_device *device = clade__commands_device(commands);
    int64_t n = 0;
    for (int i = 0; i < n_grads; i++) {
        CLADE_TRY(clade__check_tensor(&check, "a gradient", grads[i], CLADE_FLOAT32));
        n += clade__clip_norm_partials(device, clade_tensor_elements(grads[i]));
    }
    CLADE_TRY(clade__check_count(&check, "partials", partials, CLADE_FLOAT32, n));
    int64_t first = 0;
    for (int i = 0; i < n_grads; i++) {
        CLADE_TRY(launch_squares(commands, partials, grads[i], first));
        first += clade__clip_norm_partials(device, clade_tensor_elements(grads[i]));
    }
    return clade__commands_launch(
        commands, &(clade__launch){
                      .program = "clip_norm",
                      .kernel = "clip_norm_scale",
                      CLADE__ROWS(clade__wide_rows(commands), 1),
                      CLADE__ARGS(clade__arg_tensor(scale), clade__arg_tensor(partials),
                                  clade__arg_int(n), clade__arg_float(max_norm)),
                  });
}

clade_status clade_clip_norm(clade_tensor *scale, clade_tensor *const *grads, int n_grads,
                             float max_norm)
{
    CLADE_WANT(scale);
    CLADE_WANT(grads);
    if (n_grads < 1)
        return clade__fail(CLADE_EINVAL, "clip_norm: %d gradients, want at least 1", n_grads);
    int64_t n = 0;
    for (int i = 0; i < n_grads; i++)
        if (grads[i]) n += clade__clip_norm_partials(scale->device, clade_tensor_elements(grads[i]));
    /* Freed at once: the pool hands a buffer on only to work that is queued after this. */
    clade_tensor *partials = NULL;
    CLADE_TRY(clade_tensor_create(&partials, scale->device, CLADE_FLOAT32,
                                  CLADE_SHAPE(n > 0 ? n : 1), NULL));
    clade_status status = clade__clip_norm(clade__immediate(scale->device), scale, partials, grads,
                                           n_grads, max_norm);
    clade_tensor_free(partials);
    return status;
}
