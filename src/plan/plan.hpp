// Plan: an ordered list of small steps that turn one State into another, each with its reverse.
//
// Pure: nothing here knows a kernel. Interpreters (engine/apply, views/plan_text, simulate) visit the
// variant, so a step without one of them does not compile.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "state/state.hpp"

namespace warren {

// What the kernel drops together with a link, beside the addresses, which the Link holds. The steps that
// remove a link carry it, so that their reverse can bring it back; apply has nothing to do for it.
struct OnLink {
    std::set<Route> routes;
    std::map<IpAddress, MacAddress> neighbours;
    std::map<std::string, std::string> sysctls;  // keys of the device: net.ipv4.conf.DEVICE.…
    bool operator==(const OnLink&) const = default;
};

// The Links in steps that add or change have no addresses and no shaping: those are steps of their own. The Links in
// steps that remove have what goes with them of these.

// A namespace with its loopback up and marked. The value holds its name, host and lo only. Del's holds also
// the routes and sysctls that are left in it after the links have gone by steps of their own.
// One that is attached is not made but named and marked (MARKED off: it has its name and lacks the mark alone,
// which has no reverse), and not removed but left as it was.
struct AddNamespace {
    Namespace value;
};
struct DelNamespace {
    Namespace value;
};
// A Linux bridge, without its ports. Ports that stay are released by SetLink before it is deleted.
struct AddBridge {
    std::string ns;
    Link value;
};
struct DelBridge {
    std::string ns;
    Link value;
    OnLink on;
};
// Both ends at once, with all their attributes but addresses. `a` is the switch's end where there is one.
// An end with an empty name: not known (of a broken pair, on its removal and that removal's reverse): the
// kernel chooses a name.
struct AddVeth {
    std::string ns_a;
    Link a;
    std::string ns_b;
    Link b;
};
struct DelVeth {
    std::string ns_a;
    Link a;
    std::string ns_b;
    Link b;
    bool with_namespace = false;  // goes with the namespaces of both ends: apply does nothing
    OnLink on_a;
    OnLink on_b;
};
// Takes an OVS internal port from the namespace of its switch (FROM) into its host's and configures it.
// FROM may be NS: configures it where it is.
struct PlaceInternal {
    std::string from;
    std::string ns;
    Link value;
};
// The port goes back to FROM, unconfigured.
struct UnplaceInternal {
    std::string from;
    std::string ns;
    Link value;
    OnLink on;
    bool with_port = false;  // goes with its OVS port, which a later step deletes: apply does nothing
};
// A marked link that no other step can explain (an internal port's device whose OVS port has gone, a kind
// that Warren does not make). It has no reverse: what it was part of is gone.
struct DelStray {
    std::string ns;
    Link value;
    OnLink on;
};
// MAC, MTU, up, master, VLANs, STP, checksum offload, mark: what differs between BEFORE and AFTER.
struct SetLink {
    std::string ns;
    Link before;
    Link after;
};
struct AddAddress {
    std::string ns;
    std::string device;
    Prefix value;
};
// The address may have gone already (a secondary address goes with its primary): that is success.
struct DelAddress {
    std::string ns;
    std::string device;
    Prefix value;
    bool leased = false;        // a DHCP client brought it; the reverse leaves it to the client
    std::set<Prefix> siblings;  // of its subnet, which may go with it: later steps delete them, too
};
struct AddRoute {
    std::string ns;
    Route value;
};
// As with addresses: gone already is success.
struct DelRoute {
    std::string ns;
    Route value;
};
struct AddNeighbour {
    std::string ns;
    std::string device;
    IpAddress address;
    MacAddress mac;
};
struct DelNeighbour {
    std::string ns;
    std::string device;
    IpAddress address;
    MacAddress mac;
};
// BEFORE empty: not known. AFTER empty (only in a reverse): leave it as it is.
struct SetSysctl {
    std::string ns;
    std::string key;
    std::string before;
    std::string after;
};
// The queueing disciplines for what DEVICE sends. MTU: the largest that the device has meanwhile.
struct SetShaping {
    std::string ns;
    std::string device;
    std::uint32_t mtu = 1500;
    Shaping before;
    Shaping after;
};
struct StartOvs {
    OvsInstance value;
};
struct StopOvs {
    OvsInstance value;
};
// Open vSwitch rows, in the instance ON. Bridges come and go with the ports in their value.
struct AddOvsBridge {
    OvsBridge value;
    OvsInstance on;
};
struct DelOvsBridge {
    OvsBridge value;
    OvsInstance on;
};
struct SetOvsBridge {
    OvsBridge before;
    OvsBridge after;
    OvsInstance on;
};  // own columns; without ports
struct AddOvsPort {
    std::string bridge;
    OvsPort value;
    OvsInstance on;
};
struct DelOvsPort {
    std::string bridge;
    OvsPort value;
    OvsInstance on;
};
struct SetOvsPort {
    std::string bridge;
    OvsPort before;
    OvsPort after;
    OvsInstance on;
};
struct PutFile {
    std::string path;
    std::optional<File> before;
    File after;
};
struct DelFile {
    std::string path;
    File before;
};
// AGAIN: its record is there but it is dead; the reverse leaves it running.
struct StartProcess {
    Process value;
    bool again = false;
};
struct StopProcess {
    Process value;
};
// SIGHUP, for files that it reads again. ON_UNDO: apply does nothing; its reverse is the SIGHUP. A plan
// has both, before and after the files, so that a process reads again whichever way the plan is gone.
struct ReloadProcess {
    Process value;
    bool on_undo = false;
};
struct StartKeeper {};
struct StopKeeper {};

using Step = std::variant<AddNamespace, DelNamespace, AddBridge, DelBridge, AddVeth, DelVeth, PlaceInternal,
                          UnplaceInternal, DelStray, SetLink, AddAddress, DelAddress, AddRoute, DelRoute,
                          AddNeighbour, DelNeighbour, SetSysctl, SetShaping, StartOvs, StopOvs, AddOvsBridge,
                          DelOvsBridge, SetOvsBridge, AddOvsPort, DelOvsPort, SetOvsPort, PutFile, DelFile,
                          StartProcess, StopProcess, ReloadProcess, StartKeeper, StopKeeper>;

// For std::visit with a lambda for each alternative.
template <class... Ts>
struct Overload : Ts... {
    using Ts::operator()...;
};
template <class... Ts>
Overload(Ts...) -> Overload<Ts...>;

struct Plan {
    std::vector<Step> steps;
    [[nodiscard]] bool empty() const { return steps.empty(); }
};

// Steps of one phase do not depend on each other (but for order inside one namespace), so that apply may
// send them together. Phases are in the order of the enumerators.
enum class Phase {
    // What goes, users first.
    stop_processes,  // DHCP clients and services before DHCP servers; ReloadProcess on_undo
    stop_keeper,
    unplace,
    remove_ovs,  // ports before bridges
    stop_ovs,
    remove_routes,  // gateway routes before the on-link ones; neighbours
    remove_addresses,
    release_links,  // SetLink to no master
    remove_links,
    remove_bridges,
    remove_namespaces,
    remove_files,  // children before their directories
    // What comes.
    add_files,  // directories before their children
    add_namespaces,
    sysctls,  // of a namespace: they hold for the links made after
    start_ovs,
    add_bridges,
    add_links,
    set_links,
    add_ovs,  // also changes of rows
    place,
    shape,  // SetShaping; after Open vSwitch, which may touch what is on its ports
    device_sysctls,
    addresses,
    routes,  // on-link routes first; neighbours
    start_keeper,
    start_servers,  // also ReloadProcess
    start_processes,
};
inline constexpr std::size_t kPhases = static_cast<std::size_t>(Phase::start_processes) + 1;
[[nodiscard]] Phase phase_of(const Step& step);

// The device that a sysctl belongs to: "eth0" of net.ipv4.conf.eth0.rp_filter; "" of all others.
[[nodiscard]] std::string_view sysctl_device(std::string_view key);

// Two makers want one name.
struct Conflict {
    std::string object;  // "link veth-r in the machine's namespace"
    std::string owner;   // "lab tenants", "not made by Warren"
    auto operator<=>(const Conflict&) const = default;
};

// The plan that turns OBSERVED into WANTED. LAB is the lab's name: what bears another mark is a conflict
// where it is wanted, and left alone where not. The plan leaves out what conflicts, but may hold steps
// that depend on it: a difference with conflicts is not to be applied. Linear in the two states (times log).
struct Difference {
    Plan plan;
    std::vector<Conflict> conflicts;
};
[[nodiscard]] Difference diff(const State& observed, const State& wanted, const std::string& lab);

// The steps that undo STEP, in order. None where nothing is to be undone.
[[nodiscard]] std::vector<Step> reverse(const Step& step);

// The model of what a step does: changes STATE as the machine would be changed. For property tests and
// for showing what a plan would lead to.
void simulate(State& state, const Step& step);

// Why the kernel or a daemon would refuse STEP in STATE (an object that it needs is missing, a name is taken);
// empty where it would not. Property tests hold each plan's order against it.
[[nodiscard]] std::string refusal(const State& state, const Step& step);

// What the step is, for errors and logs: "create veth eth0-r in red with its other end veth-r".
[[nodiscard]] std::string describe(const Step& step);

}  // namespace warren
