/* A trial on the device, and the comparison with what must come out. */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "device/dtype.h"
#include "verify/trial.h"

#define GUARD 64 /* elements */

/* ---- what is wrong --------------------------------------------------------------------------- */

/* Keeps the first problem: what follows is often its consequence. */
static void CLADE_PRINTF(2, 3) report(clade__trial *t, const char *format, ...)
{
    if (t->problem[0]) return;
    va_list args;
    va_start(args, format);
    clade__vformat(t->problem, sizeof t->problem, format, args);
    va_end(args);
}

static bool is_bits(const void *element, const void *bits, size_t size)
{
    return memcmp(element, bits, size) == 0;
}

/* Whether a result passes; its error. A number that no float holds must have become infinite. */
static bool passes(double got, double want, double tolerance, double *error)
{
    *error = INFINITY;
    if (isnan(want) || isnan(got)) {
        if (isnan(want) && isnan(got)) *error = 0.0;
    } else if (fabs(want) > (double)FLT_MAX || isinf(got)) {
        if (isinf(got) && fabs(want) > (double)FLT_MAX && (got > 0.0) == (want > 0.0)) *error = 0.0;
    } else {
        *error = fabs(got - want);
    }
    return *error == 0.0 || *error <= tolerance;
}

/* Keeps the error that is largest for its bound. */
static void keep_worst(clade__trial *t, double error, double bound, double tolerance)
{
    double share = error == 0.0 ? 0.0 : error / tolerance;
    if (!isfinite(bound) && error == 0.0) return; /* of what is not finite itself */
    if (t->share >= share && t->allowed >= 0.0) return;
    t->share = share;
    t->error = error;
    t->allowed = bound * CLADE__UNIT;
}

static double number(const clade__operand *o, const void *data, int64_t i)
{
    return clade__dtype_value(o->dtype, data, i);
}

static void compare_values(clade__trial *t, const clade__operand *o)
{
    int64_t n_wrong = 0, n_touched = 0, first = 0;
    double error;
    for (int64_t i = 0; i < o->n; i++) {
        if (o->bound[i] < 0.0) {
            const void *was = o->before.data ? (const void *)(o->before.ints + i) : &o->poison;
            if (!is_bits(o->now + i, was, sizeof o->poison)) n_touched++;
            continue;
        }
        double tolerance = o->bound[i] * CLADE__UNIT + CLADE__FLUSHED;
        bool right = passes(number(o, o->now, i), o->want[i], tolerance, &error);
        keep_worst(t, error, o->bound[i], tolerance);
        if (!right && n_wrong++ == 0) first = i;
    }
    if (n_wrong > 0)
        report(t, "%s[%lld] is %.9g, want %.9g within %.2g; %lld of %lld are off%s", o->name,
               (long long)first, number(o, o->now, first), o->want[first],
               o->bound[first] * CLADE__UNIT, (long long)n_wrong, (long long)o->n,
               t->in_place ? ", in place" : "");
    if (n_touched > 0)
        report(t, "%lld elements of %s were changed that must stay as they are",
               (long long)n_touched, o->name);
}

/* ---- comparing operands ---------------------------------------------------------------------- */

static bool is_replaced(const clade__trial *t, int input)
{
    for (int i = 0; t->in_place && i < t->n_operands; i++)
        if (t->operands[i].over == input) return true;
    return false;
}

static void compare(clade__trial *t, int i)
{
    const clade__operand *o = &t->operands[i];
    size_t own = (size_t)o->n * clade_dtype_bytes(o->dtype);
    if (o->role == CLADE__OUT || o->role == CLADE__INOUT)
        compare_values(t, o);
    else if (o->role == CLADE__IN && !is_replaced(t, i) && memcmp(o->now, o->before.data, own) != 0)
        report(t, "%s was changed, which is only read", o->name);
    for (size_t k = (own + 3) / 4; o->whole && k < clade_tensor_bytes(o->whole) / 4; k++)
        if (o->now[k] != o->poison) {
            report(t, "%s is written past its end", o->name);
            break;
        }
}

/* NaN is NaN, whatever its bits. */
static void compare_runs(clade__trial *t, const clade__operand *o)
{
    if (o->role != CLADE__OUT && o->role != CLADE__INOUT) return;
    for (int64_t i = 0; i < o->n; i++) {
        if (o->now[i] == o->first[i]) continue;
        double a = number(o, o->first, i), b = number(o, o->now, i);
        if (isnan(a) && isnan(b)) continue;
        report(t, "%s[%lld] is %.9g, and %.9g when run again", o->name, (long long)i, a, b);
        break;
    }
}

/* ---- running --------------------------------------------------------------------------------- */

/* "softmax_forward of softmax.cl, built with '-DLANES=64'" for each command. */
static void describe(clade__trial *t, const clade__commands *commands)
{
    size_t used = 0;
    for (size_t i = 0; i < clade__commands_count(commands) && used < sizeof t->kernels; i++) {
        clade__command_info c = clade__commands_describe(commands, i);
        char *at = t->kernels + used;
        size_t left = sizeof t->kernels - used;
        const char *comma = i > 0 ? ", " : "";
        int n = c.program[0] ? snprintf(at, left, "%s%s of %s.cl, built with '%s'", comma, c.label,
                                        c.program, c.options)
                             : snprintf(at, left, "%s%s", comma, c.label);
        used += n > 0 ? (size_t)n : 0;
    }
}

static clade_status read_back(clade__trial *t, clade__operand *o)
{
    const clade_tensor *from = o->whole ? o->whole : o->tensor;
    if (!o->now) o->now = clade__arena_alloc(&t->arena, clade_tensor_bytes(from));
    if (!o->now) return clade__fail(CLADE_ENOMEM, "verify: no memory for %s", t->op->name);
    return clade_tensor_read(from, o->now);
}

static clade_status run_recorded(clade__trial *t, clade__commands *commands)
{
    CLADE_TRY(clade__trial_upload(t));
    CLADE_TRY(t->op->family->record(commands, t));
    describe(t, commands);
    CLADE_TRY(clade__commands_run(commands));
    for (int i = 0; i < t->n_operands; i++) CLADE_TRY(read_back(t, &t->operands[i]));
    return CLADE_OK;
}

static clade_status run_once(clade__trial *t, int64_t guard, bool in_place)
{
    clade__commands *commands;
    t->guard = guard;
    t->in_place = in_place;
    CLADE_TRY(clade__commands_create(&commands, t->device));
    clade_status status = run_recorded(t, commands);
    clade__commands_free(commands);
    if (status == CLADE_OK)
        for (int i = 0; i < t->n_operands; i++) compare(t, i);
    clade__trial_drop(t);
    return status;
}

/* The result of the first run is set aside, and the run repeated without the guards: then what reads
 * or writes past an end leaves the buffer, for a tool that watches. */
static clade_status run_again(clade__trial *t)
{
    for (int i = 0; i < t->n_operands; i++) {
        clade__operand *o = &t->operands[i];
        o->first = o->now;
        o->now = NULL;
    }
    CLADE_TRY(run_once(t, 0, false));
    for (int i = 0; i < t->n_operands; i++) compare_runs(t, &t->operands[i]);
    return CLADE_OK;
}

clade_status clade__trial_run(clade__trial *trial)
{
    bool can_replace = false;
    trial->problem[0] = trial->kernels[0] = '\0';
    trial->error = trial->share = 0.0;
    trial->allowed = -1.0;
    CLADE_TRY(run_once(trial, GUARD, false));
    CLADE_TRY(run_again(trial));
    for (int i = 0; i < trial->n_operands; i++)
        can_replace = can_replace || trial->operands[i].over >= 0;
    return can_replace ? run_once(trial, 0, true) : CLADE_OK;
}
