// The dumps of counters. Called by probe/meter.cpp.
#include "linux/counters.hpp"

#include <algorithm>
#include <cerrno>

#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>

namespace warren {
namespace {

// What the disciplines of one interface have dropped. A root counts most of what those below it drop, but not the loss
// that a netem below it makes: the larger of the two is nearest to what is true.
struct QueueDrops {
    std::uint64_t root = 0;
    std::uint64_t below = 0;
    std::uint64_t ingress = 0;
    [[nodiscard]] std::uint64_t all() const { return std::max(root, below) + ingress; }
};

void add_discipline(const nlmsghdr* answer, std::map<int, QueueDrops>& drops) {
    if (answer->nlmsg_type != RTM_NEWQDISC) { return; }
    const auto& header = *nl::body<tcmsg>(answer);
    const auto statistics = nl::attributes<tcmsg>(answer).nested(TCA_STATS2);
    const auto queue = nl::value_of<gnet_stats_queue>(statistics[TCA_STATS_QUEUE]);
    if (queue.drops == 0) { return; }
    QueueDrops& of = drops[header.tcm_ifindex];
    if (header.tcm_parent == TC_H_ROOT) {
        of.root += queue.drops;
    } else if (header.tcm_parent == TC_H_INGRESS) {  // clsact's parent is the same
        of.ingress += queue.drops;
    } else {
        of.below += queue.drops;
    }
}

}  // namespace

Result<std::map<int, Counters>> dump_counters(nl::Socket& socket) {
    std::map<int, Counters> counters;
    nl::Message links(RTM_GETSTATS, NLM_F_DUMP);
    if_stats_msg wanted{};
    wanted.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
    links.header(wanted);
    const auto add_link = [&](const nlmsghdr* answer) {
        const auto index = static_cast<int>(nl::body<if_stats_msg>(answer)->ifindex);
        if (answer->nlmsg_type != RTM_NEWSTATS || index == 0) { return; }
        const auto found = nl::attributes<if_stats_msg>(answer);
        const auto stats = nl::value_of<rtnl_link_stats64>(found[IFLA_STATS_LINK_64]);
        Counters& of = counters[index];
        of.rx_bytes = stats.rx_bytes;
        of.tx_bytes = stats.tx_bytes;
        of.rx_packets = stats.rx_packets;
        of.tx_packets = stats.tx_packets;
        of.dropped = stats.rx_dropped + stats.tx_dropped;
        of.errors = stats.rx_errors + stats.tx_errors;
    };
    WARREN_TRY(socket.dump(std::move(links), "read the interfaces' counters", add_link, [&] { counters.clear(); }));

    std::map<int, QueueDrops> drops;
    nl::Message disciplines(RTM_GETQDISC, NLM_F_DUMP);
    disciplines.header(tcmsg{});
    const auto read = socket.dump(
        std::move(disciplines), "read the counters of queueing disciplines",
        [&](const nlmsghdr* answer) { add_discipline(answer, drops); }, [&] { drops.clear(); });
    if (!read && read.error().code != EOPNOTSUPP) { return tl::unexpected(read.error()); }
    for (const auto& [index, of] : drops) {
        if (const auto found = counters.find(index); found != counters.end()) {
            found->second.queue_dropped = of.all();
        }
    }
    return counters;
}

}  // namespace warren
