/* What a device can do at most, measured anew at each call. */
#ifndef CLADE_BENCH_LIMITS_H
#define CLADE_BENCH_LIMITS_H

#include <clade/bench.h>

#include "base/error.h"

/* All of it; `seconds` for each measurement, about. */
clade_status clade__limits_measure(clade_device *device, double seconds, clade_bench_limits *limits);

/* Arithmetic of another element type, "double" or "half", which the device must have. */
clade_status clade__limits_peak(clade_device *device, const char *type, double seconds,
                                double *flops_per_second);

#endif
