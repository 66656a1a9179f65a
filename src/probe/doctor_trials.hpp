// The doctor's trials, by subject. Internal to probe/.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "state/expand.hpp"

namespace warren::probe {

// What came of one trial.
struct Seen {
    std::optional<bool> works;
    std::string detail;
    std::string cure = {};  // in place of the trial's, where not empty
};
[[nodiscard]] Seen works(std::string detail, std::string more = {});
[[nodiscard]] Seen works_not(std::string detail, std::string cure = {});
[[nodiscard]] Seen unknown(std::string detail);
// The text is what was seen; the error, why it does not work.
[[nodiscard]] Seen seen(const Result<std::string>& result);

struct Trial {
    std::string group;
    std::string name;
    std::string blocks;
    std::string cure;
    std::function<Seen()> attempt;  // any thread; may leave behind what goes with a throw-away namespace
    bool inside = true;             // needs the doctor's own namespaces; else the machine's
    bool essential = false;
};
using Trials = std::vector<Trial>;

struct Surroundings {
    Site site;
    std::string directory;    // inside: a file system of the doctor's own
    bool plain_user = false;  // inside, a user namespace stands in for root
    int pid = 0;              // of the doctor, as the machine sees it
};

void add_system_trials(Trials& trials, const Surroundings& around);
void add_link_trials(Trials& trials);
void add_switch_trials(Trials& trials, const Surroundings& around);
void add_queue_trials(Trials& trials);
void add_service_trials(Trials& trials, const Surroundings& around);
void add_limit_trials(Trials& trials);

}  // namespace warren::probe
