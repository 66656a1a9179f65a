// changes: a plan retold for people. Steps that only serve others (a route taken away and added again, a port
// of a host's that comes with the host) are folded into the change that they serve.
#include "plan/changes.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "plan/teller.hpp"

namespace warren {
namespace plan_detail {
namespace {

using Kind = Change::Kind;

constexpr const char* kLinkLocal = "fe80:";
constexpr const char* kOffload = "checksum offload";

// What happens to one thing.
struct Event {
    bool added = false;
    bool removed = false;
    [[nodiscard]] bool replaced() const { return added && removed; }
};

// Texts that go and come under one key; what does both has not changed.
struct Turnover {
    std::set<std::string> gone;
    std::set<std::string> come;
};

template <class Values>
std::string joined(const Values& values, const char* separator) {
    return fmt::format("{}", fmt::join(values, separator));
}

std::string on_off(bool on) { return on ? "on" : "off"; }

const OvsPort* find_row(const State& state, const std::string& bridge, const std::string& port) {
    const auto found = state.bridges.find(bridge);
    if (found == state.bridges.end()) { return nullptr; }
    const auto row = found->second.ports.find(port);
    return row == found->second.ports.end() ? nullptr : &row->second;
}

// Interfaces and their attachment, switches and their ports, addresses and routes.
class Changer {
public:
    explicit Changer(Teller& teller) : teller_(teller), observed_(teller.observed), wanted_(teller.wanted) {}

    void run() {
        for (const Step& step : teller_.plan.steps) { link_step(step); }
        for (const auto& [end, what] : events_) {
            if (what.added) { teller_.remade.insert(end); }
        }
        for (const Step& step : teller_.plan.steps) { collect(step); }
        for (const auto& [name, what] : switches_) { tell_switch(name, what); }
        for (const auto& [end, what] : events_) { interface(end, what); }
        for (const auto& [name, what] : ports_) { port(name, what); }
        turnovers();
        sysctls();
    }

private:
    [[nodiscard]] std::string object_of(const std::string& ns) const {
        const std::string host = teller_.host_of(ns);
        if (!host.empty()) { return host; }
        return ns == kMachineNamespace ? "the machine's namespace" : "namespace " + ns;
    }

    void link_step(const Step& step) {
        if (const auto* add = std::get_if<AddBridge>(&step)) {
            switches_[add->value.name].linux_.added = true;
            names_[add->value.name] = {add->ns, add->value.name};
        } else if (const auto* del = std::get_if<DelBridge>(&step)) {
            switches_[del->value.name].linux_.removed = true;
            names_[del->value.name] = {del->ns, del->value.name};
        } else if (const auto* add_veth = std::get_if<AddVeth>(&step)) {
            events_[{add_veth->ns_a, add_veth->a.name}].added = true;
            events_[{add_veth->ns_b, add_veth->b.name}].added = true;
        } else if (const auto* del_veth = std::get_if<DelVeth>(&step)) {
            events_[{del_veth->ns_a, del_veth->a.name}].removed = true;
            if (!del_veth->b.name.empty()) { events_[{del_veth->ns_b, del_veth->b.name}].removed = true; }
        } else if (const auto* place = std::get_if<PlaceInternal>(&step)) {
            events_[{place->ns, place->value.name}].added = true;
        } else if (const auto* unplace = std::get_if<UnplaceInternal>(&step)) {
            events_[{unplace->ns, unplace->value.name}].removed = true;
        } else if (const auto* stray = std::get_if<DelStray>(&step)) {
            events_[{stray->ns, stray->value.name}].removed = true;
        } else if (const auto* set = std::get_if<SetLink>(&step)) {
            if (set->after.kind == LinkKind::bridge) {
                switches_[set->after.name];
                names_[set->after.name] = {set->ns, set->after.name};
            } else {
                events_[{set->ns, set->after.name}];
            }
        } else if (const auto* add_row = std::get_if<AddOvsBridge>(&step)) {
            switches_[add_row->value.name].ovs.added = true;
        } else if (const auto* del_row = std::get_if<DelOvsBridge>(&step)) {
            switches_[del_row->value.name].ovs.removed = true;
        } else if (const auto* set_row = std::get_if<SetOvsBridge>(&step)) {
            switches_[set_row->after.name];
        } else if (const auto* add_port = std::get_if<AddOvsPort>(&step)) {
            ports_[add_port->value.name].added = true;
        } else if (const auto* del_port = std::get_if<DelOvsPort>(&step)) {
            ports_[del_port->value.name].removed = true;
        } else if (const auto* set_port = std::get_if<SetOvsPort>(&step)) {
            ports_[set_port->after.name];
        }
    }

    // --- switches ----------------------------------------------------------------------------------

    struct SwitchEvent {
        Event linux_;
        Event ovs;
    };

    void tell_switch(const std::string& name, const SwitchEvent& what) {
        const std::string object = "switch " + name;
        const std::string was = switch_kind(observed_, name);
        const std::string will = switch_kind(wanted_, name);
        if ((what.linux_.removed && what.ovs.added) || (what.ovs.removed && what.linux_.added)) {
            remade_switches_.insert(name);
            teller_.say(Kind::replaced, object, "kind", was, will,
                        "one kind cannot become the other; its ports move");
        } else if (what.ovs.replaced()) {
            remade_switches_.insert(name);
            const std::string& from = observed_.bridges.at(name).datapath_type;
            const std::string& to = wanted_.bridges.at(name).datapath_type;
            if (from == to) {
                teller_.say(Kind::replaced, object, {}, {}, {}, "another Open vSwitch serves the lab");
            } else {
                teller_.say(Kind::replaced, object, "datapath", from, to, "its ports move to the other datapath");
            }
        } else if (what.linux_.added || what.ovs.added) {
            remade_switches_.insert(name);
            teller_.say(Kind::added, object, {}, {}, will);
            return;
        } else if (what.linux_.removed || what.ovs.removed) {
            remade_switches_.insert(name);
            teller_.say(Kind::removed, object, {}, was);
            return;
        }
        if (was != will) { return; }
        if (will == "bridge") {
            const End& end = names_.at(name);
            const Link* before = find_link(observed_, end);
            const Link* after = find_link(wanted_, end);
            if (before == nullptr || after == nullptr) { return; }
            attributes(object, *before, *after);
        } else if (will == "ovs") {
            ovs_attributes(object, observed_.bridges.at(name), wanted_.bridges.at(name));
        }
    }

    void ovs_attributes(const std::string& object, const OvsBridge& before, const OvsBridge& after) {
        const auto mac = [](const OvsBridge& b) { return b.mac.is_zero() ? std::string{} : b.mac.to_string(); };
        teller_.say_if_changed(object, "fail-mode", before.fail_mode, after.fail_mode);
        teller_.say_if_changed(object, "controller", before.controller, after.controller);
        teller_.say_if_changed(object, "protocols", joined(before.protocols, ", "), joined(after.protocols, ", "));
        teller_.say_if_changed(object, "dpid", before.dpid, after.dpid);
        teller_.say_if_changed(object, "mac", mac(before), mac(after));
        teller_.say_if_changed(object, "stp", on_off(before.stp), on_off(after.stp));
    }

    // --- interfaces --------------------------------------------------------------------------------

    // Where an interface's other end is.
    struct Attachment {
        std::string port;
        const PortFacts* facts = nullptr;  // of a switch's port
        std::string to;                    // "blue:eth1" of a direct link
    };

    [[nodiscard]] Attachment attachment(bool wanted, const Link& link) const {
        Attachment at;
        if (link.kind == LinkKind::veth && !teller_.host_of(link.peer_namespace).empty()) {
            at.to = teller_.name({link.peer_namespace, link.peer});
            return at;
        }
        at.port = link.kind == LinkKind::veth ? link.peer : link.name;
        at.facts = teller_.port(wanted, at.port);
        return at;
    }

    // "10.0.0.3/24 on br0 vlan 100"
    [[nodiscard]] std::string summary(bool wanted, const Link& link) const {
        std::vector<std::string> words;
        for (const Prefix& address : link.addresses) {
            if (!address.address.is_link_local()) { words.push_back(address.to_string()); }
        }
        if (link.dhcp) { words.emplace_back("dhcp"); }
        const Attachment at = attachment(wanted, link);
        if (!at.to.empty()) { words.push_back("to " + at.to); }
        if (at.facts != nullptr && !at.facts->sw.empty()) { words.push_back("on " + at.facts->sw); }
        if (at.facts != nullptr && !at.facts->vlans.empty()) { words.push_back("vlan " + at.facts->vlans); }
        return joined(words, " ");
    }

public:
    // "eth0 10.0.0.3/24 on br0, eth1 dhcp on br1; runs web"
    [[nodiscard]] std::string host_summary(bool wanted, const std::string& ns) const {
        const State& state = wanted ? wanted_ : observed_;
        const auto found = state.namespaces.find(ns);
        if (found == state.namespaces.end()) { return {}; }
        std::vector<std::string> parts;
        for (const auto& [link_name, link] : found->second.links) {
            if (link.kind == LinkKind::loopback) { continue; }
            const std::string at = summary(wanted, link);
            parts.push_back(at.empty() ? link_name : link_name + " " + at);
        }
        std::string result = joined(parts, ", ");
        for (auto process = state.processes.lower_bound({found->second.host, ""});
             process != state.processes.end() && process->first.first == found->second.host; ++process) {
            if (process->second.role == ProcessRole::dhcp_client) { continue; }
            const bool server = process->second.role == ProcessRole::dhcp_server;
            result += (result.empty() ? "" : "; ") +
                      (server ? "dhcp server of " + process->second.network : "runs " + process->second.name);
        }
        return result;
    }

private:
    [[nodiscard]] static std::string why_remade(const Link& before, const Link& after) {
        if (before.kind != after.kind) { return "a veth pair and an internal port are different devices"; }
        if (after.kind == LinkKind::ovs_internal) { return "an internal port belongs to one switch"; }
        if (before.peer.empty()) { return "its other end is gone"; }
        if (before.peer != after.peer || before.peer_namespace != after.peer_namespace) {
            return "a veth pair keeps its two ends";
        }
        return "it is made anew";
    }

    void interface(const End& end, const Event& what) {
        if (teller_.host_of(end.first).empty()) { return switch_end(end, what); }
        if (teller_.whole(end.first)) { return; }
        const Link* before = find_link(observed_, end);
        const Link* after = find_link(wanted_, end);
        const std::string object = teller_.name(end);
        if (what.added && !what.removed) {
            if (after == nullptr || told_as_link(true, end, *after)) { return; }
            teller_.say(Kind::added, object, {}, {}, summary(true, *after));
            return;
        }
        if (what.removed && !what.added) {
            if (before == nullptr || told_as_link(false, end, *before)) { return; }
            teller_.say(Kind::removed, object, {}, summary(false, *before));
            return;
        }
        if (before == nullptr || after == nullptr) { return; }
        if (what.replaced()) { remade(end, object, *before, *after); }
        attributes(object, *before, *after);
    }

    // A direct link between two hosts that stay is one change, told at the first of its ends.
    bool told_as_link(bool wanted, const End& end, const Link& link) {
        if (link.kind != LinkKind::veth || teller_.host_of(link.peer_namespace).empty()) { return false; }
        const End other{link.peer_namespace, link.peer};
        const auto found = events_.find(other);
        if (teller_.whole(other.first) || found == events_.end() || found->second.replaced()) { return false; }
        if (other < end) { return true; }
        const std::string object = fmt::format("link {} - {}", teller_.name(end), teller_.name(other));
        if (wanted) {
            teller_.say(Kind::added, object, {}, {}, addresses_of(link));
        } else {
            teller_.say(Kind::removed, object, {}, addresses_of(link));
        }
        return true;
    }

    static std::string addresses_of(const Link& link) {
        std::vector<std::string> words;
        for (const Prefix& address : link.addresses) {
            if (!address.address.is_link_local()) { words.push_back(address.to_string()); }
        }
        return joined(words, ", ");
    }

    void remade(const End& end, const std::string& object, const Link& before, const Link& after) {
        const Attachment was = attachment(false, before);
        const Attachment will = attachment(true, after);
        const std::string why = why_remade(before, after);
        bool told = false;
        const auto differs = [&](const char* attribute, const std::string& from, const std::string& to) {
            if (from == to || from.empty() || to.empty()) { return; }
            teller_.say(Kind::replaced, object, attribute, from, to, why);
            told = true;
        };
        const auto wire = [](const Link& link) { return link.kind == LinkKind::veth ? "veth" : "internal"; };
        const auto place = [](const Attachment& at) {
            return !at.to.empty() ? at.to : at.facts != nullptr ? at.facts->sw : std::string{};
        };
        differs("wire", wire(before), wire(after));
        differs(was.to.empty() && will.to.empty() ? "switch" : "to", place(was), place(will));
        if (before.kind == after.kind && !told) { differs("port", was.port, will.port); }
        if (was.facts != nullptr && will.facts != nullptr && was.port != will.port) {
            teller_.say_if_changed(object, "vlan", was.facts->vlans, will.facts->vlans);
        }
        const bool with_switch = will.facts != nullptr && remade_switches_.contains(will.facts->sw);
        if (!told && !with_switch) {
            // Of a direct link, the other end tells it where it tells more.
            if (!will.to.empty() && End{after.peer_namespace, after.peer} < end && was.to == will.to) { return; }
            teller_.say(Kind::replaced, object, {}, {}, {}, why);
        }
    }

    void attributes(const std::string& object, const Link& before, const Link& after) {
        if (!after.mac.is_zero() && before.kind != LinkKind::loopback) {
            teller_.say_if_changed(object, "mac", before.mac.to_string(), after.mac.to_string());
        }
        if (before.kind != LinkKind::loopback && before.kind != LinkKind::bridge && !after.leased_mtu) {
            teller_.say_if_changed(object, "mtu", std::to_string(before.mtu), std::to_string(after.mtu));
        }
        teller_.say_if_changed(object, "state", before.up ? "up" : "down", after.up ? "up" : "down");
        if (after.kind == LinkKind::bridge) {
            teller_.say_if_changed(object, "stp", on_off(before.stp), on_off(after.stp));
            teller_.say_if_changed(object, "vlan filtering", on_off(before.vlan_filtering),
                                   on_off(after.vlan_filtering));
        }
        // Follows from the datapath that carries it.
        if (after.kind == LinkKind::veth && before.kind == LinkKind::veth) {
            teller_.say_if_changed(object, kOffload, on_off(before.tx_checksum), on_off(after.tx_checksum));
        }
        // One of the lab's own marks may follow another; what bears none of them has lost it.
        const std::string prefix = after.alias.substr(0, after.alias.find('/') + 1);
        if (before.kind == after.kind && !before.alias.starts_with(prefix)) {
            teller_.say_if_changed(object, "mark", before.alias, after.alias);
        }
    }

    // --- ports of switches -------------------------------------------------------------------------

    // A link in the switches' namespace: the port of a host's interface, or of a link between switches.
    void switch_end(const End& end, const Event& what) {
        const Link* before = find_link(observed_, end);
        const Link* after = find_link(wanted_, end);
        const bool whole_link = what.added || what.removed;
        Event& event = ports_[end.second];
        event.added |= what.added;
        event.removed |= what.removed;
        if (whole_link || before == nullptr || after == nullptr) { return; }
        const PortFacts* facts = teller_.port(true, end.second);
        Link was = *before;
        const Link* host_end = facts == nullptr ? nullptr : find_link(observed_, facts->end);
        const Link* host_after = facts == nullptr ? nullptr : find_link(wanted_, facts->end);
        // Its MTU is its interface's.
        if (host_end != nullptr && host_after != nullptr && host_end->mtu != host_after->mtu) {
            was.mtu = after->mtu;
        }
        // What Warren calls it by, and so its MAC, follows from its switch.
        const PortFacts* old = teller_.port(false, end.second);
        if (facts != nullptr && old != nullptr && facts->sw != old->sw) { was.mac = after->mac; }
        attributes(port_name(facts, end.second), was, *after);
    }

    [[nodiscard]] static std::string port_name(const PortFacts* facts, const std::string& name) {
        return facts == nullptr || facts->sw.empty() ? name : facts->sw + ":" + name;
    }

    void port(const std::string& name, const Event& what) {
        const PortFacts* before = teller_.port(false, name);
        const PortFacts* after = teller_.port(true, name);
        if (before != nullptr && before->sw.empty()) { before = nullptr; }
        if (after != nullptr && after->sw.empty()) { after = nullptr; }
        if (before == nullptr && after == nullptr) {
            const bool seen = find_in_root(observed_, name) != nullptr;
            if (what.removed && seen) { teller_.say(Kind::removed, "link " + name); }
            return;
        }
        const PortFacts& facts = after != nullptr ? *after : *before;
        if (before == nullptr || after == nullptr) {
            if (told_with_interface(facts)) { return; }
            const bool added = before == nullptr;
            if (!facts.other.empty()) { return between_switches(name, facts, added); }
            const std::string object = port_name(&facts, name);
            std::string summary = facts.end.second.empty() ? "" : "of " + teller_.name(facts.end);
            if (!facts.vlans.empty()) { summary += (summary.empty() ? "vlan " : " vlan ") + facts.vlans; }
            if (added) {
                teller_.say(Kind::added, object, {}, {}, summary);
            } else {
                teller_.say(Kind::removed, object, {}, summary);
            }
            return;
        }
        const std::size_t already = teller_.out.size();
        const std::string object = port_name(after, name);
        const std::string interface = after->end.second.empty() ? "port " + name : teller_.name(after->end);
        if (before->sw != after->sw) { teller_.say(Kind::changed, interface, "switch", before->sw, after->sw); }
        if (after->other != before->other) {
            teller_.say(Kind::replaced, object, "peer", before->other, after->other, "a link keeps its two ends");
        }
        teller_.say_if_changed(object, "vlan", before->vlans, after->vlans);
        const OvsPort* row = find_row(observed_, before->sw, name);
        const OvsPort* row_after = find_row(wanted_, after->sw, name);
        const bool broken = row != nullptr && (!row->error.empty() || (row->ofport && *row->ofport <= 0));
        if (broken) {
            teller_.say(Kind::replaced, object, "state", row->error.empty() ? "not open" : row->error, "open",
                        "Open vSwitch could not open it");
        } else if (teller_.out.size() == already && row != nullptr && row_after != nullptr) {
            if (row->host != row_after->host) {
                teller_.say_if_changed(object, "host", row->host, row_after->host);
            }
            const PortFacts* far = teller_.port(true, after->other);
            const bool follows =
                remade_switches_.contains(after->sw) || (far != nullptr && remade_switches_.contains(far->sw));
            if (what.replaced() && !told_with_interface(facts) && !follows) {
                teller_.say(Kind::replaced, object, {}, {}, {}, "its device is another");
            }
        }
    }

    [[nodiscard]] static const Link* find_in_root(const State& state, const std::string& name) {
        for (const auto& [ns_name, ns] : state.namespaces) {
            if (!ns.host.empty()) { continue; }
            const auto link = ns.links.find(name);
            if (link != ns.links.end()) { return &link->second; }
        }
        return nullptr;
    }

    [[nodiscard]] bool told_with_interface(const PortFacts& facts) const {
        if (facts.end.second.empty()) { return false; }
        if (teller_.whole(facts.end.first)) { return true; }
        const auto found = events_.find(facts.end);
        return found != events_.end() && (found->second.added || found->second.removed);
    }

    // One change, told at the first of its ends; the other one alone is told where only that is missing.
    void between_switches(const std::string& name, const PortFacts& facts, bool added) {
        const PortFacts* here = teller_.port(!added, facts.other);
        const PortFacts* there = teller_.port(added, facts.other);
        const bool both = there != nullptr && !there->sw.empty() && (here == nullptr || here->sw.empty());
        if (both && std::tie(there->sw, facts.other) < std::tie(facts.sw, name)) { return; }
        std::string object = facts.sw + ":" + name;
        if (both) { object = fmt::format("link {} - {}:{}", object, there->sw, facts.other); }
        const std::string summary = facts.vlans.empty() ? "" : "vlan " + facts.vlans;
        if (added) {
            teller_.say(Kind::added, object, {}, {}, summary);
        } else {
            teller_.say(Kind::removed, object, {}, summary);
        }
    }

    // --- addresses, routes, sysctls ----------------------------------------------------------------

    // What lay on a link that comes back as another may not come back with it.
    void gone(const std::string& ns, const Link& link, const OnLink& on) {
        if (teller_.whole(ns)) { return; }
        const auto found = events_.find({ns, link.name});
        if (found == events_.end() || !found->second.replaced()) { return; }
        for (const Prefix& address : link.addresses) { addresses(ns, link.name).gone.insert(address.to_string()); }
        for (const Route& route : on.routes) { route_of(ns, route).gone.insert(route_text(route)); }
        for (const auto& [address, mac] : on.neighbours) {
            neighbour_of(ns, link.name, address).gone.insert(mac.to_string());
        }
    }

    Turnover& addresses(const std::string& ns, const std::string& device) {
        return turnover_[{teller_.name({ns, device}), "address"}];
    }
    Turnover& route_of(const std::string& ns, const Route& route) {
        return turnover_[{object_of(ns), is_gateway(route) ? "gateway" : "route " + route.destination.to_string()}];
    }
    static bool is_gateway(const Route& route) { return route.destination.length == 0 && route.via; }
    static std::string route_text(const Route& route) {
        if (is_gateway(route)) { return route.via->to_string() + " dev " + route.device; }
        return (route.via ? "via " + route.via->to_string() + " " : std::string{}) + "dev " + route.device;
    }
    Turnover& neighbour_of(const std::string& ns, const std::string& device, const IpAddress& address) {
        return turnover_[{teller_.name({ns, device}), "neighbour " + address.to_string()}];
    }
    // Nothing of a host that comes or goes, or of a link that only comes, is told by itself.
    [[nodiscard]] bool told(const std::string& ns, const std::string& device) const {
        if (teller_.whole(ns)) { return true; }
        const auto found = events_.find({ns, device});
        return found != events_.end() && found->second.added && !found->second.removed;
    }

    void client(const Process& process, bool comes) {
        if (process.role != ProcessRole::dhcp_client || teller_.whole(process.net_namespace)) { return; }
        const std::pair key(process.host, process.name);
        if (comes ? observed_.processes.contains(key) : wanted_.processes.contains(key)) { return; }
        const auto event = events_.find({process.net_namespace, process.device});
        const bool with_interface = event != events_.end() && event->second.added != event->second.removed;
        if (with_interface) { return; }
        auto& both = addresses(process.net_namespace, process.device);
        (comes ? both.come : both.gone).insert("dhcp");
    }

    void collect(const Step& step) {
        std::visit(Overload{
                       [&](const AddNamespace& s) { tell_namespace(s.value, true); },
                       [&](const DelNamespace& s) { tell_namespace(s.value, false); },
                       [](const AddBridge&) {},
                       [&](const DelBridge& s) { gone(s.ns, s.value, s.on); },
                       [](const AddVeth&) {},
                       [&](const DelVeth& s) {
                           gone(s.ns_a, s.a, s.on_a);
                           if (!s.b.name.empty()) { gone(s.ns_b, s.b, s.on_b); }
                       },
                       [](const PlaceInternal&) {},
                       [&](const UnplaceInternal& s) { gone(s.ns, s.value, s.on); },
                       [&](const DelStray& s) { gone(s.ns, s.value, s.on); },
                       [](const SetLink&) {},
                       [&](const AddAddress& s) {
                           if (!told(s.ns, s.device)) {
                               addresses(s.ns, s.device).come.insert(s.value.to_string());
                           }
                       },
                       [&](const DelAddress& s) {
                           // Where its client is ended, that is told.
                           if (!s.leased || !client_ends(s.ns, s.device)) {
                               addresses(s.ns, s.device).gone.insert(s.value.to_string());
                           }
                       },
                       [&](const AddRoute& s) {
                           if (!teller_.whole(s.ns)) { route_of(s.ns, s.value).come.insert(route_text(s.value)); }
                       },
                       [&](const DelRoute& s) { route_of(s.ns, s.value).gone.insert(route_text(s.value)); },
                       [&](const AddNeighbour& s) {
                           if (!told(s.ns, s.device)) {
                               neighbour_of(s.ns, s.device, s.address).come.insert(s.mac.to_string());
                           }
                       },
                       [&](const DelNeighbour& s) {
                           neighbour_of(s.ns, s.device, s.address).gone.insert(s.mac.to_string());
                       },
                       [&](const SetSysctl& s) {
                           if (!told(s.ns, std::string(sysctl_device(s.key)))) {
                               sysctls_[s.ns][s.key] = {s.before, s.after};
                           }
                       },
                       [&](const StartOvs& s) { started(s.value); },
                       [&](const StopOvs& s) { teller_.say(Kind::removed, "Open vSwitch", {}, s.value.directory); },
                       [](const AddOvsBridge&) {},
                       [](const DelOvsBridge&) {},
                       [](const SetOvsBridge&) {},
                       [](const AddOvsPort&) {},
                       [](const DelOvsPort&) {},
                       [](const SetOvsPort&) {},
                       [](const PutFile&) {},  // changes_files.cpp
                       [](const DelFile&) {},
                       [&](const StartProcess& s) { client(s.value, true); },
                       [&](const StopProcess& s) { client(s.value, false); },
                       [](const ReloadProcess&) {},
                       [](const StartKeeper&) {},  // told where nothing else is
                       [](const StopKeeper&) {},
                   },
                   step);
    }

    [[nodiscard]] bool client_ends(const std::string& ns, const std::string& device) const {
        return std::any_of(teller_.plan.steps.begin(), teller_.plan.steps.end(), [&](const Step& step) {
            const auto* stop = std::get_if<StopProcess>(&step);
            return stop != nullptr && stop->value.role == ProcessRole::dhcp_client &&
                   stop->value.net_namespace == ns && stop->value.device == device;
        });
    }

    void tell_namespace(const Namespace& ns, bool comes) {
        const std::string object = ns.host.empty() ? "namespace " + ns.name : "host " + ns.host;
        const std::string summary =
            ns.host.empty() ? "the lab's own, for its switches" : host_summary(comes, ns.name);
        if (comes) {
            teller_.say(Kind::added, object, {}, {}, summary);
        } else {
            teller_.say(Kind::removed, object, {}, summary);
        }
    }

    void started(const OvsInstance& ovs) {
        // Bridges that are known of one that does not run: its daemons have died.
        if (!observed_.ovs && !observed_.bridges.empty()) {
            teller_.say(Kind::changed, "Open vSwitch in " + ovs.directory, "state", "dead", "running");
        } else {
            teller_.say(Kind::added, "Open vSwitch", {}, {}, ovs.directory);
        }
    }

    void turnovers() {
        for (const auto& [key, both] : turnover_) {
            std::vector<std::string> gone_only;
            std::vector<std::string> come_only;
            std::set_difference(both.gone.begin(), both.gone.end(), both.come.begin(), both.come.end(),
                                std::back_inserter(gone_only));
            std::set_difference(both.come.begin(), both.come.end(), both.gone.begin(), both.gone.end(),
                                std::back_inserter(come_only));
            hide_link_local(key.first, gone_only, come_only);
            if (gone_only.empty() && come_only.empty()) { continue; }
            const std::vector<std::string> dhcp{"dhcp"};
            if (gone_only.empty() && come_only == dhcp) {
                teller_.say(Kind::added, "dhcp client on " + key.first);
            } else if (come_only.empty() && gone_only == dhcp) {
                teller_.say(Kind::removed, "dhcp client on " + key.first);
            } else {
                teller_.say_if_changed(key.first, key.second, joined(gone_only, ", "), joined(come_only, ", "));
            }
        }
    }

    // The link-local address follows from the MAC and from there being another IPv6 address.
    void hide_link_local(const std::string& object, std::vector<std::string>& gone_only,
                         std::vector<std::string>& come_only) const {
        const auto is_local = [](const std::string& text) { return text.starts_with(kLinkLocal); };
        const auto is_v6 = [&](const std::string& text) {
            return !is_local(text) && text.find(':') != std::string::npos;
        };
        const bool follows = std::any_of(gone_only.begin(), gone_only.end(), is_v6) ||
                             std::any_of(come_only.begin(), come_only.end(), is_v6) ||
                             std::any_of(teller_.out.begin(), teller_.out.end(), [&](const Change& change) {
                                 return change.object == object && change.attribute == "mac";
                             });
        if (!follows) { return; }
        std::erase_if(gone_only, is_local);
        std::erase_if(come_only, is_local);
    }

    // `forwarding:` is one attribute of the file and two of the kernel's.
    void sysctls() {
        static const std::string kV4 = "net.ipv4.ip_forward";
        static const std::string kV6 = "net.ipv6.conf.all.forwarding";
        for (auto& [ns, values] : sysctls_) {
            const auto v4 = values.find(kV4);
            const auto v6 = values.find(kV6);
            if (v4 != values.end() && v6 != values.end() && v4->second == v6->second) {
                const auto word = [](const std::string& value) { return on_off(value == "1"); };
                teller_.say_if_changed(object_of(ns), "forwarding", word(v4->second.first),
                                       word(v4->second.second));
                values.erase(v4);
                values.erase(v6);
            }
            for (const auto& [key, value] : values) {
                teller_.say(Kind::changed, object_of(ns), "sysctl " + key, value.first, value.second);
            }
        }
    }

    Teller& teller_;
    const State& observed_;
    const State& wanted_;
    std::map<End, Event> events_;                  // links of hosts and ends of switches' links
    std::map<std::string, SwitchEvent> switches_;  // by name
    std::map<std::string, End> names_;             // of Linux bridges
    std::map<std::string, Event> ports_;           // by name
    std::set<std::string> remade_switches_;        // come, go or are replaced
    std::map<std::pair<std::string, std::string>, Turnover> turnover_;  // by object and attribute
    std::map<std::string, std::map<std::string, std::pair<std::string, std::string>>> sysctls_;  // by namespace
};

// The offload of a link follows from what carries it: told only where nothing else explains it.
void hide_offload(std::vector<Change>& out) {
    const bool explained = std::any_of(out.begin(), out.end(), [](const Change& change) {
        return change.object.starts_with("switch ") || change.object.starts_with("link ") ||
               change.attribute == "switch" || change.attribute == "wire" || change.attribute == "to";
    });
    if (!explained) { return; }
    std::erase_if(out, [](const Change& change) { return change.attribute == kOffload; });
}

// Removals, then what comes in the order in which one thing needs the other, then the rest by object.
int rank_of(const Change& change) {
    if (!change.attribute.empty() || change.kind == Kind::changed || change.kind == Kind::replaced) { return 10; }
    if (change.kind == Kind::removed) { return 0; }
    int rank = 1;
    for (const char* first : {"Open vSwitch", "namespace ", "switch ", "host "}) {
        if (change.object.starts_with(first)) { return rank; }
        ++rank;
    }
    return rank;
}

}  // namespace

}  // namespace plan_detail

std::vector<Change> changes(const Plan& plan, const State& observed, const State& wanted) {
    if (plan.empty()) { return {}; }
    plan_detail::Teller teller(plan, observed, wanted);
    plan_detail::Changer(teller).run();
    plan_detail::hide_offload(teller.out);
    const auto told = plan_detail::tell_processes(teller);
    plan_detail::tell_files(teller, told);
    std::vector<Change>& out = teller.out;
    std::stable_sort(out.begin(), out.end(), [](const Change& a, const Change& b) {
        const int x = plan_detail::rank_of(a);
        const int y = plan_detail::rank_of(b);
        return x != y ? x < y : a.object < b.object;
    });
    if (out.empty()) {
        for (const Step& step : plan.steps) { teller.say(Change::Kind::changed, describe(step)); }
    }
    return std::move(out);
}

std::vector<Change> changes(const State& observed, const State& wanted, const std::string& lab) {
    return changes(diff(observed, wanted, lab).plan, observed, wanted);
}

std::string text(const Change& change) {
    using Kind = Change::Kind;
    const std::string subject = change.attribute.empty() ? change.object : change.object + " " + change.attribute;
    const std::string note = change.note.empty() ? "" : " (" + change.note + ")";
    const auto object = [&](const char* sign, const std::string& what) {
        return sign + change.object + (what.empty() ? "" : " (" + what + ")") + note;
    };
    switch (change.kind) {
        case Kind::added:
            return change.attribute.empty() ? object("+ ", change.after) : subject + " + " + change.after + note;
        case Kind::removed:
            return change.attribute.empty() ? object("- ", change.before) : subject + " - " + change.before + note;
        case Kind::replaced: {
            const std::string why = change.note.empty() ? " (replaced)" : " (replaced: " + change.note + ")";
            if (change.attribute.empty()) { return "~ " + change.object + why; }
            return fmt::format("{} {} → {}{}", subject, change.before, change.after, why);
        }
        case Kind::changed:
            if (change.before.empty() && change.after.empty()) { return "~ " + subject + note; }
            return fmt::format("{} {} → {}{}", subject, change.before.empty() ? "?" : change.before, change.after,
                               note);
    }
    return subject;
}

}  // namespace warren
