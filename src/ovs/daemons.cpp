// Starting and ending ovsdb-server and ovs-vswitchd. Called by the engine; knows no bridges.
//
// A SIGTERM to ovs-vswitchd leaves its tap devices behind (they are persistent, so that a crash does not lose
// them); the control command `exit --cleanup` removes them and the datapath. ovsdb-server needs no such care, but
// ovs-vswitchd runs its userspace datapath only while it is connected: without the database nothing is forwarded.
#include "ovs/daemons.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>

#include <fcntl.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "base/fault.hpp"
#include "base/fd.hpp"
#include "linux/netlink.hpp"
#include "linux/netns.hpp"
#include "ovs/ovsdb.hpp"
#include "ovs/remains.hpp"
#include "ovs/vswitchd.hpp"

namespace warren::ovs {
namespace {

using namespace std::chrono_literals;

constexpr const char* kServer = "ovsdb-server";
constexpr const char* kSwitch = "ovs-vswitchd";
constexpr const char* kMachineSocket = "/run/openvswitch/db.sock";
constexpr auto kAnswer = 10000ms;     // of a daemon that runs, on a busy machine; a dead one refuses at once
constexpr auto kStart = 20000ms;      // of a daemon, with everything that its database holds
constexpr auto kCleanup = 30000ms;    // of `exit --cleanup` with many ports
constexpr auto kReconnect = 12000ms;  // ovs-vswitchd tries again after 1, 2, 4, 8 s

std::string file_of(const OvsInstance& instance, const char* daemon, const char* suffix) {
    return fmt::format("{}/{}{}", instance.directory, daemon, suffix);
}
std::string socket_of(const OvsInstance& instance) { return instance.directory + "/db.sock"; }
std::string database_of(const OvsInstance& instance) { return instance.directory + "/conf.db"; }

pid_t recorded_pid(const OvsInstance& instance, const char* daemon) {
    const auto text = read_file(file_of(instance, daemon, ".pid"));
    pid_t pid = 0;
    if (text) { std::from_chars(text->data(), text->data() + text->size(), pid); }
    return pid;
}

// The daemon's pidfd; invalid where it does not run. A pid file may name a pid that has been given to another
// process since: only one that was started with this very pid file is it.
Fd find_daemon(const OvsInstance& instance, const char* daemon) {
    const pid_t pid = recorded_pid(instance, daemon);
    const auto id = pid > 0 ? process_id(pid) : std::nullopt;
    if (!id) { return {}; }
    auto pidfd = open_process(*id);
    if (!pidfd) { return {}; }
    const auto command = read_file(fmt::format("/proc/{}/cmdline", pid));
    const std::string wanted = pidfile_argument(instance, daemon) + '\0';
    if (!command || command->find(wanted) == std::string::npos) { return {}; }
    return std::move(*pidfd);
}

bool ends_within(int pidfd, std::chrono::milliseconds time) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd entry{pidfd, POLLIN, 0};
        const int n = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (n >= 0 || errno != EINTR) { return n > 0; }
    }
}

// Ends what a start that was killed has under way. A helper that waited for a daemon takes that one along: it would
// end by itself, of the broken pipe, as soon as it is ready. Repeated, since one may have forked before it was ended.
Result<void> end_strays(const OvsInstance& instance) {
    for (;;) {
        const auto strays =
            find_strays(instance, {recorded_pid(instance, kServer), recorded_pid(instance, kSwitch)});
        if (strays.empty()) { return {}; }
        for (const auto& stray : strays) {
            const auto pidfd = open_process(stray.id);
            if (!pidfd) { continue; }
            WARREN_TRY(send_signal(pidfd->get(), SIGKILL, stray.daemon));
            WARREN_TRY(end_process(pidfd->get(), 2s, stray.daemon));
            for (const char* daemon : {kServer, kSwitch}) {
                if (stray.daemon != daemon) { continue; }
                const Fd child = find_daemon(instance, daemon);
                if (child.valid()) { WARREN_TRY(end_process(child.get(), 2s, daemon)); }
            }
        }
    }
}

// The database, if an ovs-vswitchd is connected to it.
Result<void> answers(const std::string& socket) {
    WARREN_ASSIGN(Client client, Client::connect(socket, kAnswer));
    WARREN_ASSIGN(const bool connected, vswitchd_connected(client, kAnswer));
    if (!connected) { return failure("use Open vSwitch at " + socket, "its ovs-vswitchd does not run"); }
    return {};
}

// ovs-vswitchd 3.1 counts the processor cores at most once in 10 s, by the monotonic clock, and takes "never" for
// time 0: started within 10 s of boot it counts 0, runs 0 handler threads, and forwards nothing for ever.
Result<void> wait_past_boot() {
    const std::string attempt = "wait until the machine is up for 10 s";
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec > 10) { return {}; }
    const Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    if (!timer.valid()) { return errno_failure(attempt); }
    itimerspec when{};
    when.it_value.tv_sec = 11;
    if (::timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &when, nullptr) != 0) { return errno_failure(attempt); }
    if (!ends_within(timer.get(), 12s)) { return failure(attempt, "the timer did not fire"); }
    return {};
}

// The last lines of what a daemon said.
std::string last_words(const std::string& text) {
    std::size_t end = text.find_last_not_of('\n');
    if (end == std::string::npos) { return ""; }
    std::size_t begin = end + 1;
    for (int lines = 0; lines < 3 && begin != 0 && begin != std::string::npos; ++lines) {
        begin = begin == 1 ? 0 : text.rfind('\n', begin - 2) + 1;
    }
    std::string words = text.substr(begin, end + 1 - begin);
    std::replace(words.begin(), words.end(), '\n', ' ');
    return words;
}

class Starter {
public:
    Starter(const OvsInstance& instance, int ns_fd) : instance_(instance), ns_fd_(ns_fd) {}

    Result<void> start() {
        for (const char* program : {kServer, kSwitch, "ovsdb-tool"}) {
            if (find_program(program).empty()) { return lacking(program); }
        }
        if (!path_exists(kSchema)) { return lacking(kSchema); }
        WARREN_TRY(wait_past_boot());
        WARREN_TRY(end_strays(instance_));
        WARREN_TRY(make_place());
        const bool first = !path_exists(database_of(instance_));
        if (first) { WARREN_TRY(create_database()); }
        WARREN_TRY(start_server());
        WARREN_TRY(initialise());
        return start_switch();
    }

private:
    static tl::unexpected<Error> lacking(const std::string& what) {
        return lacking_failure("start Open vSwitch", what + " is not there",
                               "install the package openvswitch-switch");
    }

    Result<void> make_place() {
        WARREN_TRY(make_directories(instance_.directory, 0700));
        // It may have been there; its sockets give whoever reaches them the rights of the daemons.
        if (::chmod(instance_.directory.c_str(), 0700) != 0) {
            return errno_failure("protect " + instance_.directory);
        }
        return {};
    }

    SpawnOptions options(std::vector<std::string> command) const {
        SpawnOptions options;
        options.command = std::move(command);
        for (const char* name : {"OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"}) {
            options.environment.push_back(std::string(name) + "=" + instance_.directory);
        }
        options.net_namespace = ns_fd_;
        options.new_session = true;  // a Ctrl-C at the terminal is not for them
        return options;
    }

    Result<void> run_helper(std::vector<std::string> command, const std::string& attempt) const {
        WARREN_ASSIGN(const Output output, run(options(std::move(command)), kStart));
        if (output.exited.success()) { return {}; }
        const std::string words = last_words(output.err);
        return failure(attempt, words.empty() ? output.exited.text() : words,
                       "its log is in " + instance_.directory);
    }

    // With --detach the parent ends when the daemon is ready: ovsdb-server listens, ovs-vswitchd has taken up
    // the configuration that it found.
    Result<void> run_daemon(const char* daemon, std::vector<std::string> arguments) const {
        const std::string attempt = fmt::format("start {} in {}", daemon, instance_.directory);
        for (const char* suffix : {".pid", ".ctl"}) { ::unlink(file_of(instance_, daemon, suffix).c_str()); }
        std::vector<std::string> command{daemon,
                                         "-vconsole:err",
                                         "-vsyslog:off",
                                         "--unixctl=" + file_of(instance_, daemon, ".ctl"),
                                         pidfile_argument(instance_, daemon),
                                         "--log-file=" + file_of(instance_, daemon, ".log"),
                                         "--detach"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        auto started = run_helper(std::move(command), attempt);
        if (find_daemon(instance_, daemon).valid()) { return {}; }  // also one that a killed start had under way
        if (!started) { return started; }
        return failure(attempt, "it ended right after its start", "its log is in " + instance_.directory);
    }

    Result<void> create_database() const {
        // A name of our own: the helper of a start that was killed may still be at work on its.
        const std::string name = fmt::format("conf.db.{}", ::getpid());
        const std::string fresh = instance_.directory + "/" + name;
        const std::string lock = instance_.directory + "/." + name + ".~lock~";
        ::unlink(fresh.c_str());
        WARREN_TRY(
            run_helper({"ovsdb-tool", "create", fresh, kSchema}, "create the database " + database_of(instance_)));
        ::unlink(lock.c_str());
        if (::rename(fresh.c_str(), database_of(instance_).c_str()) != 0) {
            return errno_failure("create the database " + database_of(instance_));
        }
        return {};
    }

    Result<void> start_server() {
        Fd server = find_daemon(instance_, kServer);
        if (server.valid()) {
            auto client = Client::connect(socket_of(instance_), kAnswer);
            if (client && client->call("echo", json::array{}, kAnswer)) { return {}; }
            WARREN_TRY(end_process(server.get(), 2s, kServer));
        }
        return run_daemon(kServer, {"--remote=punix:" + socket_of(instance_), database_of(instance_)});
    }

    // The Open_vSwitch row that ovs-vswitchd waits for.
    Result<void> initialise() {
        const std::string attempt = "initialise the database " + database_of(instance_);
        WARREN_ASSIGN(Client client, Client::connect(socket_of(instance_), kAnswer));
        std::vector<Operation> select(1);
        select[0].body = {{"op", "select"}, {"table", "Open_vSwitch"}, {"where", json::array{}}};
        select[0].body["columns"] = list("_uuid");
        WARREN_ASSIGN(const json::array found, client.transact(std::move(select), attempt, kStart));
        const auto rows = rows_of(found[0]);
        if (!rows.empty()) {
            const auto uuids = uuids_of(*rows.front(), "_uuid");
            root_ = uuids.empty() ? "" : uuids.front();
            return {};
        }
        json::object row;
        row["other_config"] = map_of(daemon_settings());
        std::vector<Operation> insert(1);
        insert[0].body = {{"op", "insert"}, {"table", "Open_vSwitch"}};
        insert[0].body["row"] = std::move(row);
        WARREN_TRY(client.transact(std::move(insert), attempt, kStart));
        return {};
    }

    Result<void> start_switch() {
        WARREN_TRY(fault::point("ovs-database", instance_.directory));
        Fd daemon = find_daemon(instance_, kSwitch);
        if (daemon.valid()) {
            // It keeps its ports without a database, and connects to the new one in its own time.
            if (follows_database()) { return {}; }
            WARREN_TRY(end_process(daemon.get(), 2s, kSwitch));
        }
        return run_daemon(kSwitch, {instance_.database()});
    }

    bool follows_database() const {
        auto client = Client::connect(socket_of(instance_), kAnswer);
        if (!client || root_.empty()) { return false; }
        auto results = client->transact(bump_configuration(root_), "ask ovs-vswitchd", kAnswer);
        if (!results || results->size() != 2) { return false; }
        const auto rows = rows_of((*results)[1]);
        const auto wanted = rows.empty() ? std::nullopt : integer_of(*rows.front(), "next_cfg");
        return wanted && wait_configured(*client, *wanted, kReconnect, kReconnect);
    }

    const OvsInstance& instance_;
    int ns_fd_;
    std::string root_;
};

// Whether it went by its own cleanup.
Result<bool> leave_cleanly(const OvsInstance& instance, const Fd& daemon) {
    auto control = Client::connect(file_of(instance, kSwitch, ".ctl"), kAnswer);
    if (control) {
        // The answer may get lost in the end of the daemon: what counts is that it ends.
        const auto answer = control->call("exit", list("--cleanup"), kCleanup);
        const bool asked = answer || answer.error().reason.find("closed the connection") != std::string::npos;
        if (asked && ends_within(daemon.get(), kCleanup)) { return true; }
    }
    WARREN_TRY(end_process(daemon.get(), 2s, kSwitch));
    return false;
}

bool has_bridges(const OvsInstance& instance) {
    auto client = Client::connect(socket_of(instance), kAnswer);
    if (!client) { return path_exists(database_of(instance)); }
    std::vector<Operation> select(1);
    select[0].body = {{"op", "select"}, {"table", "Bridge"}, {"where", json::array{}}};
    select[0].body["columns"] = list("_uuid");
    const auto found = client->transact(std::move(select), "read the bridges", kAnswer);
    return !found || !rows_of((*found)[0]).empty();
}

}  // namespace

// One thread of each kind is enough for a lab; the default is one per core and half as many again, per instance. With
// TCP segmentation offload the userspace datapath takes whole segments with the checksum still to be filled in, as the
// kernel's does: several times the speed (docs/performance.md).
std::map<std::string, std::string> daemon_settings() {
    return {{"n-handler-threads", "1"}, {"n-revalidator-threads", "1"}, {"userspace-tso-enable", "true"}};
}

bool namespace_gone(const OvsInstance& instance) {
    return !instance.net_namespace.empty() && namespace_inode(instance.net_namespace) == 0;
}

bool running(const OvsInstance& instance) {
    return find_daemon(instance, kServer).valid() && find_daemon(instance, kSwitch).valid() &&
           answers(socket_of(instance)).has_value();
}

Result<void> start(const OvsInstance& instance, int ns_fd) {
    if (instance.kind == OvsInstance::Kind::machine) {
        return failure("start Open vSwitch", "the machine's own instance is not Warren's to start",
                       "systemctl start openvswitch-switch");
    }
    if (running(instance)) { return {}; }
    Fd opened;
    if (ns_fd < 0 && !instance.net_namespace.empty()) {
        WARREN_ASSIGN(opened, open_namespace(instance.net_namespace));
        ns_fd = opened.get();
    }
    const bool fresh = !path_exists(instance.directory);
    auto started = Starter(instance, ns_fd).start();
    if (!started && fresh) {
        // Nothing of a start that failed stays; its log goes too, so what it said is in the error.
        for (const char* daemon : {kSwitch, kServer}) {
            const Fd pidfd = find_daemon(instance, daemon);
            if (pidfd.valid()) { (void)end_process(pidfd.get(), 2s, daemon); }
        }
        (void)remove_tree(instance.directory);
        started.error().hint.clear();
    }
    return started;
}

Result<void> stop(const OvsInstance& instance) {
    if (instance.kind == OvsInstance::Kind::machine) {
        return failure("stop Open vSwitch", "the machine's own instance is not Warren's to stop");
    }
    if (!path_exists(instance.directory)) { return {}; }
    WARREN_TRY(end_strays(instance));
    bool clean = false;
    bool revived = false;
    Result<void> started;
    for (int attempt = 0; attempt < 2 && !clean; ++attempt) {
        Fd daemon = find_daemon(instance, kSwitch);
        if (!daemon.valid()) {
            // It died or was killed, and its devices are still there: it removes them best itself.
            if (namespace_gone(instance) || !path_exists(database_of(instance))) { break; }
            if (!has_bridges(instance)) { break; }
            revived = true;
            started = start(instance);
            if (!started) { break; }
            daemon = find_daemon(instance, kSwitch);
            if (!daemon.valid()) { break; }
        }
        WARREN_ASSIGN(clean, leave_cleanly(instance, daemon));
    }
    const Fd server = find_daemon(instance, kServer);
    if (server.valid()) { WARREN_TRY(end_process(server.get(), 5s, kServer)); }
    WARREN_TRY(end_strays(instance));  // of a start that failed above
    if (!clean || revived) {           // what the one before had moved to other namespaces is not the new one's
        auto removed = remove_dead_devices(instance);
        if (!removed && !started) { removed.error().reason += "; " + started.error().message(); }
        WARREN_TRY(std::move(removed));
    }
    WARREN_TRY(fault::point("ovs-stopped", instance.directory));
    return remove_tree(instance.directory);
}

// A line of the log: "TIME|NUMBER|MODULE|LEVEL|TEXT".
std::string last_error(const OvsInstance& instance) {
    if (instance.kind == OvsInstance::Kind::machine || find_daemon(instance, kSwitch).valid()) { return {}; }
    const auto log = read_file(file_of(instance, kSwitch, ".log"));
    if (!log) { return {}; }
    std::size_t found = std::string::npos;
    for (const char* level : {"|ERR|", "|EMER|"}) {
        const std::size_t last = log->rfind(level);
        if (last == std::string::npos) { continue; }
        const std::size_t text = log->find('|', last + 1) + 1;
        if (found == std::string::npos || text > found) { found = text; }
    }
    return found == std::string::npos ? "" : log->substr(found, log->find('\n', found) - found);
}

Result<std::string> machine_socket() {
    WARREN_TRY(answers(kMachineSocket));
    return std::string(kMachineSocket);
}

bool kernel_datapath() {
    auto socket = nl::Socket::open(NETLINK_GENERIC);
    if (!socket) { return false; }
    nl::Message message(GENL_ID_CTRL, 0);
    genlmsghdr header{};
    header.cmd = CTRL_CMD_GETFAMILY;
    header.version = 1;
    message.header(header).put_string(CTRL_ATTR_FAMILY_NAME, "ovs_datapath");
    bool found = false;
    const auto asked = socket->ask(std::move(message), "look for the openvswitch datapath",
                                   [&found](const nlmsghdr*) { found = true; });
    return asked.has_value() && found;
}

}  // namespace warren::ovs
