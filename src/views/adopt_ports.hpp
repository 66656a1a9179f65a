// The switches of the machine's own namespace and their ports, as a lab says them. Used by adopt.cpp alone. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/survey.hpp"

namespace warren {

struct PortOf {
    std::string sw;
    std::string name;
    bool ovs = false;
    bool internal = false;
    std::optional<Vlan> vlan;    // access
    std::vector<Vlan> trunk;     // empty: all
    std::optional<Vlan> native;  // of a trunk: that of its untagged frames, which a lab cannot say
};

// A port of the Open vSwitch bridge SW.
[[nodiscard]] PortOf read_port(const std::string& sw, const OvsPort& row);

class SwitchPorts {
public:
    // Keeps references into SURVEY.
    explicit SwitchPorts(const Survey& survey);

    // The machine's own namespace; nullptr: it is not in the survey.
    [[nodiscard]] const SurveyedNamespace* machine() const { return machine_; }
    // Open vSwitch bridges by name.
    [[nodiscard]] const std::map<std::string, const OvsBridge*>& bridges() const { return bridges_; }
    // The port that a link of the machine's own is; nullptr: of no switch.
    [[nodiscard]] const PortOf* of_machine(const std::string& link) const;
    // The port that an interface of the namespace NS hangs on.
    [[nodiscard]] const PortOf* behind(const std::string& ns, const Link& link) const;
    // Adds to the switches in NEEDED those that links join to them.
    void add_joined(std::set<std::string>& needed) const;

private:
    void find_ovs_ports(const SurveyedOvs& ovs, const OvsBridge& bridge);
    [[nodiscard]] PortOf bridge_port(const Link& bridge, const Link& link);
    [[nodiscard]] const std::set<Vlan>& vlans_of(const std::string& bridge);

    const SurveyedNamespace* machine_ = nullptr;
    std::map<std::string, const OvsBridge*> bridges_;
    std::map<std::pair<std::string, std::string>, PortOf> ports_;  // by (namespace, link)
    std::map<std::string, std::set<Vlan>> vlans_;                  // by filtering Linux bridge
};

}  // namespace warren
