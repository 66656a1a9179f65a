// The result of a transfer.
#include "views/throughput.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace warren {
namespace {

namespace json = boost::json;

Transfer transfer(bool udp) {
    Transfer one{"lab", "a", "b", "10.0.0.2", udp, 2, {}};
    one.result.seconds = 2;
    one.result.sending_seconds = 2;
    one.result.bytes = 250'000'000;
    one.result.sent = 1000;
    one.result.received = 890;
    one.result.arrived = 900;
    return one;
}

TEST(TransferText, IsATable) {
    EXPECT_EQ(transfer_text(transfer(false)),
              "from  to  protocol  flows  seconds  received  rate\n"
              "a     b   TCP       2      2.00     250 MB    1 Gbit/s\n");
    EXPECT_EQ(transfer_text(transfer(true)),
              "from  to  protocol  flows  seconds  received  rate      packets/s  sent  lost\n"
              "a     b   UDP       2      2.00     250 MB    1 Gbit/s  445        1000  10 %\n");
}

TEST(TransferJson, HasLossForUdpAlone) {
    const auto tcp = json::parse(transfer_json(transfer(false)));
    EXPECT_DOUBLE_EQ(tcp.at("gbit_per_second").to_number<double>(), 1);
    EXPECT_EQ(tcp.at("bytes").to_number<int>(), 250'000'000);
    EXPECT_FALSE(tcp.as_object().contains("loss"));
    const auto udp = json::parse(transfer_json(transfer(true)));
    EXPECT_DOUBLE_EQ(udp.at("loss").to_number<double>(), 0.1);
    EXPECT_EQ(udp.at("packets_received").to_number<int>(), 900);
}

}  // namespace
}  // namespace warren
