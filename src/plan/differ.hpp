// The working of diff(): one pass over the two states, in the order links, Open vSwitch, configuration, rest.
// Internal to plan/; diff.cpp runs it, diff_links.cpp, diff_ovs.cpp and diff_config.cpp are its chapters.
#pragma once

#include <array>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "plan/plan.hpp"

namespace warren::plan_detail {

// Calls EACH(key, value in A or null, value in B or null) for every key of two ordered maps.
template <class Map, class Each>
void side_by_side(const Map& a, const Map& b, const Each& each) {
    auto x = a.begin();
    auto y = b.begin();
    while (x != a.end() || y != b.end()) {
        const int order = x == a.end()          ? 1
                          : y == b.end()        ? -1
                          : x->first < y->first ? -1
                          : y->first < x->first ? 1
                                                : 0;
        const auto& key = order <= 0 ? x->first : y->first;
        each(key, order <= 0 ? &x->second : nullptr, order >= 0 ? &y->second : nullptr);
        if (order <= 0) { ++x; }
        if (order >= 0) { ++y; }
    }
}

// Finds links by name in constant time: a switch's namespace may hold thousands.
class LinkIndex {
public:
    explicit LinkIndex(const State& state);
    [[nodiscard]] const Namespace* find(std::string_view ns) const;
    [[nodiscard]] const Link* find(std::string_view ns, const std::string& link) const;

private:
    struct Entry {
        const Namespace* value = nullptr;
        std::unordered_map<std::string_view, const Link*> links;  // of a large one
    };
    std::unordered_map<std::string_view, Entry> namespaces_;
};

class Differ {
public:
    Differ(const State& observed, const State& wanted, const std::string& lab);
    [[nodiscard]] Difference run();

private:
    // A link and the namespace that it was found in.
    struct Place {
        const std::string* ns = nullptr;
        const Link* link = nullptr;
        explicit operator bool() const { return link != nullptr; }
    };
    // A link that stays.
    struct Kept {
        const std::string* ns;
        const Link* observed;
        const Link* wanted;
    };
    // What changes about the routes of a device's, by family, because its addresses do.
    struct Touched {
        bool v4 = false;
        bool v6 = false;
        bool neighbours = false;
    };
    using Devices = std::unordered_map<std::string, std::set<std::string>>;  // by namespace

    void namespaces();
    void remove_namespace(const Namespace& ns);

    void index_ports();
    void wanted_links();
    void wanted_link(const std::string& ns, const Link* there, const Link& link);
    void wanted_veth(const std::string& ns, const Link* there, const Link& link);
    void remove_links();
    void remove_veth(const std::string& ns, const Link& link);
    void set_links();
    void set_link(const Kept& kept);

    void ovs();
    void find_internal_links();
    void ovs_bridge(const OvsBridge& wanted, const OvsBridge* observed);
    void ovs_ports(const OvsBridge& wanted, const OvsBridge& observed);
    void add_ovs_bridge(OvsBridge bridge);
    void remove_ovs_bridge(const OvsBridge& bridge);
    [[nodiscard]] bool must_replace(const OvsPort& observed, const OvsPort& wanted);
    [[nodiscard]] bool port_conflicts(const std::string& bridge, const OvsPort& port);
    void keep_internal(const std::string& port);
    void place(const std::string& port);
    void unplace(const std::string& port);

    void find_stale_leases();
    void configuration();
    void configure(const Namespace& wanted, const Namespace& observed);
    void shape(const std::string& ns, const Link& observed, const Link& wanted);
    [[nodiscard]] Touched addresses(const std::string& ns, const Link& observed, const Link& wanted);

    void files();
    void processes();

    void emit(Step step);
    void conflict(std::string object, std::string_view alias_or_lab);
    [[nodiscard]] bool marked(const std::string& alias) const;
    [[nodiscard]] bool ours(const Link& link) const;
    [[nodiscard]] bool ours_in(const std::string& ns, const std::string& device) const;
    [[nodiscard]] const Link* seen(const std::string& ns, const std::string& name) const;
    // The other end of an observed veth, where both point at each other.
    [[nodiscard]] Place other_end(const std::string& name, const Link& link, const std::string& ns) const;
    // OBSERVED and what lies on it, as a step carries it.
    [[nodiscard]] OnLink on_link(const std::string& ns, const std::string& device);

    const State& observed_;
    const State& wanted_;
    const std::string& lab_;
    LinkIndex observed_links_;
    LinkIndex wanted_links_;
    std::string prefix_;  // "warren:LAB/"

    Difference out_;
    std::array<std::deque<Step>, kPhases> steps_;
    std::set<Conflict> conflicts_;

    std::unordered_set<std::string> added_namespaces_;
    std::unordered_set<std::string> removed_namespaces_;
    std::unordered_set<std::string> blocked_namespaces_;   // conflicts
    std::unordered_set<std::string> detached_namespaces_;  // attached ones that the lab leaves
    std::unordered_set<std::string> replaced_namespaces_;  // another of the same name takes their place

    std::unordered_set<const Link*> kept_;    // observed links that stay
    std::unordered_set<const Link*> doomed_;  // observed links that a step has been found for
    std::vector<Kept> pairs_;                 // to be compared attribute by attribute
    Devices lost_;                            // links that go, with all that is on them
    Devices fresh_;                           // links that come
    std::set<std::pair<std::string, std::string>> removed_bridges_;
    std::unordered_map<std::string, std::unordered_map<std::string, OnLink>> on_links_;  // made when first asked

    OvsInstance old_ovs_;
    OvsInstance new_ovs_;
    bool ovs_moved_ = false;                                // another instance than before serves the lab
    std::unordered_set<std::string> our_internal_ports_;    // observed
    std::unordered_map<std::string, Place> internal_seen_;  // by port name
    std::unordered_map<std::string, Place> internal_wanted_;
    std::unordered_map<std::string, std::string> foreign_ports_;  // port name → its lab, "" none

    // Interfaces, by namespace, whose client is to ask for something else than it was given.
    std::set<std::pair<std::string, std::string>> stale_leases_;

    std::unordered_set<std::string> touched_files_;
};

// LINK without its addresses, shaping and observed facts: what a step that adds or changes it holds.
[[nodiscard]] Link bare(Link link);
// LINK without observed facts, with its addresses: what a step that removes it holds.
[[nodiscard]] Link settled(Link link);
[[nodiscard]] std::string namespace_text(const std::string& ns);  // "namespace red", "the machine's namespace"

}  // namespace warren::plan_detail
