// The table of `top`.
#include "views/top.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace warren {
namespace {

namespace json = boost::json;
using probe::WireRates;
using testing::ElementsAre;

WireRates link(const std::string& host, double rx, double tx) {
    WireRates rates;
    rates.wire = {{host, false, "eth0", host, 2}, {"br0", true, "p-" + host, "", 3}};
    rates.rx_bits = rx;
    rates.tx_bits = tx;
    rates.rx_packets = rx / 800;
    rates.tx_packets = tx / 800;
    rates.a = Counters{1, 2, 3, 4, 5, 6, 7};
    return rates;
}

TEST(TopText, HasOneLineForEachLink) {
    TopView view{"t", 1.002, {link("a", 1'234'567, 0), link("long-name", 12'345, 999'600'000)}};
    view.links[1].drops = 12;
    EXPECT_EQ(top_text(view, false),
              "lab t: 2 links in 1 s, rx is what comes to the end named first\n"
              "link                              rx bit/s  tx bit/s  rx packets/s  tx packets/s  drops  errors\n"
              "a:eth0 - br0:p-a                    1.23 M         0        1.54 k             0      0       0\n"
              "long-name:eth0 - br0:p-long-name    12.3 k    1.00 G          15.4        1.25 M     12       0\n");
    const std::string with_arrows = top_text(view, true);
    EXPECT_THAT(with_arrows, testing::HasSubstr("a:eth0 ↔ br0:p-a                    1.23 M"));
}

TEST(TopText, SaysThatThereIsNoLink) {
    EXPECT_EQ(top_text({"t", 1, {}}, false),
              "lab t: 0 links in 1 s, rx is what comes to the end named first\n"
              "link  rx bit/s  tx bit/s  rx packets/s  tx packets/s  drops  errors\n");
}

TEST(TopJson, NamesBothEndsAndTheirCounters) {
    TopView view{"t", 2, {link("a", 800, 1600)}};
    view.links[0].errors = 1;
    const std::string text = top_json(view);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    const auto one = json::parse(text).at("links").at(0);
    EXPECT_EQ(one.at("ends").at(0).at("host"), "a");
    EXPECT_EQ(one.at("ends").at(0).at("interface"), "eth0");
    EXPECT_EQ(one.at("ends").at(0).at("counters").at("tx_packets").to_number<int>(), 4);
    EXPECT_EQ(one.at("ends").at(0).at("counters").at("drops").to_number<int>(), 11);
    EXPECT_EQ(one.at("ends").at(1).at("switch"), "br0");
    EXPECT_EQ(one.at("ends").at(1).at("port"), "p-a");
    EXPECT_TRUE(one.at("ends").at(1).at("counters").is_null());
    EXPECT_EQ(one.at("rx_bit_per_second").to_number<double>(), 800);
    EXPECT_EQ(one.at("tx_packets_per_second").to_number<double>(), 2);
    EXPECT_EQ(one.at("errors").to_number<int>(), 1);
}

TEST(TopOrder, IsTheMostFirstAndThenByName) {
    std::vector<WireRates> links{link("b", 10, 0), link("a", 10, 0), link("c", 5, 100), link("d", 0, 0)};
    links[3].drops = 1;
    const auto sorted = [&](TopOrder order) {
        sort_links(links, order);
        std::vector<std::string> names;
        for (const auto& one : links) { names.push_back(one.wire.a.owner); }
        return names;
    };
    EXPECT_THAT(sorted(TopOrder::rate), ElementsAre("c", "a", "b", "d"));
    EXPECT_THAT(sorted(TopOrder::rx), ElementsAre("a", "b", "c", "d"));
    EXPECT_THAT(sorted(TopOrder::tx), ElementsAre("c", "a", "b", "d"));
    EXPECT_THAT(sorted(TopOrder::packets), ElementsAre("c", "a", "b", "d"));
    EXPECT_THAT(sorted(TopOrder::drops), ElementsAre("d", "a", "b", "c"));
    EXPECT_THAT(sorted(TopOrder::name), ElementsAre("a", "b", "c", "d"));
}

}  // namespace
}  // namespace warren
