// A plan as groups of commands and as a script. Called by `explain`, and by `up` while it is at work.
#include "views/explain.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "engine/remains.hpp"
#include "views/shell.hpp"

namespace warren {
namespace {

constexpr const char* kByHand = "/run/by-hand";

// The instance that a step's commands talk to.
const OvsInstance* instance_of(const Step& step) {
    return std::visit(
        [](const auto& s) -> const OvsInstance* {
            if constexpr (requires { s.on.directory; }) {
                return &s.on;
            } else if constexpr (requires {
                                     s.value.directory;
                                     s.value.net_namespace;
                                 }) {
                return &s.value;
            } else {
                return nullptr;
            }
        },
        step);
}

std::string choose_instance(const OvsInstance& instance) {
    if (instance.kind == OvsInstance::Kind::machine) {
        return "unset OVS_RUNDIR OVS_LOGDIR OVS_DBDIR OVS_SYSCONFDIR";
    }
    std::string text = "export";
    for (const char* name : {"OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"}) {
        text += fmt::format(" {}={}", name, shell::quoted(instance.directory));
    }
    return text;
}

// Whether a step is for a file that goes with the lab's directory.
bool goes_with_directory(const Step& step, const std::string& directory) {
    const auto* file = std::get_if<DelFile>(&step);
    return file != nullptr && (file->path + "/").starts_with(directory + "/");
}

std::vector<Step> without_own_files(const Plan& plan, const std::string& directory) {
    std::vector<Step> steps = plan.steps;
    std::erase_if(steps, [&](const Step& step) { return goes_with_directory(step, directory); });
    return steps;
}

template <class Visit>
void each_group(const std::vector<Step>& steps, const Visit& visit) {
    for (std::size_t begin = 0; begin < steps.size();) {
        std::size_t end = begin + 1;
        while (end < steps.size() && phase_of(steps[end]) == phase_of(steps[begin])) { ++end; }
        visit(begin, end);
        begin = end;
    }
}

std::string packages(const Plan& plan, const ExplainStyle& style) {
    std::set<std::string> names{"iproute2"};
    for (const Step& step : plan.steps) {
        if (instance_of(step) != nullptr) { names.insert("openvswitch-switch"); }
        for (const auto& command : explained::commands(step, style)) {
            if (command.find("sysctl -q -w") != std::string::npos) { names.insert("procps"); }
            if (command.find("ethtool -K") != std::string::npos) { names.insert("ethtool"); }
        }
        const auto* start = std::get_if<StartProcess>(&step);
        if (start == nullptr) { continue; }
        if (start->value.role == ProcessRole::dhcp_server) { names.insert("dnsmasq-base"); }
        if (start->value.role == ProcessRole::dhcp_client) {
            const bool udhcpc = start->value.command.front().find("udhcpc") != std::string::npos;
            names.insert(udhcpc ? "udhcpc" : "isc-dhcp-client");
        }
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

std::string about(const Plan& plan, ExplainedWay way, const ExplainStyle& style) {
    const std::string files = lab_directory(style.site, style.lab);
    switch (way) {
        case ExplainedWay::up:
            return fmt::format(
                "Lab {0} by hand: the commands that make what 'warren up' makes, in the order in which each finds "
                "what it needs. Run it as root with bash, or type it. 'warren explain --down' prints the way "
                "back.\n"
                "Debian packages: {1}. Files of the lab's processes are in {2}.",
                style.lab, packages(plan, style), files);
        case ExplainedWay::down:
            return fmt::format(
                "Takes away what the script of 'warren explain' has made for lab {}. Run it as root with bash.",
                style.lab);
        case ExplainedWay::change:
            return fmt::format(
                "Changes lab {}, made by the script of 'warren explain', to what the other file says: only what "
                "differs. Run it as root with bash.\nA setting (sysctl) that the other file does not name keeps "
                "its "
                "value.\nDebian packages: {}.",
                style.lab, packages(plan, style));
    }
    return {};
}

// Gone are the lab's directory, and what was made for it to be in; --ignore-fail-on-non-empty: others use it.
ExplainedGroup last_files(const ExplainStyle& style) {
    return {"The lab's own directory",
            "Leases, logs and numbers of processes were in it.",
            {shell::command({"rm", "-rf", lab_directory(style.site, style.lab)}),
             shell::command({"rmdir", "--ignore-fail-on-non-empty", style.site.runtime}),
             "if [ -d " + shell::quoted(style.site.etc_netns) + " ]; then rmdir --ignore-fail-on-non-empty " +
                 shell::quoted(style.site.etc_netns) + "; fi"}};
}

std::vector<ExplainedGroup> groups_of(const Plan& plan, ExplainedWay way, const ExplainStyle& style) {
    if (way != ExplainedWay::down) { return explain(plan, style); }
    auto groups = explain(Plan{without_own_files(plan, lab_directory(style.site, style.lab))}, style);
    groups.push_back(last_files(style));
    return groups;
}

}  // namespace

Site site_by_hand(Site site, const Lab& lab) {
    const bool shared = site.ovs.kind == OvsInstance::Kind::warren;
    const bool own = site.ovs.kind == OvsInstance::Kind::lab;
    site.runtime = kByHand;
    if (shared) { site.ovs = shared_ovs(site); }
    if (own) { site.ovs.directory = lab_directory(site, lab.name) + "/ovs"; }
    site.dnsmasq = "dnsmasq";
    site.dhcp_client = site.dhcp_client.find("udhcpc") != std::string::npos ? "udhcpc" : "dhclient";
    return site;
}

ExplainedGroup explain_group(const std::vector<Step>& steps, std::size_t begin, std::size_t end,
                             const ExplainStyle& style) {
    auto said = explained::words(phase_of(steps[begin]), steps, begin, end);
    ExplainedGroup group{std::move(said.title), std::move(said.why), {}};
    std::set<std::string> directories;
    const OvsInstance* chosen = nullptr;
    for (std::size_t i = begin; i < end; ++i) {
        auto commands = explained::commands(steps[i], style);
        const OvsInstance* instance = instance_of(steps[i]);
        if (!commands.empty() && instance != nullptr && (chosen == nullptr || !(*chosen == *instance))) {
            chosen = instance;
            if (instance->kind != OvsInstance::Kind::machine) {
                group.commands.push_back(choose_instance(*instance));
            }
        }
        for (auto& command : commands) {
            if (command.starts_with("mkdir ") && !directories.insert(command).second) { continue; }
            group.commands.push_back(std::move(command));
        }
    }
    return group;
}

std::vector<ExplainedGroup> explain(const Plan& plan, const ExplainStyle& style) {
    std::vector<ExplainedGroup> groups;
    std::string chosen;
    each_group(plan.steps, [&](std::size_t begin, std::size_t end) {
        auto group = explain_group(plan.steps, begin, end, style);
        // Said once, until another is meant.
        if (!group.commands.empty() && group.commands.front().starts_with("export OVS_RUNDIR=")) {
            if (group.commands.front() == chosen) {
                group.commands.erase(group.commands.begin());
            } else {
                chosen = group.commands.front();
            }
        }
        if (!group.commands.empty()) { groups.push_back(std::move(group)); }
    });
    return groups;
}

std::string group_text(const ExplainedGroup& group) {
    std::string text = shell::comment("== " + group.title + " ==");
    if (!group.why.empty()) { text += shell::comment(group.why); }
    for (const auto& command : group.commands) { text += command + "\n"; }
    return text;
}

std::string explain_script(const Plan& plan, ExplainedWay way, const ExplainStyle& style) {
    std::string text = "#!/bin/bash\n" + shell::comment(about(plan, way, style));
    text += "set -e       # stop at the first command that fails\numask 077    # what it writes is root's alone\n";
    text += explained::functions(plan);
    for (const auto& group : groups_of(plan, way, style)) { text += "\n" + group_text(group); }
    return text;
}

std::string explain_json(const Plan& plan, ExplainedWay way, const ExplainStyle& style) {
    boost::json::array groups;
    for (const auto& group : groups_of(plan, way, style)) {
        boost::json::array commands;
        for (const auto& command : group.commands) { commands.emplace_back(command); }
        groups.push_back(
            boost::json::object{{"title", group.title}, {"why", group.why}, {"commands", std::move(commands)}});
    }
    return boost::json::serialize(boost::json::object{{"lab", style.lab}, {"groups", std::move(groups)}});
}

namespace explained {

std::string functions(const Plan& plan) {
    const bool stops = std::any_of(plan.steps.begin(), plan.steps.end(),
                                   [](const Step& step) { return std::holds_alternative<StopProcess>(step); });
    if (!stops) { return {}; }
    return R"sh(
# Ends the process whose number is in a file, if it still is one in that namespace, and waits for its end.
end_in() {  # NAMESPACE FILE
    local pid
    if [ -e "$2" ] && pid=$(cat "$2") && [ "$(ip netns identify "$pid" 2>/dev/null)" = "$1" ]; then
        kill "$pid"
        tail --pid="$pid" -s 0.1 -f /dev/null
    fi
    rm -f "$2"
}
)sh";
}

}  // namespace explained

}  // namespace warren
