#include "train/state.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

static const struct {
    const char *name;
    size_t offset;
    bool real;
} fields[] = {
#define COUNT(field) {#field, offsetof(clade__fit_state, field), false},
#define REAL(field)  {#field, offsetof(clade__fit_state, field), true},
#define METRICS(field) COUNT(field.n_samples) REAL(field.loss) REAL(field.accuracy) \
    COUNT(field.n_not_finite) REAL(field.top5_accuracy) REAL(field.perplexity) REAL(field.mae) \
    REAL(field.r2)
    COUNT(epochs) COUNT(step) COUNT(epoch_step) COUNT(n_steps) COUNT(first_epoch) COUNT(first_step)
    REAL(seconds) REAL(epoch_seconds) COUNT(log_bytes)
    METRICS(train) METRICS(valid) COUNT(best_epoch) METRICS(best)
    REAL(plateau.lr) REAL(plateau.least) COUNT(plateau.n_bad)
    METRICS(mark) COUNT(n_worse)
#undef METRICS
#undef REAL
#undef COUNT
};

enum { N_FIELDS = sizeof fields / sizeof fields[0] };

enum { RESERVED = 4 * sizeof ((clade_metrics *)NULL)->reserved }; /* of the four metrics */

_Static_assert(N_FIELDS * 8 + RESERVED == sizeof(clade__fit_state), "a member is missing in the table");

char *clade__fit_state_text(const clade__fit_state *state)
{
    clade__text text = {0};
    for (int i = 0; i < N_FIELDS; i++) {
        const void *at = (const char *)state + fields[i].offset;
        clade__text_append(&text, "%s%s=", i ? " " : "", fields[i].name);
        if (fields[i].real)
            clade__text_append(&text, "%.17g", *(const double *)at);
        else
            clade__text_append(&text, "%lld", (long long)*(const int64_t *)at);
    }
    if (text.failed) clade__text_free(&text);
    return text.data;
}

/* One field and what follows it; NULL when it is not there. */
static const char *parse_field(clade__fit_state *state, int i, const char *text)
{
    size_t length = strlen(fields[i].name), n_digits;
    char digits[32], *end;
    if (strncmp(text, fields[i].name, length) != 0 || text[length] != '=') return NULL;
    text += length + 1;
    n_digits = strcspn(text, " ");
    if (n_digits >= sizeof digits || text[n_digits] != (i + 1 < N_FIELDS ? ' ' : '\0')) return NULL;
    memcpy(digits, text, n_digits);
    digits[n_digits] = '\0';
    void *at = (char *)state + fields[i].offset;
    if (fields[i].real) {
        if (!clade__number_read(digits, at)) return NULL;
    } else {
        *(int64_t *)at = strtoll(digits, &end, 10);
        if (end == digits || *end) return NULL;
    }
    return text + n_digits + (i + 1 < N_FIELDS);
}

bool clade__fit_state_parse(clade__fit_state *state, const char *text)
{
    for (int i = 0; text && i < N_FIELDS; i++) text = parse_field(state, i, text);
    return text != NULL;
}
