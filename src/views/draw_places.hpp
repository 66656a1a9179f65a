// Where every box and tab of a picture stands, in pixels. Used by draw_scene*.cpp alone.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "views/draw_columns.hpp"
#include "views/draw_scene.hpp"

namespace warren::drawing {

inline constexpr int kTabHeight = 20;
inline constexpr int kTabOut = 8;       // that a tab sticks out of its box
inline constexpr int kTabPad = 14;      // that a tab is wider than its text
inline constexpr int kLineHeight = 15;  // of addresses and facts
inline constexpr int kHostHead = 28;    // title
inline constexpr int kSwitchHead = 44;  // title and kind
inline constexpr int kBoxPad = 12;
inline constexpr int kPillHeight = 16;
inline constexpr int kPillGap = 4;
inline constexpr int kPlaceHead = 22;  // title of a namespace around a switch
inline constexpr int kFramePad = 20;

enum class Edge : std::uint8_t { left, right, top, bottom };

struct Tab {
    End end;
    Edge edge = Edge::left;
    int at = 0;  // its middle, from the box's top (left for tabs at the top and bottom)
};

struct Placed {
    Rect at;
    std::vector<Tab> tabs;
    bool compact = false;  // a host in one line
};

struct ColumnPlace {
    int x = 0, width = 0;
    int left = 0, right = 0;  // wires are level there
    int lanes = 0;            // of wires that come back, the last of `right`
};

struct Places {
    int width = 0, height = 0;
    std::vector<Placed> items;  // by item of Columns
    std::vector<Placed> lone;   // as Columns::lone
    std::vector<ColumnPlace> columns;
    std::vector<int> lanes;  // by hop: of a wire that comes back to its column
    bool framed = false;
    Rect frame;
};

[[nodiscard]] Places place(const Model& model, const Columns& columns);

// What is on a wire next to a tab: a port's VLANs, and what is wrong.
struct Badge {
    std::string text;
    bool fault = false;
};
[[nodiscard]] std::vector<Badge> badges(const Model& model, const End& end);
[[nodiscard]] const std::string& name_of(const Model& model, const End& end);
[[nodiscard]] int tab_width(const Model& model, const End& end);
[[nodiscard]] int pill_width(const std::string& text);

// What a host's box says under its interfaces, and the first line of it.
struct FactLine {
    std::string text;
    bool fault = false;
};
[[nodiscard]] std::vector<FactLine> fact_lines(const HostNode& host);
// "ovs1" and "Open vSwitch" of a switch's title.
[[nodiscard]] std::pair<std::string, std::string> title_parts(const SwitchNode& sw);
[[nodiscard]] std::string title_of(const HostNode& host);

}  // namespace warren::drawing
