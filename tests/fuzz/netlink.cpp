// Netlink answers: whatever the bytes of a dump's answer, it is read to its end or refused, inside its bounds.
//
// The first byte says which dump is read, the second in how many datagrams the rest comes. Sequence numbers are put
// right, so that chance need not find them. The decoders for listeners get each message alone as well, in memory of
// just its size.
#include <algorithm>
#include <string>
#include <vector>

#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "fuzz.hpp"
#include "linux/link.hpp"

namespace {

using namespace warren;

// Messages of one datagram, as the kernel lays them out; a length that lies is left as it is.
template <class Each>
void for_each_message(std::string& bytes, Each each) {
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= bytes.size();) {
        auto* head = reinterpret_cast<nlmsghdr*>(bytes.data() + at);
        const std::size_t left = bytes.size() - at;
        each(head, left);
        if (head->nlmsg_len < sizeof(nlmsghdr) || head->nlmsg_len > left) { return; }
        at += std::min<std::size_t>(left, NLMSG_ALIGN(head->nlmsg_len));
    }
}

void parse_alone(const nlmsghdr* head, std::size_t left) {
    if (head->nlmsg_len < sizeof(nlmsghdr) || head->nlmsg_len > left) { return; }
    std::vector<char> alone(reinterpret_cast<const char*>(head),
                            reinterpret_cast<const char*>(head) + head->nlmsg_len);
    alone.shrink_to_fit();
    const auto* message = reinterpret_cast<const nlmsghdr*>(alone.data());
    const KernelLink link = parse_link(message);
    FUZZ_REQUIRE(link.name.find('\0') == std::string::npos);
    const KernelAddress address = parse_address(message);
    FUZZ_REQUIRE(!address.value.to_string().empty());
    (void)address.value.last();
}

template <class Values>
void finish(const Result<Values>& result) {
    if (!result) { FUZZ_REQUIRE(!result.error().message().empty()); }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const std::uint8_t which = input.byte();
    const std::size_t pieces = input.byte() % 4 + 1U;
    std::string bytes(input.rest());
    for_each_message(bytes, [](nlmsghdr* head, std::size_t left) {
        head->nlmsg_seq = 1;
        parse_alone(head, left);
    });

    int pair[2];
    FUZZ_REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    Fd kernel(pair[1]);
    nl::Socket socket = nl::Socket::over(Fd(pair[0]));
    // Cut between messages, as the kernel cuts.
    std::vector<std::size_t> starts;
    for_each_message(bytes, [&](const nlmsghdr* head, std::size_t) {
        starts.push_back(static_cast<std::size_t>(reinterpret_cast<const char*>(head) - bytes.data()));
    });
    std::size_t from = 0;
    for (std::size_t i = 1; i <= pieces; ++i) {
        const std::size_t to = i == pieces || starts.empty() ? bytes.size() : starts[starts.size() * i / pieces];
        if (to > from) { (void)::send(kernel.get(), bytes.data() + from, to - from, MSG_DONTWAIT | MSG_NOSIGNAL); }
        from = std::max(from, to);
    }
    (void)::shutdown(kernel.get(), SHUT_WR);

    switch (which % 7) {
        case 0:
            finish(dump_links(socket));
            break;
        case 1:
            finish(dump_addresses(socket));
            break;
        case 2:
            finish(dump_routes(socket));
            break;
        case 3:
            finish(dump_neighbours(socket));
            break;
        case 4:
            finish(dump_port_vlans(socket));
            break;
        case 5:
            finish(find_link(socket, "eth0"));
            break;
        case 6: {
            std::vector<nl::Request> requests;
            for (int i = 0; i < 3; ++i) { requests.push_back({delete_link("eth0"), "delete eth0"}); }
            finish(socket.send(requests));
            break;
        }
    }
    return 0;
}
