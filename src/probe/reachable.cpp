// Broadcast domains from a State, and the choice of an address by them. Called by check.cpp and the verb ping.
#include "probe/reachable.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "base/joined.hpp"

namespace warren::probe {
namespace {

constexpr Vlan kUntagged = 0;

// How frames pass between a wire and the switch that it is plugged in.
struct Attachment {
    std::string at;            // the switch, or an interface of its own
    bool all = false;          // every tag passes as it is
    std::optional<Vlan> pvid;  // untagged on the wire
    std::vector<Vlan> tagged;  // on the wire, beside it

    // The VLAN in the switch of a frame that has TAG on the wire.
    [[nodiscard]] std::optional<Vlan> inside(Vlan tag) const {
        if (tag == kUntagged && pvid) { return pvid; }
        if (all || std::find(tagged.begin(), tagged.end(), tag) != tagged.end()) { return tag; }
        return std::nullopt;
    }
};

}  // namespace

class DomainBuilder {
public:
    DomainBuilder(const State& state, BroadcastDomains& out) : state_(state), out_(out) {}

    void build() {
        collect();
        for (const auto& [ns_name, ns] : state_.namespaces) {
            for (const auto& [name, link] : ns.links) {
                if (link.kind == LinkKind::veth && !link.peer.empty()) {
                    join(end_of(ns, link), peer_of(link));
                } else if (const auto* port = port_of(link.name);
                           port != nullptr && link.kind == LinkKind::ovs_internal) {
                    join(interface(ns_name, name), attachment(*port));
                }
            }
        }
        for (const auto& [name, bridge] : state_.bridges) {
            for (const auto& [port_name, port] : bridge.ports) {
                if (port.type != "patch") { continue; }
                if (const auto* peer = port_of(port.peer)) {
                    join(attachment({&bridge, &port}), attachment(*peer));
                }
            }
        }
        for (const auto& [ns_name, ns] : state_.namespaces) {
            for (const auto& [name, link] : ns.links) {
                const std::size_t domain = joined_.of({interface(ns_name, name).at, kUntagged});
                out_.domains_[{ns_name, name}] = domain;
                if (link.kind != LinkKind::loopback) { ++out_.sizes_[domain]; }
            }
        }
    }

private:
    struct Port {
        const OvsBridge* bridge = nullptr;
        const OvsPort* port = nullptr;
    };

    void collect() {
        std::set<Vlan> tags{kUntagged};
        for (const auto& [name, bridge] : state_.bridges) {
            for (const auto& [port_name, port] : bridge.ports) {
                ports_[port_name] = {&bridge, &port};
                if (port.tag) { tags.insert(*port.tag); }
                tags.insert(port.trunks.begin(), port.trunks.end());
            }
        }
        for (const auto& [ns_name, ns] : state_.namespaces) {
            for (const auto& [name, link] : ns.links) {
                if (!link.vlans) { continue; }
                if (link.vlans->pvid) { tags.insert(*link.vlans->pvid); }
                tags.insert(link.vlans->tagged.begin(), link.vlans->tagged.end());
            }
        }
        tags_.assign(tags.begin(), tags.end());
    }

    [[nodiscard]] const Port* port_of(const std::string& name) const {
        const auto found = ports_.find(name);
        return found == ports_.end() ? nullptr : &found->second;
    }

    static Attachment interface(const std::string& ns, const std::string& name) {
        return {"interface " + ns + "/" + name, true, std::nullopt, {}};
    }

    static Attachment attachment(const Port& port) {
        return {"ovs " + port.bridge->name, !port.port->tag && port.port->trunks.empty(), port.port->tag,
                port.port->trunks};
    }

    // A veth end's place: a port of a bridge in its namespace, else the interface itself.
    [[nodiscard]] Attachment end_of(const Namespace& ns, const Link& link) const {
        if (!link.master.empty()) {
            const std::string at = "bridge " + ns.name + "/" + link.master;
            if (link.vlans) { return {at, false, link.vlans->pvid, link.vlans->tagged}; }
            return {at, true, std::nullopt, {}};
        }
        // Open vSwitch's ports are in the lab's root namespace, which is no host.
        const auto* port = ns.host.empty() ? port_of(link.name) : nullptr;
        return port == nullptr ? interface(ns.name, link.name) : attachment(*port);
    }

    [[nodiscard]] Attachment peer_of(const Link& link) const {
        if (const auto ns = state_.namespaces.find(link.peer_namespace); ns != state_.namespaces.end()) {
            if (const auto peer = ns->second.links.find(link.peer); peer != ns->second.links.end()) {
                return end_of(ns->second, peer->second);
            }
        }
        return interface(link.peer_namespace, link.peer);
    }

    void join(const Attachment& a, const Attachment& b) {
        for (const Vlan tag : tags_) {
            const auto in_a = a.inside(tag);
            const auto in_b = b.inside(tag);
            if (in_a && in_b) { joined_.join({a.at, *in_a}, {b.at, *in_b}); }
        }
    }

    const State& state_;
    BroadcastDomains& out_;
    std::map<std::string, Port> ports_;
    std::vector<Vlan> tags_;
    JoinedNames<std::map<std::pair<std::string, Vlan>, std::size_t>> joined_;
};

BroadcastDomains::BroadcastDomains(const State& state) { DomainBuilder(state, *this).build(); }

std::optional<std::size_t> BroadcastDomains::of(const std::string& net_namespace,
                                                const std::string& interface) const {
    const auto found = domains_.find({net_namespace, interface});
    if (found == domains_.end()) { return std::nullopt; }
    return found->second;
}

std::size_t BroadcastDomains::largest_of(const Namespace& ns) const {
    std::size_t largest = 0;
    for (const auto& [name, link] : ns.links) {
        const auto domain = of(ns.name, name);
        const auto size = domain ? sizes_.find(*domain) : sizes_.end();
        if (size != sizes_.end()) { largest = std::max(largest, size->second); }
    }
    return largest;
}

std::string flood_remark(std::size_t interfaces, std::size_t backlog) {
    if (interfaces <= backlog) { return {}; }
    return fmt::format(
        "; its broadcast domain has {} interfaces, and the kernel drops what of a broadcast is more than "
        "net.core.netdev_max_backlog ({}): raise that, or divide the domain",
        interfaces, backlog);
}

namespace {

std::set<std::size_t> domains_of(const BroadcastDomains& domains, const Namespace& ns) {
    std::set<std::size_t> found;
    for (const auto& [name, link] : ns.links) {
        const auto domain = domains.of(ns.name, name);
        if (domain && link.kind != LinkKind::loopback) { found.insert(*domain); }
    }
    return found;
}

// Loopback and link-local ones name no host to another.
bool global(const IpAddress& address) {
    return !address.is_loopback() && !address.is_link_local() && !address.is_unspecified() &&
           !address.is_multicast();
}

bool can_speak(const Peer& host, bool v4) {
    for (const auto& address : host.addresses) {
        if (address.value.address.is_v4() == v4 && global(address.value.address)) { return true; }
    }
    return std::any_of(host.wanted->links.begin(), host.wanted->links.end(), [&](const auto& entry) {
        const Link& link = entry.second;
        return (v4 && link.dhcp) ||
               std::any_of(link.addresses.begin(), link.addresses.end(), [&](const Prefix& prefix) {
                   return prefix.address.is_v4() == v4 && global(prefix.address);
               });
    });
}

}  // namespace

std::optional<Choice> choose_address(const BroadcastDomains& domains, const Peer& from, const Peer& to,
                                     Family family) {
    const auto near = domains_of(domains, *from.wanted);
    const bool v4 = can_speak(from, true);
    const bool v6 = can_speak(from, false);
    std::optional<Choice> best;
    std::tuple<bool, bool, bool, bool> best_rank;
    for (const auto& address : to.addresses) {
        if (!global(address.value.address)) { continue; }
        const auto domain = domains.of(to.wanted->name, address.interface);
        const bool common = domain && near.contains(*domain);
        const bool is_v4 = address.value.address.is_v4();
        if (family != Family::any && is_v4 != (family == Family::v4)) { continue; }
        const bool in_subnet =
            std::any_of(from.addresses.begin(), from.addresses.end(),
                        [&](const HostAddress& own) { return own.value.contains(address.value.address); });
        const std::tuple rank{!(is_v4 ? v4 : v6), !common, !is_v4, !in_subnet};
        if (best && best_rank <= rank) { continue; }
        best = Choice{address, common};
        best_rank = rank;
    }
    return best;
}

bool common_address_wanted(const BroadcastDomains& domains, const Peer& from, const Peer& to) {
    const auto near = domains_of(domains, *from.wanted);
    return std::any_of(to.wanted->links.begin(), to.wanted->links.end(), [&](const auto& entry) {
        const auto domain = domains.of(to.wanted->name, entry.first);
        return domain && near.contains(*domain) && (entry.second.dhcp || !entry.second.addresses.empty());
    });
}

const Namespace* namespace_of_host(const State& state, const std::string& host) {
    for (const auto& [name, ns] : state.namespaces) {
        if (ns.host == host) { return &ns; }
    }
    return nullptr;
}

}  // namespace warren::probe

namespace warren {

struct Reachability::Index {
    probe::BroadcastDomains domains;
    std::map<std::string, probe::Peer> hosts;
};

Reachability::Reachability(const State& observed) {
    auto index = std::make_unique<Index>(Index{probe::BroadcastDomains(observed), {}});
    for (const auto& [ns_name, ns] : observed.namespaces) {
        if (ns.host.empty()) { continue; }
        auto& peer = index->hosts[ns.host];
        peer.wanted = &ns;
        for (const auto& [name, link] : ns.links) {
            for (const auto& prefix : link.addresses) { peer.addresses.push_back({name, prefix}); }
            for (const auto& prefix : link.leased) { peer.addresses.push_back({name, prefix}); }
        }
    }
    index_ = std::move(index);
}

Reachability::Reachability(Reachability&&) noexcept = default;
Reachability& Reachability::operator=(Reachability&&) noexcept = default;
Reachability::~Reachability() = default;

std::optional<IpAddress> Reachability::address(const std::string& from, const std::string& to,
                                               Family family) const {
    const auto source = index_->hosts.find(from);
    const auto target = index_->hosts.find(to);
    if (source == index_->hosts.end() || target == index_->hosts.end()) { return std::nullopt; }
    const auto choice = probe::choose_address(index_->domains, source->second, target->second, family);
    if (!choice) { return std::nullopt; }
    return choice->address.value.address;
}

std::optional<IpAddress> reachable_address(const Lab&, const State& observed, const std::string& from,
                                           const std::string& to) {
    return Reachability(observed).address(from, to);
}

}  // namespace warren
