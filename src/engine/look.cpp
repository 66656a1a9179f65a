// Fills in a look: the site, the wanted and the observed state, their difference. Knows of no change.
#include "engine/look.hpp"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/fd.hpp"
#include "engine/observe.hpp"
#include "engine/remains.hpp"
#include "engine/shaping.hpp"
#include "linux/link.hpp"
#include "linux/netns.hpp"
#include "ovs/daemons.hpp"
#include "state/shaping.hpp"

namespace warren {
namespace {

constexpr const char* kTbfHint = "modprobe sch_tbf; a kernel with CONFIG_NET_SCH_TBF";
constexpr const char* kNetemHint =
    "modprobe sch_netem; a kernel with CONFIG_NET_SCH_NETEM (Debian's cloud kernel lacks it: apt-get install "
    "linux-image-amd64; Ubuntu's has it in linux-modules-extra)";

// Whether it matters how packets are lost here.
bool loses_packets(const Lab& lab) {
    const auto some = [](const LinkImpairments& of) {
        return of.out.loss.value_or(0) != 0 || of.in.loss.value_or(0) != 0;
    };
    const auto of_link = [&](const CableLink& link) { return some(link.impairments); };
    const auto of_interface = [&](const Interface& interface) { return some(interface.impairments); };
    return some(lab.defaults.interface_impairments) || std::any_of(lab.links.begin(), lab.links.end(), of_link) ||
           std::any_of(lab.hosts.begin(), lab.hosts.end(), [&](const Host& host) {
               return std::any_of(host.interfaces.begin(), host.interfaces.end(), of_interface);
           });
}

bool is_shared(const std::optional<OvsInstance>& instance) {
    return instance && instance->kind == OvsInstance::Kind::warren;
}

bool uses_vlans_on_bridge(const State& wanted) {
    for (const auto& [name, ns] : wanted.namespaces) {
        for (const auto& [link_name, link] : ns.links) {
            if (link.vlan_filtering) { return true; }
        }
    }
    return false;
}

// Told by the names that the lab's file has.
std::string device_text(const State& wanted, const std::string& ns, const Link& link) {
    const std::string& host = wanted.namespaces.at(ns).host;
    if (!host.empty()) { return host + ":" + link.name; }
    const auto far = wanted.namespaces.find(link.peer_namespace);
    if (far != wanted.namespaces.end() && !far->second.host.empty()) { return far->second.host + ":" + link.peer; }
    return link.name;
}

// What the kernel has is tried once, when it is first asked for, and kept in SUPPORT.
Result<QdiscSupport> ask(std::optional<QdiscSupport>& support) {
    if (!support) { WARREN_ASSIGN(support, qdisc_support()); }
    return *support;
}

Result<void> check_shaping(const State& wanted, std::optional<QdiscSupport>& known) {
    for (const auto& [ns_name, ns] : wanted.namespaces) {
        for (const auto& [name, link] : ns.links) {
            const Shaping& shaping = link.shaping;
            if (shaping.empty()) { continue; }
            WARREN_ASSIGN(const QdiscSupport support, ask(known));
            const std::string what =
                fmt::format("set {} for {}", shaping_text(shaping), device_text(wanted, ns_name, link));
            if (!support.tbf) { return lacking_failure(what, "this kernel has no tbf", kTbfHint); }
            if (shaping.has_netem() && !support.netem) {
                return lacking_failure(what, "this kernel has no netem; rate and loss work without it", kNetemHint);
            }
            if (shaping.program && !support.loss_filter) {
                return lacking_failure(what, "this kernel has no netem, nor htb with filters of BPF", kNetemHint);
            }
        }
    }
    return {};
}

// What the machine must have for this state. Told before anything is made.
Result<void> check_machine(const State& wanted, const Site& site, std::optional<QdiscSupport>& support) {
    for (const auto& [key, process] : wanted.processes) {
        if (process.role == ProcessRole::dhcp_server && site.dnsmasq.empty()) {
            return lacking_failure("run the DHCP server of network " + process.network, "dnsmasq is not installed",
                                   "apt-get install dnsmasq-base");
        }
        if (process.role == ProcessRole::dhcp_client && site.dhcp_client.empty()) {
            return lacking_failure("get an address by DHCP for " + process.host + ":" + process.device,
                                   "neither dhclient nor udhcpc is installed", "apt-get install isc-dhcp-client");
        }
    }
    if (uses_vlans_on_bridge(wanted)) {
        WARREN_ASSIGN(const bool filters, bridge_filters_vlans());
        if (!filters) {
            return lacking_failure("put VLANs on a Linux bridge", "this kernel's bridge does not filter VLANs",
                                   "use kind: ovs for that switch, or a kernel with CONFIG_BRIDGE_VLAN_FILTERING");
        }
    }
    for (const auto& [name, bridge] : wanted.bridges) {
        if (bridge.datapath_type == "system" && !site.ovs_kernel_datapath) {
            return lacking_failure("make switch " + name + " with datapath: system",
                                   "this kernel has no Open vSwitch datapath",
                                   "leave datapath out, or load the module openvswitch (CONFIG_OPENVSWITCH)");
        }
    }
    return check_shaping(wanted, support);
}

// Things that the diff cannot see: a link where a bridge's own is to come, files that somebody else made.
void add_conflicts(const State& observed, const State& wanted, const Site& site, const std::string& lab,
                   std::vector<Conflict>& conflicts) {
    const std::string root = wanted.ovs ? wanted.ovs->net_namespace : kMachineNamespace;
    if (const auto ns = observed.namespaces.find(root); ns != observed.namespaces.end()) {
        for (const auto& [name, bridge] : wanted.bridges) {
            const auto link = ns->second.links.find(name);
            if (observed.bridges.contains(name) || link == ns->second.links.end()) { continue; }
            if (link->second.alias.starts_with(mark_prefix(lab))) { continue; }
            const std::string owner = lab_of_mark(link->second.alias);
            conflicts.push_back({"link " + name, owner.empty() ? "not made by Warren" : "lab " + owner});
        }
    }
    for (const auto& [path, file] : observed.files) {
        if (!path.starts_with(site.etc_netns + "/") || !wanted.files.contains(path)) { continue; }
        if (!file.link_target.starts_with(site.runtime + "/")) {
            conflicts.push_back({path, "not made by Warren"});
        } else if (!file.link_target.starts_with(lab_directory(site, lab) + "/")) {
            const std::string rest = file.link_target.substr(site.runtime.size() + 1);
            conflicts.push_back({path, "lab " + rest.substr(0, rest.find('/'))});
        }
    }
}

// A sysctl that the file no longer names goes back to what it was before.
void restore_sysctls(State& wanted, const Record& record) {
    for (const auto& [ns, values] : record.sysctls) {
        const auto found = wanted.namespaces.find(ns);
        if (found == wanted.namespaces.end() || found->second.attached) { continue; }
        for (const auto& [key, value] : values) { found->second.sysctls.try_emplace(key, value); }
    }
    for (auto& [name, ns] : wanted.namespaces) {
        if (ns.attached) { ns.sysctls.merge(to_restore(ns.attached->before, ns.sysctls)); }
    }
}

}  // namespace

Result<bool> bridge_filters_vlans() {
    bool knows = false;
    WARREN_TRY(in_throw_away_namespace([&](nl::Socket& socket) -> Result<void> {
        auto made = socket.send({new_bridge("probe", MacAddress::derived("probe"), 1500, false, true, 0),
                                 "make a throw-away bridge that filters VLANs"});
        if (!made && made.error().code != EOPNOTSUPP && made.error().code != EINVAL) { return made; }
        knows = made.has_value();
        return {};
    }));
    return knows;
}

namespace {

Result<Site> site_with(const Site& base, const Lab& lab, const std::optional<Record>& record,
                       std::optional<QdiscSupport>& known) {
    Site site = base;
    if (loses_packets(lab)) {
        WARREN_ASSIGN(const QdiscSupport support, ask(known));
        site.netem = support.netem;
    }
    const bool ovs = std::any_of(lab.switches.begin(), lab.switches.end(),
                                 [&](const Switch& sw) { return kind_of(lab, sw) == SwitchKind::ovs; });
    if (!ovs) { return site; }
    site.ovs_kernel_datapath = ovs::kernel_datapath();
    const bool secluded = lab.root == RootKind::secluded;
    if (record && record->ovs && record->secluded == secluded) {
        site.ovs = *record->ovs;
    } else if (secluded) {
        site.ovs = {OvsInstance::Kind::lab, lab_directory(base, lab.name) + "/ovs", lab.name};
    } else if (auto socket = ovs::machine_socket()) {
        site.ovs = {OvsInstance::Kind::machine, socket->substr(0, socket->rfind('/')), ""};
    } else {
        site.ovs = shared_ovs(site);
    }
    return site;
}

}  // namespace

Result<Site> site_for(const Site& base, const Lab& lab, const std::optional<Record>& record) {
    std::optional<QdiscSupport> support;
    return site_with(base, lab, record, support);
}

Result<void> Look::prepare(const Site& base, const Lab& lab, std::optional<Record> found) {
    lab_ = lab.name;
    if (found && found->boot == boot_id()) { record = std::move(found); }
    std::optional<QdiscSupport> support;
    WARREN_ASSIGN(site, site_with(base, lab, record, support));
    wanted = expand(lab, site);
    WARREN_TRY(check_machine(wanted, site, support));
    WARREN_ASSIGN(attached, find_attached(lab_, wanted, record));
    if (record) { restore_sysctls(wanted, *record); }
    return {};
}

Result<void> Look::compare(Sockets& sockets) {
    WARREN_ASSIGN(observed, observe({lab_, record ? &*record : nullptr, &wanted, &site}, sockets));
    difference = diff(observed, wanted, lab_);
    add_conflicts(observed, wanted, site, lab_, difference.conflicts);
    difference.conflicts.insert(difference.conflicts.end(), attached.conflicts.begin(), attached.conflicts.end());
    unknown = unknown_leases(observed, wanted, site, lab_);
    return {};
}

Result<void> Look::refuse_conflicts() const {
    if (!attached.faults.empty()) { return tl::unexpected(attached.faults.front()); }
    const auto& conflicts = difference.conflicts;
    if (conflicts.empty()) { return {}; }
    std::string reason;
    constexpr std::size_t kShown = 10;
    for (std::size_t i = 0; i < std::min(conflicts.size(), kShown); ++i) {
        reason += fmt::format("{}{} is taken ({})", i == 0 ? "" : ", ", conflicts[i].object, conflicts[i].owner);
    }
    if (conflicts.size() > kShown) { reason += fmt::format(", and {} more", conflicts.size() - kShown); }
    return failure(
        "bring up lab " + lab_, reason,
        "give it another name in the file, or set 'root: private', where nothing can clash; 'warren clean' "
        "removes what labs that are gone have left");
}

std::vector<Change> Look::changes() const {
    auto all = warren::changes(difference.plan, observed, wanted);
    for (const auto& lease : unknown) { all.push_back(lease.change()); }
    return all;
}

bool Look::shares_ovs() const { return is_shared(wanted.ovs) || (record && is_shared(record->ovs)); }

const OvsInstance* Look::dead_ovs() const {
    if (!record || !record->ovs || observed.ovs) { return nullptr; }
    const OvsInstance& instance = *record->ovs;
    const bool dead = instance.kind != OvsInstance::Kind::machine && !ovs::namespace_gone(instance) &&
                      path_exists(instance.directory);
    return dead ? &instance : nullptr;
}

}  // namespace warren
