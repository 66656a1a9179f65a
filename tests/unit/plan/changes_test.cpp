// What a plan looks like to a person.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/changes.hpp"
#include "states.hpp"

namespace warren::testing {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> texts(const State& a, const State& b) {
    std::vector<std::string> result;
    for (const Change& change : changes(a, b, kLab)) { result.push_back(text(change)); }
    return result;
}

State lab(bool with_blue) {
    State state;
    add_host(state, "red");
    add_bridge(state, "br0");
    add_veth(state, "red", "eth0", "veth-r", "br0").addresses = {prefix("10.0.0.1/24")};
    if (with_blue) {
        add_host(state, "blue");
        add_veth(state, "blue", "eth0", "veth-b", "br0").addresses = {prefix("10.0.0.3/24")};
        state.namespaces.at("blue").routes = {{prefix("0.0.0.0/0"), address("10.0.0.254"), "eth0"}};
        state.files["/etc/netns/blue/hosts"].content = "x";
        state.files["/etc/netns/blue"].directory = true;
    }
    return state;
}

TEST(Changes, AHostIsOneLine) {
    EXPECT_THAT(texts(lab(false), lab(true)), ElementsAre("+ host blue (eth0 10.0.0.3/24 on br0)"));
    EXPECT_THAT(texts(lab(true), lab(false)), ElementsAre("- host blue (eth0 10.0.0.3/24 on br0)"));
}

TEST(Changes, AFirstUpNamesSwitchesAndHosts) {
    EXPECT_THAT(texts({}, lab(true)), ElementsAre("+ switch br0 (bridge)", "+ host blue (eth0 10.0.0.3/24 on br0)",
                                                  "+ host red (eth0 10.0.0.1/24 on br0)"));
}

TEST(Changes, AnInterfaceOfAHostThatStaysIsToldByItself) {
    State more = lab(false);
    add_veth(more, "red", "eth1", "veth-r1", "br0").addresses = {prefix("10.1.0.1/24")};
    EXPECT_THAT(texts(lab(false), more), ElementsAre("+ red:eth1 (10.1.0.1/24 on br0)"));
    EXPECT_THAT(texts(more, lab(false)), ElementsAre("- red:eth1 (10.1.0.1/24 on br0)"));
}

TEST(Changes, AttributesAreToldOneByOne) {
    State other = lab(false);
    Link& link = other.namespaces.at("red").links.at("eth0");
    link.mtu = 1400;
    link.up = false;
    other.namespaces.at("").links.at("br0").stp = true;
    other.namespaces.at("red").routes = {{prefix("0.0.0.0/0"), address("10.0.0.254"), "eth0"}};
    EXPECT_THAT(texts(lab(false), other),
                ElementsAre("red gateway + 10.0.0.254 dev eth0", "red:eth0 mtu 1500 → 1400",
                            "red:eth0 state up → down", "switch br0 stp off → on"));
}

TEST(Changes, TheKindOfALinkIsReplaced) {
    State before;
    add_host(before, "red");
    add_ovs(before, "ovs1");
    State after = before;
    add_veth(before, "red", "eth0", "veth-r");
    add_port(before, "ovs1", "veth-r");
    add_internal(after, "red", "ovs1", "eth0").mac = before.namespaces.at("red").links.at("eth0").mac;
    EXPECT_THAT(texts(before, after),
                ElementsAre("red:eth0 wire veth → internal (replaced: a veth pair and an internal port "
                            "are different devices)"));
}

TEST(Changes, ABrokenPortSaysWhy) {
    State good;
    add_host(good, "red");
    add_ovs(good, "ovs1");
    add_veth(good, "red", "eth0", "veth-r");
    add_port(good, "ovs1", "veth-r");
    State bad = good;
    bad.bridges.at("ovs1").ports.at("veth-r").error = "no such device";
    EXPECT_THAT(texts(bad, good),
                ElementsAre("ovs1:veth-r state no such device → open (replaced: Open vSwitch could "
                            "not open it)"));
    bad.bridges.at("ovs1").ports.erase("veth-r");
    EXPECT_THAT(texts(bad, good), ElementsAre("+ ovs1:veth-r (of red:eth0)"));
}

// A host with a service, a network with a server and a client of it.
State served() {
    State state = lab(false);
    Process& server = state.processes[{"dhcp-n", "dnsmasq"}];
    server = {};
    server.host = "dhcp-n";
    server.name = "dnsmasq";
    server.net_namespace = "dhcp-n";
    server.role = ProcessRole::dhcp_server;
    server.device = "tap-n";
    server.network = "n";
    server.command = {"dnsmasq", "--interface=tap-n", "--dhcp-lease-max=256",
                      "--dhcp-range=10.0.0.10,10.0.0.99,255.255.255.0,3600"};
    server.reload_files = {"/run/n.hosts", "/run/n.options"};
    add_host(state, "dhcp-n");
    state.files["/run/n.hosts"].content = "02:00:00:00:00:01,10.0.0.77,red\n";
    state.files["/run/n.options"].content = "3\n";
    Process& web = state.processes[{"red", "web"}];
    web = {};
    web.host = "red";
    web.name = "web";
    web.net_namespace = "red";
    web.command = {"httpd", "-p", "80"};
    state.keeper = true;
    return state;
}

TEST(Changes, AServersRangeAndLeaseTimeRestartIt) {
    State other = served();
    other.processes.at({"dhcp-n", "dnsmasq"}).command.back() = "--dhcp-range=10.0.0.10,10.0.0.50,255.255.255.0,90";
    const std::string why = " (dnsmasq is restarted, its leases are kept)";
    EXPECT_THAT(texts(served(), other),
                ElementsAre("network n dhcp range 10.0.0.10-10.0.0.99 → 10.0.0.10-10.0.0.50" + why,
                            "network n dhcp lease-time 1h → 90s" + why));
}

TEST(Changes, AServersOptionsAndReservationsAreReadAgain) {
    State other = served();
    other.files.at("/run/n.hosts").content = "02:00:00:00:00:01,10.0.0.78,red\n02:00:00:00:00:02,10.0.0.79,blue\n";
    other.files.at("/run/n.options").content = "3,10.0.0.1\n6,10.0.0.53\n26,1400\n121,x\n249,x\n";
    const std::string why = " (dnsmasq reads it again)";
    EXPECT_THAT(texts(served(), other),
                ElementsAre("network n dhcp dns + 10.0.0.53" + why, "network n dhcp gateway + 10.0.0.1" + why,
                            "network n dhcp option 121 + x" + why, "network n dhcp option 26 + 1400" + why,
                            "network n dhcp reservation of blue + 10.0.0.79" + why,
                            "network n dhcp reservation of red 10.0.0.77 → 10.0.0.78" + why));
}

TEST(Changes, AServersOtherWordsAreToldWithoutTheRest) {
    State other = served();
    other.processes.at({"dhcp-n", "dnsmasq"}).command.at(1) = "--interface=tap-m";
    EXPECT_THAT(texts(served(), other),
                ElementsAre("dhcp server of n command --interface=tap-n → --interface=tap-m "
                            "(dnsmasq is restarted, its leases are kept)"));
}

TEST(Changes, AServiceIsToldByItsCommand) {
    State other = served();
    other.processes.at({"red", "web"}).command.back() = "8080";
    EXPECT_THAT(texts(served(), other), ElementsAre("service red:web command httpd -p 80 → httpd -p 8080"));
    other.processes.erase({"red", "web"});
    EXPECT_THAT(texts(served(), other), ElementsAre("- service red:web (httpd -p 80)"));
    EXPECT_THAT(texts(other, served()), ElementsAre("+ service red:web (httpd -p 80)"));
    State dead = served();
    dead.processes.at({"red", "web"}).status = "exited 1";
    EXPECT_THAT(texts(dead, served()), ElementsAre("service red:web state exited 1 → running"));
}

TEST(Changes, AHostIsToldWithWhatRunsInIt) {
    const auto told = texts(lab(false), served());
    EXPECT_THAT(told, ElementsAre("+ host dhcp-n (dhcp server of n)", "+ service red:web (httpd -p 80)"));
}

TEST(Changes, AnAddressThatAClientIsToBringIsOneLine) {
    State other = lab(false);
    Link& link = other.namespaces.at("red").links.at("eth0");
    link.addresses.clear();
    link.dhcp = true;
    Process& client = other.processes[{"red", "dhcp-eth0"}];
    client.host = "red";
    client.name = "dhcp-eth0";
    client.net_namespace = "red";
    client.role = ProcessRole::dhcp_client;
    client.device = "eth0";
    client.command = {"dhclient"};
    EXPECT_THAT(texts(lab(false), other), ElementsAre("red:eth0 address 10.0.0.1/24 → dhcp"));
    State leased = other;
    leased.namespaces.at("red").links.at("eth0").leased = {prefix("10.0.0.10/24")};
    EXPECT_THAT(texts(leased, lab(false)), ElementsAre("red:eth0 address dhcp → 10.0.0.1/24"));
    State without = other;
    without.processes.clear();
    EXPECT_THAT(texts(without, other), ElementsAre("+ dhcp client on red:eth0"));
}

TEST(Changes, ForwardingIsOneAttribute) {
    State before = lab(false);
    State after = lab(false);
    for (const char* key : {"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"}) {
        before.namespaces.at("red").sysctls[key] = "0";
        after.namespaces.at("red").sysctls[key] = "1";
    }
    EXPECT_THAT(texts(before, after), ElementsAre("red forwarding off → on"));
    before.namespaces.at("red").sysctls["net.ipv4.ip_forward"] = "1";
    EXPECT_THAT(texts(before, after), ElementsAre("red sysctl net.ipv6.conf.all.forwarding 0 → 1"));
}

TEST(Changes, NamesAndNameServersAreTold) {
    State before = lab(false);
    before.files["/etc/netns/red"].link_target = "/run/l/etc/of-red";
    before.files["/run/l/etc/of-red"].directory = true;
    before.files["/run/l/etc/of-red/resolv.conf"].content = "# x\nnameserver 10.0.0.53\n";
    before.files["/run/l/etc/of-red/hosts"].content = "10.0.0.1\tred\n";
    State after = before;
    after.files.at("/run/l/etc/of-red/resolv.conf").content = "# x\nnameserver 10.0.0.54\n";
    EXPECT_THAT(texts(before, after), ElementsAre("red dns 10.0.0.53 → 10.0.0.54"));
    after = before;
    after.files.at("/run/l/etc/of-red/hosts").content += "10.0.0.9\tgrey\n";
    EXPECT_THAT(texts(after, before), ElementsAre("red /etc/hosts - 10.0.0.9 grey"));
    after.namespaces.at("red").links.at("eth0").mtu = 1400;
    EXPECT_THAT(texts(before, after), ElementsAre("red:eth0 mtu 1500 → 1400"));
    after = before;
    after.files.erase("/etc/netns/red");
    EXPECT_THAT(texts(after, before), ElementsAre("+ file /etc/netns/red"));
}

TEST(Changes, ASwitchOfAnotherKindIsReplaced) {
    State before = lab(false);
    State after = lab(false);
    after.namespaces.at("").links.erase("br0");
    after.namespaces.at("").links.at("veth-r").master.clear();
    add_ovs(after, "br0");
    add_port(after, "br0", "veth-r");
    after.namespaces.at("red").links.at("eth0").tx_checksum = false;
    const auto told = texts(before, after);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told.at(1),
              "switch br0 kind bridge → ovs (replaced: one kind cannot become the other; its ports move)");
    EXPECT_THAT(told.at(0), ::testing::StartsWith("+ Open vSwitch ("));
}

TEST(Changes, ALinkBetweenSwitchesIsOneLine) {
    State without;
    add_ovs(without, "s1");
    add_ovs(without, "s2");
    State with = without;
    add_port(with, "s1", "p1", "patch").peer = "p2";
    add_port(with, "s2", "p2", "patch").peer = "p1";
    EXPECT_THAT(texts(without, with), ElementsAre("+ link s1:p1 - s2:p2"));
    EXPECT_THAT(texts(with, without), ElementsAre("- link s1:p1 - s2:p2"));
    State half = with;
    half.bridges.at("s2").ports.erase("p2");
    EXPECT_THAT(texts(half, with), ElementsAre("+ s2:p2"));
}

TEST(Changes, AMovedHostSaysWhereTo) {
    State before = lab(false);
    add_bridge(before, "br1");
    State after = before;
    after.namespaces.at("").links.at("veth-r").master = "br1";
    EXPECT_THAT(texts(before, after), ElementsAre("red:eth0 switch br0 → br1"));
    after = before;
    after.namespaces.at("").links.at("veth-r").master.clear();
    EXPECT_THAT(texts(after, before), ElementsAre("+ br0:veth-r (of red:eth0)"));
}

TEST(Changes, AKeeperAloneIsTold) {
    State with;
    with.keeper = true;
    EXPECT_THAT(texts({}, with), ElementsAre("~ start the keeper of the lab's processes"));
}

}  // namespace
}  // namespace warren::testing
