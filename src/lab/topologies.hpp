// Labs made by a rule: "tree,2,2". Each is an ordinary lab, as a file would give it.
//
// Names, addresses and the numbers of ports are those of Mininet 2.3 where it has the topology: h1, s1, h1-eth0,
// s1-eth1; hosts have 10.0.0.1/8 and on in the natural order of their names; a switch's ports count in the order
// of its links.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "lab/lab.hpp"

namespace warren {

struct TopologyOptions {
    std::string name;                       // the lab's; empty: the topology's words, "tree-2-2"
    std::optional<SwitchKind> switch_kind;  // empty: the format's default
    RootKind root = RootKind::machine;
    bool macs = false;  // hosts' MACs count from 00:00:00:00:00:01, as with Mininet's --mac
};

// TEXT: NAME[,VALUE...], a value also as PARAMETER=VALUE. The lab passes check_lab(). Refused, as wrong use: what is
// no topology, a parameter out of range, and what its switches cannot hold. Pure.
[[nodiscard]] Result<Lab> make_topology(std::string_view text, const TopologyOptions& options = {});

struct TopologyHelp {
    std::string form;  // "linear,k[,n]"
    std::string_view what;
};
// All of them, in the order in which they are told to people.
[[nodiscard]] std::vector<TopologyHelp> topologies();

}  // namespace warren
