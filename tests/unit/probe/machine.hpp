// Small real networks for the tests of probe/: each test in namespaces of its own, made by the plain tools.
#pragma once

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "../ovs/sandbox.hpp"
#include "lab/lab.hpp"
#include "state/state.hpp"

namespace warren::probe::test {

using ovs::test::in_sandbox;

inline void sh(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }

// A bridge `br0`, and host NAME with `eth0` on it, with ADDRESS where it is not "".
inline void make_bridge(const std::string& name = "br0") {
    sh("ip link add " + name + " type bridge && ip link set " + name + " up");
}
inline void add_host(const std::string& name, const std::string& address, const std::string& bridge = "br0") {
    sh("printf 'netns add %s\\nlink add v-%s type veth peer name eth0 netns %s\\nlink set v-%s master " + bridge +
       " up\\n' " + name + " " + name + " " + name + " " + name + " | ip -batch -");
    const std::string set = address.empty() ? "" : "addr add " + address + " dev eth0\\n";
    sh("printf 'link set lo up\\nlink set eth0 up\\n" + set + "' | ip -n " + name + " -batch -");
}

// What expand() would say of such a host: its namespace, and both ends of its link.
inline void want_host(State& state, const std::string& name, const std::string& bridge = "br0", bool dhcp = false) {
    Namespace& ns = state.namespaces[name];
    ns.name = ns.host = name;
    Link& end = ns.links["eth0"];
    end.name = "eth0";
    end.kind = LinkKind::veth;
    end.peer = "v-" + name;
    end.dhcp = dhcp;
    Namespace& root = state.namespaces[kMachineNamespace];
    Link& port = root.links["v-" + name];
    port.name = "v-" + name;
    port.kind = LinkKind::veth;
    port.peer_namespace = name;
    port.peer = "eth0";
    port.master = bridge;
}

inline Expectation reach(const std::string& from, const std::string& to, std::chrono::milliseconds within,
                         std::optional<std::uint16_t> tcp = {}) {
    Expectation expectation;
    expectation.what = ReachExpectation{from, to, tcp};
    expectation.within = within;
    return expectation;
}

inline Expectation isolate(const std::string& from, const std::string& to) {
    Expectation expectation;
    expectation.what = IsolateExpectation{from, to};
    return expectation;
}

}  // namespace warren::probe::test
