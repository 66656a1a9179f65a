// Network sysctls, by their dotted names, in the network namespace of the calling thread.
#pragma once

#include <string>

#include "base/error.hpp"

namespace warren {

// "net.ipv4.ip_forward" → "/proc/sys/net/ipv4/ip_forward"; as in sysctl(8) a '/' in a name stands for a dot
// in a path's part (an interface eth0.100 is written eth0/100).
[[nodiscard]] std::string sysctl_path(const std::string& key);
// Values come with their blanks made single spaces.
[[nodiscard]] Result<std::string> read_sysctl(const std::string& key);
[[nodiscard]] Result<void> write_sysctl(const std::string& key, const std::string& value);

}  // namespace warren
