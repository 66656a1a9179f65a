// `adopt` on surveys of machines that no test can make here: VLANs of Linux bridges, dnsmasq's many forms.
#include "views/adopt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "surveyed_machine.hpp"
#include "views/adopt_dhcp.hpp"

namespace warren {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Machine : SurveyedMachine {
    // eth0 of HOST behind a port of the bridge br0.
    Link& plug(const std::string& host, BridgePortVlans vlans) {
        link("", "br0", LinkKind::bridge, "bridge").vlan_filtering = true;
        Link& port = link("", "v-" + host, LinkKind::veth, "veth");
        port.master = "br0";
        port.vlans = std::move(vlans);
        port.peer_namespace = host;
        port.peer = "eth0";
        Link& eth = link(host, "eth0", LinkKind::veth, "veth");
        eth.peer = "v-" + host;
        return eth;
    }
    [[nodiscard]] Adopted adopted() const {
        auto result = adopt(survey, {});
        EXPECT_TRUE(result) << result.error().message();
        return result ? *result : Adopted{};
    }
};

const Interface& interface_of(const Adopted& adopted, const std::string& host) {
    static const Interface kNone;
    const Host* found = adopted.lab.find_host(host);
    EXPECT_NE(found, nullptr) << host;
    return found == nullptr || found->interfaces.empty() ? kNone : found->interfaces.front();
}

TEST(Adopt, VlansOfAFilteringBridge) {
    Machine machine;
    machine.plug("access", {Vlan{10}, {}});
    machine.plug("trunk", {std::nullopt, {10, 20}});
    machine.plug("native", {Vlan{20}, {10}});
    machine.plug("open", {Vlan{1}, {10, 20}});
    machine.plug("one", {Vlan{1}, {}});
    const Adopted adopted = machine.adopted();
    EXPECT_EQ(interface_of(adopted, "access").vlan, Vlan{10});
    EXPECT_THAT(interface_of(adopted, "trunk").trunk, ElementsAre(10, 20));
    EXPECT_THAT(interface_of(adopted, "native").trunk, ElementsAre(10));
    EXPECT_EQ(interface_of(adopted, "one").vlan, Vlan{1});
    EXPECT_EQ(interface_of(adopted, "open").vlan, std::nullopt);
    EXPECT_THAT(interface_of(adopted, "open").trunk, IsEmpty());
    EXPECT_THAT(adopted.remarks,
                ElementsAre(HasSubstr("port v-native of br0: a trunk whose untagged frames are VLAN 20's")));
    EXPECT_THAT(adopted.mistakes, IsEmpty());
}

TEST(Adopt, AFilteringBridgeWithoutVlansIsAPlainOne) {
    Machine machine;
    machine.plug("a", {Vlan{1}, {}});
    EXPECT_EQ(interface_of(machine.adopted(), "a").vlan, std::nullopt);
}

TEST(Adopt, RoutesGatewaysAndWhatIsTheLeases) {
    Machine machine;
    machine.plug("a", {Vlan{1}, {}}).addresses = {*Prefix::parse("10.0.0.2/24"), *Prefix::parse("fe80::1/64")};
    auto& routes = machine.ns("a").routes;
    const auto route = [](const char* to, const char* via, const char* device) {
        return SurveyedRoute{{*Prefix::parse(to), IpAddress::parse(via), device}, 3, 0};
    };
    routes = {route("0.0.0.0/0", "10.0.0.1", "eth0"), route("10.9.0.0/16", "10.0.0.3", "eth0"),
              route("10.8.0.0/16", "172.16.0.1", "eth0"), route("10.7.0.0/16", "", "eth0"),
              route("10.9.0.0/16", "10.0.0.4", "eth0")};
    machine.plug("b", {Vlan{1}, {}}).leased = {*Prefix::parse("10.0.0.9/24")};
    machine.ns("b").routes = {route("0.0.0.0/0", "10.0.0.1", "eth0")};
    SurveyedProcess client;
    client.kind = ProcessKind::dhcp_client;
    client.devices = {"eth0"};
    machine.ns("b").processes.push_back(client);
    const Adopted adopted = machine.adopted();
    const Host& a = *adopted.lab.find_host("a");
    EXPECT_THAT(a.gateways, ElementsAre(*IpAddress::parse("10.0.0.1")));
    EXPECT_EQ(a.interfaces.front().routes.size(), 1U);
    EXPECT_THAT(a.interfaces.front().addresses, ElementsAre(*Prefix::parse("10.0.0.2/24")));
    EXPECT_TRUE(interface_of(adopted, "b").dhcp);
    EXPECT_THAT(adopted.lab.find_host("b")->gateways, IsEmpty());
    EXPECT_EQ(adopted.remarks.size(), 3U);
    EXPECT_THAT(adopted.mistakes, IsEmpty());
}

TEST(Adopt, MistakesOfTheMachineAreSaid) {
    Machine machine;
    for (const char* host : {"a", "b"}) {
        machine.plug(host, {Vlan{1}, {}}).addresses = {*Prefix::parse("10.0.0.2/24")};
    }
    const Adopted adopted = machine.adopted();
    EXPECT_THAT(adopted.mistakes, ElementsAre(HasSubstr("10.0.0.2 is twice in one broadcast domain")));
    EXPECT_THAT(adopted_text(adopted), HasSubstr("# - MISTAKE, which 'up' refuses: "));
}

SurveyedProcess dnsmasq(std::vector<std::pair<std::string, std::string>> settings) {
    SurveyedProcess process;
    process.program = "dnsmasq";
    process.kind = ProcessKind::dhcp_server;
    process.command = {"dnsmasq"};
    process.settings = std::move(settings);
    return process;
}

const Prefix kServer = *Prefix::parse("10.0.0.1/24");

TEST(ReadServer, WhatANetworkCanSay) {
    const auto read = read_server(dnsmasq({{"interface", "tap0"},
                                           {"dhcp-range", "10.0.0.10,10.0.0.20,255.255.255.0,12h"},
                                           {"dhcp-option", "option:router,10.0.0.254"},
                                           {"dhcp-option", "6,10.0.0.53,10.0.0.54"},
                                           {"dhcp-option", "26,1400"},
                                           {"dhcp-option", "vendor:PXE,1,0.0.0.0"},
                                           {"dhcp-host", "02:00:00:00:00:05,10.0.0.15,red"},
                                           {"dhcp-host", "id:*,ignore"}}),
                                  "tap0", kServer);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->dhcp.range->first, *IpAddress::parse("10.0.0.10"));
    EXPECT_EQ(read->dhcp.range->last, *IpAddress::parse("10.0.0.20"));
    EXPECT_EQ(read->dhcp.lease_time, std::chrono::hours(12));
    EXPECT_EQ(read->dhcp.gateway, *IpAddress::parse("10.0.0.254"));
    EXPECT_EQ(read->dhcp.dns.size(), 2U);
    EXPECT_EQ(read->dhcp.options.at(26), "1400");
    ASSERT_EQ(read->reservations.size(), 1U);
    EXPECT_EQ(read->reservations[0].second, *IpAddress::parse("10.0.0.15"));
    EXPECT_THAT(read->remarks, ElementsAre(HasSubstr("vendor:PXE"), HasSubstr("id:*,ignore")));
}

TEST(ReadServer, ItsOwnDefaults) {
    const auto read = read_server(dnsmasq({{"dhcp-range", "10.0.0.10,10.0.0.20,1h"}}), "tap0", kServer);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->dhcp.gateway, kServer.address);  // it calls itself the router
    EXPECT_EQ(read->dhcp.lease_time, std::nullopt);
    const auto none =
        read_server(dnsmasq({{"dhcp-range", "10.0.0.10,10.0.0.20,30s"}, {"dhcp-option", "3"}}), "tap0", kServer);
    ASSERT_TRUE(none);
    EXPECT_EQ(none->dhcp.gateway, std::nullopt);
    EXPECT_EQ(none->dhcp.lease_time, std::chrono::minutes(2));
}

TEST(ReadServer, WhatIsNoNetworksServer) {
    using Settings = std::vector<std::pair<std::string, std::string>>;
    for (const Settings& settings :
         {Settings{}, Settings{{"dhcp-range", "10.0.0.10,static"}}, Settings{{"dhcp-range", "10.1.0.10,10.1.0.20"}},
          Settings{{"dhcp-range", "10.0.0.10,10.0.0.20,infinite"}},
          Settings{{"dhcp-range", "set:a,10.0.0.10,10.0.0.20"}}, Settings{{"dhcp-range", "10.0.0.20,10.0.0.10"}},
          Settings{{"dhcp-range", "10.0.0.1,10.0.0.20"}},
          Settings{{"dhcp-range", "10.0.0.10,10.0.0.20"}, {"interface", "eth9"}},
          Settings{{"dhcp-range", "10.0.0.10,10.0.0.20"}, {"dhcp-range", "10.0.0.30,10.0.0.40"}}}) {
        EXPECT_FALSE(read_server(dnsmasq(settings), "tap0", kServer));
    }
}

}  // namespace
}  // namespace warren
