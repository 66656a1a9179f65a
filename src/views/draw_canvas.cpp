// The grid that text diagrams are drawn on: lines are kept as arms of a cell, so that those that meet give the
// right corner, tee or crossing. Called by draw_paint.cpp.
#include "views/draw_canvas.hpp"

#include <algorithm>

namespace warren::drawing {
namespace {

// The few characters beyond ASCII that the diagram itself uses.
std::string ascii(char32_t c) {
    if (c < 0x80) { return {static_cast<char>(c)}; }
    if (c == U'…') { return "~"; }
    if (c == U'·') { return ":"; }
    return "?";
}

std::string sgr(Ink ink) {
    std::string out = "\033[0";
    if (ink.bold) { out += ";1"; }
    if (ink.colour != 0) { out += ";" + std::to_string(ink.colour); }
    return out + "m";
}

}  // namespace

std::u32string code_points(std::string_view text) {
    std::u32string out;
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
        char32_t value = size == 1 ? lead : lead & (0xffU >> (size + 1));
        bool good = size != 0 && lead <= 0xf4 && i + size <= text.size();
        for (std::size_t k = 1; good && k < size; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            good = (next & 0xc0U) == 0x80U;
            value = value << 6U | (next & 0x3fU);
        }
        if (good && (value < 0x20 || (value >= 0x7f && value < 0xa0))) { value = U'?'; }
        out += good ? value : U'?';
        i += good ? size : 1;
    }
    return out;
}

void append_utf8(std::string& out, char32_t c) {
    auto put = [&](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xc0U | (c >> 6U));
        put(0x80U | (c & 0x3fU));
    } else if (c < 0x10000) {
        put(0xe0U | (c >> 12U));
        put(0x80U | ((c >> 6U) & 0x3fU));
        put(0x80U | (c & 0x3fU));
    } else {
        put(0xf0U | (c >> 18U));
        put(0x80U | ((c >> 12U) & 0x3fU));
        put(0x80U | ((c >> 6U) & 0x3fU));
        put(0x80U | (c & 0x3fU));
    }
}

int columns(std::string_view text) { return static_cast<int>(code_points(text).size()); }

Canvas::Canvas(int width, int height)
    : width_(width), height_(height), cells_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height)) {}

Canvas::Cell* Canvas::at(int x, int y) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) { return nullptr; }
    return &cells_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x)];
}

void Canvas::text(int x, int y, std::string_view text, Ink ink) {
    for (const char32_t c : code_points(text)) {
        if (Cell* cell = at(x++, y)) {
            cell->glyph = c;
            cell->ink = ink;
        }
    }
}

void Canvas::extend(int x, int y, Arm arm, Stroke stroke, Ink ink) {
    Cell* cell = at(x, y);
    if (cell == nullptr) { return; }
    cell->arms[arm] = stroke;
    cell->ink = ink;
}

void Canvas::horizontal(int x1, int x2, int y, Stroke stroke, Ink ink) {
    for (int x = std::min(x1, x2); x < std::max(x1, x2); ++x) {
        extend(x, y, right, stroke, ink);
        extend(x + 1, y, left, stroke, ink);
    }
}

void Canvas::vertical(int x, int y1, int y2, Stroke stroke, Ink ink) {
    for (int y = std::min(y1, y2); y < std::max(y1, y2); ++y) {
        extend(x, y, down, stroke, ink);
        extend(x, y + 1, up, stroke, ink);
    }
}

void Canvas::box(int x, int y, int width, int height, Stroke stroke, Ink ink) {
    horizontal(x, x + width - 1, y, stroke, ink);
    horizontal(x, x + width - 1, y + height - 1, stroke, ink);
    vertical(x, y, y + height - 1, stroke, ink);
    vertical(x + width - 1, y, y + height - 1, stroke, ink);
}

char32_t Canvas::unicode_line(const std::array<Stroke, 4>& arms) {
    const bool level = arms[left] != Stroke::none || arms[right] != Stroke::none;
    const bool upright = arms[up] != Stroke::none || arms[down] != Stroke::none;
    const bool wide = arms[left] == Stroke::doubled || arms[right] == Stroke::doubled;
    const bool tall = arms[up] == Stroke::doubled || arms[down] == Stroke::doubled;
    if (!upright && (arms[left] == Stroke::dashed || arms[right] == Stroke::dashed)) { return U'┄'; }
    if (!level && (arms[up] == Stroke::dashed || arms[down] == Stroke::dashed)) { return U'┆'; }
    // Index: up 1, down 2, left 4, right 8; a lone arm is drawn as the whole line.
    std::size_t index = 0;
    for (const Arm arm : {up, down, left, right}) {
        if (arms[arm] != Stroke::none) { index |= std::size_t{1} << static_cast<unsigned>(arm); }
    }
    static constexpr std::u32string_view kLight = U" │││─┘┐┤─└┌├─┴┬┼";
    static constexpr std::u32string_view kWide = U" │││═╛╕╡═╘╒╞═╧╤╪";
    static constexpr std::u32string_view kTall = U" ║║║─╜╖╢─╙╓╟─╨╥╫";
    static constexpr std::u32string_view kBoth = U" ║║║═╝╗╣═╚╔╠═╩╦╬";
    return (wide ? (tall ? kBoth : kWide) : (tall ? kTall : kLight))[index];
}

char32_t Canvas::ascii_line(const std::array<Stroke, 4>& arms) {
    const bool level = arms[left] != Stroke::none || arms[right] != Stroke::none;
    const bool upright = arms[up] != Stroke::none || arms[down] != Stroke::none;
    auto either = [&](Arm a, Arm b, Stroke stroke) { return arms[a] == stroke || arms[b] == stroke; };
    if (level && upright) { return U'+'; }
    if (level) {
        if (either(left, right, Stroke::dashed)) { return U'.'; }
        return either(left, right, Stroke::doubled) ? U'=' : U'-';
    }
    if (upright) { return either(up, down, Stroke::dashed) ? U':' : U'|'; }
    return U' ';
}

std::string Canvas::print(bool unicode, bool colour) const {
    std::string out;
    for (int y = 0; y < height_; ++y) {
        const auto* row = &cells_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_)];
        auto glyph = [&](const Cell& cell) {
            if (cell.glyph != 0) { return cell.glyph; }
            return unicode ? unicode_line(cell.arms) : ascii_line(cell.arms);
        };
        int end = width_;
        while (end > 0 && glyph(row[end - 1]) == U' ') { --end; }
        Ink ink;
        for (int x = 0; x < end; ++x) {
            const char32_t c = glyph(row[x]);
            if (colour && c != U' ' && row[x].ink != ink) {
                ink = row[x].ink;
                out += sgr(ink);
            }
            if (unicode) {
                append_utf8(out, c);
            } else {
                out += ascii(c);
            }
        }
        if (ink != Ink{}) { out += "\033[0m"; }
        out += '\n';
    }
    return out;
}

}  // namespace warren::drawing
