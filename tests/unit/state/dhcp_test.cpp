#include "state/dhcp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

DhcpServer red() {
    DhcpServer server;
    server.lab = "tenants";
    server.network = "red-net";
    server.interface = "tap-r";
    server.address = *Prefix::parse("10.50.50.2/24");
    server.range = {ip("10.50.50.10"), ip("10.50.50.100")};
    server.directory = "/run/warren/tenants/dhcp";
    server.lease_file = "/run/warren/tenants/dhcp/red-net.leases";
    return server;
}

std::string options_of(const DhcpServer& server) {
    return plan_dhcp_server(server).files.at("/run/warren/tenants/dhcp/red-net.options");
}

TEST(DhcpServerPlan, OneServerOnOneInterface) {
    const auto plan = plan_dhcp_server(red());
    EXPECT_EQ(plan.command.front(), "/usr/sbin/dnsmasq");
    for (const char* word : {"--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                             "--no-ping", "--bind-dynamic", "--interface=tap-r", "--dhcp-authoritative",
                             "--dhcp-range=10.50.50.10,10.50.50.100,255.255.255.0,3600", "--dhcp-lease-max=256",
                             "--pid-file=/run/warren/tenants/dhcp/red-net.pid",
                             "--dhcp-leasefile=/run/warren/tenants/dhcp/red-net.leases",
                             "--dhcp-hostsfile=/run/warren/tenants/dhcp/red-net.hosts",
                             "--dhcp-optsfile=/run/warren/tenants/dhcp/red-net.options"}) {
        EXPECT_THAT(plan.command, Contains(word));
    }
    EXPECT_EQ(plan.pid_file, "/run/warren/tenants/dhcp/red-net.pid");
    EXPECT_THAT(plan.reload_files, ::testing::UnorderedElementsAre("/run/warren/tenants/dhcp/red-net.hosts",
                                                                   "/run/warren/tenants/dhcp/red-net.options"));
    for (const auto& file : plan.reload_files) { EXPECT_TRUE(plan.files.contains(file)) << file; }
}

TEST(DhcpServerPlan, WithoutAGatewayNoRouterIsAnnounced) { EXPECT_EQ(options_of(red()), "3\n"); }

TEST(DhcpServerPlan, Options) {
    auto server = red();
    server.gateway = ip("10.50.50.1");
    server.dns = {ip("10.50.50.2"), ip("9.9.9.9")};
    server.options = {{26, "1400"}};
    EXPECT_EQ(options_of(server), "3,10.50.50.1\n6,10.50.50.2,9.9.9.9\n26,1400\n");
    server.options = {{3, "10.50.50.9"}, {6, ""}};  // what is written wins
    EXPECT_EQ(options_of(server), "3,10.50.50.9\n6\n");
}

TEST(DhcpServerPlan, ClasslessRoutesCarryTheDefaultRouteUnderBothNumbers) {
    auto server = red();
    server.options = {{121, "10.0.0.0/8,10.50.50.9"}};
    EXPECT_EQ(options_of(server), "3\n121,10.0.0.0/8,10.50.50.9\n249,10.0.0.0/8,10.50.50.9\n");
    server.gateway = ip("10.50.50.1");
    const std::string both = "10.0.0.0/8,10.50.50.9,0.0.0.0/0,10.50.50.1";
    EXPECT_EQ(options_of(server), "3,10.50.50.1\n121," + both + "\n249," + both + "\n");
    server.options = {{121, "0.0.0.0/0,10.50.50.7"}, {249, "10.9.0.0/16,10.50.50.8"}};
    EXPECT_EQ(options_of(server), "3,10.50.50.1\n121,0.0.0.0/0,10.50.50.7\n249,10.9.0.0/16,10.50.50.8\n");
}

TEST(DhcpServerPlan, AValueEndsAtItsLine) {
    auto server = red();
    server.options = {{15, "example\ndhcp-script=/bin/evil"}, {66, "a\r\n67,b"}};
    EXPECT_EQ(options_of(server), "3\n15,example\n66,a\n");
}

TEST(DhcpServerPlan, ReservationsAreSorted) {
    auto server = red();
    server.reservations = {{*MacAddress::parse("02:00:00:00:00:02"), "green", ip("10.50.50.77")},
                           {*MacAddress::parse("02:00:00:00:00:01"), "blue", ip("10.50.50.78")}};
    const auto plan = plan_dhcp_server(server);
    EXPECT_EQ(plan.files.at("/run/warren/tenants/dhcp/red-net.hosts"),
              "02:00:00:00:00:01,10.50.50.78,blue\n02:00:00:00:00:02,10.50.50.77,green\n");
    server.reservations.clear();
    EXPECT_EQ(plan_dhcp_server(server).command, plan.command) << "a SIGHUP is enough";
}

TEST(DhcpServerPlan, AChangeOfFilesChangesNoCommand) {
    auto server = red();
    const auto before = plan_dhcp_server(server);
    server.gateway = ip("10.50.50.1");
    server.dns = {ip("10.50.50.2")};
    server.options = {{26, "1400"}};
    EXPECT_EQ(plan_dhcp_server(server).command, before.command);
    server.address.length = 8;
    EXPECT_THAT(plan_dhcp_server(server).command, Contains("--dhcp-lease-max=1048576"));
}

DhcpClient client(const char* program) {
    DhcpClient client;
    client.lab = "tenants";
    client.host = "red";
    client.interface = "eth0-r";
    client.directory = "/run/warren/tenants/dhcp";
    client.program = program;
    client.script = "/run/warren/tenants/dhcp/dhcp-script";
    client.resolv_conf = "/run/warren/tenants/etc/of-red/resolv.conf";
    return client;
}

TEST(DhcpClientPlan, Dhclient) {
    const auto plan = plan_dhcp_client(client("/usr/sbin/dhclient"));
    const std::string base = "/run/warren/tenants/dhcp/red:eth0-r";
    EXPECT_EQ(plan.command,
              (std::vector<std::string>{"/usr/sbin/dhclient", "-4", "-d", "-cf", base + ".conf", "-sf",
                                        "/run/warren/tenants/dhcp/dhcp-script", "-lf", base + ".leases", "-pf",
                                        base + ".pid", "-e",
                                        "WARREN_RESOLV_CONF=/run/warren/tenants/etc/of-red/resolv.conf", "-e",
                                        "WARREN_LAB=tenants", "-e", "WARREN_HOST=red", "eth0-r"}));
    const auto& text = plan.files.at(base + ".conf");
    for (const char* line :
         {"send host-name \"red\";", "rfc3442-classless-static-routes code 121", "interface-mtu"}) {
        EXPECT_THAT(text, HasSubstr(line));
    }
    EXPECT_EQ(plan.lease_file, base + ".leases");
    EXPECT_THAT(plan.restart_files, Contains(base + ".conf"));
}

TEST(DhcpClientPlan, Udhcpc) {
    const auto plan = plan_dhcp_client(client("/usr/sbin/udhcpc"));
    EXPECT_THAT(plan.command, Contains("hostname:red"));
    EXPECT_THAT(plan.command, Contains("eth0-r"));
    EXPECT_THAT(plan.environment, Contains("WARREN_RESOLV_CONF=/run/warren/tenants/etc/of-red/resolv.conf"));
    EXPECT_TRUE(plan.files.empty());
    auto without = client("/usr/sbin/udhcpc");
    without.resolv_conf = "";
    EXPECT_THAT(plan_dhcp_client(without).environment, ::testing::IsEmpty());
}

TEST(DhcpClientPlan, AsksForNoMtuThatTheFileSays) {
    for (const char* program : {"/usr/sbin/udhcpc", "/usr/sbin/dhclient"}) {
        auto says = client(program);
        says.takes_mtu = false;
        const auto plan = plan_dhcp_client(says);
        EXPECT_THAT(plan.command, ::testing::Not(Contains("mtu")));
        for (const auto& [path, text] : plan.files) { EXPECT_THAT(text, ::testing::Not(HasSubstr("mtu"))); }
    }
}

TEST(DhcpClientPlan, AnotherSubnetOrReservationStartsItAnew) {
    auto one = client("/usr/sbin/dhclient");
    one.network = "red-net";
    one.subnet = Prefix::parse("10.50.50.0/24");
    auto other = one;
    other.subnet = Prefix::parse("10.50.51.0/24");
    EXPECT_NE(plan_dhcp_client(one).environment, plan_dhcp_client(other).environment);
    other = one;
    other.reserved = ip("10.50.50.77");
    EXPECT_NE(plan_dhcp_client(one).environment, plan_dhcp_client(other).environment);
    EXPECT_EQ(plan_dhcp_client(one).command, plan_dhcp_client(other).command);
}

TEST(DhcpClientPlan, NoTwoClientsShareAFile) {
    auto a = client("dhclient");
    auto b = client("dhclient");
    a.host = "a.b";
    a.interface = "c";
    b.host = "a";
    b.interface = "b.c";
    EXPECT_NE(plan_dhcp_client(a).lease_file, plan_dhcp_client(b).lease_file);
}

}  // namespace
}  // namespace warren
