// Unnamed namespaces and what is put into them. Called by doctor*.cpp and path.cpp.
#include "probe/throw_away.hpp"

#include <optional>

#include <fcntl.h>

#include "linux/netns.hpp"

namespace warren::probe {

Result<ThrowAway> make_throw_away() {
    std::optional<ThrowAway> made;
    WARREN_TRY(in_throw_away_namespace([&](nl::Socket& socket) -> Result<void> {
        WARREN_ASSIGN(auto ns, open_file("/proc/thread-self/ns/net", O_RDONLY));
        made.emplace(ThrowAway{std::move(ns), std::move(socket)});
        return {};
    }));
    return std::move(*made);
}

Result<void> join(ThrowAway& a, const std::string& name_a, ThrowAway& b, const std::string& name_b,
                  std::uint32_t mtu) {
    NewVethEnd end;
    end.name = name_a;
    end.mac = MacAddress::derived("a " + name_a + " " + name_b);
    end.mtu = mtu;
    end.up = true;
    NewVethEnd peer;
    peer.name = name_b;
    peer.mac = MacAddress::derived("b " + name_a + " " + name_b);
    peer.mtu = mtu;
    peer.ns_fd = b.ns.get();
    WARREN_TRY(a.socket.send({new_veth(end, peer, 0), "make a veth pair"}));
    return bring_up(b, name_b);
}

Result<void> bring_up(ThrowAway& in, const std::string& link) {
    // No address of the kernel's own: what it says to the neighbours would be counted with the rest.
    LinkChange quiet;
    quiet.no_ipv6_addresses = true;
    (void)in.socket.send({change_link(link, quiet), "keep " + link + " quiet"});
    LinkChange change;
    change.up = true;
    return in.socket.send({change_link(link, change), "bring " + link + " up"});
}

Result<void> put_address(ThrowAway& in, const std::string& link, const Prefix& address) {
    WARREN_ASSIGN(const KernelLink found, find_link(in.socket, link));
    return in.socket.send({new_address(found.index, address), "set address " + address.to_string()});
}

Result<void> put_under(ThrowAway& in, const std::string& link, const std::string& bridge) {
    WARREN_ASSIGN(const KernelLink found, find_link(in.socket, bridge));
    LinkChange change;
    change.master = found.index;
    return in.socket.send({change_link(link, change), "make " + link + " a port of " + bridge});
}

}  // namespace warren::probe
