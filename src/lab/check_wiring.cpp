// Checks of wiring: what each interface is tied to, links, port names, VLANs and loops. Called by check_lab().
#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "lab/check_context.hpp"
#include "lab/names.hpp"
#include "lab/switch_loops.hpp"
#include "lab/yaml.hpp"

namespace warren {
namespace {

// STP_MAX_PORTS of Open vSwitch (lib/stp.h).
constexpr std::size_t kMaxOvsStpPorts = 255;

std::string line_hint(std::string_view what, Position at) {
    return at.line == 0 ? std::string(what) : fmt::format("{}, line {}", what, at.line);
}

class Wiring {
public:
    explicit Wiring(CheckContext& context) : context_(context), lab_(context.lab) {}

    void check() {
        domains_.add();  // 0 stands for none
        claim_switch_names();
        number_domains();
        collect_ends();
        for (const auto& host : lab_.hosts) {
            for (const auto& interface : host.interfaces) { check_interface(host, interface); }
        }
        for (const auto& link : lab_.links) { check_link(link); }
        for (const auto& network : lab_.networks) { check_server(network); }
        for (const auto& sw : lab_.switches) { check_room(sw); }
        check_switch_loops(context_);
    }

private:
    // What an end of a link that is written elsewhere is tied to.
    struct End {
        std::string what;  // for messages
        Position at;
        const CableLink* link = nullptr;
        std::size_t domain = 0;
    };
    struct Claim {
        std::string what;
        Position at;
        const Switch* sw;
    };

    void mistake(Position at, const std::string& message, const std::string& hint = {}) {
        context_.mistake(at, message, hint);
    }

    void check_room(const Switch& sw) {
        const std::size_t ports = ports_[&sw];
        const bool ovs = kind_of(lab_, sw) == SwitchKind::ovs;
        if (!ovs && ports > kMaxBridgePorts) {
            mistake(sw.at, fmt::format("bridge {} would have {} ports", quoted_for_message(sw.name), ports),
                    fmt::format("a Linux bridge holds {}; spread them, or use 'kind: ovs'", kMaxBridgePorts));
        } else if (ovs && stp_of(lab_, sw) && ports > kMaxOvsStpPorts) {
            mistake(sw.at,
                    fmt::format("switch {} with STP would have {} ports", quoted_for_message(sw.name), ports),
                    fmt::format("Open vSwitch runs STP on {} of a bridge's, the others would forward without it",
                                kMaxOvsStpPorts));
        }
    }

    // All links of the lab's root namespace, and Open vSwitch ports, share one set of names.
    void claim(const std::string& name, const std::string& what, Position at, const Switch* sw,
               std::string_view remedy) {
        if (name.empty()) { return; }
        if (name == "lo" || name == "ovs-netdev" || name == "ovs-system") {
            mistake(at, fmt::format("{} is the system's own", quoted_for_message(name)), std::string(remedy));
            return;
        }
        const auto [found, added] = claims_.try_emplace(name, Claim{what, at, sw});
        if (added) { return; }
        const Claim& first = found->second;
        std::string hint = line_hint(fmt::format("the first is {}", first.what), first.at);
        if (!remedy.empty()) { hint += fmt::format("; {}", remedy); }
        if (sw != nullptr && first.sw == sw) {
            mistake(at,
                    fmt::format("port {} of switch {} is used twice", quoted_for_message(name),
                                quoted_for_message(sw->name)),
                    hint);
        } else {
            mistake(at,
                    fmt::format("link name {} is used twice in the switches' namespace", quoted_for_message(name)),
                    hint);
        }
    }

    void claim_switch_names() {
        for (const auto& sw : lab_.switches) {
            claims_.try_emplace(sw.name, Claim{fmt::format("switch '{}'", sw.name), sw.at, nullptr});
            if (sw.name == "lo" || sw.name == "ovs-netdev" || sw.name == "ovs-system") {
                mistake(sw.at, fmt::format("{} is the system's own", quoted_for_message(sw.name)));
            }
        }
    }

    // Broadcast domains: a VLAN (0: untagged) of switches that links join. Switches joined by links that
    // carry all VLANs are one group, so that such links cost the same whatever the number of VLANs.
    void number_domains() {
        for (const auto& sw : lab_.switches) { group_of_[&sw] = groups_.add(); }
        std::vector<const CableLink*> restricted;
        for (const auto& link : lab_.links) {
            const Switch* a = context_.find_switch(link.a.node);
            const Switch* b = context_.find_switch(link.b.node);
            if (a == nullptr || b == nullptr) { continue; }
            if (!link.vlan && link.trunk.empty()) {
                groups_.join(group_of_[a], group_of_[b]);
            } else {
                restricted.push_back(&link);
            }
        }
        for (const auto* link : restricted) {
            const Switch* a = context_.find_switch(link->a.node);
            const Switch* b = context_.find_switch(link->b.node);
            if (link->vlan) { domains_.join(raw_domain(a, *link->vlan), raw_domain(b, *link->vlan)); }
            for (const Vlan vlan : link->trunk) { domains_.join(raw_domain(a, vlan), raw_domain(b, vlan)); }
        }
        for (const auto& network : lab_.networks) {
            const Switch* sw = context_.find_switch(network.switch_name);
            context_.network_domains[&network] =
                sw == nullptr ? domains_.add() : domain(sw, network.vlan.value_or(0));
        }
    }
    std::size_t raw_domain(const Switch* sw, Vlan vlan) {
        const auto [found, added] = domain_ids_.try_emplace({groups_.of(group_of_.at(sw)), vlan}, 0);
        if (added) { found->second = domains_.add(); }
        return found->second;
    }
    std::size_t domain(const Switch* sw, Vlan vlan) { return domains_.of(raw_domain(sw, vlan)); }

    // Ends that another interface's `to:` or an entry of `links:` names.
    void collect_ends() {
        for (const auto& host : lab_.hosts) {
            for (const auto& interface : host.interfaces) {
                if (!interface.to || context_.find_switch(interface.to->node) != nullptr) { continue; }
                if (context_.find_host(interface.to->node) == nullptr || interface.to->node == host.name) {
                    continue;
                }
                const Position at = interface.places.value("to", interface.at);
                const std::size_t own = domains_.add();
                direct_domains_[&interface] = own;
                add_end(end_text(interface.to->node, interface.to->port.value_or(interface.name)),
                        {fmt::format("'{}'", end_text(host.name, interface.name)), at, nullptr, own});
            }
        }
        for (const auto& link : lab_.links) { collect_link_ends(link); }
    }

    void collect_link_ends(const CableLink& link) {
        const Switch* a = context_.find_switch(link.a.node);
        const Switch* b = context_.find_switch(link.b.node);
        std::size_t own = domains_.add();
        if (a != nullptr || b != nullptr) { own = domain(a != nullptr ? a : b, link.vlan.value_or(0)); }
        for (int i = 0; i < 2; ++i) {
            const LinkEnd& end = i == 0 ? link.a : link.b;
            if (!end.port || context_.find_host(end.node) == nullptr || context_.find_switch(end.node) != nullptr) {
                continue;
            }
            add_end(end_text(end.node, *end.port), {"a link", end_at(link, i), &link, own});
        }
    }

    static Position end_at(const CableLink& link, int i) {
        return link.places.value(fmt::format("ends/{}", i), link.at);
    }

    void add_end(const std::string& end, End tied) {
        const auto [found, added] = ends_.try_emplace(end, tied);
        if (!added) {
            mistake(tied.at, fmt::format("{} is an end of two links", quoted_for_message(end)),
                    line_hint(fmt::format("the first is tied by {}", found->second.what), found->second.at));
        }
    }

    void check_interface(const Host& host, const Interface& interface) {
        const Position at = interface.at;
        context_.check_interface_name(interface.name, at);
        if (interface.name == "lo") {
            mistake(at, "every host has its own 'lo'", "give the interface another name");
        }
        const Places& places = interface.places;
        context_.check_vlan(interface.vlan, places.value("vlan", at));
        check_trunk(interface.vlan, interface.trunk, places, at);
        context_.check_mtu(interface.mtu, places.value("mtu", at));
        if (interface.mac && (interface.mac->is_multicast() || interface.mac->is_zero())) {
            mistake(places.value("mac", at),
                    fmt::format("mac {} is {}", interface.mac->to_string(),
                                interface.mac->is_zero() ? "all zeros" : "a multicast address"),
                    "the first byte of an interface's own is even, as in 02:00:00:00:00:01");
        }
        check_impairments(interface.impairments, places, at);
        Attachment tie;
        if (interface.network) {
            tie.network = context_.find_network(*interface.network);
            if (tie.network == nullptr) {
                mistake(places.value("network", at),
                        fmt::format("unknown network {}", quoted_for_message(*interface.network)),
                        context_.near_network(*interface.network));
            }
        }
        if (interface.to) {
            tie_to_target(host, interface, tie);
        } else if (tie.network != nullptr) {
            tie.sw = context_.find_switch(tie.network->switch_name);
        } else if (!interface.network) {
            tie_to_end(host, interface, tie);
        }
        if (interface.to || interface.network) { refuse_second_tie(host, interface); }
        if (tie.sw != nullptr && (interface.to || interface.network)) { check_port(host, interface, tie); }
        if (tie.sw == nullptr && tie.domain == 0) { tie.domain = domains_.add(); }
        context_.attachments[&interface] = tie;
    }

    void tie_to_target(const Host& host, const Interface& interface, Attachment& tie) {
        const Position at = interface.places.value("to", interface.at);
        const Target& to = *interface.to;
        tie.sw = context_.find_switch(to.node);
        if (tie.sw != nullptr) { return; }
        if (context_.find_host(to.node) == nullptr) {
            mistake(at, fmt::format("unknown switch or host {}", quoted_for_message(to.node)),
                    context_.near_node(to.node));
            return;
        }
        if (to.node == host.name) {
            mistake(at, fmt::format("a link of host {} to itself", quoted_for_message(host.name)),
                    "name another host, or a switch");
            return;
        }
        tie.domain = direct_domains_.at(&interface);
        const std::string other = to.port.value_or(interface.name);
        if (!context_.interfaces.contains(end_text(to.node, other))) {
            context_.check_interface_name(other, at);
            if (other == "lo") { mistake(at, "every host has its own 'lo'", "name another interface"); }
        }
        if (interface.network) {
            mistake(interface.places.key("network", interface.at), "a direct link between hosts is on no network",
                    "take out 'network', or name a switch in 'to'");
        }
        refuse_switch_keys(interface, "a direct link between hosts");
    }

    void tie_to_end(const Host& host, const Interface& interface, Attachment& tie) {
        const auto found = ends_.find(end_text(host.name, interface.name));
        if (found == ends_.end()) {
            if (interface.places.has("to") || interface.places.has("network")) {
                return;
            }  // reported by the reader
            mistake(interface.at,
                    fmt::format("interface {} is tied to nothing", quoted_for_message(interface.name)),
                    "say 'to: SWITCH' or 'network: NETWORK', or make it an end in 'links:'");
            return;
        }
        tie.domain = found->second.domain;
        refuse_switch_keys(interface, "an interface whose link is written elsewhere");
        refuse_link_keys(interface, found->second);
    }

    void refuse_second_tie(const Host& host, const Interface& interface) {
        const auto found = ends_.find(end_text(host.name, interface.name));
        if (found == ends_.end()) { return; }
        mistake(found->second.at, fmt::format("{} has a link of its own already", quoted_for_message(found->first)),
                line_hint("a link is written at one of its ends alone: here, or with the interface", interface.at));
    }

    void refuse_switch_keys(const Interface& interface, std::string_view what) {
        const Places& places = interface.places;
        const std::tuple<const char*, bool> keys[] = {{"peer", interface.peer.has_value()},
                                                      {"vlan", interface.vlan.has_value()},
                                                      {"trunk", !interface.trunk.empty()},
                                                      {"wire", interface.wire == Wire::internal}};
        for (const auto& [key, written] : keys) {
            if (written) {
                mistake(places.key(key, interface.at), fmt::format("'{}' does not apply to {}", key, what),
                        "it is for an interface with 'to: SWITCH' or 'network:'");
            }
        }
    }

    // What holds for the link is written where the link is.
    void refuse_link_keys(const Interface& interface, const End& link) {
        const Places& places = interface.places;
        const auto refuse = [&](std::string_view key) {
            mistake(places.key(key, interface.at),
                    fmt::format("'{}' does not apply to an interface whose link is written elsewhere", key),
                    line_hint(fmt::format("write it where the link is: with {}", link.what), link.at));
        };
        for (const auto key : kImpairmentKeys) {
            if (!impairment_text(interface.impairments.out, key).empty() ||
                !impairment_text(interface.impairments.in, key).empty()) {
                refuse(key);
            }
        }
        if (interface.up) { refuse("state"); }
    }

    void check_impairments(const LinkImpairments& own, const Places& places, Position at) {
        const LinkImpairments both = impairments_of(lab_, own);
        check_direction(both.out, places, at);
        if (both.out != both.in) { check_direction(both.in, places, at); }
    }

    void check_direction(const Impairments& of, const Places& places, Position at) {
        const auto none = std::chrono::microseconds{};
        const auto delay = of.delay.value_or(none);
        const auto where = [&](const char* key) { return places.value(key, at); };
        if (of.jitter.value_or(none) > delay) {
            mistake(
                where("jitter"),
                fmt::format("jitter {} is more than the delay, {}", latency_text(*of.jitter), latency_text(delay)),
                "a packet cannot come before it was sent");
        }
        if (of.reorder.value_or(0) != 0 && delay == none) {
            mistake(where("reorder"), "'reorder' without 'delay'",
                    "those packets overtake others by not being delayed: give a delay");
        }
        if (of.queue && of.queue->count != 0 && of.rate.value_or(0) == 0 && delay == none) {
            mistake(where("queue"), "'queue' without 'rate' or 'delay'", "only then do packets wait: give one");
        }
    }

    void check_trunk(const std::optional<Vlan>& vlan, const std::vector<Vlan>& trunk, const Places& places,
                     Position at) {
        if (vlan && !trunk.empty()) {
            mistake(places.key("trunk", at), "'vlan' and 'trunk' together",
                    "a port is an access port of one VLAN or a trunk of several");
        }
        std::set<Vlan> seen;
        for (std::size_t i = 0; i < trunk.size(); ++i) {
            const Position own = places.value(fmt::format("trunk/{}", i), at);
            context_.check_vlan(trunk[i], own);
            if (!seen.insert(trunk[i]).second) {
                mistake(own, fmt::format("VLAN {} is twice in the trunk", trunk[i]));
            }
        }
    }

    void check_port(const Host& host, const Interface& interface, Attachment& tie) {
        const Places& places = interface.places;
        const bool ovs = kind_of(lab_, *tie.sw) == SwitchKind::ovs;
        check_network_port(interface, tie);
        Vlan vlan = interface.vlan.value_or(0);
        if (!interface.vlan && tie.network != nullptr) { vlan = tie.network->vlan.value_or(0); }
        tie.domain = interface.trunk.empty() ? domain(tie.sw, vlan) : domains_.add();
        ++ports_[tie.sw];
        const std::string what = fmt::format("that of '{}'", end_text(host.name, interface.name));
        if (interface.wire == Wire::internal && !ovs) {
            mistake(places.value("wire", interface.at),
                    fmt::format("'wire: internal' on switch {}, a Linux bridge", quoted_for_message(tie.sw->name)),
                    "only Open vSwitch has internal ports: 'kind: ovs'");
            return;
        }
        if (wire_of(lab_, interface) == Wire::internal && ovs) {
            check_internal(interface, what, tie.sw);
            return;
        }
        if (interface.peer && interface.to && interface.to->port) {
            mistake(places.key("peer", interface.at), "the switch's end is named twice",
                    fmt::format("'to: {}' names it already", end_text(interface.to->node, *interface.to->port)));
            return;
        }
        if (interface.to && interface.to->port) {
            context_.check_interface_name(*interface.to->port, places.value("to", interface.at));
            claim(*interface.to->port, what, places.value("to", interface.at), tie.sw, "");
        } else if (interface.peer) {
            context_.check_interface_name(*interface.peer, places.value("peer", interface.at));
            claim(*interface.peer, what, places.value("peer", interface.at), tie.sw, "");
        } else if (!places.has("peer")) {
            claim(default_peer_name(host.name, interface.name), what, interface.at, tie.sw,
                  "give it another with 'peer:'");
        }
    }

    void check_internal(const Interface& interface, const std::string& what, const Switch* sw) {
        const Places& places = interface.places;
        const LinkImpairments both = impairments_of(lab_, interface.impairments);
        for (const auto key : kImpairmentKeys) {
            const std::string in = impairment_text(both.in, key);
            if (in.empty() || in == "none") { continue; }
            const std::string out = impairment_text(both.out, key);
            mistake(
                places.value(key, interface.at),
                fmt::format("'{}' of what comes to an internal port, which has no device at the switch", key),
                fmt::format("'wire: veth'{}", out.empty() ? "" : fmt::format(", or '{}: {{out: {}}}'", key, out)));
        }
        if (interface.peer) {
            mistake(places.key("peer", interface.at), "'peer' beside 'wire: internal'",
                    "an internal port has one end, the interface itself");
        }
        if (interface.to && interface.to->port && interface.to->port != interface.name) {
            mistake(places.value("to", interface.at),
                    fmt::format("internal port {} cannot have another name on the switch",
                                quoted_for_message(interface.name)),
                    fmt::format("'to: {}'", interface.to->node));
        }
        claim(interface.name, what, interface.at, sw, "internal ports of one Open vSwitch need names of their own");
    }

    void check_network_port(const Interface& interface, const Attachment& tie) {
        if (tie.network == nullptr) { return; }
        const Network& network = *tie.network;
        const Places& places = interface.places;
        if (!interface.trunk.empty()) {
            mistake(places.key("trunk", interface.at), "'trunk' beside 'network'",
                    "an interface on a network is in its VLAN alone");
        }
        if (interface.vlan && interface.vlan != network.vlan) {
            mistake(places.value("vlan", interface.at),
                    network.vlan ? fmt::format("VLAN {} beside network {}, which has VLAN {}", *interface.vlan,
                                               quoted_for_message(network.name), *network.vlan)
                                 : fmt::format("VLAN {} beside network {}, which has none", *interface.vlan,
                                               quoted_for_message(network.name)),
                    "take 'vlan' out: the network says it");
        }
        const Switch* home = context_.find_switch(network.switch_name);
        if (home != nullptr && home != tie.sw &&
            domain(home, network.vlan.value_or(0)) != domain(tie.sw, network.vlan.value_or(0))) {
            mistake(places.value("to", interface.at),
                    fmt::format("network {} does not reach switch {}", quoted_for_message(network.name),
                                quoted_for_message(tie.sw->name)),
                    fmt::format("join it to switch '{}' in 'links:'{}", home->name,
                                network.vlan ? fmt::format(" with VLAN {}", *network.vlan) : ""));
        }
    }

    void check_link(const CableLink& link) {
        context_.check_vlan(link.vlan, link.places.value("vlan", link.at));
        check_trunk(link.vlan, link.trunk, link.places, link.at);
        context_.check_mtu(link.mtu, link.places.value("mtu", link.at));
        check_impairments(link.impairments, link.places, link.at);
        const bool a = check_link_end(link, 0);
        const bool b = check_link_end(link, 1);
        if (!a || !b) { return; }
        if (link.a.node == link.b.node) {
            mistake(end_at(link, 1), fmt::format("a link of {} to itself", quoted_for_message(link.a.node)),
                    "name two different ones");
            return;
        }
        const Switch* first = context_.find_switch(link.a.node);
        const Switch* second = context_.find_switch(link.b.node);
        if (first == nullptr && second == nullptr) {
            for (const auto& [key, written] :
                 {std::pair{"vlan", link.vlan.has_value()}, std::pair{"trunk", !link.trunk.empty()}}) {
                if (written) {
                    mistake(link.places.key(key, link.at), fmt::format("'{}' on a link without a switch", key),
                            "VLANs are made by switches");
                }
            }
            return;
        }
        const int number =
            first != nullptr && second != nullptr ? ++between_[std::minmax(link.a.node, link.b.node)] : 1;
        claim_link_end(link, 0, first, number);
        claim_link_end(link, 1, second, number);
    }

    void claim_link_end(const CableLink& link, int i, const Switch* sw, int number) {
        if (sw == nullptr) { return; }
        const LinkEnd& own = i == 0 ? link.a : link.b;
        const LinkEnd& other = i == 0 ? link.b : link.a;
        ++ports_[sw];
        const bool other_is_host = context_.find_switch(other.node) == nullptr;
        if (own.port) { context_.check_interface_name(*own.port, end_at(link, i)); }
        const std::string name = own.port        ? *own.port
                                 : other_is_host ? default_peer_name(other.node, *other.port)
                                                 : default_port_name(own.node, other.node, number);
        claim(name, fmt::format("that of the link to '{}'", other.node), end_at(link, i), sw,
              own.port ? "" : fmt::format("give it another: '{}:PORT'", own.node));
    }

    // True: the end is known and of use.
    bool check_link_end(const CableLink& link, int i) {
        const LinkEnd& end = i == 0 ? link.a : link.b;
        const Position at = end_at(link, i);
        if (end.node.empty() && link.at.line != 0) { return false; }
        if (context_.find_switch(end.node) != nullptr) { return true; }
        if (context_.find_host(end.node) == nullptr) {
            mistake(at, fmt::format("unknown switch or host {}", quoted_for_message(end.node)),
                    context_.near_node(end.node));
            return false;
        }
        if (!end.port) {
            mistake(at, fmt::format("{} is a host: which of its interfaces?", quoted_for_message(end.node)),
                    fmt::format("'{}:INTERFACE'", end.node));
            return false;
        }
        if (!context_.interfaces.contains(end_text(end.node, *end.port))) {
            mistake(at,
                    fmt::format("host {} has no interface {}", quoted_for_message(end.node),
                                quoted_for_message(*end.port)),
                    "declare it under the host, without 'to' and 'network'");
            return false;
        }
        // One with a link of its own was reported there.
        const Interface& interface = *context_.interfaces.at(end_text(end.node, *end.port));
        return !interface.to && !interface.network;
    }

    void check_server(const Network& network) {
        const Switch* sw = context_.find_switch(network.switch_name);
        if (!network.dhcp || sw == nullptr) { return; }
        const Dhcp& dhcp = *network.dhcp;
        const std::string host = dhcp_host_name(network);
        const std::string interface = dhcp_interface_name(network);
        const Position at = dhcp.places.value("interface", dhcp.at);
        const std::string what = fmt::format("that of the DHCP server of network '{}'", network.name);
        ++ports_[sw];
        context_.check_interface_name(interface, at);
        if (interface == "lo") { mistake(at, "every host has its own 'lo'", "give the interface another name"); }
        if (kind_of(lab_, *sw) == SwitchKind::ovs) {
            if (interface != "lo") { claim(interface, what, at, sw, "give it another with 'interface:'"); }
        } else {
            claim(default_peer_name(host, interface), what, at, sw, "give it another with 'interface:'");
        }
    }

    CheckContext& context_;
    const Lab& lab_;
    std::unordered_map<std::string, Claim> claims_;
    std::unordered_map<const Switch*, std::size_t> ports_;
    Joined groups_;
    std::unordered_map<const Switch*, std::size_t> group_of_;
    Joined domains_;
    std::map<std::pair<std::size_t, Vlan>, std::size_t> domain_ids_;
    std::unordered_map<std::string, End> ends_;
    std::unordered_map<const Interface*, std::size_t> direct_domains_;
    std::map<std::pair<std::string, std::string>, int> between_;
};

}  // namespace

void check_wiring(CheckContext& context) { Wiring(context).check(); }

}  // namespace warren
