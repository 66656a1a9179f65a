// Names by rule. Called by the checks, which see clashes before anything is made, and by expand().
#include "lab/names.hpp"

#include <fmt/format.h>

namespace warren {
namespace {

std::string fitted(const std::string& name) {
    if (name.size() <= kMaxIfName) { return name; }
    return fmt::format("{}-{:06x}", name.substr(0, kMaxIfName - 7), stable_hash(name) & 0xffffffU);
}

}  // namespace

std::string default_peer_name(const std::string& host, const std::string& interface) {
    return fitted(interface.starts_with(host + "-") ? "v-" + interface : host + "-" + interface);
}

std::string default_port_name(const std::string& node, const std::string& other, int number) {
    const std::string name = node + "-" + other;
    return fitted(number == 1 ? name : fmt::format("{}-{}", name, number));
}

std::string dhcp_host_name(const Network& network) { return network.dhcp->host.value_or("dhcp-" + network.name); }

std::string dhcp_interface_name(const Network& network) {
    return network.dhcp->interface.value_or(fitted("tap-" + network.name));
}

}  // namespace warren
