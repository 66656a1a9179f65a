// What is left of an instance whose daemons were killed: helpers of a start under way, and devices. Internal to ovs/.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/child.hpp"
#include "base/error.hpp"
#include "state/state.hpp"

namespace warren::ovs {

// The program's argument by which a daemon of this instance is known.
[[nodiscard]] std::string pidfile_argument(const OvsInstance& instance, const std::string& daemon);

// Living processes of a start that was killed, by the daemon that they are to become ("ovsdb-tool" for that one's):
// daemons without a pid file yet, and the parents that wait for them. Those in KNOWN are left out. One pass over
// /proc.
struct Stray {
    ProcessId id;
    std::string daemon;
};
[[nodiscard]] std::vector<Stray> find_strays(const OvsInstance& instance, const std::set<pid_t>& known);

// Names of the devices that ovs-vswitchd makes for what the database file TEXT says or ever said: internal ports and
// the bridges' own. A torn last record is passed over. Pure.
[[nodiscard]] std::set<std::string> devices_in(std::string_view text);

// Removes the tap devices that a dead ovs-vswitchd of this instance left: in its namespace, and, where they bear
// Warren's mark, in the named ones. A device that some process has open is left alone. Devices of the kernel's
// datapath cannot be removed this way: a failure that names one.
[[nodiscard]] Result<void> remove_dead_devices(const OvsInstance& instance);

}  // namespace warren::ovs
