// What a survey reads from processes: dnsmasq's options in all their forms, DHCP clients' devices, whose an address is.
#include "engine/survey.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/survey_processes.hpp"

namespace warren {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

std::string nothing(const std::string& /*path*/) { return {}; }

TEST(DnsmasqSettings, LongAndShortOptions) {
    EXPECT_THAT(
        dnsmasq_settings({"dnsmasq", "--interface=tap-r", "--dhcp-range", "10.0.0.2,10.0.0.9", "--no-ping", "-i",
                          "eth1", "-F10.1.0.2,10.1.0.9,1h", "-kO", "3,10.0.0.1", "-d"},
                         nothing),
        ElementsAre(Pair("interface", "tap-r"), Pair("dhcp-range", "10.0.0.2,10.0.0.9"), Pair("no-ping", ""),
                    Pair("interface", "eth1"), Pair("dhcp-range", "10.1.0.2,10.1.0.9,1h"),
                    Pair("keep-in-foreground", ""), Pair("dhcp-option", "3,10.0.0.1"), Pair("no-daemon", "")));
}

TEST(DnsmasqSettings, FilesThatItNames) {
    const auto read = [](const std::string& path) -> std::string {
        if (path == "/a.conf") {
            return "# a comment\n dhcp-range = 10.0.0.2,10.0.0.9 # more\nno-ping\nconf-file=/b.conf\n";
        }
        if (path == "/b.conf") { return "interface=eth7\nconf-file=/a.conf\n"; }
        if (path == "/hosts") { return "02:00:00:00:00:01,10.0.0.5\n"; }
        if (path == "/etc/dnsmasq.conf") { return "domain-needed\n"; }
        return {};
    };
    EXPECT_THAT(dnsmasq_settings({"dnsmasq", "-C", "/a.conf", "--dhcp-hostsfile=/hosts"}, read),
                ElementsAre(Pair("conf-file", "/a.conf"), Pair("dhcp-hostsfile", "/hosts"),
                            Pair("dhcp-range", "10.0.0.2,10.0.0.9"), Pair("no-ping", ""),
                            Pair("conf-file", "/b.conf"), Pair("dhcp-host", "02:00:00:00:00:01,10.0.0.5"),
                            Pair("interface", "eth7"), Pair("conf-file", "/a.conf")));
    EXPECT_THAT(dnsmasq_settings({"dnsmasq"}, read), ElementsAre(Pair("domain-needed", "")));
}

TEST(ClientDevices, OfEachProgram) {
    std::map<std::string, Link> links;
    for (const char* name : {"eth0", "eth1"}) { links[name].name = name; }
    links["lo"].kind = LinkKind::loopback;
    EXPECT_THAT(client_devices({"dhclient", "-lf", "/run/eth0", "-v", "eth1"}, links), ElementsAre("eth1"));
    EXPECT_THAT(client_devices({"udhcpc", "-ieth1", "-f"}, links), ElementsAre("eth1"));
    EXPECT_THAT(client_devices({"udhcpc", "-i", "eth0"}, links), ElementsAre("eth0"));
    EXPECT_THAT(client_devices({"udhcpc", "--interface=eth0"}, links), ElementsAre("eth0"));
    EXPECT_THAT(client_devices({"dhcpcd: eth0 [ip4]"}, links), ElementsAre("eth0"));
    EXPECT_THAT(client_devices({"dhclient", "lo"}, links), IsEmpty());
    links.erase("eth1");
    EXPECT_THAT(client_devices({"dhclient"}, links), ElementsAre("eth0"));
}

TEST(AddressesByDhcp, WithALifetimeOrTheOnlyOne) {
    SurveyedNamespace ns;
    Link& link = ns.state.links["eth0"];
    link.name = "eth0";
    const Prefix first = *Prefix::parse("10.0.0.5/24");
    const Prefix second = *Prefix::parse("10.0.0.6/24");
    link.addresses = {first, *Prefix::parse("fd00::5/64")};
    EXPECT_THAT(addresses_by_dhcp(ns, "eth0"), IsEmpty());  // no client
    SurveyedProcess client;
    client.kind = ProcessKind::dhcp_client;
    client.devices = {"eth0"};
    ns.processes.push_back(client);
    EXPECT_THAT(addresses_by_dhcp(ns, "eth0"), ElementsAre(first));
    link.addresses.insert(second);
    EXPECT_THAT(addresses_by_dhcp(ns, "eth0"), IsEmpty());  // nobody can tell
    link.addresses.erase(second);
    link.leased = {second};
    EXPECT_THAT(addresses_by_dhcp(ns, "eth0"), ElementsAre(second));
}

}  // namespace
}  // namespace warren
