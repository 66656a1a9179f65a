// From the places of a picture's boxes to all that is drawn: shapes, texts and lines. Called by draw_picture.cpp.
#include "views/draw_scene.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "views/draw_places.hpp"

namespace warren::drawing {
namespace {

constexpr int kMargin = 24;
constexpr int kTitleHeight = 34;
constexpr int kSectionGap = 40;
constexpr int kLegendRow = 24;
constexpr int kSample = 34;  // of a line in the legend

std::string words(std::size_t count, const char* one, const char* many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

class SceneMaker {
public:
    explicit SceneMaker(const std::vector<Model>& models) : models_(models) {}

    Scene run() {
        int y = kMargin;
        for (const auto& model : models_) {
            model_ = &model;
            columns_ = arrange(model);
            places_ = place(model, columns_);
            if (!model.title.empty()) { y += kTitleHeight; }
            left_ = kMargin;
            top_ = y;
            add_title();
            add_frame();
            for (std::size_t i = 0; i < columns_.items.size(); ++i) { add_item(i); }
            for (std::size_t i = 0; i < columns_.lone.size(); ++i) {
                add_host(model.hosts[columns_.lone[i]], places_.lone[i]);
            }
            add_lines();
            y += places_.height + kSectionGap;
            out_.width = std::max(out_.width, places_.width + 2 * kMargin);
        }
        out_.width = std::max(out_.width, 420);
        out_.height = y - (models_.empty() ? 0 : kSectionGap) + kMargin;
        add_legend();
        describe();
        return std::move(out_);
    }

private:
    void add_title() {
        if (model_->title.empty()) { return; }
        Group group;
        group.labels.push_back({model_->title, left_, top_ - kTitleHeight + 16, Font::title, Anchor::start});
        out_.width = std::max(out_.width, group.labels[0].bounds().right() + kMargin);
        out_.back.push_back(std::move(group));
    }

    [[nodiscard]] Rect moved(Rect at) const {
        at.x += left_;
        at.y += top_;
        return at;
    }

    void add_frame() {
        if (!places_.framed) { return; }
        Group group;
        group.title = model_->place + ": its root network namespace";
        if (model_->place.starts_with("namespace ")) { group.title = model_->place; }
        const Rect at = moved(places_.frame);
        group.shapes.push_back({ShapeKind::frame, at});
        group.labels.push_back(
            {model_->place, at.x + kBoxPad, at.y + 22, Font::heading, Anchor::start, Tone::faint});
        out_.back.push_back(std::move(group));
    }

    void add_item(std::size_t i) {
        const Item& item = columns_.items[i];
        if (item.kind == ItemKind::host) {
            add_host(model_->hosts[item.node], places_.items[i]);
        } else if (item.kind == ItemKind::sw) {
            add_switch(model_->switches[item.node], places_.items[i]);
        }
    }

    [[nodiscard]] Rect tab_rect(const Rect& box, const Tab& tab) const {
        const int width = tab_width(*model_, tab.end);
        switch (tab.edge) {
            case Edge::left:
                return {box.x - kTabOut, box.y + tab.at - kTabHeight / 2, width, kTabHeight};
            case Edge::right:
                return {box.right() + kTabOut - width, box.y + tab.at - kTabHeight / 2, width, kTabHeight};
            case Edge::top:
                return {box.x + tab.at - width / 2, box.y - kTabOut, width, kTabHeight};
            case Edge::bottom:
                return {box.x + tab.at - width / 2, box.bottom() + kTabOut - kTabHeight, width, kTabHeight};
        }
        return {};
    }

    void add_tab(Group& group, const Rect& box, const Tab& tab) {
        const std::uint8_t colour = tab.end.on_switch ? model_->switches[tab.end.node].ports[tab.end.index].colour
                                                      : model_->hosts[tab.end.node].nics[tab.end.index].colour;
        const Rect at = tab_rect(box, tab);
        group.shapes.push_back({ShapeKind::tab, at, colour});
        group.labels.push_back(
            {name_of(*model_, tab.end), at.x + at.width / 2, at.y + 14, Font::tab, Anchor::middle});
        add_badges(at, tab, colour);
    }

    // Upon the wire, next to the tab.
    void add_badges(const Rect& tab_at, const Tab& tab, std::uint8_t colour) {
        int x = tab.edge == Edge::left ? tab_at.x - kPillGap : tab_at.right() + kPillGap;
        int y = tab.edge == Edge::top ? tab_at.y - kPillGap - kPillHeight : tab_at.bottom() + kPillGap;
        for (const auto& badge : badges(*model_, tab.end)) {
            const int width = pill_width(badge.text);
            Rect at{x, tab_at.y + (kTabHeight - kPillHeight) / 2, width, kPillHeight};
            if (tab.edge == Edge::left) { at.x -= width; }
            if (tab.edge == Edge::top || tab.edge == Edge::bottom) {
                at.x = tab_at.x + (tab_at.width - width) / 2;
                at.y = y;
            }
            Group group;
            group.title = name_of(*model_, tab.end) + ": " + badge.text;
            group.shapes.push_back({badge.fault ? ShapeKind::fault_pill : ShapeKind::pill, at, colour});
            group.labels.push_back({badge.text, at.x + width / 2, at.y + 12, Font::pill, Anchor::middle,
                                    badge.fault ? Tone::fault : Tone::on_pill, colour});
            out_.badges.push_back(std::move(group));
            x += tab.edge == Edge::left ? -width - kPillGap : width + kPillGap;
            y += tab.edge == Edge::top ? -kPillHeight - kPillGap : kPillHeight + kPillGap;
        }
    }

    void add_host(const HostNode& host, const Placed& placed) {
        Group group;
        group.title = (host.root ? "interfaces of " + model_->place : "network namespace " + host.name) +
                      (host.missing ? ", missing" : "");
        for (const auto& nic : host.nics) {
            group.title += fmt::format("\n{}: {}", nic.name, nic.detail);
            for (const auto& address : nic.addresses) { group.title += ", " + address; }
            if (!nic.note.empty()) { group.title += ", " + nic.note; }
        }
        for (const auto* list : {&host.facts, &host.processes, &host.leases, &host.faults}) {
            for (const auto& text : *list) { group.title += "\n" + text; }
        }
        const Rect box = moved(placed.at);
        group.shapes.push_back({host.root ? ShapeKind::sw : ShapeKind::host, box, host.colour, host.missing});
        const bool at_right = placed.compact && !placed.tabs.empty() && placed.tabs[0].edge == Edge::left;
        group.labels.push_back({title_of(host), at_right ? box.right() - kBoxPad : box.x + kBoxPad,
                                box.y + (placed.compact ? 21 : 20), Font::heading,
                                at_right ? Anchor::end : Anchor::start, host.missing ? Tone::fault : Tone::plain});
        int below = box.y + kHostHead;
        for (const auto& tab : placed.tabs) {
            add_tab(group, box, tab);
            const Rect at = tab_rect(box, tab);
            const Nic& nic = model_->hosts[tab.end.node].nics[tab.end.index];
            int y = placed.compact ? at.y + 14 : at.bottom() + 13;
            const bool left = tab.edge == Edge::left;
            int x = left ? box.x + kBoxPad : box.right() - kBoxPad;
            if (placed.compact) { x = left ? at.right() + 8 : at.x - 8; }
            for (const auto& address : nic.addresses) {
                group.labels.push_back({address, x, y, Font::address, left ? Anchor::start : Anchor::end});
                y += kLineHeight;
            }
            below = std::max(below, at.bottom() + static_cast<int>(nic.addresses.size()) * kLineHeight + 6);
        }
        if (!placed.compact) {
            for (const auto& fact : fact_lines(host)) {
                group.labels.push_back({fact.text, box.x + kBoxPad, below + 10, Font::fact, Anchor::start,
                                        fact.fault ? Tone::fault : Tone::faint});
                below += kLineHeight;
            }
        }
        out_.boxes.push_back(std::move(group));
    }

    void add_switch(const SwitchNode& sw, const Placed& placed) {
        const Rect box = moved(placed.at);
        if (!sw.place.empty()) {
            Group around;
            around.title = sw.place;
            around.shapes.push_back(
                {ShapeKind::place, {box.x - 10, box.y - kPlaceHead, box.width + 20, box.height + kPlaceHead + 10}});
            around.labels.push_back({sw.place, box.x, box.y - 8, Font::kind, Anchor::start, Tone::faint});
            out_.back.push_back(std::move(around));
        }
        Group group;
        const auto [name, kind] = title_parts(sw);
        group.title = fmt::format("switch {}, {}", name, kind);
        for (const auto& port : sw.ports) {
            group.title += fmt::format("\n{}", port.name);
            for (const auto* more : {&port.detail, &port.badge, &port.note}) {
                if (!more->empty()) { group.title += ", " + *more; }
            }
        }
        group.shapes.push_back({ShapeKind::sw, box, 0, sw.missing});
        const bool above = std::any_of(placed.tabs.begin(), placed.tabs.end(),
                                       [](const Tab& tab) { return tab.edge == Edge::top; });
        const int down = above ? 10 : 0;
        const Tone tone = sw.missing ? Tone::fault : Tone::plain;
        group.labels.push_back(
            {name, box.x + box.width / 2, box.y + 21 + down, Font::heading, Anchor::middle, tone});
        group.labels.push_back({kind, box.x + box.width / 2, box.y + 36 + down, Font::kind, Anchor::middle,
                                sw.missing ? Tone::fault : Tone::faint});
        for (const auto& tab : placed.tabs) { add_tab(group, box, tab); }
        out_.boxes.push_back(std::move(group));
    }

    [[nodiscard]] const Tab* tab_of(std::size_t item, const std::optional<End>& end, Edge edge) const {
        if (!end) { return nullptr; }
        for (const auto& tab : places_.items[item].tabs) {
            if (tab.end == *end && tab.edge == edge) { return &tab; }
        }
        return nullptr;
    }

    [[nodiscard]] std::string full_name(const End& end) const {
        const std::string& node = end.on_switch ? model_->switches[end.node].name : model_->hosts[end.node].name;
        return node + " " + name_of(*model_, end);
    }

    [[nodiscard]] Line line_of(const Cable& wire) const {
        static constexpr std::array<const char*, 5> kKinds{"veth pair", "internal port", "patch ports", "macvlan",
                                                           "tunnel"};
        Line line;
        line.kind = wire.kind;
        line.dashed = wire.stroke == Stroke::dashed;
        line.trunk = wire.trunk;
        line.colour = wire.colour;
        line.title = fmt::format("{}: {} to {}{}", kKinds.at(static_cast<std::size_t>(wire.kind)),
                                 full_name(wire.a), full_name(wire.b), line.dashed ? ", down or missing" : "");
        return line;
    }

    void add_lines() {
        std::size_t last_wire = kNowhere;
        for (std::size_t h = 0; h < columns_.hops.size(); ++h) {
            const Hop& hop = columns_.hops[h];
            if (hop.wire != last_wire) {
                out_.lines.push_back(line_of(model_->wires[hop.wire]));
                last_wire = hop.wire;
            }
            Line& line = out_.lines.back();
            if (columns_.items[hop.from].column != columns_.items[hop.to].column) {
                add_forward(line, hop);
            } else if (!add_vertical(line, hop)) {
                add_back(line, hop, places_.lanes[h]);
            }
        }
    }

    static void straight(Line& line, Point to) {
        const Point at = line.pieces.empty() ? line.from : line.pieces.back().to;
        if (at == to) { return; }
        // One piece for what goes on in the same direction.
        if (!line.pieces.empty() && !line.pieces.back().curve) {
            const Point before = line.pieces.size() > 1 ? line.pieces[line.pieces.size() - 2].to : line.from;
            if ((before.y == at.y && at.y == to.y) || (before.x == at.x && at.x == to.x)) {
                line.pieces.back().to = to;
                return;
            }
        }
        line.pieces.push_back({false, {}, {}, to});
    }

    [[nodiscard]] int middle(std::size_t item) const {
        const Rect& at = places_.items[item].at;
        return at.y + at.height / 2;
    }

    void add_forward(Line& line, const Hop& hop) {
        const Tab* from = tab_of(hop.from, hop.from_end, Edge::right);
        const Tab* to = tab_of(hop.to, hop.to_end, Edge::left);
        const Rect& left = places_.items[hop.from].at;
        const Rect& right = places_.items[hop.to].at;
        const ColumnPlace& before =
            places_.columns[static_cast<std::size_t>(columns_.items[hop.from].column - columns_.first)];
        const ColumnPlace& after =
            places_.columns[static_cast<std::size_t>(columns_.items[hop.to].column - columns_.first)];
        const int y1 = top_ + (from != nullptr ? left.y + from->at : middle(hop.from));
        int y2 = top_ + (to != nullptr ? right.y + to->at : middle(hop.to));
        if (line.pieces.empty()) { line.from = {left_ + (from != nullptr ? left.right() + kTabOut : left.x), y1}; }
        const Point at = line.pieces.empty() ? line.from : line.pieces.back().to;
        if (std::abs(y2 - at.y) <= 2) { y2 = at.y; }
        const Point begin{left_ + before.x + before.width + before.right, at.y};
        const Point end{left_ + after.x - after.left, y2};
        straight(line, begin);
        if (begin.y == end.y) {
            straight(line, end);
        } else {
            const int half = (begin.x + end.x) / 2;
            line.pieces.push_back({true, {half, begin.y}, {half, end.y}, end});
        }
        straight(line, {left_ + (to != nullptr ? right.x - kTabOut : right.x + right.width), y2});
    }

    bool add_vertical(Line& line, const Hop& hop) {
        const Tab* high = tab_of(hop.from, hop.from_end, Edge::bottom);
        const Tab* low = tab_of(hop.to, hop.to_end, Edge::top);
        std::size_t above = hop.from;
        std::size_t below = hop.to;
        if (high == nullptr || low == nullptr) {
            high = tab_of(hop.to, hop.to_end, Edge::bottom);
            low = tab_of(hop.from, hop.from_end, Edge::top);
            std::swap(above, below);
        }
        if (high == nullptr || low == nullptr) { return false; }
        const Rect& a = places_.items[above].at;
        const Rect& b = places_.items[below].at;
        line.from = {left_ + a.x + high->at, top_ + a.bottom() + kTabOut};
        const Point to{left_ + b.x + low->at, top_ + b.y - kTabOut};
        if (std::abs(to.x - line.from.x) <= 2) {
            straight(line, {line.from.x, to.y});
        } else {
            const int half = (line.from.y + to.y) / 2;
            line.pieces.push_back({true, {line.from.x, half}, {to.x, half}, to});
        }
        return true;
    }

    // Out of the right of one, back to the right of the other.
    void add_back(Line& line, const Hop& hop, int lane) {
        const Tab* from = tab_of(hop.from, hop.from_end, Edge::right);
        const Tab* to = tab_of(hop.to, hop.to_end, Edge::right);
        if (from == nullptr || to == nullptr) { return; }
        const Rect& a = places_.items[hop.from].at;
        const Rect& b = places_.items[hop.to].at;
        const ColumnPlace& column =
            places_.columns[static_cast<std::size_t>(columns_.items[hop.from].column - columns_.first)];
        const int x = left_ + column.x + column.width + column.right - (column.lanes - lane) * 12 + 4;
        line.from = {left_ + a.right() + kTabOut, top_ + a.y + from->at};
        const Point end{left_ + b.right() + kTabOut, top_ + b.y + to->at};
        const int down = end.y > line.from.y ? 1 : -1;
        const int round = std::min(8, std::abs(end.y - line.from.y) / 2);
        const int y1 = line.from.y;
        straight(line, {x - round, y1});
        line.pieces.push_back({true, {x, y1}, {x, y1}, {x, y1 + down * round}});
        line.pieces.push_back({false, {}, {}, {x, end.y - down * round}});
        line.pieces.push_back({true, {x, end.y}, {x, end.y}, {x - round, end.y}});
        line.pieces.push_back({false, {}, {}, end});
    }

    // What is in the picture, as far as it says more than its boxes do.
    void add_legend() {
        legend_x_ = kMargin;
        legend_y_ = out_.height;
        bool hosts = false;
        bool switches = false;
        std::map<std::pair<int, std::uint8_t>, std::string> kinds;
        std::array<bool, 5> used{};
        bool trunk = false;
        bool dashed = false;
        std::vector<Tenant> tenants;
        for (const auto& model : models_) {
            hosts = hosts || !model.hosts.empty();
            switches = switches || !model.switches.empty();
            for (const auto& wire : model.wires) {
                used.at(static_cast<std::size_t>(wire.kind)) = true;
                trunk = trunk || wire.trunk;
                dashed = dashed || wire.stroke == Stroke::dashed;
            }
            tenants.insert(tenants.end(), model.tenants.begin(), model.tenants.end());
        }
        if (hosts) { add_sample_box("network namespace", ShapeKind::host, 0); }
        if (switches) { add_sample_box("switch", ShapeKind::sw, 0); }
        static constexpr std::array<const char*, 5> kNames{"veth pair", "internal port", "patch ports", "macvlan",
                                                           "tunnel"};
        for (std::size_t kind = 0; kind < used.size(); ++kind) {
            if (used.at(kind)) { add_sample_line(kNames.at(kind), static_cast<CableKind>(kind), false, false); }
        }
        if (trunk) { add_sample_line("trunk", CableKind::veth, false, true); }
        if (dashed) { add_sample_line("down or missing", CableKind::veth, true, false); }
        for (const auto& tenant : tenants) {
            if (tenant.colour != 0) { add_sample_box(tenant.name, ShapeKind::pill, tenant.colour); }
        }
        out_.height = legend_y_ + (out_.legend.empty() ? 0 : kLegendRow) + kMargin / 2;
    }

    // Makes room for a sample and its text; where it begins.
    Point legend_place(const std::string& text) {
        const int width = kSample + 8 + text_width(text, Font::fact);
        if (legend_x_ > kMargin && legend_x_ + width > out_.width - kMargin) {
            legend_x_ = kMargin;
            legend_y_ += kLegendRow;
        }
        const Point at{legend_x_, legend_y_};
        out_.width = std::max(out_.width, at.x + width + kMargin);
        legend_x_ += width + 24;
        return at;
    }
    void add_legend_text(Group& group, Point at, const std::string& text) {
        group.labels.push_back({text, at.x + kSample + 8, at.y + 12, Font::fact, Anchor::start, Tone::faint});
        out_.legend.push_back(std::move(group));
    }
    void add_sample_box(const std::string& text, ShapeKind kind, std::uint8_t colour) {
        const Point at = legend_place(text);
        Group group;
        group.shapes.push_back({kind, {at.x + 6, at.y, kSample - 12, 16}, colour});
        add_legend_text(group, at, text);
    }
    void add_sample_line(const std::string& text, CableKind kind, bool dashed, bool trunk) {
        const Point at = legend_place(text);
        Line line;
        line.kind = kind;
        line.dashed = dashed;
        line.trunk = trunk;
        line.from = {at.x, at.y + 8};
        line.pieces.push_back({false, {}, {}, {at.x + kSample, at.y + 8}});
        out_.legend_lines.push_back(std::move(line));
        Group group;
        add_legend_text(group, at, text);
    }

    void describe() {
        std::size_t hosts = 0;
        std::size_t switches = 0;
        std::size_t wires = 0;
        for (const auto& model : models_) {
            if (!model.title.empty()) { out_.title += (out_.title.empty() ? "" : ", ") + model.title; }
            hosts += model.hosts.size();
            switches += model.switches.size();
            wires += model.wires.size();
        }
        if (out_.title.empty()) { out_.title = "network"; }
        out_.description = fmt::format("Diagram of {}, {} and {}.", words(hosts, "host", "hosts"),
                                       words(switches, "switch", "switches"), words(wires, "link", "links"));
    }

    const std::vector<Model>& models_;
    const Model* model_ = nullptr;
    Columns columns_;
    Places places_;
    int left_ = 0;
    int top_ = 0;
    int legend_x_ = 0;
    int legend_y_ = 0;
    Scene out_;
};

}  // namespace

Scene make_scene(const std::vector<Model>& models) { return SceneMaker(models).run(); }

}  // namespace warren::drawing
