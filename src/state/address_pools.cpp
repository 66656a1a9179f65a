#include "state/address_pools.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

namespace warren {
namespace {

bool in_range(const Network& network, const IpAddress& address) {
    return network.dhcp && network.dhcp->range && network.dhcp->range->first <= address &&
           address <= network.dhcp->range->last;
}

}  // namespace

AddressPools::AddressPools(const Lab& lab) {
    for (const auto& network : lab.networks) {
        if (!network.dhcp) { continue; }
        if (network.dhcp->gateway) { take(network, *network.dhcp->gateway); }
        if (network.dhcp->address) { take(network, network.dhcp->address->address); }
    }
    for (const auto& host : lab.hosts) {
        for (const auto& interface : host.interfaces) {
            if (!interface.network) { continue; }
            for (const auto& address : interface.addresses) { used_[*interface.network].insert(address.address); }
        }
    }
}

void AddressPools::take(const Network& network, const IpAddress& address) { used_[network.name].insert(address); }

std::optional<Prefix> AddressPools::free_address(const Network& network) {
    if (!network.subnet) { return std::nullopt; }
    auto& used = used_[network.name];
    auto& next = next_.try_emplace(network.name, network.subnet->first()).first->second;
    for (; network.subnet->contains(next); next = next.plus(1)) {
        // The all-zero host part of IPv6 is the routers' anycast address (RFC 4291 2.6.1).
        if (!network.subnet->usable(next) || used.contains(next) || in_range(network, next) ||
            (next == network.subnet->first() && network.subnet->length < next.bits() - 1)) {
            continue;
        }
        used.insert(next);
        return Prefix{next, network.subnet->length};
    }
    return std::nullopt;
}

AddressRange AddressPools::free_range(const Network& network) const {
    std::vector<IpAddress> taken;
    if (const auto used = used_.find(network.name); used != used_.end()) {
        std::copy_if(used->second.begin(), used->second.end(), std::back_inserter(taken),
                     [&](const IpAddress& address) { return network.subnet->contains(address); });
    }
    const bool ends = network.subnet->length < 31;
    const std::uint64_t size = std::uint64_t{1} << (32U - network.subnet->length);
    const IpAddress base = network.subnet->first();
    auto offset = [&](const IpAddress& address) {
        std::uint32_t a = 0;
        std::uint32_t b = 0;
        for (int i = 0; i < 4; ++i) {
            a = a << 8U | address.bytes()[i];
            b = b << 8U | base.bytes()[i];
        }
        return std::uint64_t{a - b};
    };
    std::uint64_t start = ends ? 1 : 0;
    const std::uint64_t stop = ends ? size - 1 : size;  // one past the last
    std::uint64_t best_start = start;
    std::uint64_t best_size = 0;
    auto consider = [&](std::uint64_t end) {
        if (end > start && end - start > best_size) {
            best_start = start;
            best_size = end - start;
        }
    };
    for (const auto& address : taken) {
        consider(offset(address));
        start = std::max(start, offset(address) + 1);
    }
    consider(stop);
    return {base.plus(best_start), base.plus(best_start + std::max<std::uint64_t>(best_size, 1) - 1)};
}

}  // namespace warren
