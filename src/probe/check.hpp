// A lab's expectations, tried on the running lab.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/lab.hpp"
#include "state/state.hpp"

namespace warren {

struct Verdict {
    std::string
        expectation;  // "reach red → dhcp-r", "reach red → green (tcp 5201)", "isolate red → green", "lease …"
    bool pass = false;
    std::string detail;  // what was seen: "10.50.50.2 answered in 0.4 ms", "no answer from 10.0.0.2 within 10 s"
    std::chrono::milliseconds took{0};
};

// Runs all of LAB.expect at once, each until it holds or its deadline (`within`, else 10 s; isolate: a window of
// 0.5 s). Isolation is tried after the other expectations, since a lease may come meanwhile. In the order of the
// file. WANTED tells namespaces and where interfaces are plugged in; the addresses are the kernel's.
// LEASE_FILES: by network. An expectation that could not be tried at all (a namespace is gone) fails, saying so.
[[nodiscard]] std::vector<Verdict> check(const Lab& lab, const State& wanted,
                                         const std::map<std::string, std::string>& lease_files);

enum class Family { any, v4, v6 };

// The address by which TO is reached from FROM (hosts of the lab): one in a common broadcast domain first,
// IPv4 first, else TO's first global one. Addresses are taken from OBSERVED. Nothing: TO has none.
[[nodiscard]] std::optional<IpAddress> reachable_address(const Lab& lab, const State& observed,
                                                         const std::string& from, const std::string& to);

// The same for many questions of one state, which must outlive it.
class Reachability {
public:
    explicit Reachability(const State& observed);
    Reachability(Reachability&&) noexcept;
    Reachability& operator=(Reachability&&) noexcept;
    ~Reachability();
    [[nodiscard]] std::optional<IpAddress> address(const std::string& from, const std::string& to,
                                                   Family family = Family::any) const;

private:
    struct Index;
    std::unique_ptr<const Index> index_;
};

}  // namespace warren
