// changes, the links: switches and their ports, interfaces and what they are attached to. Called by changes() before
// all else is told.
#include <algorithm>

#include <fmt/format.h>

#include "plan/teller.hpp"
#include "state/shaping.hpp"

namespace warren::plan_detail {
namespace {

using Kind = Change::Kind;

const OvsPort* find_row(const State& state, const std::string& bridge, const std::string& port) {
    const auto found = state.bridges.find(bridge);
    if (found == state.bridges.end()) { return nullptr; }
    const auto row = found->second.ports.find(port);
    return row == found->second.ports.end() ? nullptr : &row->second;
}

// Where an interface's other end is.
struct Attachment {
    std::string port;
    const PortFacts* facts = nullptr;  // of a switch's port
    std::string to;                    // "blue:eth1" of a direct link
};

Attachment attachment(const Teller& teller, bool wanted, const Link& link) {
    Attachment at;
    if (link.kind == LinkKind::veth && !teller.host_of(link.peer_namespace).empty()) {
        at.to = teller.name({link.peer_namespace, link.peer});
        return at;
    }
    at.port = link.kind == LinkKind::veth ? link.peer : link.name;
    at.facts = teller.port(wanted, at.port);
    return at;
}

// "10.0.0.3/24 on br0 vlan 100"
std::string summary(const Teller& teller, bool wanted, const Link& link) {
    std::vector<std::string> words;
    for (const Prefix& address : link.addresses) {
        if (!address.address.is_link_local()) { words.push_back(address.to_string()); }
    }
    if (link.dhcp) { words.emplace_back("dhcp"); }
    const Attachment at = attachment(teller, wanted, link);
    if (!at.to.empty()) { words.push_back("to " + at.to); }
    if (at.facts != nullptr && !at.facts->sw.empty()) { words.push_back("on " + at.facts->sw); }
    if (at.facts != nullptr && !at.facts->vlans.empty()) { words.push_back("vlan " + at.facts->vlans); }
    if (!link.up) { words.emplace_back("down"); }
    if (const std::string text = shaping_text(link.shaping); !text.empty()) { words.push_back("(" + text + ")"); }
    return joined(words, " ");
}

class Links {
public:
    explicit Links(Teller& teller) : teller_(teller), observed_(teller.observed), wanted_(teller.wanted) {}

    void run() {
        for (const Step& step : teller_.plan.steps) { link_step(step); }
        for (const auto& [name, what] : switches_) { tell_switch(name, what); }
        for (const auto& [end, what] : teller_.events) { interface(end, what); }
        for (const auto& [name, what] : ports_) { port(name, what); }
    }

private:
    void link_step(const Step& step) {
        if (const auto* add = std::get_if<AddBridge>(&step)) {
            switches_[add->value.name].linux_.added = true;
            names_[add->value.name] = {add->ns, add->value.name};
        } else if (const auto* del = std::get_if<DelBridge>(&step)) {
            switches_[del->value.name].linux_.removed = true;
            names_[del->value.name] = {del->ns, del->value.name};
        } else if (const auto* add_veth = std::get_if<AddVeth>(&step)) {
            teller_.events[{add_veth->ns_a, add_veth->a.name}].added = true;
            teller_.events[{add_veth->ns_b, add_veth->b.name}].added = true;
        } else if (const auto* del_veth = std::get_if<DelVeth>(&step)) {
            teller_.events[{del_veth->ns_a, del_veth->a.name}].removed = true;
            if (!del_veth->b.name.empty()) { teller_.events[{del_veth->ns_b, del_veth->b.name}].removed = true; }
        } else if (const auto* place = std::get_if<PlaceInternal>(&step)) {
            teller_.events[{place->ns, place->value.name}].added = true;
        } else if (const auto* unplace = std::get_if<UnplaceInternal>(&step)) {
            teller_.events[{unplace->ns, unplace->value.name}].removed = true;
        } else if (const auto* stray = std::get_if<DelStray>(&step)) {
            teller_.events[{stray->ns, stray->value.name}].removed = true;
        } else if (const auto* set = std::get_if<SetLink>(&step)) {
            if (set->after.kind == LinkKind::bridge) {
                switches_[set->after.name];
                names_[set->after.name] = {set->ns, set->after.name};
            } else {
                teller_.events[{set->ns, set->after.name}];
            }
        } else if (const auto* shaping = std::get_if<SetShaping>(&step)) {
            teller_.events[shaped_end({shaping->ns, shaping->device})];
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
            teller_.say(Kind::added, object, {}, {}, summary(teller_, true, *after));
            return;
        }
        if (what.removed && !what.added) {
            if (before == nullptr || told_as_link(false, end, *before)) { return; }
            teller_.say(Kind::removed, object, {}, summary(teller_, false, *before));
            return;
        }
        if (before == nullptr || after == nullptr) { return; }
        if (what.replaced()) { remade(end, object, *before, *after); }
        attributes(object, *before, *after);
        // A direct link's are told at the first of its ends.
        const End other{after->peer_namespace, after->peer};
        const bool told = !teller_.host_of(other.first).empty() && other < end && teller_.events.contains(other);
        if (!told) { shaping(object, *before, *after, after->kind == LinkKind::veth); }
    }

    // Both directions of a host's link are told with the host's end.
    [[nodiscard]] End shaped_end(const End& end) const {
        const Link* link = find_link(wanted_, end);
        if (link == nullptr) { link = find_link(observed_, end); }
        if (link == nullptr || !teller_.host_of(end.first).empty() || link->peer.empty() ||
            teller_.host_of(link->peer_namespace).empty()) {
            return end;
        }
        return {link->peer_namespace, link->peer};
    }

    // BEFORE and AFTER of one end, their peers of the other one.
    void shaping(const std::string& object, const Link& before, const Link& after, bool both_ways) {
        static const Shaping kNone;
        const Link* far_before = both_ways ? find_link(observed_, {before.peer_namespace, before.peer}) : nullptr;
        const Link* far_after = both_ways ? find_link(wanted_, {after.peer_namespace, after.peer}) : nullptr;
        const Shaping& in_before = far_before == nullptr ? kNone : far_before->shaping;
        const Shaping& in_after = far_after == nullptr ? kNone : far_after->shaping;
        const std::size_t already = teller_.out.size();
        for (const auto key : kImpairmentKeys) {
            const std::string name(key);
            // It follows from the others where it is not written.
            if (key == "queue" && teller_.out.size() != already) { continue; }
            const std::string was = shaping_text(before.shaping, key);
            const std::string will = shaping_text(after.shaping, key);
            const std::string in_was = shaping_text(in_before, key);
            const std::string in_will = shaping_text(in_after, key);
            if (!both_ways || (was == in_was && will == in_will)) {
                teller_.say_if_changed(object, name, was, will);
            } else {
                teller_.say_if_changed(object, name + " out", was, will);
                teller_.say_if_changed(object, name + " in", in_was, in_will);
            }
        }
        if (teller_.out.size() == already && !(before.shaping == after.shaping && in_before == in_after)) {
            teller_.say(Kind::changed, object, "queueing disciplines", "others", "those of the lab");
        }
    }

    // A direct link between two hosts that stay is one change, told at the first of its ends.
    bool told_as_link(bool wanted, const End& end, const Link& link) {
        if (link.kind != LinkKind::veth || teller_.host_of(link.peer_namespace).empty()) { return false; }
        const End other{link.peer_namespace, link.peer};
        const auto found = teller_.events.find(other);
        if (teller_.whole(other.first) || found == teller_.events.end() || found->second.replaced()) {
            return false;
        }
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
        const Attachment was = attachment(teller_, false, before);
        const Attachment will = attachment(teller_, true, after);
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
        // And so is its state.
        if (host_end != nullptr && host_after != nullptr && host_end->up == was.up && host_after->up == after->up) {
            was.up = after->up;
        }
        // What Warren calls it by, and so its MAC, follows from its switch.
        const PortFacts* old = teller_.port(false, end.second);
        if (facts != nullptr && old != nullptr && facts->sw != old->sw) { was.mac = after->mac; }
        attributes(port_name(facts, end.second), was, *after);
        if (shaped_end(end) == end) { shaping(port_name(facts, end.second), was, *after, false); }
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
        const auto found = teller_.events.find(facts.end);
        return found != teller_.events.end() && (found->second.added || found->second.removed);
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

    Teller& teller_;
    const State& observed_;
    const State& wanted_;
    std::map<std::string, SwitchEvent> switches_;  // by name
    std::map<std::string, End> names_;             // of Linux bridges
    std::map<std::string, Event> ports_;           // by name
    std::set<std::string> remade_switches_;        // come, go or are replaced
};

}  // namespace

// "eth0 10.0.0.3/24 on br0, eth1 dhcp on br1; runs web"
std::string host_summary(const Teller& teller, bool wanted, const std::string& ns) {
    const State& state = wanted ? teller.wanted : teller.observed;
    const auto found = state.namespaces.find(ns);
    if (found == state.namespaces.end()) { return {}; }
    std::vector<std::string> parts;
    for (const auto& [link_name, link] : found->second.links) {
        if (link.kind == LinkKind::loopback) { continue; }
        const std::string at = summary(teller, wanted, link);
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

void tell_links(Teller& teller) { Links(teller).run(); }

}  // namespace warren::plan_detail
