// The way between two hosts, and what limits it; no machine is needed.
#include "probe/path.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/diagnostics.hpp"
#include "lab/lab_file.hpp"
#include "state/expand.hpp"

namespace warren {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = PathPart::Kind;

State state_of(const std::string& text) {
    Diagnostics diagnostics("lab.yaml");
    const Lab lab = read_lab(text, diagnostics);
    EXPECT_TRUE(diagnostics.empty()) << diagnostics.text();
    Site site;
    site.ovs = {OvsInstance::Kind::warren, "/run/warren/.ovs", ""};
    return expand(lab, site);
}

std::vector<std::string> names(const std::vector<PathPart>& parts) {
    std::vector<std::string> found;
    for (const auto& part : parts) { found.push_back(part.net_namespace + ":" + part.name); }
    return found;
}

constexpr const char* kRouted = R"(lab: routed
switches: {left: {}, right: {}}
hosts:
  a: {interfaces: {eth0: {to: "left:la", address: 10.1.0.1/24}}}
  b: {interfaces: {eth0: {to: "right:rb", address: 10.2.0.1/24}}}
  c: {interfaces: {eth0: {to: "left:lc", address: 10.1.0.3/24}}}
  r:
    interfaces: {eth-l: {to: "left:lr", address: 10.1.0.254/24}, eth-r: {to: "right:rr", address: 10.2.0.254/24}}
    forwarding: true
)";

TEST(Path, GoesOverABridge) {
    const auto path = find_path(state_of(kRouted), "a", "c");
    EXPECT_THAT(names(path), ElementsAre("a:eth0", ":la", ":left", ":lc", "c:eth0"));
    EXPECT_EQ(path[2].kind, Kind::bridge);
}

TEST(Path, GoesOverARouterWhereThereIsNoOtherWay) {
    const auto path = find_path(state_of(kRouted), "a", "b");
    EXPECT_THAT(names(path), ElementsAre("a:eth0", ":la", ":left", ":lr", "r:eth-l", "r:r", "r:eth-r", ":rr",
                                         ":right", ":rb", "b:eth0"));
    EXPECT_EQ(path[5].kind, Kind::router);
}

TEST(Path, GoesOverPatchAndInternalPortsOfOpenVswitch) {
    const auto path = find_path(state_of(R"(lab: ovs
switches: {s1: {kind: ovs}, s2: {kind: ovs}}
links: [{ends: ["s1:p1", "s2:p2"]}]
networks: {n: {switch: s1, vlan: 100, subnet: 10.9.0.0/24}}
hosts:
  a: {interfaces: {eth0: {network: n, peer: va, address: 10.9.0.1/24}}}
  b: {interfaces: {tap-b: {network: n, to: s2, wire: internal, address: 10.9.0.2/24}}}
)"),
                                "a", "b");
    EXPECT_THAT(names(path), ElementsAre("a:eth0", ":va", ":s1", ":p1", ":p2", ":s2", "b:tap-b"));
    EXPECT_EQ(path[2].datapath, "netdev");
    EXPECT_EQ(path[1].vlan, Vlan{100});
    EXPECT_EQ(path[6].vlan, Vlan{100});
}

TEST(Path, OfADirectLinkIsItsTwoEnds) {
    const auto path = find_path(state_of(R"(lab: direct
hosts:
  a: {interfaces: {eth0: {to: "b:eth0", address: 10.0.0.1/24}}}
  b: {interfaces: {eth0: {address: 10.0.0.2/24}}}
)"),
                                "a", "b");
    EXPECT_THAT(names(path), ElementsAre("a:eth0", "b:eth0"));
}

TEST(Path, IsEmptyWhereNothingJoinsThem) {
    EXPECT_THAT(find_path(state_of(R"(lab: apart
switches: {s1: {}, s2: {}}
hosts:
  a: {interfaces: {eth0: {to: s1, address: 10.0.0.1/24}}}
  b: {interfaces: {eth0: {to: s2, address: 10.0.0.2/24}}}
)"),
                          "a", "b"),
                IsEmpty());
}

PathPart interface(const std::string& name, std::uint32_t mtu = 1500, const std::string& queue = "noqueue") {
    PathPart part;
    part.name = name;
    part.mtu = mtu;
    part.queue = queue;
    return part;
}

PathPart of_kind(Kind kind, const std::string& name, const std::string& datapath = "") {
    PathPart part;
    part.kind = kind;
    part.name = name;
    part.datapath = datapath;
    return part;
}

PathReport report_of(std::vector<PathPart> parts, const Rates& path) {
    PathReport report;
    report.parts = std::move(parts);
    report.path = path;
    report.direct = {10, 400'000, 400'000, 50'000};
    report.bridge = {9.5, 380'000, 400'000, 45'000};
    report.direct_large = 10;
    report.processors = 2;
    return report;
}

std::vector<std::string> kinds(const PathReport& report) {
    std::vector<std::string> found;
    for (const auto& limit : limits_of(report)) { found.push_back(limit.kind); }
    return found;
}

TEST(PathLimits, ThereAreNoneOnAQuickBridge) {
    const auto report =
        report_of({interface("a"), of_kind(Kind::bridge, "br0"), interface("b")}, {9.5, 380'000, 400'000, 45'000});
    const auto limits = limits_of(report);
    ASSERT_THAT(kinds(report), ElementsAre("none"));
    EXPECT_THAT(limits[0].text, HasSubstr("TCP 95 %, small packets 95 %, round trips 90 %"));
}

TEST(PathLimits, TheUserspaceDatapathIsToldWithWhatTheKernelsWouldGive) {
    const auto report = report_of({interface("a"), of_kind(Kind::ovs, "ovs1", "netdev"), interface("b")},
                                  {2.5, 100'000, 400'000, 9000});
    const auto limits = limits_of(report);
    ASSERT_THAT(kinds(report), ElementsAre("userspace-datapath"));
    EXPECT_EQ(limits[0].where, "ovs1");
    EXPECT_THAT(limits[0].text, HasSubstr("3.8 times as fast in TCP and 3.8 times in small packets"));
    EXPECT_THAT(kinds(report_of({of_kind(Kind::ovs, "ovs1", "system")}, {9.5, 380'000, 400'000, 45'000})),
                ElementsAre("none"));
}

TEST(PathLimits, TheFirewallOfBridgedPacketsIsTold) {
    auto bridge = of_kind(Kind::bridge, "br0");
    bridge.bridge_netfilter = true;
    const auto report = report_of({interface("a"), bridge, interface("b")}, {9, 250'000, 400'000, 40'000});
    ASSERT_THAT(kinds(report), ElementsAre("bridge-netfilter"));
    EXPECT_THAT(limits_of(report)[0].text, HasSubstr("380 thousand a second here, this path 250"));
}

TEST(PathLimits, MtuOffloadQueueAndProcessorsAreTold) {
    auto slow = interface("a", 1400, "tbf");
    slow.tx_checksum = false;
    auto report = report_of({slow, interface("b")}, {1, 1000, 400'000, 100});
    report.direct_large = 15;
    report.busy = 0.97;
    EXPECT_THAT(kinds(report), ElementsAre("queue", "offload", "mtu", "mtu", "processors"));
    const auto limits = limits_of(report);
    EXPECT_THAT(limits[0].text, HasSubstr("tbf on a"));
    EXPECT_THAT(limits[2].text, HasSubstr("MTU 1400 on a and 1500 on b"));
    EXPECT_THAT(limits[3].text, HasSubstr("MTU 1400 → 9000 gives 150 %"));
    EXPECT_THAT(limits[4].text, HasSubstr("share 2 processors, which were 97 % busy"));
}

TEST(PathLimits, APatchPortHasNoMtu) {
    EXPECT_THAT(kinds(report_of({interface("a", 9000), interface("p1", 0, "patch"), interface("b", 9000)},
                                {9.5, 380'000, 400'000, 45'000})),
                ElementsAre("none"));
}

}  // namespace
}  // namespace warren
