#include "probe/check.hpp"
#include "probe/ping.hpp"
#include "views/draw.hpp"
namespace warren {
__attribute__((weak)) Result<std::vector<PingResult>> ping(const std::vector<PingPair>&, const PingOptions&) { return failure("x"); }
__attribute__((weak)) std::vector<Verdict> check(const Lab&, const State&, const std::map<std::string, std::string>&) { return {}; }
__attribute__((weak)) std::optional<IpAddress> reachable_address(const Lab&, const State&, const std::string&, const std::string&) { return {}; }
__attribute__((weak)) std::string draw_text(const LabView&, const DrawStyle&) { return ""; }
__attribute__((weak)) std::vector<Lease> parse_leases(std::string_view) { return {}; }
}
