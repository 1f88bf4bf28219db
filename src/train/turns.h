/* Turns: which rank of a job does which batches of an epoch, where each rank trains apart on batches of its own
 * and they average what they have come to (clade_parallel); and how much each rank's part of an average weighs.
 *
 *   simu      M. Zinkevich, M. Weimer, L. Li, A. Smola: Parallelized Stochastic Gradient Descent. NIPS 2010,
 *             SimuParallelSGD: v = 1/n sum_i w_i
 *   weighted  D. Cheng, S. Li, Y. Zhang: Weighted parallel SGD for distributed unbalanced-workload training
 *             system. arXiv:1708.04801, 2017, WP-SGD: v = sum_i a_i w_i of ranks that made T_i steps,
 *             a_i = (1 - lambda eta)^(T_max - T_i) / sum_j (1 - lambda eta)^(T_max - T_j),
 *             lambda the weight decay, which is the regularizer there, and eta the learning rate
 *
 * The batches are those of one device. They are dealt so that in each row of them all ranks are ready at the same
 * time, as far as whole batches allow, and every rank deals in the same way. */
#ifndef CLADE_TRAIN_TURNS_H
#define CLADE_TRAIN_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct clade__turns {
    int n, rank;
    int64_t n_batches;  /* of an epoch */
    int64_t first_step; /* the model's own count when training began */
    int32_t *owners;    /* (n_batches) the ranks that do them */
    int64_t *steps;     /* (n) see clade__turns_count */
    double *weights;    /* (n) see clade__turns_weigh */
    double *seconds;    /* (n) room for what ranks have measured */
} clade__turns;

/* CLADE_EINVAL where there are fewer batches than ranks. */
clade_status clade__turns_open(clade__turns *turns, int n, int rank, int64_t n_batches);
void clade__turns_close(clade__turns *turns);

/* Deals the batches from `from` on; parts (n) above 0: how many each rank does, in proportion. */
void clade__turns_deal(clade__turns *turns, const double *parts, int64_t from);

bool clade__turns_is_mine(const clade__turns *turns, int64_t batch);

/* turns->steps become the batches that each rank does of [from, to). */
void clade__turns_count(clade__turns *turns, int64_t from, int64_t to);

/* turns->weights become how much each rank's part of an average weighs after these steps, 1 in all: with
 * `contraction` 1 - lambda eta as in WP-SGD, with 1 all the same. A rank that made no step weighs nothing. */
void clade__turns_weigh(clade__turns *turns, double contraction);

/* How many updates the model has seen at its step number `step`, of which each rank makes one in n. */
int64_t clade__turns_updates(const clade__turns *turns, int64_t step);

#endif
