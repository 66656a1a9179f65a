// The commands of each kind of step. Pure.
#include <algorithm>

#include <fmt/format.h>

#include "linux/qdisc.hpp"
#include "ovs/bridges.hpp"
#include "ovs/daemons.hpp"
#include "state/shaping.hpp"
#include "views/explain.hpp"
#include "views/shell.hpp"

namespace warren::explained {
namespace {

using Words = std::vector<std::string>;
using Commands = std::vector<std::string>;

Words operator+(Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

// "ip -n red", "bridge -n red".
Words in(const char* tool, const std::string& ns) {
    if (ns == kMachineNamespace) { return {tool}; }
    return {tool, "-n", ns};
}

Words inside(const std::string& ns) {
    if (ns == kMachineNamespace) { return {}; }
    return {"ip", "netns", "exec", ns};
}

// As `ip link set … netns` takes it; process 1 is in the machine's.
std::string target(const std::string& ns) { return ns == kMachineNamespace ? "1" : ns; }

std::string joined(const std::vector<Vlan>& vlans) {
    std::string text;
    for (const Vlan vlan : vlans) { text += fmt::format("{}{}", text.empty() ? "" : ",", vlan); }
    return text;
}

std::string on_off(bool on) { return on ? "on" : "off"; }

class Writer {
public:
    explicit Writer(const ExplainStyle& style) : style_(style) {}
    Commands take() { return std::move(out_); }

    void operator()(const AddNamespace& s) {
        if (s.value.attached) { return attach(s.value); }
        run({"ip", "netns", "add", s.value.name});
        run({"ip", "-n", s.value.name, "link", "set", "lo", "up"});
    }
    void operator()(const DelNamespace& s) {
        if (s.value.attached) { return leave(s.value); }
        const std::string name = shell::quoted(s.value.name);
        text(fmt::format("ip netns pids {} | xargs -r kill || true", name));
        run({"ip", "netns", "del", s.value.name});
    }

    void operator()(const AddBridge& s) {
        const Link& link = s.value;
        Words words = in("ip", s.ns) + Words{"link",
                                             "add",
                                             link.name,
                                             "address",
                                             link.mac.to_string(),
                                             "mtu",
                                             std::to_string(link.mtu),
                                             "type",
                                             "bridge",
                                             "stp_state",
                                             link.stp ? "1" : "0"};
        if (link.vlan_filtering) { words = words + Words{"vlan_filtering", "1", "vlan_default_pvid", "0"}; }
        run(words);
        settle(s.ns, link);
    }
    void operator()(const DelBridge& s) { run(in("ip", s.ns) + Words{"link", "del", s.value.name}); }

    void operator()(const AddVeth& s) {
        // Half of a broken pair has no name to be made with.
        if (s.a.name.empty() || s.b.name.empty()) { return; }
        if (s.ns_b == kMachineNamespace && s.ns_a != kMachineNamespace) {
            return (*this)(AddVeth{s.ns_b, s.b, s.ns_a, s.a});
        }
        const auto end = [](const Link& link) {
            return Words{link.name, "address", link.mac.to_string(), "mtu", std::to_string(link.mtu)};
        };
        Words words =
            in("ip", s.ns_a) + Words{"link", "add"} + end(s.a) + Words{"type", "veth", "peer", "name"} + end(s.b);
        if (s.ns_a != s.ns_b) { words = words + Words{"netns", s.ns_b}; }
        run(words);
        settle(s.ns_a, s.a);
        settle(s.ns_b, s.b);
    }
    void operator()(const DelVeth& s) {
        if (s.with_namespace) { return; }
        const bool a_known = !s.a.name.empty();
        run(in("ip", a_known ? s.ns_a : s.ns_b) + Words{"link", "del", a_known ? s.a.name : s.b.name});
    }

    void operator()(const PlaceInternal& s) {
        if (s.from != s.ns) { run(in("ip", s.from) + Words{"link", "set", s.value.name, "netns", target(s.ns)}); }
        run(in("ip", s.ns) + Words{"link", "set", s.value.name, "address", s.value.mac.to_string(), "mtu",
                                   std::to_string(s.value.mtu)});
        settle(s.ns, s.value);
    }
    void operator()(const UnplaceInternal& s) {
        if (s.with_port || s.from == s.ns) { return; }
        run(in("ip", s.ns) + Words{"link", "set", s.value.name, "down", "netns", target(s.from)});
    }
    void operator()(const DelStray& s) { run(in("ip", s.ns) + Words{"link", "del", s.value.name}); }

    void operator()(const SetLink& s) {
        const Link& before = s.before;
        const Link& after = s.after;
        Words words;
        if (before.mac != after.mac) { words = words + Words{"address", after.mac.to_string()}; }
        if (before.mtu != after.mtu) { words = words + Words{"mtu", std::to_string(after.mtu)}; }
        if (before.master != after.master) {
            words = words + (after.master.empty() ? Words{"nomaster"} : Words{"master", after.master});
        }
        const Words set = in("ip", s.ns) + Words{"link", "set", after.name};
        if (!words.empty()) { run(set + words); }
        Words bridge;
        if (before.stp != after.stp) { bridge = bridge + Words{"stp_state", after.stp ? "1" : "0"}; }
        if (before.vlan_filtering != after.vlan_filtering) {
            bridge = bridge + Words{"vlan_filtering", after.vlan_filtering ? "1" : "0"};
        }
        if (!bridge.empty()) { run(set + Words{"type", "bridge"} + bridge); }
        if (before.up != after.up) { run(set + Words{after.up ? "up" : "down"}); }
        if (before.vlans != after.vlans) {
            if (before.vlans) { vlans(s.ns, after.name, *before.vlans, "del"); }
            if (after.vlans) { vlans(s.ns, after.name, *after.vlans, "add"); }
        }
        if (before.tx_checksum != after.tx_checksum) { checksum(s.ns, after); }
    }

    void operator()(const AddAddress& s) {
        const bool v4 = s.value.address.is_v4();
        Words words = in("ip", s.ns) + Words{"addr", "add", s.value.to_string()};
        if (v4 && s.value.length < 31) { words = words + Words{"brd", "+"}; }
        words = words + Words{"dev", s.device};
        if (!v4) { words.emplace_back("nodad"); }
        run(words);
    }
    void operator()(const DelAddress& s) {
        // A secondary address may have gone with its primary.
        attempt(in("ip", s.ns) + Words{"addr", "del", s.value.to_string(), "dev", s.device});
    }
    void operator()(const AddRoute& s) { run(route(s.ns, "replace", s.value)); }
    void operator()(const DelRoute& s) { attempt(route(s.ns, "del", s.value)); }
    void operator()(const AddNeighbour& s) {
        run(in("ip", s.ns) + Words{"neigh", "replace", s.address.to_string(), "lladdr", s.mac.to_string(), "dev",
                                   s.device, "nud", "permanent"});
    }
    void operator()(const DelNeighbour& s) {
        attempt(in("ip", s.ns) + Words{"neigh", "del", s.address.to_string(), "dev", s.device});
    }

    void operator()(const SetShaping& s) {
        const Shaping& before = s.before;
        const Shaping& after = s.after;
        const auto major = [](std::uint16_t handle) { return fmt::format("{:x}:", handle); };
        const Words tc = in("tc", s.ns);
        const Words on{"dev", s.device};
        const Words under_bucket = Words{"parent", major(kBucketHandle) + "1", "handle"};
        const bool anew = starts_anew(before, after);
        const char* verb = before.empty() || anew ? "add" : "replace";
        if (!before.empty() && anew) { run(tc + Words{"qdisc", "del"} + on + Words{"root"}); }
        if (after.empty()) { return; }
        const TokenBucket bucket = token_bucket(after, s.mtu);
        run(tc + Words{"qdisc", verb} + on +
            Words{"root", "handle", major(kBucketHandle), "tbf", "rate", rate_text(bucket.rate * 8), "burst",
                  std::to_string(bucket.burst), "limit", std::to_string(bucket.limit)});
        const std::string limit = std::to_string(after.limit);
        if (after.has_netem()) {
            Words words = tc + Words{"qdisc", "replace"} + on + under_bucket +
                          Words{major(kNetemHandle), "netem", "limit", limit};
            if (after.delay.count() != 0) { words = words + Words{"delay", latency_text(after.delay)}; }
            if (after.jitter.count() != 0) { words.push_back(latency_text(after.jitter)); }
            for (const auto key : {"loss", "duplicate", "reorder", "corrupt"}) {
                const std::string share = shaping_text(after, key);
                if (!share.empty()) { words = words + Words{key, share}; }
            }
            run(words);
        }
        if (!after.program) { return; }
        if (anew || !before.program) {
            run(tc + Words{"qdisc", "replace"} + on + under_bucket +
                Words{major(kProgramHandle), "htb", "direct_qlen", limit});
        }
        run(tc + Words{"filter", "replace"} + on +
            Words{"parent", major(kProgramHandle), "protocol", "all", "pref", std::to_string(kFilterPriority),
                  "handle", "1", "bpf", "da", "bytecode", loss_bytecode(kernel_share(after.loss))});
    }
    void operator()(const SetSysctl& s) {
        if (s.after.empty()) { return; }
        std::string key = s.key;
        if (const auto device = sysctl_device(key); device.find('.') != std::string_view::npos) {
            // net.ipv4.conf.eth0.100.x: with dots in a name the parts are kept apart by slashes.
            const std::size_t at = static_cast<std::size_t>(device.data() - key.data());
            for (std::size_t i = 0; i < key.size(); ++i) {
                if (key[i] == '.' && (i < at || i >= at + device.size())) { key[i] = '/'; }
            }
        }
        run(inside(s.ns) + Words{"sysctl", "-q", "-w", key + "=" + s.after});
    }

    void operator()(const StartOvs& s) {
        if (s.value.kind == OvsInstance::Kind::machine) { return; }
        const std::string dir = shell::quoted(s.value.directory);
        const std::string exec = s.value.net_namespace.empty()
                                     ? std::string()
                                     : "ip netns exec " + shell::quoted(s.value.net_namespace) + " ";
        std::string settings;
        for (const auto& [key, value] : ovs::daemon_settings()) {
            settings += fmt::format(" \\\n        other_config:{}={}", key, value);
        }
        text(
            fmt::format("if [ ! -e {0}/ovs-vswitchd.pid ]; then\n"
                        "    mkdir -p -m 700 {0}\n"
                        "    ovsdb-tool create {0}/conf.db {1}\n"
                        "    {2}ovsdb-server -vconsole:err -vsyslog:off --pidfile --log-file --detach \\\n"
                        "        --remote=punix:{0}/db.sock {0}/conf.db\n"
                        "    ovs-vsctl --no-wait init -- set Open_vSwitch .{3}\n"
                        "    {2}ovs-vswitchd -vconsole:err -vsyslog:off --pidfile --log-file --detach \\\n"
                        "        unix:{0}/db.sock\n"
                        "fi",
                        dir, ovs::kSchema, exec, settings));
    }
    void operator()(const StopOvs& s) {
        if (s.value.kind == OvsInstance::Kind::machine) { return; }
        text(
            fmt::format("if [ -z \"$(ovs-vsctl list-br)\" ]; then\n"
                        "    ovs-appctl -t ovs-vswitchd exit --cleanup\n"
                        "    ovs-appctl -t ovsdb-server exit\n"
                        "    rm -r {}\n"
                        "fi",
                        shell::quoted(s.value.directory)));
    }

    void operator()(const AddOvsBridge& s) {
        const OvsBridge& bridge = s.value;
        Words words{"ovs-vsctl", "add-br", bridge.name, "--",
                    "set",       "bridge", bridge.name, "datapath_type=" + bridge.datapath_type};
        if (!bridge.fail_mode.empty()) { words.push_back("fail_mode=" + bridge.fail_mode); }
        if (bridge.stp) { words.emplace_back("stp_enable=true"); }
        if (!bridge.protocols.empty()) { words.push_back(protocols(bridge)); }
        if (!bridge.mac.is_zero()) { words.push_back("other_config:hwaddr=" + bridge.mac.to_string()); }
        if (!bridge.dpid.empty()) { words.push_back("other_config:datapath-id=" + bridge.dpid); }
        run(words);
        if (!bridge.controller.empty()) { controller(bridge); }
        for (const auto& [name, port] : bridge.ports) { add_port(bridge.name, port); }
    }
    void operator()(const DelOvsBridge& s) { run({"ovs-vsctl", "del-br", s.value.name}); }
    void operator()(const SetOvsBridge& s) {
        const OvsBridge& before = s.before;
        const OvsBridge& after = s.after;
        const std::string& name = after.name;
        Words words;
        if (before.datapath_type != after.datapath_type) {
            words.push_back("datapath_type=" + after.datapath_type);
        }
        if (before.fail_mode != after.fail_mode) {
            words.push_back("fail_mode=" + (after.fail_mode.empty() ? "[]" : after.fail_mode));
        }
        if (before.stp != after.stp) {
            words.push_back(std::string("stp_enable=") + (after.stp ? "true" : "false"));
        }
        if (before.protocols != after.protocols) {
            words.push_back(after.protocols.empty() ? "protocols=[]" : protocols(after));
        }
        if (before.mac != after.mac && !after.mac.is_zero()) {
            words.push_back("other_config:hwaddr=" + after.mac.to_string());
        }
        if (before.dpid != after.dpid && !after.dpid.empty()) {
            words.push_back("other_config:datapath-id=" + after.dpid);
        }
        if (!words.empty()) { run(Words{"ovs-vsctl", "set", "bridge", name} + words); }
        if (before.dpid != after.dpid && after.dpid.empty()) {
            run({"ovs-vsctl", "remove", "bridge", name, "other_config", "datapath-id"});
        }
        if (before.controller != after.controller) {
            if (after.controller.empty()) {
                run({"ovs-vsctl", "del-controller", name});
            } else {
                controller(after);
            }
        }
    }
    void operator()(const AddOvsPort& s) { add_port(s.bridge, s.value); }
    void operator()(const DelOvsPort& s) { run({"ovs-vsctl", "del-port", s.bridge, s.value.name}); }
    void operator()(const SetOvsPort& s) {
        Words set;
        Words clear;
        const auto put = [&](const char* column, const std::string& before, const std::string& after) {
            if (before == after) { return; }
            if (after.empty()) {
                clear.emplace_back(column);
            } else {
                set.push_back(std::string(column) + "=" + after);
            }
        };
        const auto tag = [](const OvsPort& port) { return port.tag ? std::to_string(*port.tag) : std::string(); };
        put("tag", tag(s.before), tag(s.after));
        put("trunks", joined(s.before.trunks), joined(s.after.trunks));
        put("vlan_mode", vlan_mode(s.before), vlan_mode(s.after));
        if (!set.empty()) { run(Words{"ovs-vsctl", "set", "port", s.after.name} + set); }
        if (!clear.empty()) { run(Words{"ovs-vsctl", "clear", "port", s.after.name} + clear); }
    }

    void operator()(const PutFile& s) {
        const std::string parent = s.path.substr(0, s.path.rfind('/'));
        if (s.after.directory) {
            run({"mkdir", "-p", "-m", "700", s.path});
        } else if (!s.after.link_target.empty()) {
            if (parent == style_.site.etc_netns) { run({"mkdir", "-p", "-m", "755", parent}); }
            if (style_.by_hand && s.after.link_target == style_.site.warren) {
                text(shell::write_file(s.path, dhcp_client_script()));
                run({"chmod", "700", s.path});
            } else {
                run({"ln", "-sfnT", s.after.link_target, s.path});
            }
        } else {
            text(shell::write_file(s.path, s.after.content));
            // For the host's programs, whoever they run as.
            if (s.path.find("/etc/") != std::string::npos) { run({"chmod", "644", s.path}); }
        }
    }
    void operator()(const DelFile& s) {
        if (s.before.directory) {
            run({"rmdir", "--ignore-fail-on-non-empty", s.path});
        } else {
            run({"rm", "-f", s.path});
        }
    }

    void operator()(const StartProcess& s) {
        switch (s.value.role) {
            case ProcessRole::dhcp_server:
                return run(prefix(s.value) + server(s.value));
            case ProcessRole::dhcp_client:
                return run(prefix(s.value) + client(s.value));
            case ProcessRole::service:
                return service(s.value);
        }
    }
    void operator()(const StopProcess& s) {
        const std::string& ns = s.value.net_namespace;
        text(fmt::format("end_in {} {}", shell::quoted(ns), shell::quoted(pid_file(s.value, style_))));
        if (s.value.role == ProcessRole::dhcp_client) {
            // What it brought is not taken away by its end.
            run(Words{"ip", "-4", "-n", ns, "route", "flush", "dev", s.value.device, "proto", "dhcp"});
            run(Words{"ip", "-4", "-n", ns, "addr", "flush", "dev", s.value.device, "dynamic"});
        }
    }
    void operator()(const ReloadProcess& s) {
        if (s.on_undo) { return; }
        text(fmt::format("kill -HUP \"$(cat {})\"", shell::quoted(pid_file(s.value, style_))));
    }
    // It starts again what ends; by hand nobody does.
    void operator()(const StartKeeper&) {}
    void operator()(const StopKeeper&) {}

private:
    void run(const Words& words) { text(shell::command(words)); }
    // Success where it was so already.
    void attempt(const Words& words) { text(shell::command(words) + " 2>/dev/null || true"); }
    void text(std::string command) { out_.push_back(std::move(command)); }

    void attach(const Namespace& ns) {
        if (!ns.attached->marked) { return; }  // the mark alone is missing, which nobody sets by hand
        if (ns.attached->path.empty()) {
            return run({"ip", "netns", "attach", ns.name, std::to_string(ns.attached->pid)});
        }
        const std::string name = "/run/netns/" + ns.name;
        run({"mkdir", "-p", "/run/netns"});
        run({"touch", name});
        run({"mount", "--bind", ns.attached->path, name});
    }
    // What its settings were before nobody has noted who made it by hand.
    void leave(const Namespace& ns) {
        for (const auto& [key, value] : ns.sysctls) {
            text("# " + key + " stays as it was set: put back what it was before");
        }
        run({"ip", "netns", "del", ns.name});
    }
    void settle(const std::string& ns, const Link& link) {
        Words words = in("ip", ns) + Words{"link", "set", link.name, "addrgenmode", "none"};
        if (!link.master.empty()) { words = words + Words{"master", link.master}; }
        run(words);
        if (link.up) { run(in("ip", ns) + Words{"link", "set", link.name, "up"}); }
        if (!link.tx_checksum) { checksum(ns, link); }
        if (link.vlans) { vlans(ns, link.name, *link.vlans, "add"); }
    }
    void checksum(const std::string& ns, const Link& link) {
        text(shell::command(inside(ns) + Words{"ethtool", "-K", link.name, "tx", on_off(link.tx_checksum)}) +
             " >/dev/null");
    }
    void vlans(const std::string& ns, const std::string& port, const BridgePortVlans& vlans, const char* verb) {
        const auto each = [&](Vlan vlan, const Words& flags) {
            run(in("bridge", ns) + Words{"vlan", verb, "dev", port, "vid", std::to_string(vlan)} + flags);
        };
        if (vlans.pvid) { each(*vlans.pvid, {"pvid", "untagged"}); }
        for (const Vlan vlan : vlans.tagged) { each(vlan, {}); }
    }

    static Words route(const std::string& ns, const char* verb, const Route& route) {
        const bool v4 = route.destination.address.is_v4();
        Words words{"ip"};
        if (!v4) { words.emplace_back("-6"); }
        if (ns != kMachineNamespace) { words = words + Words{"-n", ns}; }
        words =
            words + Words{"route", verb, route.destination.length == 0 ? "default" : route.destination.to_string()};
        if (route.via) { words = words + Words{"via", route.via->to_string()}; }
        return words + Words{"dev", route.device};
    }

    static std::string protocols(const OvsBridge& bridge) {
        return fmt::format("protocols={}", fmt::join(bridge.protocols, ","));
    }
    void controller(const OvsBridge& bridge) {
        Words words{"ovs-vsctl", "set-controller", bridge.name};
        std::string target;
        for (const char c : bridge.controller + " ") {
            if (c != ' ') {
                target += c;
            } else if (!target.empty()) {
                words.push_back(std::move(target));
                target.clear();
            }
        }
        run(words);
    }
    static std::string vlan_mode(const OvsPort& port) {
        return port.tag && !port.trunks.empty() ? "native-untagged" : "";
    }
    void add_port(const std::string& bridge, const OvsPort& port) {
        Words words{"ovs-vsctl", "add-port", bridge, port.name};
        if (port.tag) { words.push_back(fmt::format("tag={}", *port.tag)); }
        if (!port.trunks.empty()) { words.push_back("trunks=" + joined(port.trunks)); }
        if (const std::string mode = vlan_mode(port); !mode.empty()) { words.push_back("vlan_mode=" + mode); }
        Words interface;
        if (!port.type.empty()) { interface.push_back("type=" + port.type); }
        if (!port.peer.empty()) { interface.push_back("options:peer=" + port.peer); }
        if (const auto number = ovs::openflow_number(bridge, port.name)) {
            interface.push_back(fmt::format("ofport_request={}", *number));
        }
        if (!interface.empty()) { words = words + Words{"--", "set", "interface", port.name} + interface; }
        run(words);
    }

    // The namespace that a process runs in, and its additions to the environment.
    Words prefix(const Process& process) const {
        Words words = inside(process.net_namespace);
        Words variables;
        const bool handed =
            process.role == ProcessRole::dhcp_client && !is_udhcpc(process);  // by -e, to its script
        if (style_.by_hand && handed) { return words; }
        for (const auto& entry : process.environment) {
            if (const auto told = variable(entry)) { variables.push_back(*told); }
        }
        return variables.empty() ? words : words + Words{"env"} + variables;
    }
    // What the script by hand asks for, of what Warren's own does.
    std::optional<std::string> variable(const std::string& entry) const {
        static constexpr std::string_view kPrefix = "WARREN_";
        if (!style_.by_hand || !entry.starts_with(kPrefix)) { return entry; }
        if (!entry.starts_with("WARREN_RESOLV_CONF=")) { return std::nullopt; }
        return entry.substr(kPrefix.size());
    }
    static bool is_udhcpc(const Process& process) {
        return process.command.front().find("udhcpc") != std::string::npos;
    }
    // In the background once its sockets are bound.
    static Words server(const Process& process) {
        Words words;
        for (const auto& word : process.command) {
            if (word != "--keep-in-foreground" && !word.starts_with("--log-facility=")) { words.push_back(word); }
        }
        std::string log = pid_file_of(process, "--pid-file=");
        log.replace(log.rfind('.'), std::string::npos, ".log");
        return words + Words{"--log-facility=" + log};
    }
    // In the background at once: it goes on asking where no server answers yet.
    Words client(const Process& process) const {
        Words words;
        const bool udhcpc = is_udhcpc(process);
        for (std::size_t i = 0; i < process.command.size(); ++i) {
            const std::string& word = process.command[i];
            if (udhcpc && word == "-f") {
                words.emplace_back("-b");
            } else if (!udhcpc && word == "-d") {
                words = words + Words{"-nw", "-q"};
            } else if (!udhcpc && word == "-e" && i + 1 < process.command.size()) {
                if (const auto told = variable(process.command[++i])) { words = words + Words{"-e", *told}; }
            } else {
                words.push_back(word);
            }
        }
        return words;
    }
    void service(const Process& process) {
        const std::string file = pid_file(process, style_);
        const std::string log = file.substr(0, file.rfind('.')) + ".log";
        text(shell::command(Words{"nohup"} + prefix(process) + process.command) + " >" + shell::quoted(log) +
             " 2>&1 </dev/null &\necho $! >" + shell::quoted(file));
    }
    static std::string pid_file_of(const Process& process, std::string_view option) {
        for (const auto& word : process.command) {
            if (word.starts_with(option)) { return word.substr(option.size()); }
        }
        return {};
    }

    const ExplainStyle& style_;
    Commands out_;
};

}  // namespace

std::vector<std::string> commands(const Step& step, const ExplainStyle& style) {
    Writer writer(style);
    std::visit(writer, step);
    return writer.take();
}

std::string pid_file(const Process& process, const ExplainStyle& style) {
    const auto& words = process.command;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (process.role == ProcessRole::dhcp_server && words[i].starts_with("--pid-file=")) {
            return words[i].substr(words[i].find('=') + 1);
        }
        if (process.role == ProcessRole::dhcp_client && (words[i] == "-pf" || words[i] == "-p") &&
            i + 1 < words.size()) {
            return words[i + 1];
        }
    }
    return fmt::format("{}/{}:{}.pid", lab_directory(style.site, style.lab), process.host, process.name);
}

}  // namespace warren::explained
