// changes: a plan retold for people. Steps that only serve others (a route taken away and added again, a port
// of a host's that comes with the host) are folded into the change that they serve.
#include "plan/changes.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

namespace warren {
namespace {

using Kind = Change::Kind;
using End = std::pair<std::string, std::string>;  // namespace, link

struct EndHash {
    std::size_t operator()(const End& end) const {
        return std::hash<std::string>{}(end.first) * 31 + std::hash<std::string>{}(end.second);
    }
};

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

std::string kind_text(LinkKind kind) {
    switch (kind) {
        case LinkKind::loopback:
            return "loopback";
        case LinkKind::veth:
            return "veth";
        case LinkKind::bridge:
            return "bridge";
        case LinkKind::ovs_internal:
            return "internal";
        case LinkKind::other:
            return "other";
    }
    return {};
}

template <class Numbers>
std::string joined(const Numbers& numbers) {
    std::string result;
    for (const auto& number : numbers) { result += fmt::format("{}{}", result.empty() ? "" : ",", number); }
    return result;
}

std::string vlans_text(const std::optional<Vlan>& access, const std::vector<Vlan>& trunk) {
    std::string result;
    if (access) { result = fmt::format("{}", *access); }
    if (!trunk.empty()) { result += fmt::format("{}trunk {}", result.empty() ? "" : " ", joined(trunk)); }
    return result;
}

std::string vlans_text(const std::optional<BridgePortVlans>& vlans) {
    return vlans ? vlans_text(vlans->pvid, vlans->tagged) : std::string{};
}

std::string command_text(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

class Changer {
public:
    Changer(const Plan& plan, const State& observed, const State& wanted)
        : plan_(plan), observed_(observed), wanted_(wanted) {}

    std::vector<Change> run() {
        if (plan_.empty()) { return {}; }
        index_ports(observed_);
        index_ports(wanted_);
        for (const Step& step : plan_.steps) { namespace_step(step); }
        for (const Step& step : plan_.steps) { link_step(step); }
        for (const Step& step : plan_.steps) { collect(step); }
        for (const End& end : link_order_) { link(end, events_.at(end)); }
        turnovers();
        bridges();
        std::stable_sort(out_.begin(), out_.end(), [](const Change& a, const Change& b) {
            return (a.kind == Kind::removed && a.attribute.empty()) >
                   (b.kind == Kind::removed && b.attribute.empty());
        });
        if (out_.empty()) {
            for (const Step& step : plan_.steps) { out_.push_back({Kind::changed, describe(step), {}, {}, {}}); }
        }
        return std::move(out_);
    }

private:
    void say(Kind kind, std::string object, std::string attribute = {}, std::string before = {},
             std::string after = {}) {
        out_.push_back({kind, std::move(object), std::move(attribute), std::move(before), std::move(after)});
    }

    void say_if_changed(const std::string& object, const char* attribute, const std::string& before,
                        const std::string& after) {
        if (before == after) { return; }
        const Kind kind = before.empty() ? Kind::added : after.empty() ? Kind::removed : Kind::changed;
        say(kind, object, attribute, before, after);
    }

    void index_ports(const State& state) {
        for (const auto& [bridge, value] : state.bridges) {
            for (const auto& [port, row] : value.ports) { bridge_of_[port] = bridge; }
        }
    }

    static const Link* find(const State& state, const End& end) {
        const auto ns = state.namespaces.find(end.first);
        if (ns == state.namespaces.end()) { return nullptr; }
        const auto found = ns->second.links.find(end.second);
        return found == ns->second.links.end() ? nullptr : &found->second;
    }

    static const OvsPort* find_port(const State& state, const std::string& bridge, const std::string& port) {
        const auto found = state.bridges.find(bridge);
        if (found == state.bridges.end()) { return nullptr; }
        const auto row = found->second.ports.find(port);
        return row == found->second.ports.end() ? nullptr : &row->second;
    }

    [[nodiscard]] std::string host_of(const std::string& ns) const {
        for (const State* state : {&wanted_, &observed_}) {
            const auto found = state->namespaces.find(ns);
            if (found != state->namespaces.end() && !found->second.host.empty()) { return found->second.host; }
        }
        return {};
    }

    [[nodiscard]] bool whole(const std::string& ns) const { return whole_.contains(ns) && !host_of(ns).empty(); }

    // "red:eth0-r"; a switch's end "ovs1:veth-r"; else the link alone.
    [[nodiscard]] std::string name(const End& end) const {
        if (const std::string host = host_of(end.first); !host.empty()) { return host + ":" + end.second; }
        for (const State* state : {&wanted_, &observed_}) {
            const Link* link = find(*state, end);
            if (link == nullptr) { continue; }
            if (link->kind == LinkKind::bridge) { return "switch " + end.second; }
            if (!link->master.empty()) { return link->master + ":" + end.second; }
        }
        const auto bridge = bridge_of_.find(end.second);
        return bridge == bridge_of_.end() ? end.second : bridge->second + ":" + end.second;
    }

    [[nodiscard]] std::string object_of(const std::string& ns) const {
        const std::string host = host_of(ns);
        if (!host.empty()) { return host; }
        return ns == kMachineNamespace ? "the machine's namespace" : "namespace " + ns;
    }

    // "10.0.0.3/24 on br0 vlan 100"
    [[nodiscard]] std::string attachment(const State& state, const Link& link) const {
        std::vector<std::string> words;
        for (const Prefix& address : link.addresses) {
            if (!address.address.is_link_local()) { words.push_back(address.to_string()); }
        }
        if (link.dhcp) { words.emplace_back("dhcp"); }
        std::string port = link.name;
        std::string vlans;
        std::string on;
        if (link.kind == LinkKind::veth) {
            port = link.peer;
            if (!host_of(link.peer_namespace).empty()) {
                words.push_back("to " + host_of(link.peer_namespace) + ":" + link.peer);
                return fmt::format("{}", fmt::join(words, " "));
            }
            if (const Link* other = find(state, {link.peer_namespace, link.peer})) {
                on = other->master;
                vlans = vlans_text(other->vlans);
            }
        }
        if (const auto bridge = bridge_of_.find(port); on.empty() && bridge != bridge_of_.end()) {
            if (const OvsPort* row = find_port(state, bridge->second, port)) {
                on = bridge->second;
                vlans = vlans_text(row->tag, row->trunks);
            }
        }
        if (!on.empty()) { words.push_back("on " + on); }
        if (!vlans.empty()) { words.push_back("vlan " + vlans); }
        return fmt::format("{}", fmt::join(words, " "));
    }

    [[nodiscard]] std::string interfaces(const State& state, const std::string& ns) const {
        const auto found = state.namespaces.find(ns);
        if (found == state.namespaces.end()) { return {}; }
        std::string result;
        for (const auto& [link_name, link] : found->second.links) {
            if (link.kind == LinkKind::loopback) { continue; }
            const std::string at = attachment(state, link);
            result += fmt::format("{}{}{}{}", result.empty() ? "" : ", ", link_name, at.empty() ? "" : " ", at);
        }
        return result;
    }

    void namespace_step(const Step& step) {
        if (const auto* add = std::get_if<AddNamespace>(&step)) {
            whole_.insert(add->value.name);
            const bool host = !add->value.host.empty();
            say(Kind::added, host ? "host " + add->value.host : "namespace " + add->value.name, {}, {},
                host ? interfaces(wanted_, add->value.name) : std::string{});
            return;
        }
        if (const auto* del = std::get_if<DelNamespace>(&step)) {
            whole_.insert(del->value.name);
            const bool host = !del->value.host.empty();
            say(Kind::removed, host ? "host " + del->value.host : "namespace " + del->value.name, {},
                host ? interfaces(observed_, del->value.name) : std::string{});
        }
    }

    void link_step(const Step& step) {
        if (const auto* add = std::get_if<AddBridge>(&step)) {
            event(add->ns, add->value.name).added = true;
        } else if (const auto* del = std::get_if<DelBridge>(&step)) {
            event(del->ns, del->value.name).removed = true;
        } else if (const auto* add_veth = std::get_if<AddVeth>(&step)) {
            event(add_veth->ns_a, add_veth->a.name).added = true;
            event(add_veth->ns_b, add_veth->b.name).added = true;
        } else if (const auto* del_veth = std::get_if<DelVeth>(&step)) {
            event(del_veth->ns_a, del_veth->a.name).removed = true;
            if (!del_veth->b.name.empty()) { event(del_veth->ns_b, del_veth->b.name).removed = true; }
        } else if (const auto* place = std::get_if<PlaceInternal>(&step)) {
            event(place->ns, place->value.name).added = true;
        } else if (const auto* unplace = std::get_if<UnplaceInternal>(&step)) {
            event(unplace->ns, unplace->value.name).removed = true;
        } else if (const auto* stray = std::get_if<DelStray>(&step)) {
            event(stray->ns, stray->value.name).removed = true;
        } else if (const auto* set = std::get_if<SetLink>(&step)) {
            event(set->ns, set->after.name);
        }
    }

    Event& event(const std::string& ns, const std::string& link_name) {
        const auto [found, made] = events_.try_emplace({ns, link_name});
        if (made) { link_order_.emplace_back(ns, link_name); }
        return found->second;
    }

    // What lay on a link that comes back as another may not come back with it.
    void gone(const std::string& ns, const Link& link, const OnLink& on) {
        if (whole(ns) || !event(ns, link.name).replaced()) { return; }
        for (const Prefix& address : link.addresses) {
            turnover_[{name({ns, link.name}), "address"}].gone.insert(address.to_string());
        }
        for (const Route& route : on.routes) { route_of(ns, route).gone.insert(route_text(route)); }
        for (const auto& [address, mac] : on.neighbours) {
            neighbour_of(ns, link.name, address).gone.insert(mac.to_string());
        }
    }

    Turnover& route_of(const std::string& ns, const Route& route) {
        const bool is_default = route.destination.length == 0;
        return turnover_[{object_of(ns), is_default && route.destination.address.is_v4()
                                             ? std::string("default route")
                                             : "route " + route.destination.to_string()}];
    }
    static std::string route_text(const Route& route) {
        return (route.via ? "via " + route.via->to_string() + " " : std::string{}) + "dev " + route.device;
    }
    Turnover& neighbour_of(const std::string& ns, const std::string& device, const IpAddress& address) {
        return turnover_[{name({ns, device}), "neighbour " + address.to_string()}];
    }
    // Nothing of a host that comes or goes, or of a link that only comes, is told by itself.
    [[nodiscard]] bool told(const std::string& ns, const std::string& device) const {
        if (whole(ns)) { return true; }
        const auto found = events_.find({ns, device});
        return found != events_.end() && found->second.added && !found->second.removed;
    }

    void collect(const Step& step) {
        std::visit(Overload{
                       [](const AddNamespace&) {},
                       [](const DelNamespace&) {},
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
                           if (told(s.ns, s.device)) { return; }
                           turnover_[{name({s.ns, s.device}), "address"}].come.insert(s.value.to_string());
                       },
                       [&](const DelAddress& s) {
                           turnover_[{name({s.ns, s.device}), "address"}].gone.insert(s.value.to_string());
                       },
                       [&](const AddRoute& s) {
                           if (!whole(s.ns)) { route_of(s.ns, s.value).come.insert(route_text(s.value)); }
                       },
                       [&](const DelRoute& s) { route_of(s.ns, s.value).gone.insert(route_text(s.value)); },
                       [&](const AddNeighbour& s) {
                           if (told(s.ns, s.device)) { return; }
                           neighbour_of(s.ns, s.device, s.address).come.insert(s.mac.to_string());
                       },
                       [&](const DelNeighbour& s) {
                           neighbour_of(s.ns, s.device, s.address).gone.insert(s.mac.to_string());
                       },
                       [&](const SetSysctl& s) {
                           if (told(s.ns, std::string(sysctl_device(s.key)))) { return; }
                           say(Kind::changed, object_of(s.ns), "sysctl " + s.key, s.before, s.after);
                       },
                       [&](const StartOvs& s) { say(Kind::added, "Open vSwitch in " + s.value.directory); },
                       [&](const StopOvs& s) { say(Kind::removed, "Open vSwitch in " + s.value.directory); },
                       [&](const AddOvsBridge& s) { bridge_events_[s.value.name].added = true; },
                       [&](const DelOvsBridge& s) { bridge_events_[s.value.name].removed = true; },
                       [&](const SetOvsBridge& s) { bridge_events_[s.after.name]; },
                       [&](const AddOvsPort& s) {
                           port_events_[{s.bridge, s.value.name}].added = true;
                       },
                       [&](const DelOvsPort& s) {
                           port_events_[{s.bridge, s.value.name}].removed = true;
                       },
                       [&](const SetOvsPort& s) {
                           port_events_[{s.bridge, s.after.name}];
                       },
                       [&](const PutFile& s) { file(s.path, s.before ? Kind::changed : Kind::added); },
                       [&](const DelFile& s) { file(s.path, Kind::removed); },
                       [&](const StartProcess& s) { process_started(s); },
                       [&](const StopProcess& s) { process_stopped(s.value); },
                       [&](const ReloadProcess& s) {
                           if (!s.on_undo && !whole(s.value.net_namespace)) {
                               say(Kind::changed, process_name(s.value), "files", "read", "read again");
                           }
                       },
                       [](const StartKeeper&) {},  // told where nothing else is
                       [](const StopKeeper&) {},
                   },
                   step);
    }

    // The files of a host that comes or goes are part of it: its name is a component of their paths.
    void file(const std::string& path, Kind kind) {
        for (std::size_t at = 0; at < path.size();) {
            const std::size_t end = std::min(path.find('/', at), path.size());
            if (end > at && whole(path.substr(at, end - at))) { return; }
            at = end + 1;
        }
        const bool replaced = kind == Kind::added && observed_.files.contains(path);
        if (kind == Kind::removed && wanted_.files.contains(path)) { return; }  // told as replaced
        say(replaced ? Kind::replaced : kind, "file " + path, kind == Kind::changed ? "content" : "");
    }

    static std::string process_name(const Process& process) { return process.host + ":" + process.name; }

    void process_stopped(const Process& process) {
        if (whole(process.net_namespace) || wanted_.processes.contains({process.host, process.name})) { return; }
        say(Kind::removed, process_name(process), {}, command_text(process.command));
    }

    void process_started(const StartProcess& step) {
        const Process& process = step.value;
        if (whole(process.net_namespace)) { return; }
        const auto before = observed_.processes.find({process.host, process.name});
        const std::string object = process_name(process);
        if (before == observed_.processes.end()) {
            say(Kind::added, object, {}, {}, command_text(process.command));
        } else if (step.again) {
            say(Kind::changed, object, "state", before->second.status, "running");
        } else if (before->second.command != process.command) {
            say(Kind::changed, object, "command", command_text(before->second.command),
                command_text(process.command));
        } else {
            say(Kind::changed, object, "state", "running", "started again");
        }
    }

    void link(const End& end, const Event& what) {
        if (whole(end.first)) { return; }
        const Link* before = find(observed_, end);
        const Link* after = find(wanted_, end);
        const bool is_switch_end = host_of(end.first).empty();
        if (what.added || what.removed) {
            // The switch's end of a host's link is told with the host's.
            for (const Link* side : {before, after}) {
                if (is_switch_end && side != nullptr && side->kind == LinkKind::veth && !side->peer.empty() &&
                    !host_of(side->peer_namespace).empty()) {
                    return;
                }
            }
        }
        if (what.replaced()) {
            const std::string was = before == nullptr ? "" : kind_text(before->kind);
            const std::string will = after == nullptr ? "" : kind_text(after->kind);
            if (was != will) {
                say(Kind::replaced, name(end), "kind", was, will);
            } else {
                const std::string from = before == nullptr ? "" : attachment(observed_, *before);
                const std::string to = after == nullptr ? "" : attachment(wanted_, *after);
                say(Kind::replaced, name(end), from == to ? "" : "link", from == to ? "" : from,
                    from == to ? "" : to);
            }
        } else if (what.added) {
            say(Kind::added, name(end), {}, {}, after == nullptr ? "" : attachment(wanted_, *after));
        } else if (what.removed) {
            say(Kind::removed, name(end), {}, before == nullptr ? "" : attachment(observed_, *before));
        } else if (before != nullptr && after != nullptr) {
            attributes(name(end), *before, *after);
        }
    }

    void attributes(const std::string& object, const Link& before, const Link& after) {
        if (!after.mac.is_zero() && before.kind != LinkKind::loopback) {
            say_if_changed(object, "mac", before.mac.to_string(), after.mac.to_string());
        }
        if (before.kind != LinkKind::loopback) {
            say_if_changed(object, "mtu", fmt::format("{}", before.mtu), fmt::format("{}", after.mtu));
        }
        const auto on_off = [](bool on) { return std::string(on ? "on" : "off"); };
        say_if_changed(object, "state", before.up ? "up" : "down", after.up ? "up" : "down");
        if (after.kind == LinkKind::veth) {
            say_if_changed(object, "switch", before.master, after.master);
            say_if_changed(object, "vlan", vlans_text(before.vlans), vlans_text(after.vlans));
        }
        if (after.kind == LinkKind::bridge) {
            say_if_changed(object, "stp", on_off(before.stp), on_off(after.stp));
            say_if_changed(object, "vlan filtering", on_off(before.vlan_filtering), on_off(after.vlan_filtering));
        }
        if (after.kind == LinkKind::veth || after.kind == LinkKind::ovs_internal) {
            say_if_changed(object, "transmit checksum offload", on_off(before.tx_checksum),
                           on_off(after.tx_checksum));
        }
        say_if_changed(object, "mark", before.alias, after.alias);
    }

    void turnovers() {
        for (const auto& [key, both] : turnover_) {
            std::vector<std::string> gone_only;
            std::vector<std::string> come_only;
            std::set_difference(both.gone.begin(), both.gone.end(), both.come.begin(), both.come.end(),
                                std::back_inserter(gone_only));
            std::set_difference(both.come.begin(), both.come.end(), both.gone.begin(), both.gone.end(),
                                std::back_inserter(come_only));
            if (gone_only.size() == 1 && come_only.size() == 1) {
                say(Kind::changed, key.first, key.second, gone_only.front(), come_only.front());
                continue;
            }
            for (const std::string& value : gone_only) { say(Kind::removed, key.first, key.second, value); }
            for (const std::string& value : come_only) { say(Kind::added, key.first, key.second, {}, value); }
        }
    }

    // A port whose host end comes, goes or is replaced is told there.
    [[nodiscard]] bool told_with_host(const std::string& port) const {
        for (const State* state : {&observed_, &wanted_}) {
            const auto& instance = state->ovs ? state->ovs : wanted_.ovs;
            const std::string root = instance ? instance->net_namespace : std::string(kMachineNamespace);
            const Link* link = find(*state, {root, port});
            if (link != nullptr && link->kind == LinkKind::veth &&
                host_ends_change({link->peer_namespace, link->peer})) {
                return true;
            }
        }
        const auto internal = internal_events_.find(port);
        return internal != internal_events_.end();
    }

    [[nodiscard]] bool host_ends_change(const End& end) const {
        if (whole(end.first)) { return true; }
        const auto found = events_.find(end);
        return found != events_.end() && (found->second.added || found->second.removed) &&
               !host_of(end.first).empty();
    }

    void port(const std::string& bridge, const std::string& port_name, const Event& what) {
        const OvsPort* before = find_port(observed_, bridge, port_name);
        const OvsPort* after = find_port(wanted_, bridge, port_name);
        const std::string object = bridge + ":" + port_name;
        if (before != nullptr && after != nullptr) {
            const std::size_t already = out_.size();
            const auto type = [](const OvsPort& row) { return row.type.empty() ? std::string("port") : row.type; };
            say_if_changed(object, "kind", type(*before), type(*after));
            say_if_changed(object, "peer", before->peer, after->peer);
            say_if_changed(object, "vlan", vlans_text(before->tag, before->trunks),
                           vlans_text(after->tag, after->trunks));
            say_if_changed(object, "host", before->host, after->host);
            const bool broken = !before->error.empty() || (before->ofport && *before->ofport <= 0);
            if (broken) {
                say(Kind::replaced, object, "state", before->error.empty() ? "not open" : before->error, "open");
            } else if (what.replaced() && out_.size() == already && !told_with_host(port_name)) {
                say(Kind::replaced, object);
            }
            return;
        }
        if (told_with_host(port_name)) { return; }
        const auto summary = [](const OvsPort& row) {
            const std::string vlans = vlans_text(row.tag, row.trunks);
            std::string result = row.type == "patch" ? "patch to " + row.peer : row.type;
            if (!vlans.empty()) { result += (result.empty() ? "vlan " : " vlan ") + vlans; }
            return result;
        };
        if (after != nullptr) {
            say(Kind::added, object, {}, {}, summary(*after));
        } else if (before != nullptr) {
            say(Kind::removed, object, {}, summary(*before));
        }
    }

    void bridges() {
        for (const auto& [end, what] : events_) {
            if (!what.added && !what.removed) { continue; }
            for (const State* state : {&observed_, &wanted_}) {
                const Link* found = find(*state, end);
                if (found != nullptr && found->kind == LinkKind::ovs_internal && !host_of(end.first).empty()) {
                    internal_events_.insert(end.second);
                }
            }
        }
        for (const auto& [bridge, what] : bridge_events_) {
            const std::string object = "switch " + bridge;
            const auto before = observed_.bridges.find(bridge);
            const auto after = wanted_.bridges.find(bridge);
            const bool was = before != observed_.bridges.end();
            const bool will = after != wanted_.bridges.end();
            if (what.replaced()) {
                const std::string from = was ? before->second.datapath_type : std::string{};
                const std::string to = will ? after->second.datapath_type : std::string{};
                say(Kind::replaced, object, from == to ? "" : "datapath", from == to ? "" : from,
                    from == to ? "" : to);
            } else if (what.added) {
                say(Kind::added, object);
            } else if (what.removed) {
                say(Kind::removed, object);
            }
            if (!was || !will) { continue; }
            bridge_attributes(object, before->second, after->second);
            if (!what.replaced()) { continue; }
            for (const auto& [name, row] : after->second.ports) { port_events_.try_emplace({bridge, name}); }
            for (const auto& [name, row] : before->second.ports) {
                if (row.lab == before->second.lab) { port_events_.try_emplace({bridge, name}); }
            }
        }
        for (const auto& [key, what] : port_events_) { port(key.first, key.second, what); }
    }

    void bridge_attributes(const std::string& object, const OvsBridge& before, const OvsBridge& after) {
        const auto mac = [](const OvsBridge& b) { return b.mac.is_zero() ? std::string{} : b.mac.to_string(); };
        say_if_changed(object, "fail-mode", before.fail_mode, after.fail_mode);
        say_if_changed(object, "controller", before.controller, after.controller);
        say_if_changed(object, "protocols", joined(before.protocols), joined(after.protocols));
        say_if_changed(object, "dpid", before.dpid, after.dpid);
        say_if_changed(object, "mac", mac(before), mac(after));
        say_if_changed(object, "stp", before.stp ? "on" : "off", after.stp ? "on" : "off");
    }

    const Plan& plan_;
    const State& observed_;
    const State& wanted_;
    std::vector<Change> out_;
    std::unordered_set<std::string> whole_;                   // namespaces that come or go
    std::unordered_map<std::string, std::string> bridge_of_;  // Open vSwitch port → its bridge
    std::unordered_map<End, Event, EndHash> events_;
    std::vector<End> link_order_;
    std::map<std::pair<std::string, std::string>, Turnover> turnover_;  // by object and attribute
    std::map<std::string, Event> bridge_events_;
    std::map<End, Event> port_events_;  // by bridge and port
    std::unordered_set<std::string> internal_events_;
};

}  // namespace

std::vector<Change> changes(const Plan& plan, const State& observed, const State& wanted) {
    return Changer(plan, observed, wanted).run();
}

std::vector<Change> changes(const State& observed, const State& wanted, const std::string& lab) {
    return changes(diff(observed, wanted, lab).plan, observed, wanted);
}

std::string text(const Change& change) {
    const auto in_brackets = [](const std::string& what) { return what.empty() ? what : " (" + what + ")"; };
    const std::string subject = change.attribute.empty() ? change.object : change.object + " " + change.attribute;
    switch (change.kind) {
        case Kind::added:
            return change.attribute.empty() ? "+ " + change.object + in_brackets(change.after)
                                            : subject + " + " + change.after;
        case Kind::removed:
            return change.attribute.empty() ? "- " + change.object + in_brackets(change.before)
                                            : subject + " - " + change.before;
        case Kind::replaced:
            if (change.attribute.empty()) { return "~ " + change.object + " replaced"; }
            return fmt::format("~ {} replaced: {} {} → {}", change.object, change.attribute, change.before,
                               change.after);
        case Kind::changed:
            if (change.before.empty() && change.after.empty()) { return "~ " + subject; }
            return fmt::format("{} {} → {}", subject, change.before.empty() ? "?" : change.before, change.after);
    }
    return subject;
}

}  // namespace warren
