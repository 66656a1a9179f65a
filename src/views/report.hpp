// Results of checks and pings, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "probe/check.hpp"
#include "probe/ping.hpp"

namespace warren {

// "PASS  reach red → green  10.0.0.2 answered in 0.3 ms", one line each, then the count.
[[nodiscard]] std::string verdicts_text(const std::vector<Verdict>& verdicts, bool colour);
[[nodiscard]] std::string verdicts_json(const std::string& lab, const std::vector<Verdict>& verdicts);
// JUnit XML, one test case for each expectation.
[[nodiscard]] std::string verdicts_junit(const std::string& lab, const std::vector<Verdict>& verdicts);

// One ordered pair of hosts and what came of it. `asked` is empty where TO has no address.
struct PairResult {
    std::string from;
    std::string to;
    std::string address;
    PingResult result;
};
// HOSTS × HOSTS: round-trip time in ms, or '-' where nothing came back.
[[nodiscard]] std::string ping_matrix(const std::vector<std::string>& hosts, const std::vector<PairResult>& pairs);
[[nodiscard]] std::string ping_text(const PairResult& pair);
[[nodiscard]] std::string ping_json(const std::string& lab, const std::vector<PairResult>& pairs);

}  // namespace warren
