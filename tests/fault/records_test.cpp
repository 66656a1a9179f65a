// Records that are torn, damaged, of the future or of before a reboot: a precise message, never a removal of what is
// not Warren's; `down --force` and `clean` find by marks what no record names.
#include <filesystem>
#include <fstream>
#include <random>

#include "harness.hpp"

namespace warren::e2e {
namespace {

namespace fs = std::filesystem;

class Records : public BesideOthers {
protected:
    static constexpr const char* kRecord = "/run/warren/hello/record";
    static void put(const std::string& path, const std::string& content) {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    }
    // What every command must do of a lab whose record cannot be read.
    void expect_refused(const std::string& words) {
        for (const auto& command : std::vector<std::vector<std::string>>{
                 {"show", "hello"}, {"down", "hello"}, {"up", example("hello.yaml")}, {"check", "hello"}}) {
            const Ran run = warren(command);
            EXPECT_EQ(run.status, 1) << testing::PrintToString(run);
            EXPECT_THAT(run.err, HasSubstr(words));
            EXPECT_THAT(run.err, HasSubstr(kRecord));
        }
        EXPECT_THAT(warren({"list"}).out, HasSubstr("damaged"));
    }
};

TEST_F(Records, TornOnesAreSaidAndNothingIsRemoved) {
    must_warren({"up", example("hello.yaml")});
    const std::string whole = read_text(kRecord);
    const auto healthy = snapshot();
    const auto size = whole.size();
    for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{14}, size / 2, size - 1}) {
        SCOPED_TRACE("cut to " + std::to_string(length) + " bytes");
        put(kRecord, whole.substr(0, length));
        expect_refused("it is damaged");
        EXPECT_THAT(difference(healthy, snapshot()), IsEmpty());
    }
    EXPECT_TRUE(warren({"down", "--force", "hello"}).ok());
    expect_same_machine();
}

TEST_F(Records, OfALaterFormat) {
    must_warren({"up", example("hello.yaml")});
    std::string text = read_text(kRecord);
    text.replace(0, text.find('\n'), "warren-record 99 0");
    put(kRecord, text);
    expect_refused("later than this version's");
    EXPECT_TRUE(warren({"down", "--force", "hello"}).ok());
    expect_same_machine();
}

// A record that came through a reboot on a disk: nothing of what it names is there, and it is in nobody's way.
TEST_F(Records, OfBeforeAReboot) {
    must_warren({"up", example("hello.yaml")});
    must_sh("cp -a /run/warren/hello /mnt/kept");
    must_warren({"down"});
    must_sh(
        "mkdir -m 700 /run/warren && cp -a /mnt/kept /run/warren/hello && cat /proc/sys/kernel/random/uuid > "
        "/mnt/boot "
        "&& mount --bind /mnt/boot /proc/sys/kernel/random/boot_id");
    EXPECT_THAT(warren({"list"}).out, HasSubstr("gone"));
    must_warren({"up", example("hello.yaml")});
    EXPECT_THAT(drift("hello"), IsEmpty());
    EXPECT_TRUE(warren({"check", "hello"}).ok());
    must_warren({"down"});
    must_sh("umount /proc/sys/kernel/random/boot_id; rm -rf /mnt/boot /mnt/kept; rmdir /run/mount || true");
    expect_same_machine();
}

// Every file of a lab's directory, cut at several places and with bits flipped: what comes is an error that names it or
// the right answer; `down --force` always brings back the machine.
TEST_F(Records, DamagedFilesOfAllKinds) {
    std::mt19937 random(7);
    const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
    int damaged = 0;
    for (int round = 0; round < 4; ++round) {
        must_warren({"up", example("tenants.yaml")});
        std::vector<std::string> files;
        for (const auto& entry : fs::recursive_directory_iterator("/run/warren/tenants")) {
            const std::string name = entry.path().filename();
            if (entry.is_regular_file() && name != "lock" && !name.ends_with(".log") && fs::file_size(entry) > 0) {
                files.push_back(entry.path());
            }
        }
        std::sort(files.begin(), files.end());
        ASSERT_GE(files.size(), 8U);
        for (const auto& file : files) {
            SCOPED_TRACE(file);
            const std::string whole = read_text(file);
            std::string content = whole;
            if (round % 2 == 0) {
                content.resize(below(content.size()));
            } else {
                const std::size_t at = below(content.size());
                content[at] = static_cast<char>(static_cast<unsigned char>(content[at]) ^ (1U << below(8)));
            }
            put(file, content);
            ++damaged;
            const Ran show = warren({"show", "tenants", "-o", "json"});
            if (!show.ok()) {
                EXPECT_EQ(show.status, 1) << testing::PrintToString(show);
                EXPECT_THAT(show.err, HasSubstr("warren: cannot ")) << testing::PrintToString(show);
                EXPECT_THAT(show.err, HasSubstr(file));
            } else {
                EXPECT_THAT(show.out, HasSubstr("\"red\""));
            }
            put(file, whole);
        }
        // And now all of them.
        for (const auto& file : files) { put(file, read_text(file).substr(0, round == 0 ? 0 : 5)); }
        const Ran down = warren({"down", "--force", "tenants"});
        EXPECT_TRUE(down.ok()) << testing::PrintToString(down);
        expect_same_machine();
        if (HasFailure()) { return; }
    }
    std::printf("%d files damaged\n", damaged);
}

class Clean : public Records {};

TEST_F(Clean, FindsWhatNoRecordNames) {
    const std::string other = write_file("other.yaml", R"(lab: other
switches: {brx: {}}
hosts: {x: {interfaces: {eth0: {to: brx, address: 10.8.0.1/24}}}}
)");
    must_warren({"up", other});
    const auto with_other = snapshot();
    for (const std::string file : {"hello.yaml", "tenants.yaml"}) {
        SCOPED_TRACE(file);
        const std::string lab = file.substr(0, file.find('.'));
        must_warren({"up", example(file)});
        must_sh("rm -r /run/warren/" + lab);
        const auto orphaned = snapshot();
        const Ran look = warren({"clean", "--dry-run"});
        EXPECT_TRUE(look.ok()) << testing::PrintToString(look);
        EXPECT_THAT(look.out, HasSubstr("lab " + lab + ":"));
        EXPECT_THAT(look.out, HasSubstr(file == "hello.yaml" ? "namespace h1" : "namespace red"));
        EXPECT_THAT(look.out, Not(HasSubstr("other")));
        EXPECT_THAT(look.out, Not(HasSubstr("foreign")));
        EXPECT_THAT(difference(orphaned, snapshot()), IsEmpty());
        const Ran clean = warren({"clean"});
        EXPECT_TRUE(clean.ok()) << testing::PrintToString(clean);
        EXPECT_THAT(difference(with_other, snapshot()), IsEmpty());
    }
    EXPECT_THAT(warren({"clean"}).err, HasSubstr("nothing is left"));
    EXPECT_THAT(drift("other"), IsEmpty());
    must_warren({"down", "other"});
    expect_same_machine();
}

// A lab that comes up in the same moment is no leftover.
TEST_F(Clean, LeavesALabAloneThatIsBeingBroughtUp) {
    for (const char* point : {"before-step#1", "before-step#9", "after-step#14"}) {
        Background up({"env", std::string("WARREN_FAULT=") + point + ":delay=1500", WARREN_PROGRAM, "up",
                       example("hello.yaml")});
        must_sh("timeout 60 bash -c 'until [ -e /run/warren/hello/lock ]; do sleep 0.01; done'");
        const Ran clean = warren({"clean"});
        EXPECT_TRUE(clean.ok()) << testing::PrintToString(clean);
        EXPECT_EQ(up.wait(), 0) << up.printed();
        EXPECT_THAT(drift("hello"), IsEmpty());
        must_warren({"down"});
        expect_same_machine();
    }
}

}  // namespace
}  // namespace warren::e2e
