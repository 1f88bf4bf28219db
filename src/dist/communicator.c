#include "dist/communicator.h"

static clade_status all_reduce_self(const clade__communicator *communicator,
                                    clade__commands *commands, clade_tensor *gradient)
{
    (void)communicator;
    (void)commands;
    (void)gradient;
    return CLADE_OK;
}

const clade__communicator clade__communicator_self = {"self", 0, 1, all_reduce_self};
