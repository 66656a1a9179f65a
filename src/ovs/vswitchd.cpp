// Waiting for ovs-vswitchd. Called by bridges.cpp after a transaction and by daemons.cpp after a start.
#include "ovs/vswitchd.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace warren::ovs {
namespace {

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

Result<void> wait_configured(Client& client, std::int64_t wanted, std::chrono::milliseconds timeout) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + timeout;
    const auto left = [&] {
        return std::max(std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()),
                        std::chrono::milliseconds(0));
    };
    const std::string id = "cfg";
    json::object request;
    request["columns"] = list("cur_cfg");
    json::object requests;
    requests["Open_vSwitch"] = std::move(request);
    WARREN_ASSIGN(const json::object initial, client.monitor(id, std::move(requests), left()));
    auto current = configured(initial);
    while (current.value_or(-1) < wanted) {
        WARREN_ASSIGN(const auto update, client.next_update(id, left()));
        if (!update) {
            (void)client.monitor_cancel(id, std::chrono::seconds(1));
            return failure("apply the Open vSwitch configuration",
                           fmt::format("ovs-vswitchd did not take it up within {} ms", timeout.count()),
                           "is ovs-vswitchd running? its log says what holds it up");
        }
        if (const auto now = configured(*update)) { current = now; }
    }
    return client.monitor_cancel(id, std::max(left(), std::chrono::milliseconds(1000)));
}

Result<bool> vswitchd_connected(Client& client, std::chrono::milliseconds timeout) {
    return client.lock_held("ovs_vswitchd", timeout);
}

}  // namespace warren::ovs
