// Words for expectations. Called by check.cpp.
#include "probe/expectations.hpp"

#include <fmt/format.h>

#include "probe/namespaces.hpp"

namespace warren::probe {
namespace {

struct Text {
    std::string operator()(const ReachExpectation& reach) const {
        const std::string text = fmt::format("reach {} → {}", reach.from, reach.to);
        return reach.tcp ? fmt::format("{} (tcp {})", text, *reach.tcp) : text;
    }
    std::string operator()(const IsolateExpectation& isolate) const {
        return fmt::format("isolate {} → {}", isolate.from, isolate.to);
    }
    std::string operator()(const LeaseExpectation& lease) const {
        return fmt::format("lease {} on {}", lease.host, lease.network);
    }
};

std::string because(const std::string& error) { return error.empty() ? "" : ": " + error; }

}  // namespace

std::string expectation_text(const Expectation& expectation) { return std::visit(Text{}, expectation.what); }

std::chrono::milliseconds time_of(const Expectation& expectation) {
    const bool isolation = std::holds_alternative<IsolateExpectation>(expectation.what);
    return expectation.within.value_or(isolation ? kIsolationWindow : kWithin);
}

std::string ping_text(const IpAddress& to, const PingResult& result, std::chrono::milliseconds within) {
    if (result.received > 0) { return fmt::format("{} answered in {}", to.to_string(), duration_text(result.min)); }
    return fmt::format("no answer from {} within {}{}", to.to_string(), duration_text(within),
                       because(result.error));
}

std::string tcp_text(const TcpTarget& target, const TcpResult& result, std::chrono::milliseconds within) {
    const std::string to = target.address.is_v4() ? fmt::format("{}:{}", target.address.to_string(), target.port)
                                                  : fmt::format("[{}]:{}", target.address.to_string(), target.port);
    if (!result.reached) {
        return fmt::format("no TCP to {} within {}{}", to, duration_text(within), because(result.error));
    }
    return fmt::format("connected to {} in {}{}", to, duration_text(result.time),
                       result.own_listener ? ", 64 KiB arrived" : "");
}

}  // namespace warren::probe
