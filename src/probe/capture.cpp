// Packet sockets in many namespaces, merged by time. Called by the verbs capture and up.
#include "probe/capture.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <fmt/format.h>

#include "linux/link.hpp"
#include "linux/netns.hpp"
#include "probe/namespaces.hpp"

namespace warren {
namespace {

using probe::Clock;
using std::chrono::nanoseconds;

// A frame has its time some moments before it is in a socket: what is younger than this may still be overtaken.
constexpr std::chrono::milliseconds kSettled{10};
// Of one socket, before the others have their turn.
constexpr int kRound = 4096;
constexpr int kSocketBuffer = 8 << 20;
constexpr std::size_t kTagAt = 12;  // behind both MAC addresses

nanoseconds now() {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

Result<void> attach(const Fd& fd, const std::vector<sock_filter>& code) {
    std::vector<sock_filter> copy = code;
    sock_fprog program{};
    program.len = static_cast<unsigned short>(copy.size());
    program.filter = copy.data();
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
        return errno_failure("attach a filter to a packet socket");
    }
    return {};
}

Result<Fd> open_frames(const std::vector<sock_filter>& filter, int index) {
    // Protocol 0: nothing arrives before all is set.
    WARREN_ASSIGN(Fd fd, probe::open_socket(AF_PACKET, SOCK_RAW, 0, "a packet socket"));
    WARREN_TRY(attach(fd, filter));
    const int on = 1;
    if (::setsockopt(fd.get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0 ||
        ::setsockopt(fd.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0) {
        return errno_failure("set options of a packet socket");
    }
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kSocketBuffer, sizeof kSocketBuffer);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = index;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return errno_failure("bind a packet socket");
    }
    return fd;
}

// Whether the interface that it was bound to is gone: the kernel then binds it to none.
bool lost_its_interface(const Fd& fd) {
    sockaddr_ll address{};
    socklen_t size = sizeof address;
    return ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 && address.sll_ifindex < 0;
}

}  // namespace

Result<Capture> Capture::make(const std::string& filter, std::uint32_t snaplen) {
    const std::uint32_t most = std::min(snaplen, kLargestFrame);
    WARREN_ASSIGN(auto compiled, probe::PcapFilter::compile(filter, most));
    return Capture(std::move(compiled), most);
}

Result<void> Capture::add(const CaptureTarget& target) {
    std::optional<Result<Source>> opened;
    const auto open = [&]() -> Result<void> {
        opened = open_source(target);
        return {};
    };
    if (target.net_namespace.empty()) {
        WARREN_TRY(open());
    } else {
        WARREN_TRY(probe::in_namespace_of(target.net_namespace, open));
    }
    if (!*opened) { return tl::unexpected(std::move(*opened).error()); }
    sources_.push_back(std::move(**opened));
    return {};
}

Result<Capture::Source> Capture::open_source(const CaptureTarget& target) {
    Source source;
    source.target = target;
    if (!target.net_namespace.empty()) { source.inode = namespace_inode(target.net_namespace); }
    WARREN_ASSIGN(auto asking, nl::Socket::open());
    WARREN_ASSIGN(const auto links, dump_links(asking));
    int bound = 0;
    for (const auto& link : links) {
        if (link.name == target.interface) { bound = link.index; }
    }
    if (bound == 0 && !target.interface.empty()) {
        std::string known;
        for (const auto& link : links) { known += (known.empty() ? "" : ", ") + link.name; }
        return failure("capture on " + target.name + ":" + target.interface, "there is no such interface",
                       "there are " + known);
    }
    WARREN_ASSIGN(source.fd, open_frames(filter_.code(), bound));
    for (const auto& link : links) {
        const bool wanted = bound != 0 ? link.index == bound : (link.flags & IFF_LOOPBACK) == 0;
        if (wanted) { (void)interface_of(source, link.index); }
    }
    return source;
}

std::uint32_t Capture::interface_of(Source& source, int index) {
    const auto [found, added] =
        source.interfaces.try_emplace(index, static_cast<std::uint32_t>(interfaces_.size()));
    if (added) {
        // The socket's own namespace answers, whichever the caller is in.
        ifreq request{};
        request.ifr_ifindex = index;
        const bool known = ::ioctl(source.fd.get(), SIOCGIFNAME, &request) == 0;
        interfaces_.push_back(
            source.target.name + ":" +
            (known ? std::string(static_cast<const char*>(request.ifr_name)) : fmt::format("interface {}", index)));
    }
    return found->second;
}

void Capture::take(Source& source, msghdr& message, std::size_t size) {
    const auto* from = static_cast<const sockaddr_ll*>(message.msg_name);
    const bool loopback = from->sll_hatype == ARPHRD_LOOPBACK;
    if (from->sll_hatype != ARPHRD_ETHER && !loopback) { return; }  // tunnels: no Ethernet frames
    if (loopback && source.target.interface.empty()) { return; }
    CapturedFrame frame;
    frame.length = size;
    frame.outgoing = from->sll_pkttype == PACKET_OUTGOING;
    std::optional<std::pair<std::uint16_t, std::uint16_t>> tag;  // TPID, TCI
    for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
            timespec time{};
            std::memcpy(&time, CMSG_DATA(part), sizeof time);
            frame.time = std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
        } else if (part->cmsg_level == SOL_PACKET && part->cmsg_type == PACKET_AUXDATA) {
            tpacket_auxdata more{};
            std::memcpy(&more, CMSG_DATA(part), sizeof more);
            frame.length = more.tp_len;
            if ((more.tp_status & TP_STATUS_VLAN_VALID) != 0) {
                const bool given = (more.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
                tag = {given ? more.tp_vlan_tpid : std::uint16_t{ETH_P_8021Q}, more.tp_vlan_tci};
            }
        }
    }
    if (frame.time.count() == 0) { frame.time = now(); }
    frame.bytes.assign(buffer_.begin(),
                       buffer_.begin() + static_cast<std::ptrdiff_t>(std::min(size, buffer_.size())));
    // The kernel took it out of the frame.
    if (tag && frame.bytes.size() >= kTagAt) {
        const std::uint16_t words[] = {htons(tag->first), htons(tag->second)};
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(&words);
        frame.bytes.insert(frame.bytes.begin() + kTagAt, bytes, bytes + sizeof words);
        frame.length += sizeof words;
        if (frame.bytes.size() > snaplen_) { frame.bytes.resize(snaplen_); }
    }
    if (!filter_.matches(frame.bytes.data(), frame.bytes.size(), frame.length)) { return; }
    frame.interface = interface_of(source, from->sll_ifindex);
    pending_.push_back(std::move(frame));
}

std::optional<nanoseconds> Capture::drain(Source& source) {
    for (int i = 0; i < kRound;) {
        alignas(cmsghdr) char control[256];
        sockaddr_ll from{};
        iovec part{buffer_.data(), buffer_.size()};
        msghdr message{};
        message.msg_name = &from;
        message.msg_namelen = sizeof from;
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        const auto got = ::recvmsg(source.fd.get(), &message, 0);
        if (got >= 0) {
            take(source, message, static_cast<std::size_t>(got));
            ++i;
        } else if (errno != EINTR && errno != ENETDOWN) {  // the latter is told once, before what comes after it
            return std::nullopt;
        } else if (errno == ENETDOWN) {
            ++i;
        }
    }
    return pending_.empty() ? std::nullopt : std::optional(pending_.back().time);
}

void Capture::count(const Source& source) {
    tpacket_stats stats{};
    socklen_t size = sizeof stats;
    // Reading sets it to 0.
    if (::getsockopt(source.fd.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &size) != 0) { return; }
    counts_.received += stats.tp_packets;
    counts_.dropped += stats.tp_drops;
}

CaptureCounts Capture::counts() {
    for (const auto& source : sources_) { count(source); }
    return counts_;
}

// A socket would keep the namespace, and its links, alive.
void Capture::forget_gone() {
    for (auto source = sources_.begin(); source != sources_.end();) {
        const bool ended = source->inode != 0 && namespace_inode(source->target.net_namespace) != source->inode;
        if (!ended && !lost_its_interface(source->fd)) {
            ++source;
            continue;
        }
        (void)drain(*source);
        count(*source);
        source = sources_.erase(source);
    }
}

Result<bool> Capture::hand_over(const Sink& sink, bool all) {
    nanoseconds settled = now() - kSettled;
    for (auto& source : sources_) {
        if (const auto last = drain(source)) { settled = std::min(settled, *last); }
    }
    std::stable_sort(pending_.begin(), pending_.end(),
                     [](const CapturedFrame& a, const CapturedFrame& b) { return a.time < b.time; });
    const auto end = all ? pending_.end()
                         : std::partition_point(pending_.begin(), pending_.end(),
                                                [&](const auto& f) { return f.time <= settled; });
    if (end == pending_.begin()) { return true; }
    const std::vector<CapturedFrame> batch(std::make_move_iterator(pending_.begin()), std::make_move_iterator(end));
    pending_.erase(pending_.begin(), end);
    return sink(batch);
}

Result<void> Capture::run(const Sink& sink, int stop, std::optional<Clock::time_point> until) {
    const Fd names(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (names.valid()) { (void)::inotify_add_watch(names.get(), kNetnsDirectory, IN_DELETE); }
    forget_gone();
    bool over = false;
    while (!over && !sources_.empty()) {
        std::vector<pollfd> fds{{stop, POLLIN, 0}, {names.get(), POLLIN, 0}};
        for (const auto& source : sources_) { fds.push_back({source.fd.get(), POLLIN, 0}); }
        auto timeout = pending_.empty() ? -1 : static_cast<int>(kSettled.count());
        if (until) {
            const int left = probe::milliseconds_until(*until);
            timeout = timeout < 0 ? left : std::min(timeout, left);
        }
        if (::poll(fds.data(), fds.size(), timeout) < 0 && errno != EINTR) {
            return errno_failure("wait for frames");
        }
        over = fds[0].revents != 0 || (until && Clock::now() >= *until);
        WARREN_ASSIGN(const bool more, hand_over(sink, over));
        over = over || !more;
        const bool names_changed = fds[1].revents != 0;
        if (names_changed) {
            alignas(inotify_event) char events[4096];
            while (::read(names.get(), events, sizeof events) > 0) {}
        }
        const bool errors =
            std::any_of(fds.begin() + 2, fds.end(), [](const pollfd& fd) { return (fd.revents & POLLERR) != 0; });
        if (names_changed || errors) { forget_gone(); }
    }
    if (sources_.empty()) { WARREN_TRY(hand_over(sink, true)); }
    return {};
}

}  // namespace warren
