// One netlink socket for each namespace that is worked in, kept as long as the limit on open files allows.
#pragma once

#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "linux/netlink.hpp"

namespace warren {

// Not for several threads. A namespace must not be deleted and made again under the same name while its
// socket is kept: forget() it.
class Sockets {
public:
    Sockets();
    // The reference is good until the next call.
    [[nodiscard]] Result<nl::Socket*> in(const std::string& net_namespace);
    // Opens those that are not there yet with one thread for all; at most limit() names.
    [[nodiscard]] Result<void> open_all(const std::vector<std::string>& net_namespaces);
    [[nodiscard]] std::size_t limit() const { return limit_; }
    void keep(const std::string& net_namespace, nl::Socket socket);
    void forget(const std::string& net_namespace);

private:
    struct Entry {
        nl::Socket socket;
        std::list<std::string>::iterator age;
    };
    std::size_t limit_;
    std::list<std::string> ages_;  // most recently used first
    std::unordered_map<std::string, Entry> entries_;
};

}  // namespace warren
