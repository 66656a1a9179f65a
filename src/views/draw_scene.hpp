// A picture as values: boxes, lines and texts with their places in pixels. draw_svg.cpp writes it. Used by
// draw*.cpp alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "views/draw_model.hpp"

namespace warren::drawing {

struct Rect {
    int x = 0, y = 0, width = 0, height = 0;
    [[nodiscard]] int right() const { return x + width; }
    [[nodiscard]] int bottom() const { return y + height; }
    [[nodiscard]] bool overlaps(const Rect& other) const {
        return x < other.right() && other.x < right() && y < other.bottom() && other.y < bottom();
    }
    [[nodiscard]] bool holds(const Rect& other) const {
        return x <= other.x && y <= other.y && other.right() <= right() && other.bottom() <= bottom();
    }
};

enum class Font : std::uint8_t { title, heading, kind, tab, address, fact, pill };
enum class Anchor : std::uint8_t { start, middle, end };
// What a text is said in: the picture's ink, a fainter one, that of a fault, or one that is read on a pill.
enum class Tone : std::uint8_t { plain, faint, fault, on_pill };

struct Label {
    std::string text;
    int x = 0, y = 0;  // of the base line
    Font font = Font::fact;
    Anchor anchor = Anchor::start;
    Tone tone = Tone::plain;
    std::uint8_t colour = 0;  // of the pill under it
    [[nodiscard]] Rect bounds() const;
};

enum class ShapeKind : std::uint8_t { frame, place, host, sw, tab, pill, fault_pill };

struct Shape {
    ShapeKind kind = ShapeKind::host;
    Rect at;
    std::uint8_t colour = 0;
    bool missing = false;
};

// What belongs together, with a title for tooltips and screen readers.
struct Group {
    std::string title;
    std::vector<Shape> shapes;
    std::vector<Label> labels;
};

struct Point {
    int x = 0, y = 0;
    bool operator==(const Point&) const = default;
};

// From the last piece's end: straight, or a curve with two control points.
struct Piece {
    bool curve = false;
    Point c1, c2;
    Point to;
};

struct Line {
    std::string title;
    CableKind kind = CableKind::veth;
    bool dashed = false;
    bool trunk = false;
    std::uint8_t colour = 0;
    Point from;
    std::vector<Piece> pieces;
};

struct Scene {
    int width = 0, height = 0;
    std::string title;
    std::string description;
    std::vector<Group> back;  // under the lines
    std::vector<Line> lines;
    std::vector<Group> boxes;   // hosts and switches, each with its tabs
    std::vector<Group> badges;  // upon the lines
    std::vector<Group> legend;
    std::vector<Line> legend_lines;
};

// MODELS one below the other.
[[nodiscard]] Scene make_scene(const std::vector<Model>& models);

// Pixels that TEXT takes at most: of DejaVu's fonts, which are wider than most.
[[nodiscard]] int text_width(std::string_view text, Font font);
[[nodiscard]] int font_size(Font font);

}  // namespace warren::drawing
