// Finds two hosts. Used by `doctor --path` and `iperf`.
#include "cli/two_hosts.hpp"

#include <fmt/format.h>

#include "cli/view.hpp"
#include "probe/check.hpp"

namespace warren::cli {

Result<TwoHosts> two_hosts(const std::string& first, const std::string& second) {
    const Engine engine;
    TwoHosts hosts;
    WARREN_ASSIGN(hosts.from, engine.find_host(first));
    const std::string& lab = hosts.from.lab;
    WARREN_ASSIGN(hosts.to, engine.find_host(second.find('/') == std::string::npos ? lab + "/" + second : second));
    const std::string attempt = fmt::format("measure from {} to {}", hosts.from.host, hosts.to.host);
    if (lab != hosts.to.lab) { return usage_failure(attempt, "they are in different labs"); }
    if (hosts.from.host == hosts.to.host) { return usage_failure(attempt, "they are the same host"); }
    WARREN_ASSIGN(hosts.view, view_of(lab));
    const auto address = Reachability(hosts.view.observed).address(hosts.from.host, hosts.to.host);
    if (!address) { return failure(attempt, hosts.to.host + " has no address"); }
    hosts.address = *address;
    return hosts;
}

}  // namespace warren::cli
