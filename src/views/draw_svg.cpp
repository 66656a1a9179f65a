// The picture as SVG. Colours are classes, of which only those in use are written. Called by `warren draw`.
#include <array>
#include <set>

#include <fmt/format.h>

#include "views/draw.hpp"
#include "views/draw_scene.hpp"

namespace warren {
namespace {

using namespace drawing;

struct Rgb {
    int red = 0, green = 0, blue = 0;
};
std::string hex(Rgb c) { return fmt::format("#{:02x}{:02x}{:02x}", c.red, c.green, c.blue); }

// PART of 100 of A in B.
Rgb mix(Rgb a, Rgb b, int part) {
    auto one = [part](int x, int y) { return (x * part + y * (100 - part)) / 100; };
    return {one(a.red, b.red), one(a.green, b.green), one(a.blue, b.blue)};
}

struct Shades {
    Rgb ground, frame, ink, faint, fault, tint, line, sw, sw_line;
};
constexpr Shades kLight{{255, 255, 255}, {246, 248, 250}, {27, 36, 48},    {84, 96, 108},  {164, 14, 38},
                        {94, 110, 128},  {94, 110, 128},  {226, 232, 240}, {100, 116, 135}};
constexpr Shades kDark{{17, 22, 29},    {23, 29, 38},    {232, 236, 242}, {160, 172, 186}, {255, 138, 138},
                       {150, 166, 184}, {150, 166, 184}, {40, 50, 64},    {126, 144, 164}};

// Told apart by colour-blind readers: Okabe and Ito's, then Tol's. By ANSI number, as the text diagram has it.
Rgb tenant_colour(std::uint8_t colour, const Shades& shades) {
    switch (colour) {
        case 31:
            return {213, 94, 0};
        case 32:
            return {0, 158, 115};
        case 33:
            return {230, 159, 0};
        case 34:
            return {0, 114, 178};
        case 35:
            return {204, 121, 167};
        case 36:
            return {86, 180, 233};
        case 91:
            return {136, 34, 85};
        case 92:
            return {153, 153, 51};
        case 93:
            return {221, 204, 119};
        case 94:
            return {102, 87, 190};
        case 95:
            return {170, 68, 153};
        case 96:
            return {68, 170, 153};
        default:
            return shades.tint;
    }
}

int brightness(Rgb c) { return (c.red * 299 + c.green * 587 + c.blue * 114) / 1000; }

// Lighter where it would be lost on a dark ground.
Rgb tenant(std::uint8_t colour, const Shades& shades) {
    const Rgb c = tenant_colour(colour, shades);
    const bool dark = brightness(shades.ground) < 128;
    return dark && brightness(c) < 105 ? mix({255, 255, 255}, c, 30) : c;
}

// Black or white, whichever is read better upon it.
Rgb upon(Rgb c) { return brightness(c) > 125 ? Rgb{16, 20, 26} : Rgb{255, 255, 255}; }

std::string escaped(std::string_view text) {
    std::string out;
    for (const char32_t c : code_points(text)) {
        switch (c) {
            case U'&':
                out += "&amp;";
                break;
            case U'<':
                out += "&lt;";
                break;
            case U'>':
                out += "&gt;";
                break;
            case U'"':
                out += "&quot;";
                break;
            // Not characters of XML.
            case char32_t{0xfffe}:
            case char32_t{0xffff}:
                out += '?';
                break;
            default:
                if (c >= 0xd800 && c <= 0xdfff) {
                    out += '?';
                } else {
                    append_utf8(out, c);
                }
        }
    }
    return out;
}

// A title, whose line ends are kept.
std::string title_of(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        out += (at == 0 ? "" : "\n") + escaped(std::string_view(text).substr(at, end - at));
        at = end + 1;
    }
    return "<title>" + out + "</title>";
}

class Writer {
public:
    Writer(const Scene& scene, Theme theme) : scene_(scene), theme_(theme) {}

    std::string run() {
        for (const auto& group : scene_.back) { add(group); }
        for (const auto& line : scene_.lines) { add(line); }
        for (const auto& group : scene_.boxes) { add(group); }
        for (const auto& group : scene_.badges) { add(group); }
        body_ += "<g role=\"group\" aria-label=\"legend\">\n";
        for (const auto& line : scene_.legend_lines) { add(line); }
        for (const auto& group : scene_.legend) { add(group); }
        body_ += "</g>\n";
        return fmt::format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
            "role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">{2}</title>\n<desc id=\"d\">{3}</desc>\n"
            "<style>\n{4}</style>\n<rect class=\"bg\" width=\"{0}\" height=\"{1}\"/>\n{5}</svg>\n",
            scene_.width, scene_.height, escaped(scene_.title), escaped(scene_.description), style(), body_);
    }

private:
    std::string use(char letter, std::uint8_t colour) {
        used_.insert({letter, colour});
        return fmt::format("{}{}", letter, colour);
    }

    void add(const Group& group) {
        const bool titled = !group.title.empty();
        if (titled) { body_ += "<g>" + title_of(group.title) + "\n"; }
        for (const auto& shape : group.shapes) { add(shape); }
        for (const auto& label : group.labels) { add(label); }
        if (titled) { body_ += "</g>\n"; }
    }

    void add(const Shape& shape) {
        std::string name;
        int round = 0;
        switch (shape.kind) {
            case ShapeKind::frame:
                name = "fr";
                round = 14;
                break;
            case ShapeKind::place:
                name = "pl";
                round = 10;
                break;
            case ShapeKind::host:
                name = use('h', shape.colour);
                round = 7;
                break;
            case ShapeKind::sw:
                name = "sw";
                round = 4;
                break;
            case ShapeKind::tab:
                name = use('t', shape.colour);
                round = 4;
                break;
            case ShapeKind::pill:
                name = use('p', shape.colour);
                round = shape.at.height / 2;
                break;
            case ShapeKind::fault_pill:
                name = "fp";
                round = shape.at.height / 2;
                break;
        }
        if (shape.missing) { name += " mi"; }
        body_ += fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>\n", name,
                             shape.at.x, shape.at.y, shape.at.width, shape.at.height, round);
    }

    void add(const Label& label) {
        static constexpr std::array<const char*, 7> kFonts{"f0", "f1", "f2", "f3", "f4", "f5", "f6"};
        std::string name = kFonts.at(static_cast<std::size_t>(label.font));
        if (label.tone == Tone::faint) { name += " fa"; }
        if (label.tone == Tone::fault) { name += " er"; }
        if (label.tone == Tone::on_pill) { name += " " + use('q', label.colour); }
        if (label.anchor == Anchor::middle) { name += " m"; }
        if (label.anchor == Anchor::end) { name += " e"; }
        body_ += fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>\n", name, label.x, label.y,
                             escaped(label.text));
    }

    void add(const Line& line) {
        std::string path = fmt::format("M{} {}", line.from.x, line.from.y);
        for (const auto& piece : line.pieces) {
            path += piece.curve ? fmt::format("C{} {} {} {} {} {}", piece.c1.x, piece.c1.y, piece.c2.x, piece.c2.y,
                                              piece.to.x, piece.to.y)
                                : fmt::format("L{} {}", piece.to.x, piece.to.y);
        }
        std::string name = "w " + use('l', line.colour);
        const bool doubled = line.kind == CableKind::internal && !line.dashed;
        if (line.dashed) {
            name += " da";
        } else if (doubled) {
            name += " db";
        } else if (line.kind == CableKind::patch) {
            name += " pa";
        } else if (line.kind == CableKind::macvlan) {
            name += " mv";
        } else if (line.kind == CableKind::tunnel) {
            name += " tu";
        }
        if (line.trunk) { name += " tr"; }
        const bool titled = !line.title.empty();
        if (titled) { body_ += "<g>" + title_of(line.title); }
        body_ += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", name, path);
        if (doubled) { body_ += fmt::format("<path class=\"w in\" d=\"{}\"/>\n", path); }
        if (titled) { body_ += "</g>\n"; }
    }

    [[nodiscard]] std::string style() const {
        std::string out =
            "text{font-family:system-ui,\"Segoe UI\",Roboto,\"Helvetica Neue\",\"DejaVu "
            "Sans\",sans-serif;font-size:11px}\n"
            ".f0{font-size:18px;font-weight:bold}.f1{font-size:13px;font-weight:bold}\n"
            ".f3,.f4{font-family:ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace}\n"
            ".f6{font-size:10px;font-weight:bold}.m{text-anchor:middle}.e{text-anchor:end}\n"
            "rect{stroke-width:1.5}.fr,.pl{stroke-width:1}.mi{stroke-dasharray:6 4}\n"
            ".w{fill:none;stroke-width:2}.db{stroke-width:5}.in{stroke-width:1.6}.tr{stroke-width:3.5}\n"
            ".da{stroke-dasharray:6 5}.pa{stroke-dasharray:.1 5;stroke-linecap:round;stroke-width:3.2}\n"
            ".mv{stroke-width:1}.tu{stroke-width:7;stroke-opacity:.55}\n";
        out += colours(theme_ == Theme::dark ? kDark : kLight);
        if (theme_ == Theme::automatic) { out += "@media(prefers-color-scheme:dark){\n" + colours(kDark) + "}\n"; }
        return out;
    }

    [[nodiscard]] std::string colours(const Shades& s) const {
        std::string out = fmt::format(
            ".bg{{fill:{}}}text{{fill:{}}}.fa{{fill:{}}}.er{{fill:{}}}.in{{stroke:{}}}\n"
            ".fr{{fill:{};stroke:{}}}.pl{{fill:{};stroke:{}}}.sw{{fill:{};stroke:{}}}.fp{{fill:{};stroke:{}}}\n",
            hex(s.ground), hex(s.ink), hex(s.faint), hex(s.fault), hex(s.ground), hex(s.frame),
            hex(mix(s.line, s.ground, 45)), hex(mix(s.tint, s.ground, 8)), hex(mix(s.line, s.ground, 60)),
            hex(s.sw), hex(s.sw_line), hex(mix(s.fault, s.ground, 8)), hex(s.fault));
        for (const auto& [letter, colour] : used_) {
            const Rgb c = tenant(colour, s);
            const std::string name = fmt::format(".{}{}", letter, colour);
            switch (letter) {
                case 'h':
                    out += fmt::format("{}{{fill:{};stroke:{}}}", name, hex(mix(c, s.ground, 13)), hex(c));
                    break;
                case 't':
                    out += fmt::format("{}{{fill:{};stroke:{}}}", name, hex(s.ground), hex(c));
                    break;
                case 'p':
                    out += fmt::format("{}{{fill:{};stroke:{}}}", name, hex(c), hex(c));
                    break;
                case 'q':
                    out += fmt::format("{}{{fill:{}}}", name, hex(upon(c)));
                    break;
                default:
                    out += fmt::format("{}{{stroke:{}}}", name, hex(c));
                    break;
            }
        }
        // A fault has its colour over any other.
        out += fmt::format("\n.mi{{stroke:{}}}.da{{stroke:{}}}\n", hex(s.fault), hex(s.fault));
        return out;
    }

    const Scene& scene_;
    const Theme theme_;
    std::string body_;
    std::set<std::pair<char, std::uint8_t>> used_;
};

}  // namespace

std::string draw_svg(const Models& models, Theme theme) {
    const Scene scene = make_scene(models);
    return Writer(scene, theme).run();
}

}  // namespace warren
