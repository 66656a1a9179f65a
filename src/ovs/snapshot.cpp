// Reading bridges and ports out of the database. Called by bridges.cpp.
#include "ovs/snapshot.hpp"

#include <algorithm>
#include <initializer_list>

namespace warren::ovs {
namespace {

Operation select(const char* table, std::initializer_list<const char*> columns) {
    Operation operation;
    json::array names;
    for (const char* column : columns) { names.emplace_back(column); }
    operation.body = {{"op", "select"}, {"table", table}, {"where", json::array{}}};
    operation.body["columns"] = std::move(names);
    return operation;
}

std::string value_or_empty(const std::map<std::string, std::string>& pairs, const char* key) {
    const auto found = pairs.find(key);
    return found == pairs.end() ? "" : found->second;
}

std::string first_uuid(const json::object& row, std::string_view column) {
    auto uuids = uuids_of(row, column);
    return uuids.empty() ? "" : std::move(uuids.front());
}

using Rows = std::unordered_map<std::string, const json::object*>;

Rows by_uuid(const json::value& result) {
    Rows rows;
    for (const auto* row : rows_of(result)) { rows.emplace(first_uuid(*row, "_uuid"), row); }
    return rows;
}

PortRow read_port(const json::object& row, const Rows& interfaces) {
    PortRow port;
    port.uuid = first_uuid(row, "_uuid");
    port.interface = first_uuid(row, "interfaces");
    OvsPort& value = port.value;
    value.name = text_of(row, "name");
    // Numbers outside 0..4095 do not pass the database's schema.
    if (const auto tag = integer_of(row, "tag")) { value.tag = static_cast<Vlan>(*tag); }
    for (const auto trunk : integers_of(row, "trunks")) { value.trunks.push_back(static_cast<Vlan>(trunk)); }
    std::sort(value.trunks.begin(), value.trunks.end());
    const auto marks = map_from(row, "external_ids");
    value.lab = value_or_empty(marks, "warren-lab");
    value.host = value_or_empty(marks, "warren-host");
    const auto found = interfaces.find(port.interface);
    if (found == interfaces.end()) { return port; }
    const json::object& interface = *found->second;
    value.type = text_of(interface, "type");
    if (value.type == "system") { value.type.clear(); }
    if (value.type == "patch") { value.peer = value_or_empty(map_from(interface, "options"), "peer"); }
    value.ofport = integer_of(interface, "ofport");
    value.error = text_of(interface, "error");
    return port;
}

OvsBridge read_bridge(const json::object& row, const Rows& controllers) {
    OvsBridge bridge;
    bridge.name = text_of(row, "name");
    bridge.lab = value_or_empty(map_from(row, "external_ids"), "warren-lab");
    bridge.datapath_type = text_of(row, "datapath_type");
    if (bridge.datapath_type.empty()) { bridge.datapath_type = "system"; }
    bridge.fail_mode = text_of(row, "fail_mode");
    if (bridge.fail_mode.empty()) { bridge.fail_mode = "standalone"; }
    std::vector<std::string> targets;
    for (const auto& id : uuids_of(row, "controller")) {
        const auto found = controllers.find(id);
        if (found != controllers.end()) { targets.push_back(text_of(*found->second, "target")); }
    }
    std::sort(targets.begin(), targets.end());
    for (const auto& target : targets) { bridge.controller += (bridge.controller.empty() ? "" : " ") + target; }
    bridge.protocols = texts_of(row, "protocols");
    std::sort(bridge.protocols.begin(), bridge.protocols.end());
    const auto config = map_from(row, "other_config");
    bridge.dpid = value_or_empty(config, "datapath-id");
    if (const auto mac = MacAddress::parse(value_or_empty(config, "hwaddr"))) { bridge.mac = *mac; }
    bridge.stp = bool_of(row, "stp_enable");
    return bridge;
}

// ovs-vswitchd writes and clears the error of a patch port whose peer is missing only when it next refreshes
// statistics (5 s): one that the database itself refutes is of the past.
void forget_past_errors(Snapshot& snapshot) {
    for (auto& [name, port] : snapshot.ports) {
        if (port.value.type != "patch" || !port.value.error.starts_with("No usable peer")) { continue; }
        const PortRow* peer = snapshot.port(port.value.peer);
        if (peer == nullptr || peer->value.type != "patch" || peer->value.peer != name) { continue; }
        OvsBridge& bridge = snapshot.bridges.at(port.bridge).value;
        if (bridge.datapath_type != snapshot.bridges.at(peer->bridge).value.datapath_type) { continue; }
        port.value.error.clear();
        // A bridge's local port is none of its `ports`.
        if (const auto own = bridge.ports.find(name); own != bridge.ports.end()) { own->second.error.clear(); }
    }
}

}  // namespace

Result<Snapshot> read_snapshot(Client& client, std::chrono::milliseconds timeout) {
    std::vector<Operation> operations;
    operations.push_back(select("Open_vSwitch", {"_uuid"}));
    operations.push_back(select("Bridge", {"_uuid", "name", "ports", "datapath_type", "fail_mode", "controller",
                                           "protocols", "other_config", "stp_enable", "external_ids"}));
    operations.push_back(select("Port", {"_uuid", "name", "interfaces", "tag", "trunks", "external_ids"}));
    operations.push_back(select("Interface", {"_uuid", "type", "options", "ofport", "error"}));
    operations.push_back(select("Controller", {"_uuid", "target"}));
    WARREN_ASSIGN(const json::array results,
                  client.transact(std::move(operations), "read the Open vSwitch database", timeout));
    Snapshot snapshot;
    const auto roots = rows_of(results[0]);
    if (roots.empty()) {
        return failure("read the Open vSwitch database", "it has no Open_vSwitch row", "run ovs-vsctl init");
    }
    snapshot.root = first_uuid(*roots.front(), "_uuid");
    const Rows ports = by_uuid(results[2]);
    const Rows interfaces = by_uuid(results[3]);
    const Rows controllers = by_uuid(results[4]);
    for (const auto* row : rows_of(results[1])) {
        BridgeRow bridge{first_uuid(*row, "_uuid"), read_bridge(*row, controllers)};
        for (const auto& id : uuids_of(*row, "ports")) {
            const auto found = ports.find(id);
            if (found == ports.end()) { continue; }
            PortRow port = read_port(*found->second, interfaces);
            port.bridge = bridge.value.name;
            if (port.value.name != bridge.value.name) { bridge.value.ports.emplace(port.value.name, port.value); }
            snapshot.ports.emplace(port.value.name, std::move(port));
        }
        snapshot.bridges.emplace(bridge.value.name, std::move(bridge));
    }
    forget_past_errors(snapshot);
    return snapshot;
}

}  // namespace warren::ovs
