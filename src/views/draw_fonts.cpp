// The widths of texts, without a font at hand. Called by draw_scene*.cpp.
#include <algorithm>
#include <array>
#include <cmath>

#include "views/draw_canvas.hpp"
#include "views/draw_scene.hpp"

namespace warren::drawing {
namespace {

// Thousandths of the font's size, of the characters from ' ' to '~': DejaVu Sans, DejaVu Sans Bold.
constexpr std::array<int, 95> kSans{
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838,
};
constexpr std::array<int, 95> kBold{
    348, 456,  521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415,  380, 365, 696, 696,  696,
    696, 696,  696, 696, 696, 696,  696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830,  683,
    683, 821,  837, 372, 372, 775,  637, 995, 837, 850, 733, 850, 770, 720,  682, 812, 774, 1103, 771,
    724, 725,  457, 365, 457, 838,  500, 500, 675, 716, 593, 716, 678, 435,  716, 712, 343, 343,  665,
    343, 1042, 712, 687, 716, 716,  493, 595, 478, 712, 652, 924, 645, 652,  582, 712, 365, 712,  838,
};
constexpr int kMono = 602;
constexpr int kOther = 1000;  // any other character; few are wider

struct FontData {
    int size;
    const std::array<int, 95>* widths;  // null: all alike
};

FontData data(Font font) {
    switch (font) {
        case Font::title:
            return {18, &kBold};
        case Font::heading:
            return {13, &kBold};
        case Font::kind:
            return {11, &kSans};
        case Font::tab:
        case Font::address:
            return {11, nullptr};
        case Font::fact:
            return {11, &kSans};
        case Font::pill:
            return {10, &kBold};
    }
    return {11, &kSans};
}

}  // namespace

int font_size(Font font) { return data(font).size; }

int text_width(std::string_view text, Font font) {
    const FontData of = data(font);
    int sum = 0;
    for (const char32_t c : code_points(text)) {
        if (c > U'~' && c != U'·') {
            sum += kOther;
        } else if (of.widths == nullptr) {
            sum += kMono;
        } else {
            sum += c == U'·' ? (*of.widths)[0] : (*of.widths).at(c - U' ');
        }
    }
    return (sum * of.size + 999) / 1000;
}

Rect Label::bounds() const {
    const int width = text_width(text, font);
    const int size = font_size(font);
    const int left = anchor == Anchor::start ? x : anchor == Anchor::middle ? x - width / 2 : x - width;
    return {left, y - size * 4 / 5, width, size};
}

}  // namespace warren::drawing
