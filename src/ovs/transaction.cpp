// Building the transaction of a set of changes. Called by bridges.cpp.
//
// Rows are addressed by UUID: the server looks those up in a hash table, and scans the table for all else.
// A bridge's set of ports is mutated once, never rewritten, so that ports of other makers stay. That a name is
// still free needs no `wait`: the schema has an index on each name column, so the insert itself fails.
#include "ovs/transaction.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <unordered_set>

#include <fmt/format.h>

#include "ovs/vswitchd.hpp"

namespace warren::ovs {
namespace {

std::string maker(const std::string& lab) { return lab.empty() ? "nobody's mark" : "the mark of lab " + lab; }

json::array trunks_of(const OvsPort& port) {
    json::array vlans;
    for (const Vlan vlan : port.trunks) { vlans.emplace_back(vlan); }
    return set_of(std::move(vlans));
}

void put_vlans(json::object& row, const OvsPort& port) {
    row["tag"] = port.tag ? json::value(*port.tag) : json::value(set_of({}));
    row["trunks"] = trunks_of(port);
    // Without a mode a tag makes an access port and its trunks are ignored (ovs-vswitchd.conf.db(5)).
    const bool both = port.tag && !port.trunks.empty();
    row["vlan_mode"] = both ? json::value("native-untagged") : json::value(set_of({}));
}

std::map<std::string, std::string> only_filled(std::map<std::string, std::string> pairs) {
    std::erase_if(pairs, [](const auto& pair) { return pair.second.empty(); });
    return pairs;
}

std::map<std::string, std::string> marks_of(const OvsPort& port) {
    return only_filled({{"warren-lab", port.lab}, {"warren-host", port.host}});
}
std::map<std::string, std::string> marks_of(const OvsBridge& bridge) {
    return only_filled({{"warren-lab", bridge.lab}});
}
std::map<std::string, std::string> options_of(const OvsPort& port) { return only_filled({{"peer", port.peer}}); }
std::map<std::string, std::string> config_of(const OvsBridge& bridge) {
    return only_filled({{"datapath-id", bridge.dpid},
                        {"hwaddr", bridge.mac == MacAddress{} ? std::string() : bridge.mac.to_string()}});
}

// Mutations that set KEYS of a map column to PAIRS and leave its other keys alone.
void set_keys(json::array& mutations, const char* column, std::initializer_list<const char*> keys,
              const std::map<std::string, std::string>& pairs) {
    json::array names;
    for (const char* key : keys) { names.emplace_back(key); }
    mutations.emplace_back(list(column, "delete", set_of(std::move(names))));
    if (!pairs.empty()) { mutations.emplace_back(list(column, "insert", map_of(pairs))); }
}

class Builder {
public:
    Builder(const Changes& changes, const Snapshot& before) : changes_(changes), before_(before) {}

    Result<Transaction> build() {
        for (const auto& name : changes_.delete_bridges) { WARREN_TRY(delete_bridge(name)); }
        for (const auto& [bridge, port] : changes_.delete_ports) { WARREN_TRY(delete_port(bridge, port)); }
        for (const auto& bridge : changes_.add_bridges) { WARREN_TRY(add_bridge(bridge)); }
        for (const auto& [from, to] : changes_.set_bridges) { WARREN_TRY(set_bridge(from, to)); }
        for (const auto& [bridge, port] : changes_.add_ports) { WARREN_TRY(add_port(bridge, port)); }
        for (const auto& [bridge, from, to] : changes_.set_ports) { WARREN_TRY(set_port(bridge, from, to)); }
        join();
        for (auto& operation : bump_configuration(before_.root)) { push(std::move(operation)); }
        return std::move(out_);
    }

private:
    // What happens to one bridge's set of ports.
    struct Members {
        json::array add;
        json::array remove;
        json::object insert;  // the row of a new bridge
        std::string attempt;
    };

    std::size_t push(Operation operation) {
        out_.operations.push_back(std::move(operation));
        return out_.operations.size() - 1;
    }

    std::string fresh_name() { return fmt::format("row{}", next_name_++); }

    // Holds while the row is there and bears LAB's mark.
    void guard(const char* table, const std::string& row, const std::string& name, const std::string* lab,
               const std::string& attempt) {
        json::array where = where_uuid(row);
        if (lab != nullptr && !lab->empty()) {
            where.emplace_back(list("external_ids", "includes", map_of({{"warren-lab", *lab}})));
        }
        Operation wait;
        json::object expected;
        expected["name"] = name;
        wait.body = {
            {"op", "wait"}, {"timeout", 0}, {"table", table}, {"where", std::move(where)}, {"until", "=="}};
        wait.body["columns"] = list("name");
        wait.body["rows"] = list(std::move(expected));
        wait.attempt = attempt;
        wait.unmet = "it is gone or has another owner by now";
        push(std::move(wait));
    }

    void mutate(const char* table, const std::string& row, json::array mutations, const std::string& attempt) {
        if (mutations.empty()) { return; }
        Operation operation;
        operation.body = {{"op", "mutate"}, {"table", table}, {"where", where_uuid(row)}};
        operation.body["mutations"] = std::move(mutations);
        operation.attempt = attempt;
        push(std::move(operation));
    }

    void update(const char* table, const std::string& row, json::object columns, const std::string& attempt) {
        if (columns.empty()) { return; }
        Operation operation;
        operation.body = {{"op", "update"}, {"table", table}, {"where", where_uuid(row)}};
        operation.body["row"] = std::move(columns);
        operation.attempt = attempt;
        push(std::move(operation));
    }

    // Returns the name by which other operations of the transaction refer to the row.
    std::string insert(const char* table, json::object row, const std::string& attempt) {
        std::string name = fresh_name();
        Operation operation;
        operation.body = {{"op", "insert"}, {"table", table}, {"uuid-name", name}};
        operation.body["row"] = std::move(row);
        operation.attempt = attempt;
        push(std::move(operation));
        return name;
    }

    // An existing bridge that loses or gets ports; guarded once.
    Members& members(const BridgeRow& row) {
        auto [at, made] = members_.try_emplace(row.value.name);
        if (made) {
            at->second.attempt = "change the ports of Open vSwitch bridge " + row.value.name;
            guard("Bridge", row.uuid, row.value.name, nullptr, at->second.attempt);
        }
        return at->second;
    }

    Result<void> delete_bridge(const std::string& name) {
        const BridgeRow* row = before_.bridge(name);
        if (row == nullptr) { return {}; }
        const std::string attempt = "delete Open vSwitch bridge " + name;
        if (row->value.lab != changes_.lab) { return failure(attempt, "it bears " + maker(row->value.lab)); }
        if (!gone_bridges_.insert(name).second) { return {}; }
        guard("Bridge", row->uuid, name, &changes_.lab, attempt);
        removed_bridges_.emplace_back(uuid(row->uuid));  // its ports go with it, by garbage collection
        return {};
    }

    Result<void> delete_port(const std::string& bridge, const std::string& name) {
        const PortRow* row = before_.port(name);
        if (row == nullptr || row->bridge != bridge || gone_bridges_.contains(bridge)) { return {}; }
        const std::string attempt = fmt::format("delete port {} of Open vSwitch bridge {}", name, bridge);
        if (row->value.lab != changes_.lab) { return failure(attempt, "it bears " + maker(row->value.lab)); }
        if (!gone_ports_.insert(name).second) { return {}; }
        guard("Port", row->uuid, name, &changes_.lab, attempt);
        members(*before_.bridge(bridge)).remove.emplace_back(uuid(row->uuid));
        return {};
    }

    // Port names are unique in the whole database; a bridge's own name is also that of its local port.
    Result<void> take_name(const std::string& name, const std::string& attempt) {
        if (!new_ports_.insert(name).second) { return failure(attempt, "two ports of that name are to be added"); }
        const PortRow* row = before_.port(name);
        if (row == nullptr || gone_ports_.contains(name) || gone_bridges_.contains(row->bridge)) { return {}; }
        // A bridge's mark is that of its local port.
        const auto* bridge = row->bridge == name ? before_.bridge(name) : nullptr;
        const std::string what =
            bridge != nullptr ? "a bridge of that name" : "a port of that name on " + row->bridge;
        return failure(attempt, fmt::format("there is {} already, with {}", what,
                                            maker(bridge != nullptr ? bridge->value.lab : row->value.lab)));
    }

    std::string insert_port(const std::string& bridge, const OvsPort& port, bool local,
                            const std::string& datapath) {
        const std::string attempt = local ? "create Open vSwitch bridge " + bridge
                                          : fmt::format("add port {} to Open vSwitch bridge {}", port.name, bridge);
        json::object interface;
        interface["name"] = port.name;
        interface["type"] = port.type;
        if (const auto options = options_of(port); !options.empty()) { interface["options"] = map_of(options); }
        if (const auto number = openflow_number(bridge, port.name)) { interface["ofport_request"] = *number; }
        const std::string interface_name = insert("Interface", std::move(interface), attempt);
        out_.expected.push_back({attempt, port.name, datapath, out_.operations.size() - 1, ""});
        json::object row;
        row["name"] = port.name;
        row["interfaces"] = named_uuid(interface_name);
        put_vlans(row, port);
        if (const auto marks = marks_of(port); !marks.empty()) { row["external_ids"] = map_of(marks); }
        return insert("Port", std::move(row), attempt);
    }

    json::array controllers_of(const OvsBridge& bridge, const std::string& attempt) {
        json::array uuids;
        std::istringstream targets(bridge.controller);
        for (std::string target; targets >> target;) {
            json::object row;
            row["target"] = target;
            uuids.emplace_back(named_uuid(insert("Controller", std::move(row), attempt)));
        }
        return set_of(std::move(uuids));
    }

    static json::array protocols_of(const OvsBridge& bridge) {
        json::array names;
        for (const auto& protocol : bridge.protocols) { names.emplace_back(protocol); }
        return set_of(std::move(names));
    }

    static json::value fail_mode_of(const OvsBridge& bridge) {
        return bridge.fail_mode.empty() ? json::value(set_of({})) : json::value(bridge.fail_mode);
    }

    Result<void> add_bridge(const OvsBridge& bridge) {
        const std::string attempt = "create Open vSwitch bridge " + bridge.name;
        WARREN_TRY(take_name(bridge.name, attempt));
        Members& members = members_[bridge.name];
        members.attempt = attempt;
        json::object& row = members.insert;
        row["name"] = bridge.name;
        row["datapath_type"] = bridge.datapath_type;
        row["fail_mode"] = fail_mode_of(bridge);
        row["controller"] = controllers_of(bridge, attempt);
        row["protocols"] = protocols_of(bridge);
        row["stp_enable"] = bridge.stp;
        row["other_config"] = map_of(config_of(bridge));
        row["external_ids"] = map_of(marks_of(bridge));
        OvsPort local;
        local.name = bridge.name;
        local.type = "internal";
        local.lab = bridge.lab;
        members.add.emplace_back(named_uuid(insert_port(bridge.name, local, true, bridge.datapath_type)));
        for (const auto& [name, port] : bridge.ports) { WARREN_TRY(add_port(bridge.name, port)); }
        return {};
    }

    Result<void> add_port(const std::string& bridge, const OvsPort& port) {
        const std::string attempt = fmt::format("add port {} to Open vSwitch bridge {}", port.name, bridge);
        WARREN_TRY(take_name(port.name, attempt));
        const auto made = members_.find(bridge);
        Members* members = nullptr;
        if (made != members_.end() && !made->second.insert.empty()) {
            members = &made->second;
        } else {
            const BridgeRow* row = before_.bridge(bridge);
            if (row == nullptr || gone_bridges_.contains(bridge)) {
                return failure(attempt, "there is no such bridge");
            }
            members = &this->members(*row);
        }
        members->add.emplace_back(named_uuid(insert_port(bridge, port, false, "")));
        return {};
    }

    Result<void> set_bridge(const OvsBridge& from, const OvsBridge& to) {
        const std::string attempt = "configure Open vSwitch bridge " + to.name;
        const BridgeRow* row = before_.bridge(to.name);
        if (row == nullptr || gone_bridges_.contains(to.name)) { return failure(attempt, "it is gone"); }
        if (row->value.lab != from.lab) { return failure(attempt, "it bears " + maker(row->value.lab)); }
        guard("Bridge", row->uuid, to.name, &from.lab, attempt);
        json::object columns;
        if (from.datapath_type != to.datapath_type) { columns["datapath_type"] = to.datapath_type; }
        if (from.fail_mode != to.fail_mode) { columns["fail_mode"] = fail_mode_of(to); }
        if (from.controller != to.controller) { columns["controller"] = controllers_of(to, attempt); }
        if (from.protocols != to.protocols) { columns["protocols"] = protocols_of(to); }
        if (from.stp != to.stp) { columns["stp_enable"] = to.stp; }
        if (from.datapath_type != to.datapath_type) {
            if (const PortRow* local = before_.port(to.name)) {
                out_.expected.push_back({attempt, to.name, to.datapath_type, SIZE_MAX, local->interface});
            }
        }
        update("Bridge", row->uuid, std::move(columns), attempt);
        json::array mutations;
        if (config_of(from) != config_of(to)) {
            set_keys(mutations, "other_config", {"datapath-id", "hwaddr"}, config_of(to));
        }
        if (from.lab != to.lab) { set_keys(mutations, "external_ids", {"warren-lab"}, marks_of(to)); }
        mutate("Bridge", row->uuid, std::move(mutations), attempt);
        return {};
    }

    Result<void> set_port(const std::string& bridge, const OvsPort& from, const OvsPort& to) {
        const std::string attempt = fmt::format("configure port {} of Open vSwitch bridge {}", to.name, bridge);
        const PortRow* row = before_.port(to.name);
        if (row == nullptr || row->bridge != bridge || gone_bridges_.contains(bridge) ||
            gone_ports_.contains(to.name)) {
            return failure(attempt, "it is gone");
        }
        if (row->value.lab != from.lab) { return failure(attempt, "it bears " + maker(row->value.lab)); }
        guard("Port", row->uuid, to.name, &from.lab, attempt);
        json::object columns;
        if (from.tag != to.tag || from.trunks != to.trunks) { put_vlans(columns, to); }
        update("Port", row->uuid, std::move(columns), attempt);
        json::array mutations;
        if (marks_of(from) != marks_of(to)) {
            set_keys(mutations, "external_ids", {"warren-lab", "warren-host"}, marks_of(to));
        }
        mutate("Port", row->uuid, std::move(mutations), attempt);
        json::object interface;
        if (from.type != to.type) { interface["type"] = to.type; }
        update("Interface", row->interface, std::move(interface), attempt);
        json::array options;
        if (from.peer != to.peer) { set_keys(options, "options", {"peer"}, options_of(to)); }
        mutate("Interface", row->interface, std::move(options), attempt);
        out_.expected.push_back({attempt, to.name, "", SIZE_MAX, row->interface});
        return {};
    }

    // Each bridge's set of ports in one operation, then the set of bridges.
    void join() {
        json::array added;
        for (auto& [name, members] : members_) {
            if (!members.insert.empty()) {
                members.insert["ports"] = set_of(std::move(members.add));
                added.emplace_back(named_uuid(insert("Bridge", std::move(members.insert), members.attempt)));
                continue;
            }
            json::array mutations;
            if (!members.remove.empty()) {
                mutations.emplace_back(list("ports", "delete", set_of(std::move(members.remove))));
            }
            if (!members.add.empty()) {
                mutations.emplace_back(list("ports", "insert", set_of(std::move(members.add))));
            }
            mutate("Bridge", before_.bridge(name)->uuid, std::move(mutations), members.attempt);
        }
        json::array mutations;
        if (!removed_bridges_.empty()) {
            mutations.emplace_back(list("bridges", "delete", set_of(std::move(removed_bridges_))));
        }
        if (!added.empty()) { mutations.emplace_back(list("bridges", "insert", set_of(std::move(added)))); }
        mutate("Open_vSwitch", before_.root, std::move(mutations), "change the set of Open vSwitch bridges");
    }

    const Changes& changes_;
    const Snapshot& before_;
    Transaction out_;
    std::map<std::string, Members> members_;
    json::array removed_bridges_;
    std::unordered_set<std::string> gone_bridges_;
    std::unordered_set<std::string> gone_ports_;
    std::unordered_set<std::string> new_ports_;
    std::size_t next_name_ = 0;
};

}  // namespace

std::optional<std::uint16_t> openflow_number(std::string_view bridge, std::string_view port) {
    constexpr std::string_view kMiddle = "-eth";
    constexpr std::uint16_t kMost = 0xfeff;  // ovs-vswitchd.conf.db(5)
    if (!port.starts_with(bridge) || !port.substr(bridge.size()).starts_with(kMiddle)) { return std::nullopt; }
    port.remove_prefix(bridge.size() + kMiddle.size());
    std::uint16_t number = 0;
    const auto [end, fault] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (fault != std::errc{} || end != port.data() + port.size() || number == 0 || number > kMost) {
        return std::nullopt;
    }
    return number;
}

Result<Transaction> build_transaction(const Changes& changes, const Snapshot& before) {
    return Builder(changes, before).build();
}

Changes inverse(const Changes& changes, const Snapshot& before) {
    Changes back;
    back.lab = changes.lab;
    for (const auto& bridge : changes.add_bridges) { back.delete_bridges.push_back(bridge.name); }
    for (const auto& [bridge, port] : changes.add_ports) { back.delete_ports.emplace_back(bridge, port.name); }
    for (const auto& name : changes.delete_bridges) {
        if (const BridgeRow* row = before.bridge(name)) { back.add_bridges.push_back(row->value); }
    }
    for (const auto& [bridge, name] : changes.delete_ports) {
        const PortRow* row = before.port(name);
        const bool comes_with_bridge = std::find(changes.delete_bridges.begin(), changes.delete_bridges.end(),
                                                 bridge) != changes.delete_bridges.end();
        if (row != nullptr && row->bridge == bridge && !comes_with_bridge) {
            back.add_ports.emplace_back(bridge, row->value);
        }
    }
    for (const auto& [from, to] : changes.set_bridges) { back.set_bridges.emplace_back(to, from); }
    for (const auto& [bridge, from, to] : changes.set_ports) { back.set_ports.emplace_back(bridge, to, from); }
    return back;
}

}  // namespace warren::ovs
