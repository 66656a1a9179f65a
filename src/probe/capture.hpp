// Frames on interfaces in many network namespaces, in the order in which they passed: packet sockets opened within, one
// event loop. Both directions are seen. Sent frames are as the interface gets them: checksums and segments that hardware
// would make are not made yet.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "probe/pcap_filter.hpp"

namespace warren {

struct CaptureTarget {
    std::string name;           // of the host or switch, as interfaces are named: NAME:INTERFACE
    std::string net_namespace;  // "" the caller's
    std::string interface;      // "": all, but the loopback; those that come later too
};

struct CapturedFrame {
    std::uint32_t interface = 0;       // index in Capture::interfaces()
    std::chrono::nanoseconds time{0};  // since 1970
    bool outgoing = false;
    std::size_t length = 0;  // of the frame; BYTES may be fewer
    std::vector<std::uint8_t> bytes;
};

struct CaptureCounts {
    std::uint64_t received = 0;  // what the kernel's filters let pass
    std::uint64_t dropped = 0;   // of those, what found no room in a socket's buffer
};

class Capture {
public:
    static constexpr std::uint32_t kLargestFrame = 262144;

    // FILTER: pcap-filter(7), "" everything. SNAPLEN: so many bytes of each frame, at most kLargestFrame.
    [[nodiscard]] static Result<Capture> make(const std::string& filter, std::uint32_t snaplen);

    // From its return on every frame is kept, up to some megabytes a target until run() takes them.
    [[nodiscard]] Result<void> add(const CaptureTarget& target);

    // Hands over frames in batches, in time order across all targets, until SINK returns false, STOP (a descriptor) is
    // readable, UNTIL is past, or all that was captured is gone: a namespace that loses its name is not kept alive. No
    // frame that had come by then is left behind.
    using Sink = std::function<Result<bool>(const std::vector<CapturedFrame>& frames)>;
    [[nodiscard]] Result<void> run(const Sink& sink, int stop,
                                   std::optional<std::chrono::steady_clock::time_point> until);

    // Grows; names that are there stay.
    [[nodiscard]] const std::vector<std::string>& interfaces() const { return interfaces_; }
    [[nodiscard]] CaptureCounts counts();
    [[nodiscard]] bool all_gone() const { return sources_.empty(); }
    [[nodiscard]] std::uint32_t snaplen() const { return snaplen_; }

private:
    struct Source {
        CaptureTarget target;
        std::uint64_t inode = 0;  // of the namespace; 0: it has no name
        Fd fd;
        std::map<int, std::uint32_t> interfaces;  // ifindex → index in interfaces_
    };

    explicit Capture(probe::PcapFilter filter, std::uint32_t snaplen)
        : filter_(std::move(filter)), snaplen_(snaplen), buffer_(kLargestFrame + kRoomForTag) {}

    [[nodiscard]] Result<Source> open_source(const CaptureTarget& target);
    std::uint32_t interface_of(Source& source, int index);
    // The time of the last one where more was left in the socket.
    std::optional<std::chrono::nanoseconds> drain(Source& source);
    void take(Source& source, msghdr& message, std::size_t size);
    void forget_gone();
    void count(const Source& source);
    [[nodiscard]] Result<bool> hand_over(const Sink& sink, bool all);

    static constexpr std::size_t kRoomForTag = 4;
    probe::PcapFilter filter_;
    std::uint32_t snaplen_;
    std::vector<std::uint8_t> buffer_;
    std::vector<std::string> interfaces_;
    std::vector<Source> sources_;
    std::vector<CapturedFrame> pending_;
    CaptureCounts counts_;
};

}  // namespace warren
