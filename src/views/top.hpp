// The links of a lab with what passes over them.
#pragma once

#include <string>
#include <vector>

#include "probe/meter.hpp"

namespace warren {

enum class TopOrder { rate, rx, tx, packets, drops, name };

struct TopView {
    std::string lab;
    double seconds = 0;  // between the two readings
    std::vector<probe::WireRates> links;
};

// The most first; of equal ones, by name.
void sort_links(std::vector<probe::WireRates>& links, TopOrder order);

// A line that says what it is, then one for each link.
[[nodiscard]] std::string top_text(const TopView& view, bool unicode);
// One line, without its end.
[[nodiscard]] std::string top_json(const TopView& view);

}  // namespace warren
