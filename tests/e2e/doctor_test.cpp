// doctor: what it says is so, and nothing of it stays.
#include <csignal>

#include <sys/mount.h>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class Doctor : public E2e {
protected:
    void TearDown() override {
        if (!IsSkipped()) { expect_same_machine(); }
    }
    static json::value finding(const json::value& report, std::string_view name) {
        return named(at(report, "findings"), name);
    }
};

TEST_F(Doctor, TriesWhatItSays) {
    const json::value report = warren_json({"doctor"});
    EXPECT_EQ(at(report, "fit"), json::value(true));
    for (const auto& one : elements(at(report, "findings"))) {
        for (const char* key : {"group", "name", "works", "essential", "detail", "blocks", "cure"}) {
            EXPECT_TRUE(one.as_object().contains(key)) << key << " in " << json::serialize(one);
        }
        EXPECT_NE(at(one, "detail"), json::value("the trial did not end")) << json::serialize(one);
        if (at(one, "works") == json::value(false)) {
            EXPECT_FALSE(at(one, "cure").as_string().empty()) << json::serialize(one);
            EXPECT_FALSE(at(one, "blocks").as_string().empty()) << json::serialize(one);
        } else {
            EXPECT_TRUE(at(one, "blocks").as_string().empty()) << json::serialize(one);
        }
    }
    for (const char* name : {"root", "network namespaces", "veth pairs", "Linux bridge", "TAP devices",
                             "DHCP lease", "Open vSwitch, userspace datapath", "the same, checksum trap"}) {
        EXPECT_EQ(at(finding(report, name), "works"), json::value(true)) << json::serialize(finding(report, name));
    }
    EXPECT_EQ(at(finding(report, "VLANs on Linux bridges"), "works"), json::value(has_vlan_filtering()));
    EXPECT_EQ(at(finding(report, "Open vSwitch, kernel datapath"), "works"), json::value(has_kernel_datapath()));
}

TEST_F(Doctor, NamesThePackageThatIsMissing) {
    hide_program("/usr/sbin/dnsmasq");
    const json::value report = warren_json({"doctor"});  // not essential
    ASSERT_EQ(umount("/usr/sbin/dnsmasq"), 0);
    for (const char* name : {"dnsmasq", "DHCP lease"}) {
        EXPECT_EQ(at(finding(report, name), "works"), json::value(false));
        EXPECT_EQ(at(finding(report, name), "cure"), json::value("apt-get install dnsmasq-base"));
    }
    EXPECT_EQ(at(finding(report, "veth pairs"), "works"), json::value(true));
}

TEST_F(Doctor, APlainUserIsToldWhatCouldNotBeTried) {
    const Ran run = sh("setpriv --reuid=65534 --regid=65534 --clear-groups " WARREN_PROGRAM " doctor -o json");
    EXPECT_EQ(run.status, 3) << testing::PrintToString(run);
    const json::value report = json::parse(run.out);
    EXPECT_EQ(at(report, "fit"), json::value(false));
    EXPECT_EQ(at(finding(report, "root"), "works"), json::value(false));
    EXPECT_THAT(std::string(at(finding(report, "root"), "cure").as_string()), HasSubstr("root"));
    EXPECT_FALSE(at(finding(report, "BPF on interfaces"), "works") == json::value(true));
}

// Its daemons are process 2 and on of a process namespace that ends with it.
TEST_F(Doctor, KilledHalfWayLeavesNothing) {
    Background doctor(std::string("exec " WARREN_PROGRAM " doctor"));
    const auto daemons = [] { return processes_with("/run/ovs").size() + processes_with("/run/dhcp").size(); };
    ASSERT_TRUE(comes_true([&] { return daemons() > 0; }));
    EXPECT_EQ(doctor.signal(SIGKILL), 0);
    doctor.wait();
    EXPECT_TRUE(comes_true([&] { return daemons() == 0 && processes_with("warren doctor").empty(); }));
}

TEST_F(Doctor, TwoAtATimeDoNotDisturbEachOther) {
    const Ran both = sh(WARREN_PROGRAM " doctor -o json >/mnt/first & " WARREN_PROGRAM
                                       " doctor -o json >/mnt/second; second=$?; wait $! && exit $second");
    EXPECT_TRUE(both.ok()) << testing::PrintToString(both);
    for (const char* file : {"/mnt/first", "/mnt/second"}) {
        EXPECT_EQ(at(finding(json::parse(read_text(file)), "DHCP lease"), "works"), json::value(true));
    }
}

}  // namespace
}  // namespace warren::e2e
