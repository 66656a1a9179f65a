// What the end-to-end tests are written with: running warren and the plain tools, and comparing a machine
// before and after.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "base/child.hpp"

namespace warren::e2e {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
namespace json = boost::json;

void set_skip_reason(std::string reason);

// The machine as sorted lines, to be compared with another's: links with their addresses and marks, routes
// and rules in all namespaces, sysctls and nftables rules of the machine's own, Open vSwitch rows, processes,
// keepers' open files, mounts, files under /run and /etc. Without what differs when the same thing is made twice
// (indexes, pids, counters, lifetimes).
std::vector<std::string> snapshot();
// The same without what a lab that is up keeps for later under /run/warren: leases, logs, its keeper's files.
std::vector<std::string> snapshot_without_memory();
// What a process has open, by what it is ("socket", "anon_inode:[pidfd]", a path), and how many of it.
std::map<std::string, int> open_files(int pid);
// Lines of only one of two snapshots, marked "-" and "+".
std::vector<std::string> difference(const std::vector<std::string>& before, const std::vector<std::string>& after);

// Base of all end-to-end tests.
class E2e : public testing::Test {
protected:
    void SetUp() override;
    // Fails the test where anything that a lab made is left.
    void expect_same_machine();
    // What is here now (decoys, say) is what expect_same_machine() expects from now on.
    void remember_machine() { before_ = snapshot(); }

private:
    std::vector<std::string> before_;
};

// The same beside what others have made (make_decoys()), which must be as it was in the end.
class BesideOthers : public E2e {
protected:
    void SetUp() override;
};

// Waits until PREDICATE() is true; whether it came true in time.
template <class Predicate>
bool comes_true(const Predicate& predicate, std::chrono::seconds time = std::chrono::seconds(60)) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (!predicate()) {
        if (std::chrono::steady_clock::now() > until) { return false; }
        std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
    return true;
}

struct Ran {
    std::string command;
    int status = -1;  // as a shell's $?; -1: could not be started or took longer than 60 s
    std::string out;
    std::string err;
    std::chrono::milliseconds took{0};
    [[nodiscard]] bool ok() const { return status == 0; }
};
void PrintTo(const Ran& run, std::ostream* os);

// warren ARGUMENTS...; stdin is INPUT.
Ran warren(std::vector<std::string> arguments, const std::vector<std::string>& environment = {},
           std::string_view input = {});
// By bash, with `set -o pipefail`.
Ran sh(const std::string& script);
// The same, whose success is taken for granted by what follows: a failure fails the test and throws it out.
std::string must_warren(std::vector<std::string> arguments);
std::string must_sh(const std::string& script);  // what it printed, without the last newline

// `warren ARGUMENTS... -o json`, parsed; fails the test where that is no JSON or the status is not STATUS.
json::value warren_json(std::vector<std::string> arguments, int status = 0);
// The changes that `up` of FILE would make now.
std::vector<std::string> planned(const std::string& file, const std::string& name = {});
// The drift that `show` of LAB names.
std::vector<std::string> drift(const std::string& lab);
// The one element of ARRAY whose "name" is NAME; a JSON null where there is none.
json::value named(const json::value& array, std::string_view name);
// The elements of an array, by value so that a loop may run over a temporary; none where it is no array.
std::vector<json::value> elements(const json::value& array);
// Member of an object, null where there is none.
json::value at(const json::value& object, std::string_view key);

// Writes /mnt/NAME and returns that path.
std::string write_file(const std::string& name, std::string_view text);
std::string read_text(const std::string& path);
// A file of examples/.
std::string example(const std::string& name);
bool has_program(const std::string& name);
// Makes a program of the machine's not executable, in this test's mount namespace.
void hide_program(const std::string& path);
bool has_kernel_datapath();
bool has_vlan_filtering();

// The OVSDB of the instance that serves LAB, as ovs-vsctl's option; fails the test where none runs.
std::string ovs_db_option();

// A process beside the test. Ended with it.
class Background {
public:
    explicit Background(std::vector<std::string> command);
    explicit Background(const std::string& script) : Background(std::vector<std::string>{"bash", "-c", script}) {}
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    // Reads on until TEXT has been printed (both streams); false where it ended before or took over 20 s.
    bool wait_for(std::string_view text);
    // Reads what is printed next; false where it ended before or took over 20 s.
    bool read_some();
    int wait();              // for its end, up to 60 s; its status as a shell's $?
    int signal(int number);  // sends it; 0 or errno
    [[nodiscard]] const std::string& printed() const { return printed_; }
    [[nodiscard]] int pid() const { return child_.pid; }

private:
    bool read_more(std::chrono::steady_clock::time_point until);
    int wait_for_end();
    Child child_;
    Fd output_;
    std::string printed_;
    bool ended_ = false;
    int status_ = -1;
};

// The numbers of the pings that ping(8) lost, of its output: those missing before the last that was answered. (The
// one under way when it is interrupted is not lost.)
std::vector<int> lost_pings(std::string_view printed);

// ping(8) a hundred times a second from a host's namespace, from the first answer, which it waits for, until lost().
class Pings {
public:
    Pings(const std::string& host, const std::string& address);
    // Waits for one more answer and ends it; the numbers of the requests that were never answered.
    std::vector<int> lost();
    [[nodiscard]] std::size_t answered() const;

private:
    std::string file_;  // a pipe would fill
    Background ping_;
};

// Waits (by pidfd, up to 60 s) until a process that is killed here has gone.
void kill_and_wait(int pid, int signal_number);
// Pids of processes whose command line contains TEXT, zombies left out.
std::vector<int> processes_with(std::string_view text);
std::string command_line(int pid);

// What still differs from BEFORE, a snapshot_without_memory(), when nothing does or 20 s have passed: a DHCP client
// that was started again has its address before the script that sets it has ended.
std::vector<std::string> lasting_difference(const std::vector<std::string>& before);

// What others have made, beside the labs, that must never be touched. It is in every snapshot() from then on; a
// test that ends with expect_same_machine() calls remember_machine() after it.
// A bridge `foreign-br` with a port, a veth pair named like a lab's (`veth-x`), the namespaces `foreign` and
// `foreign-dns`, and a dnsmasq in the latter.
void make_decoys();
// A bridge `foreign-ovs` with a port `foreign-port` in the Open vSwitch that DB_OPTION (ovs_db_option()) names.
// Where that is Warren's own instance they go with it, when its last lab does.
void make_ovs_decoys(const std::string& db_option);

}  // namespace warren::e2e
