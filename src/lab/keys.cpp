// The tables of known keys, and the nearest known word. Called by the reader and the checks.
#include "lab/keys.hpp"

#include <algorithm>
#include <cassert>

namespace warren {

const std::vector<KeyTable>& lab_keys() {
    const auto and_impairments = [](std::vector<std::string_view> keys) {
        keys.insert(keys.end(), std::begin(kImpairmentKeys), std::end(kImpairmentKeys));
        return keys;
    };
    static const std::vector<std::string_view> kHostLater{"nat", "cpu", "memory", "mounts"};
    static const std::vector<KeyTable> kTables{
        {"lab", {"lab", "root", "defaults", "switches", "networks", "hosts", "links", "expect"}, {}},
        {"switch", {"kind", "stp", "datapath", "controller", "fail-mode", "protocols", "dpid"}, {}},
        {"network", {"switch", "vlan", "subnet", "dhcp"}, {}},
        {"dhcp",
         {"host", "interface", "address", "range", "lease-time", "gateway", "dns", "options", "reservations"},
         {}},
        {"host",
         {"attach", "interfaces", "gateway", "routes", "neighbours", "forwarding", "sysctls", "dns", "run"},
         kHostLater},
        {"attach", {"pid", "netns"}, {}},
        {"interface",
         and_impairments(
             {"to", "network", "peer", "vlan", "trunk", "address", "mac", "mtu", "wire", "routes", "state"}),
         {}},
        {"directions", {"out", "in"}, {}},
        {"service", {"name", "command", "restart"}, {}},
        {"link", and_impairments({"ends", "vlan", "trunk", "mtu", "state"}), {}},
        {"expectation", {"reach", "isolate", "lease"}, {}},
        {"reach", {"from", "to", "tcp", "within"}, {}},
        {"isolate", {"from", "to", "within"}, {}},
        {"lease", {"host", "network", "within"}, {}},
        {"defaults", {"switch", "interface", "host"}, {}},
        {"default-switch", {"kind", "stp", "datapath", "fail-mode"}, {}},
        {"default-interface", and_impairments({"mtu", "wire"}), {}},
        {"default-host", {"gateway", "forwarding", "sysctls", "dns"}, kHostLater},
    };
    return kTables;
}

const KeyTable& keys_of(std::string_view object) {
    const auto& tables = lab_keys();
    const auto found =
        std::find_if(tables.begin(), tables.end(), [&](const auto& table) { return table.object == object; });
    assert(found != tables.end());
    return *found;
}

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
    if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > limit) { return limit + 1; }
    std::vector<std::size_t> before_last(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) { row[j] = j; }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::swap(before_last, last);
        std::swap(last, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            }
        }
        if (*std::min_element(row.begin(), row.end()) > limit) { return limit + 1; }
    }
    return row[b.size()];
}

std::optional<std::string> Nearest::find(std::string_view word, const std::vector<std::string_view>& known) {
    if (word.empty() || word.size() > 80) { return std::nullopt; }
    if (known.size() > comparisons_left_) {
        comparisons_left_ = 0;
        return std::nullopt;
    }
    comparisons_left_ -= known.size();
    std::size_t limit = std::max<std::size_t>(1, word.size() / 3);
    std::optional<std::string> best;
    for (const auto candidate : known) {
        const std::size_t distance = edit_distance(word, candidate, limit);
        // Nothing is left of a word that was changed at every place.
        if (distance > limit || distance >= std::max(word.size(), candidate.size())) { continue; }
        best = candidate;
        if (distance == 0) { break; }
        limit = distance - 1;
    }
    return best;
}

}  // namespace warren
