// Which address of a host another one uses: who shares a broadcast domain with whom. Internal to probe/.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/net_types.hpp"
#include "probe/check.hpp"
#include "state/state.hpp"

namespace warren::probe {

// The broadcast domains that a State's links, bridges and VLANs make. Linear in the state's size times its VLANs.
class BroadcastDomains {
public:
    explicit BroadcastDomains(const State& state);
    // Of an interface of a host; nothing where there is no such interface.
    [[nodiscard]] std::optional<std::size_t> of(const std::string& net_namespace,
                                                const std::string& interface) const;
    // How many interfaces, but loopbacks, are in the largest one that the namespace is in.
    [[nodiscard]] std::size_t largest_of(const Namespace& ns) const;

private:
    friend class DomainBuilder;
    std::map<std::pair<std::string, std::string>, std::size_t> domains_;
    std::map<std::size_t, std::size_t> sizes_;
};

// An address as it is on an interface.
struct HostAddress {
    std::string interface;
    Prefix value;
};

// One end of the question.
struct Peer {
    const Namespace* wanted = nullptr;   // its interfaces, and which of them wait for a lease
    std::vector<HostAddress> addresses;  // those it has now
};

struct Choice {
    HostAddress address;
    bool common = false;  // on an interface that shares a broadcast domain with FROM
};
// The rule of reachable_address() in check.hpp; among equals an address of a family that FROM has, and one in a
// subnet of FROM's. FAMILY: one of that alone.
[[nodiscard]] std::optional<Choice> choose_address(const BroadcastDomains& domains, const Peer& from,
                                                   const Peer& to, Family family = Family::any);
// TO is meant to have an address in a common broadcast domain with FROM: it is worth waiting for.
[[nodiscard]] bool common_address_wanted(const BroadcastDomains& domains, const Peer& from, const Peer& to);

// Why a host may not be found in a domain of so many interfaces: a switch hands a broadcast to all of its ports at once,
// and what waits for one processor is limited for the whole machine (Linux 6.18, enqueue_to_backlog). "" where it fits.
[[nodiscard]] std::string flood_remark(std::size_t interfaces, std::size_t backlog);

// The namespace that is the lab's HOST; null where there is none.
[[nodiscard]] const Namespace* namespace_of_host(const State& state, const std::string& host);

}  // namespace warren::probe
