// Tries what labs need. Called by `warren doctor`.
#include "engine/doctor.hpp"

#include <cerrno>
#include <functional>
#include <thread>

#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "engine/engine.hpp"
#include "engine/sysctl.hpp"
#include "linux/link.hpp"
#include "linux/netns.hpp"
#include "ovs/daemons.hpp"

namespace warren {
namespace {

// Runs BODY with a netlink socket in a network namespace that ends with it.
Result<void> in_throw_away(const std::function<Result<void>(nl::Socket&)>& body) {
    Result<void> result;
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) != 0) {
            result = errno_failure("make a network namespace");
            return;
        }
        auto socket = nl::Socket::open();
        result = socket ? body(*socket) : tl::unexpected(socket.error());
    }).join();
    return result;
}

std::string text_of(const Error& error) { return error.reason.empty() ? errno_text(error.code) : error.reason; }

Finding tried(const std::string& name, const Result<void>& result, const std::string& good,
              const std::string& blocks, const std::string& cure) {
    if (result) { return {name, true, good, "", ""}; }
    return {name, false, text_of(result.error()), blocks, cure};
}

Finding program(const std::string& name, const std::vector<std::string>& names, const std::string& blocks,
                const std::string& package) {
    for (const auto& candidate : names) {
        if (const std::string path = find_program(candidate); !path.empty()) { return {name, true, path, "", ""}; }
    }
    return {name, false, "not installed", blocks, "apt-get install " + package};
}

NewVethEnd veth_end(const std::string& name) {
    NewVethEnd end;
    end.name = name;
    end.mac = MacAddress::derived(name);
    end.up = false;
    return end;
}

Result<void> make_veth(nl::Socket& socket) {
    return socket.send({new_veth(veth_end("a"), veth_end("b"), 0), "make a veth pair"});
}

Result<void> make_bridge(nl::Socket& socket) {
    return socket.send({new_bridge("b", MacAddress::derived("b"), 1500, false, false, 0), "make a bridge"});
}

// A queueing discipline by name on the loopback of a throw-away namespace.
Result<void> try_netem(nl::Socket& socket) {
    nl::Message message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE);
    tcmsg head{};
    head.tcm_ifindex = 1;
    head.tcm_parent = TC_H_ROOT;
    head.tcm_handle = 0x10000;
    message.header(head);
    message.put_string(TCA_KIND, "netem");
    tc_netem_qopt options{};
    options.limit = 1000;
    message.put(TCA_OPTIONS, &options, sizeof options);
    return socket.send({std::move(message), "add a netem queueing discipline"});
}

Finding machine_ovs() {
    const std::string name = "the machine's own Open vSwitch";
    if (auto socket = ovs::machine_socket()) {
        return {name, true, "answers at " + *socket + ": labs use it", "", ""};
    }
    return {name, std::nullopt, "does not run: Warren starts one of its own for labs that need it", "", ""};
}

Finding kernel_datapath() {
    const std::string name = "Open vSwitch kernel datapath";
    if (ovs::kernel_datapath()) { return {name, true, "used by 'datapath: auto'", "", ""}; }
    return {name, false, "the kernel has none: 'datapath: auto' means the userspace datapath (netdev)",
            "'datapath: system', and full speed through Open vSwitch",
            "the kernel module openvswitch (CONFIG_OPENVSWITCH)"};
}

Finding vlan_bridge() {
    const std::string name = "VLANs on Linux bridges";
    const auto filters = bridge_filters_vlans();
    if (!filters) { return {name, std::nullopt, text_of(filters.error()), "", ""}; }
    if (*filters) { return {name, true, "the bridge filters VLANs", "", ""}; }
    return {name, false, "the kernel's bridge does not filter VLANs",
            "'vlan' and 'trunk' on switches of kind bridge",
            "kind: ovs for that switch, or a kernel with CONFIG_BRIDGE_VLAN_FILTERING"};
}

Finding bridge_netfilter() {
    const std::string name = "bridges without the firewall";
    const auto value = read_sysctl("net.bridge.bridge-nf-call-iptables");
    if (!value || *value == "0") {
        return {name, true, "bridged frames do not pass the machine's firewall", "", ""};
    }
    return {name, false,
            "br_netfilter passes bridged frames through the firewall: about a third of the small-packet rate",
            "full speed on Linux bridges of 'root: machine' labs",
            "'root: private' in the lab file, where it is switched off"};
}

Finding neighbour_table() {
    const auto value = read_sysctl("net.ipv4.neigh.default.gc_thresh3");
    if (!value) { return {"neighbour table", std::nullopt, text_of(value.error()), "", ""}; }
    return {"neighbour table", true, fmt::format("holds {} entries for all namespaces together", *value), "", ""};
}

Finding open_files() {
    rlimit limit{};
    (void)::getrlimit(RLIMIT_NOFILE, &limit);
    constexpr rlim_t kPlenty = 4096;
    if (limit.rlim_max >= kPlenty) { return {"open files", true, fmt::format("up to {}", limit.rlim_max), "", ""}; }
    return {"open files", false, fmt::format("at most {}", limit.rlim_max), "speed with many hosts",
            "ulimit -n 65536"};
}

}  // namespace

std::vector<Finding> examine_machine() {
    std::vector<Finding> findings;
    const std::string root = "everything: run as root";
    findings.push_back(tried("network namespaces", in_throw_away([](nl::Socket&) -> Result<void> { return {}; }),
                             "can be made", root, "run as root; CONFIG_NET_NS"));
    const bool namespaces = *findings.back().works;
    if (namespaces) {
        findings.push_back(tried("veth pairs", in_throw_away(make_veth), "can be made", "links", "CONFIG_VETH"));
        findings.push_back(tried("Linux bridges", in_throw_away(make_bridge), "can be made",
                                 "switches of kind bridge", "CONFIG_BRIDGE"));
        findings.push_back(vlan_bridge());
    }
    findings.push_back(program("Open vSwitch", {"ovs-vswitchd"}, "switches of kind ovs", "openvswitch-switch"));
    findings.push_back(machine_ovs());
    findings.push_back(kernel_datapath());
    findings.push_back(path_exists("/dev/net/tun")
                           ? Finding{"TAP devices", true, "/dev/net/tun is there", "", ""}
                           : Finding{"TAP devices", false, "/dev/net/tun is missing",
                                     "Open vSwitch's userspace datapath", "CONFIG_TUN; modprobe tun"});
    findings.push_back(program("dnsmasq", {"dnsmasq"}, "networks with dhcp", "dnsmasq-base"));
    findings.push_back(
        program("DHCP client", {"dhclient", "udhcpc"}, "interfaces with 'address: dhcp'", "isc-dhcp-client"));
    if (namespaces) {
        findings.push_back(tried("delay and loss (netem)", in_throw_away(try_netem), "can be added",
                                 "nothing in this version: impairments come later", "CONFIG_NET_SCH_NETEM"));
    }
    findings.push_back(bridge_netfilter());
    findings.push_back(neighbour_table());
    findings.push_back(open_files());
    return findings;
}

}  // namespace warren
