// Lab files made by chance: those of the unit tests, sized to be built; see random_file.hpp.
#include "random_file.hpp"

#include <algorithm>
#include <cstdint>
#include <variant>

#include "lab/lab_file.hpp"
#include "lab/random_lab.hpp"

namespace warren::e2e {
namespace {

void leave_out_dhcp(Lab& lab) {
    for (auto& network : lab.networks) { network.dhcp.reset(); }
    for (auto& host : lab.hosts) {
        for (auto& interface : host.interfaces) { interface.dhcp = false; }
    }
    std::erase_if(lab.expect,
                  [](const Expectation& each) { return std::holds_alternative<LeaseExpectation>(each.what); });
}

}  // namespace

std::string random_file(int seed, bool bridge_vlans) {
    testing::RandomLabOptions options;
    options.most_hosts = 5;
    options.bridge_vlans = bridge_vlans;
    options.netem = false;
    options.down = false;
    Lab lab = testing::random_lab(static_cast<std::uint64_t>(seed), options);
    const bool stp =
        std::any_of(lab.switches.begin(), lab.switches.end(), [&](const Switch& sw) { return stp_of(lab, sw); });
    if (stp) { leave_out_dhcp(lab); }
    return write_lab(lab);
}

}  // namespace warren::e2e
