/* Clade: train neural networks on any OpenCL device. This header takes in all but opencl.h.
 * clade/status.h says what holds everywhere: errors, NULL, and how structs grow. */
#ifndef CLADE_CLADE_H
#define CLADE_CLADE_H

#include <clade/bench.h>
#include <clade/check.h>
#include <clade/data.h>
#include <clade/device.h>
#include <clade/job.h>
#include <clade/model.h>
#include <clade/ops.h>
#include <clade/report.h>
#include <clade/schema.h>
#include <clade/status.h>
#include <clade/step.h>
#include <clade/suite.h>
#include <clade/tensor.h>
#include <clade/train.h>
#include <clade/tune.h>

#endif
