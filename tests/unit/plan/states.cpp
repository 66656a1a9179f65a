#include "states.hpp"

#include <fmt/format.h>

namespace warren::testing {

Prefix prefix(const std::string& text) { return Prefix::parse(text).value(); }
IpAddress address(const std::string& text) { return IpAddress::parse(text).value(); }

Link loopback(const std::string& host) {
    Link lo;
    lo.name = "lo";
    lo.kind = LinkKind::loopback;
    lo.alias = "warren:t/" + host;
    lo.mtu = 65536;
    return lo;
}

Namespace& add_host(State& state, const std::string& host) {
    Namespace& ns = state.namespaces[host];
    ns.name = host;
    ns.host = host;
    ns.links["lo"] = loopback(host);
    return ns;
}

Namespace& root(State& state, const std::string& ns) {
    Namespace& value = state.namespaces[ns];
    value.name = ns;
    if (!ns.empty() && !value.attached) { value.links.try_emplace("lo", loopback("")); }
    return value;
}

Link& add_bridge(State& state, const std::string& name, const std::string& ns) {
    Link link;
    link.name = name;
    link.kind = LinkKind::bridge;
    link.alias = "warren:t/" + name;
    link.mac = MacAddress::derived(name);
    return root(state, ns).links[name] = link;
}

Link& add_veth(State& state, const std::string& host, const std::string& name, const std::string& root_end,
               const std::string& master, const std::string& root_ns) {
    Link a;
    a.name = root_end;
    a.kind = LinkKind::veth;
    a.alias = "warren:t/" + host + ":" + name;
    a.mac = MacAddress::derived(root_end);
    a.peer_namespace = host;
    a.peer = name;
    a.master = master;
    Link b;
    b.name = name;
    b.kind = LinkKind::veth;
    b.alias = a.alias;
    b.mac = MacAddress::derived(host + name);
    b.peer_namespace = root_ns;
    b.peer = root_end;
    root(state, root_ns).links[root_end] = a;
    return state.namespaces.at(host).links[name] = b;
}

OvsBridge& add_ovs(State& state, const std::string& name) {
    if (!state.ovs) { state.ovs = OvsInstance{OvsInstance::Kind::warren, "/run/warren/ovs", ""}; }
    root(state, state.ovs->net_namespace);
    OvsBridge bridge;
    bridge.name = name;
    bridge.lab = kLab;
    bridge.datapath_type = "netdev";
    bridge.fail_mode = "standalone";
    return state.bridges[name] = bridge;
}

OvsPort& add_port(State& state, const std::string& bridge, const std::string& name, const std::string& type) {
    OvsPort port;
    port.name = name;
    port.type = type;
    port.lab = kLab;
    return state.bridges.at(bridge).ports[name] = port;
}

Link& add_internal(State& state, const std::string& host, const std::string& bridge, const std::string& name) {
    add_port(state, bridge, name, "internal").host = host;
    Link link;
    link.name = name;
    link.kind = LinkKind::ovs_internal;
    link.alias = "warren:t/" + host + ":" + name;
    link.mac = MacAddress::derived(name);
    return state.namespaces.at(host).links[name] = link;
}

namespace {

constexpr int kHosts = 4;
constexpr int kInterfaces = 3;
constexpr int kSwitches = 3;

class Tape {
public:
    Tape(const std::vector<std::uint8_t>& bytes, std::size_t at) : bytes_(bytes), at_(at) {}
    int pick(int choices) { return bytes_.at(at_++) % choices; }

private:
    const std::vector<std::uint8_t>& bytes_;
    std::size_t at_;
};

struct Maker {
    const std::vector<std::uint8_t>& tape;
    State state;
    std::string root_ns;
    int kinds[kSwitches] = {};

    std::string ns_of(int host) const {
        return root_ns.empty() ? fmt::format("h{}", host) : fmt::format("t.h{}", host);
    }

    void switches() {
        Tape t(tape, 0);
        root_ns = t.pick(6) == 5 ? "t" : "";
        const int instance = t.pick(3);
        bool any_ovs = false;
        for (int i = 0; i < kSwitches; ++i) { any_ovs |= (kinds[i] = t.pick(3)) == 2; }
        if (any_ovs) {
            state.ovs = root_ns.empty() ? OvsInstance{OvsInstance::Kind::warren, instance == 2 ? "/b" : "/a", ""}
                                        : OvsInstance{OvsInstance::Kind::lab, "/lab", root_ns};
        }
        root(state, root_ns);
        for (int i = 0; i < kSwitches; ++i) {
            Tape s(tape, 10 + static_cast<std::size_t>(i) * 6);
            const std::string name = fmt::format("s{}", i);
            if (kinds[i] == 1) {
                Link& bridge = add_bridge(state, name, root_ns);
                bridge.stp = s.pick(3) == 2;
                bridge.vlan_filtering = s.pick(2) == 1;
                if (s.pick(3) == 2) { bridge.addresses.insert(prefix("10.9.0.1/24")); }
            } else if (kinds[i] == 2) {
                OvsBridge& bridge = add_ovs(state, name);
                bridge.datapath_type = s.pick(4) == 3 ? "system" : "netdev";
                bridge.fail_mode = s.pick(3) == 2 ? "secure" : "standalone";
                if (s.pick(3) == 2) { bridge.controller = "tcp:127.0.0.1:6653"; }
            }
        }
        if (kinds[0] == 2 && kinds[1] == 2 && Tape(tape, 30).pick(2) == 1) {
            add_port(state, "s0", "p01", "patch").peer = "p10";
            add_port(state, "s1", "p10", "patch").peer = "p01";
        }
        // A cable between a switch and another, of veth: its two ends in the root.
        if (kinds[1] != 0 && kinds[2] != 0 && !(kinds[1] == 2 && kinds[2] == 2) && Tape(tape, 31).pick(2) == 1) {
            add_veth(state, root_ns, "c21", "c12", kinds[1] == 1 ? "s1" : "", root_ns).master =
                kinds[2] == 1 ? "s2" : "";
            if (kinds[1] == 2) { add_port(state, "s1", "c12"); }
            if (kinds[2] == 2) { add_port(state, "s2", "c21"); }
        }
    }

    void host(int h) {
        const std::size_t base = 40 + static_cast<std::size_t>(h) * 80;
        Tape t(tape, base);
        if (t.pick(5) == 4) { return; }
        const std::string name = fmt::format("h{}", h);
        const std::string ns_name = ns_of(h);
        Namespace& ns = add_host(state, ns_name);
        ns.host = name;
        ns.sysctls["net.ipv4.ip_forward"] = std::to_string(t.pick(2));
        if (t.pick(4) == 3) { ns.links["lo"].addresses.insert(prefix("10.255.0.1/32")); }
        if (const int attached = t.pick(6); attached >= 4) {  // one of two that are somebody else's
            ns.links.clear();
            ns.attached = Attached{0, "/run/netns/x", static_cast<std::uint64_t>(attached), {}, true};
        }
        for (int i = 0; i < kInterfaces; ++i) { interface(h, i, ns, base + 5 + static_cast<std::size_t>(i) * 16); }
        Tape rest(tape, base + 60);
        files(name, rest);
        processes(h, ns, rest);
    }

    void interface(int h, int i, Namespace& ns, std::size_t at) {
        Tape t(tape, at);
        const int how = t.pick(5);
        const int sw = t.pick(kSwitches);
        const int vlan = t.pick(4);
        const std::string name = fmt::format("eth{}", i);
        const std::string port = fmt::format("h{}-{}", h, i);
        Link* link = nullptr;
        if (how == 0 || (how <= 2 && kinds[sw] == 0)) { return; }
        if (how == 3 && i == 2) {  // a direct link to the next host's fourth interface
            const int other = (h + 1) % kHosts;
            if (!state.namespaces.contains(ns_of(other)) || other > h) { return; }
            link = &add_veth(state, ns.name, name, "eth9", "", ns_of(other));
        } else if (how == 4 && kinds[sw] == 2) {
            link = &add_internal(state, ns.name, fmt::format("s{}", sw), port);
            OvsPort& row = state.bridges.at(fmt::format("s{}", sw)).ports.at(port);
            row.host = fmt::format("h{}", h);
            if (vlan > 0) { row.tag = static_cast<Vlan>(vlan * 100); }
        } else if (kinds[sw] == 1) {
            const std::string sw_name = fmt::format("s{}", sw);
            link = &add_veth(state, ns.name, name, port, sw_name, root_ns);
            if (vlan > 0 && state.namespaces.at(root_ns).links.at(sw_name).vlan_filtering) {
                state.namespaces.at(root_ns).links.at(port).vlans =
                    BridgePortVlans{static_cast<Vlan>(vlan * 100), {}};
            }
        } else if (kinds[sw] == 2) {
            link = &add_veth(state, ns.name, name, port, "", root_ns);
            link->tx_checksum = false;
            OvsPort& row = add_port(state, fmt::format("s{}", sw), port);
            row.host = fmt::format("h{}", h);
            if (vlan > 0) { row.tag = static_cast<Vlan>(vlan * 100); }
        }
        if (link == nullptr) { return; }
        if (t.pick(4) == 3) { link->mtu = 1400; }
        if (t.pick(4) == 3) { link->mac = MacAddress::derived("other" + port); }
        switch (Tape(tape, at + 1).pick(7)) {
            case 0:
                link->shaping.rate = 10'000'000;
                link->shaping.queue = 62'500;
                break;
            case 1:
                link->shaping.loss = 10'000;
                link->shaping.limit = 1000;
                break;
            default:
                break;
        }
        const auto place = [&](int n) { return fmt::format("10.{}.0.{}/24", i, n); };
        const int first = t.pick(5);
        if (first > 0) { link->addresses.insert(prefix(place(h * 10 + first))); }
        if (t.pick(3) == 2) { link->addresses.insert(prefix(place(200 + h))); }
        if (t.pick(3) == 2) { link->addresses.insert(prefix(fmt::format("fd00::{}:{}/64", i, h + 1))); }
        link->dhcp = first == 0 && t.pick(2) == 1;
        const bool v4 = !link->addresses.empty() && link->addresses.begin()->address.is_v4();
        if (v4 && t.pick(2) == 1) {
            ns.routes.insert(
                {prefix(fmt::format("10.{}.0.0/16", 100 + i)), address(fmt::format("10.{}.0.254", i)), link->name});
        }
        if (t.pick(3) == 2) {  // a gateway that only an on-link route reaches
            ns.routes.insert({prefix(fmt::format("192.168.{}.0/24", i)), std::nullopt, link->name});
            ns.routes.insert(
                {prefix(fmt::format("10.{}.0.0/16", 50 + i)), address(fmt::format("192.168.{}.1", i)), link->name});
        }
        if (v4 && t.pick(3) == 2) {
            ns.neighbours[{link->name, address(fmt::format("10.{}.0.77", i))}] =
                MacAddress::derived(fmt::format("n{}", t.pick(2)));
        }
        ns.sysctls["net.ipv4.conf." + link->name + ".rp_filter"] = std::to_string(t.pick(2));
    }

    void files(const std::string& host, Tape& t) {
        const std::string folder = "/etc/netns/" + host;
        if (t.pick(3) == 0) { return; }
        state.files[folder].directory = true;
        state.files[folder + "/hosts"].content = fmt::format("{}", t.pick(3));
        if (t.pick(2) == 1) { state.files[folder + "/resolv.conf"].link_target = fmt::format("/x{}", t.pick(2)); }
        if (t.pick(3) == 2) { state.files[folder + "/dns.conf"].content = fmt::format("{}", t.pick(3)); }
        if (t.pick(2) == 1) {
            File& leases = state.files[folder + "/leases"];
            leases.seed_only = true;
            leases.content = "seed";
        }
    }

    void processes(int h, const Namespace& ns, Tape& t) {
        const std::string host = fmt::format("h{}", h);
        for (const char* name : {"web", "dnsmasq"}) {
            if (t.pick(2) == 0) { continue; }
            state.keeper = true;
            Process process;
            process.host = host;
            process.name = name;
            process.net_namespace = ns.name;
            process.command = {name, fmt::format("{}", t.pick(3))};
            process.own_etc = t.pick(3) == 2;
            if (process.name == "dnsmasq") {
                process.role = ProcessRole::dhcp_server;
                process.reload_files = {"/etc/netns/" + host + "/hosts"};
                process.restart_files = {"/etc/netns/" + host + "/dns.conf"};
                if (ns.links.contains("eth0")) { process.device = "eth0"; }
            }
            state.processes[{host, name}] = process;
        }
    }
};

bool bare_internal(const Namespace& ns, const Link& link) {
    return ns.host.empty() && link.kind == LinkKind::ovs_internal && link.alias.empty();
}

void drop(State& state, const std::string& ns_name, const std::string& link) {
    const auto found = state.namespaces.find(ns_name);
    if (found == state.namespaces.end()) { return; }
    Namespace& ns = found->second;
    ns.links.erase(link);
    std::erase_if(ns.routes, [&](const Route& route) { return route.device == link; });
    std::erase_if(ns.neighbours, [&](const auto& entry) { return entry.first.first == link; });
    std::erase_if(ns.sysctls, [&](const auto& entry) { return sysctl_device(entry.first) == link; });
}

}  // namespace

State state_from(const std::vector<std::uint8_t>& tape) {
    Maker maker{tape, {}, {}, {}};
    maker.switches();
    for (int h = 0; h < kHosts; ++h) { maker.host(h); }
    return std::move(maker.state);
}

void disturb(State& state, const std::vector<std::uint8_t>& tape) {
    Tape t(tape, 0);
    const auto often = [&] { return t.pick(4) == 3; };
    for (auto& [key, process] : state.processes) {
        process.pid = 100;
        process.status = "running";
    }
    for (auto& [name, bridge] : state.bridges) {
        for (auto& [port_name, port] : bridge.ports) { port.ofport = 1; }
    }
    std::vector<std::pair<std::string, std::string>> links;
    for (const auto& [ns_name, ns] : state.namespaces) {
        for (const auto& [name, link] : ns.links) {
            if (link.kind != LinkKind::loopback) { links.emplace_back(ns_name, name); }
        }
    }
    for (const auto& [ns_name, name] : links) {
        if (!often()) { continue; }
        const auto ns = state.namespaces.find(ns_name);
        if (ns == state.namespaces.end() || !ns->second.links.contains(name)) { continue; }
        Link& link = ns->second.links.at(name);
        switch (t.pick(10)) {
            case 0: {  // deleted
                if (link.kind == LinkKind::bridge) {
                    for (auto& [other_name, other] : ns->second.links) {
                        if (other.master == name) {
                            other.master.clear();
                            other.vlans.reset();
                        }
                    }
                }
                const std::string peer_ns = link.peer_namespace;
                const std::string peer = link.peer;
                drop(state, ns_name, name);
                if (!peer.empty()) { drop(state, peer_ns, peer); }
                break;
            }
            case 1:  // set down
                link.up = false;
                std::erase_if(ns->second.routes, [&](const Route& route) { return route.device == name; });
                std::erase_if(ns->second.neighbours, [&](const auto& entry) { return entry.first.first == name; });
                std::erase_if(link.addresses, [](const Prefix& p) { return !p.address.is_v4(); });
                break;
            case 2:  // its other end taken out of sight
                if (link.kind == LinkKind::veth && !link.peer.empty()) {
                    const std::string peer_ns = link.peer_namespace;
                    const std::string peer = link.peer;
                    link.peer.clear();
                    link.peer_namespace.clear();
                    drop(state, peer_ns, peer);
                }
                break;
            case 3:  // its mark removed
                if ((link.kind == LinkKind::veth && !link.peer.empty() &&
                     !state.namespaces.at(link.peer_namespace).links.at(link.peer).alias.empty()) ||
                    (link.kind == LinkKind::ovs_internal)) {
                    link.alias.clear();
                }
                break;
            case 4:
                link.addresses.insert(prefix("10.77.0.1/24"));
                break;
            case 5:
                link.leased.insert(prefix("10.78.0.1/24"));
                break;
            case 6:
                if (link.kind != LinkKind::bridge) { link.mtu = 1300; }  // that is the kernel's to choose
                break;
            case 9:
                link.shaping.partial = true;
                break;
            case 7:
                ns->second.routes.insert({prefix("10.200.0.0/16"), std::nullopt, name});
                break;
            case 8:
                if (link.kind == LinkKind::veth && !link.master.empty()) {
                    link.master.clear();
                    link.vlans.reset();
                }
                break;
            default:
                break;
        }
        const auto rest = ns->second.links.find(name);
        if (rest != ns->second.links.end() && !rest->second.up) {
            std::erase_if(ns->second.routes,
                          [&, &device = name](const Route& route) { return route.device == device; });
        }
    }
    for (auto& [name, bridge] : state.bridges) {
        const auto ports = bridge.ports;
        for (const auto& [port_name, port] : ports) {
            if (!often()) { continue; }
            switch (t.pick(4)) {
                case 0:
                    bridge.ports.at(port_name).ofport = -1;
                    break;
                case 1:
                    bridge.ports.at(port_name).error = "could not open network device";
                    break;
                case 2:
                    bridge.ports.at(port_name).tag = 4000;
                    break;
                case 3:
                    if (port.type.empty()) { bridge.ports.erase(port_name); }
                    break;
                default:
                    break;
            }
        }
        if (often()) {
            OvsPort port;
            port.name = "zz-" + name;
            port.type = "vxlan";
            bridge.ports[port.name] = port;
        }
    }
    for (auto& [key, process] : state.processes) {
        if (!often()) { continue; }
        process.pid = 0;
        process.status = "dead";
    }
    for (auto& [path, file] : state.files) {
        if (!file.directory && file.link_target.empty() && often()) { file.content += "by hand"; }
    }
    if (often()) { state.keeper = false; }
    for (auto& [ns_name, ns] : state.namespaces) {
        if (!often()) { continue; }
        Link link;
        link.name = "zz0";
        link.kind = LinkKind::other;
        ns.links["zz0"] = link;
        if (t.pick(2) == 1) { ns.links["zz0"].alias = "warren:other/x"; }
    }
    if (often()) {
        Namespace& foreign = state.namespaces["zz"];
        foreign.name = "zz";
        foreign.links["lo"] = loopback("x");
        foreign.links["lo"].alias = "warren:other/x";
    }
    std::vector<std::string> hosts;
    for (const auto& [name, ns] : state.namespaces) {
        if (!ns.host.empty()) { hosts.push_back(name); }
    }
    for (const std::string& host : hosts) {
        if (t.pick(8) != 7) { continue; }  // ip netns del
        const auto ns_links = state.namespaces.at(host).links;
        for (const auto& [name, link] : ns_links) {
            if (link.kind == LinkKind::veth && !link.peer.empty()) { drop(state, link.peer_namespace, link.peer); }
        }
        state.namespaces.erase(host);
    }
}

State settled(State state) {
    state.namespaces.erase("zz");
    if (state.ovs && state.ovs->kind == OvsInstance::Kind::machine) { state.ovs.reset(); }
    for (auto& [name, ns] : state.namespaces) {
        ns.inode = 0;
        ns.links.erase("zz0");
        std::erase_if(ns.links, [&, &value = ns](const auto& entry) { return bare_internal(value, entry.second); });
        for (auto& [link_name, link] : ns.links) {
            link.carrier = false;
            link.leased.clear();
            link.index = 0;
            link.dhcp = false;
        }
    }
    if (const auto machine = state.namespaces.find(""); machine != state.namespaces.end()) {
        const Namespace& ns = machine->second;
        if (ns.links.empty() && ns.routes.empty() && ns.neighbours.empty() && ns.sysctls.empty()) {
            state.namespaces.erase(machine);
        }
    }
    for (auto& [name, bridge] : state.bridges) {
        std::erase_if(bridge.ports, [](const auto& entry) { return entry.first.starts_with("zz-"); });
        for (auto& [port_name, port] : bridge.ports) {
            port.ofport.reset();
            port.error.clear();
        }
    }
    for (auto& [key, process] : state.processes) {
        process.pid = 0;
        process.status.clear();
    }
    for (auto& [path, file] : state.files) {
        if (path.ends_with("/leases")) { file.content.clear(); }
        file.seed_only = false;
    }
    return state;
}

namespace {

template <class Map, class Compare>
std::string in_map(const std::string& what, const Map& a, const Map& b, Compare compare) {
    for (const auto& [key, value] : a) {
        const auto other = b.find(key);
        if constexpr (std::is_same_v<typename Map::key_type, std::string>) {
            if (other == b.end()) { return fmt::format("{} {} only in the first", what, key); }
            if (auto why = compare(value, other->second); !why.empty()) {
                return fmt::format("{} {}: {}", what, key, why);
            }
        } else {
            if (other == b.end()) { return fmt::format("{} only in the first", what); }
            if (auto why = compare(value, other->second); !why.empty()) { return fmt::format("{}: {}", what, why); }
        }
    }
    if (a.size() == b.size()) { return {}; }
    if constexpr (std::is_same_v<typename Map::key_type, std::string>) {
        for (const auto& [key, value] : b) {
            if (!a.contains(key)) { return fmt::format("{} {} only in the second", what, key); }
        }
    }
    return what + " of different number";
}

std::string link_difference(const Link& a, const Link& b) {
    if (a == b) { return {}; }
    const auto show = [](const Link& l) {
        std::string text =
            fmt::format("[kind {} alias {} mac {} mtu {} up {} peer {}/{} master {} vlans {} csum {}",
                        static_cast<int>(l.kind), l.alias, l.mac.to_string(), l.mtu, l.up, l.peer_namespace, l.peer,
                        l.master, l.vlans.has_value(), l.tx_checksum);
        for (const Prefix& p : l.addresses) { text += " " + p.to_string(); }
        text += fmt::format(" rate {} loss {} partial {}", l.shaping.rate, l.shaping.loss, l.shaping.partial);
        return text + "]";
    };
    return show(a) + " / " + show(b);
}

std::string namespace_difference(const Namespace& a, const Namespace& b) {
    if (auto why = in_map("link", a.links, b.links, link_difference); !why.empty()) { return why; }
    if (a.routes != b.routes) {
        std::string text = "routes";
        for (const Route& r : a.routes) { text += " " + r.destination.to_string() + " dev " + r.device; }
        text += " /";
        for (const Route& r : b.routes) { text += " " + r.destination.to_string() + " dev " + r.device; }
        return text;
    }
    if (a.neighbours != b.neighbours) { return "neighbours"; }
    if (a.sysctls != b.sysctls) {
        std::string text = "sysctls";
        for (const auto& [k, v] : a.sysctls) { text += " " + k + "=" + v; }
        text += " /";
        for (const auto& [k, v] : b.sysctls) { text += " " + k + "=" + v; }
        return text;
    }
    return a == b ? "" : "name or host";
}

template <class T>
std::string plain(const T& a, const T& b) {
    return a == b ? "" : "differs";
}

}  // namespace

std::string difference(const State& a, const State& b) {
    for (const std::string& why : {in_map("namespace", a.namespaces, b.namespaces, namespace_difference),
                                   in_map("bridge", a.bridges, b.bridges,
                                          [](const OvsBridge& x, const OvsBridge& y) {
                                              if (auto port = in_map("port", x.ports, y.ports, plain<OvsPort>);
                                                  !port.empty()) {
                                                  return port;
                                              }
                                              return plain(x, y);
                                          }),
                                   in_map("process", a.processes, b.processes, plain<Process>),
                                   in_map("file", a.files, b.files, plain<File>)}) {
        if (!why.empty()) { return why; }
    }
    if (a.ovs != b.ovs) { return "Open vSwitch instance"; }
    if (a.keeper != b.keeper) { return "keeper"; }
    return {};
}

}  // namespace warren::testing
