// phase_of: where in a plan a step has its place; each pass of diff() sorts by it.
#include "plan/plan.hpp"

namespace warren {

std::string_view sysctl_device(std::string_view key) {
    // net.ipv4.conf.DEVICE.KEY, net/ipv6/neigh/DEVICE/KEY; a device's name may have dots in the first form.
    const auto is_separator = [](char c) { return c == '.' || c == '/'; };
    for (const std::string_view table :
         {"net.ipv4.conf.", "net.ipv6.conf.", "net.ipv4.neigh.", "net.ipv6.neigh.", "net.mpls.conf."}) {
        if (key.size() <= table.size()) { continue; }
        bool same = true;
        for (std::size_t i = 0; i < table.size() && same; ++i) {
            same = is_separator(table[i]) ? is_separator(key[i]) : table[i] == key[i];
        }
        if (!same) { continue; }
        const std::size_t last = key.rfind(key[3]);
        if (last < table.size()) { return {}; }
        const std::string_view device = key.substr(table.size(), last - table.size());
        return device == "all" || device == "default" ? std::string_view{} : device;
    }
    return {};
}

Phase phase_of(const Step& step) {
    return std::visit(
        Overload{
            [](const AddNamespace&) { return Phase::add_namespaces; },
            [](const DelNamespace&) { return Phase::remove_namespaces; },
            [](const AddBridge&) { return Phase::add_bridges; },
            [](const DelBridge&) { return Phase::remove_bridges; },
            [](const AddVeth&) { return Phase::add_links; },
            [](const DelVeth&) { return Phase::remove_links; },
            [](const PlaceInternal&) { return Phase::place; },
            [](const UnplaceInternal&) { return Phase::unplace; },
            [](const DelStray&) { return Phase::remove_links; },
            [](const SetLink& s) {
                return s.after.master.empty() && !s.before.master.empty() ? Phase::release_links : Phase::set_links;
            },
            [](const AddAddress&) { return Phase::addresses; },
            [](const DelAddress&) { return Phase::remove_addresses; },
            [](const AddRoute&) { return Phase::routes; },
            [](const DelRoute&) { return Phase::remove_routes; },
            [](const AddNeighbour&) { return Phase::routes; },
            [](const DelNeighbour&) { return Phase::remove_routes; },
            [](const SetSysctl& s) {
                return sysctl_device(s.key).empty() ? Phase::sysctls : Phase::device_sysctls;
            },
            [](const SetShaping&) { return Phase::shape; },
            [](const StartOvs&) { return Phase::start_ovs; },
            [](const StopOvs&) { return Phase::stop_ovs; },
            [](const AddOvsBridge&) { return Phase::add_ovs; },
            [](const DelOvsBridge&) { return Phase::remove_ovs; },
            [](const SetOvsBridge&) { return Phase::add_ovs; },
            [](const AddOvsPort&) { return Phase::add_ovs; },
            [](const DelOvsPort&) { return Phase::remove_ovs; },
            [](const SetOvsPort&) { return Phase::add_ovs; },
            [](const PutFile&) { return Phase::add_files; },
            [](const DelFile&) { return Phase::remove_files; },
            [](const StartProcess& s) {
                return s.value.role == ProcessRole::dhcp_server ? Phase::start_servers : Phase::start_processes;
            },
            [](const StopProcess&) { return Phase::stop_processes; },
            [](const ReloadProcess& s) { return s.on_undo ? Phase::stop_processes : Phase::start_servers; },
            [](const StartKeeper&) { return Phase::start_keeper; },
            [](const StopKeeper&) { return Phase::stop_keeper; },
        },
        step);
}

}  // namespace warren
