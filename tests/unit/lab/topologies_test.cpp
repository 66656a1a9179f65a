// The topologies: whole small ones, numbers of larger ones, what all have in common, refusals. The names, addresses
// and ports of those that Mininet has were compared with Mininet 2.3.0's own.
#include "lab/topologies.hpp"

#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/lab_file.hpp"

namespace warren {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Lab made(std::string_view text, const TopologyOptions& options = {}) {
    auto lab = make_topology(text, options);
    EXPECT_TRUE(lab) << lab.error().message();
    return lab ? *lab : Lab{};
}

// A line for each host, "HOST:INTERFACE ADDRESS SWITCH:PORT", and for each link, "SWITCH:PORT SWITCH:PORT".
std::vector<std::string> lines_of(const Lab& lab) {
    std::vector<std::string> lines;
    for (const auto& host : lab.hosts) {
        EXPECT_EQ(host.interfaces.size(), 1U);
        const Interface& interface = host.interfaces.at(0);
        lines.push_back(fmt::format("{}:{} {} {}:{}", host.name, interface.name,
                                    interface.addresses.at(0).to_string(), interface.to.value().node,
                                    interface.to->port.value()));
    }
    for (const auto& link : lab.links) {
        lines.push_back(
            fmt::format("{}:{} {}:{}", link.a.node, link.a.port.value(), link.b.node, link.b.port.value()));
    }
    return lines;
}

TEST(Topologies, Minimal) {
    EXPECT_THAT(lines_of(made("minimal")),
                ElementsAre("h1:h1-eth0 10.0.0.1/8 s1:s1-eth1", "h2:h2-eth0 10.0.0.2/8 s1:s1-eth2"));
    EXPECT_EQ(made("minimal").name, "minimal");
}

TEST(Topologies, SingleAndReversed) {
    EXPECT_EQ(made("single").hosts.size(), 2U);
    EXPECT_THAT(lines_of(made("single,3")),
                ElementsAre("h1:h1-eth0 10.0.0.1/8 s1:s1-eth1", "h2:h2-eth0 10.0.0.2/8 s1:s1-eth2",
                            "h3:h3-eth0 10.0.0.3/8 s1:s1-eth3"));
    EXPECT_THAT(lines_of(made("reversed,3")),
                ElementsAre("h1:h1-eth0 10.0.0.1/8 s1:s1-eth3", "h2:h2-eth0 10.0.0.2/8 s1:s1-eth2",
                            "h3:h3-eth0 10.0.0.3/8 s1:s1-eth1"));
    EXPECT_EQ(made("single,257").hosts.back().interfaces[0].addresses[0].to_string(), "10.0.1.1/8");
}

TEST(Topologies, Linear) {
    EXPECT_THAT(lines_of(made("linear,3")),
                ElementsAre("h1:h1-eth0 10.0.0.1/8 s1:s1-eth1", "h2:h2-eth0 10.0.0.2/8 s2:s2-eth1",
                            "h3:h3-eth0 10.0.0.3/8 s3:s3-eth1", "s2:s2-eth2 s1:s1-eth2", "s3:s3-eth2 s2:s2-eth3"));
    EXPECT_THAT(lines_of(made("linear,2,2")),
                ElementsAre("h1s1:h1s1-eth0 10.0.0.1/8 s1:s1-eth1", "h1s2:h1s2-eth0 10.0.0.2/8 s2:s2-eth1",
                            "h2s1:h2s1-eth0 10.0.0.3/8 s1:s1-eth2", "h2s2:h2s2-eth0 10.0.0.4/8 s2:s2-eth2",
                            "s2:s2-eth3 s1:s1-eth3"));
}

TEST(Topologies, Tree) {
    const Lab lab = made("tree,2,2");
    EXPECT_EQ(lab.name, "tree-2-2");
    EXPECT_THAT(lines_of(lab), ElementsAre("h1:h1-eth0 10.0.0.1/8 s2:s2-eth1", "h2:h2-eth0 10.0.0.2/8 s2:s2-eth2",
                                           "h3:h3-eth0 10.0.0.3/8 s3:s3-eth1", "h4:h4-eth0 10.0.0.4/8 s3:s3-eth2",
                                           "s1:s1-eth1 s2:s2-eth3", "s1:s1-eth2 s3:s3-eth3"));
    // Numbered depth first.
    const auto deep = lines_of(made("tree,depth=3,fanout=2"));
    EXPECT_THAT(deep, testing::IsSupersetOf({"h1:h1-eth0 10.0.0.1/8 s3:s3-eth1", "s2:s2-eth1 s3:s3-eth3",
                                             "s2:s2-eth2 s4:s4-eth3", "s1:s1-eth1 s2:s2-eth3",
                                             "h5:h5-eth0 10.0.0.5/8 s6:s6-eth1", "s1:s1-eth2 s5:s5-eth3"}));
}

TEST(Topologies, Torus) {
    const auto lines = lines_of(made("torus,3,3"));
    EXPECT_EQ(lines.size(), 9U + 18U);
    EXPECT_THAT(lines, testing::IsSupersetOf({"h1x1:h1x1-eth0 10.0.0.1/8 s1x1:s1x1-eth1",
                                              "h3x3:h3x3-eth0 10.0.0.9/8 s3x3:s3x3-eth1",
                                              "s1x1:s1x1-eth2 s1x2:s1x2-eth2", "s1x1:s1x1-eth3 s2x1:s2x1-eth2",
                                              "s1x3:s1x3-eth3 s1x1:s1x1-eth4", "s3x3:s3x3-eth5 s1x3:s1x3-eth5"}));
    EXPECT_THAT(lines_of(made("torus,3,3,2")), testing::Contains("h1x2x1:h1x2x1-eth0 10.0.0.3/8 s1x2:s1x2-eth1"));
}

TEST(Topologies, RingAndMesh) {
    EXPECT_THAT(lines_of(made("ring,3")),
                ElementsAre("h1:h1-eth0 10.0.0.1/8 s1:s1-eth1", "h2:h2-eth0 10.0.0.2/8 s2:s2-eth1",
                            "h3:h3-eth0 10.0.0.3/8 s3:s3-eth1", "s1:s1-eth2 s2:s2-eth2", "s2:s2-eth3 s3:s3-eth2",
                            "s3:s3-eth3 s1:s1-eth3"));
    EXPECT_THAT(lines_of(made("mesh,3")),
                ElementsAre("h1:h1-eth0 10.0.0.1/8 s1:s1-eth1", "h2:h2-eth0 10.0.0.2/8 s2:s2-eth1",
                            "h3:h3-eth0 10.0.0.3/8 s3:s3-eth1", "s1:s1-eth2 s2:s2-eth2", "s1:s1-eth3 s3:s3-eth2",
                            "s2:s2-eth3 s3:s3-eth3"));
}

TEST(Topologies, LeafSpine) {
    EXPECT_THAT(lines_of(made("leaf-spine,2,2,1")),
                ElementsAre("h1:h1-eth0 10.0.0.1/8 leaf1:leaf1-eth1", "h2:h2-eth0 10.0.0.2/8 leaf2:leaf2-eth1",
                            "leaf1:leaf1-eth2 spine1:spine1-eth1", "leaf1:leaf1-eth3 spine2:spine2-eth1",
                            "leaf2:leaf2-eth2 spine1:spine1-eth2", "leaf2:leaf2-eth3 spine2:spine2-eth2"));
}

// A port of a switch leads to at most one node, and every switch of a fat tree has K of them.
TEST(Topologies, FatTree) {
    const Lab lab = made("fat-tree,4");
    EXPECT_EQ(lab.switches.size(), 4U + 8U + 8U);
    EXPECT_EQ(lab.hosts.size(), 16U);
    std::map<std::string, int> ports;
    std::map<std::string, std::set<std::string>> neighbours;
    for (const auto& host : lab.hosts) { ++ports[host.interfaces[0].to->node]; }
    for (const auto& link : lab.links) {
        for (const auto& end : {link.a.node, link.b.node}) { ++ports[end]; }
        neighbours[link.a.node].insert(link.b.node);
        neighbours[link.b.node].insert(link.a.node);
    }
    ASSERT_EQ(ports.size(), 20U);
    for (const auto& [name, count] : ports) { EXPECT_EQ(count, 4) << name; }
    EXPECT_THAT(neighbours["core2"], ElementsAre("agg1x1", "agg2x1", "agg3x1", "agg4x1"));
    EXPECT_THAT(neighbours["agg2x2"], ElementsAre("core3", "core4", "edge2x1", "edge2x2"));
}

TEST(Topologies, TenantsAsAFile) {
    TopologyOptions options;
    options.switch_kind = SwitchKind::ovs;
    EXPECT_EQ(write_lab(made("tenants,2,2", options)),
              "lab: tenants-2-2\n"
              "\n"
              "defaults:\n"
              "  switch: {kind: ovs}\n"
              "\n"
              "switches:\n"
              "  s1: {}\n"
              "\n"
              "networks:\n"
              "  t1: {switch: s1, vlan: 101, subnet: 10.0.0.0/24, dhcp: {}}\n"
              "  t2: {switch: s1, vlan: 102, subnet: 10.0.0.0/24, dhcp: {}}\n"
              "\n"
              "hosts:\n"
              "  t1h1:\n"
              "    interfaces:\n"
              "      t1h1-eth0: {network: t1, peer: s1-eth1, address: dhcp}\n"
              "  t1h2:\n"
              "    interfaces:\n"
              "      t1h2-eth0: {network: t1, peer: s1-eth2, address: dhcp}\n"
              "  t2h1:\n"
              "    interfaces:\n"
              "      t2h1-eth0: {network: t2, peer: s1-eth3, address: dhcp}\n"
              "  t2h2:\n"
              "    interfaces:\n"
              "      t2h2-eth0: {network: t2, peer: s1-eth4, address: dhcp}\n"
              "\n"
              "expect:\n"
              "  - lease: {host: t1h1, network: t1}\n"
              "  - lease: {host: t1h2, network: t1}\n"
              "  - reach: {from: t1h1, to: t1h2}\n"
              "  - lease: {host: t2h1, network: t2}\n"
              "  - lease: {host: t2h2, network: t2}\n"
              "  - reach: {from: t2h1, to: t2h2}\n"
              "  - isolate: {from: t1h1, to: t2h1}\n"
              "  - isolate: {from: t2h1, to: t1h1}\n");
    EXPECT_EQ(made("tenants,3,1").expect.size(), 3U + 3U);  // no reach of a host to itself
    EXPECT_EQ(made("tenants,1,1").expect.size(), 1U);
}

TEST(Topologies, OptionsAndExpectations) {
    TopologyOptions options;
    options.name = "mine";
    options.root = RootKind::secluded;
    options.macs = true;
    const Lab lab = made("single,300", options);
    EXPECT_EQ(lab.name, "mine");
    EXPECT_EQ(lab.root, RootKind::secluded);
    EXPECT_EQ(lab.hosts[0].interfaces[0].mac.value().to_string(), "00:00:00:00:00:01");
    EXPECT_EQ(lab.hosts[299].interfaces[0].mac.value().to_string(), "00:00:00:00:01:2c");
    EXPECT_FALSE(made("single,3").hosts[0].interfaces[0].mac);
    ASSERT_EQ(lab.expect.size(), 1U);
    EXPECT_EQ(std::get<ReachExpectation>(lab.expect[0].what), (ReachExpectation{"h1", "h300", std::nullopt}));
    EXPECT_TRUE(made("single,1").expect.empty());
}

TEST(Topologies, ParametersByName) {
    EXPECT_EQ(made("linear,k=3,n=2"), made("linear,3,2"));
    EXPECT_EQ(made("linear,n=2,k=3"), made("linear,3,2"));
    EXPECT_EQ(made("linear,3,n=2"), made("linear,3,2"));
    EXPECT_EQ(made("linear,n=2"), made("linear,2,2"));
    EXPECT_EQ(made("tree"), made("tree,1,2"));
}

TEST(Topologies, SpanningTreeExactlyWhereThereIsALoop) {
    for (const char* text : {"ring,3", "mesh,3", "torus,3,3", "leaf-spine,2,2", "fat-tree,4"}) {
        const Lab lab = made(text);
        EXPECT_EQ(lab.defaults.switch_stp, true) << text;
        for (const auto& expectation : lab.expect) { EXPECT_GT(expectation.within, std::chrono::seconds(30)); }
    }
    for (const char* text : {"single,5", "linear,5,2", "tree,3,3", "mesh,2", "leaf-spine,1,5", "leaf-spine,5,1",
                             "fat-tree,2", "tenants,3,3"}) {
        const Lab lab = made(text);
        EXPECT_FALSE(lab.defaults.switch_stp) << text;
        for (const auto& expectation : lab.expect) { EXPECT_FALSE(expectation.within); }
    }
}

void expect_whole(const std::string& text, const TopologyOptions& options) {
    SCOPED_TRACE(text);
    const Lab lab = made(text, options);
    EXPECT_GT(lab.hosts.size(), 0U);
    const std::string file = write_lab(lab);
    Diagnostics diagnostics("written");
    EXPECT_EQ(read_lab(file, diagnostics), lab);
    EXPECT_EQ(diagnostics.text(), "");
    // Each switch's ports count from 1 without a gap.
    std::map<std::string, std::set<std::string>> ports;
    for (const auto& host : lab.hosts) {
        const Interface& interface = host.interfaces.at(0);
        EXPECT_EQ(interface.name, host.name + "-eth0");
        const std::string sw = interface.to ? interface.to->node : "s1";
        EXPECT_TRUE(ports[sw].insert(interface.to ? interface.to->port.value() : interface.peer.value()).second);
    }
    for (const auto& link : lab.links) {
        for (const auto& end : {link.a, link.b}) { EXPECT_TRUE(ports[end.node].insert(end.port.value()).second); }
    }
    EXPECT_EQ(ports.size(), lab.switches.size());
    for (const auto& [sw, names] : ports) {
        for (std::size_t i = 1; i <= names.size(); ++i) {
            EXPECT_TRUE(names.contains(fmt::format("{}-eth{}", sw, i))) << sw << " " << i;
        }
    }
}

// All topologies in all small sizes, and at the edges of what is allowed, where names are longest.
TEST(Topologies, AreRightAndSurviveWriting) {
    std::vector<std::string> texts{"minimal"};
    for (int k = 1; k <= 12; ++k) {
        for (const char* name : {"single", "reversed", "linear"}) {
            texts.push_back(fmt::format("{},{}", name, k));
        }
        if (k >= 2) { texts.push_back(fmt::format("mesh,{}", k)); }
        if (k >= 3) { texts.push_back(fmt::format("ring,{}", k)); }
        if (k % 2 == 0) { texts.push_back(fmt::format("fat-tree,{}", k)); }
        for (int n = 1; n <= 4; ++n) {
            texts.push_back(fmt::format("linear,{},{}", k, n));
            texts.push_back(fmt::format("tenants,{},{}", k, n));
            if (k >= 3 && n >= 3) { texts.push_back(fmt::format("torus,{},{},{}", k, n, k % 3 + 1)); }
            if (k <= 4) { texts.push_back(fmt::format("tree,{},{}", k, n)); }
            for (int m = 1; m <= 3; ++m) { texts.push_back(fmt::format("leaf-spine,{},{},{}", k, n, m)); }
        }
    }
    for (const char* text : {"single,1023",
                             "reversed,1023",
                             "linear,2500",
                             "linear,2,1022",
                             "tree,11,2",
                             "tree,12,1",
                             "tree,1,1023",
                             "torus,3,555,1",
                             "torus,40,41,1",
                             "torus,10,10,48",
                             "torus,3,3,550",
                             "ring,2500",
                             "mesh,99",
                             "leaf-spine,70,70,1",
                             "leaf-spine,1000,1,4",
                             "leaf-spine,4,1000,1",
                             "leaf-spine,4,4,1000",
                             "fat-tree,18",
                             "tenants,200,4",
                             "tenants,4,250"}) {
        texts.emplace_back(text);
    }
    std::size_t turn = 0;
    for (const auto& text : texts) {
        TopologyOptions options;
        options.macs = turn % 2 == 1;
        options.root = turn % 3 == 1 ? RootKind::secluded : RootKind::machine;
        if (turn % 5 == 1) { options.switch_kind = SwitchKind::bridge; }
        expect_whole(text, options);
        ++turn;
    }
    TopologyOptions ovs;
    ovs.switch_kind = SwitchKind::ovs;
    for (const char* text :
         {"single,5000", "tenants,1000,4", "torus,3,61,20", "ring,65", "linear,65", "tree,12,1"}) {
        expect_whole(text, ovs);
    }
}

TEST(Topologies, Refusals) {
    const std::vector<std::pair<const char*, const char*>> wrong{
        {"", "there is no topology ''; there are minimal, single, reversed, linear, tree, torus"},
        {"rign,3", "there is no topology 'rign'; did you mean 'ring'?"},
        {"minimal,2", "it has not so many parameters; its form is minimal: two hosts"},
        {"single,0", "k is '0', it must be 1 to 5000; its form is single[,k]: k hosts on a switch"},
        {"single,", "k is '', it must be"},
        {"single,-1", "k is '-1', it must be"},
        {"single,2x", "k is '2x', it must be"},
        {"single,99999999999999999999999", "k is '99999999999999999999999', it must be"},
        {"single,3,4", "it has not so many parameters"},
        {"single,n=3", "'n' is no parameter of it; its form is single[,k]"},
        {"linear,3,k=3", "k is given twice"},
        {"linear,2500,2", "it would have more than 5000 links"},
        {"tree,13,1", "depth is '13', it must be 1 to 12"},
        {"tree,12,5000", "it would have more than 5000 links"},
        {"torus,3", "y is not given; its form is torus,x,y[,n]"},
        {"torus,2,3", "x is '2', it must be 3 to 5000"},
        {"torus,5000,5000,5000", "it would have more than 5000 links"},
        {"ring", "k is not given; its form is ring,k"},
        {"ring,2", "k is '2', it must be 3"},
        {"mesh,100", "it would have more than 5000 links"},
        {"leaf-spine,4", "spines is not given; its form is leaf-spine,leaves,spines[,n]"},
        {"fat-tree,5", "k is 5, it must be a multiple of 2"},
        {"fat-tree,20", "it would have more than 5000 links"},
        {"tenants,2", "n is not given; its form is tenants,t,n"},
        {"tenants,2,251", "n is '251', it must be 1 to 250"},
        {"single,1024", "bridge 's1' would have 1024 ports; a Linux bridge holds 1023"},
    };
    for (const auto& [text, message] : wrong) {
        const auto lab = make_topology(text);
        ASSERT_FALSE(lab) << text;
        EXPECT_EQ(lab.error().kind, Error::Kind::usage) << text;
        EXPECT_THAT(lab.error().message(), HasSubstr(fmt::format("cannot make topology '{}': ", text)));
        EXPECT_THAT(lab.error().message(), HasSubstr(message));
    }
    TopologyOptions options;
    options.switch_kind = SwitchKind::ovs;
    EXPECT_TRUE(make_topology("torus,3,3,251", options));
    const auto full = make_topology("torus,3,3,252", options);
    ASSERT_FALSE(full);
    EXPECT_THAT(full.error().message(),
                HasSubstr("switch 's1x1' with STP would have 256 ports; Open vSwitch runs"));
    for (const auto& [text, row] : {std::pair{"linear,66", 66}, {"ring,66", 66}, {"torus,3,64", 67}}) {
        const auto lab = make_topology(text, options);
        ASSERT_FALSE(lab) << text;
        EXPECT_THAT(lab.error().message(), HasSubstr(fmt::format("a frame may pass {} switches", row)));
        EXPECT_TRUE(make_topology(text));
    }
    options.name = "Not A Name";
    EXPECT_FALSE(make_topology("single,2", options));
}

TEST(Topologies, HelpTellsEachOnce) {
    std::set<std::string> forms;
    for (const auto& help : topologies()) { EXPECT_TRUE(forms.insert(help.form).second && !help.what.empty()); }
    EXPECT_EQ(forms, (std::set<std::string>{"minimal", "single[,k]", "reversed[,k]", "linear[,k[,n]]",
                                            "tree[,depth[,fanout]]", "torus,x,y[,n]", "ring,k", "mesh,k",
                                            "leaf-spine,leaves,spines[,n]", "fat-tree,k", "tenants,t,n"}));
}

}  // namespace
}  // namespace warren
