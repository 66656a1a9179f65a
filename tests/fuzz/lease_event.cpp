// What a DHCP client tells its script, which came from the network: NAME=VALUE lines stand for the environment.
// Whatever they hold, resolv.conf has only lines of its own kinds.
#include <map>
#include <string>

#include "fuzz.hpp"
#include "services/lease_event.hpp"

namespace {

using namespace warren;

void check_event(const LeaseEvent& event) {
    const std::string text = resolv_conf(event, "lab/host");
    std::size_t start = 0;
    while (start < text.size()) {
        const std::size_t end = text.find('\n', start);
        FUZZ_REQUIRE(end != std::string::npos);
        const std::string line = text.substr(start, end - start);
        FUZZ_REQUIRE(line.empty() || line.starts_with("#") || line.starts_with("nameserver ") ||
                     line.starts_with("search ") || line.starts_with("options "));
        start = end + 1;
    }
    if (event.kind == LeaseEvent::Kind::bound && event.fault.empty()) { FUZZ_REQUIRE(event.lifetime != 0); }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string text(reinterpret_cast<const char*>(data), size);
    std::map<std::string, std::string> values;
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\1', start), text.size());
        const std::string line = text.substr(start, end - start);
        const std::size_t equals = line.find('=');
        // An environment holds no NUL.
        if (equals != std::string::npos) { values[line.substr(0, equals)] = line.substr(equals + 1).c_str(); }
        start = end + 1;
    }
    const Environment environment = [&](const std::string& name) {
        const auto found = values.find(name);
        return found == values.end() ? std::string() : found->second;
    };
    check_event(dhclient_event(environment));
    check_event(udhcpc_event(environment("what"), environment));
    return 0;
}
