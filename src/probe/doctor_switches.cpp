// The doctor's trials of switches: a TCP connection through each kind. Called by doctor.cpp.
#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "engine/look.hpp"
#include "ovs/bridges.hpp"
#include "ovs/daemons.hpp"
#include "probe/doctor_trials.hpp"
#include "probe/namespaces.hpp"
#include "probe/throughput.hpp"
#include "probe/throw_away.hpp"

namespace warren::probe {
namespace {

using namespace std::chrono_literals;

constexpr const char* kInstall = "apt-get install openvswitch-switch";

// Two hosts with an address, and the namespace in the middle with their links' other ends, `pa` and `pb`.
struct Hosts {
    ThrowAway a;
    ThrowAway b;
    ThrowAway middle;
};

Result<Hosts> make_hosts() {
    WARREN_ASSIGN(auto a, make_throw_away());
    WARREN_ASSIGN(auto b, make_throw_away());
    WARREN_ASSIGN(auto middle, make_throw_away());
    Hosts hosts{std::move(a), std::move(b), std::move(middle)};
    WARREN_TRY(join(hosts.middle, "pa", hosts.a, "eth0"));
    WARREN_TRY(join(hosts.middle, "pb", hosts.b, "eth0"));
    WARREN_TRY(put_address(hosts.a, "eth0", *Prefix::parse("10.0.0.1/24")));
    WARREN_TRY(put_address(hosts.b, "eth0", *Prefix::parse("10.0.0.2/24")));
    return hosts;
}

Result<void> tcp(const Hosts& hosts, std::chrono::milliseconds connect = 5s) {
    Flow flow;
    flow.from = hosts.a.ns.get();
    flow.to = hosts.b.ns.get();
    flow.address = *IpAddress::parse("10.0.0.2");
    flow.bytes = 64U << 10U;
    flow.time = 5s;
    flow.connect = connect;
    auto through = measure(flow);
    if (!through) { return tl::unexpected(std::move(through).error()); }
    return {};
}

Result<std::string> try_bridge() {
    WARREN_ASSIGN(auto hosts, make_hosts());
    WARREN_TRY(hosts.middle.socket.send(
        {new_bridge("br", MacAddress::derived("br"), 1500, false, false, 0), "make a bridge"}));
    for (const char* port : {"pa", "pb"}) { WARREN_TRY(put_under(hosts.middle, port, "br")); }
    WARREN_TRY(bring_up(hosts.middle, "br"));
    WARREN_TRY(tcp(hosts));
    return "TCP passes";
}

Seen try_vlan_bridge() {
    const auto filters = bridge_filters_vlans();
    if (!filters) { return unknown(filters.error().message()); }
    return *filters ? works("the bridge filters VLANs") : works_not("the kernel's bridge does not filter VLANs");
}

OvsInstance instance_in(const std::string& directory) {
    OvsInstance instance;
    instance.kind = OvsInstance::Kind::warren;
    instance.directory = directory;
    return instance;
}

// A bridge with the two ports, of a running instance.
Result<void> make_ovs_bridge(const OvsInstance& instance, const std::string& datapath) {
    ovs::Changes changes;
    OvsBridge bridge;
    bridge.name = "ovsbr";
    bridge.datapath_type = datapath;
    bridge.fail_mode = "standalone";
    bridge.mac = MacAddress::derived("ovsbr");
    for (const char* name : {"pa", "pb"}) {
        OvsPort port;
        port.name = name;
        bridge.ports.emplace(name, port);
    }
    changes.add_bridges.push_back(bridge);
    WARREN_ASSIGN(auto connection, ovs::Connection::connect(instance.socket(), 2s));
    return connection.apply(changes, 20s);
}

Result<std::string> try_ovs(const std::string& directory, const std::string& datapath) {
    WARREN_ASSIGN(auto hosts, make_hosts());
    const OvsInstance instance = instance_in(directory);
    WARREN_TRY(ovs::start(instance, hosts.middle.ns.get()));
    WARREN_TRY(make_ovs_bridge(instance, datapath));
    WARREN_TRY(tcp(hosts));
    return datapath == "netdev" ? "TCP passes, with segmentation offload" : "TCP passes";
}

// A database with the root row in it already: the starter leaves that as it is, and segmentation offload off.
Result<void> make_plain_database(const OvsInstance& instance) {
    WARREN_TRY(make_directories(instance.directory, 0700));
    const std::string file = instance.directory + "/conf.db";
    const std::vector<std::vector<std::string>> commands{
        {"ovsdb-tool", "create", file, "/usr/share/openvswitch/vswitch.ovsschema"},
        {"ovsdb-tool", "transact", file, R"(["Open_vSwitch",{"op":"insert","table":"Open_vSwitch","row":{}}])"}};
    for (const auto& command : commands) {
        SpawnOptions options;
        options.command = command;
        WARREN_ASSIGN(const auto output, run(options, 10s));
        if (!output.exited.success()) { return failure("run ovsdb-tool", output.err); }
    }
    return {};
}

// TCP segments that the namespace of NS_FD has thrown away for their checksum.
int wrong_checksums(int ns_fd) {
    int count = 0;
    (void)in_namespace(ns_fd, [&]() -> Result<void> {
        WARREN_ASSIGN(const std::string text, read_file("/proc/thread-self/net/snmp"));
        // Two lines "Tcp: ", of names and of values.
        const auto names_at = text.find("Tcp: ");
        const auto values_at = text.find("Tcp: ", names_at + 1);
        if (names_at == std::string::npos || values_at == std::string::npos) { return {}; }
        const auto column = [&](std::size_t from) { return text.substr(from, text.find('\n', from) - from); };
        const std::string names = column(names_at);
        const std::string values = column(values_at);
        const auto found = names.find("InCsumErrors");
        if (found == std::string::npos) { return {}; }
        const auto before = std::count(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(found), ' ');
        std::size_t at = 0;
        for (std::ptrdiff_t i = 0; i < before; ++i) { at = values.find(' ', at) + 1; }
        count = std::atoi(values.c_str() + at);
        return {};
    });
    return count;
}

Result<void> switch_checksum_offload_off(const Hosts& hosts) {
    for (const auto* host : {&hosts.a, &hosts.b}) {
        WARREN_TRY(in_namespace(host->ns.get(), []() -> Result<void> {
            WARREN_ASSIGN(const Fd socket, open_socket(AF_INET, SOCK_DGRAM, 0, "a socket"));
            return set_tx_checksum(socket.get(), "eth0", false);
        }));
    }
    return {};
}

// As the machine's own Open vSwitch runs: without segmentation offload it passes on checksums that the kernel has left
// to a network card, and the other end throws the segment away. Ping works, TCP does not.
Result<std::string> try_checksum_trap(const std::string& directory) {
    WARREN_ASSIGN(auto hosts, make_hosts());
    const OvsInstance instance = instance_in(directory);
    WARREN_TRY(make_plain_database(instance));
    WARREN_TRY(ovs::start(instance, hosts.middle.ns.get()));
    WARREN_TRY(make_ovs_bridge(instance, "netdev"));
    const bool passes = tcp(hosts, 250ms).has_value();
    const int wrong = wrong_checksums(hosts.b.ns.get());
    WARREN_TRY(switch_checksum_offload_off(hosts));
    WARREN_TRY(tcp(hosts));
    if (passes) { return "TCP passes, also with transmit checksum offload"; }
    return fmt::format("TCP passes with transmit checksum offload off, as labs have it; with it on it does not{}",
                       wrong > 0 ? " (wrong checksums arrive)" : "");
}

Seen try_machine_ovs() {
    if (auto socket = ovs::machine_socket()) { return works("answers at " + *socket + ": labs use it"); }
    return unknown("does not run: Warren starts one of its own for labs that need it");
}

// What Open vSwitch needs and is not there, or "".
std::string ovs_lacks() {
    for (const char* program : {"ovsdb-server", "ovs-vswitchd", "ovsdb-tool"}) {
        if (find_program(program).empty()) { return std::string(program) + " is not installed"; }
    }
    return {};
}

Seen try_userspace(const std::string& directory, Result<std::string> (*attempt)(const std::string&)) {
    if (const std::string lacks = ovs_lacks(); !lacks.empty()) { return works_not(lacks, kInstall); }
    if (::access("/dev/net/tun", R_OK | W_OK) != 0) { return works_not("/dev/net/tun: " + errno_text(errno)); }
    return seen(attempt(directory));
}

Seen try_kernel_datapath(const std::string& directory) {
    if (!ovs::kernel_datapath()) {
        return works_not("the kernel has none: 'datapath: auto' means the userspace datapath (netdev)");
    }
    if (const std::string lacks = ovs_lacks(); !lacks.empty()) { return works_not(lacks, kInstall); }
    return seen(try_ovs(directory, "system"));
}

}  // namespace

void add_switch_trials(Trials& trials, const Surroundings& around) {
    const std::string group = "Switches";
    trials.push_back({group, "Linux bridge", "switches of kind bridge",
                      "a kernel with CONFIG_BRIDGE (modprobe bridge)", [] { return seen(try_bridge()); }, true,
                      true});
    trials.push_back({group, "VLANs on Linux bridges", "'vlan' and 'trunk' on switches of kind bridge",
                      "kind: ovs for that switch, or a kernel with CONFIG_BRIDGE_VLAN_FILTERING", try_vlan_bridge});
    const std::string userspace =
        std::string(kInstall) + "; modprobe tun (CONFIG_TUN); a container needs /dev/net/tun";
    trials.push_back({group, "Open vSwitch, userspace datapath", "switches of kind ovs", userspace,
                      [directory = around.directory + "/ovs"] {
                          return try_userspace(directory,
                                               [](const std::string& in) { return try_ovs(in, "netdev"); });
                      }});
    trials.push_back(
        {group, "the same, checksum trap", "TCP through the machine's own Open vSwitch", userspace,
         [directory = around.directory + "/ovs-plain"] { return try_userspace(directory, try_checksum_trap); }});
    trials.push_back({group, "Open vSwitch, kernel datapath",
                      "'datapath: system', and full speed through Open vSwitch",
                      "modprobe openvswitch: a kernel with CONFIG_OPENVSWITCH (Debian's linux-image-amd64 has it)",
                      [directory = around.directory + "/ovs-kernel"] { return try_kernel_datapath(directory); }});
    trials.push_back({group, "the machine's own Open vSwitch", "", "", try_machine_ovs, false});
}

}  // namespace warren::probe
