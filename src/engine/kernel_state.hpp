// From the kernel's values to those of a State. Used by observe.cpp and survey.cpp.
#pragma once

#include <map>

#include "base/error.hpp"
#include "linux/link.hpp"
#include "state/state.hpp"

namespace warren {

// What the kernel's link says by itself: without its peer, its master, its VLANs and addresses.
[[nodiscard]] Link state_of(const KernelLink& from);

// VLANs of the ports of VLAN-filtering bridges in the socket's namespace, by ifindex.
[[nodiscard]] Result<std::map<int, BridgePortVlans>> read_port_vlans(nl::Socket& socket);

// The device of the kernel's Open vSwitch datapath, which is the master of its ports and no Linux bridge.
inline constexpr const char* kOvsDatapathDevice = "ovs-system";

}  // namespace warren
