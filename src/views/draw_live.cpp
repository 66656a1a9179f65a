// From a survey of the machine to what a diagram of it shows. Called by `warren draw --live`.
#include "views/draw_live.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include <fmt/format.h>

#include "views/draw_palette.hpp"

namespace warren {
namespace {

using namespace drawing;

constexpr std::size_t kMostProcesses = 3;  // told one by one

using Place = std::pair<std::string, std::string>;  // (namespace, link)

// Devices that come by themselves: with a tunnel's module, with Open vSwitch.
bool made_by_itself(const Link& link, const SurveyedLink& more) {
    if (link.name == "ovs-netdev" || link.name == "ovs-system" || link.name.find("_sys_") != std::string::npos) {
        return true;
    }
    const bool plain = link.kind == LinkKind::other && !more.kind.empty() && link.master.empty();
    return plain && !link.up && link.addresses.empty() && link.leased.empty();
}

std::vector<std::string> shown_addresses(const SurveyedNamespace& ns, const Link& link) {
    std::vector<std::string> shown;
    const auto brought = addresses_by_dhcp(ns, link.name);
    for (const auto* some : {&link.addresses, &link.leased}) {
        for (const auto& address : *some) {
            if (address.address.is_link_local()) { continue; }
            shown.push_back(address.to_string() + (brought.contains(address) ? " (dhcp)" : ""));
        }
    }
    if (brought.empty() && has_dhcp_client(ns, link.name)) { shown.emplace_back("(dhcp …)"); }
    return shown;
}

// "macvlan on eth0", "vxlan 42"; "" of what needs no word.
std::string nature_of(const SurveyedLink& more) {
    static const std::set<std::string> kSaid{"", "veth", "tun", "openvswitch", "bridge"};
    if (kSaid.contains(more.kind)) { return {}; }
    std::string text = more.kind;
    if (more.number != 0) { text += fmt::format(" {}", more.number); }
    if (!more.parent.empty()) { text += " on " + more.parent; }
    return text;
}

class LiveModeller {
public:
    explicit LiveModeller(const Survey& survey) : survey_(survey) {}

    Model run() {
        model_.title = "this machine";
        model_.place = "this machine";
        for (const auto& ovs : survey_.switches) {
            for (const auto& [name, bridge] : ovs.bridges) { add_ovs(ovs, bridge); }
        }
        for (const auto& [name, ns] : survey_.namespaces) { add_bridges(ns); }
        if (const auto* machine = find_namespace(kMachineNamespace)) { add_machine(*machine); }
        for (const auto* ns : in_natural_order()) { add_host(*ns); }
        for (const auto& [place, end] : nics_) { connect(place, end); }
        for (const auto& [place, end] : ports_) { connect_switches(place, end); }
        connect_patches();
        colour();
        return std::move(model_);
    }

private:
    [[nodiscard]] const SurveyedNamespace* find_namespace(const std::string& name) const {
        const auto found = survey_.namespaces.find(name);
        return found == survey_.namespaces.end() ? nullptr : &found->second;
    }
    // "h2" before "h10".
    [[nodiscard]] std::vector<const SurveyedNamespace*> in_natural_order() const {
        std::vector<const SurveyedNamespace*> order;
        for (const auto& [name, ns] : survey_.namespaces) {
            if (!name.empty()) { order.push_back(&ns); }
        }
        std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
            return ::strverscmp(a->state.name.c_str(), b->state.name.c_str()) < 0;
        });
        return order;
    }
    [[nodiscard]] const Link* find_link(const Place& place) const {
        const SurveyedNamespace* ns = find_namespace(place.first);
        if (ns == nullptr) { return nullptr; }
        const auto link = ns->state.links.find(place.second);
        return link == ns->state.links.end() ? nullptr : &link->second;
    }
    // Of a switch's own interface, which hosts of the machine's talk by.
    [[nodiscard]] std::string own_addresses(const Place& place) const {
        const Link* link = find_link(place);
        if (link == nullptr) { return {}; }
        std::string text;
        for (const auto& address : shown_addresses(*find_namespace(place.first), *link)) {
            text += " · " + address;
        }
        return text;
    }
    static std::string place_text(const std::string& ns) { return ns.empty() ? "" : "namespace " + ns; }

    void add_ovs(const SurveyedOvs& ovs, const OvsBridge& bridge) {
        SwitchNode sw;
        const std::size_t index = model_.switches.size();
        const std::string& home = ovs.instance.net_namespace;
        sw.name = bridge.name;
        sw.title = bridge.name + " · Open vSwitch";
        sw.place = place_text(home);
        if (ovs.places.contains(bridge.name)) {
            sw.title += own_addresses({ovs.places.at(bridge.name), bridge.name});
        }
        own_.insert({home, bridge.name});
        for (const auto& [name, port] : bridge.ports) {
            Port tab;
            tab.name = name;
            tab.badge = badge_text(port.tag, port.trunks);
            tab.detail = port.type.empty() ? "system port" : port.type + " port";
            if (!port.error.empty()) { tab.detail += ": " + port.error; }
            if (!port.error.empty() || port.ofport == -1) { tab.note = "error"; }
            if (!port.type.empty() && port.type != "internal") {
                tab.badge = port.type + (tab.badge.empty() ? "" : ", " + tab.badge);
            }
            const End end{true, index, sw.ports.size()};
            if (port.tag && port.trunks.empty()) { tenants_[end] = *port.tag; }
            if (!port.trunks.empty()) { trunks_.insert(end); }
            if (port.type == "patch") { patches_.push_back({&ovs, name, port.peer, end}); }
            if (const auto place = ovs.places.find(name); place != ovs.places.end()) {
                ports_[{place->second, name}] = end;
                if (place->second == home) { own_.insert({home, name}); }
                const bool internal_here = place->second == home && port.type == "internal";
                if (internal_here) { add_words(tab.badge, own_addresses({home, name})); }
            }
            sw.ports.push_back(std::move(tab));
        }
        model_.switches.push_back(std::move(sw));
    }
    static void add_words(std::string& badge, const std::string& words) {
        static const std::string kDot = " · ";
        if (!words.empty()) { badge += badge.empty() ? words.substr(kDot.size()) : words; }
    }

    void add_bridges(const SurveyedNamespace& ns) {
        for (const auto& [name, link] : ns.state.links) {
            if (link.kind != LinkKind::bridge) { continue; }
            SwitchNode sw;
            sw.name = name;
            sw.title = name + " · Linux bridge" + own_addresses({ns.state.name, name});
            sw.place = place_text(ns.state.name);
            if (!link.up) { sw.title += " (down)"; }
            own_.insert({ns.state.name, name});
            switch_of_[{ns.state.name, name}] = model_.switches.size();
            model_.switches.push_back(std::move(sw));
        }
        for (const auto& [name, link] : ns.state.links) {
            const auto bridge = switch_of_.find({ns.state.name, link.master});
            if (link.master.empty() || bridge == switch_of_.end()) { continue; }
            SwitchNode& sw = model_.switches[bridge->second];
            const End end{true, bridge->second, sw.ports.size()};
            Port tab;
            tab.name = name;
            if (link.vlans) {
                const bool usual = link.vlans->pvid == Vlan{1} && link.vlans->tagged.empty();
                if (!link.vlans->tagged.empty()) { trunks_.insert(end); }
                if (!usual) { tab.badge = badge_text(link.vlans->pvid, link.vlans->tagged); }
                if (!usual && link.vlans->pvid && link.vlans->tagged.empty()) { tenants_[end] = *link.vlans->pvid; }
            }
            if (!link.up) { tab.note = "down"; }
            ports_[{ns.state.name, name}] = end;
            own_.insert({ns.state.name, name});
            sw.ports.push_back(std::move(tab));
        }
    }

    [[nodiscard]] bool shown(const SurveyedNamespace& ns, const Link& link) const {
        return link.kind != LinkKind::loopback && !own_.contains({ns.state.name, link.name}) &&
               !made_by_itself(link, ns.links.at(link.name));
    }

    // What the machine's own namespace has beside its switches.
    void add_machine(const SurveyedNamespace& ns) {
        HostNode host;
        host.name = "the machine's own interfaces";
        host.root = true;
        const std::size_t index = model_.hosts.size();
        for (const auto& [name, link] : ns.state.links) {
            const SurveyedLink& more = ns.links.at(name);
            const bool idle = more.kind.empty() && !link.up && link.addresses.empty();
            if (!shown(ns, link) || idle) { continue; }
            nics_[{ns.state.name, name}] = {false, index, host.nics.size()};
            host.nics.push_back(nic(ns, link));
            add_nature(host, name, more);
        }
        if (host.nics.empty() && ns.processes.empty()) { return; }
        add_facts(ns, host);
        add_processes(ns, host);
        model_.hosts.push_back(std::move(host));
    }

    static void add_nature(HostNode& host, const std::string& name, const SurveyedLink& more) {
        const std::string nature = nature_of(more);
        if (!nature.empty()) { host.facts.push_back(name + ": " + nature); }
    }

    static void add_facts(const SurveyedNamespace& ns, HostNode& host) {
        for (auto& fact : route_facts(ns)) { host.facts.push_back(std::move(fact)); }
        const auto forwards = ns.state.sysctls.find("net.ipv4.ip_forward");
        const bool forwarding = forwards != ns.state.sysctls.end() && forwards->second == "1";
        if (forwarding && !host.root) { host.facts.emplace_back("forwards packets"); }
    }

    static std::vector<std::string> route_facts(const SurveyedNamespace& ns) {
        std::vector<std::string> facts;
        for (const auto& [route, protocol, metric] : ns.routes) {
            if (route.destination.length != 0) { continue; }
            const std::string fact = "default via " + (route.via ? route.via->to_string() : route.device);
            if (std::find(facts.begin(), facts.end(), fact) == facts.end()) { facts.push_back(fact); }
        }
        return facts;
    }

    void add_host(const SurveyedNamespace& ns) {
        HostNode host;
        host.name = ns.state.name;
        const std::size_t index = model_.hosts.size();
        std::vector<std::pair<Place, End>> nics;
        for (const auto& [name, link] : ns.state.links) {
            if (!shown(ns, link)) { continue; }
            nics.push_back({{ns.state.name, name}, {false, index, host.nics.size()}});
            host.nics.push_back(nic(ns, link));
        }
        const bool has_switches = std::any_of(ns.state.links.begin(), ns.state.links.end(), [&](const auto& link) {
            return own_.contains({ns.state.name, link.first});
        });
        if (nics.empty() && (!ns.named || has_switches)) { return; }
        add_facts(ns, host);
        for (const auto& [place, end] : nics) { add_nature(host, place.second, ns.links.at(place.second)); }
        add_processes(ns, host);
        nics_.insert(nics.begin(), nics.end());
        model_.hosts.push_back(std::move(host));
    }

    static Nic nic(const SurveyedNamespace& ns, const Link& link) {
        Nic out;
        out.name = link.name;
        out.addresses = shown_addresses(ns, link);
        const SurveyedLink& more = ns.links.at(link.name);
        out.detail = fmt::format("{}, MTU {}, {}", more.kind.empty() ? "interface" : more.kind, link.mtu,
                                 link.mac.to_string());
        if (!link.up) {
            out.note = "down";
        } else if (more.far) {
            out.note = "other end not seen";
        } else if (!link.carrier) {
            out.note = "no carrier";
        }
        return out;
    }

    static void add_processes(const SurveyedNamespace& ns, HostNode& host) {
        std::size_t others = 0;
        for (const auto& process : ns.processes) {
            host.server = host.server || serves_dhcp(process);
            const bool names_it = !ns.named && &process == &ns.processes.front();
            if (names_it) { continue; }
            if (process.kind == ProcessKind::other && ++others > kMostProcesses) { continue; }
            host.processes.push_back(fmt::format("{} {}", process.program, process.pid));
        }
        if (others > kMostProcesses) {
            host.processes.push_back(fmt::format("and {} more", others - kMostProcesses));
        }
    }

    // The wire of a host's interface: to the switch that it is an internal port of, or to its peer.
    void connect(const Place& place, const End& end) {
        const Link& link = *find_link(place);
        const bool whole = link.up && link.carrier;
        if (const auto port = ports_.find(place); port != ports_.end()) {
            add_wire(end, port->second, whole, CableKind::internal);
            return;
        }
        if (link.kind != LinkKind::veth || link.peer.empty()) { return; }
        const Place far{link.peer_namespace, link.peer};
        if (const auto port = ports_.find(far); port != ports_.end()) {
            add_wire(end, port->second, whole, CableKind::veth);
        } else if (const auto nic = nics_.find(far); nic != nics_.end() && end < nic->second) {
            add_wire(end, nic->second, whole, CableKind::veth);
        }
    }

    // A veth pair between two switches.
    void connect_switches(const Place& place, const End& end) {
        const Link* link = find_link(place);
        if (link == nullptr || link->kind != LinkKind::veth) { return; }
        const auto far = ports_.find({link->peer_namespace, link->peer});
        if (far == ports_.end() || !(end < far->second)) { return; }
        add_wire(end, far->second, link->up && link->carrier, CableKind::veth);
    }

    void connect_patches() {
        std::map<std::pair<const SurveyedOvs*, std::string>, const Patch*> by_name;
        for (const auto& patch : patches_) { by_name[{patch.ovs, patch.name}] = &patch; }
        for (const auto& patch : patches_) {
            const auto far = by_name.find({patch.ovs, patch.peer});
            if (far == by_name.end() || far->second->peer != patch.name || !(patch.end < far->second->end)) {
                continue;
            }
            add_wire(patch.end, far->second->end, true, CableKind::patch);
        }
    }

    void add_wire(const End& a, const End& b, bool whole, CableKind kind) {
        if (b.on_switch) { whole = whole && model_.switches[b.node].ports[b.index].note.empty(); }
        const Stroke stroke = kind == CableKind::internal ? Stroke::doubled : Stroke::solid;
        const bool trunk = b.on_switch && trunks_.contains(b);
        model_.wires.push_back({a, b, whole ? stroke : Stroke::dashed, 0, kind, trunk});
    }

    [[nodiscard]] std::optional<Vlan> vlan_of(const Cable& wire) const {
        for (const End& end : {wire.b, wire.a}) {
            if (const auto found = tenants_.find(end); found != tenants_.end()) { return found->second; }
        }
        return std::nullopt;
    }

    // Those of one access VLAN share a colour.
    void colour() {
        const auto tenant_of = [](Vlan vlan) { return std::to_string(vlan); };
        Palette palette;
        for (const auto& wire : model_.wires) {
            const auto vlan = vlan_of(wire);
            if (vlan && !wire.a.on_switch) { palette.want(tenant_of(*vlan), model_.hosts[wire.a.node].name); }
        }
        palette.settle();
        std::set<Vlan> vlans;
        for (const auto& [end, vlan] : tenants_) { vlans.insert(vlan); }
        for (const Vlan vlan : vlans) {
            const auto colour = palette.of(tenant_of(vlan));
            if (colour != 0) { model_.tenants.push_back({fmt::format("VLAN {}", vlan), colour}); }
        }
        give_colours(model_, [&](const Cable& wire) {
            const auto vlan = vlan_of(wire);
            return vlan ? palette.of(tenant_of(*vlan)) : std::uint8_t{0};
        });
    }

    struct Patch {
        const SurveyedOvs* ovs;
        std::string name;
        std::string peer;
        End end;
    };

    const Survey& survey_;
    Model model_;
    std::set<Place> own_;  // switches and their ports where the switch is: no interface of a host
    std::map<Place, std::size_t> switch_of_;  // Linux bridges
    std::map<Place, End> ports_;
    std::map<Place, End> nics_;
    std::map<End, Vlan> tenants_;  // access ports
    std::set<End> trunks_;
    std::vector<Patch> patches_;
};

}  // namespace

drawing::Model live_model(const Survey& survey) { return LiveModeller(survey).run(); }

}  // namespace warren
