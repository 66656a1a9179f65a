// The table of `top`.
#include "views/top.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace warren {
namespace {

namespace json = boost::json;
using probe::WireEnd;
using probe::WireRates;

double measure(const WireRates& link, TopOrder order) {
    switch (order) {
        case TopOrder::rate:
            return link.rx_bits + link.tx_bits;
        case TopOrder::rx:
            return link.rx_bits;
        case TopOrder::tx:
            return link.tx_bits;
        case TopOrder::packets:
            return link.rx_packets + link.tx_packets;
        case TopOrder::drops:
            return static_cast<double>(link.drops) + static_cast<double>(link.errors);
        case TopOrder::name:
            return 0;
    }
    return 0;
}

// "1.25 M", with powers of 1000 and three digits; "0" for nothing.
std::string scaled(double value) {
    static constexpr const char* kPrefixes[] = {"", " k", " M", " G", " T"};
    std::size_t which = 0;
    while (value >= 999.5 && which + 1 < std::size(kPrefixes)) {
        value /= 1000;
        ++which;
    }
    if (value == 0) { return "0"; }
    return fmt::format("{:.{}f}{}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, kPrefixes[which]);
}

std::string end_text(const WireEnd& end) { return end.owner + ":" + end.interface; }

json::object end_json(const WireEnd& end, const std::optional<Counters>& counters) {
    json::object object{{end.is_switch ? "switch" : "host", end.owner},
                        {end.is_switch ? "port" : "interface", end.interface}};
    if (!counters) {
        object["counters"] = nullptr;
        return object;
    }
    object["counters"] = json::object{{"rx_bytes", counters->rx_bytes},
                                      {"tx_bytes", counters->tx_bytes},
                                      {"rx_packets", counters->rx_packets},
                                      {"tx_packets", counters->tx_packets},
                                      {"drops", counters->dropped + counters->queue_dropped},
                                      {"errors", counters->errors}};
    return object;
}

}  // namespace

void sort_links(std::vector<WireRates>& links, TopOrder order) {
    std::sort(links.begin(), links.end(), [order](const WireRates& left, const WireRates& right) {
        const double more = measure(left, order);
        const double less = measure(right, order);
        if (more != less) { return more > less; }
        const auto name = [](const WireRates& link) {
            return std::tie(link.wire.a.owner, link.wire.a.interface, link.wire.b.owner, link.wire.b.interface);
        };
        return name(left) < name(right);
    });
}

std::string top_text(const TopView& view, bool unicode) {
    // Widths are bytes, so a cell's ARROW is put in when all are known.
    constexpr char kArrow = '\t';
    std::vector<std::array<std::string, 7>> rows;
    rows.push_back({"link", "rx bit/s", "tx bit/s", "rx packets/s", "tx packets/s", "drops", "errors"});
    for (const auto& link : view.links) {
        rows.push_back({end_text(link.wire.a) + ' ' + kArrow + ' ' + end_text(link.wire.b), scaled(link.rx_bits),
                        scaled(link.tx_bits), scaled(link.rx_packets), scaled(link.tx_packets),
                        std::to_string(link.drops), std::to_string(link.errors)});
    }
    std::array<std::size_t, 7> widths{};
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) { widths[i] = std::max(widths[i], row[i].size()); }
    }
    std::string text = fmt::format("lab {}: {} link{} in {:.3g} s, rx is what comes to the end named first\n",
                                   view.lab, view.links.size(), view.links.size() == 1 ? "" : "s", view.seconds);
    for (const auto& row : rows) {
        std::string line = fmt::format("{:<{}}", row[0], widths[0]);
        if (const auto arrow = line.find(kArrow); arrow != std::string::npos) {
            line.replace(arrow, 1, unicode ? "↔" : "-");
        }
        for (std::size_t i = 1; i < row.size(); ++i) { line += fmt::format("  {:>{}}", row[i], widths[i]); }
        text += line + "\n";
    }
    return text;
}

std::string top_json(const TopView& view) {
    json::array links;
    for (const auto& link : view.links) {
        links.push_back(json::object{{"ends", {end_json(link.wire.a, link.a), end_json(link.wire.b, link.b)}},
                                     {"rx_bit_per_second", link.rx_bits},
                                     {"tx_bit_per_second", link.tx_bits},
                                     {"rx_packets_per_second", link.rx_packets},
                                     {"tx_packets_per_second", link.tx_packets},
                                     {"drops", link.drops},
                                     {"errors", link.errors}});
    }
    return json::serialize(json::object{{"lab", view.lab}, {"seconds", view.seconds}, {"links", std::move(links)}});
}

}  // namespace warren
