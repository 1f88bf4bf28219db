/* Goes through the operations and their cases, and keeps how each came out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clade/check.h>

#include "base/text.h"
#include "blas/provider.h"
#include "verify/families.h"
#include "verify/table.h"

#define SMALL_ELEMENTS 2000  /* of a shape */
#define SMALL_PRODUCTS 20000 /* of a gemm: m n k */
#define SMALL_SUMS     64    /* its k, but of what our own providers cut */

typedef struct verify {
    clade_device *device;
    clade_verify_options options;
    clade_verify_result *result;
    int capacity, part;
    clade__kept kept; /* with options.fresh */
} verify;

const char *clade_verdict_name(clade_verdict verdict)
{
    return verdict == CLADE_RIGHT ? "ok" : verdict == CLADE_WRONG ? "WRONG" : "refused";
}

/* ---- which operations ------------------------------------------------------------------------ */

/* "softmax" is softmax_forward and softmax_backward, "gemm" is "gemm tiled" and others. */
static bool begins_with(const char *op, const char *word)
{
    size_t n = strlen(word);
    return strncmp(op, word, n) == 0 && (op[n] == '\0' || op[n] == '_' || op[n] == ' ');
}

static bool is_wanted(const verify *v, const char *op)
{
    const char *const *word = v->options.ops;
    if (!word || !*word) return true;
    while (*word && !begins_with(op, *word)) word++;
    return *word != NULL;
}

static void product_name(char *out, size_t out_bytes, const clade__gemm_provider *provider,
                         bool update)
{
    snprintf(out, out_bytes, "gemm%s %s", update ? "_update" : "", provider->name);
}

static clade_status check_word(const char *word)
{
    const char *names[256]; /* to suggest one of */
    char hint[256], product[40];
    size_t n = 0;
    for (int i = 0; i < clade__n_ops; i++) {
        if (begins_with(clade__ops[i].name, word)) return CLADE_OK;
        if (n + 1 < sizeof names / sizeof *names) names[n++] = clade__ops[i].name;
    }
    for (int i = 0; clade__gemm_providers[i]; i++)
        for (int update = 0; update < 2; update++) {
            product_name(product, sizeof product, clade__gemm_providers[i], update);
            if (begins_with(product, word)) return CLADE_OK;
        }
    names[n++] = "gemm";
    return clade__fail(CLADE_EINVAL, "verify: no operation '%s'%s", word,
                       clade__suggest(hint, sizeof hint, word, names, n));
}

/* ---- parts of the work ----------------------------------------------------------------------- */

/* Operations have the first numbers, one each; then a gemm of a provider has so many. */
#define PARTS_OF_GEMM 1000

static bool is_taken(verify *v, int part)
{
    v->part = part;
    return !v->options.takes || v->options.takes(part, v->options.user);
}

static int first_part(int provider, bool update)
{
    return clade__n_ops + (2 * provider + update) * PARTS_OF_GEMM;
}

/* ---- cases ----------------------------------------------------------------------------------- */

static clade_status add_case(verify *v, const char *op, const char *shape, clade_verify_case **out)
{
    clade_verify_result *r = v->result;
    if (r->n_cases == v->capacity) {
        int capacity = 2 * v->capacity + 64;
        clade_verify_case *cases = realloc(r->cases, (size_t)capacity * sizeof *cases);
        if (!cases) return clade__fail(CLADE_ENOMEM, "verify: no memory for the results");
        r->cases = cases;
        v->capacity = capacity;
    }
    *out = &r->cases[r->n_cases++];
    **out = (clade_verify_case){.part = v->part};
    snprintf((*out)->op, sizeof (*out)->op, "%s", op);
    snprintf((*out)->shape, sizeof (*out)->shape, "%s", shape);
    return CLADE_OK;
}

/* A trial that cannot be run is a wrong one, but for want of memory. */
static clade_status run_case(verify *v, clade__trial *t)
{
    clade_verify_case *c;
    if (v->options.begins) v->options.begins(t->op->name, t->text, v->options.user);
    CLADE_TRY(add_case(v, t->op->name, t->text, &c));
    clade_status status = clade__trial_prepare(t);
    if (status == CLADE_OK) status = clade__trial_expect(t);
    if (status == CLADE_OK) status = clade__trial_run(t);
    if (status == CLADE_ENOMEM || status == CLADE_EDEVICEMEM) return status;
    snprintf(c->problem, sizeof c->problem, "%s", status == CLADE_OK ? t->problem : clade_error());
    snprintf(c->kernels, sizeof c->kernels, "%s", t->kernels);
    c->error = t->error;
    c->allowed = fmax(t->allowed, 0.0);
    c->share = t->share;
    c->verdict = c->problem[0] ? CLADE_WRONG : CLADE_RIGHT;
    v->result->n_wrong += c->verdict == CLADE_WRONG;
    return CLADE_OK;
}

static const char *values_text(clade__values values)
{
    static const char *const texts[] = {[CLADE__ORDINARY] = "", [CLADE__EXACT] = " exact",
                                        [CLADE__NONFINITE] = " NaN, inf, large",
                                        [CLADE__DENORMAL] = " denormal"};
    return texts[values];
}

/* Each kind of values in `values`; `shape` is the text of the rest. */
static clade_status run_values(verify *v, clade__trial *t, unsigned values, const char *shape)
{
    for (clade__values kind = CLADE__ORDINARY; kind <= CLADE__DENORMAL; kind++) {
        if (!(values & 1u << kind)) continue;
        t->values = kind;
        snprintf(t->text, sizeof t->text, "%s%s", shape, values_text(kind));
        CLADE_TRY(run_case(v, t));
    }
    return CLADE_OK;
}

static clade_status run_op(verify *v, const clade__op *op)
{
    clade__trial t = {.device = v->device, .op = op, .kept = v->options.fresh ? &v->kept : NULL};
    clade_status status = CLADE_OK;
    const clade_shape *shape = op->family->shapes;
    for (; status == CLADE_OK && shape->rank > 0; shape++) {
        char text[64];
        if (v->options.small && clade_shape_elements(*shape) > SMALL_ELEMENTS) continue;
        t.shape = *shape;
        status = run_values(v, &t, op->family->values, clade__shape_text(text, sizeof text, *shape));
    }
    clade__trial_free(&t);
    return status;
}

/* "97x101x64 nt", and what more there is to it. */
static void product_text(char *out, size_t out_bytes, const clade__product *p)
{
    static const char *const activations[] = {"", " sigmoid", " tanh", " relu", " leaky_relu",
                                              " gelu"};
    size_t used = (size_t)snprintf(out, out_bytes, "%dx%dx%d %c%c", p->m, p->n, p->k,
                                   p->trans_a ? 't' : 'n', p->trans_b ? 't' : 'n');
    if (p->alpha != 1.0f && p->alpha != 0.0f)
        used += (size_t)clade__format(out + used, out_bytes - used, " alpha %g", (double)p->alpha);
    if (p->beta != 0.0f)
        used += (size_t)clade__format(out + used, out_bytes - used, " beta %g", (double)p->beta);
    if (p->offset + p->padding > 0)
        used += (size_t)snprintf(out + used, out_bytes - used, " from %d, ld +%d", p->offset,
                                 p->padding);
    if (p->momentum != 0.0f)
        used += (size_t)snprintf(out + used, out_bytes - used,
                                 p->nesterov ? " nesterov" : " momentum");
    snprintf(out + used, out_bytes - used, "%s%s", p->with_bias ? " bias" : "",
             activations[p->activation]);
}

static bool is_small(const clade__product *p)
{
    if ((int64_t)p->m * p->n * p->k > SMALL_PRODUCTS) return false;
    if (p->k <= SMALL_SUMS || p->provider == &clade__gemm_tiled) return true;
    /* A round of its kernel is 256 work-items, which a simulator does one by one: one activation. */
    return p->provider == &clade__gemm_local && p->activation == CLADE_RELU;
}

static clade_status refuse(verify *v, const char *op, const char *reason)
{
    clade_verify_case *c;
    CLADE_TRY(add_case(v, op, "", &c));
    c->verdict = CLADE_REFUSED;
    snprintf(c->problem, sizeof c->problem, "%s", reason);
    return CLADE_OK;
}

/* A provider of another library is one part: its kernels serve all its products, and so no two processes
 * build them. */
static clade_status run_products(verify *v, int number, bool update)
{
    char name[40], text[64];
    const clade__gemm_provider *provider = clade__gemm_providers[number];
    bool own = provider != &clade__gemm_clblast;
    product_name(name, sizeof name, provider, update);
    if (!is_wanted(v, name) || (update && !provider->record_update)) return CLADE_OK;
    const clade_gemm_args any = {.m = 8, .n = 8, .k = 8, .lda = 8, .ldb = 8, .ldc = 8};
    const char *reason = provider->refuses(v->device, &any);
    v->part = first_part(number, update);
    if ((reason || !own) && !is_taken(v, v->part)) return CLADE_OK;
    if (reason) return refuse(v, name, reason);

    const clade__op op = {.name = name,
                          .family = update ? &clade__product_updates : &clade__products};
    clade__product p;
    clade__trial t = {.device = v->device, .op = &op, .detail = &p,
                      .kept = v->options.fresh ? &v->kept : NULL};
    clade_status status = CLADE_OK;
    for (int i = 0; status == CLADE_OK; i++) {
        if (!(update ? clade__product_update_at(i, &p) : clade__product_at(i, &p))) break;
        p.provider = provider;
        if (v->options.small && !is_small(&p)) continue;
        if (own && !is_taken(v, first_part(number, update) + i)) continue;
        product_text(text, sizeof text, &p);
        status = run_values(v, &t, p.values, text);
    }
    clade__trial_free(&t);
    return status;
}

static clade_status run_all(verify *v)
{
    for (const char *const *word = v->options.ops; word && *word; word++)
        CLADE_TRY(check_word(*word));
    int n_providers = 0;
    while (clade__gemm_providers[n_providers]) n_providers++;
    int n = clade__n_ops + 2 * n_providers;
    for (int k = 0; k < n; k++) {
        int i = v->options.last_first ? n - 1 - k : k, gemm = i - clade__n_ops;
        if (gemm >= 0)
            CLADE_TRY(run_products(v, gemm / 2, gemm % 2));
        else if (is_wanted(v, clade__ops[i].name) && is_taken(v, i))
            CLADE_TRY(run_op(v, &clade__ops[i]));
    }
    return CLADE_OK;
}

clade_status clade_verify(clade_device *device, const clade_verify_options *options,
                          clade_verify_result *result)
{
    verify v = {.device = device, .result = result};
    CLADE_WANT(result);
    *result = (clade_verify_result){0};
    CLADE_WANT(device);
    if (options) CLADE_WANT_UNUSED("verify", options->reserved);
    if (options) v.options = *options;
    clade_status status = run_all(&v);
    clade__kept_free(&v.kept);
    clade__pool_trim(device);
    if (status != CLADE_OK) clade_verify_free(result);
    result->passed = status == CLADE_OK && result->n_wrong == 0 && result->n_cases > 0;
    return status;
}

void clade_verify_free(clade_verify_result *result)
{
    if (!result) return;
    free(result->cases);
    *result = (clade_verify_result){0};
}
