// The processes that a keeper keeps: started, followed, started again, ended, taken back after a crash.
//
// One thread, that of the event loop. Knows no client and no socket; what takes time answers through a callback.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/child.hpp"
#include "base/error.hpp"
#include "services/event_loop.hpp"
#include "services/process_records.hpp"
#include "state/state.hpp"

namespace warren {

class KeptProcesses {
public:
    using Done = std::function<void(Result<void>)>;  // called once, perhaps before the call returns

    // ID: keeper_id(). The LOOP must outlive this.
    KeptProcesses(EventLoop& loop, std::string directory, std::string lab, std::string id)
        : loop_(loop), directory_(std::move(directory)), lab_(std::move(lab)), id_(std::move(id)) {}
    KeptProcesses(const KeptProcesses&) = delete;
    KeptProcesses& operator=(const KeptProcesses&) = delete;

    // Once, before all else: reads the records of the keeper before; follows what lives, starts again what has died.
    [[nodiscard]] Result<void> take_back();

    // As Keeper::start, stop, reload, list.
    void start(const std::vector<Process>& processes, Done done);
    void stop(const std::vector<Process>& processes, Done done);
    [[nodiscard]] Result<void> reload(const std::vector<Process>& processes);
    [[nodiscard]] std::vector<Process> list() const;

private:
    enum class Phase { starting, running, waiting, ended, stopping };
    struct Kept {
        Process process;
        Phase phase = Phase::starting;
        ProcessId id;
        Fd pidfd;
        bool child = false;     // ours to wait for; else taken back, its exit status unknown
        std::string status;     // of one that has ended
        unsigned failures = 0;  // deaths in a row, each soon after its start
        EventLoop::Clock::time_point started;
        EventLoop::Token watch = 0;
        EventLoop::Token timer = 0;
        off_t log_start = 0;  // of this run's output in the log
    };
    // A call of start() that waits for readiness.
    struct Starting {
        std::set<ProcessKey> unready;
        std::vector<ProcessKey> made;
        EventLoop::Token timer = 0;
        Done done;
    };
    // A call of stop(). Its leaders end first, then what they left running.
    struct Stopping {
        std::vector<ProcessKey> keys;
        std::set<ProcessKey> alive;
        std::map<EventLoop::Token, Fd> left;
        bool killing = false;  // the grace is over
        EventLoop::Token timer = 0;
        Done done;
    };
    using StartingRef = std::shared_ptr<Starting>;
    using StoppingRef = std::shared_ptr<Stopping>;

    Result<void> check(const std::vector<Process>& processes) const;
    Result<void> begin(const Process& process, const StartingRef& starting);
    Result<void> launch(Kept& kept, ProcessRecord::Phase intent);
    Result<Fd> open_log(Kept& kept) const;
    Result<void> follow(Kept& kept);
    Result<void> watch_pid_file(const Kept& kept);
    void look_at_pid_file(Kept& kept);
    void on_pid_file_events();
    void on_end(const ProcessKey& key);
    void on_unready_end(const ProcessKey& key);
    void start_again(Kept& kept);
    void forget(const ProcessKey& key);
    void finish_starting(const StartingRef& starting, Result<void> result);
    void on_stopped(const ProcessKey& key);
    void sweep(const StoppingRef& stopping);
    void kill_stopping(const StoppingRef& stopping);
    void signal_session(const Kept& kept, int signal) const;
    [[nodiscard]] std::string last_lines(const Kept& kept) const;

    EventLoop& loop_;
    const std::string directory_;
    const std::string lab_;
    const std::string id_;
    std::map<ProcessKey, Kept> kept_;
    std::list<StartingRef> starting_;
    std::list<StoppingRef> stopping_;
    Fd inotify_;  // of the directories of pid files
};

}  // namespace warren
