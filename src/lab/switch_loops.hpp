// Loops of switches that nothing breaks. Called by the checks of wiring.
#pragma once

#include "lab/check_context.hpp"

namespace warren {

// Refuses loops in which a switch runs no spanning tree: a broadcast frame would circle in it for ever. A
// loop counts only where one VLAN goes all the way round. A switch in fail mode `secure` is left alone: it
// forwards nothing but what its controller says.
void check_switch_loops(CheckContext& context);

}  // namespace warren
