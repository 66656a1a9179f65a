// Waiting for ovs-vswitchd. Called by bridges.cpp after a transaction and by daemons.cpp after a start.
#include "ovs/vswitchd.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace warren::ovs {
namespace {

constexpr const char* kLock = "ovs_vswitchd";  // held by the one that is connected

// cur_cfg in <table-updates>; nothing where they do not say.
std::optional<std::int64_t> configured(const json::object& updates) {
    const auto* table = updates.if_contains("Open_vSwitch");
    const auto* rows = table != nullptr ? table->if_object() : nullptr;
    if (rows == nullptr) { return std::nullopt; }
    for (const auto& [id, update] : *rows) {
        const auto* object = update.if_object();
        const auto* row = object != nullptr ? object->if_contains("new") : nullptr;
        if (row != nullptr && row->is_object()) { return integer_of(row->get_object(), "cur_cfg"); }
    }
    return std::nullopt;
}

}  // namespace

std::vector<Operation> bump_configuration(const std::string& root) {
    std::vector<Operation> operations(2);
    operations[0].body = {{"op", "mutate"}, {"table", "Open_vSwitch"}, {"where", where_uuid(root)}};
    operations[0].body["mutations"] = list(list("next_cfg", "+=", 1));
    operations[1].body = {{"op", "select"}, {"table", "Open_vSwitch"}, {"where", where_uuid(root)}};
    operations[1].body["columns"] = list("next_cfg");
    return operations;
}

Result<void> wait_configured(Client& client, std::int64_t wanted, std::chrono::milliseconds timeout,
                             std::chrono::milliseconds grace) {
    using Clock = std::chrono::steady_clock;
    using std::chrono::milliseconds;
    auto deadline = Clock::now() + timeout;
    const auto left = [&] {
        return std::max(std::chrono::ceil<milliseconds>(deadline - Clock::now()), milliseconds(0));
    };
    const std::string id = "cfg";
    json::object request;
    request["columns"] = list("cur_cfg");
    json::object requests;
    requests["Open_vSwitch"] = std::move(request);
    WARREN_ASSIGN(const json::object initial, client.monitor(id, std::move(requests), left()));
    auto current = configured(initial);
    bool gone = false;
    const bool in_line = current.value_or(-1) < wanted;
    if (in_line) { WARREN_TRY(client.wait_for_lock(kLock, left())); }
    while (current.value_or(-1) < wanted) {
        WARREN_ASSIGN(const auto update, client.next_update(id, left()));
        if (update) {
            if (const auto now = configured(*update)) { current = now; }
            continue;
        }
        if (client.lock_came()) {
            gone = true;
            WARREN_TRY(client.leave_lock(kLock, std::chrono::seconds(1)));
            deadline = std::min(deadline, Clock::now() + grace);
            continue;
        }
        (void)client.monitor_cancel(id, std::chrono::seconds(1));
        if (!gone) { (void)client.leave_lock(kLock, std::chrono::seconds(1)); }
        if (gone) {
            return failure(
                "apply the Open vSwitch configuration", "ovs-vswitchd does not run",
                "its log says why; what is dead of Warren's own Open vSwitch, the next 'up' starts again");
        }
        return failure("apply the Open vSwitch configuration",
                       fmt::format("ovs-vswitchd did not take it up within {} ms", timeout.count()),
                       "its log says what holds it up");
    }
    const auto end = std::max(left(), milliseconds(1000));
    if (in_line && !gone) { WARREN_TRY(client.leave_lock(kLock, end)); }
    return client.monitor_cancel(id, end);
}

Result<bool> vswitchd_connected(Client& client, std::chrono::milliseconds timeout) {
    return client.lock_held(kLock, timeout);
}

}  // namespace warren::ovs
