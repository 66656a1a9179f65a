// describe: a step in the field's words, for errors ("cannot DESCRIPTION: …") and logs.
#include <fmt/format.h>

#include "plan/plan.hpp"
#include "state/expand.hpp"
#include "state/shaping.hpp"

namespace warren {
namespace {

std::string in(const std::string& ns) {
    return ns == kMachineNamespace ? std::string("in the machine's namespace") : "in namespace " + ns;
}

std::string veth(const char* verb, const std::string& ns_a, const Link& a, const std::string& ns_b, const Link& b) {
    // The host's end is what people know the pair by.
    if (b.name.empty()) { return fmt::format("{} veth {} {}", verb, a.name, in(ns_a)); }
    return fmt::format("{} veth {} {} with its other end {} {}", verb, b.name, in(ns_b), a.name, in(ns_a));
}

std::string differences(const Link& before, const Link& after) {
    std::string text;
    const auto add = [&](std::string part) { text += (text.empty() ? "" : ", ") + std::move(part); };
    if (before.mac != after.mac) { add("MAC address " + after.mac.to_string()); }
    if (before.mtu != after.mtu) { add(fmt::format("MTU {}", after.mtu)); }
    if (before.up != after.up) { add(after.up ? "up" : "down"); }
    if (before.master != after.master) { add(after.master.empty() ? "no bridge" : "bridge " + after.master); }
    if (before.vlans != after.vlans) { add("VLANs"); }
    if (before.vlan_filtering != after.vlan_filtering) {
        add(after.vlan_filtering ? "VLAN filtering on" : "VLAN filtering off");
    }
    if (before.stp != after.stp) { add(after.stp ? "STP on" : "STP off"); }
    if (before.tx_checksum != after.tx_checksum) {
        add(after.tx_checksum ? "transmit checksum offload on" : "transmit checksum offload off");
    }
    if (before.alias != after.alias) { add("mark " + after.alias); }
    return text;
}

std::string route(const Route& route) {
    const bool is_default = route.destination.length == 0;
    std::string text = is_default ? (route.destination.address.is_v4() ? "default" : "default (IPv6)")
                                  : route.destination.to_string();
    if (route.via) { text += " via " + route.via->to_string(); }
    return text + " dev " + route.device;
}

std::string port_kind(const OvsPort& port) { return port.type.empty() ? "port" : port.type + " port"; }

std::string process(const Process& value) { return value.name + " in host " + value.host; }

std::string ovs(const OvsInstance& value) { return "Open vSwitch in " + value.directory; }

}  // namespace

std::string describe(const Step& step) {
    using fmt::format;
    return std::visit(
        Overload{
            [](const AddNamespace& s) {
                return s.value.attached
                           ? format("attach {} as {}", attached_namespace_text(*s.value.attached), s.value.name)
                           : "create namespace " + s.value.name;
            },
            [](const DelNamespace& s) {
                return s.value.attached
                           ? format("detach {} from {}", attached_namespace_text(*s.value.attached), s.value.name)
                           : "delete namespace " + s.value.name;
            },
            [](const AddBridge& s) { return format("create bridge {} {}", s.value.name, in(s.ns)); },
            [](const DelBridge& s) { return format("delete bridge {} {}", s.value.name, in(s.ns)); },
            [](const AddVeth& s) { return veth("create", s.ns_a, s.a, s.ns_b, s.b); },
            [](const DelVeth& s) { return veth("delete", s.ns_a, s.a, s.ns_b, s.b); },
            [](const PlaceInternal& s) {
                return format("move internal port {} into {}", s.value.name,
                              s.ns == kMachineNamespace ? "the machine's namespace" : "namespace " + s.ns);
            },
            [](const UnplaceInternal& s) {
                return s.with_port ? format("give up internal port {} {}", s.value.name, in(s.ns))
                                   : format("move internal port {} out of namespace {}", s.value.name, s.ns);
            },
            [](const DelStray& s) { return format("delete stray link {} {}", s.value.name, in(s.ns)); },
            [](const SetLink& s) {
                return format("set {} of link {} {}", differences(s.before, s.after), s.after.name, in(s.ns));
            },
            [](const AddAddress& s) {
                return format("add address {} to {} {}", s.value.to_string(), s.device, in(s.ns));
            },
            [](const DelAddress& s) {
                return format("remove {}address {} from {} {}", s.leased ? "leased " : "", s.value.to_string(),
                              s.device, in(s.ns));
            },
            [](const AddRoute& s) { return format("add route {} {}", route(s.value), in(s.ns)); },
            [](const DelRoute& s) { return format("remove route {} {}", route(s.value), in(s.ns)); },
            [](const AddNeighbour& s) {
                return format("add neighbour {} at {} dev {} {}", s.address.to_string(), s.mac.to_string(),
                              s.device, in(s.ns));
            },
            [](const DelNeighbour& s) {
                return format("remove neighbour {} dev {} {}", s.address.to_string(), s.device, in(s.ns));
            },
            [](const SetSysctl& s) {
                return s.after.empty() ? format("leave sysctl {} {} as it is", s.key, in(s.ns))
                                       : format("set sysctl {} to {} {}", s.key, s.after, in(s.ns));
            },
            [](const SetShaping& s) {
                if (s.after.empty()) { return format("let {} {} send as it can", s.device, in(s.ns)); }
                return format("set {} for what {} {} sends", shaping_text(s.after), s.device, in(s.ns));
            },
            [](const StartOvs& s) { return "start " + ovs(s.value); },
            [](const StopOvs& s) { return "stop " + ovs(s.value); },
            [](const AddOvsBridge& s) {
                return format("create Open vSwitch bridge {} with {} port{}", s.value.name, s.value.ports.size(),
                              s.value.ports.size() == 1 ? "" : "s");
            },
            [](const DelOvsBridge& s) { return "delete Open vSwitch bridge " + s.value.name; },
            [](const SetOvsBridge& s) { return "configure Open vSwitch bridge " + s.after.name; },
            [](const AddOvsPort& s) {
                return format("add {} {} to Open vSwitch bridge {}", port_kind(s.value), s.value.name, s.bridge);
            },
            [](const DelOvsPort& s) {
                return format("remove {} {} from Open vSwitch bridge {}", port_kind(s.value), s.value.name,
                              s.bridge);
            },
            [](const SetOvsPort& s) {
                return format("configure {} {} of Open vSwitch bridge {}", port_kind(s.after), s.after.name,
                              s.bridge);
            },
            [](const PutFile& s) {
                if (s.after.directory) { return "create directory " + s.path; }
                if (!s.after.link_target.empty()) {
                    return format("make {} a symbolic link to {}", s.path, s.after.link_target);
                }
                return "write " + s.path;
            },
            [](const DelFile& s) { return (s.before.directory ? "remove directory " : "remove ") + s.path; },
            [](const StartProcess& s) { return "start " + process(s.value); },
            [](const StopProcess& s) { return "stop " + process(s.value); },
            [](const ReloadProcess& s) {
                return s.on_undo ? "have ready the reload of " + process(s.value)
                                 : "have " + process(s.value) + " read its files again";
            },
            [](const StartKeeper&) { return std::string("start the keeper of the lab's processes"); },
            [](const StopKeeper&) { return std::string("stop the keeper of the lab's processes"); },
        },
        step);
}

}  // namespace warren
