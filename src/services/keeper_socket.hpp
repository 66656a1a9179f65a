// Where keeper and client meet: DIRECTORY/keeper.sock.
#pragma once

#include <string>
#include <string_view>

#include <sys/un.h>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace warren {

[[nodiscard]] std::string keeper_socket_path(const std::string& directory);

// An address for it. A path too long for sockaddr_un goes through a descriptor of its directory, which must
// stay open until the address has been used.
struct KeeperAddress {
    sockaddr_un address{};
    Fd directory;
};
[[nodiscard]] Result<KeeperAddress> keeper_address(const std::string& directory);

inline constexpr std::string_view kKeeperReady = "ready\n";

}  // namespace warren
