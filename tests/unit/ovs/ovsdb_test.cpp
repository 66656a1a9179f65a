// The protocol against a server that misbehaves in every way a stream can.
#include "ovs/ovsdb.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "fake_server.hpp"

namespace warren::ovs {
namespace {

using namespace std::chrono_literals;
using test::FakeServer;

std::vector<Operation> operations(std::size_t count) {
    std::vector<Operation> list(count);
    for (std::size_t i = 0; i < count; ++i) {
        list[i].body = {{"op", "comment"}, {"comment", "x"}};
        list[i].attempt = "do operation " + std::to_string(i);
    }
    return list;
}

TEST(Ovsdb, AnswerCutAtEveryByte) {
    const std::string text = R"({"id":1,"error":null,"result":["a\"}{é",{"b":[1,2,"]"]}]})"
                             "\n";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        FakeServer server;
        Client client(server.take_client_end(), "fake");
        server.run([&] {
            (void)server.receive(1);
            server.put(text.substr(0, cut));
            std::this_thread::sleep_for(1ms);
            server.put(text.substr(cut));
        });
        const auto result = client.call("any", {}, 2s);
        ASSERT_TRUE(result) << "cut at " << cut << ": " << result.error().message();
        EXPECT_EQ(*result, json::parse(R"(["a\"}{é",{"b":[1,2,"]"]}])"));
        server.join();
        server.run([] {});
    }
}

TEST(Ovsdb, OneByteAtATime) {
    FakeServer server;
    Client client(server.take_client_end(), "fake");
    server.run([&] {
        (void)server.receive(1);
        for (const char c :
             std::string(R"( {"method":"echo","params":["x"],"id":"e"} {"id":1,"result":7,"error":null})")) {
            server.put(std::string(1, c));
        }
    });
    const auto result = client.call("any", {}, 2s);
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(*result, json::value(7));
}

TEST(Ovsdb, SeveralMessagesInOneRead) {
    FakeServer server;
    Client client(server.take_client_end(), "fake");
    server.put(
        R"({"id":1,"error":null,"result":{"T":{"u":{"new":{"n":0}}}}})"
        R"({"method":"update","params":["m",{"T":{"u":{"new":{"n":1}}}}],"id":null})"
        R"({"method":"locked","params":["l"],"id":null}{"method":"update","params":["other",{}],"id":null})"
        R"({"method":"echo","params":["probe",[1]],"id":"echo"})"
        R"({"method":"update","params":["m",{"T":{"u":{"new":{"n":2}}}}],"id":null}{"id":99,"result":1,"error":null})");
    const auto initial = client.monitor("m", {}, 2s);
    ASSERT_TRUE(initial) << initial.error().message();
    EXPECT_EQ(json::serialize(*initial), R"({"T":{"u":{"new":{"n":0}}}})");
    for (const char* expected : {R"({"T":{"u":{"new":{"n":1}}}})", R"({"T":{"u":{"new":{"n":2}}}})"}) {
        const auto update = client.next_update("m", 2s);
        ASSERT_TRUE(update && *update);
        EXPECT_EQ(json::serialize(**update), expected);
    }
    const auto none = client.next_update("m", 20ms);
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
    const std::string sent = server.receive(100000);
    EXPECT_NE(sent.find(R"({"result":["probe",[1]],"error":null,"id":"echo"})"), std::string::npos) << sent;
}

TEST(Ovsdb, ErrorOfAnOperationIsNamed) {
    FakeServer server;
    Client client(server.take_client_end(), "fake");
    server.put(
        R"({"id":1,"error":null,"result":[{},{"error":"constraint violation","details":"no such key"},null]})");
    std::string refused;
    const auto result = client.transact(operations(3), "do all", 2s, &refused);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message(), "cannot do operation 1: constraint violation: no such key");
    EXPECT_EQ(refused, "constraint violation");
}

TEST(Ovsdb, ErrorAtCommitAndUnmetWait) {
    FakeServer server;
    Client client(server.take_client_end(), "fake");
    server.put(R"({"id":1,"error":null,"result":[{},{"error":"referential integrity violation","details":"d"}]})");
    auto result = client.transact(operations(1), "do all", 2s);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message(), "cannot do all: referential integrity violation: d");
    server.put(R"({"id":2,"error":null,"result":[{"error":"timed out","details":"where"}]})");
    auto wait = operations(1);
    wait[0].unmet = "it is gone";
    result = client.transact(std::move(wait), "do all", 2s);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message(), "cannot do operation 0: it is gone");
    server.put(R"({"id":3,"error":{"error":"unknown database","details":"X"},"result":null})");
    std::string refused;
    result = client.transact(operations(1), "do all", 2s, &refused);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message(), "cannot do all: ask fake for transact: unknown database: X");
    EXPECT_EQ(refused, "");
    server.put(R"({"id":4,"error":"\"x\" is no command\n","result":null})");
    const auto control = client.call("x", {}, 2s);
    ASSERT_FALSE(control);
    EXPECT_NE(control.error().reason.find("is no command"), std::string::npos);
}

TEST(Ovsdb, ClosedAndSilentAndGarbage) {
    {
        FakeServer server;
        Client client(server.take_client_end(), "fake");
        server.put(R"({"id":1,"resu)");
        server.close();
        for (int again = 0; again < 2; ++again) {
            const auto result = client.call("any", {}, 2s);
            ASSERT_FALSE(result);
            EXPECT_EQ(result.error().message(), "cannot talk to fake: the other side closed the connection");
        }
    }
    {
        FakeServer server;
        Client client(server.take_client_end(), "fake");
        const auto begin = std::chrono::steady_clock::now();
        const auto result = client.call("any", {}, 50ms);
        const auto took = std::chrono::steady_clock::now() - begin;
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().message(), "cannot ask fake for any: no answer within 50 ms");
        EXPECT_GE(took, 50ms);
        EXPECT_LT(took, 1s);
        // The late answer is not taken for that of the next request.
        server.put(R"({"id":1,"result":"late","error":null}{"id":2,"result":"mine","error":null})");
        const auto next = client.call("any", {}, 2s);
        ASSERT_TRUE(next) << next.error().message();
        EXPECT_EQ(*next, json::value("mine"));
    }
    for (const char* garbage : {"HTTP/1.1 400 Bad Request\r\n", "[1,2]", R"({"id":1,,})"}) {
        FakeServer server;
        Client client(server.take_client_end(), "fake");
        server.put(garbage);
        const auto result = client.call("any", {}, 2s);
        ASSERT_FALSE(result) << garbage;
        EXPECT_NE(result.error().reason.find("not "), std::string::npos) << result.error().message();
    }
}

// Whatever follows an answer on the stream, and in the same read or the next.
TEST(Ovsdb, AnAnswerStandsWhateverFollowsIt) {
    const std::string answer = R"({"id":1,"result":"first","error":null})";
    for (const char* next : {"", R"({"id":1,"result":"second","error":null})", "garbage",
                             R"({"method":"echo","params":[],"id":"e"})"}) {
        FakeServer server;
        Client client(server.take_client_end(), "fake");
        server.put(answer + next);
        server.close();
        const auto result = client.call("any", {}, 2s);
        ASSERT_TRUE(result) << next << ": " << result.error().message();
        EXPECT_EQ(*result, json::value("first")) << next;
        EXPECT_FALSE(client.call("any", {}, 2s)) << next;
    }
}

TEST(Ovsdb, MegabytesBothWaysAtOnce) {
    // The server answers with 16 MB before it reads the request of 16 MB: who only wrote would wait for ever.
    FakeServer server;
    Client client(server.take_client_end(), "fake");
    const std::size_t size = 16U << 20U;
    const std::string answer = R"({"id":1,"error":null,"result":")" + std::string(size, 'b') + "\"}";
    std::string got;
    server.run([&] {
        server.put(answer);
        got = server.receive(size, 60s);
    });
    const auto result = client.call("any", list(std::string(size, 'a')), 60s);
    server.join();
    server.run([] {});
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(result->get_string().size(), size);
    EXPECT_GE(got.size(), size);
}

TEST(Ovsdb, LockOfOneWhoIsGoneIsNotHeld) {
    const std::string granted = R"({"method":"locked","params":["l"],"id":null})";
    for (const bool gone : {false, true}) {
        FakeServer server;
        Client client(server.take_client_end(), "fake");
        server.run([&] {
            (void)server.receive(1);
            server.put(R"({"id":1,"error":null,"result":{"locked":false}})");
            (void)server.receive(1);
            server.put((gone ? granted : "") + R"({"id":2,"error":null,"result":[]})");
            EXPECT_NE(server.receive(1).find("unlock"), std::string::npos);
            server.put(R"({"id":3,"error":null,"result":{}})");
        });
        const auto held = client.lock_held("l", 2s);
        server.join();
        server.run([] {});
        ASSERT_TRUE(held) << held.error().message();
        EXPECT_EQ(*held, !gone);
    }
}

TEST(Ovsdb, ConnectFails) {
    const auto none = Client::connect("/nonexistent/db.sock", 100ms);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ENOENT);
    EXPECT_EQ(none.error().attempt, "connect to /nonexistent/db.sock");
}

TEST(Ovsdb, Columns) {
    const json::value value = json::parse(
        R"({"one":5,"none":["set",[]],"many":["set",[3,1]],"name":"x","ref":["uuid","u1"],)"
        R"("refs":["set",[["uuid","u1"],["uuid","u2"]]],"map":["map",[["a","1"],["b","2"]]],"on":true})");
    const json::object& row = value.get_object();
    EXPECT_EQ(integer_of(row, "one"), 5);
    EXPECT_EQ(integer_of(row, "none"), std::nullopt);
    EXPECT_EQ(integer_of(row, "absent"), std::nullopt);
    EXPECT_EQ(integers_of(row, "many"), (std::vector<std::int64_t>{3, 1}));
    EXPECT_EQ(text_of(row, "name"), "x");
    EXPECT_EQ(text_of(row, "none"), "");
    EXPECT_EQ(uuids_of(row, "ref"), (std::vector<std::string>{"u1"}));
    EXPECT_EQ(uuids_of(row, "refs"), (std::vector<std::string>{"u1", "u2"}));
    EXPECT_EQ(map_from(row, "map"), (std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}}));
    EXPECT_TRUE(bool_of(row, "on"));
    EXPECT_EQ(json::serialize(set_of({})), R"(["set",[]])");
    EXPECT_EQ(json::serialize(map_of({{"k", "v"}})), R"(["map",[["k","v"]]])");
    EXPECT_EQ(json::serialize(where_uuid("u")), R"([["_uuid","==",["uuid","u"]]])");
}

}  // namespace
}  // namespace warren::ovs
