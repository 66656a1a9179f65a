// What the boxes of a picture say, and how large that is. Called by draw_places.cpp and draw_scene.cpp.
#include <algorithm>

#include "views/draw_box_sizes.hpp"

namespace warren::drawing {
namespace {

constexpr std::size_t kLongestFact = 44;

std::string shortened(const std::string& text) {
    const std::u32string points = code_points(text);
    if (points.size() <= kLongestFact) { return text; }
    std::size_t bytes = 0;
    for (std::size_t n = 0; bytes < text.size(); ++bytes) {
        const bool begins = (static_cast<unsigned char>(text[bytes]) & 0xc0U) != 0x80U;
        if (begins && n++ == kLongestFact - 1) { break; }
    }
    return text.substr(0, bytes) + "…";
}

int rows_height(const Model& model, const std::vector<Tab>& tabs, Edge edge) {
    int out = 0;
    for (const auto& tab : tabs) {
        if (tab.edge == edge) { out += nic_height(model.hosts[tab.end.node].nics[tab.end.index]); }
    }
    return out;
}

int rows_width(const Model& model, const std::vector<Tab>& tabs, Edge edge, bool compact) {
    int out = 0;
    for (const auto& tab : tabs) {
        if (tab.edge != edge) { continue; }
        int width = tab_width(model, tab.end) - kTabOut;
        for (const auto& address : model.hosts[tab.end.node].nics[tab.end.index].addresses) {
            const int of_address = text_width(address, Font::address);
            width = compact ? width + of_address + kBoxPad : std::max(width, of_address + kBoxPad);
        }
        out = std::max(out, width);
    }
    return out;
}

}  // namespace

std::vector<Badge> badges(const Model& model, const End& end) {
    std::vector<Badge> out;
    const std::string* note = nullptr;
    if (end.on_switch) {
        const Port& port = model.switches[end.node].ports[end.index];
        std::string badge = port.badge;
        if (badge.starts_with("patch")) { badge.erase(0, badge.starts_with("patch, ") ? 7 : 5); }
        if (badge.starts_with("vlan ")) { badge.replace(0, 4, "VLAN"); }
        if (!badge.empty()) { out.push_back({badge, false}); }
        note = &port.note;
    } else {
        note = &model.hosts[end.node].nics[end.index].note;
    }
    if (!note->empty()) { out.push_back({*note, true}); }
    return out;
}

const std::string& name_of(const Model& model, const End& end) {
    return end.on_switch ? model.switches[end.node].ports[end.index].name
                         : model.hosts[end.node].nics[end.index].name;
}
int tab_width(const Model& model, const End& end) { return text_width(name_of(model, end), Font::tab) + kTabPad; }
int pill_width(const std::string& text) { return text_width(text, Font::pill) + 12; }

std::vector<FactLine> fact_lines(const HostNode& host) {
    std::vector<FactLine> out;
    for (const auto& fact : host.facts) { out.push_back({shortened(fact), false}); }
    for (const auto& process : host.processes) { out.push_back({shortened("▸ " + process), false}); }
    for (const auto& lease : host.leases) { out.push_back({shortened("lease " + lease), false}); }
    for (const auto& fault : host.faults) { out.push_back({shortened("▸ " + fault), true}); }
    return out;
}

std::pair<std::string, std::string> title_parts(const SwitchNode& sw) {
    const std::string separator = " · ";
    const std::size_t at = sw.title.find(separator);
    if (at == std::string::npos) { return {sw.title, ""}; }
    return {sw.title.substr(0, at), sw.title.substr(at + separator.size())};
}
std::string title_of(const HostNode& host) { return host.name + (host.missing ? " (missing)" : ""); }

int nic_height(const Nic& nic) { return kTabHeight + static_cast<int>(nic.addresses.size()) * kLineHeight + 6; }

bool fits_one_line(const HostNode& host) {
    return host.nics.size() == 1 && host.nics[0].addresses.size() <= 1 && fact_lines(host).empty();
}

void size_host(const Model& model, const HostNode& host, Placed& box) {
    const int title = text_width(title_of(host), Font::heading) + 2 * kBoxPad;
    const int left = rows_width(model, box.tabs, Edge::left, box.compact);
    const int right = rows_width(model, box.tabs, Edge::right, box.compact);
    if (box.compact) {
        box.at.width = title + left + right;
        box.at.height = kTabHeight + 12;
    } else {
        box.at.width = std::max(title, left + right + (left > 0 && right > 0 ? 24 : kBoxPad));
        const auto facts = fact_lines(host);
        for (const auto& fact : facts) {
            box.at.width = std::max(box.at.width, text_width(fact.text, Font::fact) + 2 * kBoxPad);
        }
        const int rows =
            std::max(rows_height(model, box.tabs, Edge::left), rows_height(model, box.tabs, Edge::right));
        box.at.height = kHostHead + rows + static_cast<int>(facts.size()) * kLineHeight + 6;
    }
    place_host_tabs(model, box);
}

void place_host_tabs(const Model& model, Placed& box) {
    int left = kHostHead + kTabHeight / 2;
    int right = left;
    for (auto& tab : box.tabs) {
        int& y = tab.edge == Edge::left ? left : right;
        tab.at = box.compact ? box.at.height / 2 : y;
        y += nic_height(model.hosts[tab.end.node].nics[tab.end.index]);
    }
}

int switch_width(const Model& model, const SwitchNode& sw, const std::vector<Tab>& tabs) {
    int left = 0;
    int right = 0;
    int across = kBoxPad;
    for (const auto& tab : tabs) {
        const int width = tab_width(model, tab.end);
        if (tab.edge == Edge::left) { left = std::max(left, width - kTabOut); }
        if (tab.edge == Edge::right) { right = std::max(right, width - kTabOut); }
        if (tab.edge == Edge::top || tab.edge == Edge::bottom) { across += width + kBoxPad; }
    }
    const auto [name, kind] = title_parts(sw);
    return std::max({left + right + 28, across, text_width(name, Font::heading) + 2 * kBoxPad,
                     text_width(kind, Font::kind) + 2 * kBoxPad,
                     sw.place.empty() ? 0 : text_width(sw.place, Font::kind) + kBoxPad});
}

int stub(const Model& model, const Tab& tab) {
    int out = kTabOut + 8;
    for (const auto& badge : badges(model, tab.end)) { out += pill_width(badge.text) + kPillGap; }
    return out;
}

}  // namespace warren::drawing
