// show and list: that they tell what is there now, in the form that programs read.
#include "views/show.hpp"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "lab/lab_file.hpp"
#include "state/expand.hpp"

namespace warren {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

LabView view_of(const std::string& text) {
    Diagnostics diagnostics("test.yaml");
    LabView view;
    view.file = "/labs/test.yaml";
    view.lab = read_lab(text, diagnostics);
    EXPECT_EQ(diagnostics.text(), "");
    Site site;
    site.ovs = {OvsInstance::Kind::warren, "/run/warren/.ovs", ""};
    site.dhcp_client = "/usr/sbin/dhclient";
    view.wanted = expand(view.lab, site);
    view.observed = view.wanted;
    int pid = 100;
    for (auto& [key, process] : view.observed.processes) {
        process.pid = pid++;
        process.status = "running";
    }
    for (auto& [name, ns] : view.observed.namespaces) {
        for (auto& [link_name, link] : ns.links) { link.carrier = true; }
    }
    return view;
}

LabView tenants() {
    std::ifstream in(std::string(WARREN_SOURCE_DIR) + "/examples/tenants.yaml");
    std::stringstream text;
    text << in.rdbuf();
    return view_of(text.str());
}

json::object shown(const LabView& view) { return json::parse(show_json(view)).as_object(); }

// The element of ARRAY that has this name.
const json::object& named(const json::value& array, const std::string& name) {
    for (const auto& one : array.as_array()) {
        if (one.at("name").as_string() == name) { return one.as_object(); }
    }
    static const json::object kNone;
    ADD_FAILURE() << "nothing is named " << name << " in " << json::serialize(array);
    return kNone;
}

std::vector<std::string> keys(const json::object& object) {
    std::vector<std::string> out;
    for (const auto& entry : object) { out.emplace_back(entry.key()); }
    return out;
}

TEST(ShowJson, HasTheFormThatProgramsRelyOn) {
    const auto root = shown(tenants());
    EXPECT_THAT(keys(root), ElementsAre("lab", "file", "ovs", "drift", "remarks", "switches", "hosts", "networks"));
    const auto& sw = named(root.at("switches"), "ovs1");
    EXPECT_THAT(keys(sw), ElementsAre("name", "kind", "datapath", "ports"));
    EXPECT_THAT(keys(named(sw.at("ports"), "veth-r")), ElementsAre("name", "vlan", "trunk", "host", "interface"));
    const auto& host = named(root.at("hosts"), "red");
    EXPECT_THAT(keys(host), ElementsAre("name", "namespace", "attached", "interfaces", "routes", "processes"));
    EXPECT_THAT(keys(named(host.at("interfaces"), "eth0-r")),
                ElementsAre("name", "mac", "mtu", "state", "addresses", "switch", "port", "vlan"));
    EXPECT_THAT(keys(host.at("processes").as_array().at(0).as_object()),
                ElementsAre("pid", "name", "command", "state"));
    const auto& network = named(root.at("networks"), "red-net");
    EXPECT_THAT(keys(network), ElementsAre("name", "vlan", "subnet", "dhcp"));
    EXPECT_THAT(keys(network.at("dhcp").as_object()), ElementsAre("host", "pid", "leases"));
}

TEST(ShowJson, TellsTagsServersAndLeasesOfBothTenants) {
    LabView view = tenants();
    view.observed.namespaces.at("red").links.at("eth0-r").leased = {*Prefix::parse("10.50.50.37/24")};
    const MacAddress mac = view.observed.namespaces.at("red").links.at("eth0-r").mac;
    view.leases["red-net"] = {{1800000000, mac, *IpAddress::parse("10.50.50.37"), "red"}};
    const int pid = view.observed.processes.at({"dhcp-g", "dnsmasq"}).pid;

    const auto root = shown(view);
    EXPECT_EQ(root.at("lab").as_string(), "tenants");
    EXPECT_EQ(root.at("file").as_string(), "/labs/test.yaml");
    EXPECT_EQ(root.at("ovs").as_string(), "unix:/run/warren/.ovs/db.sock");
    EXPECT_TRUE(root.at("drift").as_array().empty());

    const auto& sw = named(root.at("switches"), "ovs1");
    EXPECT_EQ(sw.at("kind").as_string(), "ovs");
    EXPECT_EQ(sw.at("datapath").as_string(), "netdev");
    const auto& internal = named(sw.at("ports"), "tap-g");
    EXPECT_EQ(internal.at("vlan").to_number<int>(), 200);
    EXPECT_EQ(internal.at("host").as_string(), "dhcp-g");
    EXPECT_EQ(internal.at("interface").as_string(), "tap-g");
    EXPECT_EQ(named(sw.at("ports"), "veth-r").at("host").as_string(), "red");

    const auto& client = named(named(root.at("hosts"), "red").at("interfaces"), "eth0-r");
    EXPECT_EQ(client.at("addresses"), (json::array{"10.50.50.37/24"}));
    EXPECT_EQ(client.at("switch").as_string(), "ovs1");
    EXPECT_EQ(client.at("port").as_string(), "veth-r");
    EXPECT_EQ(client.at("vlan").to_number<int>(), 100);
    EXPECT_EQ(client.at("mac").as_string(), mac.to_string());
    const auto& server = named(named(root.at("hosts"), "dhcp-g").at("interfaces"), "tap-g");
    EXPECT_EQ(server.at("addresses"), (json::array{"10.50.50.2/24"}));

    const auto& red = named(root.at("networks"), "red-net").at("dhcp");
    EXPECT_EQ(red.at("host").as_string(), "dhcp-r");
    EXPECT_EQ(red.at("leases").as_array().at(0).at("address").as_string(), "10.50.50.37");
    const auto& green = named(root.at("networks"), "green-net").at("dhcp");
    EXPECT_EQ(green.at("pid").to_number<int>(), pid);
    EXPECT_TRUE(green.at("leases").as_array().empty());
}

TEST(ShowJson, IsOfTheMachineAndNotOfTheFile) {
    LabView view = tenants();
    auto& red = view.observed.namespaces.at("red").links.at("eth0-r");
    red.mtu = 1400;
    red.up = false;
    view.observed.bridges.at("ovs1").ports.at("veth-r").tag = 300;
    view.observed.namespaces.at("green").links.at("eth0-g").carrier = false;
    view.observed.namespaces.erase("dhcp-g");

    const auto root = shown(view);
    const auto& shown_red = named(named(root.at("hosts"), "red").at("interfaces"), "eth0-r");
    EXPECT_EQ(shown_red.at("mtu").to_number<int>(), 1400);
    EXPECT_EQ(shown_red.at("state").as_string(), "down");
    EXPECT_EQ(shown_red.at("vlan").to_number<int>(), 300);
    EXPECT_EQ(named(named(root.at("switches"), "ovs1").at("ports"), "veth-r").at("vlan").to_number<int>(), 300);
    EXPECT_EQ(named(named(root.at("hosts"), "green").at("interfaces"), "eth0-g").at("state").as_string(),
              "no carrier");
    const auto& gone = named(named(root.at("hosts"), "dhcp-g").at("interfaces"), "tap-g");
    EXPECT_EQ(gone.at("state").as_string(), "missing");
    EXPECT_TRUE(gone.at("addresses").as_array().empty());
}

TEST(ShowJson, ADirectLinkAndABridgeHaveNullsWhereThereIsNothingToSay) {
    const auto root =
        shown(view_of("lab: plain\n"
                      "switches: {br0: {}}\n"
                      "hosts:\n"
                      "  a: {interfaces: {eth0: {to: br0, address: 10.0.0.1/24}, eth1: {to: 'b:eth0'}}}\n"
                      "  b: {interfaces: {eth0: {}}}\n"));
    EXPECT_FALSE(root.contains("ovs"));
    EXPECT_TRUE(named(root.at("switches"), "br0").at("datapath").is_null());
    const auto& interfaces = named(root.at("hosts"), "a").at("interfaces");
    EXPECT_EQ(named(interfaces, "eth0").at("switch").as_string(), "br0");
    EXPECT_TRUE(named(interfaces, "eth0").at("vlan").is_null());
    EXPECT_TRUE(named(interfaces, "eth1").at("switch").is_null());
    EXPECT_TRUE(named(interfaces, "eth1").at("port").is_null());
}

TEST(ShowText, NamesDriftAndWhoTookWhat) {
    LabView view = tenants();
    EXPECT_THAT(show_text(view), HasSubstr("no drift"));
    view.drift.push_back({Change::Kind::changed, "ovs1:veth-r", "vlan", "300", "100"});
    view.conflicts.emplace_back("host blue", "lab other");
    const std::string out = show_text(view);
    EXPECT_THAT(out, Not(HasSubstr("no drift")));
    EXPECT_THAT(out, HasSubstr("drift: 2"));
    EXPECT_THAT(out, HasSubstr("ovs1:veth-r vlan 300 → 100"));
    EXPECT_THAT(out, HasSubstr("host blue is taken (lab other)"));
}

TEST(ShowText, SaysWhatIsMissingAndWhatWaits) {
    LabView view = tenants();
    view.observed.namespaces.erase("green");
    view.observed.bridges.at("ovs1").ports.erase("veth-g");
    view.observed.bridges.at("ovs1").ports.at("tap-r").error = "could not open network device tap-r";
    const std::string out = show_text(view);
    EXPECT_THAT(out, HasSubstr("ovs-vsctl --db=unix:/run/warren/.ovs/db.sock"));
    EXPECT_THAT(out, HasSubstr("host green  MISSING"));
    EXPECT_THAT(out, testing::ContainsRegex("veth-g +vlan 200 +green:eth0-g +missing\n"));
    EXPECT_THAT(out, HasSubstr("could not open network device tap-r"));
    EXPECT_THAT(out, testing::ContainsRegex("eth0-r +up +\\(no lease yet\\) +on ovs1:veth-r +vlan 100\n"));
}

TEST(List, TellsEachLab) {
    const std::vector<ListedLab> labs{{"a", "up", 3, 1, 1700000000, "/labs/a.yaml"},
                                      {"bb", "damaged", 0, 0, 0, ""}};
    const auto list = json::parse(list_json(labs)).as_array();
    ASSERT_EQ(list.size(), 2U);
    EXPECT_THAT(keys(list.at(0).as_object()), ElementsAre("name", "state", "hosts", "switches", "since", "file"));
    EXPECT_EQ(list.at(0).at("hosts").to_number<int>(), 3);
    EXPECT_EQ(list.at(1).at("state").as_string(), "damaged");
    const std::string text = list_text(labs);
    EXPECT_THAT(text, testing::ContainsRegex("LAB +STATE +HOSTS +SWITCHES +SINCE +FILE\n"));
    EXPECT_THAT(text, testing::ContainsRegex("a +up +3 +1 +20.* /labs/a.yaml\n"));
    EXPECT_THAT(text, testing::ContainsRegex("bb +damaged +0 +0 +-\n"));
    EXPECT_EQ(list_text({}), "no lab is up\n");
    EXPECT_EQ(list_json({}), "[]");
}

TEST(Table, AlignsByCharactersAndLeavesNoBlanksAtLineEnds) {
    EXPECT_EQ(table({{"→", "x"}, {"long", ""}, {"", "y"}}), "→     x\nlong\n      y\n");
    EXPECT_EQ(table({{"a"}, {"b", "c"}}), "a\nb  c\n");
    EXPECT_EQ(table({}), "");
}

}  // namespace
}  // namespace warren
