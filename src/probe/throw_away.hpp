// Network namespaces without a name, which go when the last descriptor of theirs is closed: nothing of them can be left
// behind, however the process ends. Internal to probe/.
#pragma once

#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/net_types.hpp"
#include "linux/link.hpp"
#include "linux/netlink.hpp"

namespace warren::probe {

struct ThrowAway {
    Fd ns;              // an nsfs descriptor
    nl::Socket socket;  // opened in it
};
[[nodiscard]] Result<ThrowAway> make_throw_away();

// A veth pair with one end in each, both up.
[[nodiscard]] Result<void> join(ThrowAway& a, const std::string& name_a, ThrowAway& b, const std::string& name_b,
                                std::uint32_t mtu = 1500);
[[nodiscard]] Result<void> bring_up(ThrowAway& in, const std::string& link);
[[nodiscard]] Result<void> put_address(ThrowAway& in, const std::string& link, const Prefix& address);
[[nodiscard]] Result<void> put_under(ThrowAway& in, const std::string& link, const std::string& bridge);

}  // namespace warren::probe
