// The result of `iperf`.
#include "views/throughput.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "views/show.hpp"

namespace warren {
namespace {

namespace json = boost::json;

// "1.25 GB", as iperf3 has them: powers of 1000 here.
std::string scaled(double value, const char* unit) {
    static constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T"};
    std::size_t which = 0;
    while (value >= 1000 && which + 1 < std::size(kPrefixes)) {
        value /= 1000;
        ++which;
    }
    return fmt::format("{:.3g} {}{}", value, kPrefixes[which], unit);
}

}  // namespace

std::string transfer_text(const Transfer& transfer) {
    const auto& result = transfer.result;
    std::vector<std::vector<std::string>> rows{
        {"from", "to", "protocol", "flows", "seconds", "received", "rate"},
        {transfer.from, transfer.to, transfer.udp ? "UDP" : "TCP", std::to_string(transfer.parallel),
         fmt::format("{:.2f}", result.seconds), scaled(static_cast<double>(result.bytes), "B"),
         scaled(result.gigabits() * 1e9, "bit/s")}};
    if (transfer.udp) {
        rows[0].insert(rows[0].end(), {"packets/s", "sent", "lost"});
        rows[1].insert(rows[1].end(), {scaled(result.rate(), ""), std::to_string(result.sent),
                                       fmt::format("{:.3g} %", 100 * result.loss())});
    }
    return table(rows);
}

std::string transfer_json(const Transfer& transfer) {
    const auto& result = transfer.result;
    json::object object{{"lab", transfer.lab},
                        {"from", transfer.from},
                        {"to", transfer.to},
                        {"address", transfer.address},
                        {"protocol", transfer.udp ? "udp" : "tcp"},
                        {"parallel", transfer.parallel},
                        {"seconds", result.seconds},
                        {"bytes", result.bytes},
                        {"gbit_per_second", result.gigabits()}};
    if (transfer.udp) {
        object["packets_sent"] = result.sent;
        object["packets_received"] = result.arrived;
        object["packets_per_second"] = result.rate();
        object["loss"] = result.loss();
    }
    return json::serialize(object);
}

}  // namespace warren
