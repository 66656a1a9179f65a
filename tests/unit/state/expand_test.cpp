// expand: what is filled in, and that it is filled in the same each time.
#include "state/expand.hpp"

#include <gtest/gtest.h>

#include "lab/lab_file.hpp"

namespace warren {
namespace {

Lab lab_of(const std::string& text) {
    Diagnostics diagnostics("test.yaml");
    Lab lab = read_lab(text, diagnostics);
    EXPECT_EQ(diagnostics.text(), "");
    return lab;
}

Site site() {
    Site site;
    site.ovs = {OvsInstance::Kind::warren, "/run/warren/.ovs", ""};
    site.dhcp_client = "/usr/sbin/dhclient";
    site.warren = "/usr/bin/warren";
    return site;
}

// An attached namespace is not the lab's: its loopback, its DNS are left; a name that is taken is not used.
TEST(Expand, AttachedHosts) {
    const Lab lab = lab_of(R"(
lab: joined
defaults: {host: {dns: 10.0.0.9}}
hosts:
  web: {attach: {pid: 1234}, interfaces: {eth0: {to: "db:eth0", address: 10.0.0.1/24}}}
  db: {attach: {netns: /run/netns/db}}
  box: {attach: {netns: /run/netns/other}}
)");
    const State state = expand(lab, site());
    const Namespace& web = state.namespaces.at("web");
    ASSERT_TRUE(web.attached);
    EXPECT_EQ(web.attached->pid, 1234);
    EXPECT_FALSE(web.links.contains("lo"));
    EXPECT_EQ(web.links.at("eth0").peer_namespace, "joined.db");
    EXPECT_EQ(state.namespaces.at("joined.db").attached->path, "/run/netns/db");
    EXPECT_EQ(state.namespaces.at("box").host, "box");
    EXPECT_EQ(state.files.at("/etc/netns/web").link_target, "/run/warren/joined/etc/with-web");
    const NamespaceMark mark = namespace_mark(attached_mark("joined", "db", "joined.db"));
    EXPECT_EQ(std::pair(mark.host, mark.name), std::pair(std::string("db"), std::string("joined.db")));
    EXPECT_EQ(mark.lab, "joined");
}

constexpr const char* kTenants = R"(
lab: tenants
switches: {ovs1: {kind: ovs}}
networks:
  red-net:
    switch: ovs1
    vlan: 100
    subnet: 10.50.50.0/24
    dhcp: {host: dhcp-r, interface: tap-r, address: 10.50.50.2/24, range: 10.50.50.10-10.50.50.100}
  green-net: {switch: ovs1, vlan: 200, subnet: 10.50.50.0/24, dhcp: {}}
hosts:
  red: {interfaces: {eth0-r: {network: red-net, peer: veth-r, address: dhcp}}}
  green: {interfaces: {eth0-g: {network: green-net, address: dhcp}}}
)";

// Of red's interface, where its network gives OPTIONS and it says MORE of itself.
Link leasing(const std::string& options, const std::string& more = "") {
    std::string text = kTenants;
    const std::string range = "range: 10.50.50.10-10.50.50.100";
    text.replace(text.find(range), range.size(), range + options);
    const std::string address = "peer: veth-r, address: dhcp";
    text.replace(text.find(address), address.size(), address + more);
    return expand(lab_of(text), site()).namespaces.at("red").links.at("eth0-r");
}

TEST(Expand, TheMtuOfALeaseIsWhatTheNetworkGives) {
    EXPECT_EQ(leasing("").mtu, 1500U);
    EXPECT_FALSE(leasing("").leased_mtu);
    EXPECT_EQ(leasing(", options: {26: \"1400\"}").mtu, 1400U);
    EXPECT_FALSE(leasing(", options: {26: \"1400\"}").leased_mtu);
    EXPECT_EQ(leasing(", options: {26: \"1400\"}", ", mtu: 1450").mtu, 1450U);
    EXPECT_TRUE(leasing(", options: {26: \"wide\"}").leased_mtu);
    const State other = expand(lab_of("lab: x\nswitches: {br0: {}}\nhosts:\n"
                                      "  a: {interfaces: {eth0: {to: br0, address: dhcp}}}\n"),
                               site());
    EXPECT_TRUE(other.namespaces.at("a").links.at("eth0").leased_mtu) << "whose server it is, is not known";
}

TEST(Expand, TenantsHaveServersOnInternalPortsWithTheirTag) {
    const State state = expand(lab_of(kTenants), site());
    ASSERT_TRUE(state.bridges.contains("ovs1"));
    const auto& ports = state.bridges.at("ovs1").ports;
    EXPECT_EQ(ports.at("veth-r").tag, 100);
    EXPECT_EQ(ports.at("veth-r").type, "");
    EXPECT_EQ(ports.at("tap-r").tag, 100);
    EXPECT_EQ(ports.at("tap-r").type, "internal");
    EXPECT_EQ(ports.at("tap-green-net").tag, 200);
    const auto& server = state.namespaces.at("dhcp-r");
    EXPECT_EQ(server.host, "dhcp-r");
    EXPECT_EQ(server.links.at("tap-r").kind, LinkKind::ovs_internal);
    EXPECT_EQ(server.links.at("tap-r").addresses, std::set<Prefix>{*Prefix::parse("10.50.50.2/24")});
    const auto& client = state.namespaces.at("red").links.at("eth0-r");
    EXPECT_TRUE(client.dhcp);
    EXPECT_TRUE(client.addresses.empty());
    EXPECT_EQ(client.peer, "veth-r");
    EXPECT_TRUE(state.processes.contains({"dhcp-r", "dnsmasq"}));
    EXPECT_TRUE(state.processes.contains({"red", "dhcp-eth0-r"}));
    EXPECT_TRUE(state.keeper);
}

TEST(Expand, ServerWithoutAddressAndRangeTakesTheFirstFreeAndTheRest) {
    const State state = expand(lab_of(kTenants), site());
    EXPECT_EQ(state.namespaces.at("dhcp-green-net").links.at("tap-green-net").addresses,
              std::set<Prefix>{*Prefix::parse("10.50.50.1/24")});
    const auto& command = state.processes.at({"dhcp-green-net", "dnsmasq"}).command;
    const bool ranged = std::any_of(command.begin(), command.end(), [](const std::string& word) {
        return word.find("10.50.50.2,10.50.50.254") != std::string::npos;
    });
    EXPECT_TRUE(ranged);
}

TEST(Expand, IsTheSameEachTimeAndDependsOnTheNamesOnly) {
    EXPECT_EQ(expand(lab_of(kTenants), site()), expand(lab_of(kTenants), site()));
    std::string more = kTenants;
    more += "  blue: {interfaces: {eth0: {to: ovs1}}}\n";
    const State before = expand(lab_of(kTenants), site());
    const State after = expand(lab_of(more), site());
    EXPECT_EQ(before.namespaces.at("red"), after.namespaces.at("red"));
    EXPECT_EQ(before.namespaces.at("green"), after.namespaces.at("green"));
}

TEST(Expand, TheMachinesUserspaceDatapathGetsFinishedChecksums) {
    Site machine = site();
    machine.ovs.kind = OvsInstance::Kind::machine;
    Site kernel = machine;
    kernel.ovs_kernel_datapath = true;
    const Lab lab = lab_of(kTenants);
    EXPECT_TRUE(expand(lab, site()).namespaces.at("red").links.at("eth0-r").tx_checksum);
    EXPECT_FALSE(expand(lab, machine).namespaces.at("red").links.at("eth0-r").tx_checksum);
    EXPECT_TRUE(expand(lab, kernel).namespaces.at("red").links.at("eth0-r").tx_checksum);
    EXPECT_EQ(expand(lab, kernel).bridges.at("ovs1").datapath_type, "system");
}

TEST(Expand, SecludedRootPutsSwitchesAndHostsIntoNamespacesOfTheLab) {
    std::string text = kTenants;
    text += "root: private\n";
    Site own = site();
    own.ovs = {OvsInstance::Kind::lab, "/run/warren/tenants/ovs", "tenants"};
    const State state = expand(lab_of(text), own);
    EXPECT_FALSE(state.namespaces.contains(""));
    EXPECT_TRUE(state.namespaces.at("tenants").links.contains("veth-r"));
    EXPECT_EQ(state.namespaces.at("tenants.red").links.at("eth0-r").peer_namespace, "tenants");
}

TEST(Expand, FreeAddressesAreGivenInTheFilesOrderAroundThoseWritten) {
    const State state = expand(lab_of(R"(
lab: free
switches: {br0: {}}
networks: {lan: {switch: br0, subnet: 10.0.0.0/24}}
hosts:
  a: {interfaces: {eth0: {network: lan}}}
  b: {interfaces: {eth0: {network: lan, address: 10.0.0.2/24}}}
  c: {interfaces: {eth0: {network: lan}}}
)"),
                               site());
    EXPECT_EQ(state.namespaces.at("a").links.at("eth0").addresses, std::set<Prefix>{*Prefix::parse("10.0.0.1/24")});
    EXPECT_EQ(state.namespaces.at("c").links.at("eth0").addresses, std::set<Prefix>{*Prefix::parse("10.0.0.3/24")});
}

TEST(Expand, Ipv6BringsItsLinkLocalAddressAndOnlyThen) {
    const State state = expand(lab_of(R"(
lab: six
switches: {br0: {}}
hosts:
  a: {interfaces: {eth0: {to: br0, address: [10.0.0.1/24, "fd00::1/64"], mac: "02:00:00:00:00:01"}}}
  b: {interfaces: {eth0: {to: br0, address: 10.0.0.2/24}}}
)"),
                               site());
    const auto& a = state.namespaces.at("a").links.at("eth0").addresses;
    EXPECT_TRUE(a.contains(*Prefix::parse("fe80::ff:fe00:1/64")));
    EXPECT_EQ(a.size(), 3U);
    EXPECT_EQ(state.namespaces.at("b").links.at("eth0").addresses.size(), 1U);
}

TEST(Expand, DirectLinkJoinsTheTwoHostsWithoutASwitch) {
    const State state = expand(lab_of(R"(
lab: direct
hosts:
  a: {interfaces: {eth0: {to: "b:eth0", address: 10.0.0.1/30}}}
  b: {interfaces: {eth0: {address: 10.0.0.2/30}}}
)"),
                               site());
    const auto& a = state.namespaces.at("a").links.at("eth0");
    const auto& b = state.namespaces.at("b").links.at("eth0");
    EXPECT_EQ(a.peer_namespace, "b");
    EXPECT_EQ(b.peer_namespace, "a");
    EXPECT_EQ(a.alias, b.alias);
    EXPECT_EQ(b.addresses, std::set<Prefix>{*Prefix::parse("10.0.0.2/30")});
}

TEST(Expand, PortWithoutVlanOnAFilteringBridgeCarriesThemAll) {
    const State state = expand(lab_of(R"(
lab: vlans
switches: {br0: {}, br1: {}}
links: [{ends: ["br0:up", "br1:down"]}]
hosts:
  a: {interfaces: {eth0: {to: "br0:pa", vlan: 10}}}
  b: {interfaces: {eth0: {to: "br0:pb", trunk: [10, 20]}}}
)"),
                               site());
    const auto& links = state.namespaces.at("").links;
    EXPECT_TRUE(links.at("br0").vlan_filtering);
    EXPECT_FALSE(links.at("br1").vlan_filtering);
    EXPECT_EQ(links.at("pa").vlans, (BridgePortVlans{10, {}}));
    EXPECT_EQ(links.at("pb").vlans, (BridgePortVlans{std::nullopt, {10, 20}}));
    EXPECT_EQ(links.at("up").vlans, (BridgePortVlans{1, {10, 20}}));
    EXPECT_EQ(links.at("up").peer, "down");
}

TEST(Expand, HostsFileNamesThoseThatReachEachOther) {
    const State state = expand(lab_of(R"(
lab: names
switches: {br0: {}, br1: {}}
hosts:
  a: {interfaces: {eth0: {to: br0, address: 10.0.0.1/24}}}
  b: {interfaces: {eth0: {to: br0, address: 10.0.0.2/24}}}
  c: {interfaces: {eth0: {to: br1, address: 10.0.0.1/24}}}
)"),
                               site());
    const std::string together = state.files.at("/etc/netns/a").link_target;
    EXPECT_EQ(state.files.at("/etc/netns/b").link_target, together);
    EXPECT_NE(state.files.at("/etc/netns/c").link_target, together);
    const auto& hosts = state.files.at(together + "/hosts").content;
    EXPECT_NE(hosts.find("10.0.0.2\tb\n"), std::string::npos);
    EXPECT_EQ(hosts.find("\tc\n"), std::string::npos);
}

}  // namespace
}  // namespace warren
