// Reads dnsmasq's lease file. Called by the engine, by check, and by the verbs that show leases.
#include "services/lease_file.hpp"

#include <charconv>
#include <optional>

namespace warren {
namespace {

// Cuts the first word off LINE.
std::string_view take_word(std::string_view& line) {
    const auto first = line.find_first_not_of(' ');
    line.remove_prefix(first == std::string_view::npos ? line.size() : first);
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    return word;
}

std::optional<Lease> parse_line(std::string_view line) {
    const std::string_view expiry = take_word(line);
    // A hardware type other than Ethernet stands before the address, as "06-"; such a one is not ours.
    const auto mac = MacAddress::parse(take_word(line));
    const auto address = IpAddress::parse(take_word(line));
    const std::string_view host = take_word(line);
    const std::string_view client = take_word(line);
    Lease lease;
    const auto [end, fault] = std::from_chars(expiry.data(), expiry.data() + expiry.size(), lease.expiry);
    if (fault != std::errc{} || end != expiry.data() + expiry.size() || lease.expiry < 0) { return std::nullopt; }
    if (!mac || !address || !address->is_v4() || client.empty()) { return std::nullopt; }
    lease.mac = *mac;
    lease.address = *address;
    if (host != "*") { lease.host = host; }
    return lease;
}

}  // namespace

std::vector<Lease> parse_leases(std::string_view text) {
    std::vector<Lease> leases;
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) { break; }  // torn: the rest of the line is still to be written
        if (auto lease = parse_line(text.substr(0, end))) { leases.push_back(std::move(*lease)); }
        text.remove_prefix(end + 1);
    }
    return leases;
}

}  // namespace warren
