// Labs made by chance, the same for the same seed, that check_lab() finds no fault with. For property tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>

#include "lab/lab.hpp"
#include "lab/names.hpp"

namespace warren::testing {

struct RandomLabOptions {
    int most_hosts = 12;
    bool ovs = true;           // Open vSwitch switches among them
    bool bridge_vlans = true;  // VLANs on Linux bridges
    bool dhcp = true;
    bool services = true;
    bool sysctls = true;
    bool impairments = true;
    bool netem = true;  // among them what only netem does
    bool down = true;   // links that are down
};

class RandomLab {
public:
    RandomLab(std::uint64_t seed, RandomLabOptions options)
        : random_(seed), impairing_(seed + 1000), options_(options) {}

    Lab make() {
        lab_.name = "random-" + std::to_string(below(1000));
        lab_.root = chance(2) ? RootKind::machine : RootKind::secluded;
        add_defaults();
        add_switches();
        add_switch_links();
        add_networks();
        const int hosts = 1 + below(options_.most_hosts);
        for (int i = 1; i <= hosts; ++i) { add_host(i); }
        add_direct_links();
        if (options_.impairments) { add_impairments(); }
        add_reservations();
        add_expectations();
        return std::move(lab_);
    }

private:
    // Not std::uniform_int_distribution: its numbers differ from one library to the next.
    int below(int limit) { return static_cast<int>(random_() % static_cast<std::uint64_t>(limit)); }
    bool chance(int in) { return below(in) == 0; }
    template <class T>
    T& one_of(std::vector<T>& things) {
        return things[static_cast<std::size_t>(below(static_cast<int>(things.size())))];
    }
    std::string fresh(const std::string& stem) { return stem + std::to_string(++names_); }
    static IpAddress ip(const std::string& text) { return IpAddress::parse(text).value(); }
    static Prefix prefix(const std::string& text) { return Prefix::parse(text).value(); }
    MacAddress mac() { return MacAddress::derived(fresh("mac")); }
    bool is_ovs(const std::string& name) { return kind_of(lab_, *lab_.find_switch(name)) == SwitchKind::ovs; }
    bool vlans_on(const std::string& name) { return options_.bridge_vlans || is_ovs(name); }

    void add_defaults() {
        if (chance(3)) { lab_.defaults.interface_mtu = 1300U + static_cast<std::uint32_t>(below(8000)); }
        if (chance(4)) { lab_.defaults.host_dns = {ip("192.0.2.53"), ip("2001:db8::53")}; }
        if (chance(4)) { lab_.defaults.switch_stp = chance(2); }
        if (chance(4)) { lab_.defaults.host_forwarding = chance(2); }
        if (options_.sysctls && chance(4)) { lab_.defaults.host_sysctls["net.ipv4.ip_default_ttl"] = "65"; }
        if (options_.ovs && chance(4)) { lab_.defaults.switch_kind = SwitchKind::ovs; }
    }

    void add_switches() {
        const int count = 1 + below(4);
        for (int i = 1; i <= count; ++i) {
            Switch sw;
            sw.name = "s" + std::to_string(i);
            if (!chance(3)) { sw.kind = options_.ovs && chance(2) ? SwitchKind::ovs : SwitchKind::bridge; }
            if (chance(4)) { sw.stp = chance(2); }
            if (kind_of(lab_, sw) == SwitchKind::ovs) {
                if (chance(3)) { sw.datapath = DatapathKind::netdev; }
                if (chance(5)) { sw.protocols = {"OpenFlow10", "OpenFlow13"}; }
                if (chance(5)) { sw.dpid = "00000000000000a" + std::to_string(i); }
            }
            lab_.switches.push_back(sw);
        }
    }

    // A tree; in some labs one link more, with spanning tree everywhere.
    void add_switch_links() {
        const bool loop = lab_.switches.size() > 1 && chance(4);
        for (std::size_t i = 1; i < lab_.switches.size(); ++i) {
            if (chance(5)) { continue; }
            add_switch_link(lab_.switches[static_cast<std::size_t>(below(static_cast<int>(i)))].name,
                            lab_.switches[i].name);
        }
        if (!loop || lab_.links.empty()) { return; }
        for (auto& sw : lab_.switches) { sw.stp = true; }
        add_switch_link(lab_.links[0].a.node, lab_.links[0].b.node);
    }

    void add_switch_link(const std::string& a, const std::string& b) {
        CableLink link;
        link.a.node = a;
        link.b.node = b;
        if (chance(3)) { link.a.port = fresh("p"); }
        if (chance(3)) { link.b.port = fresh("p"); }
        if (vlans_on(a) && vlans_on(b)) {
            if (chance(4)) {
                link.trunk = {100, 200, 300};
            } else if (chance(6)) {
                link.vlan = 100;
            }
        }
        if (chance(4)) { link.mtu = 1300U + static_cast<std::uint32_t>(below(1000)); }
        lab_.links.push_back(std::move(link));
    }

    void add_networks() {
        const int count = below(4);
        for (int i = 1; i <= count; ++i) {
            Network network;
            network.name = "net" + std::to_string(i);
            network.switch_name = one_of(lab_.switches).name;
            if (vlans_on(network.switch_name) && !chance(4)) { network.vlan = static_cast<Vlan>(100 * i); }
            const bool v6 = chance(4);
            const std::string number = std::to_string(i);
            if (!chance(6)) {
                network.subnet = prefix(v6 ? "fd00:" + number + "::/64" : "10." + number + ".0.0/24");
            }
            if (options_.dhcp && network.subnet && !v6 && chance(2)) { network.dhcp = random_dhcp(i); }
            lab_.networks.push_back(std::move(network));
        }
    }

    Dhcp random_dhcp(int i) {
        const std::string net = "10." + std::to_string(i) + ".0.";
        Dhcp dhcp;
        if (chance(2)) { dhcp.host = "server" + std::to_string(i); }
        if (chance(2)) { dhcp.interface = "dh" + std::to_string(i); }
        if (chance(2)) { dhcp.address = prefix(net + "2/24"); }
        if (chance(2)) { dhcp.range = AddressRange{ip(net + "50"), ip(net + "99")}; }
        if (chance(3)) { dhcp.lease_time = std::chrono::seconds(120 + below(4000)); }
        if (chance(3)) { dhcp.gateway = ip(net + "254"); }
        if (chance(3)) { dhcp.dns = {ip(net + "253")}; }
        if (chance(3)) { dhcp.options = {{26, "1400"}, {15, "lab.example"}}; }
        return dhcp;
    }

    void add_host(int i) {
        Host host;
        host.name = "h" + std::to_string(i);
        const int interfaces = below(4);
        for (int j = 0; j < interfaces; ++j) { host.interfaces.push_back(random_interface(i, j)); }
        add_routing(host);
        if (chance(4)) { host.forwarding = chance(2); }
        if (chance(4)) { host.dns = {ip("192.0.2.5")}; }
        if (options_.sysctls && chance(4)) {
            host.sysctls = {{"net.ipv4.tcp_syncookies", "0"}, {"net.ipv4.tcp_rmem", "4096 131072 6291456"}};
        }
        if (options_.services && chance(4)) {
            Service line;
            line.name = "sleeper";
            line.command = {"sh", "-c", "exec sleep 1000 # \"quoted\": \\ and 'more'"};
            host.run.push_back(line);
            Service list;
            list.name = "lister";
            list.command = {"sleep", "1000"};
            list.restart = Restart::on_failure;
            host.run.push_back(list);
        }
        lab_.hosts.push_back(std::move(host));
    }

    Interface random_interface(int i, int j) {
        Interface interface;
        interface.name = "eth" + std::to_string(j);
        std::string sw;
        if (!lab_.networks.empty() && !chance(3)) {
            const Network& network = one_of(lab_.networks);
            interface.network = network.name;
            sw = network.switch_name;
            if (chance(4)) { interface.to = Target{sw, std::nullopt}; }
            if (network.vlan && chance(4)) { interface.vlan = network.vlan; }
            add_network_address(interface, network);
        } else {
            sw = one_of(lab_.switches).name;
            interface.to = Target{sw, std::nullopt};
            if (vlans_on(sw) && chance(4)) {
                interface.vlan = static_cast<Vlan>(400 + below(3));
            } else if (vlans_on(sw) && chance(5)) {
                interface.trunk = {100, 400};
            }
            ++hosts_;
            interface.addresses.push_back(prefix("10.200.1." + std::to_string(hosts_) + "/16"));
            if (chance(3)) { interface.addresses.push_back(prefix("fd00:200::" + std::to_string(hosts_) + "/64")); }
        }
        if (is_ovs(sw) && chance(4)) {
            interface.wire = Wire::internal;
            interface.name = "i" + std::to_string(i) + "x" + std::to_string(j);
        } else if (interface.to && chance(3)) {
            interface.to->port = fresh("q");
        } else if (chance(3)) {
            interface.peer = fresh("r");
        }
        if (chance(4)) { interface.mac = mac(); }
        if (chance(4)) { interface.mtu = 1300U + static_cast<std::uint32_t>(below(1000)); }
        return interface;
    }

    void add_network_address(Interface& interface, const Network& network) {
        const std::string number = network.name.substr(3);
        const bool v4 = network.subnet && network.subnet->address.is_v4();
        if (chance(3)) {
            if (options_.dhcp && network.dhcp) { interface.dhcp = chance(2); }
            return;
        }
        ++hosts_;
        const std::string last = std::to_string(hosts_);
        if (v4) {
            interface.addresses.push_back(prefix("10." + number + ".0." + std::to_string(100 + hosts_) + "/24"));
        }
        if (!v4 || chance(3)) { interface.addresses.push_back(prefix("fd00:" + number + "::" + last + "/64")); }
    }

    // By the first address alone: the subnets of two interfaces may be the same.
    void add_routing(Host& host) {
        if (host.interfaces.empty() || host.interfaces.front().addresses.empty()) { return; }
        Interface& interface = host.interfaces.front();
        const Prefix& address = interface.addresses.front();
        const bool v4 = address.address.is_v4();
        const IpAddress next = address.network().address.plus(250);
        const Prefix any = prefix(v4 ? "0.0.0.0/0" : "::/0");
        if (chance(3)) {
            host.gateways.push_back(next);
        } else if (chance(3)) {
            host.routes.emplace(any, next);
        }
        if (chance(3)) { host.routes.emplace(prefix(v4 ? "192.168.7.0/24" : "2001:db8:7::/48"), next); }
        if (chance(3)) { interface.routes.emplace(prefix(v4 ? "192.168.8.0/24" : "2001:db8:8::/48"), next); }
        if (chance(4)) { host.neighbours.emplace(next, mac()); }
    }

    // In each of the ways that a link which is not written at a switch's interface can be.
    void add_direct_links() {
        for (std::size_t i = 1; i < lab_.hosts.size(); ++i) {
            if (!chance(3)) { continue; }
            Host& a = lab_.hosts[i - 1];
            Host& b = lab_.hosts[i];
            Interface near;
            near.name = fresh("d");
            Interface far;
            far.name = fresh("d");
            const std::string net = "10.201." + std::to_string(i) + ".";
            near.addresses = {prefix(net + "1/30")};
            far.addresses = {prefix(net + "2/30")};
            switch (below(4)) {
                case 0:  // the other end is not declared
                    near.to = Target{b.name, far.name};
                    a.interfaces.push_back(near);
                    break;
                case 1:  // it is
                    near.to = Target{b.name, far.name};
                    a.interfaces.push_back(near);
                    b.interfaces.push_back(far);
                    break;
                case 2: {
                    a.interfaces.push_back(near);
                    b.interfaces.push_back(far);
                    CableLink link;
                    link.a = {a.name, near.name};
                    link.b = {b.name, far.name};
                    lab_.links.push_back(link);
                    break;
                }
                default: {
                    a.interfaces.push_back(near);
                    CableLink link;
                    link.a = {a.name, near.name};
                    link.b.node = one_of(lab_.switches).name;
                    if (vlans_on(link.b.node) && chance(2)) { link.vlan = 500; }
                    lab_.links.push_back(link);
                }
            }
        }
    }

    bool impairs(int in) { return impairing_() % static_cast<std::uint64_t>(in) == 0; }
    std::uint32_t some(std::uint32_t most) { return static_cast<std::uint32_t>(1 + impairing_() % most); }

    Impairments random_impairments() {
        Impairments of;
        if (impairs(2)) { of.rate = 8'000ULL * (100 + some(100'000)); }
        if (impairs(2)) { of.loss = impairs(5) ? 0 : some(1'000'000); }
        if (options_.netem && impairs(2)) {
            of.delay = std::chrono::microseconds(some(50'000));
            if (impairs(3)) { of.jitter = std::min(*of.delay, std::chrono::microseconds(some(10'000))); }
            if (impairs(4)) { of.reorder = some(500'000); }
            if (impairs(4)) { of.duplicate = some(100'000); }
            if (impairs(4)) { of.corrupt = some(100'000); }
        }
        if ((of.rate || of.delay) && impairs(3)) { of.queue = QueueSize{10 + some(100'000), impairs(2)}; }
        return of;
    }

    void impair(LinkImpairments& link, std::optional<bool>& up, bool both_ways) {
        if (impairs(3)) { link.out = random_impairments(); }
        if (both_ways && impairs(3)) { link.in = impairs(2) ? link.out : random_impairments(); }
        if (options_.down && impairs(8)) { up = impairs(2); }
    }

    // Those that write their link.
    void add_impairments() {
        if (impairs(4)) { lab_.defaults.interface_impairments.out.rate = 1'000'000'000; }
        for (auto& link : lab_.links) { impair(link.impairments, link.up, true); }
        for (auto& host : lab_.hosts) {
            for (auto& interface : host.interfaces) {
                if (!interface.to && !interface.network) { continue; }
                impair(interface.impairments, interface.up, wire_of(lab_, interface) == Wire::veth);
            }
        }
    }

    void add_reservations() {
        for (auto& network : lab_.networks) {
            if (!network.dhcp) { continue; }
            int last = 200;
            for (const auto& host : lab_.hosts) {
                for (const auto& interface : host.interfaces) {
                    if (interface.network != network.name || !takes_lease(interface, &network) || chance(2)) {
                        continue;
                    }
                    const std::string net = "10." + network.name.substr(3) + ".0.";
                    network.dhcp->reservations.emplace(host.name, ip(net + std::to_string(++last)));
                }
            }
        }
    }

    void add_expectations() {
        const int count = below(4);
        for (int i = 0; i < count; ++i) {
            Expectation expectation;
            const std::string from = one_of(lab_.hosts).name;
            const std::string to = one_of(lab_.hosts).name;
            if (from != to && chance(3)) {
                expectation.what = IsolateExpectation{from, to};
            } else {
                ReachExpectation reach{from, chance(3) ? std::string(chance(2) ? "10.1.0.1" : "fd00::1") : to,
                                       std::nullopt};
                if (chance(2)) { reach.tcp = 5201; }
                expectation.what = reach;
            }
            if (chance(2)) { expectation.within = std::chrono::milliseconds(1 + below(100000)); }
            lab_.expect.push_back(expectation);
        }
        for (const auto& host : lab_.hosts) {
            for (const auto& interface : host.interfaces) {
                const Network* network = interface.network ? lab_.find_network(*interface.network) : nullptr;
                if (network == nullptr || !network->dhcp || !takes_lease(interface, network)) { continue; }
                Expectation expectation;
                expectation.what = LeaseExpectation{host.name, network->name};
                lab_.expect.push_back(expectation);
            }
        }
    }

    std::mt19937_64 random_;
    std::mt19937_64 impairing_;  // of its own, so that the rest of a lab is the same without them
    RandomLabOptions options_;
    Lab lab_;
    int names_ = 0;
    int hosts_ = 0;
};

inline Lab random_lab(std::uint64_t seed, RandomLabOptions options = {}) { return RandomLab(seed, options).make(); }

}  // namespace warren::testing
