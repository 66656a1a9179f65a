// Expectations on real namespaces.
#include "probe/check.hpp"

#include <fstream>
#include <thread>

#include "machine.hpp"

namespace warren {
namespace {

using namespace probe::test;
using std::chrono::milliseconds;

Verdict only(const std::vector<Verdict>& verdicts) {
    EXPECT_EQ(verdicts.size(), 1U);
    return verdicts.empty() ? Verdict{} : verdicts.front();
}

Lab expecting(std::vector<Expectation> expectations) {
    Lab lab;
    lab.name = "t";
    lab.expect = std::move(expectations);
    return lab;
}

// red and green on br0, blue alone on br1.
State three_hosts() {
    State state;
    make_bridge("br0");
    make_bridge("br1");
    add_host("red", "10.0.0.1/24");
    add_host("green", "10.0.0.2/24");
    add_host("blue", "10.0.0.2/24", "br1");
    want_host(state, "red");
    want_host(state, "green");
    want_host(state, "blue", "br1");
    return state;
}

TEST(Check, ReachHoldsAndFails) {
    in_sandbox([] {
        const State state = three_hosts();
        sh("ip -n green link set eth0 address 02:00:00:00:00:22; ip -n red addr add 10.9.0.1/24 dev eth0");
        const auto verdicts = check(
            expecting({reach("red", "green", milliseconds(20000)), reach("red", "10.0.0.99", milliseconds(300)),
                       reach("red", "10.0.0.2", milliseconds(20000)), reach("red", "nobody", milliseconds(300))}),
            state, {});
        ASSERT_EQ(verdicts.size(), 4U);
        EXPECT_EQ(verdicts[0].expectation, "reach red → green");
        EXPECT_TRUE(verdicts[0].pass) << verdicts[0].detail;
        EXPECT_EQ(verdicts[0].detail.rfind("10.0.0.2 answered in ", 0), 0U) << verdicts[0].detail;
        EXPECT_FALSE(verdicts[1].pass);
        EXPECT_EQ(verdicts[1].detail, "no answer from 10.0.0.99 within 300 ms");
        EXPECT_GE(verdicts[1].took, milliseconds(290));
        EXPECT_TRUE(verdicts[2].pass) << verdicts[2].detail;
        EXPECT_LT(verdicts[2].took, milliseconds(15000));
        EXPECT_FALSE(verdicts[3].pass);
        EXPECT_EQ(verdicts[3].detail, "not tried: the lab has no host nobody");
    });
}

TEST(Check, NamespaceThatIsGoneFails) {
    in_sandbox([] {
        const State state = three_hosts();
        sh("ip netns del green");
        const auto verdicts =
            check(expecting({reach("red", "green", milliseconds(60000)), isolate("red", "green")}), state, {});
        for (const auto& verdict : verdicts) {
            EXPECT_FALSE(verdict.pass);
            EXPECT_NE(verdict.detail.find("not tried: "), std::string::npos) << verdict.detail;
            EXPECT_NE(verdict.detail.find("green"), std::string::npos) << verdict.detail;
            EXPECT_LT(verdict.took, milliseconds(30000));
        }
    });
}

TEST(Check, ReachesThroughARouter) {
    in_sandbox([] {
        State state = three_hosts();
        sh("ip link add r0 type veth peer name eth1 netns green && ip link set r0 master br1 up && ip -n green "
           "link set eth1 up");
        sh("ip -n green addr add 10.1.0.1/24 dev eth1 && ip -n green addr add 10.0.0.254/24 dev eth0");
        sh("ip netns exec green sysctl -qw net.ipv4.ip_forward=1");
        sh("ip -n blue addr flush dev eth0 && ip -n blue addr add 10.1.0.2/24 dev eth0 && ip -n blue route add "
           "default via 10.1.0.1");
        sh("ip -n red route add 10.1.0.0/24 via 10.0.0.254");
        const auto verdict = only(check(expecting({reach("red", "blue", milliseconds(30000))}), state, {}));
        EXPECT_TRUE(verdict.pass) << verdict.detail;
        EXPECT_EQ(verdict.detail.rfind("10.1.0.2 answered", 0), 0U) << verdict.detail;
    });
}

TEST(Check, WaitsForAnAddressThatComesLater) {
    in_sandbox([] {
        State state;
        make_bridge();
        add_host("red", "10.0.0.1/24");
        add_host("green", "");
        want_host(state, "red");
        want_host(state, "green");
        std::thread later([] {
            std::this_thread::sleep_for(milliseconds(300));
            sh("ip -n green addr add 10.0.0.2/24 dev eth0");
        });
        const auto verdict = only(check(expecting({reach("red", "green", milliseconds(60000))}), state, {}));
        later.join();
        EXPECT_TRUE(verdict.pass) << verdict.detail;
        EXPECT_GE(verdict.took, milliseconds(290));
        EXPECT_LT(verdict.took, milliseconds(30000));
    });
}

TEST(Check, SaysThatThereIsNoAddress) {
    in_sandbox([] {
        State state;
        make_bridge();
        add_host("red", "10.0.0.1/24");
        add_host("green", "");
        want_host(state, "red");
        want_host(state, "green");
        const auto verdict = only(check(expecting({reach("red", "green", milliseconds(200))}), state, {}));
        EXPECT_FALSE(verdict.pass);
        EXPECT_EQ(verdict.detail, "green has no address after 200 ms");
    });
}

TEST(Check, SendsDataThroughItsOwnListener) {
    in_sandbox([] {
        const State state = three_hosts();
        const auto verdict = only(check(expecting({reach("red", "green", milliseconds(30000), 5201)}), state, {}));
        EXPECT_EQ(verdict.expectation, "reach red → green (tcp 5201)");
        EXPECT_TRUE(verdict.pass) << verdict.detail;
        EXPECT_NE(verdict.detail.find("64 KiB arrived"), std::string::npos) << verdict.detail;
    });
}

TEST(Check, UsesTheServiceThatListens) {
    in_sandbox([] {
        const State state = three_hosts();
        // nc -l of any maker: python is what every builder has.
        sh("ip netns exec green python3 -c \""
           "import socket,os\ns=socket.create_server(('',5201))\n"
           "if os.fork(): os._exit(0)\ns.accept()[0].recv(1)\" </dev/null >/dev/null 2>&1");
        const auto verdict = only(check(expecting({reach("red", "green", milliseconds(30000), 5201)}), state, {}));
        EXPECT_TRUE(verdict.pass) << verdict.detail;
        EXPECT_EQ(verdict.detail.find("64 KiB"), std::string::npos) << verdict.detail;
    });
}

// A probe that takes the port of a service which is only starting would pass for it, and keep it from its port.
TEST(Check, ListensNotWhereServicesRun) {
    in_sandbox([] {
        State state = three_hosts();
        state.processes[{"green", "web"}].host = "green";
        const auto verdicts = check(expecting({reach("red", "green", milliseconds(1500), 5201),
                                               reach("red", "10.0.0.2", milliseconds(1500), 5201)}),
                                    state, {});
        for (const auto& verdict : verdicts) {
            EXPECT_FALSE(verdict.pass);
            EXPECT_NE(verdict.detail.find("Connection refused"), std::string::npos) << verdict.detail;
        }
    });
}

// Ping passes; what TCP sends is dropped on the way when its segments are long.
TEST(Check, TcpFailsWhereDataDoesNotArrive) {
    in_sandbox([] {
        const State state = three_hosts();
        sh("ip -n green link set eth0 mtu 600; ip -n green link set eth0 mtu 1500; ip link set v-green mtu 600; ip "
           "link set br0 mtu 1500");
        sh("ip -n red link set eth0 gso_max_segs 1");  // a larger one than the MTU would pass whole
        const auto verdicts = check(expecting({reach("red", "green", milliseconds(20000)),
                                               reach("red", "green", milliseconds(3000), 5201)}),
                                    state, {});
        EXPECT_TRUE(verdicts[0].pass) << verdicts[0].detail;
        EXPECT_FALSE(verdicts[1].pass) << verdicts[1].detail;
        EXPECT_NE(verdicts[1].detail.find("connected, but of 65536 bytes"), std::string::npos)
            << verdicts[1].detail;
    });
}

TEST(Check, IsolationHoldsWithTheSameAddressOnBothSides) {
    in_sandbox([] {
        const State state = three_hosts();
        const auto verdicts = check(
            expecting({isolate("red", "blue"), isolate("blue", "red"), isolate("red", "10.0.0.77")}), state, {});
        ASSERT_EQ(verdicts.size(), 3U);
        EXPECT_EQ(verdicts[0].expectation, "isolate red → blue");
        EXPECT_TRUE(verdicts[0].pass) << verdicts[0].detail;
        EXPECT_EQ(verdicts[0].detail, "nothing of red arrived at blue within 500 ms");
        EXPECT_TRUE(verdicts[1].pass) << verdicts[1].detail;
        EXPECT_TRUE(verdicts[2].pass) << verdicts[2].detail;
    });
}

TEST(Check, IsolationNamesWhatArrivedWhere) {
    in_sandbox([] {
        const State state = three_hosts();
        const auto verdicts = check(expecting({isolate("red", "green"), isolate("red", "10.0.0.2")}), state, {});
        EXPECT_FALSE(verdicts[0].pass);
        EXPECT_EQ(verdicts[0].detail, "a broadcast of red:eth0 arrived at green:eth0");
        EXPECT_FALSE(verdicts[1].pass);
        EXPECT_EQ(verdicts[1].detail.rfind("10.0.0.2 answered in ", 0), 0U) << verdicts[1].detail;
    });
}

// No broadcast passes a router, but an echo request does.
TEST(Check, IsolationSeesWhatIsRouted) {
    in_sandbox([] {
        State state;
        make_bridge("br0");
        make_bridge("br1");
        add_host("red", "10.0.0.1/24");
        add_host("blue", "10.1.0.2/24", "br1");
        add_host("router", "10.0.0.254/24");
        want_host(state, "red");
        want_host(state, "blue", "br1");
        sh("ip link add r0 type veth peer name eth1 netns router && ip link set r0 master br1 up && ip -n router "
           "link set eth1 up");
        sh("ip -n router addr add 10.1.0.1/24 dev eth1; ip netns exec router sysctl -qw net.ipv4.ip_forward=1");
        sh("ip -n red route add default via 10.0.0.254");
        const auto verdict = only(check(expecting({isolate("red", "blue")}), state, {}));
        EXPECT_FALSE(verdict.pass);
        EXPECT_EQ(verdict.detail, "an ICMP echo request of red to 10.1.0.2 arrived at blue:eth0");
    });
}

Lab leasing(milliseconds within) {
    Expectation expectation;
    expectation.what = LeaseExpectation{"red", "red-net"};
    expectation.within = within;
    Lab lab = expecting({expectation});
    Network network;
    network.name = "red-net";
    network.subnet = Prefix::parse("10.50.50.0/24");
    lab.networks.push_back(network);
    Interface interface;
    interface.name = "eth0";
    interface.network = "red-net";
    Host host;
    host.name = "red";
    host.interfaces.push_back(interface);
    lab.hosts.push_back(host);
    return lab;
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST(Check, LeaseWaitsForAddressAndFile) {
    in_sandbox([] {
        State state;
        make_bridge();
        add_host("red", "");
        want_host(state, "red", "br0", true);
        sh("ip -n red link set eth0 address 02:00:00:00:00:01");
        write("/run/leases", "");
        std::thread later([] {
            std::this_thread::sleep_for(milliseconds(150));
            sh("ip -n red addr add 10.50.50.10/24 dev eth0 valid_lft 3600 preferred_lft 3600");
            std::this_thread::sleep_for(milliseconds(150));
            write("/run/leases", "1763870000 02:00:00:00:00:01 10.50.50.10 red *\n");
        });
        const auto verdict = only(check(leasing(milliseconds(60000)), state, {{"red-net", "/run/leases"}}));
        later.join();
        EXPECT_EQ(verdict.expectation, "lease red on red-net");
        EXPECT_TRUE(verdict.pass) << verdict.detail;
        EXPECT_EQ(verdict.detail, "10.50.50.10/24 on eth0");
        EXPECT_GE(verdict.took, milliseconds(290));
        EXPECT_LT(verdict.took, milliseconds(30000));
    });
}

TEST(Check, LeaseIsNoStaticAddressAndNoneOfAnotherServer) {
    in_sandbox([] {
        State state;
        make_bridge();
        add_host("red", "10.50.50.10/24");
        want_host(state, "red", "br0", true);
        sh("ip -n red link set eth0 address 02:00:00:00:00:01");
        write("/run/leases", "1763870000 02:00:00:00:00:01 10.50.50.10 red *\n");
        auto verdict = only(check(leasing(milliseconds(1500)), state, {{"red-net", "/run/leases"}}));
        EXPECT_FALSE(verdict.pass);
        EXPECT_EQ(verdict.detail, "red:eth0 has no leased address in 10.50.50.0/24 after 1.5 s");

        sh("ip -n red addr replace 10.50.50.10/24 dev eth0 valid_lft 3600 preferred_lft 3600");
        write("/run/leases", "1763870000 02:00:00:00:00:09 10.50.50.10 red *\n");
        verdict = only(check(leasing(milliseconds(1500)), state, {{"red-net", "/run/leases"}}));
        EXPECT_FALSE(verdict.pass);
        EXPECT_EQ(verdict.detail,
                  "red:eth0 has 10.50.50.10/24, but the server of red-net knows no such lease after 1.5 s");
    });
}

}  // namespace
}  // namespace warren
