// `draw -o`: pictures of labs that are up, and of what is wrong with them.
#include <fstream>
#include <sstream>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class Pictures : public E2e {
protected:
    static std::string drawn(const std::vector<std::string>& options) {
        std::vector<std::string> arguments{"draw"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return must_warren(arguments);
    }
    static std::string read(const std::string& path) {
        std::ifstream in(path);
        std::stringstream text;
        text << in.rdbuf();
        return text.str();
    }
};

TEST_F(Pictures, OfALabThatIsUpAndOfWhatIsWrongWithIt) {
    must_warren({"up", "--topo", "single,3"});
    const std::string whole = drawn({"--format", "svg"});
    EXPECT_THAT(whole, HasSubstr("h1 h1-eth0 to s1 s1-eth1</title>"));
    EXPECT_THAT(whole, Not(HasSubstr("down or missing")));

    must_sh(
        "ip -n h1 link set h1-eth0 down; ip link del s1-eth2; ip netns exec h3 ip address add 10.9.9.9/24 dev "
        "h3-eth0");
    const std::string broken = drawn({"--format", "svg"});
    EXPECT_THAT(broken, HasSubstr(">down</text>"));
    EXPECT_THAT(broken, HasSubstr(">missing</text>"));
    EXPECT_THAT(broken, HasSubstr("h1 h1-eth0 to s1 s1-eth1, down or missing</title>"));
    EXPECT_THAT(broken, HasSubstr("h2 h2-eth0 to s1 s1-eth2, down or missing</title>"));
    EXPECT_THAT(broken, HasSubstr("h3 h3-eth0 to s1 s1-eth3</title>"));
    EXPECT_THAT(broken, HasSubstr(">10.9.9.9/24</text>"));
    EXPECT_THAT(drawn({"--format", "dot"}), HasSubstr("style=dashed"));
    EXPECT_THAT(drawn({"--format", "mermaid"}), HasSubstr("(down)"));
    EXPECT_THAT(drawn({"--live", "--format", "svg"}), HasSubstr(">h1-eth0</text>"));
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Pictures, LeasesAndProcessesOfTenants) {
    const Ran up = warren({"up", "--topo", "tenants,2,1", "--switch", "ovs"});
    if (up.status == 3) { GTEST_SKIP() << up.err; }
    ASSERT_TRUE(up.ok()) << testing::PrintToString(up);
    must_warren({"check"});  // waits for the leases
    const std::string svg = drawn({"--format", "svg"});
    EXPECT_THAT(svg, testing::ContainsRegex(">lease 10[0-9.]+ [^<]+</text>"));
    EXPECT_THAT(svg, testing::ContainsRegex(">▸ dnsmasq [0-9]+</text>"));
    EXPECT_THAT(svg, testing::ContainsRegex(">10[0-9.]+/24 .dhcp.</text>"));
    EXPECT_THAT(svg, HasSubstr(">VLAN "));
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Pictures, TheFilesEndingSaysTheFormat) {
    const std::string top = std::string(WARREN_SOURCE_DIR) + "/examples/hello.yaml";
    for (const auto& [name, begin] : std::vector<std::pair<std::string, std::string>>{
             {"a.svg", "<svg "}, {"a.dot", "graph "}, {"a.gv", "graph "}, {"a.mmd", "flowchart "}}) {
        const std::string path = "/mnt/" + name;
        EXPECT_EQ(drawn({"--file", top, "-o", path}), "");
        EXPECT_THAT(read(path), testing::StartsWith(begin)) << path;
    }
    EXPECT_THAT(drawn({"--file", top, "-o", "-", "--format", "dot"}), testing::StartsWith("graph "));
    drawn({"--file", top, "-o", "/mnt/plain.txt"});
    EXPECT_THAT(read("/mnt/plain.txt"), HasSubstr("┌─ br0"));

    const Ran no_ending = warren({"draw", "--file", top, "-o", "/mnt/picture"});
    EXPECT_EQ(no_ending.status, 2);
    EXPECT_THAT(no_ending.err, HasSubstr("its ending says no format"));
    EXPECT_EQ(warren({"draw", "--file", top, "--format", "gif"}).status, 2);
    EXPECT_EQ(warren({"draw", "--file", top, "-o", "/nowhere/a.svg"}).status, 1);
}

TEST_F(Pictures, APngNeedsAProgramAndNamesItsPackage) {
    const std::string top = std::string(WARREN_SOURCE_DIR) + "/examples/hello.yaml";
    const Ran without = warren({"draw", "--file", top, "-o", "/mnt/a.png"}, {"PATH=/mnt/none"});
    // Found in /usr/sbin and /sbin too, where it is not.
    EXPECT_EQ(without.status, 3) << without.err;
    EXPECT_THAT(without.err, HasSubstr("librsvg2-bin"));
    if (find_program("rsvg-convert").empty()) { GTEST_SKIP() << "rsvg-convert is not installed"; }
    drawn({"--file", top, "-o", "/mnt/a.png"});
    EXPECT_THAT(read("/mnt/a.png"), testing::StartsWith("\x89PNG\r\n"));
}

}  // namespace
}  // namespace warren::e2e
