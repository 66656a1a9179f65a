// Filters in pcap's syntax (pcap-filter(7)), compiled by libpcap. Internal to probe/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <linux/filter.h>

#include "base/error.hpp"

namespace warren::probe {

// For Ethernet frames. libpcap is loaded when the first expression is compiled, not at the program's start.
class PcapFilter {
public:
    // Lets everything pass, SNAPLEN bytes of each frame. An EXPRESSION that is wrong is an error of kind usage; no
    // libpcap on this machine is one of kind lacking.
    [[nodiscard]] static Result<PcapFilter> compile(const std::string& expression, std::uint32_t snaplen);

    // For SO_ATTACH_FILTER. Where in_kernel() is false this passes everything, and what has come is asked of
    // matches(): the kernel takes VLAN tags out of a frame before its filters see it.
    [[nodiscard]] const std::vector<sock_filter>& code() const { return code_; }
    [[nodiscard]] bool in_kernel() const { return program_ == nullptr; }
    [[nodiscard]] bool matches(const std::uint8_t* frame, std::size_t captured, std::size_t length) const;

private:
    std::vector<sock_filter> code_;
    std::shared_ptr<void> program_;
};

}  // namespace warren::probe
