// Finds loops as the links that are no bridges of the graph (Tarjan's lowlink), VLAN by VLAN only among
// those that are in a loop at all. Called by the checks of wiring.
#include "lab/switch_loops.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace warren {
namespace {

struct Edge {
    std::size_t a;
    std::size_t b;
    const CableLink* link;
};

struct Visit {
    std::size_t node;
    std::size_t by_edge;
    std::size_t next;  // of the node's edges
};

// For each edge whether it lies in a cycle.
std::vector<bool> in_cycle(std::size_t nodes, const std::vector<Edge>& edges) {
    std::vector<std::vector<std::size_t>> at(nodes);
    for (std::size_t e = 0; e < edges.size(); ++e) {
        at[edges[e].a].push_back(e);
        at[edges[e].b].push_back(e);
    }
    std::vector<bool> cyclic(edges.size(), true);
    std::vector<std::size_t> order(nodes, 0);
    std::vector<std::size_t> low(nodes, 0);
    std::size_t count = 0;
    std::vector<Visit> stack;
    for (std::size_t start = 0; start < nodes; ++start) {
        if (order[start] != 0 || at[start].empty()) { continue; }
        order[start] = low[start] = ++count;
        stack.push_back({start, edges.size(), 0});
        while (!stack.empty()) {
            Visit& visit = stack.back();
            const std::size_t node = visit.node;
            if (visit.next < at[node].size()) {
                const std::size_t e = at[node][visit.next++];
                if (e == visit.by_edge) { continue; }
                const std::size_t other = edges[e].a == node ? edges[e].b : edges[e].a;
                if (order[other] != 0) {
                    low[node] = std::min(low[node], order[other]);
                } else {
                    order[other] = low[other] = ++count;
                    stack.push_back({other, e, 0});
                }
                continue;
            }
            const std::size_t by = visit.by_edge;
            stack.pop_back();
            if (stack.empty()) { break; }
            const std::size_t parent = stack.back().node;
            low[parent] = std::min(low[parent], low[node]);
            if (low[node] > order[parent]) { cyclic[by] = false; }
        }
    }
    return cyclic;
}

std::vector<Edge> cyclic_part(std::size_t nodes, const std::vector<Edge>& edges) {
    const auto cyclic = in_cycle(nodes, edges);
    std::vector<Edge> part;
    for (std::size_t e = 0; e < edges.size(); ++e) {
        if (cyclic[e]) { part.push_back(edges[e]); }
    }
    return part;
}

bool carries(const CableLink& link, Vlan vlan) {
    if (link.vlan) { return *link.vlan == vlan; }
    return link.trunk.empty() || std::find(link.trunk.begin(), link.trunk.end(), vlan) != link.trunk.end();
}

std::string names_text(const std::vector<std::string>& names) {
    constexpr std::size_t kShown = 6;
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i == kShown) { return fmt::format("{} and {} more", text, names.size() - kShown); }
        if (i > 0) { text += i + 1 == names.size() ? " and " : ", "; }
        text += "'" + names[i] + "'";
    }
    return text;
}

class LoopCheck {
public:
    explicit LoopCheck(CheckContext& context) : context_(context) {
        const auto& switches = context.lab.switches;
        for (std::size_t i = 0; i < switches.size(); ++i) { index_.try_emplace(switches[i].name, i); }
    }

    void check() {
        std::vector<Edge> edges;
        for (const auto& link : context_.lab.links) {
            const auto a = index_.find(link.a.node);
            const auto b = index_.find(link.b.node);
            if (a == index_.end() || b == index_.end() || a == b) { continue; }
            edges.push_back({a->second, b->second, &link});
        }
        edges = cyclic_part(index_.size() + 1, edges);
        if (edges.empty()) { return; }
        std::set<Vlan> vlans{0};  // 0 stands for all that no link names
        for (const auto& edge : edges) {
            if (edge.link->vlan) { vlans.insert(*edge.link->vlan); }
            vlans.insert(edge.link->trunk.begin(), edge.link->trunk.end());
        }
        for (const Vlan vlan : vlans) {
            std::vector<Edge> carrying;
            std::copy_if(edges.begin(), edges.end(), std::back_inserter(carrying),
                         [&](const Edge& edge) { return carries(*edge.link, vlan); });
            report(cyclic_part(index_.size() + 1, carrying));
        }
    }

private:
    [[nodiscard]] bool safe(const Switch& sw) const {
        const Lab& lab = context_.lab;
        return stp_of(lab, sw) ||
               (kind_of(lab, sw) == SwitchKind::ovs && fail_mode_of(lab, sw) == FailMode::secure);
    }

    // EDGES are all in cycles; says each loop once, at the link that closes it.
    void report(const std::vector<Edge>& edges) {
        const auto& switches = context_.lab.switches;
        Joined joined;
        for (std::size_t i = 0; i <= switches.size(); ++i) { joined.add(); }
        std::vector<const Edge*> closing;
        for (const auto& edge : edges) {
            if (!joined.join(edge.a, edge.b)) { closing.push_back(&edge); }
        }
        std::map<std::size_t, std::set<std::size_t>> members;
        for (const auto& edge : edges) {
            auto& part = members[joined.of(edge.a)];
            part.insert(edge.a);
            part.insert(edge.b);
        }
        for (const auto* edge : closing) {
            const auto part = members.find(joined.of(edge->a));
            if (part == members.end()) { continue; }
            std::vector<std::string> all;
            std::vector<std::string> unsafe;
            for (const std::size_t i : part->second) {
                all.push_back(switches[i].name);
                if (!safe(switches[i])) { unsafe.push_back(switches[i].name); }
            }
            members.erase(part);
            if (unsafe.empty() || !reported_.insert(edge->link).second) { continue; }
            context_.mistake(
                edge->link->at,
                fmt::format("this link closes a loop of switches {}, in which frames would circle for ever",
                            names_text(all)),
                fmt::format("give 'stp: true' to {}", names_text(unsafe)));
        }
    }

    CheckContext& context_;
    std::unordered_map<std::string_view, std::size_t> index_;
    std::set<const CableLink*> reported_;
};

}  // namespace

void check_switch_loops(CheckContext& context) { LoopCheck(context).check(); }

}  // namespace warren
