// Records: whole or refused, never half-read.
#include "engine/record.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include <sys/wait.h>
#include <unistd.h>

namespace warren {
namespace {

class RecordTest : public testing::Test {
protected:
    void SetUp() override {
        char path[] = "/tmp/warren-record-XXXXXX";
        ASSERT_NE(::mkdtemp(path), nullptr);
        directory_ = path;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    static Record example() {
        Record record;
        record.lab = "tenants";
        record.file = "/tmp/tenants.yaml";
        record.text = "lab: tenants\n# ü\n";
        record.boot = boot_id();
        record.since = 1234567890;
        record.changing = true;
        record.secluded = true;
        record.namespaces = {"red", "green"};
        record.files = {"/etc/netns/red"};
        record.ovs = OvsInstance{OvsInstance::Kind::lab, "/run/warren/tenants/ovs", "tenants"};
        record.sysctls["red"]["net.ipv4.ip_forward"] = "0";
        record.attached = {{"web", "web", 4026532001, 1234, 99, "", {{"net.ipv4.ip_forward", "0"}}},
                           {"tenants.db", "db", 4026532002, 0, 0, "/run/netns/db", {}}};
        return record;
    }

    std::string directory_;
};

TEST_F(RecordTest, ReadsWhatWasWritten) {
    ASSERT_TRUE(write_record(directory_, example()));
    const auto read = read_record(directory_);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(*read, example());
}

TEST_F(RecordTest, AbsentIsNoRecordAndNoError) {
    const auto read = read_record(directory_);
    ASSERT_TRUE(read);
    EXPECT_FALSE(*read);
}

TEST_F(RecordTest, EveryTruncationIsRefused) {
    ASSERT_TRUE(write_record(directory_, example()));
    const std::string whole = *read_file(directory_ + "/record");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        ASSERT_TRUE(write_file_atomic(directory_ + "/record", whole.substr(0, size)));
        const auto read = read_record(directory_);
        ASSERT_FALSE(read) << "accepted at " << size << " of " << whole.size() << " bytes";
        EXPECT_NE(read.error().message().find("damaged"), std::string::npos);
    }
}

TEST_F(RecordTest, EveryFlippedBitOfTheBodyIsRefused) {
    ASSERT_TRUE(write_record(directory_, example()));
    const std::string whole = *read_file(directory_ + "/record");
    const std::size_t body = whole.find('\n') + 1;
    for (std::size_t at = body; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 4);
        ASSERT_TRUE(write_file_atomic(directory_ + "/record", damaged));
        EXPECT_FALSE(read_record(directory_)) << "accepted with byte " << at << " changed";
    }
}

TEST_F(RecordTest, LaterFormatSaysSo) {
    ASSERT_TRUE(write_record(directory_, example()));
    std::string later = *read_file(directory_ + "/record");
    later.replace(later.find(" 1 "), 3, " 9 ");
    ASSERT_TRUE(write_file_atomic(directory_ + "/record", later));
    const auto read = read_record(directory_);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message().find("format 9"), std::string::npos) << read.error().message();
}

TEST_F(RecordTest, LockDiesWithItsProcess) {
    const std::string path = directory_ + "/lab/lock";
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto lock = Lock::take(path);
        [[maybe_unused]] const ssize_t n = ::write(ready[1], "x", 1);
        ::pause();
        ::_exit(lock ? 0 : 1);
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_TRUE(Lock::take(path));
    ::close(ready[0]);
    ::close(ready[1]);
}

}  // namespace
}  // namespace warren
