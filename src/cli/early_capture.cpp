// The capture that begins with the lab. Called by up.cpp.
#include "cli/early_capture.hpp"

#include <csignal>

#include "base/signal_fd.hpp"
#include "cli/cli.hpp"
#include "linux/netns.hpp"

namespace warren::cli {

Result<EarlyCapture> EarlyCapture::open(const std::string& file, const Lab& lab, const Site& site,
                                        const std::vector<std::string>& hosts) {
    std::vector<CaptureTarget> targets;
    std::set<std::string> missing(hosts.begin(), hosts.end());
    for (const auto& [name, ns] : expand(lab, site).namespaces) {
        if (ns.host.empty()) { continue; }
        const bool named = missing.erase(ns.host) > 0;
        if (named || hosts.empty()) { targets.push_back({ns.host, name, ""}); }
    }
    if (!missing.empty()) { return usage_failure("capture on " + *missing.begin(), "the lab has no such host"); }
    WARREN_ASSIGN(auto capture, Capture::make("", Capture::kLargestFrame));
    WARREN_ASSIGN(auto output, CaptureOutput::open(file));
    EarlyCapture early(std::move(output), std::move(capture));
    early.waiting_ = std::move(targets);
    return early;
}

void EarlyCapture::look() {
    std::erase_if(waiting_, [this](const CaptureTarget& target) {
        if (namespace_inode(target.net_namespace) == 0) { return false; }
        if (auto added = capture_.add(target); !added && !fault_) { fault_ = added.error(); }
        return true;
    });
}

Result<void> EarlyCapture::finish(bool goes_on) {
    const SignalFd signals{SIGINT, SIGTERM, SIGHUP};
    std::optional<std::chrono::steady_clock::time_point> until;
    if (goes_on) {
        look();
    } else {
        until = std::chrono::steady_clock::now();
    }
    const auto done = output_.run(capture_, 0, signals.fd(), until);
    output_.tell(capture_);
    if (done && fault_) { return tl::unexpected(*fault_); }
    return done;
}

}  // namespace warren::cli
