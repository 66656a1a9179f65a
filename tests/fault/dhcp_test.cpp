// Faults of DHCP: a pool that is exhausted, lease files that are damaged, a second server in the other tenant.
#include <fstream>

#include "daemons.hpp"

namespace warren::e2e {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
using testing::StartsWith;

class Dhcp : public E2e {
protected:
    static std::string dhcp_file(const std::string& lab, const std::string& name) {
        return "/run/warren/" + lab + "/dhcp/" + name;
    }
    static void damage(const std::string& path, const std::string& content) {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    }
    static std::string client_of(const std::string& lab, const std::string& host) {
        for (const auto& [key, pid] : pids_of(lab)) {
            if (key.starts_with(host + ":dhcp")) { return key; }
        }
        throw std::runtime_error(host + " has no DHCP client");
    }
    // Kills it and waits until another has taken its place.
    static void kill_kept(const std::string& lab, const std::string& key) {
        const int old = pids_of(lab).at(key);
        kill_and_wait(old, SIGKILL);
        EXPECT_TRUE(comes_true([&] {
            const int now = pids_of(lab).at(key);
            return now != 0 && now != old;
        }));
    }
};

std::string pool(const std::string& host, const std::string& range) {
    return R"(lab: pool
switches: {s1: {kind: ovs}}
networks:
  net: {switch: s1, vlan: 100, subnet: 10.7.0.0/24, dhcp: {host: dhcp-n, address: 10.7.0.2/24, range: )" +
           range + "}}\nhosts:\n  " + host + R"(: {interfaces: {eth0: {network: net, peer: veth-n, address: dhcp}}}
expect: [{lease: {host: )" +
           host + ", network: net}}]\n";
}

// A file that asks for more than a range has is refused; but a host that has left holds its lease until that ends.
TEST_F(Dhcp, AnExhaustedPoolIsToldAndALargerOneServes) {
    must_warren({"up", write_file("one.yaml", pool("one", "10.7.0.10-10.7.0.10"))});
    EXPECT_THAT(leases_of("pool", "net"), ElementsAre(StartsWith("10.7.0.10 ")));

    const std::string file = write_file("two.yaml", pool("two", "10.7.0.10-10.7.0.10"));
    const Ran up = warren({"up", file});
    EXPECT_EQ(up.status, 0) << testing::PrintToString(up);
    EXPECT_THAT(up.err, HasSubstr("two:eth0 has no lease yet"));
    EXPECT_THAT(addresses_of("two", "eth0"), IsEmpty());
    EXPECT_THAT(must_warren({"show", "pool"}), HasSubstr("(no lease yet)"));
    const Ran check = warren({"check", "pool"});
    EXPECT_EQ(check.status, 1) << testing::PrintToString(check);
    EXPECT_THAT(check.out, HasSubstr("FAIL  lease two"));

    const std::string larger = write_file("larger.yaml", pool("two", "10.7.0.10-10.7.0.11"));
    const Ran again = warren({"up", larger});
    EXPECT_EQ(again.status, 0) << testing::PrintToString(again);
    EXPECT_THAT(again.err, Not(HasSubstr("no lease")));
    EXPECT_THAT(addresses_of("two", "eth0"), ElementsAre("10.7.0.11/24")) << "the lease that there was is kept";
    EXPECT_THAT(leases_of("pool", "net"), SizeIs(2));
    expect_whole("pool", larger);
    EXPECT_TRUE(warren({"down", "pool"}).ok());
    expect_same_machine();
}

struct Damage {
    const char* name;
    std::string content;
};
void PrintTo(const Damage& damage, std::ostream* os) { *os << damage.name; }

std::string random_bytes() {
    std::string bytes;
    unsigned value = 12345;
    for (int i = 0; i < 3000; ++i) {
        value = value * 1103515245U + 12345U;
        bytes += static_cast<char>(value >> 16U);
    }
    return bytes;
}

class DamagedLeases : public Dhcp, public testing::WithParamInterface<Damage> {};

// Its server knows nothing of the lease: the address could be given to another host.
TEST_P(DamagedLeases, OfAServerAreNamedAndAskedForAgain) {
    const std::string file = example("tenants.yaml");
    must_warren({"up", file});
    const auto leases = leases_of("tenants", "red-net");
    const auto others = leases_of("tenants", "green-net");
    const auto addresses = addresses_of("red", "eth0-r");
    ASSERT_EQ(leases.size(), 1U);
    Pings own("red", "10.50.50.2");
    Pings other("green", "10.50.50.2");
    damage(dhcp_file("tenants", "red-net.leases"), GetParam().content);
    kill_kept("tenants", "dhcp-r:dnsmasq");

    EXPECT_THAT(drift("tenants"),
                ElementsAre(AllOf(HasSubstr("red:eth0-r"), HasSubstr("the server of red-net does not know"))));
    EXPECT_EQ(warren({"plan", file, "--exit-code"}).status, 1);
    EXPECT_EQ(addresses_of("red", "eth0-r"), addresses);

    const Ran up = warren({"up", file});
    EXPECT_TRUE(up.ok()) << testing::PrintToString(up);
    EXPECT_THAT(up.err, Not(HasSubstr("no lease")));
    EXPECT_EQ(leases_of("tenants", "red-net"), leases);
    EXPECT_EQ(leases_of("tenants", "green-net"), others);
    EXPECT_EQ(addresses_of("red", "eth0-r"), addresses);
    EXPECT_THAT(own.lost(), IsEmpty());
    EXPECT_THAT(other.lost(), IsEmpty());
    expect_whole("tenants", file);
    EXPECT_TRUE(warren({"down"}).ok());
    expect_same_machine();
}

TEST_P(DamagedLeases, OfAClientAreReplaced) {
    const std::string file = example("tenants.yaml");
    must_warren({"up", file});
    const auto leases = leases_of("tenants", "red-net");
    const auto addresses = addresses_of("red", "eth0-r");
    Pings own("red", "10.50.50.2");
    damage(dhcp_file("tenants", "red:eth0-r.leases"), GetParam().content);
    kill_kept("tenants", client_of("tenants", "red"));
    // It has asked again when its file, which the damaged one was, has the lease.
    EXPECT_TRUE(comes_true([&] {
        return read_text(dhcp_file("tenants", "red:eth0-r.leases")).find("fixed-address") != std::string::npos;
    }));
    EXPECT_EQ(addresses_of("red", "eth0-r"), addresses);
    EXPECT_EQ(leases_of("tenants", "red-net"), leases);
    EXPECT_THAT(own.lost(), IsEmpty());
    expect_whole("tenants", file);
    EXPECT_TRUE(warren({"down"}).ok());
    expect_same_machine();
}

INSTANTIATE_TEST_SUITE_P(By, DamagedLeases,
                         testing::Values(Damage{"Nothing", ""}, Damage{"RandomBytes", random_bytes()},
                                         Damage{"Zeros", std::string(200, '\0')},
                                         Damage{"ATornLine", "1795426412 26:df:f3:7b:ea"},
                                         Damage{"AnotherProgramsText", "lease { interface \"x\";\n}}} { 99\n"}),
                         [](const auto& each) { return std::string(each.param.name); });

// The second tenant has a server of its own making, in the first one's subnet, and none of the lab's.
constexpr const char* kRogue = R"(lab: rogue
switches: {s1: {kind: ovs}}
networks:
  red-net: {switch: s1, vlan: 100, subnet: 10.50.50.0/24, dhcp: {host: dhcp-r, address: 10.50.50.2/24, range: 10.50.50.10-10.50.50.100}}
  green-net: {switch: s1, vlan: 200, subnet: 10.50.50.0/24}
hosts:
  red: {interfaces: {eth0-r: {network: red-net, peer: veth-r, address: dhcp}}}
  bad:
    interfaces: {eth0-b: {network: green-net, peer: veth-b, address: 10.50.50.3/24}}
    run:
      - {name: rogue, command: "dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --bind-dynamic --interface=eth0-b --except-interface=lo --user=root --group= --log-facility=- --pid-file=/mnt/rogue.pid --dhcp-leasefile=/mnt/rogue.leases --dhcp-authoritative --no-ping --dhcp-range=10.50.50.200,10.50.50.250,1h"}
  green: {interfaces: {eth0-g: {network: green-net, peer: veth-g, address: dhcp}}}
expect:
  - lease: {host: red, network: red-net}
  - isolate: {from: red, to: bad}
)";

TEST_F(Dhcp, ARogueServerInAnotherTenantServesOnlyThat) {
    const std::string file = write_file("rogue.yaml", kRogue);
    must_warren({"up", file});
    // It works, where it is: so that nothing of it elsewhere says something.
    ASSERT_TRUE(comes_true([] { return !addresses_of("green", "eth0-g").empty(); }));
    const auto in_range = [](const std::string& host, const std::string& device, int first, int last) {
        const auto addresses = addresses_of(host, device);
        for (const auto& address : addresses) {
            const int number = std::stoi(address.substr(address.rfind('.') + 1));
            EXPECT_TRUE(address.starts_with("10.50.50.") && number >= first && number <= last)
                << host << " has " << address;
        }
        return !addresses.empty();
    };
    const std::string red_mac = must_sh("ip netns exec red cat /sys/class/net/eth0-r/address");
    const std::string green_mac = must_sh("ip netns exec green cat /sys/class/net/eth0-g/address");
    const std::string red = client_of("rogue", "red");
    const std::string green = client_of("rogue", "green");
    constexpr int kTimes = 8;
    for (int time = 0; time < kTimes; ++time) {
        // Both ask anew, with nothing that they remember.
        for (const auto& [key, host, device] :
             {std::tuple{red, "red", "eth0-r"}, std::tuple{green, "green", "eth0-g"}}) {
            must_sh("rm -f " + dhcp_file("rogue", std::string(host) + ":" + device + ".leases") + "; ip -n " +
                    host + " -4 addr flush dev " + device);
            kill_kept("rogue", key);
        }
        EXPECT_TRUE(comes_true([&] { return in_range("red", "eth0-r", 10, 100); }));
        EXPECT_TRUE(comes_true([&] { return in_range("green", "eth0-g", 200, 250); }));
    }
    EXPECT_THAT(read_text("/mnt/rogue.leases"), HasSubstr(green_mac));
    EXPECT_THAT(read_text("/mnt/rogue.leases"), Not(HasSubstr(red_mac)));
    const auto leases = leases_of("rogue", "red-net");
    EXPECT_THAT(leases, ElementsAre(HasSubstr(red_mac)));
    std::cout << kTimes << " leases of each tenant beside the other's server: none crossed\n";
    expect_whole("rogue", file);
    EXPECT_TRUE(warren({"down"}).ok());
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
