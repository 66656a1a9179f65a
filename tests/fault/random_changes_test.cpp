// Random changes to a lab of sixty hosts, while others of its hosts talk: they lose no packet, and after each
// change nothing is left to do. WARREN_SEED is added to each seed; WARREN_CHANGES are the changes for each.
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "harness.hpp"

namespace warren::e2e {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 0) : otherwise;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kChanges = 12;  // everything takes ten times as long
#else
constexpr std::uint64_t kChanges = 50;
#endif
constexpr int kTalking = 8;    // hosts that never change: u0..u3 on ovs1, u4..u7 on br0
constexpr int kChanging = 52;  // at the beginning; t0, t1, ...
constexpr int kPool = 77;      // VLAN of the network with DHCP

// What the test varies of a host.
struct ModelHost {
    std::string sw;
    bool internal = false;
    bool dhcp = false;
    int vlan = 0;  // 0: none
    bool trunk = false;
    int number = 0;  // of its address
    bool ipv6 = false;
    bool second = false;  // another address beside
    int mtu = 0;
    int mac = 0;
    bool gateway = false;
    int route = 0;
    bool forwarding = false;
    int sysctl = 0;
    int service = 0;
    int dns = 0;
    std::string direct;  // a link to that host beside the switch's
};

struct ModelSwitch {
    bool ovs = false;
    bool stp = false;
    std::string to;  // linked to this one of the two that stay
    bool trunk = false;
    bool secure = false;
};

// A lab, and ways to change it.
class Model {
public:
    explicit Model(std::uint64_t seed) : random_(seed) {
        for (int i = 0; i < kChanging; ++i) { add_host(); }
    }

    // Makes one change and says which.
    std::string change() {
        while (true) {
            if (const std::string what = try_change(); !what.empty()) { return what; }
        }
    }

    [[nodiscard]] std::string text() const {
        std::string out = "lab: sixty\nswitches:\n  ovs1: {kind: ovs}\n  br0: {}\n";
        for (const auto& [name, sw] : switches_) {
            out += fmt::format("  {}: {{kind: {}{}{}}}\n", name, sw.ovs ? "ovs" : "bridge",
                               sw.stp ? ", stp: true" : "", sw.secure && sw.ovs ? ", fail-mode: secure" : "");
        }
        if (pool_) {
            out += fmt::format(
                "networks:\n  pool:\n    switch: ovs1\n    vlan: {}\n    subnet: 10.77.0.0/24\n    dhcp: "
                "{{address: 10.77.0.2/24, range: 10.77.0.10-10.77.0.{}, lease-time: {}s{}",
                kPool, pool_last_, pool_time_, pool_gateway_ ? ", gateway: 10.77.0.1" : "");
            if (pool_option_ != 0) { out += fmt::format(", options: {{42: 10.77.0.{}}}", pool_option_); }
            std::string reserved;
            for (const auto& [name, host] : hosts_) {
                if (host.dhcp && pool_reserves_) {
                    reserved +=
                        fmt::format("{}{}: 10.77.0.{}", reserved.empty() ? "" : ", ", name, 200 + host.number % 50);
                }
            }
            if (!reserved.empty()) { out += ", reservations: {" + reserved + "}"; }
            out += "}\n";
        }
        out += "hosts:\n";
        for (int i = 0; i < kTalking; ++i) {
            out += fmt::format("  u{0}: {{interfaces: {{eth0: {{to: \"{1}:u{0}\", address: 10.8.0.{2}/24}}}}}}\n",
                               i, i < kTalking / 2 ? "ovs1" : "br0", i + 1);
        }
        for (const auto& [name, host] : hosts_) { out += host_text(name, host); }
        out += "links:\n  - {ends: [ovs1:main-a, br0:main-b]}\n";
        for (const auto& [name, sw] : switches_) {
            out += fmt::format("  - {{ends: [{0}:{0}-up, {1}:{0}-dn]{2}}}\n", name, sw.to,
                               sw.trunk && sw.ovs && sw.to == "ovs1" ? ", trunk: [10, 20, 77]" : "");
        }
        return out;
    }

private:
    using Hosts = std::map<std::string, ModelHost>;

    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
    int between(int first, int last) {
        return first + static_cast<int>(below(static_cast<std::size_t>(last - first) + 1));
    }
    bool coin() { return below(2) == 0; }

    [[nodiscard]] bool is_ovs(const std::string& sw) const {
        if (sw == "ovs1") { return true; }
        const auto found = switches_.find(sw);
        return found != switches_.end() && found->second.ovs;
    }

    std::string any_switch() {
        std::vector<std::string> names{"ovs1", "br0"};
        for (const auto& [name, sw] : switches_) { names.push_back(name); }
        return names[below(names.size())];
    }

    Hosts::value_type& any_host() {
        return *std::next(hosts_.begin(), static_cast<std::ptrdiff_t>(below(hosts_.size())));
    }

    std::string add_host() {
        const std::string name = fmt::format("t{}", next_host_++);
        ModelHost& host = hosts_[name];
        host.sw = any_switch();
        host.number = next_number_++;
        return name;
    }

    // What only an Open vSwitch port can have goes where the port is none.
    void settle(ModelHost& host) const {
        if (is_ovs(host.sw)) { return; }
        host.internal = false;
        host.vlan = 0;
        host.trunk = false;
    }

    [[nodiscard]] static std::string v4(int number) {
        return fmt::format("10.9.{}.{}", number / 250, number % 250 + 1);
    }

    [[nodiscard]] static std::string host_text(const std::string& name, const ModelHost& host) {
        std::string port;
        if (host.dhcp) {
            port = "network: pool, address: dhcp";
        } else {
            port = fmt::format("to: {}", host.sw);
            if (host.vlan != 0) { port += fmt::format(", vlan: {}", host.vlan); }
            if (host.trunk) { port += ", trunk: [10, 20]"; }
            if (host.internal) { port += ", wire: internal"; }
            port += fmt::format(
                ", address: [{}/16{}{}]", v4(host.number),
                host.second ? fmt::format(", 10.200.{}.{}/24", host.number / 250, host.number % 250 + 1) : "",
                host.ipv6 ? fmt::format(", \"fd00:9::{:x}/64\"", host.number + 1) : "");
        }
        if (host.mtu != 0) { port += fmt::format(", mtu: {}", host.mtu); }
        if (host.mac != 0) {
            port += fmt::format(", mac: \"02:00:00:00:{:02x}:{:02x}\"", host.mac / 256, host.mac % 256);
        }
        if (host.route != 0 && !host.dhcp) {
            port += fmt::format(", routes: {{172.16.{}.0/24: 10.9.255.1}}", host.route);
        }
        std::string out = fmt::format("  {0}: {{interfaces: {{e-{0}: {{{1}}}", name, port);
        if (!host.direct.empty()) {
            out += fmt::format(", d-{0}: {{to: \"{1}:d-{1}\", address: 10.201.{2}.1/30}}", name, host.direct,
                               host.number % 250);
        }
        out += "}";
        if (host.gateway && !host.dhcp) { out += ", gateway: 10.9.255.254"; }
        if (host.forwarding) { out += ", forwarding: true"; }
        if (host.sysctl != 0) { out += fmt::format(", sysctls: {{net.ipv4.tcp_syn_retries: {}}}", host.sysctl); }
        if (host.dns != 0) { out += fmt::format(", dns: [10.9.255.{}]", host.dns); }
        if (host.service != 0) {
            out += fmt::format(", run: [{{name: wait, command: [sleep, \"{}\"]}}]", 100000 + host.service);
        }
        return out + "}\n";
    }

    [[nodiscard]] bool has_direct(const std::string& name) const {
        if (!hosts_.at(name).direct.empty()) { return true; }
        return std::any_of(hosts_.begin(), hosts_.end(),
                           [&](const auto& entry) { return entry.second.direct == name; });
    }

    void drop_direct(const std::string& name) {
        for (auto& [other, host] : hosts_) {
            if (host.direct == name) { host.direct.clear(); }
        }
    }

    // One of many; empty where it does not fit the lab as it is.
    std::string try_change() {
        auto& [name, host] = any_host();
        switch (below(30)) {
            case 0:
            case 1:
                return "add host " + add_host();
            case 2:
            case 3: {
                const std::string gone = name;
                drop_direct(gone);
                hosts_.erase(gone);
                return "remove host " + gone;
            }
            case 4:
                host.number = next_number_++;
                return "address of " + name;
            case 5:
                host.mac = next_number_++;
                return "mac of " + name;
            case 6:
                host.mtu = between(0, 2) == 0 ? 0 : between(1280, 1500);
                return fmt::format("mtu of {} {}", name, host.mtu);
            case 7:
                if (!is_ovs(host.sw) || host.dhcp) { return {}; }
                host.trunk = false;
                host.vlan = between(0, 4) * 10;
                return fmt::format("vlan of {} {}", name, host.vlan);
            case 8:
                if (!is_ovs(host.sw) || host.dhcp) { return {}; }
                host.trunk = !host.trunk;
                host.vlan = 0;
                return "trunk of " + name;
            case 9:
                if (!is_ovs(host.sw) || host.dhcp) { return {}; }
                host.internal = !host.internal;
                return "wire of " + name;
            case 10: {
                const std::string to = any_switch();
                if (to == host.sw || host.dhcp) { return {}; }
                const std::string from = std::exchange(host.sw, to);
                settle(host);
                return fmt::format("move {} from {} to {}", name, from, to);
            }
            case 11:
                host.gateway = !host.gateway;
                return "gateway of " + name;
            case 12:
                host.route = between(0, 3);
                return fmt::format("route of {} {}", name, host.route);
            case 13:
                host.forwarding = !host.forwarding;
                return "forwarding of " + name;
            case 14:
                host.sysctl = between(0, 4);
                return fmt::format("sysctl of {} {}", name, host.sysctl);
            case 15:
                host.service = between(0, 3);
                return fmt::format("service of {} {}", name, host.service);
            case 16:
                host.dns = between(0, 3);
                return fmt::format("dns of {} {}", name, host.dns);
            case 17:
                host.ipv6 = !host.ipv6;
                return "IPv6 of " + name;
            case 18:
                host.second = !host.second;
                return "second address of " + name;
            case 19:
                return change_direct(name, host);
            case 20:
            case 21:
                return change_switches();
            case 22:
            case 23:
                return change_pool();
            case 24:
            case 25:
            case 26:
            case 27:
                return change_client(name, host);
            default:
                return several();
        }
    }

    std::string several() {
        std::string all;
        for (int i = between(2, 5); i > 0; --i) { all += (all.empty() ? "" : " + ") + change(); }
        return all;
    }

    std::string change_direct(const std::string& name, ModelHost& host) {
        if (!host.direct.empty()) {
            host.direct.clear();
            return "no direct link of " + name;
        }
        const std::string other = any_host().first;
        if (other == name || has_direct(name) || has_direct(other)) { return {}; }
        host.direct = other;
        return fmt::format("direct link from {} to {}", name, other);
    }

    std::string change_switches() {
        const std::string name = fmt::format("sx{}", between(1, 3));
        const auto found = switches_.find(name);
        if (found == switches_.end()) {
            switches_[name] = {coin(), false, coin() ? "ovs1" : "br0", coin(), false};
            return "add switch " + name;
        }
        ModelSwitch& sw = found->second;
        switch (below(6)) {
            case 0:
                switches_.erase(found);
                for (auto& [host_name, host] : hosts_) {
                    if (host.sw != name) { continue; }
                    host.sw = coin() ? "ovs1" : "br0";
                    settle(host);
                }
                return "remove switch " + name;
            case 1:
                sw.ovs = !sw.ovs;
                for (auto& [host_name, host] : hosts_) {
                    if (host.sw == name) { settle(host); }
                }
                return "kind of switch " + name;
            case 2:
                sw.stp = !sw.stp;
                return "stp of switch " + name;
            case 3:
                sw.to = sw.to == "ovs1" ? "br0" : "ovs1";
                return "other end of switch " + name;
            case 4:
                sw.trunk = !sw.trunk;
                return "trunk of switch " + name;
            default:
                sw.secure = !sw.secure;
                return "fail-mode of switch " + name;
        }
    }

    std::string change_pool() {
        if (!pool_) {
            pool_ = true;
            return "add network pool";
        }
        switch (below(6)) {
            case 0:
                pool_ = false;
                for (auto& [name, host] : hosts_) { host.dhcp = false; }
                return "remove network pool";
            case 1:
                pool_last_ = between(60, 150);
                return "range of pool";
            case 2:
                pool_time_ = between(600, 3600);
                return "lease time of pool";
            case 3:
                pool_gateway_ = !pool_gateway_;
                return "gateway of pool";
            case 4:
                pool_option_ = between(0, 3);
                return "option of pool";
            default:
                pool_reserves_ = !pool_reserves_;
                return "reservations of pool";
        }
    }

    std::string change_client(const std::string& name, ModelHost& host) {
        if (!pool_) { return {}; }
        if (!host.dhcp) {
            int clients = 0;
            for (const auto& [other, model] : hosts_) { clients += model.dhcp ? 1 : 0; }
            if (clients >= 3) { return {}; }
        }
        host.dhcp = !host.dhcp;
        return fmt::format("{} {} DHCP", name, host.dhcp ? "takes" : "leaves");
    }

    std::mt19937_64 random_;
    Hosts hosts_;
    std::map<std::string, ModelSwitch> switches_;
    int next_host_ = 0;
    int next_number_ = 0;
    bool pool_ = false;
    int pool_last_ = 100;
    int pool_time_ = 3600;
    bool pool_gateway_ = false;
    bool pool_reserves_ = false;
    int pool_option_ = 0;
};

int socket_in(const std::string& ns) {
    int made = -1;
    std::thread([&] {
        const Fd fd(open(("/run/netns/" + ns).c_str(), O_RDONLY | O_CLOEXEC));
        if (setns(fd.get(), CLONE_NEWNET) == 0) { made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }
    }).join();
    if (made < 0) { throw std::runtime_error("no socket in " + ns); }
    return made;
}

// A TCP connection between two hosts over which a kilobyte goes to and fro all the time.
class Conversation {
public:
    Conversation(const std::string& from, const std::string& to, const std::string& address)
        : name_(from + " to " + to), client_(socket_in(from)) {
        const Fd listener(socket_in(to));
        sockaddr_in place{};
        place.sin_family = AF_INET;
        place.sin_port = htons(7000);
        inet_pton(AF_INET, address.c_str(), &place.sin_addr);
        const auto* at = reinterpret_cast<const sockaddr*>(&place);
        if (bind(listener.get(), at, sizeof place) != 0 || listen(listener.get(), 1) != 0 ||
            connect(client_.get(), at, sizeof place) != 0) {
            throw std::runtime_error("cannot connect " + name_);
        }
        server_ = Fd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        thread_ = std::thread([this] { talk(); });
    }
    ~Conversation() { stop(); }

    [[nodiscard]] int rounds() const { return rounds_; }
    // It goes on, and nothing of it was lost.
    void expect_alive() {
        const int before = rounds_;
        const auto until = Clock::now() + std::chrono::seconds(60);
        while (rounds_ < before + 10 && !failed_ && Clock::now() < until) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        EXPECT_GE(rounds_, before + 10) << "TCP " << name_ << " has stopped";
        EXPECT_FALSE(failed_) << "TCP " << name_;
        tcp_info info{};
        socklen_t size = sizeof info;
        EXPECT_EQ(getsockopt(client_.get(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
        EXPECT_EQ(int{info.tcpi_state}, TCP_ESTABLISHED) << name_;
        std::cout << fmt::format("TCP {}: {} rounds, {} segments sent again\n", name_, rounds_.load(),
                                 info.tcpi_total_retrans);
        stop();
    }

private:
    static bool pass(int from, int to) {
        std::vector<char> data(1024, 'w');
        if (send(from, data.data(), data.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(data.size())) {
            return false;
        }
        for (std::size_t got = 0; got < data.size();) {
            pollfd ready{to, POLLIN, 0};
            if (poll(&ready, 1, 60'000) != 1) { return false; }
            const ssize_t n = recv(to, data.data(), data.size() - got, 0);
            if (n <= 0) { return false; }
            got += static_cast<std::size_t>(n);
        }
        return true;
    }
    void talk() {
        while (!stopped_) {
            if (!pass(client_.get(), server_.get()) || !pass(server_.get(), client_.get())) {
                failed_ = !stopped_;
                return;
            }
            ++rounds_;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    void stop() {
        stopped_ = true;
        shutdown(client_.get(), SHUT_RDWR);
        if (thread_.joinable()) { thread_.join(); }
    }

    std::string name_;
    Fd client_;
    Fd server_;
    std::atomic<int> rounds_ = 0;
    std::atomic<bool> failed_ = false;
    std::atomic<bool> stopped_ = false;
    std::thread thread_;
};

class RandomChanges : public E2e, public testing::WithParamInterface<int> {};

TEST_P(RandomChanges, DisturbNobodyElse) {
    const std::uint64_t seed = number_from("WARREN_SEED", 0) + static_cast<std::uint64_t>(GetParam());
    const std::uint64_t count = number_from("WARREN_CHANGES", kChanges);
    std::cout << fmt::format("seed {}, {} changes\n", seed, count);
    Model model(seed);
    std::string file = write_file("lab.yaml", model.text());
    must_warren({"up", file});
    {
        Pings on_ovs("u0", "10.8.0.2");
        Pings on_bridge("u4", "10.8.0.6");
        Pings across("u0", "10.8.0.8");
        Conversation over_ovs("u2", "u3", "10.8.0.4");
        Conversation over_bridge("u6", "u7", "10.8.0.8");
        const auto start = Clock::now();
        std::size_t steps = 0;
        for (std::uint64_t i = 1; i <= count; ++i) {
            const std::string what = model.change();
            SCOPED_TRACE(fmt::format("seed {}, change {}: {}", seed, i, what));
            file = write_file("lab.yaml", model.text());
            const Ran up = warren({"up", file, "-o", "json"});
            ASSERT_TRUE(up.ok()) << testing::PrintToString(up) << model.text();
            steps += at(json::parse(up.out), "steps").to_number<std::size_t>();
            ASSERT_THAT(drift("sixty"), IsEmpty());
            const json::value again = warren_json({"up", file});
            ASSERT_EQ(at(again, "steps"), json::value(0)) << json::serialize(again);
        }
        const std::chrono::duration<double> took = Clock::now() - start;
        std::cout << fmt::format("{} changes, {} steps, in {:.1f} s\n", count, steps, took.count());
        for (Pings* pings : {&on_ovs, &on_bridge, &across}) {
            EXPECT_THAT(pings->lost(), IsEmpty());
            std::cout << fmt::format("{} pings answered\n", pings->answered());
        }
        for (Conversation* talk : {&over_ovs, &over_bridge}) { talk->expect_alive(); }
    }
    must_warren({"down"});
    expect_same_machine();
}

INSTANTIATE_TEST_SUITE_P(Seed, RandomChanges, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace warren::e2e
