#include "services/keeper_protocol.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren {
namespace {

using ::testing::HasSubstr;

Process dnsmasq() {
    Process process;
    process.host = "dhcp-r";
    process.name = "dnsmasq";
    process.net_namespace = "dhcp-r";
    process.role = ProcessRole::dhcp_server;
    process.device = "tap-r";
    process.network = "red-net";
    process.command = {"/usr/sbin/dnsmasq", "--x=\"quoted\"\n", "\xff\xfe", ""};
    process.environment = {"A=b"};
    process.reload_files = {"/run/a"};
    process.restart_files = {"/run/b", "/run/c"};
    process.restart = Restart::on_failure;
    process.own_etc = true;
    return process;
}

TEST(KeeperProtocol, RequestsComeBackAsTheyWere) {
    const std::string line = encode(KeeperRequest{KeeperRequest::Verb::stop, {dnsmasq(), Process{}}});
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto request = decode_request(line);
    ASSERT_TRUE(request) << request.error().message();
    EXPECT_EQ(request->verb, KeeperRequest::Verb::stop);
    ASSERT_EQ(request->processes.size(), 2U);
    EXPECT_EQ(request->processes[0], dnsmasq());
    EXPECT_EQ(request->processes[1], Process{});
}

TEST(KeeperProtocol, AnswersCarryErrorsWhole) {
    const Error error{"start dnsmasq in dhcp-r", 98, "it\nsaid no", "try this", Error::Kind::lacking};
    Process running = dnsmasq();
    running.pid = 4711;
    running.status = "running";
    const auto answer = decode_answer(encode(KeeperAnswer{error, {running}}));
    ASSERT_TRUE(answer) << answer.error().message();
    ASSERT_TRUE(answer->error);
    EXPECT_EQ(answer->error->attempt, error.attempt);
    EXPECT_EQ(answer->error->code, 98);
    EXPECT_EQ(answer->error->reason, error.reason);
    EXPECT_EQ(answer->error->hint, error.hint);
    EXPECT_EQ(answer->error->kind, Error::Kind::lacking);
    EXPECT_EQ(answer->processes, std::vector{running});
}

TEST(KeeperProtocol, RecordsComeBackWithoutWhatWasOnlySeen) {
    Process seen = dnsmasq();
    seen.pid = 12;
    seen.status = "running";
    const ProcessRecord record{seen, ProcessRecord::Phase::ended, {4711, 1234567890123ULL}, "exited 3"};
    const auto read = decode_record(encode(record), "/x");
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->process, dnsmasq());
    EXPECT_EQ(read->phase, ProcessRecord::Phase::ended);
    EXPECT_EQ(read->id, (ProcessId{4711, 1234567890123ULL}));
    EXPECT_EQ(read->status, "exited 3");
}

TEST(KeeperProtocol, EveryTornRecordIsRefused) {
    const std::string whole = encode(ProcessRecord{dnsmasq(), ProcessRecord::Phase::running, {1, 2}, ""});
    for (std::size_t length = 0; length + 1 < whole.size(); ++length) {  // all but the newline is needed
        const auto read = decode_record(whole.substr(0, length), "/run/warren/lab/processes/a:b.json");
        ASSERT_FALSE(read) << length;
        EXPECT_THAT(read.error().message(), HasSubstr("/run/warren/lab/processes/a:b.json"));
    }
}

TEST(KeeperProtocol, RecordsThatAreNotAsTheyMustBeAreRefusedByName) {
    std::string text = encode(ProcessRecord{dnsmasq(), ProcessRecord::Phase::running, {1, 2}, ""});
    const auto with = [&](const std::string& what, const std::string& instead) {
        std::string changed = text;
        changed.replace(changed.find(what), what.size(), instead);
        const auto read = decode_record(changed, "/x");
        return read ? std::string("taken") : read.error().message();
    };
    EXPECT_THAT(with("\"dhcp-server\"", "\"dhcp\""), HasSubstr("\"role\""));
    EXPECT_THAT(with("\"start\":2", "\"start\":-2"), HasSubstr("\"start\""));
    EXPECT_THAT(with("\"own_etc\"", "\"own_Etc\""), HasSubstr("\"own_etc\""));
    EXPECT_THAT(with("\"format\":1", "\"format\":2"), HasSubstr("format 2"));
    EXPECT_EQ(with("\"format\":1", "\"format\":1"), "taken");
    EXPECT_FALSE(decode_record("[]", "/x"));
    EXPECT_FALSE(decode_request("{\"verb\":\"fly\",\"processes\":[]}"));
    EXPECT_FALSE(decode_request("{\"verb\":\"list\"}"));
}

}  // namespace
}  // namespace warren
