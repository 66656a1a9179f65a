// The tables of an Open vSwitch database as one value, with the rows' UUIDs. Internal to ovs/.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <unordered_map>

#include "base/error.hpp"
#include "ovs/ovsdb.hpp"
#include "state/state.hpp"

namespace warren::ovs {

struct PortRow {
    std::string uuid;
    std::string interface;  // UUID of its first Interface row
    std::string bridge;
    OvsPort value;
};

struct BridgeRow {
    std::string uuid;
    OvsBridge value;  // with its ports
};

struct Snapshot {
    std::string root;  // UUID of the Open_vSwitch row
    std::map<std::string, BridgeRow> bridges;
    std::unordered_map<std::string, PortRow> ports;  // by name, local ports too

    [[nodiscard]] const BridgeRow* bridge(const std::string& name) const {
        const auto found = bridges.find(name);
        return found == bridges.end() ? nullptr : &found->second;
    }
    [[nodiscard]] const PortRow* port(const std::string& name) const {
        const auto found = ports.find(name);
        return found == ports.end() ? nullptr : &found->second;
    }
};

// Reads all tables in one transaction.
[[nodiscard]] Result<Snapshot> read_snapshot(Client& client, std::chrono::milliseconds timeout);

}  // namespace warren::ovs
