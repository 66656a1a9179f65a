// The way between two hosts as it is now, measured beside a direct veth pair and a Linux bridge. Called by
// `warren doctor --path`.
#include <algorithm>
#include <cstring>
#include <sstream>
#include <thread>

#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "base/child.hpp"
#include "engine/sysctl.hpp"
#include "linux/netns.hpp"
#include "probe/namespaces.hpp"
#include "probe/path.hpp"
#include "probe/throughput.hpp"
#include "probe/throw_away.hpp"

namespace warren {
namespace {

using namespace probe;

bool offload(const Fd& socket, const std::string& name, std::uint32_t command) {
    ethtool_value value{};
    value.cmd = command;
    ifreq request{};
    std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(&value);
    return ::ioctl(socket.get(), SIOCETHTOOL, &request) != 0 || value.data != 0;
}

// In the interface's namespace.
Result<void> observe_interface(PathPart& part) {
    WARREN_ASSIGN(auto socket, nl::Socket::open());
    nl::Message message(RTM_GETLINK, 0);
    message.header(ifinfomsg{}).put_string(IFLA_IFNAME, part.name);
    WARREN_TRY(socket.ask(std::move(message), "look at " + part.name, [&](const nlmsghdr* answer) {
        if (mnl_nlmsg_get_payload_len(answer) < sizeof(ifinfomsg)) { return; }
        const auto* body = static_cast<const char*>(mnl_nlmsg_get_payload(answer));
        const nl::Attributes attributes(body + NLMSG_ALIGN(sizeof(ifinfomsg)),
                                        mnl_nlmsg_get_payload_len(answer) - NLMSG_ALIGN(sizeof(ifinfomsg)));
        part.mtu = attributes.u32(IFLA_MTU);
        part.queue = attributes.text(IFLA_QDISC);
    }));
    WARREN_ASSIGN(const Fd any, open_socket(AF_INET, SOCK_DGRAM, 0, "a socket"));
    part.tx_checksum = offload(any, part.name, ETHTOOL_GTXCSUM);
    part.segmentation = offload(any, part.name, ETHTOOL_GTSO);
    part.gro = offload(any, part.name, ETHTOOL_GGRO);
    return {};
}

Result<void> observe(std::vector<PathPart>& parts) {
    for (auto& part : parts) {
        if (part.queue == "patch" || part.kind == PathPart::Kind::ovs || part.kind == PathPart::Kind::router) {
            continue;
        }
        WARREN_TRY(in_namespace_of(part.net_namespace, [&]() -> Result<void> {
            if (part.kind == PathPart::Kind::interface) { return observe_interface(part); }
            const auto value = read_sysctl("net.bridge.bridge-nf-call-iptables");
            part.bridge_netfilter = value && *value != "0";
            return {};
        }));
    }
    return {};
}

// Two namespaces to measure between, and what keeps them together.
struct Course {
    std::vector<ThrowAway> places;  // the first and the last are the ends
    std::vector<Rates> rates;

    [[nodiscard]] int from() const { return places.front().ns.get(); }
    [[nodiscard]] int to() const { return places.back().ns.get(); }
};

const IpAddress& course_address() {
    static const IpAddress kAddress = *IpAddress::parse("10.0.0.2");
    return kAddress;
}

Result<void> put_addresses(Course& course) {
    WARREN_TRY(put_address(course.places.front(), "eth0", *Prefix::parse("10.0.0.1/24")));
    return put_address(course.places.back(), "eth0", {course_address(), 24});
}

Result<Course> make_course(std::size_t places) {
    Course course;
    for (std::size_t i = 0; i < places; ++i) {
        WARREN_ASSIGN(auto place, make_throw_away());
        course.places.push_back(std::move(place));
    }
    return course;
}

Result<Course> direct_course(std::uint32_t mtu) {
    WARREN_ASSIGN(auto course, make_course(2));
    WARREN_TRY(join(course.places[0], "eth0", course.places[1], "eth0", mtu));
    WARREN_TRY(put_addresses(course));
    return course;
}

Result<Course> bridge_course(std::uint32_t mtu) {
    WARREN_ASSIGN(auto course, make_course(3));
    ThrowAway& middle = course.places[1];
    WARREN_TRY(in_namespace(middle.ns.get(), []() -> Result<void> {
        (void)write_sysctl("net.bridge.bridge-nf-call-iptables", "0");  // not there: nothing to switch off
        return {};
    }));
    WARREN_TRY(
        middle.socket.send({new_bridge("br", MacAddress::derived("br"), mtu, false, false, 0), "make a bridge"}));
    WARREN_TRY(join(middle, "pa", course.places[0], "eth0", mtu));
    WARREN_TRY(join(middle, "pb", course.places[2], "eth0", mtu));
    for (const char* port : {"pa", "pb"}) { WARREN_TRY(put_under(middle, port, "br")); }
    WARREN_TRY(bring_up(middle, "br"));
    WARREN_TRY(put_addresses(course));
    return course;
}

Result<Rates> measure_all(Flow flow) {
    Rates rates;
    flow.traffic = Traffic::stream;
    WARREN_ASSIGN(const auto stream, measure(flow));
    rates.gigabits = stream.gigabits();
    flow.traffic = Traffic::datagrams;
    WARREN_ASSIGN(const auto datagrams, measure(flow));
    rates.datagrams = datagrams.rate();
    rates.datagrams_sent = datagrams.sent_rate();
    flow.traffic = Traffic::round_trips;
    WARREN_ASSIGN(const auto round_trips, measure(flow));
    rates.round_trips = round_trips.rate();
    return rates;
}

Result<void> run(Course& course, const PathOptions& options) {
    Flow flow;
    flow.from = course.from();
    flow.to = course.to();
    flow.address = course_address();
    flow.time = options.time;
    WARREN_ASSIGN(const auto rates, measure_all(flow));
    course.rates.push_back(rates);
    return {};
}

Rates medians(const std::vector<Rates>& all) {
    const auto median = [&](double Rates::*which) {
        std::vector<double> values;
        for (const auto& one : all) { values.push_back(one.*which); }
        std::sort(values.begin(), values.end());
        return values.empty() ? 0 : values[values.size() / 2];
    };
    return {median(&Rates::gigabits), median(&Rates::datagrams), median(&Rates::datagrams_sent),
            median(&Rates::round_trips)};
}

// All processors' time since boot, in ticks: spent, and all.
struct ProcessorTime {
    double spent = 0;
    double all = 0;
};

ProcessorTime processor_time() {
    ProcessorTime time;
    std::istringstream line(read_file("/proc/stat").value_or(""));
    std::string name;
    line >> name;
    constexpr int kFields = 8;  // up to `steal`; the guests' time is in the user's already
    for (int i = 0; i < kFields; ++i) {
        double ticks = 0;
        line >> ticks;
        time.all += ticks;
        if (i != 3 && i != 4) { time.spent += ticks; }  // idle, iowait
    }
    return time;
}

}  // namespace

Result<PathReport> examine_path(const State& observed, const std::string& from, const std::string& to,
                                const IpAddress& address, const PathOptions& options) {
    PathReport report;
    report.address = address.to_string();
    report.processors = static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
    report.parts = find_path(observed, from, to);
    WARREN_TRY(observe(report.parts));
    std::uint32_t mtu = 1500;
    bool first = true;
    for (const auto& part : report.parts) {
        if (part.kind != PathPart::Kind::interface || part.mtu == 0) { continue; }
        mtu = first ? part.mtu : std::min(mtu, part.mtu);
        first = false;
    }
    const bool has_switch = std::any_of(report.parts.begin(), report.parts.end(), [](const PathPart& part) {
        return part.kind == PathPart::Kind::bridge || part.kind == PathPart::Kind::ovs;
    });

    Flow flow;
    WARREN_ASSIGN(const Fd from_ns, open_namespace(from));
    WARREN_ASSIGN(const Fd to_ns, open_namespace(to));
    flow.from = from_ns.get();
    flow.to = to_ns.get();
    flow.address = address;
    flow.time = options.time;
    WARREN_ASSIGN(auto direct, direct_course(mtu));
    std::optional<Course> bridge;
    if (has_switch) { WARREN_ASSIGN(bridge, bridge_course(mtu)); }
    constexpr std::uint32_t kLarge = 9000;
    std::vector<Rates> path;
    std::vector<double> large;
    ProcessorTime during;
    for (int round = 0; round < options.rounds; ++round) {
        const ProcessorTime before = processor_time();
        WARREN_ASSIGN(const auto rates, measure_all(flow));
        const ProcessorTime after = processor_time();
        path.push_back(rates);
        during.spent += after.spent - before.spent;
        during.all += after.all - before.all;
        WARREN_TRY(run(direct, options));
        if (bridge) { WARREN_TRY(run(*bridge, options)); }
    }
    if (mtu < kLarge) {
        WARREN_ASSIGN(const auto course, direct_course(kLarge));
        Flow stream = flow;
        stream.from = course.from();
        stream.to = course.to();
        stream.address = course_address();
        for (int round = 0; round < options.rounds; ++round) {
            WARREN_ASSIGN(const auto through, measure(stream));
            large.push_back(through.gigabits());
        }
        std::sort(large.begin(), large.end());
        report.direct_large = large[large.size() / 2];
    }
    report.path = medians(path);
    report.direct = medians(direct.rates);
    if (bridge) { report.bridge = medians(bridge->rates); }
    report.busy = during.all > 0 ? during.spent / during.all : 0;
    report.limits = limits_of(report);
    return report;
}

}  // namespace warren
