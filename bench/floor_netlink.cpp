// The floor: the kernel objects of a lab of N hosts on Linux bridges, by plain rtnetlink and nothing else. No file is
// read, nothing is marked, checked or recorded, and nothing is put back where a step fails. Uses none of Warren's code.
//
//   floor_netlink up N PORTS     N hosts, PORTS to a bridge (0: no bridge, for switches that others make)
//   floor_netlink down N PORTS
//
// A host is a named network namespace with lo and one interface up and an address on it; its other end is a port.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

constexpr std::uint32_t kGroup = 7;
constexpr int kAtOnce = 64;  // requests in one send

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "floor_netlink: %s: %s\n", what.c_str(), std::strerror(errno));
    std::exit(1);
}

class Batch {
public:
    Batch() : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
        if (fd_ < 0) { die("socket"); }
        const int on = 1;
        setsockopt(fd_, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    }
    ~Batch() { close(fd_); }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    // In the namespace that the socket was opened in, wherever the caller is now.
    [[nodiscard]] int index_of(const std::string& name) const {
        ifreq request{};
        name.copy(request.ifr_name, sizeof request.ifr_name - 1);
        if (ioctl(fd_, SIOCGIFINDEX, &request) != 0) { die("index of " + name); }
        return request.ifr_ifindex;
    }
    template <class Header>
    void begin(std::uint16_t type, std::uint16_t flags, const Header& header) {
        if (count_ == kAtOnce) { flush(); }
        start_ = bytes_.size();
        nlmsghdr head{};
        head.nlmsg_type = type;
        head.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
        append(&head, sizeof head);
        append(&header, sizeof header);
        ++count_;
    }
    void put(std::uint16_t type, const void* data, std::size_t size) {
        rtattr attribute{};
        attribute.rta_type = type;
        attribute.rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
        append(&attribute, sizeof attribute);
        append(data, size);
        end();
    }
    void put(std::uint16_t type, std::uint32_t value) { put(type, &value, sizeof value); }
    void put(std::uint16_t type, const std::string& text) { put(type, text.c_str(), text.size() + 1); }
    std::size_t nest(std::uint16_t type) {
        const std::size_t at = bytes_.size();
        put(type, nullptr, 0);
        return at;
    }
    void close_nest(std::size_t at) {
        const auto length = static_cast<unsigned short>(bytes_.size() - at);
        std::memcpy(bytes_.data() + at, &length, sizeof length);
    }
    void end() {
        const auto length = static_cast<std::uint32_t>(bytes_.size() - start_);
        std::memcpy(bytes_.data() + start_, &length, sizeof length);
    }
    void append(const void* data, std::size_t size) {
        const auto* first = static_cast<const char*>(data);
        if (size > 0) { bytes_.insert(bytes_.end(), first, first + size); }
        bytes_.resize(NLMSG_ALIGN(bytes_.size()));
    }
    void flush() {
        if (count_ == 0) { return; }
        if (send(fd_, bytes_.data(), bytes_.size(), 0) < 0) { die("send"); }
        static char answers[1 << 16];
        while (count_ > 0) {
            const ssize_t n = recv(fd_, answers, sizeof answers, 0);
            if (n < 0) { die("recv"); }
            auto left = static_cast<std::uint32_t>(n);
            for (auto* head = reinterpret_cast<nlmsghdr*>(answers); NLMSG_OK(head, left);
                 head = NLMSG_NEXT(head, left)) {
                const auto* error = reinterpret_cast<const nlmsgerr*>(head + 1);
                if (head->nlmsg_type == NLMSG_ERROR && error->error != 0) {
                    errno = -error->error;
                    die("a request");
                }
                --count_;
            }
        }
        bytes_.clear();
    }

private:
    int fd_;
    std::vector<char> bytes_;
    std::size_t start_ = 0;
    int count_ = 0;
};

std::string host(int i) { return "h" + std::to_string(i); }
std::string near_end(int i) { return host(i) + "-eth0"; }
std::string far_end(int i) { return "s-eth" + std::to_string(i); }
std::string bridge(int i, int ports) { return "s" + std::to_string((i - 1) / ports + 1); }
std::string path(int i) { return "/run/netns/" + host(i); }

ifinfomsg up_header(int index) {
    ifinfomsg header{};
    header.ifi_index = index;
    header.ifi_flags = IFF_UP;
    header.ifi_change = IFF_UP;
    return header;
}

// No IPv6 address of its own accord: neighbour discovery of thousands of interfaces is what costs.
void quiet(Batch& batch, int index) {
    ifinfomsg header{};
    header.ifi_index = index;
    batch.begin(RTM_NEWLINK, 0, header);
    const auto af = batch.nest(IFLA_AF_SPEC);
    const auto inet6 = batch.nest(AF_INET6);
    const std::uint8_t none = IN6_ADDR_GEN_MODE_NONE;
    batch.put(IFLA_INET6_ADDR_GEN_MODE, &none, sizeof none);
    batch.close_nest(inet6);
    batch.close_nest(af);
    batch.end();
}

void add_bridge(Batch& batch, const std::string& name) {
    batch.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
    batch.put(IFLA_IFNAME, name);
    const auto info = batch.nest(IFLA_LINKINFO);
    batch.put(IFLA_INFO_KIND, std::string("bridge"));
    batch.close_nest(info);
    batch.end();
    batch.flush();
    const int index = batch.index_of(name);
    quiet(batch, index);
    batch.begin(RTM_NEWLINK, 0, up_header(index));
    batch.end();
    batch.flush();
}

// What the kernel would use of those that it makes, without the RCU wait for giving up the others.
void one_queue(Batch& batch) {
    batch.put(IFLA_NUM_TX_QUEUES, 1);
    batch.put(IFLA_NUM_RX_QUEUES, 1);
}

void add_pair(Batch& batch, int i, int ns_fd, int master) {
    batch.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
    batch.put(IFLA_IFNAME, far_end(i));
    batch.put(IFLA_GROUP, kGroup);
    one_queue(batch);
    if (master != 0) { batch.put(IFLA_MASTER, static_cast<std::uint32_t>(master)); }
    const auto info = batch.nest(IFLA_LINKINFO);
    batch.put(IFLA_INFO_KIND, std::string("veth"));
    const auto data = batch.nest(IFLA_INFO_DATA);
    const auto peer = batch.nest(VETH_INFO_PEER);
    const ifinfomsg header{};
    batch.append(&header, sizeof header);
    batch.put(IFLA_IFNAME, near_end(i));
    batch.put(IFLA_GROUP, kGroup);
    one_queue(batch);
    batch.put(IFLA_NET_NS_FD, static_cast<std::uint32_t>(ns_fd));
    batch.close_nest(peer);
    batch.close_nest(data);
    batch.close_nest(info);
    batch.end();
}

void up(int hosts, int ports) {
    mkdir("/run/netns", 0755);
    const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    Batch root;
    if (ports > 0) {
        for (int i = 1; i <= hosts; i += ports) { add_bridge(root, bridge(i, ports)); }
    }
    std::vector<std::unique_ptr<Batch>> inside(static_cast<std::size_t>(hosts) + 1);
    std::vector<int> fds(inside.size(), -1);
    for (int i = 1; i <= hosts; ++i) {
        if (unshare(CLONE_NEWNET) != 0) { die("unshare"); }
        close(open(path(i).c_str(), O_CREAT | O_EXCL | O_RDONLY, 0));
        if (mount("/proc/self/ns/net", path(i).c_str(), "none", MS_BIND, nullptr) != 0) { die("mount"); }
        inside[static_cast<std::size_t>(i)] = std::make_unique<Batch>();
        fds[static_cast<std::size_t>(i)] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    }
    if (setns(home, CLONE_NEWNET) != 0) { die("setns"); }
    for (int i = 1; i <= hosts; ++i) {
        const int master = ports > 0 ? root.index_of(bridge(i, ports)) : 0;
        add_pair(root, i, fds[static_cast<std::size_t>(i)], master);
    }
    root.flush();
    for (int i = 1; i <= hosts; ++i) {
        const int index = root.index_of(far_end(i));
        quiet(root, index);
        root.begin(RTM_NEWLINK, 0, up_header(index));
        root.end();
    }
    root.flush();
    for (int i = 1; i <= hosts; ++i) {
        Batch& batch = *inside[static_cast<std::size_t>(i)];
        const int index = batch.index_of(near_end(i));
        batch.begin(RTM_NEWLINK, 0, up_header(1));
        batch.end();
        quiet(batch, index);
        batch.begin(RTM_NEWLINK, 0, up_header(index));
        batch.end();
        ifaddrmsg address{};
        address.ifa_family = AF_INET;
        address.ifa_prefixlen = 8;
        address.ifa_index = static_cast<unsigned>(index);
        batch.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address);
        const std::uint32_t value = htonl(0x0a000000U + static_cast<std::uint32_t>(i));
        batch.put(IFA_LOCAL, value);
        batch.put(IFA_ADDRESS, value);
        batch.end();
        batch.flush();
    }
}

void down(int hosts, int ports) {
    Batch root;
    ifinfomsg header{};
    root.begin(RTM_DELLINK, 0, header);
    root.put(IFLA_GROUP, kGroup);
    root.end();
    root.flush();
    for (int i = 1; ports > 0 && i <= hosts; i += ports) {
        root.begin(RTM_DELLINK, 0, header);
        root.put(IFLA_IFNAME, bridge(i, ports));
        root.end();
    }
    root.flush();
    for (int i = 1; i <= hosts; ++i) {
        if (umount2(path(i).c_str(), MNT_DETACH) != 0 || unlink(path(i).c_str()) != 0) { die("remove " + host(i)); }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) { return 2; }
    const int hosts = std::atoi(argv[2]);
    const int ports = std::atoi(argv[3]);
    std::string(argv[1]) == "up" ? up(hosts, ports) : down(hosts, ports);
    return 0;
}
