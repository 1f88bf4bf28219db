/* What a network's outputs say, once they are on the host: which class, and whether anything at all. */
#ifndef CLADE_TRAIN_OUTPUTS_H
#define CLADE_TRAIN_OUTPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/model.h"

/* How many of n samples to predict at a time, so that their outputs take little memory. */
int64_t clade__predict_chunk(int64_t n_outputs, int64_t n_samples);

/* Of the n outputs of one sample. */
bool clade__outputs_finite(const float *outputs, int64_t n);

/* Outputs (n, outputs) for targets, in place, in the targets' own units: as before they were standardized. */
void clade__outputs_in_units(const clade_model *model, int64_t n, float *outputs);

/* The class of a sample by its raw outputs, as the device counts hits: the first of the largest or, of a
 * lone output, whether it exceeds the threshold. */
int64_t clade__class_of(const clade_model *model, const float *outputs);

#endif
