// read(write(lab)) == lab, for labs made by chance and for the corners of the format.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "lab/lab_file.hpp"
#include "random_lab.hpp"

namespace warren {
namespace {

std::string faults(const Lab& lab) {
    Diagnostics diagnostics("lab");
    check_lab(lab, diagnostics);
    return diagnostics.text();
}

TEST(RoundTrip, RandomLabsAreRightAndSurviveWriting) {
    const bool held = rc::check([](std::uint64_t seed) {
        const Lab lab = testing::random_lab(seed);
        RC_ASSERT(faults(lab) == "");
        const std::string text = write_lab(lab);
        Diagnostics diagnostics("written");
        const Lab again = read_lab(text, diagnostics);
        RC_ASSERT(diagnostics.text() == "");
        RC_ASSERT(again == lab);
        RC_ASSERT(write_lab(again) == text);
    });
    EXPECT_TRUE(held);
}

TEST(RoundTrip, RandomLabsAreTheSameForTheSameSeedAndDiffer) {
    EXPECT_EQ(testing::random_lab(7), testing::random_lab(7));
    EXPECT_NE(testing::random_lab(7), testing::random_lab(8));
}

TEST(RoundTrip, RandomLabsHaveEverything) {
    bool bridge = false, ovs = false, vlan = false, v6 = false, dhcp = false, direct = false, host_link = false,
         loop = false;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const Lab lab = testing::random_lab(seed);
        for (const auto& sw : lab.switches) { (kind_of(lab, sw) == SwitchKind::ovs ? ovs : bridge) = true; }
        for (const auto& network : lab.networks) {
            vlan |= network.vlan.has_value();
            dhcp |= network.dhcp.has_value();
        }
        for (const auto& host : lab.hosts) {
            for (const auto& interface : host.interfaces) {
                direct |= interface.to && lab.find_switch(interface.to->node) == nullptr;
                for (const auto& address : interface.addresses) { v6 |= !address.address.is_v4(); }
            }
        }
        for (const auto& link : lab.links) { host_link |= lab.find_host(link.a.node) != nullptr; }
        loop |= lab.links.size() >= lab.switches.size() && lab.switches.size() > 1;
    }
    EXPECT_TRUE(bridge && ovs && vlan && v6 && dhcp && direct && host_link && loop);
}

TEST(RoundTrip, TextThatYamlWouldTakeForSomethingElse) {
    Lab lab;
    lab.name = "10";
    Host host;
    host.name = "no";
    host.sysctls["net.ipv4.tcp_congestion_control"] = "off";
    for (const char* line : {"true",
                             "# comment",
                             "a: b",
                             "- x",
                             "{a}",
                             "'x' \"y\" \\z",
                             " lead",
                             "trail ",
                             "line\nline\n",
                             "tab\t",
                             "\x01\x7f",
                             "caf\xc3\xa9",
                             "\xe2\x80\xa8",
                             "\xef\xbb\xbfx",
                             "\xc2\x85",
                             "1e3",
                             "~",
                             "null",
                             "*a",
                             "&a",
                             "!a",
                             "%a",
                             "@a",
                             "`a",
                             "\xf0\x9f\x98\x80",
                             "dhcp",
                             "default",
                             "=",
                             "<<"}) {
        Service service;
        service.name = "s" + std::to_string(host.run.size());
        service.command = {"sh", "-c", line};
        host.run.push_back(service);
        service.name += "-list";
        service.command = {"printf", line, ""};
        host.run.push_back(service);
    }
    lab.hosts.push_back(host);
    ASSERT_EQ(faults(lab), "");
    Diagnostics diagnostics("written");
    EXPECT_EQ(read_lab(write_lab(lab), diagnostics), lab) << write_lab(lab);
    EXPECT_EQ(diagnostics.text(), "");
}

TEST(RoundTrip, IsWrittenAsAPersonWould) {
    const std::string text =
        "lab: tenants\n"
        "\n"
        "switches:\n"
        "  ovs1: {kind: ovs}\n"
        "\n"
        "networks:\n"
        "  red-net:\n"
        "    switch: ovs1\n"
        "    vlan: 100\n"
        "    subnet: 10.50.50.0/24\n"
        "    dhcp: {host: dhcp-r, address: 10.50.50.2/24, range: 10.50.50.10-10.50.50.100, lease-time: 1h}\n"
        "\n"
        "hosts:\n"
        "  red:\n"
        "    interfaces:\n"
        "      eth0-r: {network: red-net, peer: veth-r, address: dhcp}\n"
        "    run:\n"
        "      - {name: web, command: \"python3 -m http.server 80\"}\n"
        "\n"
        "expect:\n"
        "  - lease: {host: red, network: red-net, within: 5s}\n";
    Diagnostics diagnostics("text");
    EXPECT_EQ(write_lab(read_lab(text, diagnostics)), text);
    EXPECT_EQ(diagnostics.text(), "");
}

}  // namespace
}  // namespace warren
