// Sends marked packets from one host and looks for them at another. Called by check.cpp.
#include "probe/isolate.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/epoll.h>

#include <fmt/format.h>

#include "linux/link.hpp"
#include "probe/namespaces.hpp"
#include "probe/neighbours.hpp"

namespace warren::probe {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kInterval{100};
constexpr std::size_t kLot = 200;             // pairs at once
constexpr std::uint16_t kEtherType = 0x88B5;  // IEEE 802 local experimental

// In every packet sent, wherever the headers end.
struct Mark {
    std::uint64_t nonce = 0;
    std::uint32_t pair = 0;
    std::uint32_t probe = 0;
};

// One kind of packet that a pair sends again and again.
struct Probe {
    std::string text;  // "a broadcast of red:eth0-r"
    int device = 0;    // of a broadcast, or the scope of a link-local address
    bool broadcast = false;
    MacAddress source;
    IpAddress to;
    bool left = false;  // the kernel took it at least once
};

struct Sender {
    std::vector<KernelLink> links;  // those that are up
    Fd frames;
    Fd icmp;
    Fd icmp6;
    std::optional<Neighbours> neighbours;
};

struct Receiver {
    std::map<int, std::string> names;
    std::vector<KernelAddress> addresses;
    Fd frames;
};

Result<Sender> open_sender() {
    Sender sender;
    WARREN_ASSIGN(auto socket, nl::Socket::open());
    WARREN_ASSIGN(auto links, dump_links(socket));
    for (auto& link : links) {
        if ((link.flags & IFF_UP) != 0 && (link.flags & IFF_LOOPBACK) == 0) {
            sender.links.push_back(std::move(link));
        }
    }
    // Protocol 0: it receives nothing.
    WARREN_ASSIGN(sender.frames, open_socket(AF_PACKET, SOCK_RAW, 0, "a packet socket"));
    WARREN_ASSIGN(sender.icmp, open_icmp(true, false));
    // Without IPv6 in the kernel there are no IPv6 addresses to send to.
    if (auto icmp6 = open_icmp(false, false)) { sender.icmp6 = std::move(*icmp6); }
    WARREN_ASSIGN(sender.neighbours, Neighbours::open());
    return sender;
}

// What the host itself sends did not arrive there.
Result<void> drop_outgoing(const Fd& fd) {
    std::array<sock_filter, 4> code{{
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffffU),
    }};
    const sock_fprog program{code.size(), code.data()};
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
        return errno_failure("set the filter of a packet socket");
    }
    return {};
}

Result<Receiver> open_receiver() {
    Receiver receiver;
    WARREN_ASSIGN(receiver.frames, open_socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL), "a packet socket"));
    WARREN_TRY(drop_outgoing(receiver.frames));
    const int bytes = 8 << 20;
    (void)::setsockopt(receiver.frames.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    WARREN_ASSIGN(auto socket, nl::Socket::open());
    WARREN_ASSIGN(const auto links, dump_links(socket));
    for (const auto& link : links) { receiver.names[link.index] = link.name; }
    WARREN_ASSIGN(receiver.addresses, dump_addresses(socket));
    std::erase_if(receiver.addresses,
                  [](const KernelAddress& address) { return address.value.address.is_loopback(); });
    return receiver;
}

class Lot {
public:
    Lot(const IsolatePair* pairs, std::size_t count, milliseconds window)
        : pairs_(pairs), results_(count), probes_(count), window_(window) {}

    std::vector<IsolateResult> run() {
        epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
        open_all();
        for (std::size_t i = 0; i < results_.size(); ++i) { prepare(i); }
        const auto end = Clock::now() + window_;
        auto next = Clock::now();
        while (Clock::now() < end) {
            if (Clock::now() >= next) {
                for (std::size_t i = 0; i < results_.size(); ++i) { send(i); }
                next += kInterval;
            }
            receive(std::min(next, end));
        }
        std::set<IpAddress> targets;
        for (const auto& probes : probes_) {
            for (const auto& probe : probes) { targets.insert(probe.to); }
        }
        for (auto& [name, sender] : senders_) { (void)sender->neighbours->clean(targets); }
        for (std::size_t i = 0; i < results_.size(); ++i) { must_have_left(i); }
        return std::move(results_);
    }

private:
    template <class End>
    using Ends = std::map<std::string, Result<End>>;

    template <class End>
    static void open_each(Ends<End>& ends, const std::set<std::string>& names, Result<End> (*open)()) {
        const std::vector<std::string> list(names.begin(), names.end());
        const auto opened = in_each_namespace(list, [&](std::size_t i) -> Result<void> {
            ends.insert_or_assign(list[i], open());
            return {};
        });
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (!opened[i]) { ends.insert_or_assign(list[i], tl::unexpected(opened[i].error())); }
        }
    }

    void open_all() {
        std::set<std::string> from;
        std::set<std::string> to;
        for (std::size_t i = 0; i < results_.size(); ++i) {
            from.insert(pairs_[i].from);
            to.insert(pairs_[i].to);
        }
        open_each(receivers_, to, open_receiver);
        open_each(senders_, from, open_sender);
        for (auto& entry : receivers_) {
            auto& receiver = entry.second;
            if (!receiver) { continue; }
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.ptr = &entry;  // a map's entry stays where it is
            if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, receiver->frames.get(), &event) != 0) {
                receiver = errno_failure("watch a packet socket");
            }
        }
    }

    void prepare(std::size_t i) {
        const auto& pair = pairs_[i];
        const auto& sender = senders_.at(pair.from);
        const auto& receiver = receivers_.at(pair.to);
        if (!sender || !receiver) {
            results_[i].detail = "not tried: " + (sender ? receiver.error() : sender.error()).message();
            return;
        }
        results_[i].isolated = true;
        results_[i].detail =
            sender->links.empty()
                ? fmt::format("{} has no interface that is up: it can send nothing", pair.from_host)
                : fmt::format("nothing of {} arrived at {} within {}", pair.from_host, pair.to_host,
                              duration_text(window_));
        for (const auto& link : sender->links) {
            probes_[i].push_back(
                {fmt::format("a broadcast of {}:{}", pair.from_host, link.name), link.index, true, link.mac, {}});
        }
        for (const auto& address : receiver->addresses) {
            const IpAddress& to = address.value.address;
            const std::string text =
                fmt::format("an ICMP echo request of {} to {}", pair.from_host, to.to_string());
            if (!to.is_v4() && to.is_link_local()) {
                for (const auto& link : sender->links) { probes_[i].push_back({text, link.index, false, {}, to}); }
            } else {
                probes_[i].push_back({text, 0, false, {}, to});
            }
        }
    }

    // Silence proves nothing where no frame could be sent.
    void must_have_left(std::size_t i) {
        if (!results_[i].isolated) { return; }
        for (const auto& probe : probes_[i]) {
            if (!probe.broadcast || probe.left) { continue; }
            results_[i].isolated = false;
            results_[i].detail = fmt::format("not tried: {} could not be sent", probe.text);
        }
    }

    // That something cannot be sent ("Network is unreachable") is isolation too.
    void send(std::size_t i) {
        if (!results_[i].isolated) { return; }
        const auto& sender = *senders_.at(pairs_[i].from);
        for (std::size_t n = 0; n < probes_[i].size(); ++n) {
            const Probe& probe = probes_[i][n];
            const Mark mark{nonce_, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(n)};
            if (probe.broadcast) {
                probes_[i][n].left = send_broadcast(sender, probe, mark) || probe.left;
                continue;
            }
            const bool v4 = probe.to.is_v4();
            const Fd& socket = v4 ? sender.icmp : sender.icmp6;
            if (!socket.valid()) { continue; }
            const auto packet =
                echo_request(v4, static_cast<std::uint16_t>(nonce_), sequence_++, &mark, sizeof mark);
            const SocketAddress to(probe.to, 0, probe.device);
            (void)::sendto(socket.get(), packet.data(), packet.size(), 0, to.get(), to.size());
        }
    }

    static bool send_broadcast(const Sender& sender, const Probe& probe, const Mark& mark) {
        ether_header header{};
        std::memset(header.ether_dhost, 0xff, sizeof header.ether_dhost);
        std::memcpy(header.ether_shost, probe.source.bytes.data(), sizeof header.ether_shost);
        header.ether_type = htons(kEtherType);
        std::array<char, ETH_ZLEN> frame{};
        std::memcpy(frame.data(), &header, sizeof header);
        std::memcpy(frame.data() + sizeof header, &mark, sizeof mark);
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_protocol = htons(kEtherType);
        to.sll_ifindex = probe.device;
        to.sll_halen = ETH_ALEN;
        std::memset(to.sll_addr, 0xff, ETH_ALEN);
        return ::sendto(sender.frames.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to),
                        sizeof to) == static_cast<ssize_t>(frame.size());
    }

    void receive(Clock::time_point until) {
        epoll_event events[64];
        const int ready = ::epoll_wait(epoll_.get(), events, 64, milliseconds_until(until));
        for (int i = 0; i < ready; ++i) {
            drain(*static_cast<const Ends<Receiver>::value_type*>(events[i].data.ptr));
        }
    }

    // A bounded number at a time, so that a busy host does not keep the others from being looked at.
    void drain(const Ends<Receiver>::value_type& entry) {
        const Receiver& receiver = *entry.second;
        for (int count = 0; count < 256; ++count) {
            std::array<char, 2048> frame;
            sockaddr_ll from{};
            socklen_t size = sizeof from;
            const auto got = ::recvfrom(receiver.frames.get(), frame.data(), frame.size(), 0,
                                        reinterpret_cast<sockaddr*>(&from), &size);
            if (got < 0) { return; }
            look_through({frame.data(), static_cast<std::size_t>(got)}, entry.first, receiver, from.sll_ifindex);
        }
    }

    void look_through(std::string_view frame, const std::string& name, const Receiver& receiver, int device) {
        const std::string_view nonce(reinterpret_cast<const char*>(&nonce_), sizeof nonce_);
        const auto at = frame.find(nonce);
        if (at == std::string_view::npos || frame.size() - at < sizeof(Mark)) { return; }
        Mark mark;
        std::memcpy(&mark, frame.data() + at, sizeof mark);
        if (mark.pair >= results_.size() || mark.probe >= probes_[mark.pair].size()) { return; }
        const auto& found = probes_[mark.pair][mark.probe];
        // What one pair sends may be a leak to another one's target: the same host is the sender of both.
        for (std::size_t i = 0; i < results_.size(); ++i) {
            if (pairs_[i].from != pairs_[mark.pair].from || pairs_[i].to != name || !results_[i].isolated) {
                continue;
            }
            const auto interface = receiver.names.find(device);
            results_[i].isolated = false;
            results_[i].detail = fmt::format("{} arrived at {}:{}", found.text, pairs_[i].to_host,
                                             interface == receiver.names.end() ? "?" : interface->second);
        }
    }

    const IsolatePair* pairs_;
    std::vector<IsolateResult> results_;
    std::vector<std::vector<Probe>> probes_;
    const milliseconds window_;
    const std::uint64_t nonce_ = random_number();
    std::uint16_t sequence_ = 0;
    Fd epoll_;
    Ends<Sender> senders_;
    Ends<Receiver> receivers_;
};

}  // namespace

std::vector<IsolateResult> isolate(const std::vector<IsolatePair>& pairs, milliseconds window) {
    std::vector<IsolateResult> results;
    results.reserve(pairs.size());
    for (std::size_t first = 0; first < pairs.size(); first += kLot) {
        const std::size_t count = std::min(kLot, pairs.size() - first);
        auto lot = Lot(pairs.data() + first, count, window).run();
        std::move(lot.begin(), lot.end(), std::back_inserter(results));
    }
    return results;
}

}  // namespace warren::probe
