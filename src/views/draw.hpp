// The diagram of a lab, or of several networks one below the other: as text, as a picture, for other programs.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
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

using Models = std::vector<drawing::Model>;
[[nodiscard]] std::string draw_text(const Models& models, const DrawStyle& style);

// `automatic`: light or dark as the reader's system is (prefers-color-scheme), in an SVG that a browser shows.
enum class Theme { light, dark, automatic };

// A whole SVG document: text that can be selected, titles, no resources from elsewhere.
[[nodiscard]] std::string draw_svg(const Models& models, Theme theme);
// The same as a PNG file's bytes, twice as fine as the SVG's pixels. Made by librsvg's rsvg-convert, which knows
// fonts; Error::Kind::lacking, naming the package, where it is not installed.
[[nodiscard]] Result<std::string> draw_png(const Models& models, Theme theme);
// For Graphviz; a Mermaid flowchart.
[[nodiscard]] std::string draw_dot(const Models& models);
[[nodiscard]] std::string draw_mermaid(const Models& models);

}  // namespace warren
