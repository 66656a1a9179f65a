// The doctor's trials of what runs beside the links: a DHCP lease, nftables, BPF. Called by doctor.cpp.
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "probe/doctor_trials.hpp"
#include "probe/namespaces.hpp"
#include "probe/throw_away.hpp"
#include "state/dhcp.hpp"

namespace warren::probe {
namespace {

using namespace std::chrono_literals;

constexpr auto kLease = 10s;

// Waits until one of the descriptors is readable; its place, or -1 at the end of the time.
int wait_for_one(std::vector<pollfd> fds, Clock::time_point until) {
    for (;;) {
        const int ready = ::poll(fds.data(), fds.size(), milliseconds_until(until));
        if (ready < 0 && errno == EINTR) { continue; }
        for (std::size_t i = 0; ready > 0 && i < fds.size(); ++i) {
            if (fds[i].revents != 0) { return static_cast<int>(i); }
        }
        return -1;
    }
}

Result<Child> start(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                    const ThrowAway& in) {
    SpawnOptions options;
    options.command = command;
    options.environment = environment;
    options.net_namespace = in.ns.get();
    return spawn(options);
}

Result<void> write_files(const std::map<std::string, std::string>& files) {
    for (const auto& [path, content] : files) { WARREN_TRY(write_file_atomic(path, content)); }
    return {};
}

// dnsmasq as a lab runs it; returns when its sockets are bound, which its pid file tells.
Result<Child> start_server(const DhcpServer& server, const ThrowAway& in) {
    const DhcpServerPlan plan = plan_dhcp_server(server);
    WARREN_TRY(write_files(plan.files));
    const Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!watch.valid() || ::inotify_add_watch(watch.get(), server.directory.c_str(), IN_CREATE | IN_MOVED_TO) < 0) {
        return errno_failure("watch " + server.directory);
    }
    WARREN_ASSIGN(Child child, start(plan.command, {}, in));
    const auto until = Clock::now() + kLease;
    while (!path_exists(plan.pid_file)) {
        const int which = wait_for_one({{watch.get(), POLLIN, 0}, {child.pidfd.get(), POLLIN, 0}}, until);
        if (which == 1) {
            WARREN_ASSIGN(const auto exited, wait_for(child, 0ms));
            return failure("start dnsmasq", "dnsmasq ended: " + (exited ? exited->text() : ""));
        }
        if (which < 0) { return failure("start dnsmasq", "dnsmasq was not ready in time"); }
        char events[4096];
        (void)::read(watch.get(), events, sizeof events);
    }
    return child;
}

// A real server and a real client with Warren's own script, as labs have them.
Result<std::string> try_lease(const Surroundings& around) {
    WARREN_ASSIGN(auto at_server, make_throw_away());
    WARREN_ASSIGN(auto at_client, make_throw_away());
    WARREN_TRY(join(at_server, "server", at_client, "client"));
    const Prefix own = *Prefix::parse("10.0.0.1/24");
    WARREN_TRY(put_address(at_server, "server", own));

    DhcpServer server;
    server.lab = "doctor";
    server.network = "net";
    server.interface = "server";
    server.address = own;
    server.range = {*IpAddress::parse("10.0.0.10"), *IpAddress::parse("10.0.0.20")};
    server.directory = around.directory + "/dhcp";
    server.lease_file = server.directory + "/leases";
    server.program = around.site.dnsmasq;
    WARREN_TRY(make_directories(server.directory, 0700));
    WARREN_ASSIGN(const Child serving, start_server(server, at_server));

    DhcpClient client;
    client.lab = "doctor";
    client.host = "client";
    client.interface = "client";
    client.directory = server.directory;
    client.program = around.site.dhcp_client;
    client.script = server.directory + "/dhcp-script";
    if (::symlink(around.site.warren.c_str(), client.script.c_str()) != 0) {
        return errno_failure("link the script");
    }
    const DhcpClientPlan plan = plan_dhcp_client(client);
    WARREN_TRY(write_files(plan.files));
    WARREN_ASSIGN(auto news, nl::Socket::open_in(at_client.ns.get(), NETLINK_ROUTE, RTMGRP_IPV4_IFADDR));
    WARREN_ASSIGN(Child asking, start(plan.command, plan.environment, at_client));

    const std::string attempt = "get a lease";
    const auto until = Clock::now() + kLease;
    std::string leased;
    while (leased.empty()) {
        const int which = wait_for_one({{news.fd(), POLLIN, 0}, {asking.pidfd.get(), POLLIN, 0}}, until);
        if (which < 0) { return failure(attempt, fmt::format("no lease within {} s", kLease.count())); }
        if (which == 1) {
            WARREN_ASSIGN(const auto exited, wait_for(asking, 0ms));
            return failure(attempt, client.program + " ended: " + (exited ? exited->text() : ""));
        }
        WARREN_TRY(news.drain([&](const nlmsghdr* message) {
            if (message->nlmsg_type == RTM_NEWADDR) { leased = parse_address(message).value.to_string(); }
        }));
    }
    const std::string program = client.program.substr(client.program.rfind('/') + 1);
    return fmt::format("{} got {} from dnsmasq", program, leased);
}

Seen lease(const Surroundings& around) {
    if (around.site.dnsmasq.empty()) {
        return works_not("dnsmasq is not installed", "apt-get install dnsmasq-base");
    }
    if (around.site.dhcp_client.empty()) {
        return works_not("neither dhclient nor udhcpc is installed", "apt-get install isc-dhcp-client");
    }
    return seen(try_lease(around));
}

constexpr std::string_view kRules = R"({"nftables": [
{"add": {"table": {"family": "inet", "name": "t"}}},
{"add": {"chain": {"family": "inet", "table": "t", "name": "in", "type": "filter", "hook": "input", "prio": 0,
                   "policy": "accept"}}},
{"add": {"rule": {"family": "inet", "table": "t", "chain": "in", "expr": [{"counter": null}, {"accept": null}]}}},
{"add": {"chain": {"family": "inet", "table": "t", "name": "out", "type": "nat", "hook": "postrouting", "prio": 100,
                   "policy": "accept"}}},
{"add": {"rule": {"family": "inet", "table": "t", "chain": "out", "expr": [{"masquerade": null}]}}}
]})";

Result<std::string> load_rules() {
    WARREN_ASSIGN(const auto place, make_throw_away());
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) { return errno_failure("make a pipe"); }
    const Fd input(ends[0]);
    Fd output(ends[1]);
    WARREN_TRY(write_all(output.get(), kRules, "nft"));  // fits into the pipe
    output.reset();
    SpawnOptions options;
    options.command = {"nft", "-j", "-f", "-"};
    options.stdin_fd = input.get();
    options.net_namespace = place.ns.get();
    WARREN_ASSIGN(const auto ran, run(options, 10s));
    if (!ran.exited.success()) {
        std::string why = ran.err.empty() ? ran.exited.text() : ran.err.substr(0, ran.err.find('\n'));
        return failure("load rules", std::move(why));
    }
    return "filter and masquerade rules load";
}

Seen rules() {
    if (find_program("nft").empty()) { return works_not("nft is not installed", "apt-get install nftables"); }
    return seen(load_rules());
}

// r0 = TC_ACT_OK; exit. Attached to the ingress of lo by tc.
Result<std::string> try_bpf() {
    WARREN_ASSIGN(auto place, make_throw_away());
    bpf_insn program[2]{};
    program[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
    program[1].code = BPF_JMP | BPF_EXIT;
    static constexpr char kLicence[] = "GPL";
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    attributes.insns = reinterpret_cast<std::uintptr_t>(program);
    attributes.insn_cnt = 2;
    attributes.license = reinterpret_cast<std::uintptr_t>(kLicence);
    const Fd loaded(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes)));
    if (!loaded.valid()) {
        const int code = errno;
        return failure("load a BPF program", "not loaded: " + errno_text(code));
    }
    tcmsg head{};
    head.tcm_ifindex = 1;
    head.tcm_parent = TC_H_CLSACT;
    head.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    nl::Message queue(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
    queue.header(head).put_string(TCA_KIND, "clsact");
    WARREN_TRY(place.socket.send({std::move(queue), "add clsact"}));
    head.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
    head.tcm_handle = 0;
    head.tcm_info = TC_H_MAKE(1U << 16U, htons(0x0003));  // priority 1, ETH_P_ALL
    nl::Message filter(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL);
    filter.header(head).put_string(TCA_KIND, "bpf");
    filter.begin_nest(TCA_OPTIONS);
    filter.put_u32(TCA_BPF_FD, static_cast<std::uint32_t>(loaded.get()));
    filter.put_string(TCA_BPF_NAME, "doctor");
    filter.put_u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
    filter.end_nest();
    WARREN_TRY(place.socket.send({std::move(filter), "attach the BPF program"}));
    return "a program loads and attaches to an interface";
}

Seen program(const std::vector<std::string>& names, const std::string& package) {
    for (const auto& name : names) {
        if (const std::string path = find_program(name); !path.empty()) { return works(path); }
    }
    return works_not("not installed", "apt-get install " + package);
}

}  // namespace

void add_service_trials(Trials& trials, const Surroundings& around) {
    std::string group = "Services";
    trials.push_back({group, "DHCP lease", "networks with 'dhcp', interfaces with 'address: dhcp'",
                      "apt-get install dnsmasq-base isc-dhcp-client; a kernel with CONFIG_PACKET",
                      [around] { return lease(around); }});
    trials.push_back(
        {group, "nftables", "address translation and packet filters in hosts",
         "apt-get install nftables; a kernel with CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET, CONFIG_NFT_MASQ",
         rules});
    trials.push_back({group, "BPF on interfaces", "BPF programs on links",
                      "a kernel with CONFIG_BPF_SYSCALL, CONFIG_NET_CLS_BPF, CONFIG_NET_SCH_INGRESS",
                      [] { return seen(try_bpf()); }});
    group = "Programs";
    const auto add = [&](const char* name, std::vector<std::string> names, const char* blocks,
                         const char* package) {
        trials.push_back({group, name, blocks, "",
                          [names = std::move(names), package] { return program(names, package); }, false});
    };
    add("Open vSwitch", {"ovs-vswitchd"}, "switches of kind ovs", "openvswitch-switch");
    add("dnsmasq", {"dnsmasq"}, "networks with 'dhcp'", "dnsmasq-base");
    add("DHCP client", {"dhclient", "udhcpc"}, "interfaces with 'address: dhcp'", "isc-dhcp-client");
    add("nft", {"nft"}, "address translation in hosts", "nftables");
    add("tcpdump", {"tcpdump"}, "nothing of Warren's own: it shows packets in a host", "tcpdump");
}

}  // namespace warren::probe
