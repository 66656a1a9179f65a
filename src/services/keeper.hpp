// The keeper: one process per lab that keeps the lab's processes (dnsmasq, DHCP clients, services) running.
//
// The keeper itself is `warren keeper DIRECTORY LAB`, started by Keeper::ensure() in a session of its own. It
// follows its children by pidfd, starts them again with backoff when they end (at once, then after 100 ms
// doubling to 10 s while they end within 1 s of their start), has what they print in a log, and records each
// in DIRECTORY/processes/ before it answers. When the keeper is killed or gets SIGTERM its children go on;
// the next keeper reads the records and takes them back. It listens on DIRECTORY/keeper.sock (0600) and answers
// only its own user and root (SO_PEERCRED). It holds a lock on DIRECTORY/keeper.lock, which has its pid.
//
// Each process is the leader of a session of its own, in its namespace, with WARREN_LAB, WARREN_HOST,
// WARREN_PROCESS and WARREN_ID (the keeper's own, random) in its environment.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "state/state.hpp"

namespace warren {

// The keeper's main loop; returns when told to stop. DIRECTORY is the lab's record directory
// (/run/warren/LAB). Called by the hidden verb `keeper`, for a process that does nothing else: it closes all
// descriptors over 2, goes to "/", and blocks SIGTERM, SIGINT and SIGHUP. When it listens it writes "ready\n" to
// standard output and leaves that for /dev/null.
[[nodiscard]] Result<void> run_keeper(const std::string& directory, const std::string& lab);

// A connection to a lab's keeper. Blocking, with a deadline of 10 s for each answer (20 s for start). One
// thread at a time. A keeper that ends before it has answered: ECONNRESET in `code`.
class Keeper {
public:
    // Connects; fails with ENOENT or ECONNREFUSED in `code` where no keeper runs.
    [[nodiscard]] static Result<Keeper> connect(const std::string& directory);
    // Connects, starting a keeper (PROGRAM keeper DIRECTORY LAB) where none runs.
    [[nodiscard]] static Result<Keeper> ensure(const std::string& directory, const std::string& lab,
                                               const std::string& program);

    // Starts all these, in parallel; returns when each runs and is ready (a DHCP server: its pid file is
    // written, so that it listens), or fails naming the first that did not, with the last lines of its log;
    // then none that this call started is kept. One that runs already is left alone; one that has ended or
    // waits for its next try is started now; one that is kept with another command is an error (EEXIST).
    [[nodiscard]] Result<void> start(const std::vector<Process>& processes);
    // Ends these, with what they started, and forgets them (SIGTERM, after 2 s SIGKILL). One that is not
    // known is no failure. They are known by host and name.
    [[nodiscard]] Result<void> stop(const std::vector<Process>& processes);
    // SIGHUP to each.
    [[nodiscard]] Result<void> reload(const std::vector<Process>& processes);
    // Everything that it keeps, with pid and status.
    [[nodiscard]] Result<std::vector<Process>> list();
    // Ends the keeper (not its children); returns when it has gone.
    [[nodiscard]] Result<void> quit();

private:
    explicit Keeper(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

// What the records in DIRECTORY say, without a keeper: pid 0 and status "dead" where the process has gone,
// or how it ended where it is not to be started again.
// A record that cannot be read whole is an error.
[[nodiscard]] Result<std::vector<Process>> recorded_processes(const std::string& directory);

// Where the keeper has the process' standard output and error: DIRECTORY/log/HOST:NAME.log, and the part
// before it in HOST:NAME.log.1 (a log over 1 MiB is put aside at the next start).
[[nodiscard]] std::string process_log_path(const std::string& directory, const Process& process);

// What a DHCP client runs when something happens to a lease (dhclient-script(8), udhcpc's script): puts
// the address with its lifetime, the routes (protocol RTPROT_DHCP), the MTU in place by netlink, in
// the namespace that it runs in, and writes RESOLV_CONF (from the environment variable
// WARREN_RESOLV_CONF). Called by the program when its name is "dhcp-script" (a symbolic link to it). Returns
// the exit status.
[[nodiscard]] int run_dhcp_script(int argc, char** argv);

}  // namespace warren
