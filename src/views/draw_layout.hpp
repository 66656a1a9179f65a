// Where everything of a diagram stands. Used by draw*.cpp alone.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "views/draw_model.hpp"

namespace warren::drawing {

struct LayoutOptions {
    bool both_sides = true;  // hosts to the left and right of the switches; else to the left
    bool split = false;      // an interface's name and addresses on lines of their own
    int gap = 3;             // columns of bare line
};

enum class Side { left, right };

struct Row {
    std::string text;
    std::uint8_t colour = 0;
    bool fault = false;
    int y = 0;
};

// A host, or many alike with a line for each.
struct Box {
    std::string title;
    std::vector<Row> rows;
    std::vector<std::size_t> starts;  // rows that begin with an interface
    std::vector<End> ends;            // the interfaces, one for each start
    Side side = Side::left;
    bool missing = false;
    std::uint8_t colour = 0;
    int x = 0, y = 0, width = 0, height = 0;
};

struct SwitchBox {
    int y = 0, height = 0;
    std::vector<int> port_y;  // by port
    std::vector<Side> port_side;
};

// A wire from (x1, y1) to (x2, y2), level but for a vertical part at `bend` where the ends are not.
struct Path {
    std::size_t wire = 0;
    int x1 = 0, y1 = 0, x2 = 0, y2 = 0, bend = 0;
};

struct Layout {
    int width = 0, height = 0;
    std::vector<Box> boxes;
    bool frame = false;
    int frame_x = 0, frame_width = 0, frame_height = 0;
    int switch_x = 0, switch_width = 0;
    std::vector<SwitchBox> switches;
    std::vector<Path> paths;
};

[[nodiscard]] Layout lay_out(const Model& model, const LayoutOptions& options);

// A host's box with its interfaces in the order NICS; the box of HOSTS, of one interface each. Not placed.
[[nodiscard]] Box host_box(const Model& model, std::size_t host, const std::vector<std::size_t>& nics, bool split);
[[nodiscard]] Box group_box(const Model& model, const std::vector<std::size_t>& hosts);

// A switch as its title says it; a port as its tab does.
[[nodiscard]] std::string switch_title(const SwitchNode& sw);
[[nodiscard]] std::string tab_text(const Port& port);

}  // namespace warren::drawing
