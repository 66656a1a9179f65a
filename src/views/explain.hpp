// A plan as the commands of ip, ovs-vsctl, dnsmasq and their like that do the same, with a word on why.
//
// Each kind of step has its commands (explain_commands.cpp), so that a step without them does not compile. What bears
// Warren's mark only (aliases of links, external_ids of rows, link groups, route protocols) has no command.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "plan/plan.hpp"
#include "state/expand.hpp"

namespace warren {

struct ExplainStyle {
    std::string lab;
    Site site;
    // For a machine without Warren: a DHCP client's script is written out, where Warren is its own.
    bool by_hand = true;
};

// SITE for a script that is run by hand: its files are apart from Warren's own, its programs are found by PATH.
[[nodiscard]] Site site_by_hand(Site site, const Lab& lab);

// Steps that do not depend on each other, which apply carries out together.
struct ExplainedGroup {
    std::string title;                  // "Network namespaces"
    std::string why;                    // a few sentences
    std::vector<std::string> commands;  // of one or more lines, without the last line's end
};

// One group: STEPS[begin..end), all of one phase. No commands where nothing is to be typed for it.
[[nodiscard]] ExplainedGroup explain_group(const std::vector<Step>& steps, std::size_t begin, std::size_t end,
                                           const ExplainStyle& style);
// All of a plan. Groups without commands are left out.
[[nodiscard]] std::vector<ExplainedGroup> explain(const Plan& plan, const ExplainStyle& style);

// The script for a machine without Warren.
enum class ExplainedWay { up, down, change };
[[nodiscard]] std::string explain_script(const Plan& plan, ExplainedWay way, const ExplainStyle& style);
// {"lab", "groups": [{"title", "why", "commands": []}]}
[[nodiscard]] std::string explain_json(const Plan& plan, ExplainedWay way, const ExplainStyle& style);
// A group as text: its title and why as comments, then its commands.
[[nodiscard]] std::string group_text(const ExplainedGroup& group);

// For the parts of explain.
namespace explained {

[[nodiscard]] std::vector<std::string> commands(const Step& step, const ExplainStyle& style);
// What a group of PHASE does and why, as far as its STEPS need it said.
struct Words {
    std::string title;
    std::string why;
};
[[nodiscard]] Words words(Phase phase, const std::vector<Step>& steps, std::size_t begin, std::size_t end);
// The file that holds a process's number.
[[nodiscard]] std::string pid_file(const Process& process, const ExplainStyle& style);
// The script of a DHCP client, for /bin/sh.
[[nodiscard]] const std::string& dhcp_client_script();
// The functions that commands of these steps call.
[[nodiscard]] std::string functions(const Plan& plan);

}  // namespace explained

}  // namespace warren
