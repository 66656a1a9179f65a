// Threads for probes that block. Internal to probe/.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace warren::probe {

// Runs what it is given, up to kMost at a time, in the order given. finish() waits for all of it.
class Workers {
public:
    Workers() = default;
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    ~Workers() { finish(); }

    void run(std::function<void()> work);
    void finish();

private:
    static constexpr std::size_t kMost = 256;
    void serve();

    std::mutex mutex_;
    std::condition_variable news_;
    std::deque<std::function<void()>> waiting_;
    std::vector<std::thread> threads_;
    std::size_t idle_ = 0;
    bool finishing_ = false;
};

}  // namespace warren::probe
