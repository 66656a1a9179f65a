// The two lessons as tables; see lesson.hpp. What they say is what docs/learn says, in short.
#include "lesson/lesson.hpp"

#include <fmt/format.h>

namespace warren::lesson {
namespace {

const std::string kMachine = kMachineNamespace;

// Open vSwitch is two daemons, as any init system starts them.
Step start_switch(const Setting& setting) {
    const std::string& dir = setting.directory;
    return {
        "Open vSwitch",
        "Open vSwitch is two daemons: ovsdb-server keeps in a database what is wanted, ovs-vswitchd makes it so.\n"
        "None runs on this machine, so the lesson starts two of its own. OVS_RUNDIR tells every ovs- command "
        "where\n"
        "they are: type the first line in your terminal, whoever starts them.",
        {{fmt::format("export OVS_RUNDIR={0} OVS_LOGDIR={0}", dir), is_file(dir)},
         {fmt::format("ovsdb-tool create {}/conf.db /usr/share/openvswitch/vswitch.ovsschema", dir),
          is_file(dir + "/conf.db")},
         {fmt::format("ovsdb-server {0}/conf.db --remote=punix:{0}/db.sock --detach --pidfile --log-file "
                      "-vconsole:off",
                      dir),
          is_file(dir + "/db.sock")},
         {"ovs-vsctl --no-wait init", switch_runs(dir)},
         {"ovs-vswitchd --detach --pidfile --log-file -vconsole:off", is_file(dir + "/ovs-vswitchd.pid")}}};
}

std::string add_bridge(const Setting& setting) {
    return setting.netdev ? "ovs-vsctl add-br ovs1 -- set bridge ovs1 datapath_type=netdev"
                          : "ovs-vsctl add-br ovs1";
}

std::string about_netdev(const Setting& setting) {
    return setting.netdev ? "\ndatapath_type=netdev: ovs-vswitchd forwards the packets itself; this kernel has no "
                            "openvswitch module."
                          : "";
}

// A host's end and the switch's end of its cable, "eth0-r" and "veth-r".
struct Cable {
    std::string host, inside, outside;
};
const Cable kRed{"red", "eth0-r", "veth-r"};
const Cable kGreen{"green", "eth0-g", "veth-g"};

Action make_cable(const Cable& cable) {
    return {fmt::format("ip link add {} type veth peer name {} netns {}", cable.outside, cable.inside, cable.host),
            is_cable(cable.host, cable.inside, kMachine, cable.outside)};
}
Action plug_in(const Cable& cable, std::optional<Vlan> tag) {
    return {fmt::format("ovs-vsctl add-port ovs1 {}{}", cable.outside, tag ? fmt::format(" tag={}", *tag) : ""),
            is_port("ovs1", cable.outside, tag)};
}
std::vector<Action> switch_on(const Cable& cable) {
    return {{fmt::format("ip link set {} up", cable.outside), is_up(kMachine, cable.outside)},
            {fmt::format("ip -n {} link set {} up", cable.host, cable.inside), is_up(cable.host, cable.inside)}};
}
Action give_address(const std::string& ns, const std::string& link, const std::string& address) {
    return {fmt::format("ip -n {} addr add {} dev {}", ns, address, link), has_address(ns, link, address)};
}
Action add_namespace(const std::string& name) { return {"ip netns add " + name, is_namespace(name)}; }
Action try_ping(const std::string& from, const std::string& address) {
    return {fmt::format("ip netns exec {} ping -c 1 {}", from, address), answers(from, address), true};
}

void append(std::vector<Action>& actions, const std::vector<Action>& more) {
    actions.insert(actions.end(), more.begin(), more.end());
}

std::vector<Removal> removals(const Setting& setting, const std::vector<std::string>& namespaces) {
    std::vector<Removal> all;
    for (const auto& name : namespaces) {
        all.push_back({fmt::format("kill $(ip netns pids {})", name), has_processes(name)});
    }
    all.push_back({"ovs-vsctl del-br ovs1", has_bridge("ovs1")});
    for (const auto* cable : {&kRed, &kGreen}) {
        all.push_back({"ip link del " + cable->outside, has_link(kMachine, cable->outside)});
        all.push_back({"ip link del " + cable->inside, has_link(kMachine, cable->inside)});  // not moved yet
    }
    for (const auto& name : namespaces) { all.push_back({"ip netns del " + name, is_namespace(name)}); }
    if (setting.own_ovs) {
        const std::string& dir = setting.directory;
        all.push_back({"ovs-appctl -t ovs-vswitchd exit --cleanup", is_file(dir + "/ovs-vswitchd.pid")});
        all.push_back({"ovs-appctl -t ovsdb-server exit", is_file(dir + "/ovsdb-server.pid")});
    }
    return all;
}

Step checksums() {
    return {
        "Ping works. Does TCP?",
        "A TCP sender leaves a packet's checksum to the network card. A veth is none: it passes the packet on "
        "with\n"
        "a mark that the sum is not finished. The userspace datapath loses the mark, the receiver finds a wrong\n"
        "sum and drops the packet, silently; ping's sums are made by the sender. A connection would hang until it\n"
        "times out. The ends in the hosts must make their sums themselves.",
        {{"ip netns exec red ethtool -K eth0-r tx off", no_checksum_offload("red", "eth0-r")},
         {"ip netns exec green ethtool -K eth0-g tx off", no_checksum_offload("green", "eth0-g")}},
        "The next step tries a connection."};
}

Lesson two_hosts(const Setting& setting) {
    Lesson lesson;
    lesson.number = 1;
    lesson.title = "two hosts and a switch";
    lesson.programs = {"ip", "ping", "ovs-vsctl", "ovs-vswitchd", "ovsdb-server", "ethtool", "python3"};
    lesson.names = {"red", "green", "ovs1", "eth0-r", "veth-r", "eth0-g", "veth-g"};
    auto& steps = lesson.steps;
    if (setting.own_ovs) { steps.push_back(start_switch(setting)); }
    steps.push_back(
        {"Two hosts",
         "A network namespace is a network stack of its own: interfaces, addresses, routes, firewall. That\n"
         "is all that a host needs to be.",
         {add_namespace("red"), add_namespace("green"), {"ip -n red link", has_link("red", "lo"), true}},
         "Each has nothing but a loopback interface, which is down."});
    steps.push_back(
        {"A switch",
         "An Open vSwitch bridge: frames that come in by one port go out by those behind which their receiver\n"
         "is." +
             about_netdev(setting),
         {{add_bridge(setting), is_switch("ovs1")}, {"ovs-vsctl show", is_switch("ovs1"), true}},
         "The one port is the switch's own, by which the machine itself could take part."});
    steps.push_back(
        {"A cable",
         "A veth pair: what goes into one end comes out of the other, in whatever namespaces they are. One end\n"
         "moves into red.",
         {{"ip link add eth0-r type veth peer name veth-r", has_link(kMachine, "veth-r")},
          {"ip link set eth0-r netns red", is_cable("red", "eth0-r", kMachine, "veth-r")}},
         "An interface that moves loses its addresses and is down: move first, configure then."});
    Step plug{
        "Plug it in, switch it on",
        "The other end becomes a port of the switch. Both ends up, an address on the one in the host.",
        {plug_in(kRed, {})},
        "The address brought the route to 10.0.0.0/24 along. Red has no other: no other place exists for it."};
    append(plug.actions, switch_on(kRed));
    plug.actions.push_back(give_address("red", "eth0-r", "10.0.0.1/24"));
    plug.actions.push_back({"ip -n red route", has_address("red", "eth0-r", "10.0.0.1/24"), true});
    steps.push_back(std::move(plug));
    Step other{"The other host",
               "The same for green. The pair's other end may be made where it belongs.",
               {make_cable(kGreen), plug_in(kGreen, {})},
               {}};
    append(other.actions, switch_on(kGreen));
    other.actions.push_back(give_address("green", "eth0-g", "10.0.0.2/24"));
    steps.push_back(std::move(other));
    steps.push_back(
        {"Do they reach each other?",
         "Red asks everybody on its cable who has 10.0.0.2 (ARP); the switch hands that to all ports and\n"
         "remembers behind which one red is.",
         {try_ping("red", "10.0.0.2"),
          {"ip -n red neigh", answers("red", "10.0.0.2"), true},
          {"ovs-appctl fdb/show ovs1", is_switch("ovs1"), true}},
         "Try it from the machine itself, 'ping 10.0.0.2': it has the switch, but no route. The hosts are not\n"
         "its business."});
    if (setting.netdev) { steps.push_back(checksums()); }
    steps.push_back(
        {"A connection",
         "A web server in green, and a client in red, by TCP.",
         {{"ip netns exec green timeout 20 python3 -m http.server 80 >/dev/null 2>&1 &\n"
           "ip netns exec red timeout 10 bash -c \\\n"
           "    'until (exec 3<>/dev/tcp/10.0.0.2/80) 2>/dev/null; do sleep 0.2; done; echo connected'\n"
           "kill $!",
           connects("red", "green", "10.0.0.2", 5201), true}},
         {}});
    lesson.removals = removals(setting, {"red", "green"});
    lesson.then = "The same with one file: warren up examples/red-green.yaml. The next lesson: warren learn 2";
    return lesson;
}

std::string server(const std::string& ns, const std::string& tap, const std::string& dir) {
    return fmt::format(
        "ip netns exec {0} dnsmasq --conf-file=/dev/null --port=0 --interface={1} --bind-interfaces \\\n"
        "    --no-ping --dhcp-range=10.50.50.10,10.50.50.100,1h --dhcp-option=option:router \\\n"
        "    --dhcp-leasefile={2}/{0}.leases --pid-file={2}/{0}.pid",
        ns, tap, dir);
}

std::string client(const Cable& cable, const std::string& dir) {
    return fmt::format("ip netns exec {0} dhclient -1 -sf {2}/lease -lf {2}/{0}.leases \\\n    -pf {2}/{0}.pid {1}",
                       cable.host, cable.inside, dir);
}

// dhclient's script: sets the address and does nothing else.
std::string lease_script(const std::string& dir) {
    return fmt::format(R"(cat >{0}/lease <<'END'
#!/bin/sh
case $reason in
    BOUND | RENEW | REBIND | REBOOT)
        ip addr replace "$new_ip_address/$new_subnet_mask" dev "$interface" \
            valid_lft "$new_dhcp_lease_time" preferred_lft "$new_dhcp_lease_time" ;;
    EXPIRE | RELEASE | STOP) ip -4 addr flush dev "$interface" ;;
esac
END
chmod +x {0}/lease)",
                       dir);
}

Lesson two_tenants(const Setting& setting) {
    const std::string& dir = setting.directory;
    Lesson lesson;
    lesson.number = 2;
    lesson.title = "two tenants with the same addresses";
    lesson.programs = {"ip", "ping", "ovs-vsctl", "ovs-vswitchd", "ovsdb-server", "dnsmasq", "dhclient"};
    lesson.names = {"red",    "green",  "dhcp-r", "dhcp-g", "ovs1", "eth0-r",
                    "veth-r", "eth0-g", "veth-g", "tap-r",  "tap-g"};
    auto& steps = lesson.steps;
    if (setting.own_ovs) { steps.push_back(start_switch(setting)); }
    steps.push_back({"Two hosts and a switch",
                     "As in lesson 1." + about_netdev(setting),
                     {add_namespace("red"),
                      add_namespace("green"),
                      {add_bridge(setting), is_switch("ovs1")},
                      make_cable(kRed),
                      make_cable(kGreen)}});
    Step ports{
        "Two VLANs",
        "tag=100 makes a port an access port of VLAN 100: what comes in belongs to that VLAN, and only what\n"
        "belongs to it goes out. The hosts see nothing of it. A switch with two VLANs is two switches in one box.",
        {plug_in(kRed, Vlan{100}), plug_in(kGreen, Vlan{200})},
        "A port that is added first and tagged afterwards is, in between, a port of all VLANs: add-port … tag= "
        "does\n"
        "both in one transaction. (A wrong tag is set right by 'ovs-vsctl set port veth-r tag=100'.)"};
    append(ports.actions, switch_on(kRed));
    append(ports.actions, switch_on(kGreen));
    steps.push_back(std::move(ports));
    steps.push_back({"A place for each DHCP server",
                     "One server could not serve two networks of the same addresses. So each tenant has one, in a "
                     "namespace that\n"
                     "is on that tenant's VLAN and nowhere else. An internal port is an interface that Open "
                     "vSwitch makes: one end\n"
                     "is the switch. It moves like the end of a veth pair.",
                     {add_namespace("dhcp-r"),
                      add_namespace("dhcp-g"),
                      {"ovs-vsctl add-port ovs1 tap-r tag=100 -- set interface tap-r type=internal",
                       is_port("ovs1", "tap-r", Vlan{100}, "internal")},
                      {"ovs-vsctl add-port ovs1 tap-g tag=200 -- set interface tap-g type=internal",
                       is_port("ovs1", "tap-g", Vlan{200}, "internal")},
                      {"ip link set tap-r netns dhcp-r", has_link("dhcp-r", "tap-r")},
                      {"ip link set tap-g netns dhcp-g", has_link("dhcp-g", "tap-g")},
                      give_address("dhcp-r", "tap-r", "10.50.50.2/24"),
                      give_address("dhcp-g", "tap-g", "10.50.50.2/24"),
                      {"ip -n dhcp-r link set tap-r up", is_up("dhcp-r", "tap-r")},
                      {"ip -n dhcp-g link set tap-g up", is_up("dhcp-g", "tap-g")}},
                     "The same address twice on one switch, and no conflict: these are two broadcast domains."});
    steps.push_back(
        {"The servers",
         "Files of their own keep the two dnsmasq apart: a namespace separates networks, not files. --port=0:\n"
         "no DNS. --no-ping: do not first ping, for three seconds, what is to be given away.",
         {{server("dhcp-r", "tap-r", dir), runs("dhcp-r", "dnsmasq")},
          {server("dhcp-g", "tap-g", dir), runs("dhcp-g", "dnsmasq")}}});
    steps.push_back({"The clients",
                     "dhclient leaves what to do with a lease to a script. Its own one would write the machine's\n"
                     "/etc/resolv.conf, whatever the namespace. So it gets one that sets the address and no more.",
                     {{lease_script(dir), is_file(dir + "/lease")},
                      {client(kRed, dir), has_lease("red", "eth0-r", "10.50.50.0/24")},
                      {client(kGreen, dir), has_lease("green", "eth0-g", "10.50.50.0/24")}},
                     "Each asked all of its VLAN, and there is one server in it."});
    steps.push_back(
        {"Who reaches whom",
         "Each reaches its own server: one address, two machines. And each gets an address by hand, by which\n"
         "the other would reach it if it could.",
         {try_ping("red", "10.50.50.2"),
          try_ping("green", "10.50.50.2"),
          give_address("red", "eth0-r", "10.50.50.201/24"),
          give_address("green", "eth0-g", "10.50.50.202/24"),
          {"ip netns exec red ping -c 1 -W 1 10.50.50.202", silent("red", "10.50.50.202"), true},
          {"ovs-appctl fdb/show ovs1", is_switch("ovs1"), true}},
         "The switch remembers MACs for each VLAN apart. Try 'ovs-vsctl set port veth-g tag=100' and ping\n"
         "again: one wrong tag, and the walls are down."});
    lesson.removals = removals(setting, {"red", "green", "dhcp-r", "dhcp-g"});
    lesson.then = "The same with one file: warren up examples/tenants.yaml";
    return lesson;
}

}  // namespace

Lesson lesson(int number, const Setting& setting) {
    return number == 1 ? two_hosts(setting) : two_tenants(setting);
}

}  // namespace warren::lesson
