/* Operands: their values, and their memory on both sides. */
#include "verify/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"

#define SEED   1
#define STREAM 800  /* + the operand's number; none that the library uses */
#define PERIOD 4093 /* values repeat after so many: a prime, so that no two rows are alike */

/* ---- values ---------------------------------------------------------------------------------- */

static float nonfinite(int64_t which, double low)
{
    return which % 3 == 0 ? NAN : which % 3 == 1 || low >= 0.0 ? INFINITY : -INFINITY;
}

/* Element i, which is one of a period's; `shift` keeps special values of two operands apart. */
static float make_value(clade__random *random, clade__values values, int64_t i, int shift,
                        double low, double high)
{
    double uniform = clade__random_uniform(random), x = low + (high - low) * uniform;
    double sign = low < 0.0 && clade__random_word(random) & 1 ? -1.0 : 1.0;
    switch (values) {
    case CLADE__EXACT: return (float)(sign * (2.0 * floor(uniform * 16.0) + 1.0) / 32.0);
    case CLADE__NONFINITE:
        if ((i + 5 * shift) % 19 == 0) return nonfinite((i + 5 * shift) / 19, low);
        break;
    case CLADE__DENORMAL:
        if ((i + shift) % 3 == 0) return (float)(sign * (1.0 + floor(uniform * 0x1p22)) * 0x1p-149);
        if ((i + shift) % 3 == 1) return (float)(sign * (1.0 + uniform) * 0x1p-126);
        break;
    case CLADE__ORDINARY: break;
    }
    return (float)x < (float)high ? (float)x : (float)low;
}

/* Repeats the first `made` bytes until there are n. */
static void repeat(unsigned char *bytes, size_t made, size_t n)
{
    for (size_t period = made; made < n; made += period)
        memcpy(bytes + made, bytes, n - made < period ? n - made : period);
}

static void fill(clade__operand *o, int number, clade__values values, double low, double high)
{
    clade__random random = clade__random_start(SEED, (uint64_t)(STREAM + number));
    int64_t made = o->n < PERIOD ? o->n : PERIOD;
    for (int64_t i = 0; i < made; i++) {
        int integer = (int)low;
        if (o->dtype != CLADE_FLOAT32)
            integer += (int)clade__random_below(&random, (uint32_t)(high - low));
        if (o->dtype == CLADE_FLOAT32)
            o->before.floats[i] = make_value(&random, values, i, number, low, high);
        else if (o->dtype == CLADE_INT32)
            o->before.ints[i] = integer;
        else
            o->before.bytes[i] = (uint8_t)integer;
    }
    size_t bytes = clade_dtype_bytes(o->dtype);
    repeat(o->before.data, (size_t)made * bytes, (size_t)o->n * bytes);
}

/* ---- operands -------------------------------------------------------------------------------- */

static void *take(clade__trial *t, size_t bytes)
{
    void *memory = clade__arena_alloc(&t->arena, bytes);
    if (!memory) t->failed = true;
    return memory;
}

static clade__operand *add(clade__trial *t, const char *name, clade__role role, clade_dtype dtype,
                           clade_shape shape)
{
    clade__operand *o = &t->operands[t->n_operands++];
    *o = (clade__operand){.name = name, .role = role, .dtype = dtype, .shape = shape,
                          .n = clade_shape_elements(shape), .over = -1,
                          .poison = UINT32_C(0x7fc0c1a0) + (uint32_t)t->n_operands};
    if (role == CLADE__IN || role == CLADE__INOUT)
        o->before.data = take(t, (size_t)o->n * clade_dtype_bytes(dtype));
    return o;
}

void clade__trial_in_as(clade__trial *trial, const char *name, clade_shape shape, double low,
                        double high, clade__values values)
{
    clade__operand *o = add(trial, name, CLADE__IN, CLADE_FLOAT32, shape);
    if (o->before.data) fill(o, trial->n_operands, values, low, high);
}

void clade__trial_in(clade__trial *trial, const char *name, clade_shape shape, double low,
                     double high)
{
    clade__trial_in_as(trial, name, shape, low, high, trial->values);
}

void clade__trial_in_integers(clade__trial *trial, const char *name, clade_dtype dtype,
                              clade_shape shape, int low, int high)
{
    clade__operand *o = add(trial, name, CLADE__IN, dtype, shape);
    if (o->before.data) fill(o, trial->n_operands, CLADE__ORDINARY, low, high);
}

void clade__trial_inout(clade__trial *trial, const char *name, clade_shape shape, double low,
                        double high)
{
    clade__operand *o = add(trial, name, CLADE__INOUT, CLADE_FLOAT32, shape);
    if (o->before.data) fill(o, trial->n_operands, trial->values, low, high);
}

void clade__trial_out(clade__trial *trial, const char *name, clade_dtype dtype, clade_shape shape,
                      int over)
{
    add(trial, name, CLADE__OUT, dtype, shape)->over = over;
}

void clade__trial_gradient(clade__trial *trial, const char *name, clade_shape shape, int over,
                           bool add)
{
    if (add)
        clade__trial_inout(trial, name, shape, -1.0, 1.0);
    else
        clade__trial_out(trial, name, CLADE_FLOAT32, shape, over);
}

void clade__trial_scratch(clade__trial *trial, const char *name, clade_shape shape)
{
    add(trial, name, CLADE__SCRATCH, CLADE_FLOAT32, shape);
}

void clade__trial_make_large(clade__trial *trial, int i, float factor)
{
    clade__operand *o = &trial->operands[i];
    if (trial->failed || trial->values != CLADE__NONFINITE) return;
    for (int64_t k = 5; k < o->n; k += 29) o->before.floats[k] *= factor;
}

const clade__operand *clade__trial_find(const clade__trial *trial, const char *name)
{
    for (int i = 0; i < trial->n_operands; i++)
        if (strcmp(trial->operands[i].name, name) == 0) return &trial->operands[i];
    return NULL;
}

static clade_status no_memory(const clade__trial *t)
{
    return clade__fail(CLADE_ENOMEM, "verify: no memory for %s", t->op->name);
}

clade_status clade__trial_prepare(clade__trial *trial)
{
    clade__trial_free(trial);
    trial->op->family->prepare(trial);
    return trial->failed ? no_memory(trial) : CLADE_OK;
}

clade_status clade__trial_expect(clade__trial *trial)
{
    for (int i = 0; i < trial->n_operands; i++) {
        clade__operand *o = &trial->operands[i];
        if (o->role != CLADE__OUT && o->role != CLADE__INOUT) continue;
        if (!o->want) o->want = take(trial, (size_t)o->n * sizeof *o->want);
        if (!o->bound) o->bound = take(trial, (size_t)o->n * sizeof *o->bound);
        if (trial->failed) return no_memory(trial);
        for (int64_t k = 0; k < o->n; k++) o->bound[k] = -1.0; /* keeps its bits */
    }
    trial->op->family->expect(trial);
    return trial->failed ? no_memory(trial) : CLADE_OK;
}

/* ---- on the device --------------------------------------------------------------------------- */

/* With a guard, what is not given starts as poison; without one it is undefined. One write for the
 * whole: what Oclgrind 21.10 knows of a buffer has the size of the first. */
static clade_status upload(clade__trial *t, clade__operand *o)
{
    size_t size = clade_dtype_bytes(o->dtype);
    const void *data = o->before.data;
    if (t->guard > 0) {
        size_t words = ((size_t)(o->n + t->guard) * size + 3) / 4;
        o->now = take(t, words * sizeof *o->now);
        if (!o->now) return no_memory(t);
        for (size_t i = 0; i < words; i++) o->now[i] = o->poison;
        if (data) memcpy(o->now, data, (size_t)o->n * size);
        data = o->now;
    }
    clade_shape whole = CLADE_SHAPE(o->n + t->guard);
    CLADE_TRY(clade_tensor_create(&o->whole, t->device, o->dtype, whole, data));
    o->view = clade__tensor_reshaped(o->whole, o->shape);
    o->tensor = &o->view;
    return CLADE_OK;
}

clade_status clade__trial_upload(clade__trial *trial)
{
    for (int i = 0; i < trial->n_operands; i++) {
        clade__operand *o = &trial->operands[i];
        if (trial->in_place && o->over >= 0)
            o->tensor = &trial->operands[o->over].view;
        else
            CLADE_TRY(upload(trial, o));
    }
    return CLADE_OK;
}

double clade__trial_bytes(const clade__trial *trial)
{
    double bytes = 0.0;
    for (int i = 0; i < trial->n_operands; i++) {
        const clade__operand *o = &trial->operands[i];
        int times = o->role == CLADE__INOUT ? 2 : o->role == CLADE__SCRATCH ? 0 : 1;
        bytes += times * (double)o->n * (double)clade_dtype_bytes(o->dtype);
    }
    return bytes;
}

static bool keep(clade__kept *kept, clade_tensor *tensor)
{
    if (kept->n == kept->capacity) {
        size_t capacity = 2 * kept->capacity + 64;
        clade_tensor **tensors = realloc(kept->tensors, capacity * sizeof *tensors);
        if (!tensors) return false;
        kept->tensors = tensors;
        kept->capacity = capacity;
    }
    kept->tensors[kept->n++] = tensor;
    return true;
}

void clade__kept_free(clade__kept *kept)
{
    for (size_t i = 0; i < kept->n; i++) clade_tensor_free(kept->tensors[i]);
    free(kept->tensors);
    *kept = (clade__kept){0};
}

void clade__trial_drop(clade__trial *trial)
{
    for (int i = 0; i < trial->n_operands; i++) {
        clade_tensor *tensor = trial->operands[i].whole;
        if (tensor && !(trial->kept && keep(trial->kept, tensor))) clade_tensor_free(tensor);
        trial->operands[i].whole = trial->operands[i].tensor = NULL;
    }
    if (trial->device) clade__pool_trim(trial->device); /* so that buffers have the size asked for */
}

void clade__trial_free(clade__trial *trial)
{
    clade__trial_drop(trial);
    clade__arena_free(&trial->arena);
    trial->n_operands = 0;
    trial->failed = false;
}
