// The text diagram: a model of what is there, the first of some layouts that fits the width, and its painting.
// Called by `warren draw`.
#include "views/draw.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "views/draw_canvas.hpp"
#include "views/draw_layout.hpp"
#include "views/draw_model.hpp"

namespace warren {
namespace {

using namespace drawing;

constexpr std::uint8_t kFault = 91;  // bright red

// What hosts without a namespace of their own have stands in the frame, as a box among the switches.
Model in_frame(const Model& model) {
    Model out = model;
    out.hosts.clear();
    std::vector<std::size_t> now;  // where each host, or its box, is
    for (const auto& host : model.hosts) {
        now.push_back(host.root ? out.switches.size() : out.hosts.size());
        if (!host.root) {
            out.hosts.push_back(host);
            continue;
        }
        SwitchNode box;
        box.name = host.name;
        box.title = host.name;
        for (const auto* words : {&host.facts, &host.processes}) {
            for (const auto& word : *words) { box.title += " · " + word; }
        }
        for (const auto& nic : host.nics) {
            box.ports.push_back({nic.name, fmt::format("{}", fmt::join(nic.addresses, ", ")), nic.note, "", 0});
        }
        out.switches.push_back(std::move(box));
    }
    for (auto& wire : out.wires) {
        for (End* end : {&wire.a, &wire.b}) {
            if (end->on_switch) { continue; }
            const bool root = model.hosts[end->node].root;
            *end = {root, now[end->node], end->index};
        }
        if (wire.a.on_switch && !wire.b.on_switch) { std::swap(wire.a, wire.b); }
    }
    return out;
}

class Painter {
public:
    Painter(const Model& model, const Layout& layout)
        : model_(model), layout_(layout), canvas_(std::max(layout.width, 1), std::max(layout.height, 1)) {}

    std::string run(const DrawStyle& style) {
        if (layout_.frame) {
            canvas_.box(layout_.frame_x, 0, layout_.frame_width, layout_.frame_height, Stroke::solid, {});
            canvas_.text(layout_.frame_x + 2, 0, " " + model_.place + " ", {0, true});
        }
        for (std::size_t s = 0; s < layout_.switches.size(); ++s) { paint_switch_box(s); }
        for (const auto& box : layout_.boxes) { paint_box(box); }
        for (const auto& path : layout_.paths) { paint_wire(path); }
        for (std::size_t s = 0; s < layout_.switches.size(); ++s) { paint_ports(s); }
        return canvas_.print(style.unicode, style.colour) + legend(style.unicode);
    }

private:
    void paint_switch_box(std::size_t s) {
        const SwitchNode& sw = model_.switches[s];
        const SwitchBox& at = layout_.switches[s];
        const Ink ink{sw.missing ? kFault : std::uint8_t{0}, false};
        canvas_.box(layout_.switch_x, at.y, layout_.switch_width, at.height,
                    sw.missing ? Stroke::dashed : Stroke::solid, ink);
        canvas_.text(layout_.switch_x + 2, at.y, " " + switch_title(sw) + " ", {ink.colour, true});
    }

    void paint_box(const Box& box) {
        const std::uint8_t colour = box.missing ? kFault : box.colour;
        canvas_.box(box.x, box.y, box.width, box.height, box.missing ? Stroke::dashed : Stroke::solid,
                    {colour, false});
        canvas_.text(box.x + 2, box.y, " " + box.title + " ", {colour, true});
        for (const auto& row : box.rows) {
            canvas_.text(box.x + 2, row.y, row.text, {row.fault || box.missing ? kFault : row.colour, false});
        }
    }

    void paint_wire(const Path& path) {
        const Cable& wire = model_.wires[path.wire];
        const Ink ink{wire.stroke == Stroke::dashed ? kFault : wire.colour, false};
        canvas_.horizontal(path.x1, path.bend, path.y1, wire.stroke, ink);
        canvas_.vertical(path.bend, path.y1, path.y2, wire.stroke, ink);
        canvas_.horizontal(path.bend, path.x2, path.y2, wire.stroke, ink);
    }

    void paint_ports(std::size_t s) {
        const SwitchNode& sw = model_.switches[s];
        const int right = layout_.switch_x + layout_.switch_width - 1;
        for (std::size_t p = 0; p < sw.ports.size(); ++p) {
            const Port& port = sw.ports[p];
            const int y = layout_.switches[s].port_y[p];
            const bool at_left = layout_.switches[s].port_side[p] == Side::left;
            const Ink ink{port.note.empty() && !sw.missing ? port.colour : kFault, false};
            const std::string tab = tab_text(port);
            canvas_.text(at_left ? layout_.switch_x + 2 : right - 1 - columns(tab), y, tab, ink);
            if (port.badge.empty()) { continue; }
            const std::string badge = " " + port.badge + " ";
            canvas_.text(at_left ? layout_.switch_x - 1 - columns(badge) : right + 2, y, badge, {ink.colour, true});
        }
    }

    // Says what the strokes mean, where there is another than a veth pair's.
    [[nodiscard]] std::string legend(bool unicode) const {
        std::array<bool, 4> used{};
        for (const auto& wire : model_.wires) { used.at(static_cast<std::size_t>(wire.stroke)) = true; }
        const bool doubled = used.at(static_cast<std::size_t>(Stroke::doubled));
        const bool dashed = used.at(static_cast<std::size_t>(Stroke::dashed));
        if (!doubled && !dashed) { return {}; }
        std::string out = unicode ? "── veth pair" : "-- veth pair";
        if (doubled) { out += unicode ? "   ══ internal port" : "   == internal port"; }
        if (dashed) { out += unicode ? "   ┄┄ down or missing" : "   .. down or missing"; }
        return "\n" + out + "\n";
    }

    const Model& model_;
    const Layout& layout_;
    Canvas canvas_;
};

}  // namespace

std::string draw_text(const LabView& view, const DrawStyle& style) { return draw_text(make_model(view), style); }

std::string draw_text(const Model& drawn, const DrawStyle& style) {
    const Model model = in_frame(drawn);
    static constexpr std::array<LayoutOptions, 7> kWays{{{true, false, 3},
                                                         {true, false, 1},
                                                         {true, true, 3},
                                                         {true, true, 1},
                                                         {false, false, 3},
                                                         {false, false, 1},
                                                         {false, true, 1}}};
    Layout best;
    for (const auto& way : kWays) {
        Layout layout = lay_out(model, way);
        if (best.width == 0 || layout.width < best.width) { best = std::move(layout); }
        if (best.width <= style.width) { break; }
    }
    return Painter(model, best).run(style);
}

std::string draw_text(const Models& models, const DrawStyle& style) {
    std::string out;
    for (const auto& model : models) { out += (out.empty() ? "" : "\n") + draw_text(model, style); }
    return out;
}

}  // namespace warren
