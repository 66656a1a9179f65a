// nl::Socket against the kernel, in a network namespace of a thread's own: batches, refusals, dumps, and all of it
// with a receive buffer that holds next to nothing.
#include "linux/netlink.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <fmt/format.h>

#include "linux/link.hpp"

namespace warren {
namespace {

using testing::HasSubstr;

class NetlinkTest : public testing::Test {
protected:
    void TearDown() override { ::unsetenv("WARREN_NETLINK_BUFFER"); }

    // Runs BODY in a thread with a fresh network namespace.
    static void in_fresh_namespace(const std::function<void()>& body) {
        bool made = false;
        std::thread([&] {
            made = ::unshare(CLONE_NEWNET) == 0;
            if (made) { body(); }
        }).join();
        if (!made) { GTEST_SKIP() << "needs root, to make a network namespace"; }
    }
    static nl::Socket open() {
        auto socket = nl::Socket::open();
        if (!socket) { throw std::runtime_error(socket.error().message()); }
        return std::move(*socket);
    }
    static nl::Request pair(int number) {
        NewVethEnd a;
        NewVethEnd b;
        a.name = fmt::format("a{}", number);
        b.name = fmt::format("b{}", number);
        a.mac = MacAddress::derived(a.name);
        b.mac = MacAddress::derived(b.name);
        return {new_veth(a, b, 7), "make pair " + std::to_string(number)};
    }
    static std::set<std::string> names(nl::Socket& socket) {
        std::set<std::string> found;
        const auto links = dump_links(socket);
        EXPECT_TRUE(links) << links.error().message();
        for (const auto& link : *links) {
            EXPECT_TRUE(found.insert(link.name).second) << link.name << " is listed twice";
        }
        return found;
    }
};

class Netlink : public NetlinkTest, public testing::WithParamInterface<const char*> {
protected:
    void SetUp() override {
        if (*GetParam() != '\0') { ::setenv("WARREN_NETLINK_BUFFER", GetParam(), 1); }
    }
};

TEST_P(Netlink, ABatchTakesEffectWhole) {
    in_fresh_namespace([] {
        auto socket = open();
        constexpr int kPairs = 150;
        std::vector<nl::Request> requests;
        for (int i = 0; i < kPairs; ++i) { requests.push_back(pair(i)); }
        const auto refusals = socket.send(requests);
        ASSERT_TRUE(refusals) << refusals.error().message();
        EXPECT_TRUE(refusals->empty());
        EXPECT_EQ(names(socket).size(), 2U * kPairs + 1);
    });
}

TEST_P(Netlink, RefusalsNameTheirRequestsAndTheOthersTakeEffect) {
    in_fresh_namespace([] {
        auto socket = open();
        ASSERT_TRUE(socket.send(pair(0)));
        std::vector<nl::Request> requests;
        for (int i = 0; i < 200; ++i) {
            if (i % 2 == 0) {
                requests.push_back(pair(0));
            } else {
                requests.push_back(pair(i));
            }
        }
        const auto refusals = socket.send(requests);
        ASSERT_TRUE(refusals) << refusals.error().message();
        ASSERT_EQ(refusals->size(), 100U);
        for (std::size_t i = 0; i < refusals->size(); ++i) {
            EXPECT_EQ((*refusals)[i].index, 2 * i);
            EXPECT_EQ((*refusals)[i].error.code, EEXIST);
            EXPECT_THAT((*refusals)[i].error.message(), HasSubstr("cannot make pair 0: "));
        }
        EXPECT_EQ(names(socket).size(), 2U * 101 + 1);
    });
}

TEST_P(Netlink, AskingForOneThatIsNotThereIsARefusal) {
    in_fresh_namespace([] {
        auto socket = open();
        ASSERT_TRUE(socket.send(pair(0)));
        const auto found = find_link(socket, "a0");
        ASSERT_TRUE(found) << found.error().message();
        EXPECT_EQ(found->kind, "veth");
        const auto none = find_link(socket, "nothing");
        ASSERT_FALSE(none);
        EXPECT_EQ(none.error().code, ENODEV);
        EXPECT_TRUE(find_link(socket, "b0"));  // what came before left nothing behind in the socket
    });
}

// A list of links that changes while it is read is read again: what was there all the time is in it, once.
TEST_P(Netlink, ADumpThatIsInterruptedIsWhole) {
    in_fresh_namespace([] {
        auto socket = open();
        std::vector<nl::Request> requests;
        for (int i = 0; i < 60; ++i) { requests.push_back(pair(i)); }
        ASSERT_TRUE(socket.send(requests));
        std::atomic<bool> stop = false;
        std::thread churn([&stop] {
            auto own = nl::Socket::open();
            for (int i = 1000; own && !stop; ++i) {
                (void)own->send(pair(i));
                (void)own->send({delete_link(fmt::format("a{}", i)), "delete"});
            }
        });
        int restarts = 0;
        for (int round = 0; round < 200; ++round) {
            std::set<std::string> found;
            nl::Message message(RTM_GETLINK, NLM_F_DUMP);
            ifinfomsg header{};
            message.header(header);
            const auto dumped = socket.dump(
                std::move(message), "list links",
                [&](const nlmsghdr* answer) {
                    const auto link = parse_link(answer);
                    if (link.group == 7 && link.name.size() < 4) { EXPECT_TRUE(found.insert(link.name).second); }
                },
                [&] {
                    ++restarts;
                    found.clear();
                });
            ASSERT_TRUE(dumped) << dumped.error().message();
            EXPECT_EQ(found.size(), 120U);
        }
        stop = true;
        churn.join();
        RecordProperty("restarts", restarts);
        std::printf("dumps: 200, interrupted and asked again: %d\n", restarts);
    });
}

INSTANTIATE_TEST_SUITE_P(Buffer, Netlink, testing::Values("", "4096"), [](const auto& test) {
    return *test.param == '\0' ? std::string("AsItIs") : "Of" + std::string(test.param);
});

// A listener that is not read in time loses news, and is told so.
TEST_F(NetlinkTest, AListenerThatOverflowsIsTold) {
    ::setenv("WARREN_NETLINK_BUFFER", "4096", 1);
    in_fresh_namespace([] {
        auto listener = nl::Socket::open(NETLINK_ROUTE, RTMGRP_LINK);
        ASSERT_TRUE(listener) << listener.error().message();
        auto socket = open();
        std::vector<nl::Request> requests;
        for (int i = 0; i < 20; ++i) { requests.push_back(pair(i)); }
        ASSERT_TRUE(socket.send(requests));
        const auto drained = listener->drain([](const nlmsghdr*) {});
        ASSERT_FALSE(drained);
        EXPECT_EQ(drained.error().code, ENOBUFS);
        EXPECT_TRUE(listener->drain([](const nlmsghdr*) {}));
        EXPECT_TRUE(listener->drain([](const nlmsghdr*) {}));
    });
}

}  // namespace
}  // namespace warren
