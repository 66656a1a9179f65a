// States for the tests of plan/: small ones by hand, and any number of valid ones from a tape of choices, in
// the form that expand() makes and observe() finds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan/plan.hpp"
#include "state/state.hpp"

namespace warren::testing {

inline const std::string kLab = "t";

Prefix prefix(const std::string& text);
IpAddress address(const std::string& text);

Link loopback(const std::string& host);
// A host with its loopback, in a namespace of its name.
Namespace& add_host(State& state, const std::string& host);
Namespace& root(State& state, const std::string& ns = "");
Link& add_bridge(State& state, const std::string& name, const std::string& ns = "");
// A veth pair from HOST's namespace to the root; the host's end is returned.
Link& add_veth(State& state, const std::string& host, const std::string& name, const std::string& root_end,
               const std::string& master = "", const std::string& root_ns = "");
OvsBridge& add_ovs(State& state, const std::string& name);
OvsPort& add_port(State& state, const std::string& bridge, const std::string& name, const std::string& type = "");
// An OVS internal port placed in HOST.
Link& add_internal(State& state, const std::string& host, const std::string& bridge, const std::string& name);

// A valid state from the choices on TAPE (kTape bytes): a byte changed changes one thing.
inline constexpr std::size_t kTape = 400;
State state_from(const std::vector<std::uint8_t>& tape);
// What people, crashes and daemons do to a state, and things of other makers, chosen by TAPE.
void disturb(State& state, const std::vector<std::uint8_t>& tape);

// STATE without what nobody can want, and without the things of other makers that disturb() adds.
State settled(State state);
// Empty where equal, else the first thing that differs.
std::string difference(const State& a, const State& b);

}  // namespace warren::testing
