// Hosts' names to namespaces and addresses, for ping.cpp. Called by the verbs ping and console.
#include "probe/matrix.hpp"

#include <map>

#include <fmt/format.h>

namespace warren {

std::vector<HostPair> all_pairs(const std::vector<std::string>& hosts) {
    std::vector<HostPair> pairs;
    for (const auto& from : hosts) {
        for (const auto& to : hosts) {
            if (from != to) { pairs.emplace_back(from, to); }
        }
    }
    return pairs;
}

namespace {

const char* words(Family family) {
    switch (family) {
        case Family::v4:
            return "IPv4 address";
        case Family::v6:
            return "IPv6 address";
        case Family::any:
            break;
    }
    return "address";
}

}  // namespace

Result<std::vector<PairResult>> ping_hosts(const State& observed, const std::vector<HostPair>& pairs,
                                           const PingOptions& options, Family family) {
    std::map<std::string, std::string> namespaces;
    for (const auto& [name, ns] : observed.namespaces) {
        if (!ns.host.empty()) { namespaces[ns.host] = name; }
    }
    const Reachability reachability(observed);
    std::vector<PairResult> results;
    std::vector<PingPair> asked;
    std::vector<std::size_t> which;  // of `results` each of `asked` is
    for (const auto& [from, to] : pairs) {
        auto& one = results.emplace_back(PairResult{from, to, "", {}});
        const auto source = namespaces.find(from);
        const auto owner = namespaces.find(to);
        const auto literal = IpAddress::parse(to);
        if (source == namespaces.end() || (owner == namespaces.end() && !literal)) {
            one.result.error = fmt::format("{} is not there", source == namespaces.end() ? from : to);
            continue;
        }
        const auto address = literal ? literal : reachability.address(from, to, family);
        if (!address) {
            one.result.error = fmt::format("{} has no {}", to, words(family));
            continue;
        }
        one.address = address->to_string();
        asked.push_back({source->second, *address, literal ? "" : owner->second});
        which.push_back(results.size() - 1);
    }
    PingOptions mapped = options;
    if (options.answered) {
        mapped.answered = [&](PingAnswer answer) {
            answer.pair = which[answer.pair];
            options.answered(answer);
        };
    }
    WARREN_ASSIGN(auto answers, ping(asked, mapped));
    for (std::size_t i = 0; i < answers.size(); ++i) { results[which[i]].result = std::move(answers[i]); }
    return results;
}

}  // namespace warren
