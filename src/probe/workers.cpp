// A pool of threads that grows as it is needed. Called by check.cpp.
#include "probe/workers.hpp"

namespace warren::probe {

void Workers::run(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
    if (idle_ < waiting_.size() && threads_.size() < kMost) {
        threads_.emplace_back([this] { serve(); });
    }
    news_.notify_one();
}

void Workers::finish() {
    {
        const std::lock_guard lock(mutex_);
        finishing_ = true;
    }
    news_.notify_all();
    for (auto& thread : threads_) { thread.join(); }
    threads_.clear();
}

void Workers::serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        news_.wait(lock, [this] { return !waiting_.empty() || finishing_; });
        --idle_;
        if (waiting_.empty()) { return; }
        const auto work = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        work();
        lock.lock();
    }
}

}  // namespace warren::probe
