// Moving things along a line to where they would like to be. Used by draw_places.cpp alone.
#pragma once

#include <vector>

namespace warren::drawing {

// Places near WANTED with at least DISTANCES from each to the next, the sum of weighted squares being least (isotonic
// regression by pooling neighbours). Weights are positive.
[[nodiscard]] std::vector<double> settle(const std::vector<double>& wanted, const std::vector<double>& weights,
                                         const std::vector<double>& distances);

}  // namespace warren::drawing
