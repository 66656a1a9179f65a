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
        const std::vector<Edge> edges = numbered(cyclic_part(index_.size(), all_edges()));
        if (edges.empty()) { return; }
        std::vector<Edge> open;  // carry all VLANs
        std::map<Vlan, std::vector<Edge>> named;
        for (const auto& edge : edges) {
            if (edge.link->vlan) {
                named[*edge.link->vlan].push_back(edge);
            } else if (edge.link->trunk.empty()) {
                open.push_back(edge);
            }
            for (const Vlan vlan : std::set<Vlan>(edge.link->trunk.begin(), edge.link->trunk.end())) {
                if (!edge.link->vlan) { named[vlan].push_back(edge); }
            }
        }
        report(cyclic_part(nodes_.size(), open));
        Joined parts;
        for (std::size_t i = 0; i < nodes_.size(); ++i) { parts.add(); }
        for (const auto& edge : open) { parts.join(edge.a, edge.b); }
        std::size_t work = 0;
        for (const auto& [vlan, own] : named) {
            if (!closes_a_loop(parts, own)) { continue; }
            work += open.size() + own.size() + nodes_.size();
            if (work > kMostWork) {
                context_.mistake(
                    own.front().link->at,
                    fmt::format("too many VLANs and links among {} switches to look for loops", nodes_.size()),
                    "leave 'trunk' out where a link carries all VLANs");
                return;
            }
            std::vector<Edge> carrying;
            std::merge(open.begin(), open.end(), own.begin(), own.end(), std::back_inserter(carrying),
                       [](const Edge& x, const Edge& y) { return x.link < y.link; });  // the file's order
            report(cyclic_part(nodes_.size(), carrying));
        }
    }

private:
    static constexpr std::size_t kMostWork = 1'000'000;  // links and switches looked at for VLANs with loops

    [[nodiscard]] std::vector<Edge> all_edges() const {
        std::vector<Edge> edges;
        for (const auto& link : context_.lab.links) {
            const auto a = index_.find(link.a.node);
            const auto b = index_.find(link.b.node);
            if (a == index_.end() || b == index_.end() || a == b) { continue; }
            edges.push_back({a->second, b->second, &link});
        }
        return edges;
    }

    // The same with numbers for the switches in loops alone, so that what follows costs nothing for the others.
    std::vector<Edge> numbered(std::vector<Edge> edges) {
        std::unordered_map<std::size_t, std::size_t> numbers;
        const auto number = [&](std::size_t node) {
            const auto [found, added] = numbers.try_emplace(node, nodes_.size());
            if (added) { nodes_.push_back(&context_.lab.switches[node]); }
            return found->second;
        };
        for (auto& edge : edges) {
            edge.a = number(edge.a);
            edge.b = number(edge.b);
        }
        return edges;
    }

    // Whether EDGES make a loop together with the links inside PARTS; loops of the latter alone do not count.
    static bool closes_a_loop(Joined& parts, const std::vector<Edge>& edges) {
        Joined joined;
        std::unordered_map<std::size_t, std::size_t> numbers;
        const auto number = [&](std::size_t node) {
            const auto [found, added] = numbers.try_emplace(parts.of(node), 0);
            if (added) { found->second = joined.add(); }
            return found->second;
        };
        return std::any_of(edges.begin(), edges.end(), [&](const Edge& edge) {
            const std::size_t a = number(edge.a);
            return !joined.join(a, number(edge.b));
        });
    }

    [[nodiscard]] bool safe(const Switch& sw) const {
        const Lab& lab = context_.lab;
        return stp_of(lab, sw) ||
               (kind_of(lab, sw) == SwitchKind::ovs && fail_mode_of(lab, sw) == FailMode::secure);
    }

    // EDGES are all in cycles; says each loop once, at the link that closes it.
    void report(const std::vector<Edge>& edges) {
        Joined joined;
        for (std::size_t i = 0; i < nodes_.size(); ++i) { joined.add(); }
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
                all.push_back(nodes_[i]->name);
                if (!safe(*nodes_[i])) { unsafe.push_back(nodes_[i]->name); }
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
    std::unordered_map<std::string_view, std::size_t> index_;  // of context_.lab.switches, by name
    std::vector<const Switch*> nodes_;                         // by number
    std::set<const CableLink*> reported_;
};

}  // namespace

void check_switch_loops(CheckContext& context) { LoopCheck(context).check(); }

}  // namespace warren
