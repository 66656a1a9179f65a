// A diagram of whatever the machine has, whoever made it.
#pragma once

#include "engine/survey.hpp"
#include "views/draw_model.hpp"

namespace warren {

// Switches are the bridges of all namespaces; what the machine's own namespace has beside them, its uplinks say, is
// one more box in its frame. Left out: loopbacks, tunnel devices that the kernel makes by itself, and namespaces
// without a name that have nothing else. Deterministic.
[[nodiscard]] drawing::Model live_model(const Survey& survey);

}  // namespace warren
