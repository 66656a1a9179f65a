// Lab files made by chance, the same for the same seed. Apart from the tests, which know none of the program's code.
#pragma once

#include <string>

namespace warren::e2e {

// Up to five hosts. Leases come at once or not at all: no DHCP where a switch has STP.
std::string random_file(int seed, bool bridge_vlans);

}  // namespace warren::e2e
