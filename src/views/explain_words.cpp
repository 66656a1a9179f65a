// What each group of commands is for, in words for somebody who learns it. Pure.
#include <algorithm>

#include "views/explain.hpp"

namespace warren::explained {
namespace {

class Group {
public:
    Group(const std::vector<Step>& steps, std::size_t begin, std::size_t end)
        : steps_(steps), begin_(begin), end_(end) {}

    // Whether PREDICATE holds for a step of kind T.
    template <class T, class Predicate>
    [[nodiscard]] bool any(const Predicate& predicate) const {
        for (std::size_t i = begin_; i < end_; ++i) {
            const T* step = std::get_if<T>(&steps_[i]);
            if (step != nullptr && predicate(*step)) { return true; }
        }
        return false;
    }
    template <class T>
    [[nodiscard]] bool any() const {
        return any<T>([](const T&) { return true; });
    }
    [[nodiscard]] bool any_link(bool (*predicate)(const Link&)) const {
        return any<AddVeth>([&](const AddVeth& s) { return predicate(s.a) || predicate(s.b); }) ||
               any<AddBridge>([&](const AddBridge& s) { return predicate(s.value); }) ||
               any<SetLink>([&](const SetLink& s) { return predicate(s.after); });
    }
    [[nodiscard]] bool any_port(bool (*predicate)(const OvsPort&)) const {
        return any<AddOvsPort>([&](const AddOvsPort& s) { return predicate(s.value); }) ||
               any<AddOvsBridge>([&](const AddOvsBridge& s) {
                   return std::any_of(s.value.ports.begin(), s.value.ports.end(),
                                      [&](const auto& port) { return predicate(port.second); });
               });
    }

private:
    const std::vector<Step>& steps_;
    std::size_t begin_;
    std::size_t end_;
};

std::string links_why(const Group& group) {
    std::string why =
        "A veth pair is a cable: what goes in at one end comes out at the other. Each pair is made with its ends "
        "where "
        "they belong, one in the host's namespace and the other at the switch, or in another host. "
        "With 'addrgenmode none' the kernel gives an end no IPv6 address of its own accord: it gets those that it "
        "is "
        "meant to have.";
    if (group.any_link([](const Link& link) { return !link.master.empty(); })) {
        why += " 'master' makes an end a port of a Linux bridge.";
    }
    if (group.any_link([](const Link& link) { return link.vlans.has_value(); })) {
        why +=
            " 'bridge vlan' says which VLANs a port carries: 'pvid untagged' is its access VLAN, whose frames have "
            "no "
            "tag on the wire; all others are tagged.";
    }
    if (group.any_link([](const Link& link) { return !link.tx_checksum; })) {
        why +=
            " Transmit checksum offload is switched off where a userspace datapath carries the frames: a veth end "
            "leaves the checksum to hardware that is not there, and such a datapath does not fill it in, so that "
            "TCP "
            "would not work.";
    }
    return why;
}

std::string ovs_why(const Group& group) {
    std::string why =
        "Open vSwitch keeps its bridges and their ports in a database; ovs-vsctl writes there and waits "
        "until the switch has followed.";
    const auto is_netdev = [](const AddOvsBridge& s) { return s.value.datapath_type == "netdev"; };
    if (group.any<AddOvsBridge>(is_netdev)) {
        why += " datapath_type=netdev is the datapath in userspace, for a kernel without the module openvswitch.";
    }
    if (group.any_port([](const OvsPort& port) { return port.tag.has_value(); })) {
        why +=
            " A port with a tag is an access port: its host knows nothing of VLANs, and the bridge joins it only "
            "with "
            "ports of the same VLAN.";
    }
    if (group.any_port([](const OvsPort& port) { return !port.trunks.empty(); })) {
        why += " A port with trunks carries these VLANs, with their tags on the frames.";
    }
    if (group.any_port([](const OvsPort& port) { return port.type == "internal"; })) {
        why +=
            " An internal port is a network device that Open vSwitch makes itself, with no other end: it will be "
            "moved into a namespace.";
    }
    if (group.any_port([](const OvsPort& port) { return port.type == "patch"; })) {
        why += " Two patch ports that name each other join two bridges, without any device.";
    }
    return why;
}

std::string namespaces_why(const Group& group) {
    std::string why =
        "Each host is a network namespace: a network stack of its own, with its own interfaces, addresses, "
        "routes and firewall. A new one has nothing but a loopback interface, which is down.";
    if (group.any<AddNamespace>([](const AddNamespace& s) { return s.value.attached.has_value(); })) {
        why +=
            " One that is there already, a container's say, only gets a name by which 'ip -n' and 'ip netns exec' "
            "find it: a bind mount in /run/netns, which also keeps it when its last process ends.";
    }
    return why;
}

std::string shaping_why(const Group& group) {
    const auto any = [&](bool (*predicate)(const Shaping&)) {
        return group.any<SetShaping>([&](const SetShaping& s) { return predicate(s.after); });
    };
    std::string why =
        "What a device sends passes its queueing discipline. Each direction of a link is that of the device which "
        "sends into it: the host's end for one, the switch's end for the other. tbf is a token bucket: it lets the "
        "rate through, and at once no more than its burst; 'limit' bounds what waits.";
    if (any([](const Shaping& s) { return s.rate == 0 && !s.empty(); })) {
        why += " A bucket of 1000gbit holds nothing back: it only splits what segmentation offload has left whole.";
    }
    if (any([](const Shaping& s) { return s.has_netem(); })) {
        why +=
            " netem, below it, delays, loses, doubles and spoils packets. Its limit counts those that are under "
            "way "
            "and those that wait for the rate.";
    }
    if (any([](const Shaping& s) { return s.program; })) {
        why +=
            " This kernel has no netem: a filter's program takes a random number for each packet, and the packet "
            "away where that is small. htb is there because it takes filters.";
    }
    return why;
}

std::string processes_why(const Group& group) {
    std::string why;
    const auto of_role = [&](ProcessRole role) {
        return group.any<StartProcess>([role](const StartProcess& s) { return s.value.role == role; });
    };
    if (of_role(ProcessRole::dhcp_client)) {
        why =
            "A DHCP client asks the server of its own broadcast domain for an address. It runs in the host's "
            "namespace, with the script above: the address comes a moment later, see it with 'ip -n HOST addr'. "
            "'ip netns exec' shows it the host's own /etc/resolv.conf.";
    }
    if (of_role(ProcessRole::service)) {
        why += std::string(why.empty() ? "" : " ") +
               "A service is a process in a host's namespace. Here nobody starts it again when it ends; Warren's "
               "keeper does.";
    }
    return why;
}

}  // namespace

Words words(Phase phase, const std::vector<Step>& steps, std::size_t begin, std::size_t end) {
    const Group group(steps, begin, end);
    switch (phase) {
        case Phase::stop_processes:
            return {"End processes", "Before what they work with goes."};
        case Phase::stop_keeper:
        case Phase::start_keeper:
            return {"Keeper", "Warren's own process that watches over the lab's processes; by hand there is none."};
        case Phase::unplace:
            return {"Take internal ports out of their namespaces", ""};
        case Phase::remove_ovs:
            return {
                "Remove Open vSwitch bridges and ports",
                "An internal port's device goes with its port, wherever it was moved to. The device of any other "
                "port stays."};
        case Phase::stop_ovs:
            return {"End Open vSwitch", "'exit --cleanup' takes the devices along that it has made."};
        case Phase::remove_routes:
            return {"Remove routes and neighbours", "Those through a gateway first."};
        case Phase::remove_addresses:
            return {"Remove addresses", ""};
        case Phase::release_links:
            return {"Take links from their bridges", ""};
        case Phase::remove_links:
            return {"Remove links", "One end of a veth pair takes the other along."};
        case Phase::remove_bridges:
            return {"Remove bridges", ""};
        case Phase::remove_namespaces:
            return {"Remove namespaces",
                    "A process in a namespace would keep it alive without a name, so whatever still runs there is "
                    "ended. The links in it go with it, and the other ends of its veth pairs. One that was there "
                    "before the lab loses the name alone."};
        case Phase::remove_files:
            return {"Remove files", ""};
        case Phase::add_files:
            return {
                "Files",
                "Each host has its own /etc/resolv.conf and /etc/hosts: 'ip netns exec HOST' mounts what it finds "
                "in /etc/netns/HOST over the files of those names in /etc. The rest is what DHCP servers and "
                "clients read. The machine's own /etc stays as it is."};
        case Phase::add_namespaces:
            return {"Network namespaces", namespaces_why(group)};
        case Phase::sysctls:
            return {"Settings of namespaces",
                    "Those under net. are a namespace's own. 'ip_forward' lets a host pass on packets that are not "
                    "for itself: it is a router then."};
        case Phase::start_ovs:
            return {
                "Open vSwitch's daemons",
                "ovsdb-server holds the configuration, ovs-vswitchd is the switch. These are an instance of their "
                "own, beside any that the machine may have; OVS_RUNDIR tells ovs-vsctl which one is meant."};
        case Phase::add_bridges:
            return {"Linux bridges",
                    "A bridge is a switch inside the kernel: it learns behind which port each MAC address is."};
        case Phase::add_links:
            return {"Veth pairs", links_why(group)};
        case Phase::set_links:
            return {"Changes to links", "Only what differs: all else goes on undisturbed."};
        case Phase::add_ovs:
            return {"Open vSwitch bridges and ports", ovs_why(group)};
        case Phase::place:
            return {
                "Internal ports into their namespaces",
                "An internal port's device appears beside the switch. In its namespace nobody but that host sees "
                "it; to Open vSwitch it stays a port of the bridge."};
        case Phase::shape:
            return {"Rates, delays and losses", shaping_why(group)};
        case Phase::device_sysctls:
            return {"Settings of interfaces", "They are there only now that the interfaces are."};
        case Phase::addresses:
            return {"Addresses",
                    "With an address the kernel makes the route to its subnet by itself. 'brd +' sets the subnet's "
                    "broadcast address; 'nodad' spares the wait for duplicate address detection."};
        case Phase::routes:
            return {
                "Routes and neighbours",
                "A route says through which gateway or device to reach what is in none of the host's own subnets. "
                "A permanent neighbour is a MAC address that need not be asked for."};
        case Phase::start_servers:
            return {
                "DHCP servers",
                "Each network has a dnsmasq of its own, in a namespace of its own, on one interface: it hears only "
                "the broadcasts of its VLAN, so two networks may give out the same addresses."};
        case Phase::start_processes:
            return {"DHCP clients and services", processes_why(group)};
    }
    return {};
}

}  // namespace warren::explained
