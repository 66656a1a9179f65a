// Teller: the list of changes while it is made, and what its chapters ask about the two states.
// Internal to plan/; changes.cpp runs it, changes_links.cpp, changes_processes.cpp and changes_files.cpp are its
// chapters.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "plan/changes.hpp"

namespace warren::plan_detail {

constexpr const char* kOffload = "checksum offload";  // an attribute that follows from what carries the link

using End = std::pair<std::string, std::string>;  // namespace, link

// A port of a switch, whichever kind that is. Keyed by its name, which no two ports of a machine share.
struct PortFacts {
    std::string sw;     // "" of none
    std::string vlans;  // "100", "trunk 100,200", "" none
    End end;            // the host's interface behind it; empty of a link between switches
    std::string other;  // of a link between switches: the port at its other end
};

// What happens to one thing.
struct Event {
    bool added = false;
    bool removed = false;
    [[nodiscard]] bool replaced() const { return added && removed; }
};

class Teller {
public:
    Teller(const Plan& plan, const State& observed, const State& wanted);

    void say(Change::Kind kind, std::string object, std::string attribute = {}, std::string before = {},
             std::string after = {}, std::string note = {});
    // Added where BEFORE is empty, removed where AFTER is; nothing where they are equal.
    void say_if_changed(const std::string& object, const std::string& attribute, const std::string& before,
                        const std::string& after, const std::string& note = {});

    [[nodiscard]] std::string host_of(const std::string& ns) const;
    // A host that comes or goes: one line tells all of it.
    [[nodiscard]] bool whole(const std::string& ns) const { return whole_.contains(ns); }
    [[nodiscard]] bool whole_host(const std::string& host) const { return whole_hosts_.contains(host); }
    [[nodiscard]] std::string name(const End& end) const;  // "red:eth0"
    [[nodiscard]] const PortFacts* port(bool wanted, const std::string& name) const;

    const Plan& plan;
    const State& observed;
    const State& wanted;
    std::vector<Change> out;
    std::map<End, Event> events;  // of links; tell_links() fills it
    // An interface that comes, or is made anew.
    [[nodiscard]] bool comes(const End& end) const {
        const auto found = events.find(end);
        return found != events.end() && found->second.added;
    }

private:
    static std::map<std::string, PortFacts> ports_of(const State& state);
    std::unordered_set<std::string> whole_;
    std::unordered_set<std::string> whole_hosts_;
    std::map<std::string, PortFacts> ports_[2];
};

[[nodiscard]] const Link* find_link(const State& state, const End& end);
// "bridge", "ovs"; "" where there is no such switch.
[[nodiscard]] std::string switch_kind(const State& state, const std::string& name);
[[nodiscard]] std::string vlans_text(const std::optional<Vlan>& access, const std::vector<Vlan>& trunk);

[[nodiscard]] std::string on_off(bool on);
template <class Values>
std::string joined(const Values& values, const char* separator) {
    return fmt::format("{}", fmt::join(values, separator));
}
// "eth0 10.0.0.3/24 on br0, eth1 dhcp on br1; runs web"
[[nodiscard]] std::string host_summary(const Teller& teller, bool wanted, const std::string& ns);

// Switches, ports, interfaces.
void tell_links(Teller& teller);
// Servers, clients and services. Returns the paths of files whose change is told with them.
[[nodiscard]] std::set<std::string> tell_processes(Teller& teller);
// The rest of the files, after all else. TOLD: by others.
void tell_files(Teller& teller, const std::set<std::string>& told);

}  // namespace warren::plan_detail
