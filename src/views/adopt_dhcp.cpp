// Reads dnsmasq's dhcp-range, dhcp-option and dhcp-host (dnsmasq(8)). Called by adopt.cpp.
#include "views/adopt_dhcp.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include <fmt/format.h>

namespace warren {
namespace {

constexpr std::uint8_t kRouter = 3;
constexpr std::uint8_t kDnsServer = 6;

std::vector<std::string> parts_of(const std::string& text) {
    std::vector<std::string> parts;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, ',');) {
        const std::size_t first = part.find_first_not_of(' ');
        const std::size_t last = part.find_last_not_of(' ');
        parts.push_back(first == std::string::npos ? "" : part.substr(first, last - first + 1));
    }
    return parts;
}

// "1h", "45m", "3600"
std::optional<std::chrono::seconds> lease_time(const std::string& text) {
    std::uint32_t count = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
    if (read.ec != std::errc{} || read.ptr == text.data()) { return std::nullopt; }
    const std::string unit(read.ptr, text.data() + text.size());
    static const std::map<std::string, std::uint32_t> kUnits{{"", 1},     {"s", 1},     {"m", 60},
                                                             {"h", 3600}, {"d", 86400}, {"w", 604800}};
    const auto found = kUnits.find(unit);
    if (found == kUnits.end()) { return std::nullopt; }
    return std::chrono::seconds(std::uint64_t{count} * found->second);
}

std::optional<std::uint8_t> option_code(const std::string& text) {
    static const std::map<std::string, std::uint8_t> kNames{{"router", kRouter},
                                                            {"dns-server", kDnsServer},
                                                            {"domain-name", 15},
                                                            {"mtu", 26},
                                                            {"ntp-server", 42},
                                                            {"domain-search", 119},
                                                            {"classless-static-route", 121}};
    if (text.starts_with("option:")) {
        const auto found = kNames.find(text.substr(7));
        return found == kNames.end() ? std::nullopt : std::optional(found->second);
    }
    unsigned code = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), code);
    const bool whole = read.ec == std::errc{} && read.ptr == text.data() + text.size();
    return whole && code > 0 && code < 255 ? std::optional(static_cast<std::uint8_t>(code)) : std::nullopt;
}

class Reader {
public:
    Reader(const SurveyedProcess& server, std::string device, const Prefix& address)
        : server_(server), device_(std::move(device)), address_(address) {}

    std::optional<ReadServer> run() {
        out_.dhcp.address = address_;
        // Without an option of its own dnsmasq names itself as the router.
        out_.dhcp.gateway = address_.address;
        int ranges = 0;
        for (const auto& [key, value] : server_.settings) {
            if (key == "interface" && value != device_ && value != "lo") { return std::nullopt; }
            if (key == "dhcp-relay" || key == "enable-tftp") { return std::nullopt; }
            if (key == "dhcp-range" && (++ranges > 1 || !read_range(value))) { return std::nullopt; }
            if (key == "dhcp-option" || key == "dhcp-option-force") { read_option(key, value); }
            if (key == "dhcp-host") { read_host(value); }
        }
        if (ranges == 0) { return std::nullopt; }
        // That it names itself is what it does by itself.
        if (out_.dhcp.dns == std::vector<IpAddress>{address_.address}) { out_.dhcp.dns.clear(); }
        return std::move(out_);
    }

private:
    bool read_range(const std::string& text) {
        const auto parts = parts_of(text);
        if (parts.size() < 2) { return false; }
        const auto first = IpAddress::parse(parts[0]);
        const auto last = IpAddress::parse(parts[1]);
        if (!first || !last || !address_.contains(*first) || !address_.contains(*last)) { return false; }
        const AddressRange range{*first, *last};
        const bool own = !(address_.address < range.first) && !(range.last < address_.address);
        if (!first->is_v4() || own || range.last < range.first) { return false; }
        out_.dhcp.range = range;
        for (std::size_t i = 2; i < parts.size(); ++i) {
            if (IpAddress::parse(parts[i])) { continue; }  // netmask, broadcast address
            const auto time = lease_time(parts[i]);
            if (!time) { return false; }
            constexpr std::chrono::seconds kLeast{120};  // dnsmasq's own
            if (*time != std::chrono::hours(1)) { out_.dhcp.lease_time = std::max(*time, kLeast); }
        }
        return true;
    }

    void read_option(const std::string& key, const std::string& text) {
        const std::size_t comma = text.find(',');
        const auto code = option_code(text.substr(0, comma));
        const std::string value = comma == std::string::npos ? "" : text.substr(comma + 1);
        if (!code) {
            leave_out(key, text);
            return;
        }
        if (*code == kRouter) {
            out_.dhcp.gateway = IpAddress::parse(value);
            if (!value.empty() && !out_.dhcp.gateway) { leave_out(key, text); }
        } else if (*code == kDnsServer) {
            out_.dhcp.dns.clear();
            for (const auto& part : parts_of(value)) {
                if (const auto address = IpAddress::parse(part)) { out_.dhcp.dns.push_back(*address); }
            }
        } else {
            out_.dhcp.options[*code] = value;
        }
    }

    void read_host(const std::string& text) {
        std::optional<MacAddress> mac;
        std::optional<IpAddress> address;
        for (const auto& part : parts_of(text)) {
            if (!mac) { mac = MacAddress::parse(part); }
            if (!address) { address = IpAddress::parse(part); }
        }
        if (mac && address) {
            out_.reservations.emplace_back(*mac, *address);
        } else {
            leave_out("dhcp-host", text);
        }
    }

    void leave_out(const std::string& key, const std::string& value) {
        out_.remarks.push_back(fmt::format("dnsmasq's --{}={} is left out", key, value));
    }

    const SurveyedProcess& server_;
    const std::string device_;
    const Prefix address_;
    ReadServer out_;
};

}  // namespace

std::optional<ReadServer> read_server(const SurveyedProcess& server, const std::string& device,
                                      const Prefix& address) {
    return Reader(server, device, address).run();
}

}  // namespace warren
