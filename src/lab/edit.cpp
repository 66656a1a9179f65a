// Finds the links of a lab by their ends and writes into them. Called by the command line for labs that are up.
#include "lab/edit.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "lab/keys.hpp"
#include "lab/names.hpp"

namespace warren {
namespace {

// A link where it is written, and its two ends; of the first one `out` tells.
struct Wired {
    LinkImpairments* impairments;
    std::optional<bool>* up;
    std::string a;
    std::string a_port;
    std::string b;
    std::string b_port;
};

std::vector<Wired> links_of(Lab& lab) {
    std::vector<Wired> all;
    for (auto& host : lab.hosts) {
        for (auto& interface : host.interfaces) {
            if (!interface.to && !interface.network) { continue; }
            const Network* network = interface.network ? lab.find_network(*interface.network) : nullptr;
            Wired link{&interface.impairments, &interface.up, host.name, interface.name, {}, {}};
            link.b = interface.to ? interface.to->node : network != nullptr ? network->switch_name : "";
            const bool direct = lab.find_switch(link.b) == nullptr;
            link.b_port =
                direct ? interface.name : interface.peer.value_or(default_peer_name(host.name, interface.name));
            if (interface.to && interface.to->port) { link.b_port = *interface.to->port; }
            all.push_back(std::move(link));
        }
    }
    std::map<std::pair<std::string, std::string>, int> between;
    for (auto& cable : lab.links) {
        const bool a_switch = lab.find_switch(cable.a.node) != nullptr;
        const bool b_switch = lab.find_switch(cable.b.node) != nullptr;
        const int number = a_switch && b_switch ? ++between[std::minmax(cable.a.node, cable.b.node)] : 1;
        const auto port = [&](const LinkEnd& own, const LinkEnd& other, bool other_is_switch) {
            if (own.port) { return *own.port; }
            return other_is_switch ? default_port_name(own.node, other.node, number)
                                   : default_peer_name(other.node, other.port.value_or(""));
        };
        all.push_back({&cable.impairments, &cable.up, cable.a.node, port(cable.a, cable.b, b_switch), cable.b.node,
                       port(cable.b, cable.a, a_switch)});
    }
    return all;
}

struct FoundEnd {
    Wired link;
    bool first = true;
};

Result<FoundEnd> find_end(Lab& lab, const std::string& end) {
    const std::size_t colon = end.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == end.size()) {
        return usage_failure("find a link's end " + end, "it is not HOST:INTERFACE or SWITCH:PORT");
    }
    const std::string node = end.substr(0, colon);
    const std::string port = end.substr(colon + 1);
    std::string known;
    for (auto& link : links_of(lab)) {
        if (link.a == node && link.a_port == port) { return FoundEnd{std::move(link), true}; }
        if (link.b == node && link.b_port == port) { return FoundEnd{std::move(link), false}; }
        if (link.a == node) { known += (known.empty() ? "" : ", ") + link.a_port; }
        if (link.b == node) { known += (known.empty() ? "" : ", ") + link.b_port; }
    }
    return usage_failure("find a link's end " + end, "lab " + lab.name + " has none of that name",
                         known.empty() ? "" : fmt::format("{} has {}", node, known.substr(0, 300)));
}

Result<void> set_one(Lab& lab, const FoundEnd& found, const std::string& setting) {
    const std::size_t equals = setting.find('=');
    std::string key = setting.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : setting.substr(equals + 1);
    const std::string attempt = "set " + setting;
    if (value.empty()) { return usage_failure(attempt, "it is not KEY=VALUE", "as in delay=20ms"); }
    if (key == "state") {
        for (const auto& word : kLinkStates) {
            if (word.text != value) { continue; }
            *found.link.up = word.value ? std::nullopt : std::optional(false);
            return {};
        }
        return usage_failure(attempt, "a link is up or down");
    }
    const bool out_only = key.ends_with(".out");
    const bool in_only = key.ends_with(".in");
    if (out_only || in_only) { key.erase(key.rfind('.')); }
    if (std::find(std::begin(kImpairmentKeys), std::end(kImpairmentKeys), key) == std::end(kImpairmentKeys)) {
        return usage_failure(attempt, fmt::format("there is no '{}' of a link", key),
                             fmt::format("known: state, {}", fmt::join(kImpairmentKeys, ", ")));
    }
    const auto& defaults = lab.defaults.interface_impairments;
    const auto put = [&](Impairments& into, const Impairments& otherwise) -> Result<void> {
        if (auto set = set_impairment(into, key, value); !set) {
            return usage_failure(attempt, set.error().reason, set.error().hint);
        }
        if (value == "none" && impairment_text(otherwise, key).empty()) { clear_impairment(into, key); }
        return {};
    };
    LinkImpairments& of = *found.link.impairments;
    if (!(found.first ? in_only : out_only)) { WARREN_TRY(put(of.out, defaults.out)); }
    if (!(found.first ? out_only : in_only)) { WARREN_TRY(put(of.in, defaults.in)); }
    return {};
}

}  // namespace

Result<void> set_link(Lab& lab, const std::string& end, const std::vector<std::string>& settings) {
    WARREN_ASSIGN(const FoundEnd found, find_end(lab, end));
    for (const auto& setting : settings) { WARREN_TRY(set_one(lab, found, setting)); }
    return {};
}

Result<std::vector<std::string>> link_settings(const Lab& lab, const std::string& end) {
    Lab copy = lab;
    WARREN_ASSIGN(const FoundEnd found, find_end(copy, end));
    LinkImpairments of = impairments_of(lab, *found.link.impairments);
    if (!found.first) { of = of.swapped(); }
    std::vector<std::string> settings;
    const auto add = [&](std::string_view key, const char* way, const std::string& text) {
        if (!text.empty() && text != "none") { settings.push_back(fmt::format("{}{}={}", key, way, text)); }
    };
    for (const auto key : kImpairmentKeys) {
        const std::string out = impairment_text(of.out, key);
        const std::string in = impairment_text(of.in, key);
        if (out == in) {
            add(key, "", out);
        } else {
            add(key, ".out", out);
            add(key, ".in", in);
        }
    }
    if (!found.link.up->value_or(true)) { settings.emplace_back("state=down"); }
    return settings;
}

Result<std::size_t> set_links_up(Lab& lab, const std::string& a, const std::string& b, bool up) {
    const auto wanted = up ? std::nullopt : std::optional(false);
    if (b.empty()) {
        WARREN_ASSIGN(const FoundEnd found, find_end(lab, a));
        *found.link.up = wanted;
        return 1;
    }
    std::size_t count = 0;
    for (const auto& link : links_of(lab)) {
        if ((link.a == a && link.b == b) || (link.a == b && link.b == a)) {
            *link.up = wanted;
            ++count;
        }
    }
    if (count == 0) {
        return usage_failure(fmt::format("find the links between {} and {}", a, b),
                             "lab " + lab.name + " has none");
    }
    return count;
}

}  // namespace warren
