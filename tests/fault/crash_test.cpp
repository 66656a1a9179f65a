// Killed at every crash point of up, of a change and of down: `up` completes it, `down` removes it whole. And what
// is killed again while it recovers. See src/base/fault.hpp.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include <unistd.h>

#include "harness.hpp"

namespace warren::e2e {
namespace {

// Two files of one lab, which between them have a step of every kind.
struct Scenario {
    const char* name;
    std::string a;
    std::string b;
};

constexpr const char* kBridgeA = R"(lab: crash
switches: {br0: {}, br1: {stp: true}}
hosts:
  a:
    interfaces: {eth0: {to: "br0:pa", address: [10.1.0.1/24, "fd00:1::1/64"]}}
    routes: {10.9.0.0/24: 10.1.0.2}
    sysctls: {net.ipv4.ip_forward: 1}
    run: [{name: web, command: "sleep 1000"}]
  b:
    interfaces: {eth0: {to: "br0:pb", address: 10.1.0.2/24, mtu: 1400}}
    gateway: 10.1.0.1
    neighbours: {10.1.0.99: "02:00:00:00:00:99"}
  c: {interfaces: {eth0: {to: "br1:pc", address: 10.2.0.1/24}, eth1: {to: "b:eth9", address: 10.3.0.1/24}}}
)";
constexpr const char* kBridgeB = R"(lab: crash
switches: {br0: {}}
hosts:
  a:
    interfaces: {eth0: {to: "br0:pa", address: [10.1.0.9/24, "fd00:1::1/64"], mtu: 1450, rate: 10mbit}}
    routes: {10.8.0.0/24: 10.1.0.2}
    run: [{name: web, command: "sleep 1001"}]
  b:
    interfaces: {eth0: {to: "br0:pb", address: 10.1.0.2/24}}
  d: {interfaces: {eth0: {to: "br0:pd", address: 10.1.0.4/24}}}
)";
constexpr const char* kOvsA = R"(lab: crash
switches: {s1: {kind: ovs}, s2: {kind: ovs, stp: true}}
networks:
  net:
    switch: s1
    vlan: 10
    subnet: 10.5.0.0/24
    dhcp: {range: 10.5.0.10-10.5.0.20, reservations: {a: 10.5.0.15}}
hosts:
  a: {interfaces: {eth0: {network: net, address: dhcp}}}
  b: {interfaces: {eth0: {to: s1, vlan: 20, address: 10.6.0.2/24}, in0: {to: s1, wire: internal, address: 10.7.0.2/24}}}
links: [{ends: ["s1:x1", "s2:x2"]}]
)";
constexpr const char* kOvsB = R"(lab: crash
switches: {s1: {kind: ovs}, s2: {kind: ovs}}
networks:
  net:
    switch: s1
    vlan: 10
    subnet: 10.5.0.0/24
    dhcp: {range: 10.5.0.10-10.5.0.20, reservations: {a: 10.5.0.16}}
hosts:
  a: {interfaces: {eth0: {network: net, address: dhcp}}}
  b: {interfaces: {eth0: {to: s1, vlan: 30, address: 10.6.0.2/24}}}
  c: {interfaces: {eth0: {to: s2, address: 10.6.0.3/24}}}
)";

// Two namespaces of somebody else's, which make_decoys() has made. `a` is one and then the other.
constexpr const char* kAttachA = R"(lab: crash
switches: {br0: {}}
hosts:
  a:
    attach: {netns: /run/netns/foreign}
    interfaces: {eth0: {to: br0, address: 10.1.0.1/24}}
    routes: {10.9.0.0/24: 10.1.0.2}
    forwarding: true
    run: [{name: web, command: "sleep 1000"}]
  b: {interfaces: {eth0: {to: br0, address: 10.1.0.2/24}}}
)";
constexpr const char* kAttachB = R"(lab: crash
switches: {br0: {}}
hosts:
  a:
    attach: {netns: /run/netns/foreign-dns}
    interfaces: {eth0: {to: br0, address: 10.1.0.1/24}}
    sysctls: {net.ipv4.ip_forward: 1}
  c: {attach: {netns: /run/netns/foreign}, interfaces: {eth0: {to: br0, address: 10.1.0.3/24}}}
)";

std::vector<Scenario> scenarios() {
    return {{"bridge", write_file("bridge-a.yaml", kBridgeA), write_file("bridge-b.yaml", kBridgeB)},
            {"ovs", write_file("ovs-a.yaml", kOvsA), write_file("ovs-b.yaml", kOvsB)},
            {"attach", write_file("attach-a.yaml", kAttachA), write_file("attach-b.yaml", kAttachB)}};
}

constexpr const char* kLog = "/mnt/points";

std::vector<std::string> logged() {
    std::vector<std::string> points;
    std::ifstream log(kLog);
    for (std::string line; std::getline(log, line);) { points.push_back(line.substr(0, line.find(' '))); }
    const std::ofstream emptied(kLog, std::ios::trunc);
    return points;
}

// The tests walk through every STRIDE-th of what they could try: 1 tries all, as `make soak` does.
int stride(int usual) {
    const char* text = std::getenv("WARREN_STRIDE");
    return text != nullptr ? std::atoi(text) : usual;
}

enum class Operation { up, change, down };

class Crash : public BesideOthers {
protected:
    // Brings the machine to where OPERATION begins.
    static void begin(const Scenario& scenario, Operation operation) {
        if (operation != Operation::up) { must_warren({"up", scenario.a}); }
    }
    static std::vector<std::string> command(const Scenario& scenario, Operation operation) {
        switch (operation) {
            case Operation::up:
                return {"up", scenario.a};
            case Operation::change:
                return {"up", scenario.b};
            default:
                return {"down", "crash"};
        }
    }
    // The points that OPERATION comes to, in order; the machine is empty before and after.
    static std::vector<std::string> points_of(const Scenario& scenario, Operation operation) {
        begin(scenario, operation);
        static_cast<void>(logged());
        EXPECT_TRUE(warren(command(scenario, operation), {std::string("WARREN_FAULT_LOG=") + kLog}).ok());
        auto points = logged();
        must_warren({"down", "crash"});
        return points;
    }
    static std::string where(const std::string& point, unsigned count) {
        return "WARREN_FAULT=" + point + "#" + std::to_string(count) + ":kill";
    }
    // Runs OPERATION until it is killed at POINT. A keeper that is killed makes it fail, or is started again.
    static void crash(const Scenario& scenario, Operation operation, const std::string& fault) {
        const Ran run = warren(command(scenario, operation), {fault});
        if (fault.find("=keeper-") == std::string::npos) {
            EXPECT_EQ(run.status, 128 + 9) << testing::PrintToString(run);
        }
    }
    void expect_completed_by_up(const Scenario& scenario, Operation operation) {
        const std::string& file = operation == Operation::change ? scenario.b : scenario.a;
        const Ran up = warren({"up", file});
        EXPECT_TRUE(up.ok()) << testing::PrintToString(up);
        EXPECT_THAT(drift("crash"), IsEmpty());
        EXPECT_THAT(planned(file), IsEmpty());
    }
    void expect_removed_by_down() {
        const Ran down = warren({"down", "crash"});
        EXPECT_TRUE(down.ok()) << testing::PrintToString(down);
        expect_same_machine();
    }
    void sweep_one(const Scenario& scenario, Operation operation, const std::string& fault) {
        SCOPED_TRACE(scenario.name + (" operation " + std::to_string(static_cast<int>(operation))) + " " + fault);
        begin(scenario, operation);
        crash(scenario, operation, fault);
        expect_completed_by_up(scenario, operation);
        expect_removed_by_down();
        begin(scenario, operation);
        crash(scenario, operation, fault);
        expect_removed_by_down();
    }
};

// Every point that the program names lies on the way of one of the scenarios: none is untested.
TEST_F(Crash, EveryPointIsReached) {
    std::set<std::string> known;
    std::istringstream names(must_warren({"--fault-points"}));
    for (std::string name; std::getline(names, name);) { known.insert(name); }
    EXPECT_GT(known.size(), 60U);

    std::set<std::string> reached;
    const auto run = [&](const std::vector<std::string>& arguments, const std::string& fault = "") {
        std::vector<std::string> environment{std::string("WARREN_FAULT_LOG=") + kLog};
        if (!fault.empty()) { environment.push_back("WARREN_FAULT=" + fault); }
        const Ran ran = warren(arguments, environment);
        EXPECT_EQ(ran.ok(), fault.empty()) << testing::PrintToString(ran);
    };
    for (const auto& scenario : scenarios()) {
        run({"up", scenario.a});
        run({"up", scenario.b}, "before-step#9:error=5");
        run({"up", scenario.b});
        run({"up", scenario.a});
        if (scenario.name == std::string("bridge")) {
            must_sh("ip -n a link add stray link eth0 type macvlan && ip -n a link set stray alias warren:crash/x");
            run({"up", scenario.a});
        }
        run({"down", "crash"});
    }
    run({"clean"});
    for (const auto& point : logged()) { reached.insert(point); }
    std::vector<std::string> never;
    std::set_difference(known.begin(), known.end(), reached.begin(), reached.end(), std::back_inserter(never));
    EXPECT_THAT(never, IsEmpty());
    std::vector<std::string> unknown;
    std::set_difference(reached.begin(), reached.end(), known.begin(), known.end(), std::back_inserter(unknown));
    EXPECT_THAT(unknown, IsEmpty()) << "not in --fault-points";
    expect_same_machine();
}

constexpr int kShards = 16;

class Sweep : public Crash, public testing::WithParamInterface<int> {};

// The first time that each point is reached is always tried, of the later times every STRIDE-th.
TEST_P(Sweep, KilledThere) {
    int tried = 0;
    int number = 0;
    for (const auto& scenario : scenarios()) {
        for (const auto operation : {Operation::up, Operation::change, Operation::down}) {
            std::map<std::string, unsigned> counts;
            int later = 0;
            for (const auto& point : points_of(scenario, operation)) {
                const unsigned count = ++counts[point];
                if (point == "before-step" || point == "after-step") { continue; }  // the same as their kinds' own
                if (count > 1 && ++later % stride(24) != 0) { continue; }
                if (++number % kShards != GetParam()) { continue; }
                sweep_one(scenario, operation, where(point, count));
                ++tried;
                if (HasFailure()) { return; }
            }
        }
    }
    EXPECT_GT(tried, 0);
    std::printf("%d crashes, each completed by up and removed by down\n", 2 * tried);
}
INSTANTIATE_TEST_SUITE_P(Shards, Sweep, testing::Range(0, kShards));

class Pairs : public Crash, public testing::WithParamInterface<int> {};

// What is killed while it recovers from being killed.
TEST_P(Pairs, KilledAgain) {
    std::mt19937 random(static_cast<unsigned>(GetParam()));
    const auto any = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
    const int pairs = 208 / kShards / stride(4);
    for (int i = 0; i < pairs; ++i) {
        const auto all = scenarios();
        const Scenario& scenario = all[static_cast<std::size_t>(any(3))];
        const auto operation = static_cast<Operation>(any(3));
        const auto fault = [&] {
            return where(any(2) == 0 ? "before-step" : "after-step", 1U + static_cast<unsigned>(any(40)));
        };
        const std::string first = fault();
        const std::string second = fault();
        const bool up_first = any(2) == 0;
        const bool up_last = any(2) == 0;
        SCOPED_TRACE(std::string(scenario.name) + " operation " + std::to_string(static_cast<int>(operation)) +
                     " " + first + ", then " + (up_first ? "up " : "down ") + second);
        begin(scenario, operation);
        // A point that is not reached is no crash: the recovery is of the other then.
        static_cast<void>(warren(command(scenario, operation), {first}));
        const std::string& file = operation == Operation::change ? scenario.b : scenario.a;
        static_cast<void>(up_first ? warren({"up", file}, {second}) : warren({"down", "crash"}, {second}));
        if (up_last) { expect_completed_by_up(scenario, operation); }
        expect_removed_by_down();
        if (HasFailure()) { return; }
    }
    std::printf("%d pairs of crashes\n", pairs);
}
INSTANTIATE_TEST_SUITE_P(Seeds, Pairs, testing::Range(0, kShards));

}  // namespace
}  // namespace warren::e2e
