// The diagram of a lab as text.
#pragma once

#include <string>

#include "views/draw_model.hpp"
#include "views/lab_view.hpp"

namespace warren {

struct DrawStyle {
    bool unicode = true;  // box-drawing characters; else ASCII
    bool colour = false;  // ANSI colours
    int width = 100;      // columns to stay within where it can
};

// What VIEW.observed holds is drawn as it is (down links, missing ones, leased addresses, process ids); what
// only VIEW.wanted holds is drawn as missing. To draw a file alone: observed = wanted. Deterministic.
[[nodiscard]] std::string draw_text(const LabView& view, const DrawStyle& style);
[[nodiscard]] std::string draw_text(const drawing::Model& model, const DrawStyle& style);

}  // namespace warren
