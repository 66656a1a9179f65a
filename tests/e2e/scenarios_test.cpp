// The two scenarios and hello: what the lab files promise, seen with the plain tools.
#include <array>
#include <regex>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class RedGreen : public E2e {
protected:
    void SetUp() override {
        E2e::SetUp();
        if (IsSkipped()) { return; }
        machine_routes_ = must_sh("ip route show table all");
        must_warren({"up", example("red-green.yaml")});
    }
    void TearDown() override {
        if (IsSkipped()) { return; }
        EXPECT_TRUE(warren({"down", "red-green"}).ok());
        expect_same_machine();
    }
    std::string machine_routes_;
};

TEST_F(RedGreen, NamespacesAreWhatIpNetnsShows) {
    EXPECT_EQ(must_sh("ip netns list | awk '{print $1}' | sort | xargs"), "green red");
}

TEST_F(RedGreen, HostsHaveOnlyTheirOwnInterfaces) {
    EXPECT_EQ(must_sh("ip -n red -o link | awk -F'[:@ ]+' '{print $2}' | sort | xargs"), "eth0-r lo");
    EXPECT_EQ(must_sh("ip -n green -o link | awk -F'[:@ ]+' '{print $2}' | sort | xargs"), "eth0-g lo");
    EXPECT_THAT(must_sh("ip -n red -4 -o addr show eth0-r"), HasSubstr("10.0.0.1/24"));
    EXPECT_THAT(must_sh("ip -n green -4 -o addr show eth0-g"), HasSubstr("10.0.0.2/24"));
}

TEST_F(RedGreen, HostsHaveOnlyTheirOwnRoutes) {
    EXPECT_THAT(must_sh("ip -n red route"), testing::StartsWith("10.0.0.0/24 dev eth0-r proto kernel"));
    EXPECT_EQ(must_sh("ip -n red route | wc -l"), "1");
    EXPECT_EQ(must_sh("ip -n green route | wc -l"), "1");
}

TEST_F(RedGreen, MachineKnowsNothingOfTheHostsNetwork) {
    EXPECT_THAT(must_sh("ip route"), Not(HasSubstr("10.0.0.")));
    EXPECT_EQ(must_sh("ip -4 route show table all"),
              machine_routes_.substr(0, machine_routes_.find("\nlocal ::1")));
    EXPECT_FALSE(sh("ping -c1 -W1 10.0.0.1").ok());
}

TEST_F(RedGreen, MachineHasTheSwitchEnds) {
    EXPECT_TRUE(sh("ip link show veth-r").ok());
    EXPECT_TRUE(sh("ip link show veth-g").ok());
    EXPECT_FALSE(sh("ip link show eth0-r").ok());
}

TEST_F(RedGreen, Ping) {
    EXPECT_TRUE(sh("ip netns exec red ping -c2 -i0.2 -W2 10.0.0.2").ok());
    EXPECT_TRUE(sh("ip netns exec green ping -c2 -i0.2 -W2 10.0.0.1").ok());
}

TEST_F(RedGreen, TcpByIperf) {
    Background server({"ip", "netns", "exec", "green", "iperf3", "-s", "-1", "--forceflush"});
    ASSERT_TRUE(server.wait_for("listening")) << server.printed();
    const Ran client = sh("ip netns exec red iperf3 -c 10.0.0.2 -n 4M --connect-timeout 30000 -J");
    ASSERT_TRUE(client.ok()) << testing::PrintToString(client);
    const json::value end = at(json::parse(client.out), "end");
    EXPECT_GE(at(at(end, "sum_received"), "bytes").to_number<double>(), 1e6);
    EXPECT_EQ(server.wait(), 0) << server.printed();
}

TEST_F(RedGreen, OpenVswitchShowsThePorts) {
    const std::string vsctl = "ovs-vsctl " + ovs_db_option() + " ";
    EXPECT_EQ(must_sh(vsctl + "list-br"), "ovs1");
    EXPECT_EQ(must_sh(vsctl + "list-ports ovs1 | sort | xargs"), "veth-g veth-r");
    EXPECT_EQ(must_sh(vsctl + "get Port veth-r tag"), "[]");
    EXPECT_THAT(must_sh(vsctl + "show"), Not(HasSubstr("error")));
}

TEST_F(RedGreen, ShowSaysHowToAskOpenVswitch) {
    EXPECT_THAT(must_warren({"show", "red-green"}), HasSubstr("ovs-vsctl " + ovs_db_option()));
}

TEST_F(RedGreen, CheckPasses) {
    const Ran check = warren({"check", "red-green"});
    EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
    EXPECT_THAT(check.out, HasSubstr("PASS"));
    EXPECT_THAT(check.out, Not(HasSubstr("FAIL")));
}

TEST_F(RedGreen, CheckFailsWhereTheNetworkIsBroken) {
    std::string text = read_text(example("red-green.yaml"));
    for (std::size_t place = 0; (place = text.find("to: green", place)) != std::string::npos; place += 24) {
        text.insert(place, "within: 300ms, ");
    }
    // Other expectations are no change of the machine, but those of the last `up` are tried.
    EXPECT_EQ(at(warren_json({"up", write_file("hasty.yaml", text)}), "steps"), json::value(0));
    must_sh("ip -n green link set eth0-g down");
    const Ran check = warren({"check", "red-green"});
    EXPECT_EQ(check.status, 1) << testing::PrintToString(check);
    EXPECT_THAT(check.out, HasSubstr("FAIL"));
    EXPECT_THAT(check.out, HasSubstr("0 passed, 2 failed"));
}

TEST_F(RedGreen, DrawNamesAllThereIs) {
    const std::string drawing = must_warren({"draw", "red-green"});
    for (const char* name : {"red", "green", "ovs1", "eth0-r", "veth-r", "eth0-g", "veth-g", "10.0.0.1/24"}) {
        EXPECT_THAT(drawing, HasSubstr(name));
    }
    EXPECT_THAT(must_warren({"draw", "--file", example("red-green.yaml")}), HasSubstr("ovs1"));
}

class Tenants : public E2e {
protected:
    void SetUp() override {
        E2e::SetUp();
        if (IsSkipped()) { return; }
        resolv_conf_ = read_text("/etc/resolv.conf");
        must_warren({"up", example("tenants.yaml")});
    }
    void TearDown() override {
        if (IsSkipped()) { return; }
        EXPECT_TRUE(warren({"down", "tenants"}).ok());
        expect_same_machine();
    }
    static std::string address_of(const std::string& host, const std::string& interface) {
        return must_sh("ip -n " + host + " -4 -o addr show " + interface + " | awk '{print $4}'");
    }
    // 10.50.50.10 to 10.50.50.100, with the subnet's length.
    static void expect_in_range(const std::string& address) {
        std::smatch match;
        ASSERT_TRUE(std::regex_match(address, match, std::regex(R"(10\.50\.50\.(\d+)/24)")))
            << "'" << address << "'";
        EXPECT_GE(std::stoi(match[1]), 10);
        EXPECT_LE(std::stoi(match[1]), 100);
    }
    std::string resolv_conf_;
};

TEST_F(Tenants, EachHostHasALeaseInRange) {
    expect_in_range(address_of("red", "eth0-r"));
    expect_in_range(address_of("green", "eth0-g"));
}

TEST_F(Tenants, LeaseIsOfTheTenantsOwnServer) {
    const json::value networks = at(warren_json({"show", "tenants"}), "networks");
    for (const auto& [network, host, interface, server] :
         {std::array<const char*, 4>{"red-net", "red", "eth0-r", "dhcp-r"},
          {"green-net", "green", "eth0-g", "dhcp-g"}}) {
        const json::value dhcp = at(named(networks, network), "dhcp");
        EXPECT_EQ(at(dhcp, "host"), json::value(server));
        const json::value leases = at(dhcp, "leases");
        ASSERT_TRUE(leases.is_array());
        ASSERT_EQ(leases.as_array().size(), 1U) << json::serialize(leases);
        EXPECT_EQ(at(leases.as_array()[0], "host"), json::value(host));
        EXPECT_EQ(std::string(at(leases.as_array()[0], "address").as_string()) + "/24",
                  address_of(host, interface));
        EXPECT_EQ(std::string(at(leases.as_array()[0], "mac").as_string()),
                  must_sh("ip netns exec " + std::string(host) + " cat /sys/class/net/" + interface + "/address"));
    }
}

TEST_F(Tenants, OpenVswitchHasTagsAndInternalPorts) {
    const std::string vsctl = "ovs-vsctl " + ovs_db_option() + " ";
    EXPECT_EQ(must_sh(vsctl + "get Port veth-r tag"), "100");
    EXPECT_EQ(must_sh(vsctl + "get Port veth-g tag"), "200");
    EXPECT_EQ(must_sh(vsctl + "get Port tap-r tag"), "100");
    EXPECT_EQ(must_sh(vsctl + "get Port tap-g tag"), "200");
    const std::string show = must_sh(vsctl + "show");
    EXPECT_THAT(show, testing::ContainsRegex("Interface tap-r\n *type: internal"));
    EXPECT_THAT(show, testing::ContainsRegex("Interface tap-g\n *type: internal"));
    EXPECT_THAT(show, Not(HasSubstr("error")));
}

TEST_F(Tenants, TwoServersEachInItsNamespace) {
    const auto servers = processes_with("dnsmasq");
    ASSERT_EQ(servers.size(), 2U);
    std::set<std::string> by_ip, by_warren;
    for (const int pid : servers) {
        by_ip.insert(must_sh("ip netns identify " + std::to_string(pid)));
        by_warren.insert(must_warren({"identify", std::to_string(pid)}));
    }
    EXPECT_EQ(by_ip, (std::set<std::string>{"dhcp-r", "dhcp-g"}));
    ASSERT_EQ(by_warren.size(), 2U);
    EXPECT_THAT(*by_warren.begin(), HasSubstr("dhcp-g"));
    EXPECT_THAT(*by_warren.rbegin(), HasSubstr("dhcp-r"));
}

TEST_F(Tenants, BothServersHaveTheSameAddress) {
    EXPECT_EQ(address_of("dhcp-r", "tap-r"), "10.50.50.2/24");
    EXPECT_EQ(address_of("dhcp-g", "tap-g"), "10.50.50.2/24");
}

TEST_F(Tenants, TenantReachesItsServerAndNotTheOther) {
    EXPECT_TRUE(sh("ip netns exec red ping -c1 -W2 10.50.50.2").ok());
    EXPECT_TRUE(sh("ip netns exec green ping -c1 -W2 10.50.50.2").ok());
    const std::string green = address_of("green", "eth0-g");
    EXPECT_FALSE(sh("ip netns exec red ping -c1 -W1 " + green.substr(0, green.find('/'))).ok());
    // The one that answers in red is red's: no other machine address is known there.
    const std::string server_mac = must_sh("ip netns exec dhcp-r cat /sys/class/net/tap-r/address");
    EXPECT_THAT(must_sh("ip -n red neigh show 10.50.50.2"), HasSubstr(server_mac));
}

TEST_F(Tenants, TcpToTheServersHost) {
    Background server({"ip", "netns", "exec", "dhcp-r", "iperf3", "-s", "-1", "--forceflush"});
    ASSERT_TRUE(server.wait_for("listening")) << server.printed();
    const Ran client = sh("ip netns exec red iperf3 -c 10.50.50.2 -n 2M --connect-timeout 30000 -J");
    EXPECT_TRUE(client.ok()) << testing::PrintToString(client);
    EXPECT_EQ(server.wait(), 0);
}

TEST_F(Tenants, MachinesResolvConfIsUntouchedAndHostsHaveTheirOwn) {
    EXPECT_EQ(read_text("/etc/resolv.conf"), resolv_conf_);
    const std::string red = must_sh("ip netns exec red cat /etc/resolv.conf");
    EXPECT_THAT(red, HasSubstr("10.50.50.2"));
    EXPECT_THAT(red, Not(HasSubstr("192.0.2.53")));
    EXPECT_EQ(must_warren({"exec", "red", "--", "cat", "/etc/resolv.conf"}), red);
}

TEST_F(Tenants, CheckPasses) {
    const Ran check = warren({"check", "tenants"});
    EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
    EXPECT_THAT(check.out, HasSubstr("6 passed, 0 failed"));
}

TEST_F(Tenants, LeaseIsNoDrift) {
    EXPECT_THAT(drift("tenants"), IsEmpty());
    EXPECT_THAT(planned(example("tenants.yaml")), IsEmpty());
}

// A daemon that inherited the lock of the `up` that started it would hold it for ever.
TEST_F(Tenants, NoDaemonHoldsALockOfUps) {
    for (const int pid : processes_with("")) {
        const std::string command = command_line(pid);
        if (pid == 1 || command.find("_tests") != std::string::npos) { continue; }
        const std::string locks =
            command.find("keeper") == std::string::npos ? "lock" : "/lock";  // keeper.lock is its own
        const Ran files =
            sh("ls -l /proc/" + std::to_string(pid) + "/fd | grep -E '/run/.*" + locks + "' | grep -v conf.db");
        EXPECT_EQ(files.out, "") << command;
    }
}

class Hello : public E2e {};

TEST_F(Hello, NeedsNoDaemon) {
    must_warren({"up", example("hello.yaml")});
    for (const int pid : processes_with("")) {
        EXPECT_TRUE(pid == 1 || command_line(pid).find("_tests") != std::string::npos) << command_line(pid);
    }
    const json::value show = warren_json({"show"});
    EXPECT_EQ(at(show, "hosts").as_array().size(), 3U);
    EXPECT_EQ(at(at(show, "switches").as_array().at(0), "kind"), json::value("bridge"));
    EXPECT_TRUE(warren({"check"}).ok());
    EXPECT_TRUE(warren({"ping"}).ok());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Hello, WorksWithoutAnyDaemonInstalled) {
    const std::vector<std::string> bare_path{"PATH=/nonexistent"};
    const Ran up = warren({"up", example("hello.yaml")}, bare_path);
    EXPECT_TRUE(up.ok()) << testing::PrintToString(up);
    const Ran down = warren({"down"}, bare_path);
    EXPECT_TRUE(down.ok()) << testing::PrintToString(down);
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
