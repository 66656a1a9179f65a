// A grid of characters on which lines join by themselves. Used by draw*.cpp alone.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warren::drawing {

enum class Stroke : std::uint8_t { none, solid, doubled, dashed };

struct Ink {
    std::uint8_t colour = 0;  // ANSI foreground, 31…37 or 91…97; 0 the terminal's own
    bool bold = false;
    bool operator==(const Ink&) const = default;
};

// Code points of a UTF-8 text; a byte that is none, or a control character, becomes '?'.
[[nodiscard]] std::u32string code_points(std::string_view text);
void append_utf8(std::string& out, char32_t c);
// Columns that TEXT takes: one for each code point.
[[nodiscard]] int columns(std::string_view text);

class Canvas {
public:
    Canvas(int width, int height);

    // What lies outside of the canvas is left out.
    void text(int x, int y, std::string_view text, Ink ink);
    void horizontal(int x1, int x2, int y, Stroke stroke, Ink ink);
    void vertical(int x, int y1, int y2, Stroke stroke, Ink ink);
    void box(int x, int y, int width, int height, Stroke stroke, Ink ink);

    // One line each, without blanks at its end.
    [[nodiscard]] std::string print(bool unicode, bool colour) const;

private:
    enum Arm { up, down, left, right };
    struct Cell {
        char32_t glyph = 0;
        std::array<Stroke, 4> arms{};
        Ink ink;
    };
    Cell* at(int x, int y);
    void extend(int x, int y, Arm arm, Stroke stroke, Ink ink);
    static char32_t unicode_line(const std::array<Stroke, 4>& arms);
    static char32_t ascii_line(const std::array<Stroke, 4>& arms);

    int width_;
    int height_;
    std::vector<Cell> cells_;
};

}  // namespace warren::drawing
