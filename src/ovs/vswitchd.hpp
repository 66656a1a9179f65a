// What bridges.cpp and daemons.cpp both ask of ovs-vswitchd through its database. Internal to ovs/.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/error.hpp"
#include "ovs/ovsdb.hpp"

namespace warren::ovs {

// Open_vSwitch.next_cfg += 1: put into a transaction, its changes are taken up once cur_cfg has reached the
// value that the select after it gives. ROOT is the row's UUID.
[[nodiscard]] std::vector<Operation> bump_configuration(const std::string& root);
// Waits (by monitor) until ovs-vswitchd has taken up configuration number WANTED. One that is not connected, or ends
// meanwhile, has GRACE to come back (a restart by whoever runs it).
[[nodiscard]] Result<void> wait_configured(Client& client, std::int64_t wanted, std::chrono::milliseconds timeout,
                                           std::chrono::milliseconds grace);
// Whether an ovs-vswitchd is connected to this database: it holds the lock "ovs_vswitchd" as long as it is.
[[nodiscard]] Result<bool> vswitchd_connected(Client& client, std::chrono::milliseconds timeout);

}  // namespace warren::ovs
