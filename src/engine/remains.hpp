// What labs may have left on the machine, found without a record: by marks, by links in /etc/netns, by directories
// and processes. And what belongs to no lab alone: directories that were made for the first and go with the last.
#pragma once

#include <string>
#include <vector>

#include "base/child.hpp"
#include "base/error.hpp"
#include "engine/record.hpp"
#include "state/expand.hpp"
#include "state/state.hpp"

namespace warren {

// The Open vSwitch of Warren's own that labs share, running or not.
[[nodiscard]] OvsInstance shared_ovs(const Site& site);
// Shared by those who use Warren's own Open vSwitch, exclusive for who stops it: nobody is left with a
// database that has just gone.
[[nodiscard]] std::string ovs_lock(const Site& site);
// The locks' files go once no Open vSwitch of Warren's own is there.
void remove_ovs_locks(const Site& site);
// Stops Warren's own Open vSwitch where no recorded lab uses it, and nobody who holds its lock; whether it did.
[[nodiscard]] Result<bool> stop_unused_ovs(const Site& site);

// Notes which directories outside /run/warren are not there yet. The lab's own directory must be there before: it
// tells others that the machine is in use.
[[nodiscard]] Result<void> note_made_directories(const Site& site);
// Takes them away, with /run/warren, where no lab has a directory. Each goes only where it is empty.
void remove_runtime(const Site& site);

// Takes away what processes that are gone have left in the lab's directory: leases, pid files, logs. Their names
// begin with the process' network ("red-net.leases") or host and name ("red:eth0.pid", "red:web.log").
void tidy(const std::string& directory, const State& wanted);
void quit_keeper(const std::string& directory);

// What a lab of this name may have left, when its record cannot tell: every named namespace (its marks
// decide), links in /etc/netns that point into its directory, and the Open vSwitch that answers.
[[nodiscard]] Record record_by_marks(const Site& site, const std::string& name);

// What bears the marks of a lab that has no record.
struct Leftover {
    std::string lab;                  // "": Warren's own, of no lab
    std::vector<std::string> things;  // "namespace red", "link veth-r", "keeper 4711"
    std::vector<ProcessId> processes;
};
// Those of all labs, sorted. A lab that is being brought up or taken down at this moment is none.
[[nodiscard]] Result<std::vector<Leftover>> leftovers(const Site& site);
// Ends what a leftover has running that nothing else would end: its keeper, its guard.
void end_processes(const Leftover& leftover);

}  // namespace warren
