/* What a training tells its user beside its progress: in plain words, with what to try. */
#include <stdio.h>

#include "train/fit.h"

clade_status clade__fit_tell(clade__fit *f, const char *text)
{
    if (f->ranks.rank > 0) return CLADE_OK; /* the first rank says it */
    if (f->options->on_message) f->options->on_message(text, f->options->user);
    return clade__run_log_message(&f->log, text);
}

clade_status clade__fit_tell_overflow(clade__fit *f)
{
    const clade_progress *p = &f->progress;
    char text[320];
    snprintf(text, sizeof text, "the validation of epoch %d is not finite: on %lld of %lld samples the "
             "network or its loss gives NaN or infinity; they count as wrong, and this epoch is not the "
             "best; look for far larger numbers in '%.80s', or standardize the data", p->epoch,
             (long long)p->valid.n_not_finite, (long long)p->valid.n_samples,
             f->options->validate->name);
    return clade__fit_tell(f, text);
}
