// From Shaping to requests and back; see state/shaping.hpp for what is made of what. Knows of no plan under way.
#include "engine/shaping.hpp"

#include <cerrno>

#include <linux/pkt_sched.h>

#include "linux/netns.hpp"
#include "state/shaping.hpp"

namespace warren {
namespace {

constexpr std::uint32_t kBucket = qdisc_handle(kBucketHandle);
constexpr std::uint32_t kUnderBucket = qdisc_class(kBucketHandle, 1);
constexpr std::uint32_t kNetem = qdisc_handle(kNetemHandle);
constexpr std::uint32_t kProgram = qdisc_handle(kProgramHandle);

std::int64_t nanoseconds(std::chrono::microseconds time) { return std::chrono::nanoseconds(time).count(); }

std::chrono::microseconds from_nanoseconds(std::int64_t time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::nanoseconds(time));
}

NetemSettings netem_of(const Shaping& shaping) {
    return {static_cast<std::uint32_t>(shaping.limit),
            nanoseconds(shaping.delay),
            nanoseconds(shaping.jitter),
            shaping.program ? 0 : kernel_share(shaping.loss),
            kernel_share(shaping.duplicate),
            kernel_share(shaping.reorder),
            kernel_share(shaping.corrupt)};
}

void add_netem(Shaping& shaping, const NetemSettings& netem) {
    shaping.limit = netem.limit;
    shaping.delay = from_nanoseconds(netem.latency);
    shaping.jitter = from_nanoseconds(netem.jitter);
    shaping.loss = parts_per_million(netem.loss);
    shaping.duplicate = parts_per_million(netem.duplicate);
    shaping.reorder = parts_per_million(netem.reorder);
    shaping.corrupt = parts_per_million(netem.corrupt);
}

}  // namespace

std::vector<std::pair<nl::Message, std::vector<int>>> shaping_requests(const SetShaping& step, int index) {
    std::vector<std::pair<nl::Message, std::vector<int>>> requests;
    const Shaping& before = step.before;
    const Shaping& after = step.after;
    const bool anew = starts_anew(before, after);
    if (!before.empty() && anew) { requests.push_back({delete_root_qdisc(index, kBucket), {ENOENT, EINVAL}}); }
    if (after.empty()) { return requests; }
    const TokenBucket bucket = token_bucket(after, step.mtu);
    const bool replace = !before.empty() && !anew;
    requests.push_back({set_tbf(index, kBucket, replace, {bucket.rate, bucket.burst, bucket.limit}), {}});
    if (after.has_netem()) { requests.push_back({set_netem(index, kUnderBucket, kNetem, netem_of(after)), {}}); }
    if (!after.program) { return requests; }
    if (!replace || !before.program) {
        requests.push_back({set_htb(index, kUnderBucket, kProgram, static_cast<std::uint32_t>(after.limit)), {}});
    }
    requests.push_back({set_loss_filter(index, kProgram, kFilterPriority, kernel_share(after.loss)), {}});
    return requests;
}

bool may_be_shaped(const std::string& kind) { return kind == "tbf"; }

Result<std::map<int, Shaping>> read_shaping(nl::Socket& socket) {
    WARREN_ASSIGN(const auto qdiscs, dump_qdiscs(socket));
    std::map<int, Shaping> all;
    const std::uint64_t as_it_can = token_bucket({}, 1500).rate;
    for (const auto& qdisc : qdiscs) {
        if (qdisc.handle != kBucket || qdisc.parent != TC_H_ROOT || qdisc.kind != "tbf") { continue; }
        Shaping shaping;
        shaping.rate = qdisc.tbf.rate == as_it_can ? 0 : qdisc.tbf.rate * 8;
        shaping.queue = qdisc.tbf.limit;
        shaping.partial = shaping.rate == 0;
        all.emplace(qdisc.index, shaping);
    }
    for (const auto& qdisc : qdiscs) {
        const auto found = all.find(qdisc.index);
        if (found == all.end() || qdisc.parent != kUnderBucket) { continue; }
        Shaping& shaping = found->second;
        if (qdisc.handle == kNetem && qdisc.kind == "netem") {
            add_netem(shaping, qdisc.netem);
            shaping.partial = !shaping.has_netem();
        } else if (qdisc.handle == kProgram && qdisc.kind == "htb") {
            WARREN_ASSIGN(const auto loss, find_loss_filter(socket, qdisc.index, kProgram, kFilterPriority));
            shaping.limit = qdisc.direct_limit;
            shaping.program = true;
            shaping.loss = parts_per_million(loss.value_or(0));
            shaping.partial = !loss;
        } else {
            continue;
        }
        shaping.queue = 0;
    }
    return all;
}

Result<QdiscSupport> qdisc_support() {
    QdiscSupport support;
    WARREN_TRY(in_throw_away_namespace([&](nl::Socket& socket) -> Result<void> {
        WARREN_ASSIGN(support, try_qdiscs(socket));
        return {};
    }));
    return support;
}

}  // namespace warren
