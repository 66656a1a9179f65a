// expand, the rest: the files under /etc that each host has of its own, DHCP servers and clients, services.
#include <algorithm>

#include "lab/names.hpp"
#include "state/dhcp.hpp"
#include "state/expander.hpp"

namespace warren::state_detail {

void Expander::add_directory(const std::string& path) {
    File file;
    file.directory = true;
    state_.files.emplace(path, file);
}

// Every host's own /etc/resolv.conf and /etc/hosts, found where ip-netns(8) looks for them. Hosts with
// the same content share one directory, so that a lab of N hosts does not write N files of N lines.
void Expander::add_files() {
    if (state_.namespaces.empty()) { return; }
    add_directory(directory_ + "/etc");
    struct Member {
        std::string host;
        const Host* written;
    };
    std::map<std::size_t, std::vector<Member>> parts;  // by what reaches each other
    std::vector<Member> members;
    members.reserve(lab_.hosts.size() + lab_.networks.size());
    for (const auto& host : lab_.hosts) { members.push_back({host.name, &host}); }
    for (const auto& network : lab_.networks) {
        if (network.dhcp) { members.push_back({dhcp_host_name(network), nullptr}); }
    }
    for (const auto& member : members) { parts[reach_.of("host " + member.host)].push_back(member); }
    for (const auto& [part, in] : parts) {
        const std::string shared = fmt::format("{}/etc/with-{}", directory_, in.front().host);
        std::string hosts = fmt::format(
            "# made by warren for {}\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
            lab_.name);
        for (const auto& member : in) {
            for (const auto& address : known_addresses(member.host)) {
                hosts += fmt::format("{}\t{}\n", address.to_string(), member.host);
            }
        }
        add_directory(shared);
        put(shared + "/hosts", hosts);
        put(shared + "/resolv.conf", fmt::format("# made by warren for {}: no name server\n", lab_.name));
        for (const auto& member : in) {
            const std::string own = own_etc(member.host, member.written, shared);
            File link;
            link.link_target = own;
            state_.files.emplace(site_.etc_netns + "/" + ns_of(member.host), link);
        }
    }
}

// The directory that a host's /etc files are in: the shared one, or one of its own where it differs.
std::string Expander::own_etc(const std::string& host, const Host* written, const std::string& shared) {
    if (written == nullptr) { return shared; }
    const auto dns = dns_of(lab_, *written);
    const auto& links = state_.namespaces.at(ns_of(host)).links;
    const bool dhcp = std::any_of(links.begin(), links.end(), [](const auto& link) { return link.second.dhcp; });
    if (dns.empty() && !dhcp) { return shared; }
    std::string own = fmt::format("{}/etc/of-{}", directory_, host);
    add_directory(own);
    File hosts;
    hosts.link_target = shared + "/hosts";
    state_.files.emplace(own + "/hosts", hosts);
    std::string resolv = fmt::format("# made by warren for {}/{}\n", lab_.name, host);
    for (const auto& server : dns) { resolv += "nameserver " + server.to_string() + "\n"; }
    put(own + "/resolv.conf", resolv);
    state_.files[own + "/resolv.conf"].seed_only = dhcp && dns.empty();
    return own;
}

void Expander::put(const std::string& path, std::string content) {
    File file;
    file.content = std::move(content);
    state_.files[path] = std::move(file);
}

std::vector<IpAddress> Expander::known_addresses(const std::string& host) const {
    std::vector<IpAddress> addresses;
    for (const auto& [name, link] : state_.namespaces.at(ns_of(host)).links) {
        for (const auto& address : link.addresses) {
            if (!address.address.is_link_local()) { addresses.push_back(address.address); }
        }
    }
    return addresses;
}

void Expander::add_server_process(const Network& network) {
    const Dhcp& dhcp = *network.dhcp;
    const std::string host = dhcp_host_name(network);
    DhcpServer server;
    server.lab = lab_.name;
    server.network = network.name;
    server.interface = dhcp_interface_name(network);
    server.address = server_addresses_[network.name];
    pools_.take(network, server.address.address);
    server.range = dhcp.range ? *dhcp.range : pools_.free_range(network);
    server.lease_time = dhcp.lease_time.value_or(std::chrono::hours(1));
    server.gateway = dhcp.gateway;
    server.dns = dhcp.dns;
    server.options = dhcp.options;
    server.directory = directory_ + "/dhcp";
    server.lease_file = lease_file(site_, lab_.name, network.name);
    server.program = site_.dnsmasq;
    for (const auto& [reserved, address] : dhcp.reservations) {
        if (const auto mac = mac_on(network, reserved)) {
            server.reservations.push_back({*mac, reserved, address});
        }
    }
    DhcpServerPlan plan = plan_dhcp_server(server);
    Process process;
    process.host = host;
    process.name = "dnsmasq";
    process.net_namespace = ns_of(host);
    process.role = ProcessRole::dhcp_server;
    process.device = server.interface;
    process.network = network.name;
    process.command = std::move(plan.command);
    process.reload_files = std::move(plan.reload_files);
    add_directory(directory_ + "/dhcp");
    for (auto& [path, content] : plan.files) { put(path, std::move(content)); }
    state_.processes.emplace(std::pair(host, process.name), std::move(process));
}

std::optional<MacAddress> Expander::mac_on(const Network& network, const std::string& host) const {
    const auto found = hosts_.find(host);
    if (found == hosts_.end()) { return std::nullopt; }
    const auto& links = state_.namespaces.at(ns_of(host)).links;
    for (const auto& interface : found->second->interfaces) {
        if (interface.network == network.name) { return links.at(interface.name).mac; }
    }
    return std::nullopt;
}

void Expander::add_processes(const Host& host) {
    const auto& links = state_.namespaces.at(ns_of(host.name)).links;
    for (const auto& interface : host.interfaces) {
        const auto link = links.find(interface.name);
        if (link != links.end() && link->second.dhcp) { add_client(host, interface); }
    }
    for (const auto& service : host.run) {
        Process process;
        process.host = host.name;
        process.name = service.name;
        process.net_namespace = ns_of(host.name);
        process.command = service.command;
        process.restart = service.restart.value_or(Restart::always);
        process.own_etc = true;
        state_.processes.emplace(std::pair(host.name, service.name), std::move(process));
    }
}

void Expander::add_client(const Host& host, const Interface& interface) {
    DhcpClient client;
    client.lab = lab_.name;
    client.host = host.name;
    client.interface = interface.name;
    client.directory = directory_ + "/dhcp";
    client.program = site_.dhcp_client;
    client.script = directory_ + "/dhcp/dhcp-script";
    if (dns_of(lab_, host).empty()) {
        client.resolv_conf = fmt::format("{}/etc/of-{}/resolv.conf", directory_, host.name);
    }
    client.takes_mtu = !says_mtu(interface);
    if (interface.network) {
        const Network& network = *networks_.at(*interface.network);
        client.network = network.name;
        client.subnet = network.subnet;
        if (network.dhcp) {
            const auto reserved = network.dhcp->reservations.find(host.name);
            if (reserved != network.dhcp->reservations.end()) { client.reserved = reserved->second; }
        }
    }
    DhcpClientPlan plan = plan_dhcp_client(client);
    Process process;
    process.host = host.name;
    process.name = "dhcp-" + interface.name;
    process.net_namespace = ns_of(host.name);
    process.role = ProcessRole::dhcp_client;
    process.device = interface.name;
    process.network = interface.network.value_or("");
    process.command = std::move(plan.command);
    process.environment = std::move(plan.environment);
    process.restart_files = std::move(plan.restart_files);
    add_directory(directory_ + "/dhcp");
    for (auto& [path, content] : plan.files) { put(path, std::move(content)); }
    File script;
    script.link_target = site_.warren;
    state_.files.emplace(client.script, script);
    state_.processes.emplace(std::pair(host.name, process.name), std::move(process));
}

}  // namespace warren::state_detail
