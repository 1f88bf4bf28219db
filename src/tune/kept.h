/* What is kept of a search: lines for device/tuned.h.
 *
 *   set NAME=VALUE …       CLBlast's parameters, which blas reads
 *   gain X                 how many times as fast the products were by it, as those before it
 *   product M N K A B      what it was found for; A and B: n, or t for transposed
 *   skip HASH WHY          a set that crashed, hung, was wrong or was refused, and is not tried again
 */
#ifndef CLADE_TUNE_KEPT_H
#define CLADE_TUNE_KEPT_H

#include <clade/tune.h>

#include "base/text.h"
#include "blas/clblast_set.h"
#include "train/run_lock.h"

/* Appends the lines of a set and its products; and of those before, all but the skipped. */
void clade__kept_set(clade__text *text, const clade__clblast_set *set, const clade_tune_result *result);
void clade__kept_old(clade__text *text, const char *lines);

/* For as long as what is kept is about to change; see run_lock.h. CLADE_EIO where there is no cache folder. */
clade_status clade__tune_lock(clade__run_lock *lock);

#endif
