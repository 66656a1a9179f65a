// The way between two hosts and what limits it: the pure part. Called by path_measure.cpp.
#include "probe/path.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include <fmt/format.h>

namespace warren {
namespace {

using Kind = PathPart::Kind;

struct Vertex {
    Kind kind = Kind::router;  // of a host
    std::string net_namespace;
    std::string name;
    auto operator<=>(const Vertex&) const = default;
};

// What is met on the way out of a vertex, up to the next.
struct Edge {
    Vertex to;
    std::vector<PathPart> interfaces;
};

class Graph {
public:
    explicit Graph(const State& state) : state_(state) {
        for (const auto& [name, bridge] : state.bridges) {
            for (const auto& [port, value] : bridge.ports) { ports_[port] = {name, &value}; }
        }
        for (const auto& [name, ns] : state.namespaces) {
            for (const auto& [link_name, link] : ns.links) { add(ns, link); }
        }
        for (const auto& [port, at] : ports_) {
            const auto peer = ports_.find(at.second->peer);
            if (at.second->type != "patch" || peer == ports_.end()) { continue; }
            edges_[ovs_vertex(at.first)].push_back(
                {ovs_vertex(peer->second.first), {port_part(port), port_part(peer->first)}});
        }
    }

    // THROUGH_HOSTS: hosts may lie between.
    [[nodiscard]] std::vector<PathPart> shortest(const std::string& from, const std::string& to,
                                                 bool through_hosts) const {
        const Vertex begin{Kind::router, from, from};
        const Vertex end{Kind::router, to, to};
        std::map<Vertex, std::pair<Vertex, const Edge*>> came;
        std::deque<Vertex> todo{begin};
        came[begin] = {begin, nullptr};
        while (!todo.empty() && !came.contains(end)) {
            const Vertex at = todo.front();
            todo.pop_front();
            const auto edges = edges_.find(at);
            if (edges == edges_.end()) { continue; }
            for (const Edge& edge : edges->second) {
                if (edge.to.kind == Kind::router && edge.to != end && !through_hosts) { continue; }
                if (came.emplace(edge.to, std::pair(at, &edge)).second) { todo.push_back(edge.to); }
            }
        }
        std::vector<PathPart> backwards;
        for (auto at = came.find(end); at != came.end() && at->second.second != nullptr;
             at = came.find(at->second.first)) {
            if (at->first != end) { backwards.push_back(part_of(at->first)); }
            const auto& interfaces = at->second.second->interfaces;
            backwards.insert(backwards.end(), interfaces.rbegin(), interfaces.rend());
        }
        std::reverse(backwards.begin(), backwards.end());
        return backwards;
    }

private:
    [[nodiscard]] std::string ovs_namespace() const { return state_.ovs ? state_.ovs->net_namespace : ""; }
    [[nodiscard]] Vertex ovs_vertex(const std::string& bridge) const {
        return {Kind::ovs, ovs_namespace(), bridge};
    }

    [[nodiscard]] PathPart part_of(const Vertex& vertex) const {
        PathPart part;
        part.kind = vertex.kind;
        part.net_namespace = vertex.net_namespace;
        part.name = vertex.name;
        const auto bridge = state_.bridges.find(vertex.name);
        if (vertex.kind == Kind::ovs && bridge != state_.bridges.end()) {
            part.datapath = bridge->second.datapath_type;
        }
        return part;
    }
    // A patch port is no interface of the kernel's: it has no MTU and no queue.
    [[nodiscard]] PathPart port_part(const std::string& name) const {
        PathPart part;
        part.net_namespace = ovs_namespace();
        part.name = name;
        part.queue = "patch";
        part.vlan = ports_.at(name).second->tag;
        part.trunk = ports_.at(name).second->trunks;
        return part;
    }
    [[nodiscard]] PathPart link_part(const std::string& ns, const std::string& name) const {
        PathPart part;
        part.net_namespace = ns;
        part.name = name;
        const auto* link = link_of(ns, name);
        if (link != nullptr && link->vlans) {
            part.vlan = link->vlans->pvid;
            part.trunk = link->vlans->tagged;
        }
        if (const auto port = ports_.find(name); port != ports_.end() && ns == ovs_namespace()) {
            part.vlan = port->second.second->tag;
            part.trunk = port->second.second->trunks;
        }
        return part;
    }
    [[nodiscard]] const Link* link_of(const std::string& ns, const std::string& name) const {
        const auto in = state_.namespaces.find(ns);
        if (in == state_.namespaces.end()) { return nullptr; }
        const auto found = in->second.links.find(name);
        return found == in->second.links.end() ? nullptr : &found->second;
    }
    // What an interface belongs to.
    [[nodiscard]] Vertex owner_of(const std::string& ns, const std::string& name) const {
        if (const auto* link = link_of(ns, name); link != nullptr && !link->master.empty()) {
            return {Kind::bridge, ns, link->master};
        }
        if (const auto port = ports_.find(name); port != ports_.end() && ns == ovs_namespace()) {
            return ovs_vertex(port->second.first);
        }
        return {Kind::router, ns, ns};
    }

    void add(const Namespace& ns, const Link& link) {
        if (link.kind == LinkKind::veth && !link.peer.empty()) {
            edges_[owner_of(ns.name, link.name)].push_back(
                {owner_of(link.peer_namespace, link.peer),
                 {link_part(ns.name, link.name), link_part(link.peer_namespace, link.peer)}});
        }
        const auto port = ports_.find(link.name);
        if (port != ports_.end() && port->second.second->type == "internal") {
            PathPart part = link_part(ns.name, link.name);
            part.vlan = port->second.second->tag;
            part.trunk = port->second.second->trunks;
            const Vertex host{Kind::router, ns.name, ns.name};
            const Vertex bridge = ovs_vertex(port->second.first);
            edges_[host].push_back({bridge, {part}});
            edges_[bridge].push_back({host, {part}});
        }
    }

    const State& state_;
    std::map<std::string, std::pair<std::string, const OvsPort*>> ports_;  // of Open vSwitch: bridge, port
    std::map<Vertex, std::vector<Edge>> edges_;
};

std::string percent(double part, double of) { return fmt::format("{:.0f} %", of > 0 ? 100 * part / of : 0); }

std::string names(const std::vector<const PathPart*>& parts) {
    std::string text;
    for (const auto* part : parts) {
        if (text.find(part->name) == std::string::npos) { text += (text.empty() ? "" : ", ") + part->name; }
    }
    return text;
}

template <class Predicate>
std::vector<const PathPart*> those(const std::vector<PathPart>& parts, const Predicate& predicate) {
    std::vector<const PathPart*> found;
    for (const auto& part : parts) {
        if (predicate(part)) { found.push_back(&part); }
    }
    return found;
}

bool is_interface(const PathPart& part) { return part.kind == Kind::interface && part.mtu != 0; }

}  // namespace

std::vector<PathPart> find_path(const State& state, const std::string& from, const std::string& to) {
    const Graph graph(state);
    auto path = graph.shortest(from, to, false);
    return path.empty() ? graph.shortest(from, to, true) : path;
}

std::vector<PathLimit> limits_of(const PathReport& report) {
    std::vector<PathLimit> limits;
    const Rates& path = report.path;
    const Rates& direct = report.direct;
    const std::string shares = fmt::format(
        "TCP {}, small packets {}, round trips {} of a direct veth pair", percent(path.gigabits, direct.gigabits),
        percent(path.datagrams, direct.datagrams), percent(path.round_trips, direct.round_trips));
    // noqueue, and what the kernel gives a device by itself, slow nothing down.
    const auto shaped = those(report.parts, [](const PathPart& part) {
        return is_interface(part) && (part.queue == "tbf" || part.queue == "netem" || part.queue == "htb" ||
                                      part.queue == "hfsc" || part.queue == "cake");
    });
    if (!shaped.empty()) {
        limits.push_back({"queue", names(shaped),
                          fmt::format("the queueing discipline {} on {} limits rate or adds delay: {}",
                                      shaped.front()->queue, names(shaped), shares)});
    }
    const auto userspace = those(
        report.parts, [](const PathPart& part) { return part.kind == Kind::ovs && part.datapath == "netdev"; });
    constexpr double kMarked = 0.85;  // below this share of the reference something limits
    if (!userspace.empty() &&
        (path.gigabits < kMarked * direct.gigabits || path.datagrams < kMarked * direct.datagrams)) {
        std::string text = fmt::format("the userspace datapath of {} copies each packet through a process: {}",
                                       names(userspace), shares);
        if (report.bridge) {
            text += fmt::format(
                "; the kernel datapath (modprobe openvswitch) runs about as a Linux bridge does, which here is "
                "{:.1f} "
                "times as fast in TCP and {:.1f} times in small packets",
                report.bridge->gigabits / std::max(path.gigabits, 1e-9),
                report.bridge->datagrams / std::max(path.datagrams, 1e-9));
        }
        limits.push_back({"userspace-datapath", names(userspace), text});
    }
    const auto filtered = those(report.parts, [](const PathPart& part) { return part.bridge_netfilter; });
    if (!filtered.empty()) {
        std::string text = fmt::format(
            "bridge-nf-call-iptables is on where {} is: each bridged packet passes the firewall, up to a "
            "third of the small-packet rate",
            names(filtered));
        if (report.bridge) {
            text += fmt::format("; a bridge without it did {:.0f} thousand a second here, this path {:.0f}",
                                report.bridge->datagrams / 1000, path.datagrams / 1000);
        }
        limits.push_back({"bridge-netfilter", names(filtered), text + "; 'root: private' switches it off"});
    }
    const auto sums =
        those(report.parts, [](const PathPart& part) { return is_interface(part) && !part.tx_checksum; });
    if (!sums.empty()) {
        limits.push_back({"offload", names(sums),
                          fmt::format("transmit checksum offload is off on {}, as a userspace datapath without "
                                      "segmentation offload needs it: TCP goes in packets of the MTU's size",
                                      names(sums))});
    }
    const auto interfaces = those(report.parts, is_interface);
    const auto by_mtu = [](const PathPart* a, const PathPart* b) { return a->mtu < b->mtu; };
    if (!interfaces.empty()) {
        const auto [least, most] = std::minmax_element(interfaces.begin(), interfaces.end(), by_mtu);
        if ((*least)->mtu != (*most)->mtu) {
            limits.push_back(
                {"mtu", (*least)->name,
                 fmt::format("MTU {} on {} and {} on {}: larger packets are lost where no router tells",
                             (*least)->mtu, (*least)->name, (*most)->mtu, (*most)->name)});
        }
        constexpr double kWorthIt = 1.1;
        if (report.direct_large > kWorthIt * direct.gigabits) {
            limits.push_back({"mtu", "",
                              fmt::format("MTU {} → 9000 gives {} of the TCP rate on a direct veth pair here",
                                          (*least)->mtu, percent(report.direct_large, direct.gigabits))});
        }
    }
    constexpr double kBusy = 0.9;
    if (report.busy > kBusy) {
        limits.push_back(
            {"processors", "",
             fmt::format("sender, receiver and what lies between share {} processor{}, which were {} "
                         "busy",
                         report.processors, report.processors == 1 ? "" : "s", percent(report.busy, 1))});
    }
    if (std::none_of(limits.begin(), limits.end(), [](const PathLimit& limit) {
            return limit.kind == "queue" || limit.kind == "userspace-datapath" ||
                   limit.kind == "bridge-netfilter" || limit.kind == "offload";
        })) {
        limits.insert(limits.begin(), {"none", "", "nothing on the way is known to slow it down: " + shares});
    }
    return limits;
}

}  // namespace warren
