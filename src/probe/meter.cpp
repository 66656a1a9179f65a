// Links of a lab, and rates from their counters. Called by `warren top`.
#include "probe/meter.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace warren::probe {
namespace {

class Wires {
public:
    Wires(const State& wanted, const State& observed) : wanted_(wanted), observed_(observed) {
        for (const auto& [name, bridge] : wanted.bridges) {
            for (const auto& [port, value] : bridge.ports) { bridge_of_[port] = name; }
        }
    }

    std::vector<Wire> all() const {
        std::vector<Wire> wires;
        for (const auto& [name, ns] : wanted_.namespaces) {
            for (const auto& [interface, link] : ns.links) {
                Wire wire;
                wire.a = end(ns, link);
                if (link.kind == LinkKind::veth) {
                    const Link* peer = wanted_.find_link(link.peer_namespace, link.peer);
                    if (peer == nullptr) { continue; }
                    wire.b = end(wanted_.namespaces.at(link.peer_namespace), *peer);
                    if (!comes_first(wire.a, wire.b)) { continue; }  // seen from the other end
                } else if (link.kind == LinkKind::ovs_internal && bridge_of_.contains(interface)) {
                    wire.b = {bridge_of_.at(interface), true, interface, {}, 0};
                } else {
                    continue;
                }
                if (wire.a.index != 0 || wire.b.index != 0) { wires.push_back(std::move(wire)); }
            }
        }
        std::sort(wires.begin(), wires.end(),
                  [](const Wire& left, const Wire& right) { return comes_first(left.a, right.a); });
        return wires;
    }

private:
    static bool comes_first(const WireEnd& left, const WireEnd& right) {
        return std::tie(left.is_switch, left.owner, left.interface, left.net_namespace) <
               std::tie(right.is_switch, right.owner, right.interface, right.net_namespace);
    }

    WireEnd end(const Namespace& ns, const Link& link) const {
        const Link* there = observed_.find_link(ns.name, link.name);
        const int index = there == nullptr ? 0 : there->index;
        if (!link.master.empty()) { return {link.master, true, link.name, ns.name, index}; }
        const auto bridge = bridge_of_.find(link.name);
        if (ns.host.empty() && bridge != bridge_of_.end()) {
            return {bridge->second, true, link.name, ns.name, index};
        }
        return {ns.host.empty() ? ns.name : ns.host, false, link.name, ns.name, index};
    }

    const State& wanted_;
    const State& observed_;
    std::map<std::string, std::string> bridge_of_;  // by port, Open vSwitch alone
};

struct Pair {
    const Counters* before = nullptr;
    const Counters* after = nullptr;
    double seconds = 0;
};

Pair find(const WireEnd& end, const Reading& before, const Reading& after) {
    const auto first = before.find(end.net_namespace);
    const auto second = after.find(end.net_namespace);
    if (end.index == 0 || first == before.end() || second == after.end() ||
        first->second.inode != second->second.inode) {
        return {};
    }
    const auto from = first->second.counters.find(end.index);
    const auto to = second->second.counters.find(end.index);
    if (from == first->second.counters.end() || to == second->second.counters.end()) { return {}; }
    const std::chrono::duration<double> time = second->second.at - first->second.at;
    return {&from->second, &to->second, time.count()};
}

void add_faults(WireRates& wire, const Pair& end) {
    if (end.before == nullptr) { return; }
    wire.drops += counted(end.before->dropped, end.after->dropped) +
                  counted(end.before->queue_dropped, end.after->queue_dropped);
    wire.errors += counted(end.before->errors, end.after->errors);
}

}  // namespace

std::vector<Wire> wires_of(const State& wanted, const State& observed) { return Wires(wanted, observed).all(); }

std::uint64_t counted(std::uint64_t before, std::uint64_t after) {
    constexpr std::uint64_t kHalf = std::uint64_t{1} << 63U;
    const std::uint64_t difference = after - before;  // modulo 2^64, as the counter counts
    return difference < kHalf ? difference : after;
}

std::vector<WireRates> rates(const std::vector<Wire>& wires, const Reading& before, const Reading& after) {
    std::vector<WireRates> all;
    for (const auto& wire : wires) {
        const Pair a = find(wire.a, before, after);
        const Pair b = find(wire.b, before, after);
        if (a.before == nullptr && b.before == nullptr) { continue; }
        const bool from_a = a.before != nullptr;
        const Pair& end = from_a ? a : b;
        if (end.seconds <= 0) { continue; }
        const auto bits = [&](std::uint64_t Counters::*counter) {
            return 8 * static_cast<double>(counted(end.before->*counter, end.after->*counter)) / end.seconds;
        };
        WireRates rate;
        rate.wire = wire;
        rate.rx_bits = bits(&Counters::rx_bytes);
        rate.tx_bits = bits(&Counters::tx_bytes);
        rate.rx_packets = bits(&Counters::rx_packets) / 8;
        rate.tx_packets = bits(&Counters::tx_packets) / 8;
        if (!from_a) {  // what the one sends is what comes to the other
            std::swap(rate.rx_bits, rate.tx_bits);
            std::swap(rate.rx_packets, rate.tx_packets);
        }
        add_faults(rate, a);
        add_faults(rate, b);
        if (a.after != nullptr) { rate.a = *a.after; }
        if (b.after != nullptr) { rate.b = *b.after; }
        all.push_back(std::move(rate));
    }
    return all;
}

Result<void> Meter::follow(const std::vector<Wire>& wires, const State& observed) {
    std::map<std::string, std::uint64_t> wanted;
    for (const auto& wire : wires) {
        for (const auto* end : {&wire.a, &wire.b}) {
            const auto found = observed.namespaces.find(end->net_namespace);
            if (end->index != 0 && found != observed.namespaces.end()) {
                wanted[end->net_namespace] = found->second.inode;
            }
        }
    }
    for (const auto& [name, inode] : followed_) {
        const auto still = wanted.find(name);
        if (still == wanted.end() || still->second != inode) { sockets_.forget(name); }
    }
    followed_ = std::move(wanted);
    std::vector<std::string> names;
    for (const auto& [name, inode] : followed_) {
        if (names.size() < sockets_.limit()) { names.push_back(name); }
    }
    return sockets_.open_all(names);
}

Result<Reading> Meter::read() {
    Reading reading;
    for (const auto& [name, inode] : followed_) {
        WARREN_ASSIGN(nl::Socket * socket, sockets_.in(name));
        NamespaceReading& of = reading[name];
        WARREN_ASSIGN(of.counters, dump_counters(*socket));
        of.at = std::chrono::steady_clock::now();
        of.inode = inode;
    }
    return reading;
}

}  // namespace warren::probe
