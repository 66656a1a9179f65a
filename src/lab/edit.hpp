// Changes of the links of a lab that is up, as `warren set` and `warren link` ask for them. Pure; what comes out of it is
// to be checked as a file is.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/lab.hpp"

namespace warren {

// Sets at END ("HOST:INTERFACE", "SWITCH:PORT") what SETTINGS say: "delay=20ms" in both directions, "delay.out=5ms" of
// what END sends, "delay.in=5ms" of what it receives, "rate=none", "state=down".
[[nodiscard]] Result<void> set_link(Lab& lab, const std::string& end, const std::vector<std::string>& settings);
// "delay=20ms", "loss.out=1%": what holds at END, as set_link() takes it.
[[nodiscard]] Result<std::vector<std::string>> link_settings(const Lab& lab, const std::string& end);
// All links between A and B, names of hosts and switches, or, where A is "NODE:PORT" and B is empty, that one.
// The number of links.
[[nodiscard]] Result<std::size_t> set_links_up(Lab& lab, const std::string& a, const std::string& b, bool up);

}  // namespace warren
