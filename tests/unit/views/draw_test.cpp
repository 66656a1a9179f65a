// The text diagram: whole pictures against golden/*.txt, and what must hold for any.
// WARREN_UPDATE_GOLDEN=1 writes the pictures instead; look at them before keeping them.
#include "views/draw.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "lab_views.hpp"
#include "views/draw_canvas.hpp"

namespace warren {
namespace {

LabView live_tenants() {
    LabView view = example("tenants");
    go_live(view);
    view.observed.namespaces["red"].links["eth0-r"].leased.insert(*Prefix::parse("10.50.50.37/24"));
    return view;
}

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> out;
    std::stringstream in(text);
    for (std::string line; std::getline(in, line);) { out.push_back(line); }
    return out;
}

std::string line_with(const std::string& text, const std::string& word) {
    for (const auto& line : lines(text)) {
        if (line.find(word) != std::string::npos) { return line; }
    }
    return {};
}

int width(const std::string& text) {
    int most = 0;
    for (const auto& line : lines(text)) { most = std::max(most, drawing::columns(line)); }
    return most;
}

std::string without_colour(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\033') {
            i = text.find('m', i);
        } else {
            out += text[i];
        }
    }
    return out;
}

void expect_golden(const std::string& name, const std::string& text) {
    const std::string path = kSource + "/tests/unit/views/golden/" + name + ".txt";
    if (std::getenv("WARREN_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(path) << text;
        return;
    }
    EXPECT_EQ(text, read(path)) << path;
}

std::string fifty_hosts() {
    std::string text = "lab: fifty\nswitches: {br0: {}}\nhosts:\n";
    for (int i = 1; i <= 50; ++i) {
        text += fmt::format("  h{}: {{interfaces: {{eth0: {{to: br0, address: 10.0.0.{}/24}}}}}}\n", i, i);
    }
    return text;
}

constexpr const char* kTree = R"(
lab: tree
switches: {s1: {kind: ovs}, s2: {kind: ovs}, s3: {kind: ovs}}
links: [{ends: [s1, s2], trunk: [10, 20]}, {ends: [s1, s3], trunk: [10, 20]}]
hosts:
  h1: {interfaces: {eth0: {to: s2, vlan: 10, address: 10.0.0.1/24}}}
  h2: {interfaces: {eth0: {to: s2, vlan: 20, address: 10.0.1.2/24}}}
  h3: {interfaces: {eth0: {to: s3, vlan: 10, address: 10.0.0.3/24}}}
  h4: {interfaces: {eth0: {to: s3, vlan: 20, address: 10.0.1.4/24}}}
)";

constexpr const char* kDirect = R"(
lab: direct
hosts:
  a: {interfaces: {eth0: {to: "b:eth0", address: 10.0.0.1/30}}}
  b: {interfaces: {eth0: {address: 10.0.0.2/30}}}
)";

constexpr const char* kRing = R"(
lab: ring
hosts:
  r1: {interfaces: {a: {to: "r2:b", address: 10.0.0.1/30}, b: {to: "r3:a", address: 10.0.0.14/30}}}
  r2: {interfaces: {b: {address: 10.0.0.2/30}, a: {to: "r3:b", address: 10.0.0.5/30}}}
  r3: {interfaces: {b: {address: 10.0.0.6/30}, a: {address: 10.0.0.13/30}}}
)";

// Redundant routers, a link between switches of two kinds, a direct link beside, hosts at no switch.
constexpr const char* kMixed = R"(
lab: mixed
switches: {s1: {}, s2: {kind: ovs}, s3: {}}
links: [{ends: [s1, s2]}]
hosts:
  a: {interfaces: {eth0: {to: s1, address: 10.0.0.1/24}}, run: [{name: web, command: "python3 -m http.server"}]}
  b: {interfaces: {eth0: {to: s2, address: 10.0.0.2/24}, back: {to: "c:eth0", address: 10.9.0.1/24}}}
  c: {interfaces: {eth0: {address: 10.9.0.2/24}}}
  r1: {forwarding: true, interfaces: {e1: {to: s1, address: 10.0.0.11/24}, e2: {to: s3, address: 10.1.0.11/24}}}
  r2: {forwarding: true, interfaces: {e1: {to: s1, address: 10.0.0.12/24}, e2: {to: s3, address: 10.1.0.12/24}}}
  d: {interfaces: {eth0: {to: s3, address: 10.1.0.1/24}}}
  x: {interfaces: {eth0: {to: "y:eth0", address: 10.5.0.1/30}}}
  y: {interfaces: {eth0: {address: 10.5.0.2/30}}}
  lone: {}
)";

constexpr const char* kTrunk = R"(
lab: trunk
switches: {br0: {}}
hosts:
  server: {interfaces: {eth0: {to: br0, trunk: [10, 20, 30, 31, 32]}}}
  ten: {interfaces: {eth0: {to: br0, vlan: 10, address: 10.0.10.1/24}}}
  all: {interfaces: {eth0: {to: br0, address: 10.0.0.1/24}}}
)";

TEST(DrawGolden, Hello) { expect_golden("hello", draw_text(example("hello"), {})); }
TEST(DrawGolden, RedGreen) { expect_golden("red-green", draw_text(example("red-green"), {})); }
TEST(DrawGolden, Routed) { expect_golden("routed", draw_text(example("routed"), {})); }
TEST(DrawGolden, TenantsOfTheFile) { expect_golden("tenants", draw_text(example("tenants"), {})); }
TEST(DrawGolden, TenantsLive) { expect_golden("tenants-live", draw_text(live_tenants(), {true, false, 120})); }
TEST(DrawGolden, TenantsNarrow) { expect_golden("tenants-narrow", draw_text(live_tenants(), {true, false, 80})); }
TEST(DrawGolden, TenantsAscii) { expect_golden("tenants-ascii", draw_text(live_tenants(), {false, false, 120})); }
TEST(DrawGolden, TenantsColour) { expect_golden("tenants-colour", draw_text(live_tenants(), {true, true, 120})); }
TEST(DrawGolden, DirectLink) { expect_golden("direct", draw_text(view_of(kDirect), {})); }
TEST(DrawGolden, Ring) { expect_golden("ring", draw_text(view_of(kRing), {})); }
TEST(DrawGolden, TreeOfSwitches) { expect_golden("tree", draw_text(view_of(kTree), {})); }
TEST(DrawGolden, FiftyHosts) { expect_golden("fifty", draw_text(view_of(fifty_hosts()), {})); }
TEST(DrawGolden, Mixed) { expect_golden("mixed", draw_text(view_of(kMixed), {})); }
TEST(DrawGolden, TrunkOfALinuxBridge) { expect_golden("trunk", draw_text(view_of(kTrunk), {})); }
TEST(DrawGolden, PrivateRoot) {
    std::string text = read(kSource + "/examples/hello.yaml");
    text.insert(text.find("lab: hello"), "root: private\n");
    expect_golden("private", draw_text(view_of(text), {}));
}
TEST(DrawGolden, Broken) {
    LabView view = live_tenants();
    view.observed.namespaces["red"].links["eth0-r"].up = false;
    view.observed.bridges["ovs1"].ports.erase("veth-g");
    view.observed.namespaces.erase("dhcp-g");
    view.observed.bridges["ovs1"].ports["tap-g"].error = "could not open network device tap-g";
    view.observed.processes.erase({"dhcp-g", "dnsmasq"});
    view.observed.processes[{"dhcp-r", "dnsmasq"}].status = "exited 2";
    expect_golden("broken", draw_text(view, {true, false, 120}));
}
TEST(DrawGolden, NothingThereYet) {
    LabView view = example("red-green");
    view.observed = {};
    expect_golden("nothing", draw_text(view, {}));
}

TEST(Draw, SameEachTime) {
    for (const char* text : {kTree, kMixed, kRing, kTrunk}) {
        EXPECT_EQ(draw_text(view_of(text), {}), draw_text(view_of(text), {}));
    }
}

TEST(Draw, StaysWithinTheWidthWhereItCan) {
    for (const int columns : {80, 100, 120, 200}) {
        EXPECT_LE(width(draw_text(live_tenants(), {true, false, columns})), columns);
        EXPECT_LE(width(draw_text(example("routed"), {true, false, columns})), columns);
        EXPECT_LE(width(draw_text(view_of(fifty_hosts()), {true, false, columns})), columns);
        EXPECT_LE(width(draw_text(view_of(kTree), {true, false, columns})), columns);
    }
}

TEST(Draw, AsciiHasTheSamePlacesAndNoOtherCharacters) {
    for (const LabView& view : {live_tenants(), view_of(kTree), view_of(kMixed), view_of(kRing)}) {
        const auto unicode = lines(draw_text(view, {true, false, 100}));
        const auto ascii = lines(draw_text(view, {false, false, 100}));
        ASSERT_EQ(unicode.size(), ascii.size());
        for (std::size_t i = 0; i < ascii.size(); ++i) {
            EXPECT_TRUE(std::all_of(ascii[i].begin(), ascii[i].end(), [](char c) { return c >= ' ' && c <= '~'; }));
            EXPECT_EQ(drawing::columns(unicode[i]), static_cast<int>(ascii[i].size())) << ascii[i];
        }
    }
}

TEST(Draw, ColourAddsNothingButColour) {
    for (const LabView& view : {live_tenants(), view_of(kTree), view_of(kMixed)}) {
        EXPECT_EQ(without_colour(draw_text(view, {true, true, 100})), draw_text(view, {true, false, 100}));
    }
}

TEST(Draw, TenantsHaveTheColourOfTheirName) {
    const std::string text = draw_text(live_tenants(), {true, true, 120});
    EXPECT_NE(text.find("\033[0;1;31mred "), std::string::npos);
    EXPECT_NE(text.find("\033[0;1;31mvlan 100 "), std::string::npos);
    EXPECT_NE(text.find("\033[0;1;32mvlan 200 "), std::string::npos);
    EXPECT_NE(text.find("\033[0;1;32mdhcp-g "), std::string::npos);
}

TEST(Draw, VlansWithoutNamesHaveColoursOfTheirOwn) {
    const std::string text = draw_text(view_of(kTree), {true, true, 100});
    EXPECT_NE(text.find("\033[0;1;36mvlan 10 "), std::string::npos);
    EXPECT_NE(text.find("\033[0;1;33mvlan 20 "), std::string::npos);
}

TEST(Draw, ShowsLeasesAndProcessIds) {
    const std::string text = draw_text(live_tenants(), {true, false, 120});
    EXPECT_NE(line_with(text, "eth0-r").find("10.50.50.37/24 (dhcp)"), std::string::npos);
    EXPECT_NE(line_with(text, "eth0-g").find("(dhcp …)"), std::string::npos);
    EXPECT_NE(text.find("dnsmasq 4712"), std::string::npos);
}

TEST(Draw, ADownLinkIsDashedAndSaysSo) {
    LabView view = example("red-green");
    go_live(view);
    EXPECT_EQ(draw_text(view, {}).find("┄"), std::string::npos);
    view.observed.namespaces["red"].links["eth0-r"].up = false;
    const std::string text = draw_text(view, {});
    EXPECT_NE(line_with(text, "eth0-r").find("down ├┄┄┄┼┄┄┄┤ veth-r"), std::string::npos);
    EXPECT_EQ(line_with(text, "eth0-g").find("┄"), std::string::npos);
}

TEST(Draw, TheSwitchEndDownDashesTheLink) {
    LabView view = example("red-green");
    go_live(view);
    view.observed.namespaces[""].links["veth-r"].up = false;
    view.observed.namespaces["red"].links["eth0-r"].carrier = false;
    EXPECT_NE(line_with(draw_text(view, {}), "eth0-r").find("no carrier ├┄┄┄┼┄┄┄┤"), std::string::npos);
}

TEST(Draw, DrawsTheVlanThatIsThereNotTheWantedOne) {
    LabView view = live_tenants();
    view.observed.bridges["ovs1"].ports["veth-r"].tag = 300;
    const std::string text = draw_text(view, {true, false, 120});
    EXPECT_NE(line_with(text, "eth0-r").find("vlan 300"), std::string::npos);
}

TEST(Draw, DrawsWhatNobodyWanted) {
    LabView view = example("hello");
    Namespace extra;
    extra.name = "h9";
    extra.host = "h9";
    Link eth;
    eth.name = "eth0";
    eth.kind = LinkKind::veth;
    eth.peer = "h9-eth0";
    eth.addresses = {*Prefix::parse("10.0.0.9/24")};
    extra.links["eth0"] = eth;
    Link port;
    port.name = "h9-eth0";
    port.kind = LinkKind::veth;
    port.master = "br0";
    port.peer_namespace = "h9";
    port.peer = "eth0";
    view.observed.namespaces["h9"] = extra;
    view.observed.namespaces[""].links["h9-eth0"] = port;
    EXPECT_NE(line_with(draw_text(view, {}), "10.0.0.9/24").find("├───┼───┤ h9-eth0"), std::string::npos);
}

// No line may run over another: each port's line arrives at its own host.
TEST(Draw, ManyRoutersBetweenTwoSwitches) {
    std::string text = "lab: many\nswitches: {left: {}, right: {}}\nhosts:\n";
    for (int i = 1; i <= 6; ++i) {
        text += fmt::format(
            "  r{0}: {{interfaces: {{e1: {{to: left, address: 10.0.0.{0}/24}}, e2: {{to: right, address: "
            "10.1.0.{0}/24}}}}}}\n",
            i);
    }
    expect_golden("routers", draw_text(view_of(text), {}));
}

TEST(Draw, WidthCountsCharactersAndHostileBytesDoNoHarm) {
    EXPECT_EQ(drawing::columns("ovs1 · x…"), 9);
    EXPECT_EQ(drawing::columns("a\xff\xc3"), 3);
    LabView view = example("hello");
    auto& links = view.observed.namespaces["h1"].links;
    Link odd;
    odd.name = "e\033[2J";
    links[odd.name] = odd;
    const std::string text = draw_text(view, {});
    EXPECT_EQ(text.find('\033'), std::string::npos);
    EXPECT_NE(text.find("e?[2J"), std::string::npos);
}

TEST(Draw, EmptyLab) {
    LabView view;
    view.lab.name = "empty";
    EXPECT_EQ(lines(draw_text(view, {})).size(), 1U);
}

}  // namespace
}  // namespace warren
