// Each rule of diff() by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/changes.hpp"
#include "plan/plan.hpp"
#include "states.hpp"

namespace warren::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> told(const Plan& plan) {
    std::vector<std::string> result;
    for (const Step& step : plan.steps) { result.push_back(describe(step)); }
    return result;
}

std::vector<std::string> told(const State& a, const State& b) { return told(diff(a, b, kLab).plan); }

std::vector<std::string> change_texts(const State& a, const State& b) {
    std::vector<std::string> result;
    for (const Change& change : changes(a, b, kLab)) { result.push_back(text(change)); }
    return result;
}

template <class T>
const T& only(const Plan& plan) {
    const T* found = nullptr;
    for (const Step& step : plan.steps) {
        if (const T* hit = std::get_if<T>(&step)) {
            EXPECT_EQ(found, nullptr) << "more than one";
            found = hit;
        }
    }
    EXPECT_NE(found, nullptr);
    static const T kNone{};
    return found == nullptr ? kNone : *found;
}

// red with eth0-r on a Linux bridge br0.
State bridged() {
    State state;
    add_host(state, "red");
    add_bridge(state, "br0");
    add_veth(state, "red", "eth0-r", "veth-r", "br0").addresses = {prefix("10.0.0.1/24")};
    return state;
}

// The same with a bridge of that name.
State bridged_as(const std::string& name) {
    State state;
    add_host(state, "red");
    add_bridge(state, name);
    add_veth(state, "red", "eth0-r", "veth-r", name);
    return state;
}

// red by veth and dhcp-r by an internal port on ovs1.
State tenants() {
    State state;
    add_host(state, "red");
    add_host(state, "dhcp-r");
    add_ovs(state, "ovs1");
    add_veth(state, "red", "eth0-r", "veth-r");
    add_port(state, "ovs1", "veth-r").tag = 100;
    add_internal(state, "dhcp-r", "ovs1", "tap-r").addresses = {prefix("10.50.50.2/24")};
    return state;
}

TEST(Diff, BuildsFromNothingInOrder) {
    EXPECT_THAT(
        told({}, tenants()),
        ElementsAre("create namespace dhcp-r", "create namespace red", "start Open vSwitch in /run/warren/ovs",
                    "create veth eth0-r in namespace red with its other end veth-r in the machine's namespace",
                    "create Open vSwitch bridge ovs1 with 2 ports",
                    "move internal port tap-r into namespace dhcp-r",
                    "add address 10.50.50.2/24 to tap-r in namespace dhcp-r"));
}

TEST(Diff, TakesAllAwayInOrder) {
    const Plan plan = diff(tenants(), {}, kLab).plan;
    EXPECT_THAT(
        told(plan),
        ElementsAre("give up internal port tap-r in namespace dhcp-r", "delete Open vSwitch bridge ovs1",
                    "stop Open vSwitch in /run/warren/ovs",
                    "delete veth eth0-r in namespace red with its other end veth-r in the machine's namespace",
                    "delete namespace dhcp-r", "delete namespace red"));
    EXPECT_FALSE(only<DelVeth>(plan).with_namespace) << "an end lies in a namespace that stays";
    EXPECT_EQ(only<UnplaceInternal>(plan).value.addresses.size(), 1U);
}

TEST(Diff, APairWhoseNamespacesBothGoGoesWithThem) {
    State state;
    add_host(state, "blue");
    add_host(state, "red");
    add_veth(state, "red", "eth0", "eth1", "", "blue");
    const Plan plan = diff(state, {}, kLab).plan;
    EXPECT_TRUE(only<DelVeth>(plan).with_namespace);
    EXPECT_EQ(only<DelVeth>(plan).ns_a, "blue") << "between hosts the smaller name is a";
}

TEST(Diff, TheSwitchsEndOfAPairIsA) {
    const Plan plan = diff({}, bridged(), kLab).plan;
    EXPECT_EQ(only<AddVeth>(plan).a.name, "veth-r");
    EXPECT_EQ(only<AddVeth>(plan).a.master, "br0");
    EXPECT_EQ(only<AddVeth>(plan).b.name, "eth0-r");
    EXPECT_THAT(only<AddVeth>(plan).b.addresses, IsEmpty());
}

TEST(Diff, AttributesOfALinkAreChangedInPlace) {
    State wanted = bridged();
    Link& link = wanted.namespaces.at("red").links.at("eth0-r");
    link.mtu = 1400;
    link.tx_checksum = false;
    link.mac = *MacAddress::parse("02:00:00:00:00:01");
    EXPECT_THAT(
        told(bridged(), wanted),
        ElementsAre("set MAC address 02:00:00:00:00:01, MTU 1400, transmit checksum offload off of link eth0-r "
                    "in namespace red"));
}

TEST(Diff, AMacThatNobodyAskedForIsNoDifference) {
    State wanted = bridged();
    wanted.namespaces.at("red").links.at("eth0-r").mac = {};
    EXPECT_THAT(told(bridged(), wanted), IsEmpty());
}

TEST(Diff, LoopbackAddressesOfTheKernelStay) {
    State observed = bridged();
    observed.namespaces.at("red").links.at("lo").addresses = {prefix("127.0.0.1/8"), prefix("::1/128")};
    EXPECT_THAT(told(observed, bridged()), IsEmpty());
}

TEST(Diff, APortOfABridgeThatGoesIsReleasedFirst) {
    State wanted = bridged();
    wanted.namespaces.at("").links.erase("br0");
    add_ovs(wanted, "br0");
    add_port(wanted, "br0", "veth-r");
    wanted.namespaces.at("").links.at("veth-r").master.clear();
    EXPECT_THAT(told(bridged(), wanted),
                ElementsAre("set no bridge of link veth-r in the machine's namespace",
                            "delete bridge br0 in the machine's namespace", "start Open vSwitch in /run/warren/ovs",
                            "create Open vSwitch bridge br0 with 1 port"));
}

TEST(Diff, AnOvsSwitchBecomesABridgeThoughItsDeviceHasTheName) {
    State observed = tenants();
    Link device;
    device.name = "ovs1";
    device.kind = LinkKind::ovs_internal;
    observed.namespaces.at("").links["ovs1"] = device;
    const Difference difference = diff(observed, bridged_as("ovs1"), kLab);
    EXPECT_THAT(difference.conflicts, IsEmpty());
    EXPECT_EQ(only<AddBridge>(difference.plan).value.name, "ovs1");
    observed.bridges.at("ovs1").lab = "another";
    EXPECT_EQ(diff(observed, bridged_as("ovs1"), kLab).conflicts.size(), 1U);
}

TEST(Diff, ABridgesOwnMtuIsTheKernels) {
    State observed = bridged();
    observed.namespaces.at("").links.at("br0").mtu = 1400;
    EXPECT_THAT(told(observed, bridged()), IsEmpty());
}

TEST(Diff, AnMtuThatMayBeLeasedIsLeftAsItIs) {
    State observed = bridged();
    State wanted = bridged();
    observed.namespaces.at("red").links.at("eth0-r").mtu = 1400;
    wanted.namespaces.at("red").links.at("eth0-r").leased_mtu = true;
    EXPECT_THAT(told(observed, wanted), IsEmpty());
    wanted.namespaces.at("red").links.at("eth0-r").up = false;
    EXPECT_EQ(only<SetLink>(diff(observed, wanted, kLab).plan).after.mtu, 1400U);
}

TEST(Diff, AReplacedVethIsGivenToItsOvsPortAgain) {
    State observed = tenants();
    observed.namespaces.at("").links.erase("veth-r");
    observed.namespaces.at("red").links.erase("eth0-r");
    EXPECT_THAT(
        told(observed, tenants()),
        ElementsAre("remove port veth-r from Open vSwitch bridge ovs1",
                    "create veth eth0-r in namespace red with its other end veth-r in the machine's namespace",
                    "add port veth-r to Open vSwitch bridge ovs1"));
}

TEST(Diff, HalfAPairIsDeletedAndMadeAgain) {
    State observed = bridged();
    observed.namespaces.at("red").links.erase("eth0-r");
    Link& rest = observed.namespaces.at("").links.at("veth-r");
    rest.peer.clear();
    rest.peer_namespace.clear();
    const Plan plan = diff(observed, bridged(), kLab).plan;
    EXPECT_EQ(only<DelVeth>(plan).a.name, "veth-r");
    EXPECT_EQ(only<DelVeth>(plan).b.name, "");
    EXPECT_EQ(only<AddVeth>(plan).b.name, "eth0-r");
    EXPECT_EQ(only<AddAddress>(plan).value, prefix("10.0.0.1/24"));
}

TEST(Diff, AnEndThatLostItsMarkIsMarkedAgain) {
    State observed = bridged();
    observed.namespaces.at("").links.at("veth-r").alias.clear();
    const Difference difference = diff(observed, bridged(), kLab);
    EXPECT_THAT(difference.conflicts, IsEmpty());
    EXPECT_THAT(told(difference.plan),
                ElementsAre("set mark warren:t/red:eth0-r of link veth-r in the machine's namespace"));
}

TEST(Diff, NamesThatOthersHoldAreConflictsThatSayWhose) {
    State observed;
    add_host(observed, "red").links.at("lo").alias = "warren:other/red";
    Link& br0 = add_bridge(observed, "br0");
    br0.alias.clear();
    add_ovs(observed, "ovs1").lab = "";
    State wanted = bridged();
    add_ovs(wanted, "ovs1");
    const Difference difference = diff(observed, wanted, kLab);
    std::vector<std::string> texts;
    for (const Conflict& c : difference.conflicts) { texts.push_back(c.object + ": " + c.owner); }
    EXPECT_THAT(texts,
                ElementsAre("Open vSwitch bridge ovs1: not made by Warren",
                            "link br0 in the machine's namespace: not made by Warren", "namespace red: lab other"));
}

TEST(Diff, PortNamesThatOthersHoldAreConflicts) {
    State observed = tenants();
    observed.bridges.at("ovs1").ports.at("veth-r").lab = "";
    State mine = tenants();
    Difference difference = diff(observed, mine, kLab);
    ASSERT_EQ(difference.conflicts.size(), 1U);
    EXPECT_EQ(difference.conflicts[0].object, "port veth-r of Open vSwitch bridge ovs1");

    observed = {};
    observed.ovs = mine.ovs;
    add_ovs(observed, "br-ex").lab = "other";
    add_port(observed, "br-ex", "tap-r", "internal").lab = "other";
    difference = diff(observed, mine, kLab);
    ASSERT_EQ(difference.conflicts.size(), 1U);
    EXPECT_EQ(difference.conflicts[0].owner, "lab other");
}

TEST(Diff, WhatOthersMadeAndNobodyWantsStays) {
    State observed = tenants();
    add_host(observed, "stranger").links.at("lo").alias.clear();
    Link& tun = observed.namespaces.at("red").links["tun0"];
    tun.name = "tun0";
    OvsPort& port = add_port(observed, "ovs1", "vxlan0", "vxlan");
    port.lab.clear();
    add_ovs(observed, "br-ex").lab.clear();
    Route route{prefix("10.8.0.0/16"), std::nullopt, "wg0"};
    observed.namespaces.at("").routes.insert(route);
    EXPECT_THAT(told(observed, tenants()), IsEmpty());
    for (const std::string& step : told(observed, {})) {
        EXPECT_EQ(step.find("stranger"), std::string::npos) << step;
        EXPECT_EQ(step.find("br-ex"), std::string::npos) << step;
        EXPECT_EQ(step.find("10.8.0.0"), std::string::npos) << step;
    }
}

TEST(Diff, AnOvsBridgeMadeAgainTakesForeignPortsAlong) {
    State observed = tenants();
    add_port(observed, "ovs1", "vxlan0", "vxlan").lab.clear();
    State wanted = tenants();
    wanted.bridges.at("ovs1").datapath_type = "system";
    const Plan plan = diff(observed, wanted, kLab).plan;
    EXPECT_TRUE(only<AddOvsBridge>(plan).value.ports.contains("vxlan0"));
    EXPECT_EQ(only<PlaceInternal>(plan).ns, "dhcp-r");
    EXPECT_EQ(only<AddAddress>(plan).value, prefix("10.50.50.2/24"));
}

TEST(Diff, TagsAreSetInPlaceTypesAreNot) {
    State wanted = tenants();
    wanted.bridges.at("ovs1").ports.at("veth-r").tag = 300;
    EXPECT_THAT(told(tenants(), wanted), ElementsAre("configure port veth-r of Open vSwitch bridge ovs1"));
    EXPECT_THAT(change_texts(tenants(), wanted), ElementsAre("ovs1:veth-r vlan 100 → 300"));
}

TEST(Diff, APortThatDidNotOpenIsMadeAgain) {
    for (const bool by_number : {true, false}) {
        State observed = tenants();
        OvsPort& port = observed.bridges.at("ovs1").ports.at("veth-r");
        if (by_number) {
            port.ofport = -1;
        } else {
            port.error = "could not open network device veth-r";
        }
        EXPECT_THAT(told(observed, tenants()), ElementsAre("remove port veth-r from Open vSwitch bridge ovs1",
                                                           "add port veth-r to Open vSwitch bridge ovs1"));
    }
}

TEST(Diff, AnInternalPortWithoutItsDeviceIsMadeAgain) {
    State observed = tenants();
    observed.namespaces.at("dhcp-r").links.erase("tap-r");
    EXPECT_THAT(told(observed, tenants()), ElementsAre("remove internal port tap-r from Open vSwitch bridge ovs1",
                                                       "add internal port tap-r to Open vSwitch bridge ovs1",
                                                       "move internal port tap-r into namespace dhcp-r",
                                                       "add address 10.50.50.2/24 to tap-r in namespace dhcp-r"));
}

TEST(Diff, AnInternalPortStillInItsSwitchsNamespaceIsMoved) {
    State observed = tenants();
    observed.namespaces.at("dhcp-r").links.erase("tap-r");
    Link& tap = observed.namespaces.at("").links["tap-r"];
    tap.name = "tap-r";
    tap.kind = LinkKind::ovs_internal;
    EXPECT_THAT(told(observed, tenants()), ElementsAre("move internal port tap-r into namespace dhcp-r",
                                                       "add address 10.50.50.2/24 to tap-r in namespace dhcp-r"));
}

TEST(Diff, TheDeviceThatAnOvsPortLeftBehindIsDeletedFirst) {
    State observed = tenants();
    observed.bridges.clear();
    observed.ovs.reset();
    EXPECT_THAT(told(observed, tenants()),
                ElementsAre("delete stray link tap-r in namespace dhcp-r", "start Open vSwitch in /run/warren/ovs",
                            "create Open vSwitch bridge ovs1 with 2 ports",
                            "move internal port tap-r into namespace dhcp-r",
                            "add address 10.50.50.2/24 to tap-r in namespace dhcp-r"));
}

TEST(Diff, TheMachinesOvsIsNeitherStartedNorStopped) {
    State state = tenants();
    state.ovs->kind = OvsInstance::Kind::machine;
    for (const Plan& plan : {diff({}, state, kLab).plan, diff(state, {}, kLab).plan}) {
        for (const Step& step : plan.steps) {
            EXPECT_FALSE(std::holds_alternative<StartOvs>(step));
            EXPECT_FALSE(std::holds_alternative<StopOvs>(step));
        }
    }
}

TEST(Diff, AnotherOvsInstanceGetsTheBridges) {
    State wanted = tenants();
    wanted.ovs->kind = OvsInstance::Kind::machine;
    wanted.ovs->directory = "/var/run/openvswitch";
    const Plan plan = diff(tenants(), wanted, kLab).plan;
    EXPECT_EQ(only<StopOvs>(plan).value.directory, "/run/warren/ovs");
    EXPECT_EQ(only<DelOvsBridge>(plan).on.directory, "/run/warren/ovs");
    EXPECT_EQ(only<AddOvsBridge>(plan).on.directory, "/var/run/openvswitch");
    for (const Step& step : plan.steps) { EXPECT_FALSE(std::holds_alternative<StartOvs>(step)); }
}

TEST(Diff, LeasesAreTheClientsWhereOneIsWanted) {
    State observed = bridged();
    State wanted = bridged();
    observed.namespaces.at("red").links.at("eth0-r").leased = {prefix("10.0.0.50/24")};
    wanted.namespaces.at("red").links.at("eth0-r").dhcp = true;
    EXPECT_THAT(told(observed, wanted), IsEmpty());
    wanted.namespaces.at("red").links.at("eth0-r").dhcp = false;
    wanted.namespaces.at("red").links.at("eth0-r").addresses = {};
    observed.namespaces.at("red").links.at("eth0-r").addresses = {};
    const Plan plan = diff(observed, wanted, kLab).plan;
    EXPECT_THAT(told(plan), ElementsAre("remove leased address 10.0.0.50/24 from eth0-r in namespace red"));
    EXPECT_THAT(reverse(plan.steps[0]), IsEmpty());
}

TEST(Diff, ALeaseIsGivenUpWhereTheClientIsToAskForAnother) {
    State observed = bridged();
    Link& link = observed.namespaces.at("red").links.at("eth0-r");
    link.addresses.clear();
    link.dhcp = true;
    Process client;
    client.host = "red";
    client.name = "dhcp-eth0-r";
    client.net_namespace = "red";
    client.role = ProcessRole::dhcp_client;
    client.device = "eth0-r";
    client.network = "red-net";
    client.environment = {"WARREN_NETWORK=red-net 10.0.0.0/24"};
    observed.processes[{"red", "dhcp-eth0-r"}] = client;
    State wanted = observed;
    link.leased = {prefix("10.0.0.50/24")};
    EXPECT_THAT(told(observed, wanted), IsEmpty());
    Process& asks = wanted.processes.at({"red", "dhcp-eth0-r"});
    asks.environment.emplace_back("WARREN_RESOLV_CONF=/x");
    EXPECT_THAT(told(observed, wanted),
                ElementsAre("stop dhcp-eth0-r in host red", "start dhcp-eth0-r in host red"));
    const char* const given_up = "remove leased address 10.0.0.50/24 from eth0-r in namespace red";
    asks = client;
    asks.environment.emplace_back("WARREN_RESERVED=10.0.0.77");
    EXPECT_THAT(told(observed, wanted),
                ElementsAre("stop dhcp-eth0-r in host red", given_up, "start dhcp-eth0-r in host red"));
    EXPECT_THAT(change_texts(observed, wanted),
                ElementsAre("dhcp client on red:eth0-r state running → asks again (its reservation has changed)"));
    asks = client;
    asks.network = "green-net";
    EXPECT_THAT(told(observed, wanted),
                ElementsAre("stop dhcp-eth0-r in host red", given_up, "start dhcp-eth0-r in host red"));
    EXPECT_THAT(change_texts(observed, wanted), ElementsAre("red:eth0-r network red-net → green-net"));
}

TEST(Diff, RoutesOfADeviceComeBackAfterItsAddressChanges) {
    State observed = bridged();
    observed.namespaces.at("red").routes = {{prefix("0.0.0.0/0"), address("10.0.0.254"), "eth0-r"}};
    State wanted = observed;
    wanted.namespaces.at("red").links.at("eth0-r").addresses = {prefix("10.0.0.9/24")};
    EXPECT_THAT(told(observed, wanted),
                ElementsAre("remove route default via 10.0.0.254 dev eth0-r in namespace red",
                            "remove address 10.0.0.1/24 from eth0-r in namespace red",
                            "add address 10.0.0.9/24 to eth0-r in namespace red",
                            "add route default via 10.0.0.254 dev eth0-r in namespace red"));
    EXPECT_THAT(change_texts(observed, wanted), ElementsAre("red:eth0-r address 10.0.0.1/24 → 10.0.0.9/24"));
}

TEST(Diff, AddressesOfOneSubnetAreRemovedTogether) {
    State observed = bridged();
    observed.namespaces.at("red").links.at("eth0-r").addresses.insert(prefix("10.0.0.2/24"));
    State wanted = bridged();
    wanted.namespaces.at("red").links.at("eth0-r").addresses = {prefix("10.0.0.2/24")};
    const Plan plan = diff(observed, wanted, kLab).plan;
    EXPECT_THAT(told(plan), ElementsAre("remove address 10.0.0.1/24 from eth0-r in namespace red",
                                        "remove address 10.0.0.2/24 from eth0-r in namespace red",
                                        "add address 10.0.0.2/24 to eth0-r in namespace red"));
    // The second may have gone with the first: undoing the first alone brings both.
    EXPECT_EQ(reverse(plan.steps[0]).size(), 2U);
    EXPECT_THAT(change_texts(observed, wanted), ElementsAre("red:eth0-r address - 10.0.0.1/24"));
}

TEST(Diff, OnLinkRoutesComeBeforeTheGatewaysThatTheyReach) {
    State wanted = bridged();
    wanted.namespaces.at("red").routes = {{prefix("0.0.0.0/0"), address("192.168.0.1"), "eth0-r"},
                                          {prefix("192.168.0.0/24"), std::nullopt, "eth0-r"}};
    EXPECT_THAT(told(bridged(), wanted),
                ElementsAre("add route 192.168.0.0/24 dev eth0-r in namespace red",
                            "add route default via 192.168.0.1 dev eth0-r in namespace red"));
}

TEST(Diff, SysctlsOfNamespacesComeBeforeLinksThoseOfDevicesAfter) {
    State wanted = bridged();
    wanted.namespaces.at("red").sysctls = {{"net.ipv4.conf.eth0-r.rp_filter", "0"},
                                           {"net.ipv6.conf.default.disable_ipv6", "1"}};
    const auto steps = told({}, wanted);
    const auto at = [&](const std::string& what) {
        return std::find_if(steps.begin(), steps.end(),
                            [&](const std::string& step) { return step.find(what) != std::string::npos; });
    };
    ASSERT_NE(at("disable_ipv6"), steps.end());
    EXPECT_LT(at("disable_ipv6"), at("create veth"));
    EXPECT_LT(at("create veth"), at("rp_filter"));
}

TEST(Diff, TheDeviceOfASysctl) {
    EXPECT_EQ(sysctl_device("net.ipv4.conf.eth0.rp_filter"), "eth0");
    EXPECT_EQ(sysctl_device("net/ipv6/conf/eth0.100/accept_ra"), "eth0.100");
    EXPECT_EQ(sysctl_device("net.ipv4.conf.all.forwarding"), "");
    EXPECT_EQ(sysctl_device("net.ipv6.neigh.default.gc_thresh3"), "");
    EXPECT_EQ(sysctl_device("net.ipv4.ip_forward"), "");
    EXPECT_EQ(sysctl_device("net.ipv4.conf."), "");
}

State with_server() {
    State state = tenants();
    state.keeper = true;
    state.files["/w"].directory = true;
    state.files["/w/hosts"].content = "a";
    state.files["/w/options"].content = "a";
    state.files["/w/leases"].seed_only = true;
    Process server;
    server.host = "dhcp-r";
    server.name = "dnsmasq";
    server.net_namespace = "dhcp-r";
    server.role = ProcessRole::dhcp_server;
    server.device = "tap-r";
    server.network = "red-net";
    server.command = {"dnsmasq"};
    server.reload_files = {"/w/hosts"};
    server.restart_files = {"/w/options"};
    server.pid = 7;
    server.status = "running";
    state.processes[{"dhcp-r", "dnsmasq"}] = server;
    return state;
}

TEST(Diff, FilesThatAProcessReadsAgainAreFollowedByAReload) {
    State wanted = with_server();
    wanted.files.at("/w/hosts").content = "b";
    EXPECT_THAT(told(with_server(), wanted),
                ElementsAre("have ready the reload of dnsmasq in host dhcp-r", "write /w/hosts",
                            "have dnsmasq in host dhcp-r read its files again"));
    wanted.files.at("/w/options").content = "b";
    EXPECT_THAT(told(with_server(), wanted), ElementsAre("stop dnsmasq in host dhcp-r", "write /w/hosts",
                                                         "write /w/options", "start dnsmasq in host dhcp-r"));
}

TEST(Diff, ASeedIsSomebodyElsesOnceItIsThere) {
    State observed = with_server();
    observed.files.at("/w/leases").content = "1 02:00:00:00:00:01 10.0.0.1";
    EXPECT_THAT(told(observed, with_server()), IsEmpty());
    observed.files.erase("/w/leases");
    EXPECT_THAT(told(observed, with_server()), ElementsAre("write /w/leases"));
}

TEST(Diff, DirectoriesComeFirstAndGoLast) {
    State with;
    with.files["/w"].directory = true;
    with.files["/w/x"].content = "x";
    EXPECT_THAT(told({}, with), ElementsAre("create directory /w", "write /w/x"));
    EXPECT_THAT(told(with, {}), ElementsAre("remove /w/x", "remove directory /w"));
}

TEST(Diff, ADeadProcessIsStartedOneThatBacksOffIsNot) {
    State observed = with_server();
    Process& server = observed.processes.at({"dhcp-r", "dnsmasq"});
    server.pid = 0;
    server.status = "backing off";
    EXPECT_THAT(told(observed, with_server()), IsEmpty());
    server.status = "dead";
    EXPECT_THAT(told(observed, with_server()), ElementsAre("start dnsmasq in host dhcp-r"));
    EXPECT_THAT(change_texts(observed, with_server()), ElementsAre("dhcp server of red-net state dead → running"));
}

TEST(Diff, AProcessIsStartedAgainWhenItsDeviceIsAnother) {
    State observed = with_server();
    observed.bridges.at("ovs1").ports.at("tap-r").ofport = -1;
    const auto steps = told(observed, with_server());
    ASSERT_FALSE(steps.empty());
    EXPECT_EQ(steps.front(), "stop dnsmasq in host dhcp-r");
    EXPECT_EQ(steps.back(), "start dnsmasq in host dhcp-r");
}

TEST(Diff, TheKeeperComesAndGoesWithTheProcesses) {
    const auto up = told({}, with_server());
    EXPECT_EQ(up.at(up.size() - 2), "start the keeper of the lab's processes");
    const auto down = told(with_server(), {});
    EXPECT_EQ(down.at(0), "stop dnsmasq in host dhcp-r");
    EXPECT_EQ(down.at(1), "stop the keeper of the lab's processes");
}

TEST(Diff, ADeletedNamespaceTakesItsRoutesAndGivesThemBack) {
    State state = bridged();
    state.namespaces.at("red").routes = {{prefix("0.0.0.0/0"), address("10.0.0.254"), "eth0-r"}};
    const Plan plan = diff(state, {}, kLab).plan;
    const DelVeth& step = only<DelVeth>(plan);
    EXPECT_EQ(step.on_b.routes.size(), 1U);
    const auto undo = reverse(step);
    ASSERT_EQ(undo.size(), 3U);
    EXPECT_EQ(describe(undo[1]), "add address 10.0.0.1/24 to eth0-r in namespace red");
    EXPECT_EQ(describe(undo[2]), "add route default via 10.0.0.254 dev eth0-r in namespace red");
}

}  // namespace
}  // namespace warren::testing
