#include "probe/check.hpp"
namespace warren {
__attribute__((weak)) std::vector<Verdict> check(const Lab&, const State&, const std::map<std::string, std::string>&) { return {}; }
__attribute__((weak)) std::optional<IpAddress> reachable_address(const Lab&, const State&, const std::string&, const std::string&) { return {}; }
}
