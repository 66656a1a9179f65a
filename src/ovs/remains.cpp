// Finding and removing what killed Open vSwitch daemons left. Called by daemons.cpp.
#include "ovs/remains.hpp"

#include <cerrno>
#include <map>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/fd.hpp"
#include "linux/link.hpp"
#include "linux/netns.hpp"
#include "ovs/daemons.hpp"
#include "ovs/ovsdb.hpp"

namespace warren::ovs {
namespace {

constexpr const char* kDatapathDevice = "ovs-netdev";  // of the userspace datapath

// Which daemon of INSTANCE a command line starts; "" none.
std::string daemon_of(const std::vector<std::string>& words, const OvsInstance& instance) {
    for (const char* daemon : {"ovsdb-server", "ovs-vswitchd"}) {
        const std::string argument = pidfile_argument(instance, daemon);
        for (const auto& word : words) {
            if (word == argument) { return daemon; }
        }
    }
    const bool creates = words.size() >= 3 && words[0].ends_with("ovsdb-tool") && words[1] == "create" &&
                         words[2].starts_with(instance.directory + "/");
    return creates ? "ovsdb-tool" : "";
}

struct Found {
    std::vector<std::string> dead;  // to be removed
    std::string kernels;            // one of the kernel datapath's
};

Result<Found> find_devices(nl::Socket& socket, const std::set<std::string>& names, bool marked_only) {
    WARREN_ASSIGN(const auto links, dump_links(socket));
    Found found;
    for (const auto& link : links) {
        if (!names.contains(link.name)) { continue; }
        if (marked_only && !link.alias.starts_with("warren:")) { continue; }
        if (link.kind == "openvswitch") { found.kernels = link.name; }
        // A tap has a carrier as long as a process has it open.
        if (link.kind == "tun" && !link.carrier) { found.dead.push_back(link.name); }
    }
    return found;
}

Result<void> remove_in(const std::string& ns, const std::set<std::string>& names, bool marked_only) {
    WARREN_ASSIGN(const Fd fd, open_namespace(ns));
    WARREN_ASSIGN(auto socket, nl::Socket::open_in(fd.get()));
    WARREN_ASSIGN(const Found found, find_devices(socket, names, marked_only));
    for (const auto& name : found.dead) {
        auto removed = socket.send({delete_link(name), "remove " + name + ", which a dead ovs-vswitchd left"});
        if (!removed && removed.error().code != ENODEV) { return removed; }
    }
    if (!found.kernels.empty()) {
        return failure("remove " + found.kernels + ", which a dead ovs-vswitchd left",
                       "it is the kernel datapath's, which only ovs-vswitchd removes",
                       "have ovs-vswitchd start again, then try again");
    }
    return {};
}

}  // namespace

std::string pidfile_argument(const OvsInstance& instance, const std::string& daemon) {
    return fmt::format("--pidfile={}/{}.pid", instance.directory, daemon);
}

std::vector<Stray> find_strays(const OvsInstance& instance, const std::set<pid_t>& known) {
    std::vector<Stray> strays;
    for (const pid_t pid : all_processes()) {
        if (known.contains(pid)) { continue; }
        const auto id = process_id(pid);
        if (!id) { continue; }
        const std::string daemon = daemon_of(command_of(pid), instance);
        if (!daemon.empty()) { strays.push_back({*id, daemon}); }
    }
    return strays;
}

// The file is a log: after each header line "OVSDB JSON LENGTH HASH" a line with a transaction, table by table:
// {"Interface": {UUID: {"name": ..., "type": ...}}, ...}, of each row what changed.
std::set<std::string> devices_in(std::string_view text) {
    std::map<std::string, std::string> interfaces;  // names by UUID
    std::set<std::string> devices;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (!line.starts_with('{')) { continue; }
        json::error_code code;
        const json::value value = json::parse(json::string_view(line.data(), line.size()), code);
        if (code || !value.is_object()) { continue; }
        const auto each_row = [&value](const char* table, const auto& take) {
            const auto* rows = value.get_object().if_contains(table);
            if (rows == nullptr || !rows->is_object()) { return; }
            for (const auto& [id, row] : rows->get_object()) {
                if (row.is_object()) { take(std::string(id), row.get_object()); }
            }
        };
        each_row("Bridge", [&](const std::string&, const json::object& row) {
            if (const std::string name = text_of(row, "name"); !name.empty()) { devices.insert(name); }
        });
        each_row("Interface", [&](const std::string& id, const json::object& row) {
            if (const std::string name = text_of(row, "name"); !name.empty()) { interfaces[id] = name; }
            if (text_of(row, "type") == "internal" && interfaces.contains(id)) { devices.insert(interfaces[id]); }
        });
    }
    return devices;
}

Result<void> remove_dead_devices(const OvsInstance& instance) {
    const auto database = read_file(instance.directory + "/conf.db");
    if (!database) { return {}; }  // without one nothing was made
    auto names = devices_in(*database);
    for (const auto& [ns, inode] : named_namespaces()) {
        if (inode == 0 || ns == instance.net_namespace) { continue; }
        WARREN_TRY(remove_in(ns, names, true));
    }
    if (namespace_gone(instance)) { return {}; }
    names.insert(kDatapathDevice);
    return remove_in(instance.net_namespace, names, false);
}

}  // namespace warren::ovs
