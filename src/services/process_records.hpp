// The keeper's files in a lab's directory: process records, logs, and the mark of its processes.
//
// DIRECTORY/processes/HOST:NAME.json   one record per process, replaced atomically, 0600
// DIRECTORY/log/HOST:NAME.log          what it printed, 0600
// DIRECTORY/keeper.id                  random; the environment variable WARREN_ID of each of its processes
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/child.hpp"
#include "base/error.hpp"
#include "services/keeper_protocol.hpp"

namespace warren {

using ProcessKey = std::pair<std::string, std::string>;  // (host, name)

[[nodiscard]] inline ProcessKey key_of(const Process& process) { return {process.host, process.name}; }
// "dnsmasq in dhcp-r", for errors.
[[nodiscard]] std::string label(const ProcessKey& key);

[[nodiscard]] std::string record_path(const std::string& directory, const ProcessKey& key);
[[nodiscard]] Result<void> write_record(const std::string& directory, const ProcessRecord& record);
[[nodiscard]] Result<void> remove_record(const std::string& directory, const ProcessKey& key);  // absent: success
// All of them; none where the directory is not there. A record that cannot be read whole is an error.
[[nodiscard]] Result<std::vector<ProcessRecord>> read_records(const std::string& directory);

// The lab's keeper id, made where there is none.
[[nodiscard]] Result<std::string> keeper_id(const std::string& directory);
// Environment entries that mark a process.
[[nodiscard]] std::vector<std::string> marks(const std::string& id, const std::string& lab, const ProcessKey& key);
// Every living process that bears a mark of the keeper ID, by key, oldest first. One pass over /proc. A process
// bears it from its exec on; its children too, unless they cleared their environment.
[[nodiscard]] std::multimap<ProcessKey, ProcessId> marked_processes(const std::string& id);

}  // namespace warren
