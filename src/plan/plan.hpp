// Plan: an ordered list of small steps that turn one State into another, each with its reverse.
//
// Pure: nothing here knows a kernel. Interpreters (engine/apply, views/plan_text, simulate) visit the
// variant, so a step without one of them does not compile.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "state/state.hpp"

namespace warren {

// A namespace with its loopback up and marked. The value holds its name, host and lo only; Del holds all
// that was in it.
struct AddNamespace { Namespace value; };
struct DelNamespace { Namespace value; };
// A Linux bridge, without its ports.
struct AddBridge { std::string ns; Link value; };
struct DelBridge { std::string ns; Link value; };
// Both ends at once, with all their attributes but addresses. `a` is the switch's end where there is one.
struct AddVeth { std::string ns_a; Link a; std::string ns_b; Link b; };
struct DelVeth { std::string ns_a; Link a; std::string ns_b; Link b; };
// Takes an OVS internal port from the namespace of its switch into its host's and configures it.
struct PlaceInternal { std::string from; std::string ns; Link value; };
// Its reverse: the port goes back to FROM (before its OVS port is removed nothing is left to do).
struct UnplaceInternal { std::string from; std::string ns; Link value; };
// MAC, MTU, up, master, VLANs, STP, checksum offload: what differs between BEFORE and AFTER.
struct SetLink { std::string ns; Link before; Link after; };
struct AddAddress { std::string ns; std::string device; Prefix value; };
struct DelAddress { std::string ns; std::string device; Prefix value; };
struct AddRoute { std::string ns; Route value; };
struct DelRoute { std::string ns; Route value; };
struct AddNeighbour { std::string ns; std::string device; IpAddress address; MacAddress mac; };
struct DelNeighbour { std::string ns; std::string device; IpAddress address; MacAddress mac; };
struct SetSysctl { std::string ns; std::string key; std::string before; std::string after; };
struct StartOvs { OvsInstance value; };
struct StopOvs { OvsInstance value; };
// Open vSwitch rows. Bridges come and go with the ports in their value.
struct AddOvsBridge { OvsBridge value; };
struct DelOvsBridge { OvsBridge value; };
struct SetOvsBridge { OvsBridge before; OvsBridge after; };  // own columns, not ports
struct AddOvsPort { std::string bridge; OvsPort value; };
struct DelOvsPort { std::string bridge; OvsPort value; };
struct SetOvsPort { std::string bridge; OvsPort before; OvsPort after; };
struct PutFile { std::string path; std::optional<File> before; File after; };
struct DelFile { std::string path; File before; };
struct StartProcess { Process value; };
struct StopProcess { Process value; };
struct ReloadProcess { Process before; Process value; };  // SIGHUP, for files that it reads again
struct StartKeeper {};
struct StopKeeper {};

using Step = std::variant<AddNamespace, DelNamespace, AddBridge, DelBridge, AddVeth, DelVeth, PlaceInternal,
                          UnplaceInternal, SetLink, AddAddress, DelAddress, AddRoute, DelRoute, AddNeighbour,
                          DelNeighbour, SetSysctl, StartOvs, StopOvs, AddOvsBridge, DelOvsBridge, SetOvsBridge,
                          AddOvsPort, DelOvsPort, SetOvsPort, PutFile, DelFile, StartProcess, StopProcess,
                          ReloadProcess, StartKeeper, StopKeeper>;

struct Plan {
    std::vector<Step> steps;
    [[nodiscard]] bool empty() const { return steps.empty(); }
};

// Steps of one phase do not depend on each other (but for order inside one namespace), so that apply may
// send them together. Phases are in the order of the enumerators.
enum class Phase {
    stop_processes, remove_ovs, unplace, remove_config, remove_links, remove_namespaces,
    add_namespaces, start_ovs, add_bridges, add_links, set_links, add_ovs, place, addresses, routes, sysctls,
    files, stop_keeper, stop_ovs, start_keeper, start_servers, start_processes,
};
[[nodiscard]] Phase phase_of(const Step& step);

// Two makers want one name.
struct Conflict {
    std::string object;  // "link veth-r in the machine's namespace"
    std::string owner;   // "lab tenants", "not made by Warren"
};

// The plan that turns OBSERVED into WANTED. LAB is the lab's name: what bears another mark is a conflict.
// Linear in the two states (times log). Pure.
struct Difference {
    Plan plan;
    std::vector<Conflict> conflicts;
};
[[nodiscard]] Difference diff(const State& observed, const State& wanted, const std::string& lab);

// The steps that undo STEP, in order.
[[nodiscard]] std::vector<Step> reverse(const Step& step);

// The model of what a step does: changes STATE as the machine would be changed. For property tests and
// for showing what a plan would lead to.
void simulate(State& state, const Step& step);

// What the step is, for errors and logs: "create veth red:eth0-r – ovs1:veth-r".
[[nodiscard]] std::string describe(const Step& step);

}  // namespace warren
