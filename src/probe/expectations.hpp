// The text of expectations and of what became of them. Internal to probe/.
#pragma once

#include <chrono>
#include <string>

#include "lab/lab.hpp"
#include "probe/ping.hpp"
#include "probe/tcp.hpp"

namespace warren::probe {

inline constexpr std::chrono::milliseconds kWithin{10'000};
inline constexpr std::chrono::milliseconds kIsolationWindow{500};

// "reach red → green (tcp 5201)"
[[nodiscard]] std::string expectation_text(const Expectation& expectation);
// How long it may take; of an isolation, how long it is looked for what arrives.
[[nodiscard]] std::chrono::milliseconds time_of(const Expectation& expectation);
// "10.50.50.2 answered in 0.40 ms", "no answer from 10.0.0.2 within 10 s: Network is unreachable"
[[nodiscard]] std::string ping_text(const IpAddress& to, const PingResult& result,
                                    std::chrono::milliseconds within);
[[nodiscard]] std::string tcp_text(const TcpTarget& target, const TcpResult& result,
                                   std::chrono::milliseconds within);

}  // namespace warren::probe
