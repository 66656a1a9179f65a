// What keeper and client say to each other, and what a process' record holds: one line of JSON each.
//
// Pure: values to text and back. Reading is strict: a key that is missing or of another type is an error
// that names it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/child.hpp"
#include "base/error.hpp"
#include "state/state.hpp"

namespace warren {

struct KeeperRequest {
    enum class Verb { start, stop, reload, list, quit };
    Verb verb = Verb::list;
    std::vector<Process> processes;
};

struct KeeperAnswer {
    std::optional<Error> error;
    std::vector<Process> processes;
};

// One process in DIRECTORY/processes/.
struct ProcessRecord {
    enum class Phase {
        starting,  // about to be forked: it may run already, to be found by its environment
        running,   // ID is its last known process
        ended,     // not to be started again; STATUS says how it ended
    };
    Process process;  // pid and status not kept
    Phase phase = Phase::starting;
    ProcessId id;
    std::string status;
};

// Each ends in a newline and holds no other.
[[nodiscard]] std::string encode(const KeeperRequest& request);
[[nodiscard]] std::string encode(const KeeperAnswer& answer);
[[nodiscard]] std::string encode(const ProcessRecord& record);
[[nodiscard]] Result<KeeperRequest> decode_request(std::string_view line);
[[nodiscard]] Result<KeeperAnswer> decode_answer(std::string_view line);
[[nodiscard]] Result<ProcessRecord> decode_record(std::string_view text, const std::string& path);

}  // namespace warren
