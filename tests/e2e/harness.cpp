// The end-to-end tests' tools: running programs, and what they print; see harness.hpp.
#include "harness.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace warren::e2e {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::string& skip_reason() {
    static std::string reason;
    return reason;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) { text += (text.empty() ? "" : " ") + word; }
    return text;
}

std::string without_last_newline(std::string text) {
    while (!text.empty() && text.back() == '\n') { text.pop_back(); }
    return text;
}

// An unnamed file that holds TEXT and is read from its beginning.
Fd input_file(std::string_view text) {
    Fd fd(memfd_create("input", MFD_CLOEXEC));
    if (!fd.valid() || !write_all(fd.get(), text, "input") || lseek(fd.get(), 0, SEEK_SET) != 0) {
        throw std::runtime_error("cannot make an input file");
    }
    return fd;
}

Ran run_command(std::vector<std::string> command, const std::vector<std::string>& environment,
                std::string_view input) {
    Ran result;
    result.command = joined(command);
    const Fd stdin_file = input_file(input);
    SpawnOptions options;
    options.command = std::move(command);
    options.environment = environment;
    options.stdin_fd = stdin_file.get();
    const auto start = Clock::now();
    const auto output = run(options, std::chrono::seconds(60));
    result.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
    if (output) {
        result.status = output->exited.shell_status();
        result.out = output->out;
        result.err = output->err;
    } else {
        result.err = output.error().message();
    }
    return result;
}

}  // namespace

void set_skip_reason(std::string reason) { skip_reason() = std::move(reason); }

void E2e::SetUp() {
    if (!skip_reason().empty()) { GTEST_SKIP() << skip_reason(); }
    before_ = snapshot();
}

void BesideOthers::SetUp() {
    E2e::SetUp();
    if (IsSkipped()) { return; }
    make_decoys();
    remember_machine();
}

void E2e::expect_same_machine() { EXPECT_THAT(difference(before_, snapshot()), IsEmpty()); }

void PrintTo(const Ran& run, std::ostream* os) {
    *os << "`" << run.command << "` status " << run.status << " in " << run.took.count() << " ms\n"
        << "stdout: " << run.out << "\nstderr: " << run.err;
}

Ran warren(std::vector<std::string> arguments, const std::vector<std::string>& environment,
           std::string_view input) {
    arguments.insert(arguments.begin(), WARREN_PROGRAM);
    return run_command(std::move(arguments), environment, input);
}

Ran sh(const std::string& script) { return run_command({"bash", "-c", "set -o pipefail; " + script}, {}, {}); }

namespace {

std::string must(const Ran& run) {
    if (!run.ok()) { throw std::runtime_error(testing::PrintToString(run)); }
    return without_last_newline(run.out);
}

}  // namespace

std::string must_warren(std::vector<std::string> arguments) { return must(warren(std::move(arguments))); }
std::string must_sh(const std::string& script) { return must(sh(script)); }

json::value warren_json(std::vector<std::string> arguments, int status) {
    arguments.insert(arguments.end(), {"-o", "json"});
    const Ran run = warren(std::move(arguments));
    EXPECT_EQ(run.status, status) << testing::PrintToString(run);
    json::error_code error;
    json::value value = json::parse(run.out, error);
    if (error) { throw std::runtime_error("no JSON: " + testing::PrintToString(run)); }
    return value;
}

json::value at(const json::value& object, std::string_view key) {
    if (!object.is_object() || !object.as_object().contains(key)) { return nullptr; }
    return object.as_object().at(key);
}

std::vector<json::value> elements(const json::value& array) {
    if (!array.is_array()) { return {}; }
    return {array.as_array().begin(), array.as_array().end()};
}

json::value named(const json::value& array, std::string_view name) {
    for (const auto& element : elements(array)) {
        if (at(element, "name") == json::value(json::string(name))) { return element; }
    }
    return nullptr;
}

namespace {

std::vector<std::string> as_texts(const json::value& array) {
    if (!array.is_array()) { throw std::runtime_error("not an array: " + json::serialize(array)); }
    std::vector<std::string> texts;
    for (const auto& element : array.as_array()) {
        texts.push_back(element.is_string() ? std::string(element.as_string()) : json::serialize(element));
    }
    return texts;
}

}  // namespace

std::vector<std::string> planned(const std::string& file, const std::string& name) {
    std::vector<std::string> arguments{"plan", file};
    if (!name.empty()) { arguments.insert(arguments.end(), {"--name", name}); }
    return as_texts(at(warren_json(arguments), "changes"));
}

std::vector<std::string> drift(const std::string& lab) { return as_texts(at(warren_json({"show", lab}), "drift")); }

std::string write_file(const std::string& name, std::string_view text) {
    std::string path = "/mnt/" + name;
    std::ofstream(path) << text;
    return path;
}

std::string read_text(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

std::string example(const std::string& name) { return std::string(WARREN_SOURCE_DIR) + "/examples/" + name; }

bool has_program(const std::string& name) { return !find_program(name).empty(); }

void hide_program(const std::string& path) {
    const std::string real = fs::canonical(path);
    if (mount("/dev/null", real.c_str(), nullptr, MS_BIND, nullptr) != 0) {
        throw std::runtime_error("cannot hide " + path);
    }
}

bool has_kernel_datapath() { return sh("modprobe -n openvswitch || [ -d /sys/module/openvswitch ]").ok(); }

bool has_vlan_filtering() {
    return sh("ip link add vlanprobe type bridge vlan_filtering 1 && "
              "bridge -j vlan show dev vlanprobe | grep -q vlanprobe; found=$?; ip link del vlanprobe; exit $found")
        .ok();
}

std::string ovs_db_option() {
    std::vector<std::string> sockets;
    if (fs::exists("/run/warren")) {
        for (const auto& entry : fs::recursive_directory_iterator("/run/warren")) {
            if (entry.path().filename() == "db.sock") { sockets.push_back(entry.path()); }
        }
    }
    if (sockets.size() != 1) { throw std::runtime_error("not one Open vSwitch, but: " + joined(sockets)); }
    return "--db=unix:" + sockets.front();
}

void make_decoys() {
    if (sh("ip link show foreign-br").ok()) { return; }  // by an earlier test of the same process
    must_sh(R"(set -e
        ip link add foreign-br type bridge
        ip link add foreign-p type veth peer name foreign-q
        ip link set foreign-p master foreign-br up
        ip link set foreign-br up
        ip addr add 198.51.100.1/24 dev foreign-br
        ip netns add foreign
        ip link set foreign-q netns foreign up
        ip -n foreign addr add 198.51.100.2/24 dev foreign-q
        ip netns add foreign-dns
        ip link add veth-x type veth peer name veth-y netns foreign-dns
        ip link set veth-x up
        ip -n foreign-dns link set lo up
        ip -n foreign-dns link set veth-y up
        ip -n foreign-dns addr add 203.0.113.1/24 dev veth-y
        ip netns exec foreign-dns dnsmasq --conf-file=/dev/null --user=root --port=0 --interface=veth-y \
            --bind-interfaces --pid-file=/run/foreign-dns.pid --dhcp-leasefile=/mnt/foreign-dns.leases \
            --dhcp-range=203.0.113.10,203.0.113.99)");
}

void make_ovs_decoys(const std::string& db_option) {
    must_sh(
        "ovs-vsctl --timeout=20 " + db_option +
        " add-br foreign-ovs -- set Bridge foreign-ovs datapath_type=netdev other_config:hwaddr=02:00:00:00:0f:01"
        " -- add-port foreign-ovs foreign-port tag=7 -- set Interface foreign-port type=internal");
}

Background::Background(std::vector<std::string> command) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) { throw std::runtime_error("pipe"); }
    output_ = Fd(ends[0]);
    const Fd write_end(ends[1]);
    SpawnOptions options;
    options.command = std::move(command);
    options.stdout_fd = write_end.get();
    options.stderr_fd = write_end.get();
    auto child = spawn(options);
    if (!child) { throw std::runtime_error(child.error().message()); }
    child_ = std::move(*child);
}

Background::~Background() {
    if (!ended_) {
        static_cast<void>(signal(SIGKILL));
        static_cast<void>(wait());
    }
}

bool Background::read_more(Clock::time_point until) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd ready{output_.get(), POLLIN, 0};
    if (left <= 0 || poll(&ready, 1, static_cast<int>(left)) <= 0) { return false; }
    std::array<char, 4096> buffer{};
    const ssize_t size = read(output_.get(), buffer.data(), buffer.size());
    if (size <= 0) { return false; }
    printed_.append(buffer.data(), static_cast<std::size_t>(size));
    return true;
}

bool Background::wait_for(std::string_view text) {
    const auto until = Clock::now() + std::chrono::seconds(20);
    while (printed_.find(text) == std::string::npos) {
        if (!read_more(until)) { return false; }
    }
    return true;
}

bool Background::read_some() { return read_more(Clock::now() + std::chrono::seconds(20)); }

int Background::wait() {
    const auto until = Clock::now() + std::chrono::seconds(60);
    while (read_more(until)) {}
    if (!ended_) {
        const auto exited = wait_for_end();
        ended_ = true;
        status_ = exited;
    }
    return status_;
}

int Background::wait_for_end() {
    const auto exited = warren::wait_for(child_, std::chrono::seconds(60));
    return exited && *exited ? (*exited)->shell_status() : -1;
}

int Background::signal(int number) {
    return static_cast<int>(syscall(SYS_pidfd_send_signal, child_.pidfd.get(), number, nullptr, 0)) == 0 ? 0
                                                                                                         : errno;
}

namespace {

std::set<int> answered_pings(std::string_view printed) {
    constexpr std::string_view kSequence = "icmp_seq=";
    std::set<int> answered;
    for (std::size_t at = printed.find(kSequence); at != std::string_view::npos; at = printed.find(kSequence, at)) {
        at += kSequence.size();
        const std::string line(printed.substr(at, printed.find('\n', at) - at));
        if (line.find("time=") != std::string::npos) { answered.insert(std::stoi(line)); }
    }
    return answered;
}

}  // namespace

std::vector<int> lost_pings(std::string_view printed) {
    const auto answered = answered_pings(printed);
    std::vector<int> lost;
    for (int number = 1; !answered.empty() && number < *answered.rbegin(); ++number) {
        if (!answered.contains(number)) { lost.push_back(number); }
    }
    return lost;
}

Pings::Pings(const std::string& host, const std::string& address)
    : file_("/mnt/ping." + host + "." + address),
      ping_("exec ip netns exec " + host + " ping -n -i 0.01 " + address + " > " + file_ + " 2>&1") {
    EXPECT_TRUE(comes_true([&] { return answered() > 0; })) << "no answer at all: " << read_text(file_);
}

std::vector<int> Pings::lost() {
    const std::size_t before = answered();
    EXPECT_TRUE(comes_true([&] { return answered() > before; })) << "no answers any more";
    EXPECT_EQ(ping_.signal(SIGINT), 0);
    static_cast<void>(ping_.wait());
    return lost_pings(read_text(file_));
}

std::size_t Pings::answered() const { return answered_pings(read_text(file_)).size(); }

void kill_and_wait(int pid, int signal_number) {
    const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd.valid() || syscall(SYS_pidfd_send_signal, pidfd.get(), signal_number, nullptr, 0) != 0) {
        throw std::runtime_error("cannot kill process " + std::to_string(pid));
    }
    pollfd gone{pidfd.get(), POLLIN, 0};
    if (poll(&gone, 1, 60'000) != 1) { throw std::runtime_error("process " + std::to_string(pid) + " goes on"); }
}

std::string command_line(int pid) {
    std::string text = read_text("/proc/" + std::to_string(pid) + "/cmdline");
    std::replace(text.begin(), text.end(), '\0', ' ');
    if (!text.empty() && text.back() == ' ') { text.pop_back(); }
    return text;
}

std::vector<int> processes_with(std::string_view text) {
    std::vector<int> pids;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) {
            continue;
        }
        const int pid = std::stoi(name);
        if (command_line(pid).find(text) != std::string::npos) { pids.push_back(pid); }  // a zombie has none
    }
    std::sort(pids.begin(), pids.end());
    return pids;
}

}  // namespace warren::e2e
