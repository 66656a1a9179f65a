// The names that a lab's file need not write: one rule each, used by the checks and by expand().
//
// Each depends only on the names at hand, never on the order or number of other things, so that an edit
// elsewhere in the file renames nothing. All results fit an interface name (15 bytes): a longer one keeps
// its beginning and ends in a hash of the whole.
#pragma once

#include <string>

#include "lab/lab.hpp"

namespace warren {

// The switch's end of a host's link: "HOST-INTERFACE", or, where INTERFACE begins with "HOST-" already,
// "v-INTERFACE".
[[nodiscard]] std::string default_peer_name(const std::string& host, const std::string& interface);
// The end on NODE of a link between two switches: "NODE-OTHER", from the second such link on
// "NODE-OTHER-N". NUMBER counts from 1.
[[nodiscard]] std::string default_port_name(const std::string& node, const std::string& other, int number);
// A network's DHCP server: its host and that host's interface.
[[nodiscard]] std::string dhcp_host_name(const Network& network);
[[nodiscard]] std::string dhcp_interface_name(const Network& network);

}  // namespace warren
