// The process that takes a lab back to what it was before, unless `warren confirm` comes in time (commit confirmed).
// It is a `warren guard` of its own, so that it does so also where the `up` that started it has died.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "engine/record.hpp"
#include "state/expand.hpp"

namespace warren {

// Starts one for LAB, which waits TIME from the end of this process. BEFORE: the record of what is to come back (its
// own unconfirmed change is not what a lab goes back to, but what was before that).
[[nodiscard]] Result<std::optional<Unconfirmed>> start_guard(const Site& site, const std::string& lab,
                                                             const std::optional<Record>& before,
                                                             std::chrono::seconds time);
// Ends it, unless it is this process.
void end_guard(const std::optional<Unconfirmed>& unconfirmed);
// Waits until PARENT has ended and TIME after that.
void wait_as_guard(const ProcessId& parent, std::chrono::seconds time);

}  // namespace warren
