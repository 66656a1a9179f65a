// A look at one lab: what it should be, what is there of it, and what lies between the two. Changes nothing. Used by
// engine.cpp. Not for several threads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/attach.hpp"
#include "engine/leases.hpp"
#include "engine/record.hpp"
#include "engine/sockets.hpp"
#include "lab/lab.hpp"
#include "plan/changes.hpp"
#include "plan/plan.hpp"
#include "state/expand.hpp"
#include "state/state.hpp"

namespace warren {

// BASE with what expand() must know of LAB: its Open vSwitch, which is the one in RECORD where that has one.
[[nodiscard]] Result<Site> site_for(const Site& base, const Lab& lab, const std::optional<Record>& record);

// Whether the kernel's Linux bridge can filter VLANs; asks a bridge in a throw-away namespace.
[[nodiscard]] Result<bool> bridge_filters_vlans();

struct Look {
    std::optional<Record> record;  // nothing also where it is of before a reboot: nothing of that one is there
    Site site;
    State wanted;
    State observed;
    Difference difference;
    std::vector<UnknownLease> unknown;
    AttachedFound attached;

    // Fills in the first three. What LAB needs and the machine lacks is an error of kind lacking.
    [[nodiscard]] Result<void> prepare(const Site& base, const Lab& lab, std::optional<Record> found);
    // Fills in the others; again after something was changed.
    [[nodiscard]] Result<void> compare(Sockets& sockets);

    // An error that names what stands in the lab's way, where something does.
    [[nodiscard]] Result<void> refuse_conflicts() const;
    [[nodiscard]] std::vector<Change> changes() const;
    // Of `up`: an unknown lease is asked for again after all others.
    [[nodiscard]] std::size_t steps() const { return difference.plan.steps.size() + unknown.size(); }
    // Warren's own instance serves it, which other labs may start and stop.
    [[nodiscard]] bool shares_ovs() const;
    // The instance of the lab's record that is there and does not run; nullptr none.
    [[nodiscard]] const OvsInstance* dead_ovs() const;

private:
    std::string lab_;
};

}  // namespace warren
