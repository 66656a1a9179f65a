// Command lines and files of dnsmasq, dhclient and udhcpc. Called by expand().
#include "state/dhcp.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace warren {
namespace {

constexpr std::uint8_t kOptionRouter = 3;
constexpr std::uint8_t kOptionDns = 6;
constexpr std::uint8_t kOptionRoutes = 121;           // RFC 3442
constexpr std::uint8_t kOptionMicrosoftRoutes = 249;  // the same under its older number

// A line's end in a value would begin a new line of the file, which dnsmasq would obey.
std::string one_line(const std::string& value) { return value.substr(0, value.find_first_of("\r\n")); }

std::string netmask(std::uint8_t length) {
    const std::uint32_t mask = length == 0 ? 0 : ~0U << (32U - length);
    return fmt::format("{}.{}.{}.{}", mask >> 24U, (mask >> 16U) & 255U, (mask >> 8U) & 255U, mask & 255U);
}

// How many leases there can be: so many as the subnet has addresses, that neither another range nor a
// reservation more changes the command.
std::uint64_t most_leases(const Prefix& subnet) {
    constexpr unsigned kMost = 20;  // bits
    const unsigned bits = (subnet.address.is_v4() ? 32U : 128U) - subnet.length;
    return std::uint64_t{1} << std::min(bits, kMost);
}

std::string joined(const std::vector<IpAddress>& addresses) {
    std::string text;
    for (const auto& address : addresses) { text += (text.empty() ? "" : ",") + address.to_string(); }
    return text;
}

// dnsmasq reads an IPv6 address in brackets.
std::string in_hosts_file(const IpAddress& address) {
    return address.is_v4() ? address.to_string() : "[" + address.to_string() + "]";
}

bool has_default_route(const std::string& routes) {
    return routes.starts_with("0.0.0.0/0,") || routes.find(",0.0.0.0/0,") != std::string::npos;
}

// Codes and values of the options file. An empty value keeps dnsmasq from sending its own default.
std::map<std::uint8_t, std::string> options_of(const DhcpServer& server) {
    auto options = server.options;
    for (auto& [code, value] : options) { value = one_line(value); }
    // Without a router option dnsmasq would call itself the router.
    options.try_emplace(kOptionRouter, server.gateway ? server.gateway->to_string() : "");
    if (!server.dns.empty()) { options.try_emplace(kOptionDns, joined(server.dns)); }
    if (const auto routes = options.find(kOptionRoutes); routes != options.end()) {
        // A client that is given routes ignores the router option (RFC 3442): the default route goes in here.
        if (server.gateway && !has_default_route(routes->second)) {
            routes->second += fmt::format(",0.0.0.0/0,{}", server.gateway->to_string());
        }
        options.try_emplace(kOptionMicrosoftRoutes, routes->second);
    }
    return options;
}

std::string options_text(const DhcpServer& server) {
    const bool v4 = server.address.address.is_v4();
    std::string text;
    if (v4) {
        for (const auto& [code, value] : options_of(server)) {
            text += value.empty() ? fmt::format("{}\n", code) : fmt::format("{},{}\n", code, value);
        }
        return text;
    }
    for (const auto& [code, value] : server.options) {
        text += fmt::format("option6:{},{}\n", code, one_line(value));
    }
    if (!server.dns.empty()) {
        std::string servers;
        for (const auto& address : server.dns) { servers += ",[" + address.to_string() + "]"; }
        text += "option6:dns-server" + servers + "\n";
    }
    return text;
}

}  // namespace

DhcpServerPlan plan_dhcp_server(const DhcpServer& server) {
    const std::string base = server.directory + "/" + server.network;
    const bool v4 = server.address.address.is_v4();
    DhcpServerPlan plan;
    plan.pid_file = base + ".pid";
    const std::string hosts_file = base + ".hosts";
    const std::string options_file = base + ".options";

    auto reservations = server.reservations;
    std::sort(reservations.begin(), reservations.end());
    std::string& hosts = plan.files[hosts_file];
    for (const auto& reservation : reservations) {
        hosts += fmt::format("{},{},{}\n", reservation.mac.to_string(), in_hosts_file(reservation.address),
                             one_line(reservation.host));
    }
    plan.files[options_file] = options_text(server);
    plan.reload_files = {hosts_file, options_file};

    plan.command = {
        server.program,
        "--keep-in-foreground",
        "--conf-file=/dev/null",  // nothing of the machine's own configuration
        "--no-resolv",
        "--no-hosts",
        "--bind-dynamic",
        "--interface=" + server.interface,
        "--except-interface=lo",
        "--user=root",  // its files are root's alone
        "--group=",     // setgroups() is refused in a user namespace
        "--log-facility=-",
        "--pid-file=" + plan.pid_file,
        "--dhcp-leasefile=" + server.lease_file,
        "--dhcp-hostsfile=" + hosts_file,
        "--dhcp-optsfile=" + options_file,
        "--dhcp-authoritative",
        "--no-ping",  // the probe delays each offer by 3 s
        fmt::format("--dhcp-lease-max={}", most_leases(server.address)),
        fmt::format("--dhcp-range={},{},{},{}", server.range.first.to_string(), server.range.last.to_string(),
                    v4 ? netmask(server.address.length) : std::to_string(server.address.length),
                    server.lease_time.count()),
    };
    if (!v4) { plan.command.emplace_back("--enable-ra"); }  // a host asks by DHCPv6 only where it is told to
    return plan;
}

DhcpClientPlan plan_dhcp_client(const DhcpClient& client) {
    // Both names may hold "." and "-"; ":" can be in neither, so that no two clients share their files.
    const std::string base = fmt::format("{}/{}:{}", client.directory, client.host, client.interface);
    const std::string pid_file = base + ".pid";
    DhcpClientPlan plan;
    if (!client.resolv_conf.empty()) { plan.environment.push_back("WARREN_RESOLV_CONF=" + client.resolv_conf); }
    if (!client.network.empty()) {
        plan.environment.push_back(fmt::format("WARREN_NETWORK={}{}{}", client.network, client.subnet ? " " : "",
                                               client.subnet ? client.subnet->to_string() : ""));
    }
    if (client.reserved) { plan.environment.push_back("WARREN_RESERVED=" + client.reserved->to_string()); }

    const std::string name = client.program.substr(client.program.rfind('/') + 1);
    if (name.starts_with("udhcpc")) {
        // -t, -T, -A: three requests a second apart, a second's pause, for ever. Not -R: like dhclient it ends without
        // a release, and what it brought is taken away by whoever ends it.
        plan.command = {client.program, "-f",          "-i", client.interface,
                        "-s",           client.script, "-p", pid_file,
                        "-t",           "3",           "-T", "1",
                        "-A",           "1",           "-x", "hostname:" + client.host};
        if (client.takes_mtu) { plan.command.insert(plan.command.end(), {"-O", "mtu"}); }
        plan.command.insert(plan.command.end(), {"-O", "staticroutes"});
        return plan;
    }

    const std::string configuration = base + ".conf";
    plan.lease_file = base + ".leases";
    plan.files[configuration] = fmt::format(
        "# made by warren for {}/{}: dhclient on {}\n"
        "option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;\n"
        "send host-name \"{}\";\n"
        "request subnet-mask, broadcast-address, routers, domain-name, domain-name-servers, domain-search,\n"
        "        {}rfc3442-classless-static-routes;\n"
        "timeout 60;\n"
        "retry 1;\n"
        "reboot 0;\n"
        "select-timeout 0;\n"
        "initial-delay 0;\n"
        "initial-interval 1;\n"
        "backoff-cutoff 2;\n",
        client.lab, client.host, client.interface, client.host, client.takes_mtu ? "interface-mtu, " : "");
    plan.restart_files = {configuration};
    plan.command = {client.program,  "-4",  "-d",    "-cf", configuration, "-sf", client.script, "-lf",
                    plan.lease_file, "-pf", pid_file};
    // dhclient hands its script nothing of its own environment but what -e names.
    std::vector<std::string> handed;
    if (!client.resolv_conf.empty()) { handed.push_back("WARREN_RESOLV_CONF=" + client.resolv_conf); }
    handed.push_back("WARREN_LAB=" + client.lab);
    handed.push_back("WARREN_HOST=" + client.host);
    for (const auto& entry : handed) { plan.command.insert(plan.command.end(), {"-e", entry}); }
    plan.command.push_back(client.interface);
    return plan;
}

}  // namespace warren
