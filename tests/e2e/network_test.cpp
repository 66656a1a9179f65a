// Kinds of links, IPv6, routes, VLANs: what a lab file says is what the kernel and Open vSwitch do.
#include <filesystem>

#include <sys/mount.h>

#include "harness.hpp"
#include "typed.hpp"

namespace warren::e2e {
namespace {

class Network : public E2e {
protected:
    void TearDown() override {
        if (IsSkipped()) { return; }
        EXPECT_TRUE(warren({"down", "--all"}).ok());
        expect_same_machine();
    }
    static void up(const std::string& text) { must_warren({"up", write_file("lab.yaml", text)}); }
    static bool ping(const std::string& from, const std::string& to) {
        return sh("ip netns exec " + from + " ping -c1 -W2 " + to).ok();
    }
    static bool no_ping(const std::string& from, const std::string& to) {
        return !sh("ip netns exec " + from + " ping -c1 -W1 " + to).ok();
    }
};

// Hosts behind each kind of port of Open vSwitch: access ports, internal ports, behind a patch pair, and behind a Linux
// bridge that passes tagged frames.
constexpr const char* kEachKindOfPort = R"(lab: ports
switches: {s1: {kind: ovs}, s2: {kind: ovs}, br: {}, s3: {kind: ovs}}
links:
  - {ends: [s1, s2]}
  - {ends: [s1, br]}
  - {ends: [br, s3]}
networks: {n1: {switch: s1, vlan: 100, subnet: 10.9.0.0/24}}
hosts:
  a: {interfaces: {eth0: {network: n1, address: [10.9.0.1/24, "fd09::1/64"]}}}
  b: {interfaces: {eth0: {network: n1, address: [10.9.0.2/24, "fd09::2/64"]}}}
  c: {interfaces: {eth-c: {network: n1, wire: internal, address: [10.9.0.3/24, "fd09::3/64"]}}}
  d: {interfaces: {eth-d: {network: n1, to: s2, wire: internal, address: [10.9.0.4/24, "fd09::4/64"]}}}
  e: {interfaces: {eth0: {network: n1, to: s3, address: [10.9.0.5/24, "fd09::5/64"]}}}
expect:
  - reach: {from: a, to: 10.9.0.2, tcp: 5000}
  - reach: {from: a, to: "fd09::2", tcp: 5000}
  - reach: {from: a, to: 10.9.0.3, tcp: 5000}
  - reach: {from: c, to: "fd09::1", tcp: 5000}
  - reach: {from: c, to: 10.9.0.4, tcp: 5000}
  - reach: {from: d, to: "fd09::3", tcp: 5000}
  - reach: {from: a, to: 10.9.0.5, tcp: 5000}
  - reach: {from: e, to: "fd09::1", tcp: 5000}
  - reach: {from: e, to: 10.9.0.3, tcp: 5000}
  - reach: {from: c, to: "fd09::5", tcp: 5000}
)";

TEST_F(Network, TcpPassesEachKindOfPort) {
    up(kEachKindOfPort);
    const Ran check = warren({"check"});
    EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
    EXPECT_THAT(drift("ports"), IsEmpty());
    if (has_kernel_datapath()) { return; }
    EXPECT_THAT(must_sh("ovs-vsctl " + ovs_db_option() + " get Open_vSwitch . other_config"),
                HasSubstr(R"(userspace-tso-enable="true")"));
}

// The machine's own Open vSwitch: used where it runs, left as it was, its settings untouched.
class MachinesOpenVswitch : public Network {
protected:
    void SetUp() override {
        if (const std::string cannot = start_machines_ovs(); !cannot.empty()) { GTEST_SKIP() << cannot; }
        Network::SetUp();
    }
    void TearDown() override {
        Network::TearDown();
        must_sh(
            "export OVS_RUNDIR=/run/openvswitch; "
            "ovs-appctl -t ovs-vswitchd exit --cleanup && ovs-appctl -t ovsdb-server exit");
    }
};

TEST_F(MachinesOpenVswitch, CarriesTcpAndIsLeftAsItWas) {
    up(kEachKindOfPort);
    EXPECT_THAT(must_sh("ovs-vsctl list-br"), HasSubstr("s3"));
    EXPECT_FALSE(std::filesystem::exists("/run/warren/.ovs"));
    const Ran check = warren({"check"});
    EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
    EXPECT_THAT(drift("ports"), IsEmpty());
}

TEST_F(Network, RoutedExample) {
    must_warren({"up", example("routed.yaml")});
    const Ran check = warren({"check"});
    EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
    EXPECT_THAT(check.out, HasSubstr("PASS"));
    EXPECT_THAT(drift("routed"), IsEmpty());
}

TEST_F(Network, RouterForwardsBothFamilies) {
    up(R"(lab: router
switches: {left: {}, right: {}}
hosts:
  a:
    interfaces: {eth0: {to: "left:la", address: [10.5.1.2/24, "fd05:1::2/64"]}}
    gateway: [10.5.1.1, "fd05:1::1"]
  r:
    forwarding: true
    interfaces:
      eth0: {to: "left:lr", address: [10.5.1.1/24, "fd05:1::1/64"]}
      eth1: {to: "right:rr", address: [10.5.2.1/24, "fd05:2::1/64"]}
  b:
    interfaces: {eth0: {to: "right:rb", address: [10.5.2.2/24, "fd05:2::2/64"]}}
    routes: {10.5.1.0/24: 10.5.2.1, "fd05:1::/64": "fd05:2::1"}
expect:
  - reach: {from: a, to: b}
  - reach: {from: a, to: 10.5.2.2}
  - reach: {from: b, to: "fd05:1::2"}
)");
    const Ran check = warren({"check"});
    EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
    EXPECT_TRUE(ping("a", "10.5.2.2"));
    EXPECT_TRUE(ping("a", "fd05:2::2"));
    EXPECT_THAT(must_sh("ip -n a route"), HasSubstr("default via 10.5.1.1 dev eth0"));
    EXPECT_THAT(must_sh("ip -n a -6 route"), HasSubstr("default via fd05:1::1 dev eth0"));
    EXPECT_THAT(must_sh("ip -n b route"), HasSubstr("10.5.1.0/24 via 10.5.2.1 dev eth0"));
    EXPECT_EQ(must_sh("ip netns exec a sysctl -n net.ipv4.ip_forward"), "0");
    must_sh("ip -n b route del 10.5.1.0/24");
    EXPECT_EQ(drift("router").size(), 1U);
    up(read_text("/mnt/lab.yaml"));
    EXPECT_TRUE(ping("a", "10.5.2.2"));
}

TEST_F(Network, Ipv6IsOffWhereTheLabHasNone) {
    up("lab: four\nswitches: {br0: {}}\n"
       "hosts: {a: {interfaces: {eth0: {to: \"br0:pa\", address: 10.6.0.1/24}}}}\n");
    EXPECT_EQ(must_sh("ip -n a -6 -o addr show dev eth0"), "");
    EXPECT_EQ(must_sh("ip -6 -o addr show dev pa"), "");
}

TEST_F(Network, DirectLink) {
    up(R"(lab: direct
hosts:
  a: {interfaces: {eth0: {to: "b:eth0", address: 10.7.0.1/30, mtu: 9000, mac: "02:00:00:00:00:aa"}}}
  b: {interfaces: {eth0: {address: 10.7.0.2/30, mtu: 9000}}}
)");
    EXPECT_TRUE(ping("a", "10.7.0.2"));
    EXPECT_TRUE(sh("ip netns exec a ping -c1 -W2 -M do -s 8972 10.7.0.2").ok());
    EXPECT_THAT(must_sh("ip -n a link show eth0"), HasSubstr("02:00:00:00:00:aa"));
    EXPECT_EQ(must_sh("ip -o link | wc -l"), "1") << "a direct link touches the machine's namespace";
}

TEST_F(Network, PatchLinkCarriesItsTrunkOnly) {
    up(R"(lab: patch
switches: {s1: {kind: ovs}, s2: {kind: ovs}}
hosts:
  a1: {interfaces: {eth0: {to: "s1:a1", vlan: 100, address: 10.8.0.1/24}}}
  a2: {interfaces: {eth0: {to: "s2:a2", vlan: 100, address: 10.8.0.2/24}}}
  b1: {interfaces: {eth0: {to: "s1:b1", vlan: 200, address: 10.8.0.11/24}}}
  b2: {interfaces: {eth0: {to: "s2:b2", vlan: 200, address: 10.8.0.12/24}}}
  c1: {interfaces: {eth0: {to: "s1:c1", vlan: 300, address: 10.8.0.21/24}}}
  c2: {interfaces: {eth0: {to: "s2:c2", vlan: 300, address: 10.8.0.22/24}}}
links:
  - {ends: ["s1:to-s2", "s2:to-s1"], trunk: [100, 200]}
expect:
  - reach: {from: a1, to: a2}
  - reach: {from: b1, to: b2}
  - isolate: {from: c1, to: c2}
  - isolate: {from: a1, to: b2}
)");
    const Ran check = warren({"check"});
    EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
    const std::string vsctl = "ovs-vsctl " + ovs_db_option() + " ";
    EXPECT_EQ(must_sh(vsctl + "get Interface to-s2 type"), "patch");
    EXPECT_EQ(must_sh(vsctl + "get Port to-s2 trunks"), "[100, 200]");
    EXPECT_TRUE(ping("a1", "10.8.0.2"));
    EXPECT_TRUE(no_ping("c1", "10.8.0.22"));
}

TEST_F(Network, InternalPortAsAHostsInterface) {
    up(R"(lab: inner
switches: {s1: {kind: ovs}}
hosts:
  a: {interfaces: {in-a: {to: s1, wire: internal, address: 10.9.0.1/24, mtu: 1400}}}
  b: {interfaces: {eth0: {to: "s1:pb", address: 10.9.0.2/24}}}
expect: [{reach: {from: a, to: b}}]
)");
    EXPECT_TRUE(warren({"check"}).ok());
    EXPECT_THAT(must_sh("ip -n a link show in-a"), HasSubstr("mtu 1400"));
    EXPECT_EQ(must_sh("ovs-vsctl " + ovs_db_option() + " get Interface in-a type"), "internal");
}

TEST_F(Network, TwoLinuxBridgesByAVethPair) {
    up(R"(lab: bridges
switches: {b1: {}, b2: {}}
hosts:
  a: {interfaces: {eth0: {to: "b1:pa", address: 10.10.0.1/24}}}
  b: {interfaces: {eth0: {to: "b2:pb", address: 10.10.0.2/24}}}
links: [{ends: [b1, b2]}]
)");
    EXPECT_TRUE(ping("a", "10.10.0.2"));
}

TEST_F(Network, DhcpOptionsReachTheClient) {
    up(R"(lab: options
switches: {br0: {}}
networks:
  lan:
    switch: br0
    subnet: 10.11.0.0/24
    dhcp: {gateway: 10.11.0.1, dns: [10.11.0.53], options: {26: "1400"}, reservations: {a: 10.11.0.77}}
hosts:
  a: {interfaces: {eth0: {network: lan, address: dhcp}}}
expect: [{lease: {host: a, network: lan}}]
)");
    const Ran check = warren({"check"});
    EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
    EXPECT_THAT(must_sh("ip -n a -4 -o addr show eth0"), HasSubstr("10.11.0.77/24"));
    EXPECT_THAT(must_sh("ip -n a route"), HasSubstr("default via 10.11.0.1 dev eth0"));
    EXPECT_THAT(must_sh("ip -n a link show eth0"), HasSubstr("mtu 1400"));
    EXPECT_THAT(must_sh("ip netns exec a cat /etc/resolv.conf"), HasSubstr("10.11.0.53"));
    EXPECT_THAT(read_text("/etc/resolv.conf"), Not(HasSubstr("10.11.0.53")));
}

TEST_F(Network, DhcpByUdhcpcWhereThereIsNoDhclient) {
    const std::string dhclient = find_program("dhclient");
    if (!dhclient.empty()) { hide_program(dhclient); }
    const std::string file = example("tenants.yaml");
    const Ran up = warren({"up", file});
    EXPECT_TRUE(up.ok()) << testing::PrintToString(up);
    EXPECT_EQ(processes_with("udhcpc").size(), 2U);
    EXPECT_TRUE(warren({"check"}).ok());
    EXPECT_THAT(planned(file), IsEmpty());
    must_warren({"down"});
    if (!dhclient.empty()) { ASSERT_EQ(umount(std::filesystem::canonical(dhclient).c_str()), 0); }
}

class VlanBridge : public Network {};

TEST_F(VlanBridge, KeepsTenantsApart) {
    if (!has_vlan_filtering()) { GTEST_SKIP() << "the kernel has no bridge VLAN filtering"; }
    up(R"(lab: vlans
switches: {br0: {}}
hosts:
  a: {interfaces: {eth0: {to: "br0:pa", vlan: 100, address: 10.12.0.1/24}}}
  b: {interfaces: {eth0: {to: "br0:pb", vlan: 100, address: 10.12.0.2/24}}}
  c: {interfaces: {eth0: {to: "br0:pc", vlan: 200, address: 10.12.0.3/24}}}
)");
    EXPECT_TRUE(ping("a", "10.12.0.2"));
    EXPECT_TRUE(no_ping("a", "10.12.0.3"));
    EXPECT_THAT(planned("/mnt/lab.yaml"), IsEmpty());
}

TEST_F(VlanBridge, IsRefusedWhereTheKernelCannot) {
    if (has_vlan_filtering()) { GTEST_SKIP() << "the kernel has bridge VLAN filtering"; }
    const Ran run = warren({"up", write_file("lab.yaml",
                                             "lab: vlans\nswitches: {br0: {}}\nhosts:\n"
                                             "  a: {interfaces: {eth0: {to: br0, vlan: 100}}}\n")});
    EXPECT_EQ(run.status, 3) << testing::PrintToString(run);
    EXPECT_THAT(run.err, HasSubstr("VLAN"));
    expect_same_machine();
}

class KernelDatapath : public Network {};

TEST_F(KernelDatapath, IsUsedWhereThereIsOne) {
    if (!has_kernel_datapath()) { GTEST_SKIP() << "the kernel has no openvswitch module"; }
    must_warren({"up", example("red-green.yaml")});
    EXPECT_EQ(must_sh("ovs-vsctl " + ovs_db_option() + " get Bridge ovs1 datapath_type"), "system");
    EXPECT_TRUE(warren({"check"}).ok());
}

TEST_F(KernelDatapath, IsRefusedWhereThereIsNone) {
    if (has_kernel_datapath()) { GTEST_SKIP() << "the kernel has the openvswitch module"; }
    const Ran run = warren({"up", write_file("lab.yaml",
                                             "lab: k\nswitches: {s1: {kind: ovs, datapath: system}}\n"
                                             "hosts: {a: {interfaces: {eth0: {to: s1}}}}\n")});
    EXPECT_EQ(run.status, 3) << testing::PrintToString(run);
    EXPECT_THAT(run.err, HasSubstr("openvswitch"));
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
