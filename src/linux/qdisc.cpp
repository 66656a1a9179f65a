// rtnetlink's words for queueing disciplines and filters. Called by engine/.
#include "linux/qdisc.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <fmt/format.h>
#include <libmnl/libmnl.h>

namespace warren {
namespace {

constexpr std::uint32_t kFilterHandle = 1;
constexpr std::int64_t kTick = 64;  // nanoseconds of the kernel's packet scheduler (psched)

nl::Message request(std::uint16_t type, std::uint16_t flags, int index, std::uint32_t parent, std::uint32_t handle,
                    const char* kind) {
    nl::Message message(type, flags);
    tcmsg head{};
    head.tcm_family = AF_UNSPEC;
    head.tcm_ifindex = index;
    head.tcm_parent = parent;
    head.tcm_handle = handle;
    message.header(head);
    if (kind != nullptr) { message.put_string(TCA_KIND, kind); }
    return message;
}

// Nanoseconds as ticks, at most what 32 bits hold.
std::uint32_t ticks(std::int64_t nanoseconds) {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(nanoseconds / kTick, 0, UINT32_MAX));
}

TbfSettings read_tbf(const nl::Attributes& options) {
    const auto parameters = nl::value_of<tc_tbf_qopt>(options[TCA_TBF_PARMS]);
    TbfSettings settings;
    settings.rate = parameters.rate.rate;
    if (options.has(TCA_TBF_RATE64)) { settings.rate = nl::value_of<std::uint64_t>(options[TCA_TBF_RATE64]); }
    settings.limit = parameters.limit;
    return settings;
}

NetemSettings read_netem(const nlattr* options) {
    const auto parameters = nl::value_of<tc_netem_qopt>(options);
    const auto more = nl::attributes_behind(nl::payload_of(options), sizeof parameters);
    NetemSettings settings;
    settings.limit = parameters.limit;
    settings.latency = static_cast<std::int64_t>(parameters.latency) * kTick;
    settings.jitter = static_cast<std::int64_t>(parameters.jitter) * kTick;
    if (more.has(TCA_NETEM_LATENCY64)) {
        settings.latency = nl::value_of<std::int64_t>(more[TCA_NETEM_LATENCY64]);
        settings.jitter = nl::value_of<std::int64_t>(more[TCA_NETEM_JITTER64]);
    }
    settings.loss = parameters.loss;
    settings.duplicate = parameters.duplicate;
    if (parameters.gap != 0) {
        settings.reorder = nl::value_of<tc_netem_reorder>(more[TCA_NETEM_REORDER]).probability;
    }
    settings.corrupt = nl::value_of<tc_netem_corrupt>(more[TCA_NETEM_CORRUPT]).probability;
    return settings;
}

// Takes a random number for each packet; those up to LOSS are taken away. TC_ACT_STOLEN and not TC_ACT_SHOT, of which
// the sender would be told: to it a packet lost on its way looks sent.
std::array<sock_filter, 4> loss_program(std::uint32_t loss) {
    const auto code = [](int value) { return static_cast<std::uint16_t>(value); };
    constexpr auto kRandom = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM);
    constexpr auto kGoOn = static_cast<std::uint32_t>(TC_ACT_UNSPEC);
    return {{{code(BPF_LD | BPF_W | BPF_ABS), 0, 0, kRandom},
             {code(BPF_JMP | BPF_JGT | BPF_K), 0, 1, loss},
             {code(BPF_RET | BPF_K), 0, 0, kGoOn},
             {code(BPF_RET | BPF_K), 0, 0, TC_ACT_STOLEN}}};
}

// What loss_program() was made with; nothing for any other program.
std::optional<std::uint32_t> read_loss_program(const nl::Attributes& options) {
    const auto* attribute = options[TCA_BPF_OPS];
    std::array<sock_filter, 4> found{};
    if (attribute == nullptr || mnl_attr_get_payload_len(attribute) != sizeof found) { return std::nullopt; }
    std::memcpy(found.data(), mnl_attr_get_payload(attribute), sizeof found);
    const auto expected = loss_program(found[1].k);
    const bool same = std::memcmp(found.data(), expected.data(), sizeof found) == 0;
    return same ? std::optional(found[1].k) : std::nullopt;
}

}  // namespace

Result<std::vector<KernelQdisc>> dump_qdiscs(nl::Socket& socket) {
    std::vector<KernelQdisc> qdiscs;
    WARREN_TRY(socket.dump(
        request(RTM_GETQDISC, NLM_F_DUMP, 0, 0, 0, nullptr), "list queueing disciplines",
        [&](const nlmsghdr* answer) {
            if (answer->nlmsg_type != RTM_NEWQDISC) { return; }
            const auto* head = nl::body<tcmsg>(answer);
            const auto found = nl::attributes<tcmsg>(answer);
            KernelQdisc qdisc;
            qdisc.index = head->tcm_ifindex;
            qdisc.kind = found.text(TCA_KIND);
            qdisc.handle = head->tcm_handle;
            qdisc.parent = head->tcm_parent;
            if (qdisc.kind == "tbf") { qdisc.tbf = read_tbf(found.nested(TCA_OPTIONS)); }
            if (qdisc.kind == "netem") { qdisc.netem = read_netem(found[TCA_OPTIONS]); }
            if (qdisc.kind == "htb") { qdisc.direct_limit = found.nested(TCA_OPTIONS).u32(TCA_HTB_DIRECT_QLEN); }
            qdiscs.push_back(std::move(qdisc));
        },
        [&] { qdiscs.clear(); }));
    return qdiscs;
}

Result<std::optional<std::uint32_t>> find_loss_filter(nl::Socket& socket, int index, std::uint32_t parent,
                                                      std::uint16_t priority) {
    std::optional<std::uint32_t> loss;
    WARREN_TRY(socket.dump(
        request(RTM_GETTFILTER, NLM_F_DUMP, index, parent, 0, nullptr), "list filters of packets",
        [&](const nlmsghdr* answer) {
            if (answer->nlmsg_type != RTM_NEWTFILTER || nl::body<tcmsg>(answer)->tcm_info >> 16U != priority) {
                return;
            }
            const auto found = nl::attributes<tcmsg>(answer);
            if (found.text(TCA_KIND) != "bpf" || nl::body<tcmsg>(answer)->tcm_handle != kFilterHandle) { return; }
            loss = read_loss_program(found.nested(TCA_OPTIONS));
        },
        [&] { loss.reset(); }));
    return loss;
}

nl::Message set_tbf(int index, std::uint32_t handle, bool replace, const TbfSettings& settings) {
    const auto how = static_cast<std::uint16_t>(NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL));
    nl::Message message = request(RTM_NEWQDISC, how, index, TC_H_ROOT, handle, "tbf");
    tc_tbf_qopt parameters{};
    parameters.rate.rate = static_cast<std::uint32_t>(std::min<std::uint64_t>(settings.rate, UINT32_MAX));
    parameters.rate.linklayer = TC_LINKLAYER_ETHERNET;
    parameters.limit = settings.limit;
    const auto nanoseconds = static_cast<std::int64_t>(1e9 * settings.burst / static_cast<double>(settings.rate));
    parameters.buffer = ticks(nanoseconds);  // of kernels that do not know the burst in bytes
    message.begin_nest(TCA_OPTIONS);
    message.put(TCA_TBF_PARMS, &parameters, sizeof parameters);
    if (settings.rate > UINT32_MAX) { message.put(TCA_TBF_RATE64, &settings.rate, sizeof settings.rate); }
    message.put_u32(TCA_TBF_BURST, settings.burst);
    message.end_nest();
    return message;
}

nl::Message set_netem(int index, std::uint32_t parent, std::uint32_t handle, const NetemSettings& settings) {
    nl::Message message = request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, index, parent, handle, "netem");
    tc_netem_qopt parameters{};
    parameters.limit = settings.limit;
    parameters.latency = ticks(settings.latency);
    parameters.jitter = ticks(settings.jitter);
    parameters.loss = settings.loss;
    parameters.duplicate = settings.duplicate;
    parameters.gap = settings.reorder == 0 ? 0 : 1;
    const tc_netem_corr correlation{};
    const tc_netem_reorder reorder{settings.reorder, 0};
    const tc_netem_corrupt corrupt{settings.corrupt, 0};
    message.begin_nest(TCA_OPTIONS);
    message.append(&parameters, sizeof parameters);
    // All of them each time: what is left out stays as it was.
    message.put(TCA_NETEM_CORR, &correlation, sizeof correlation);
    message.put(TCA_NETEM_REORDER, &reorder, sizeof reorder);
    message.put(TCA_NETEM_CORRUPT, &corrupt, sizeof corrupt);
    message.put(TCA_NETEM_LATENCY64, &settings.latency, sizeof settings.latency);
    message.put(TCA_NETEM_JITTER64, &settings.jitter, sizeof settings.jitter);
    message.end_nest();
    return message;
}

nl::Message set_htb(int index, std::uint32_t parent, std::uint32_t handle, std::uint32_t direct_limit) {
    nl::Message message = request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, index, parent, handle, "htb");
    tc_htb_glob parameters{};
    parameters.version = 3;
    parameters.rate2quantum = 10;
    message.begin_nest(TCA_OPTIONS);
    message.put(TCA_HTB_INIT, &parameters, sizeof parameters);
    message.put_u32(TCA_HTB_DIRECT_QLEN, direct_limit);
    message.end_nest();
    return message;
}

nl::Message delete_root_qdisc(int index, std::uint32_t handle) {
    return request(RTM_DELQDISC, 0, index, TC_H_ROOT, handle, nullptr);
}

nl::Message set_loss_filter(int index, std::uint32_t parent, std::uint16_t priority, std::uint32_t loss) {
    nl::Message message(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE);
    tcmsg head{};
    head.tcm_family = AF_UNSPEC;
    head.tcm_ifindex = index;
    head.tcm_parent = parent;
    head.tcm_handle = kFilterHandle;
    head.tcm_info = static_cast<std::uint32_t>(priority) << 16U | htons(ETH_P_ALL);
    message.header(head);
    message.put_string(TCA_KIND, "bpf");
    const auto program = loss_program(loss);
    message.begin_nest(TCA_OPTIONS);
    message.put_u16(TCA_BPF_OPS_LEN, static_cast<std::uint16_t>(program.size()));
    message.put(TCA_BPF_OPS, program.data(), sizeof program);
    message.put_u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
    message.end_nest();
    return message;
}

std::string loss_bytecode(std::uint32_t loss) {
    const auto program = loss_program(loss);
    std::string text = fmt::format("{}", program.size());
    for (const auto& line : program) { text += fmt::format(",{} {} {} {}", line.code, line.jt, line.jf, line.k); }
    return text;
}

Result<QdiscSupport> try_qdiscs(nl::Socket& socket) {
    constexpr int kLoopback = 1;
    constexpr std::uint32_t kHandle = qdisc_handle(1);
    // One that the kernel does not know: ENOENT, or EINVAL of its options.
    const auto has = [&](nl::Message message) -> Result<bool> {
        auto made = socket.send({std::move(message), "try a queueing discipline"});
        if (made) { return true; }
        const int code = made.error().code;
        if (code == ENOENT || code == EINVAL || code == EOPNOTSUPP) { return false; }
        return tl::unexpected(std::move(made).error());
    };
    QdiscSupport support;
    WARREN_ASSIGN(support.tbf, has(set_tbf(kLoopback, kHandle, true, {125'000, 3000, 3000})));
    WARREN_ASSIGN(support.netem, has(set_netem(kLoopback, TC_H_ROOT, qdisc_handle(2), {})));
    WARREN_ASSIGN(support.loss_filter, has(set_htb(kLoopback, TC_H_ROOT, qdisc_handle(3), 1000)));
    if (support.loss_filter) {
        WARREN_ASSIGN(support.loss_filter, has(set_loss_filter(kLoopback, qdisc_handle(3), 1, 1)));
    }
    return support;
}

}  // namespace warren
