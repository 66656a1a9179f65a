// Called by the makers of diagrams' models.
#include "views/draw_palette.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

namespace warren::drawing {
namespace {

constexpr std::size_t kLongestBadge = 24;

constexpr std::array<std::uint8_t, 12> kOrder{36, 33, 35, 32, 34, 31, 96, 93, 95, 92, 94, 91};

std::uint8_t colour_in(const std::string& name) {
    static const std::map<std::string, std::uint8_t> kWords{{"red", 31},    {"green", 32},  {"yellow", 33},
                                                            {"orange", 33}, {"blue", 34},   {"magenta", 35},
                                                            {"purple", 35}, {"violet", 35}, {"cyan", 36}};
    std::size_t from = 0;
    while (from <= name.size()) {
        const std::size_t to = std::min(name.find_first_of("-_.", from), name.size());
        const auto word = kWords.find(name.substr(from, to - from));
        if (word != kWords.end()) { return word->second; }
        from = to + 1;
    }
    return 0;
}

// "10,20,30-39"
std::string vlan_list(const std::vector<Vlan>& vlans) {
    std::string out;
    for (std::size_t i = 0; i < vlans.size();) {
        std::size_t last = i;
        while (last + 1 < vlans.size() && vlans[last + 1] == vlans[last] + 1) { ++last; }
        if (!out.empty()) { out += ','; }
        out += std::to_string(vlans[i]);
        if (last > i) { out += (last == i + 1 ? "," : "-") + std::to_string(vlans[last]); }
        i = last + 1;
    }
    return out;
}

}  // namespace

std::string badge_text(const std::optional<Vlan>& access, const std::vector<Vlan>& trunk) {
    std::string out = access ? fmt::format("vlan {}", *access) : "";
    if (!trunk.empty()) { out += fmt::format("{}trunk {}", out.empty() ? "" : ", ", vlan_list(trunk)); }
    if (out.size() > kLongestBadge) { out = out.substr(0, out.rfind(',', kLongestBadge - 2) + 1) + "…"; }
    return out;
}

void Palette::want(const std::string& tenant, const std::string& name) {
    if (!names_.contains(tenant)) { order_.push_back(tenant); }
    names_[tenant].push_back(name);
}

void Palette::settle() {
    std::set<std::uint8_t> used;
    for (const auto& tenant : order_) {
        for (const auto& name : names_[tenant]) {
            const std::uint8_t named = colour_in(name);
            if (named != 0 && !colours_.contains(tenant) && used.insert(named).second) { colours_[tenant] = named; }
        }
    }
    std::size_t next = 0;
    for (const auto& tenant : order_) {
        if (colours_.contains(tenant)) { continue; }
        while (next < kOrder.size() && used.contains(kOrder.at(next))) { ++next; }
        colours_[tenant] = kOrder.at(next % kOrder.size());
        ++next;
    }
}

std::uint8_t Palette::of(const std::string& tenant) const {
    const auto found = colours_.find(tenant);
    return found == colours_.end() ? std::uint8_t{0} : found->second;
}

void give_colours(Model& model, const std::function<std::uint8_t(const Cable&)>& colour_of) {
    std::map<std::size_t, std::set<std::uint8_t>> of_host;
    for (auto& wire : model.wires) {
        wire.colour = colour_of(wire);
        for (const End& end : {wire.a, wire.b}) {
            if (end.on_switch) {
                model.switches[end.node].ports[end.index].colour = wire.colour;
            } else {
                model.hosts[end.node].nics[end.index].colour = wire.colour;
                of_host[end.node].insert(wire.colour);
            }
        }
    }
    for (const auto& [host, colours] : of_host) {
        if (colours.size() == 1) { model.hosts[host].colour = *colours.begin(); }
    }
}

}  // namespace warren::drawing
