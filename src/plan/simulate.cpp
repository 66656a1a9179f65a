// simulate and refusal: a small model of the kernel, Open vSwitch and the keeper, as far as plans lean on them.
#include <algorithm>

#include <fmt/format.h>

#include "plan/differ.hpp"

namespace warren {
namespace {

using plan_detail::bare;
using plan_detail::namespace_text;

Link* find_link(State& state, const std::string& ns, const std::string& name) {
    return const_cast<Link*>(state.find_link(ns, name));
}

Namespace& namespace_in(State& state, const std::string& name) {
    Namespace& ns = state.namespaces[name];
    ns.name = name;
    return ns;
}

// A link goes, and what lies on it.
void drop_link(State& state, const std::string& ns_name, const std::string& device) {
    const auto found = state.namespaces.find(ns_name);
    if (found == state.namespaces.end() || found->second.links.erase(device) == 0) { return; }
    Namespace& ns = found->second;
    std::erase_if(ns.routes, [&](const Route& route) { return route.device == device; });
    std::erase_if(ns.neighbours, [&](const auto& entry) { return entry.first.first == device; });
    std::erase_if(ns.sysctls, [&](const auto& entry) { return sysctl_device(entry.first) == device; });
}

// An OVS internal port's device as vswitchd makes it.
void appear(State& state, const std::string& ns, const std::string& name) {
    const auto found = state.namespaces.find(ns);
    if (found == state.namespaces.end()) { return; }
    Link link;
    link.name = name;
    link.kind = LinkKind::ovs_internal;
    link.up = false;
    found->second.links[name] = std::move(link);
}

void put_link(State& state, const std::string& ns, const Link& link) {
    if (!link.name.empty()) { namespace_in(state, ns).links[link.name] = bare(link); }
}

void drop_namespace(State& state, const std::string& name) {
    const auto found = state.namespaces.find(name);
    if (found == state.namespaces.end()) { return; }
    const auto links = found->second.links;
    for (const auto& [link_name, link] : links) {
        if (link.kind == LinkKind::veth && !link.peer.empty()) { drop_link(state, link.peer_namespace, link.peer); }
    }
    state.namespaces.erase(name);
}

void set_link(State& state, const SetLink& step) {
    Link* link = find_link(state, step.ns, step.after.name);
    if (link == nullptr) { return; }
    Link next = step.after;
    next.addresses = link->addresses;
    next.shaping = link->shaping;
    next.leased = link->leased;
    next.index = link->index;
    next.carrier = link->carrier;
    if (link->up && !next.up) {
        Namespace& ns = state.namespaces.at(step.ns);
        std::erase_if(ns.routes, [&](const Route& route) { return route.device == next.name; });
        std::erase_if(ns.neighbours, [&](const auto& entry) { return entry.first.first == next.name; });
        std::erase_if(next.addresses, [](const Prefix& address) { return !address.address.is_v4(); });
    }
    *link = std::move(next);
}

// With an interface's last IPv4 address its IPv4 routes go.
void drop_address(State& state, const DelAddress& step) {
    Link* link = find_link(state, step.ns, step.device);
    if (link == nullptr) { return; }
    link->addresses.erase(step.value);
    link->leased.erase(step.value);
    const auto is_v4 = [](const Prefix& address) { return address.address.is_v4(); };
    if (!is_v4(step.value) || std::any_of(link->addresses.begin(), link->addresses.end(), is_v4) ||
        std::any_of(link->leased.begin(), link->leased.end(), is_v4)) {
        return;
    }
    std::erase_if(state.namespaces.at(step.ns).routes, [&](const Route& route) {
        return route.device == step.device && route.destination.address.is_v4();
    });
}

OvsPort fresh(OvsPort port) {
    port.ofport.reset();
    port.error.clear();
    return port;
}

void add_ovs_bridge(State& state, const AddOvsBridge& step) {
    OvsBridge value = step.value;
    for (auto& [name, port] : value.ports) {
        port = fresh(port);
        if (port.type == "internal") { appear(state, step.on.net_namespace, name); }
    }
    state.bridges[value.name] = std::move(value);
}

void drop_port_device(State& state, const OvsInstance& on, const OvsPort& port) {
    if (port.type == "internal") { drop_link(state, on.net_namespace, port.name); }
}

}  // namespace

void simulate(State& state, const Step& step) {
    std::visit(Overload{
                   [&](const AddNamespace& s) {
                       if (s.value.attached && !s.value.attached->marked) {
                           state.namespaces[s.value.name].attached->marked = true;
                       } else {
                           state.namespaces[s.value.name] = s.value;
                       }
                   },
                   [&](const DelNamespace& s) { drop_namespace(state, s.value.name); },
                   [&](const AddBridge& s) { put_link(state, s.ns, s.value); },
                   [&](const DelBridge& s) {
                       drop_link(state, s.ns, s.value.name);
                       for (auto& [name, link] : namespace_in(state, s.ns).links) {
                           if (link.master != s.value.name) { continue; }
                           link.master.clear();
                           link.vlans.reset();
                       }
                   },
                   [&](const AddVeth& s) {
                       put_link(state, s.ns_a, s.a);
                       put_link(state, s.ns_b, s.b);
                   },
                   [&](const DelVeth& s) {
                       drop_link(state, s.ns_a, s.a.name);
                       drop_link(state, s.ns_b, s.b.name);
                   },
                   [&](const PlaceInternal& s) {
                       drop_link(state, s.from, s.value.name);
                       put_link(state, s.ns, s.value);
                   },
                   [&](const UnplaceInternal& s) {
                       drop_link(state, s.ns, s.value.name);
                       appear(state, s.from, s.value.name);
                   },
                   [&](const DelStray& s) { drop_link(state, s.ns, s.value.name); },
                   [&](const SetLink& s) { set_link(state, s); },
                   [&](const AddAddress& s) {
                       if (Link* link = find_link(state, s.ns, s.device)) {
                           link->addresses.insert(s.value);
                           link->leased.erase(s.value);
                       }
                   },
                   [&](const DelAddress& s) { drop_address(state, s); },
                   [&](const AddRoute& s) { namespace_in(state, s.ns).routes.insert(s.value); },
                   [&](const DelRoute& s) { namespace_in(state, s.ns).routes.erase(s.value); },
                   [&](const AddNeighbour& s) {
                       namespace_in(state, s.ns).neighbours[{s.device, s.address}] = s.mac;
                   },
                   [&](const DelNeighbour& s) {
                       namespace_in(state, s.ns).neighbours.erase({s.device, s.address});
                   },
                   [&](const SetSysctl& s) {
                       auto& sysctls = namespace_in(state, s.ns).sysctls;
                       if (s.after.empty()) {
                           sysctls.erase(s.key);
                       } else {
                           sysctls[s.key] = s.after;
                       }
                   },
                   [&](const SetShaping& s) {
                       if (Link* link = find_link(state, s.ns, s.device)) { link->shaping = s.after; }
                   },
                   [&](const StartOvs& s) { state.ovs = s.value; },
                   [&](const StopOvs&) { state.ovs.reset(); },
                   [&](const AddOvsBridge& s) { add_ovs_bridge(state, s); },
                   [&](const DelOvsBridge& s) {
                       const auto bridge = state.bridges.find(s.value.name);
                       if (bridge == state.bridges.end()) { return; }
                       for (const auto& [name, port] : bridge->second.ports) {
                           drop_port_device(state, s.on, port);
                       }
                       state.bridges.erase(bridge);
                   },
                   [&](const SetOvsBridge& s) {
                       OvsBridge& bridge = state.bridges[s.after.name];
                       auto ports = std::move(bridge.ports);
                       bridge = s.after;
                       bridge.ports = std::move(ports);
                   },
                   [&](const AddOvsPort& s) {
                       state.bridges[s.bridge].ports[s.value.name] = fresh(s.value);
                       if (s.value.type == "internal") { appear(state, s.on.net_namespace, s.value.name); }
                   },
                   [&](const DelOvsPort& s) {
                       drop_port_device(state, s.on, s.value);
                       state.bridges[s.bridge].ports.erase(s.value.name);
                   },
                   [&](const SetOvsPort& s) { state.bridges[s.bridge].ports[s.after.name] = s.after; },
                   [&](const PutFile& s) { state.files[s.path] = s.after; },
                   [&](const DelFile& s) { state.files.erase(s.path); },
                   [&](const StartProcess& s) {
                       state.processes[{s.value.host, s.value.name}] = s.value;
                   },
                   [&](const StopProcess& s) {
                       state.processes.erase({s.value.host, s.value.name});
                   },
                   [](const ReloadProcess&) {},
                   [&](const StartKeeper&) { state.keeper = true; },
                   [&](const StopKeeper&) { state.keeper = false; },
               },
               step);
}

namespace {

std::string no_namespace(const State& state, const std::string& ns) {
    if (ns == kMachineNamespace || state.namespaces.contains(ns)) { return {}; }
    return fmt::format("there is no namespace {}", ns);
}

std::string no_link(const State& state, const std::string& ns, const std::string& name) {
    if (state.find_link(ns, name) != nullptr) { return {}; }
    return fmt::format("there is no link {} in {}", name, namespace_text(ns));
}

std::string name_taken(const State& state, const std::string& ns, const std::string& name) {
    if (auto why = no_namespace(state, ns); !why.empty()) { return why; }
    if (state.find_link(ns, name) == nullptr) { return {}; }
    return fmt::format("a link {} is in {} already", name, namespace_text(ns));
}

// What the lab has put into a namespace that is not its own must have gone by steps: nothing goes with that one.
std::string not_left(const State& state, const std::string& ns) {
    const auto found = state.namespaces.find(ns);
    if (found == state.namespaces.end()) { return {}; }
    for (const auto& [name, link] : found->second.links) {
        const bool foreign = link.kind == LinkKind::loopback || link.kind == LinkKind::other || link.alias.empty();
        if (!foreign) { return "link " + name + " is in it still"; }
    }
    return found->second.routes.empty() ? std::string{} : "a route is in it still";
}

std::string no_master(const State& state, const std::string& ns, const Link& link) {
    if (link.master.empty()) { return {}; }
    const Link* master = state.find_link(ns, link.master);
    if (master != nullptr && master->kind == LinkKind::bridge) { return {}; }
    return fmt::format("there is no bridge {} in {}", link.master, namespace_text(ns));
}

std::string first_of(std::initializer_list<std::string> reasons) {
    const auto found = std::find_if(reasons.begin(), reasons.end(), [](const auto& why) { return !why.empty(); });
    return found == reasons.end() ? std::string{} : *found;
}

// Net of the kernel's rules what matters for order: the device is up, the gateway is on-link.
std::string route_refused(const State& state, const std::string& ns_name, const Route& route) {
    const Link* link = state.find_link(ns_name, route.device);
    if (link == nullptr) { return no_link(state, ns_name, route.device); }
    if (!link->up) { return fmt::format("{} is down", route.device); }
    if (!route.via) { return {}; }
    const auto reaches = [&](const Prefix& prefix) { return prefix.contains(*route.via); };
    if (std::any_of(link->addresses.begin(), link->addresses.end(), reaches)) { return {}; }
    if (std::any_of(link->leased.begin(), link->leased.end(), reaches)) { return {}; }
    const Namespace& ns = state.namespaces.at(ns_name);
    const bool on_link = std::any_of(ns.routes.begin(), ns.routes.end(), [&](const Route& other) {
        return !other.via && other.device == route.device && other.destination.contains(*route.via);
    });
    return on_link ? std::string{} : fmt::format("the gateway {} is not on-link", route.via->to_string());
}

std::string no_ovs(const State& state, const OvsInstance& on) {
    if (on.kind == OvsInstance::Kind::machine || state.ovs == on) { return {}; }
    return fmt::format("no Open vSwitch runs in {}", on.directory);
}

std::string port_refused(const State& state, const OvsInstance& on, const OvsPort& port) {
    if (auto why = no_ovs(state, on); !why.empty()) { return why; }
    for (const auto& [name, bridge] : state.bridges) {
        if (bridge.ports.contains(port.name)) { return fmt::format("bridge {} has a port {}", name, port.name); }
    }
    if (port.type == "internal") { return name_taken(state, on.net_namespace, port.name); }
    if (port.type.empty()) {
        if (auto why = no_link(state, on.net_namespace, port.name); !why.empty()) { return why; }
        const Link* link = state.find_link(on.net_namespace, port.name);
        if (!link->master.empty()) { return fmt::format("{} is a port of bridge {}", port.name, link->master); }
    }
    return {};
}

std::string bridge_refused(const State& state, const AddOvsBridge& step) {
    if (state.bridges.contains(step.value.name)) { return fmt::format("bridge {} exists", step.value.name); }
    if (auto why = name_taken(state, step.on.net_namespace, step.value.name); !why.empty()) { return why; }
    for (const auto& [name, port] : step.value.ports) {
        if (auto why = port_refused(state, step.on, port); !why.empty()) { return why; }
    }
    return no_ovs(state, step.on);
}

std::string no_port(const State& state, const std::string& bridge, const std::string& port) {
    const auto found = state.bridges.find(bridge);
    if (found != state.bridges.end() && found->second.ports.contains(port)) { return {}; }
    return fmt::format("bridge {} has no port {}", bridge, port);
}

std::string name_of_bridge_taken(const State& state, const std::string& ns, const std::string& name) {
    const std::string root = state.ovs ? state.ovs->net_namespace : std::string(kMachineNamespace);
    if (ns == root && state.bridges.contains(name)) { return fmt::format("Open vSwitch has a bridge {}", name); }
    return name_taken(state, ns, name);
}

std::string no_bridge(const State& state, const std::string& name) {
    return state.bridges.contains(name) ? std::string{} : fmt::format("there is no bridge {}", name);
}

}  // namespace

std::string refusal(const State& state, const Step& step) {
    const std::string fine;
    return std::visit(
        Overload{
            [&](const AddNamespace& s) {
                const bool there = s.value.attached && !s.value.attached->marked;
                return state.namespaces.contains(s.value.name) == there ? fine
                       : there                                          ? "it is not there"
                                                                        : "it exists";
            },
            [&](const DelNamespace& s) {
                if (s.value.attached) {
                    if (auto why = not_left(state, s.value.name); !why.empty()) { return why; }
                }
                for (const auto& [key, process] : state.processes) {
                    if (process.net_namespace == s.value.name) { return "a process runs in it: " + key.second; }
                }
                return no_namespace(state, s.value.name);
            },
            [&](const AddBridge& s) { return name_of_bridge_taken(state, s.ns, s.value.name); },
            [&](const DelBridge& s) { return no_link(state, s.ns, s.value.name); },
            [&](const AddVeth& s) {
                return first_of({name_of_bridge_taken(state, s.ns_a, s.a.name),
                                 s.b.name.empty() ? fine : name_of_bridge_taken(state, s.ns_b, s.b.name),
                                 no_master(state, s.ns_a, s.a), no_master(state, s.ns_b, s.b)});
            },
            [&](const DelVeth& s) {
                for (const auto& [name, bridge] : state.bridges) {
                    if (bridge.ports.contains(s.a.name) && state.ovs && state.ovs->net_namespace == s.ns_a) {
                        return fmt::format("{} is a port of bridge {}", s.a.name, name);
                    }
                }
                return first_of(
                    {no_link(state, s.ns_a, s.a.name), s.b.name.empty() ? fine : no_link(state, s.ns_b, s.b.name)});
            },
            [&](const PlaceInternal& s) {
                for (const auto& [name, bridge] : state.bridges) {
                    if (bridge.ports.contains(s.value.name)) {
                        return s.from == s.ns ? fine : name_taken(state, s.ns, s.value.name);
                    }
                }
                return fmt::format("there is no port {}", s.value.name);
            },
            [&](const UnplaceInternal& s) { return no_link(state, s.ns, s.value.name); },
            [&](const DelStray& s) { return no_link(state, s.ns, s.value.name); },
            [&](const SetLink& s) {
                return first_of({no_link(state, s.ns, s.after.name), no_master(state, s.ns, s.after)});
            },
            [&](const AddAddress& s) { return no_link(state, s.ns, s.device); },
            [&](const DelAddress& s) { return no_link(state, s.ns, s.device); },
            [&](const AddRoute& s) { return route_refused(state, s.ns, s.value); },
            [&](const DelRoute& s) {
                const auto ns = state.namespaces.find(s.ns);
                const bool there = ns != state.namespaces.end() && ns->second.routes.contains(s.value);
                return there ? fine : "there is no such route";
            },
            [&](const AddNeighbour& s) { return no_link(state, s.ns, s.device); },
            [&](const DelNeighbour& s) { return no_link(state, s.ns, s.device); },
            [&](const SetSysctl& s) {
                const std::string device(sysctl_device(s.key));
                return first_of({no_namespace(state, s.ns), device.empty() ? fine : no_link(state, s.ns, device)});
            },
            [&](const SetShaping& s) { return no_link(state, s.ns, s.device); },
            [&](const StartOvs& s) {
                return state.ovs ? "one runs already" : no_namespace(state, s.value.net_namespace);
            },
            [&](const StopOvs& s) { return no_ovs(state, s.value); },
            [&](const AddOvsBridge& s) { return bridge_refused(state, s); },
            [&](const DelOvsBridge& s) {
                return first_of({no_ovs(state, s.on), no_bridge(state, s.value.name)});
            },
            [&](const SetOvsBridge& s) {
                return first_of({no_ovs(state, s.on), no_bridge(state, s.after.name)});
            },
            [&](const AddOvsPort& s) {
                return first_of({no_bridge(state, s.bridge), port_refused(state, s.on, s.value)});
            },
            [&](const DelOvsPort& s) {
                return first_of({no_ovs(state, s.on), no_port(state, s.bridge, s.value.name)});
            },
            [&](const SetOvsPort& s) {
                return first_of({no_ovs(state, s.on), no_port(state, s.bridge, s.after.name)});
            },
            [&](const PutFile& s) {
                const auto found = state.files.find(s.path);
                return found != state.files.end() && found->second.directory != s.after.directory
                           ? "something else is at its path"
                           : fine;
            },
            [&](const DelFile& s) {
                const auto next = state.files.upper_bound(s.path + "/");
                if (s.before.directory && next != state.files.end() && next->first.starts_with(s.path + "/")) {
                    return "the directory is not empty: " + next->first;
                }
                return state.files.contains(s.path) ? fine : "there is no such file";
            },
            [&](const StartProcess& s) {
                return first_of(
                    {state.keeper ? fine : "no keeper runs", no_namespace(state, s.value.net_namespace),
                     s.value.device.empty() ? fine : no_link(state, s.value.net_namespace, s.value.device)});
            },
            [&](const StopProcess& s) {
                const bool there = state.processes.contains({s.value.host, s.value.name});
                return there ? fine : "there is no such process";
            },
            [&](const ReloadProcess& s) {
                return state.processes.contains({s.value.host, s.value.name}) ? fine : "there is no such process";
            },
            [&](const StartKeeper&) { return state.keeper ? "it runs already" : fine; },
            [&](const StopKeeper&) { return state.keeper && state.processes.empty() ? fine : "it has processes"; },
        },
        step);
}

}  // namespace warren
