// The doctor's trials of links and queueing disciplines. Called by doctor.cpp.
#include <cerrno>
#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "base/child.hpp"
#include "linux/qdisc.hpp"
#include "probe/doctor_trials.hpp"
#include "probe/throughput.hpp"
#include "probe/throw_away.hpp"

namespace warren::probe {
namespace {

constexpr const char* kKernel = "a kernel with ";

// Sends MESSAGE in a namespace with a veth pair `a`, `b`; GOOD is what then holds.
Result<std::string> accepted(const std::function<nl::Message(int veth)>& message, const std::string& good) {
    WARREN_ASSIGN(auto place, make_throw_away());
    WARREN_TRY(join(place, "a", place, "b"));
    WARREN_ASSIGN(const KernelLink veth, find_link(place.socket, "a"));
    WARREN_TRY(place.socket.send({message(veth.index), "try it"}));
    return good;
}

// A link NAME of KIND on the veth; OPTIONS puts what it needs into IFLA_INFO_DATA.
nl::Message new_link(const char* kind, int below, const std::function<void(nl::Message&)>& options = {}) {
    nl::Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    message.header(ifinfomsg{});
    message.put_string(IFLA_IFNAME, "new");
    if (below != 0) { message.put_u32(IFLA_LINK, static_cast<std::uint32_t>(below)); }
    message.begin_nest(IFLA_LINKINFO).put_string(IFLA_INFO_KIND, kind);
    if (options) {
        message.begin_nest(IFLA_INFO_DATA);
        options(message);
        message.end_nest();
    }
    message.end_nest();
    return message;
}

Result<std::string> try_tap() {
    WARREN_ASSIGN(const auto place, make_throw_away());
    WARREN_TRY(in_namespace(place.ns.get(), []() -> Result<void> {
        const Fd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
        if (!tun.valid()) {
            const int code = errno;
            return failure("open /dev/net/tun", "/dev/net/tun: " + errno_text(code));
        }
        ifreq request{};
        request.ifr_flags = IFF_TAP | IFF_NO_PI;
        if (::ioctl(tun.get(), TUNSETIFF, &request) != 0) { return errno_failure("make a TAP device"); }
        return {};
    }));
    return "can be made";
}

// Data by TCP from one namespace to another over a veth pair.
Result<std::string> try_veth_tcp() {
    WARREN_ASSIGN(auto a, make_throw_away());
    WARREN_ASSIGN(auto b, make_throw_away());
    WARREN_TRY(join(a, "eth0", b, "eth0"));
    WARREN_TRY(put_address(a, "eth0", *Prefix::parse("10.0.0.1/24")));
    WARREN_TRY(put_address(b, "eth0", *Prefix::parse("10.0.0.2/24")));
    Flow flow;
    flow.from = a.ns.get();
    flow.to = b.ns.get();
    flow.address = *IpAddress::parse("10.0.0.2");
    flow.bytes = 64U << 10U;
    flow.time = flow.connect;
    WARREN_TRY(measure(flow));
    return "TCP passes";
}

constexpr std::uint32_t kHandle = qdisc_handle(1);

nl::Message netem(int device) { return set_netem(device, TC_H_ROOT, kHandle, {}); }

nl::Message tbf(int device) {
    constexpr TbfSettings kSettings{125'000, 5000, 30'000};
    return set_tbf(device, kHandle, true, kSettings);
}

nl::Message htb(int device) {
    constexpr std::uint32_t kQueue = 1000;
    return set_htb(device, TC_H_ROOT, kHandle, kQueue);
}

nl::Message ingress(int device) {
    nl::Message message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE);
    tcmsg head{};
    head.tcm_ifindex = device;
    head.tcm_parent = TC_H_INGRESS;
    head.tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0);
    message.header(head);
    message.put_string(TCA_KIND, "ingress");
    return message;
}

}  // namespace

void add_link_trials(Trials& trials) {
    const std::string group = "Links";
    const auto kernel = [](const char* option) { return std::string(kKernel) + option; };
    trials.push_back({group, "veth pairs", "links between hosts and switches",
                      kernel("CONFIG_VETH (modprobe veth)"), [] { return seen(try_veth_tcp()); }, true, true});
    trials.push_back({group, "TAP devices", "Open vSwitch's userspace datapath, virtual machines as hosts",
                      "modprobe tun; a container needs /dev/net/tun; " + kernel("CONFIG_TUN"),
                      [] { return seen(try_tap()); }});
    trials.push_back({group, "VLAN interfaces (802.1Q)", "VLAN interfaces in hosts",
                      "modprobe 8021q; " + kernel("CONFIG_VLAN_8021Q"), [] {
                          return seen(accepted(
                              [](int veth) {
                                  return new_link("vlan", veth,
                                                  [](nl::Message& m) { m.put_u16(IFLA_VLAN_ID, 100); });
                              },
                              "can be made"));
                      }});
    trials.push_back({group, "macvlan", "hosts on the machine's own network by macvlan",
                      "modprobe macvlan; " + kernel("CONFIG_MACVLAN"), [] {
                          return seen(accepted(
                              [](int veth) {
                                  return new_link("macvlan", veth, [](nl::Message& m) {
                                      m.put_u32(IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
                                  });
                              },
                              "can be made"));
                      }});
    trials.push_back({group, "VXLAN", "links between machines", "modprobe vxlan; " + kernel("CONFIG_VXLAN"), [] {
                          return seen(accepted(
                              [](int) {
                                  return new_link("vxlan", 0, [](nl::Message& m) {
                                      m.put_u32(IFLA_VXLAN_ID, 100);
                                      m.put_u16(IFLA_VXLAN_PORT, htons(4789));
                                  });
                              },
                              "can be made"));
                      }});
    trials.push_back({group, "ifb", "impairments of what a link receives", "modprobe ifb; " + kernel("CONFIG_IFB"),
                      [] { return seen(accepted([](int) { return new_link("ifb", 0); }, "can be made")); }});
}

void add_queue_trials(Trials& trials) {
    const std::string group = "Impairments";
    const auto add = [&](const char* name, const char* blocks, const char* cure, nl::Message (*message)(int)) {
        trials.push_back(
            {group, name, blocks, cure, [message] { return seen(accepted(message, "can be added")); }});
    };
    add("delay and loss (netem)", "delay, jitter, loss, duplicates and reordering on links",
        "modprobe sch_netem (Debian's cloud kernel lacks it: apt-get install linux-image-amd64); a kernel with "
        "CONFIG_NET_SCH_NETEM",
        netem);
    add("rate limit (tbf)", "'rate' on links", "modprobe sch_tbf; a kernel with CONFIG_NET_SCH_TBF", tbf);
    add("traffic classes (htb)", "rates shared among classes", "modprobe sch_htb; a kernel with CONFIG_NET_SCH_HTB",
        htb);
    add("ingress", "impairments of what a link receives, policing",
        "modprobe sch_ingress; a kernel with CONFIG_NET_SCH_INGRESS", ingress);
}

}  // namespace warren::probe
