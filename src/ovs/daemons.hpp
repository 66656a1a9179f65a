// Open vSwitch's daemons: a private instance of Warren's, and what the machine has. Called by the engine.
//
// An instance is one directory (0700) that holds everything of it: database, sockets, pid files, logs. Two processes
// must not start or stop the same instance at once: the engine holds a lock. Any thread.
#pragma once

#include <map>
#include <string>

#include "base/error.hpp"
#include "state/state.hpp"

namespace warren::ovs {

inline constexpr const char* kSchema = "/usr/share/openvswitch/vswitch.ovsschema";

// other_config of the Open_vSwitch row of an instance of Warren's.
[[nodiscard]] std::map<std::string, std::string> daemon_settings();

// Both daemons run and answer each other; the database in DIRECTORY/db.sock answers.
[[nodiscard]] bool running(const OvsInstance& instance);

// The network namespace that its daemons were to run in is no more, and with it all that they had made there.
[[nodiscard]] bool namespace_gone(const OvsInstance& instance);

// Makes it run, in the network namespace of NS_FD (-1: that of instance.net_namespace, "" our own), and returns
// when ovs-vswitchd has taken up what the database holds. Running already: success. What of it is dead is started
// again with the database as it was. An internal port that had been moved to another namespace does not survive
// the death of ovs-vswitchd: the new one makes a new device in its own namespace, and the old one is cut off. While
// ovsdb-server is dead the userspace datapath forwards nothing; ovs-vswitchd finds the new one within 8 s.
// What a start that was killed has under way is ended first.
[[nodiscard]] Result<void> start(const OvsInstance& instance, int ns_fd = -1);

// Ends it: no process, no device that it had made (local ports, internal ports wherever they were moved to,
// ovs-netdev), no file; also where its daemons are dead and cannot be started again, save for devices of the
// kernel's datapath (a failure). Not there: success. Only processes whose command line names the directory are ended.
[[nodiscard]] Result<void> stop(const OvsInstance& instance);

// The last error in its ovs-vswitchd's log, "" where that runs or has logged none: why it died.
[[nodiscard]] std::string last_error(const OvsInstance& instance);

// The database socket of the machine's own Open vSwitch, where it answers within ten seconds and its ovs-vswitchd
// is connected; else an Error that says which is not so.
[[nodiscard]] Result<std::string> machine_socket();

// Whether the kernel has the openvswitch datapath. Asking loads the module where there is one.
[[nodiscard]] bool kernel_datapath();

}  // namespace warren::ovs
