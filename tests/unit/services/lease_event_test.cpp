#include "services/lease_event.hpp"

#include <map>

#include <gtest/gtest.h>

namespace warren {
namespace {

using Variables = std::map<std::string, std::string>;

Environment in(Variables variables) {
    return [variables = std::move(variables)](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::string() : found->second;
    };
}

Variables bound() {
    return {{"reason", "BOUND"},
            {"interface", "eth0-r"},
            {"new_ip_address", "10.50.50.77"},
            {"new_subnet_mask", "255.255.255.0"},
            {"new_routers", "10.50.50.1"},
            {"new_domain_name_servers", "10.50.50.2 10.50.50.3"},
            {"new_domain_name", "red.example"},
            {"new_interface_mtu", "1400"},
            {"new_dhcp_lease_time", "3600"}};
}

LeaseRoute route(const char* destination, const char* via) {
    LeaseRoute made{*Prefix::parse(destination), std::nullopt};
    if (via != nullptr) { made.via = IpAddress::parse(via); }
    return made;
}

TEST(LeaseEvent, DhclientBound) {
    const auto event = dhclient_event(in(bound()));
    EXPECT_EQ(event.kind, LeaseEvent::Kind::bound);
    EXPECT_EQ(event.fault, "");
    EXPECT_EQ(event.interface, "eth0-r");
    EXPECT_EQ(event.address.to_string(), "10.50.50.77/24");
    EXPECT_EQ(event.lifetime, 3600U);
    EXPECT_EQ(event.mtu, 1400U);
    EXPECT_EQ(event.routes, std::vector{route("0.0.0.0/0", "10.50.50.1")});
    EXPECT_EQ(resolv_conf(event, "tenants/red"),
              "# made by warren for tenants/red: DHCP on eth0-r\n"
              "nameserver 10.50.50.2\nnameserver 10.50.50.3\nsearch red.example\n");
}

TEST(LeaseEvent, DhclientReasons) {
    const auto kind = [](const char* reason) {
        auto variables = bound();
        variables["reason"] = reason;
        return dhclient_event(in(variables)).kind;
    };
    using Kind = LeaseEvent::Kind;
    for (const char* reason : {"BOUND", "RENEW", "REBIND", "REBOOT"}) {
        EXPECT_EQ(kind(reason), Kind::bound) << reason;
    }
    for (const char* reason : {"EXPIRE", "FAIL", "RELEASE", "STOP"}) {
        EXPECT_EQ(kind(reason), Kind::lost) << reason;
    }
    EXPECT_EQ(kind("PREINIT"), Kind::prepare);
    EXPECT_EQ(kind("TIMEOUT"), Kind::refused);
    EXPECT_EQ(kind("MEDIUM"), Kind::nothing);
    EXPECT_EQ(kind("BOUND6"), Kind::nothing);
}

TEST(LeaseEvent, ClasslessRoutesReplaceTheRouterOption) {
    auto variables = bound();
    variables["new_rfc3442_classless_static_routes"] = "8 10 10 50 50 9 0 10 50 50 8 20 172 16 16 0 0 0 0";
    const auto event = dhclient_event(in(variables));
    EXPECT_EQ(event.routes, (std::vector{route("10.0.0.0/8", "10.50.50.9"), route("0.0.0.0/0", "10.50.50.8"),
                                         route("172.16.16.0/20", nullptr)}));
}

TEST(LeaseEvent, TornClasslessRoutesAreNotUsed) {
    for (const char* torn : {"24 10 1 2 10 0 0", "33 1 2 3 4 5 1 2 3 4", "8 300 1 2 3 4", "8 x 1 2 3 4"}) {
        auto variables = bound();
        variables["new_rfc3442_classless_static_routes"] = torn;
        EXPECT_EQ(dhclient_event(in(variables)).routes, std::vector{route("0.0.0.0/0", "10.50.50.1")}) << torn;
    }
}

TEST(LeaseEvent, ValuesFromTheNetworkAreChecked) {
    auto variables = bound();
    variables["new_domain_name"] = "a b\nnameserver;$(reboot) ok.example -x";
    variables["new_domain_name_servers"] = "10.50.50.2;id 10.50.50.4 224.0.0.1 ::1";
    variables["new_routers"] = "255.255.255.255 0.0.0.0 10.50.50.1";
    variables["new_interface_mtu"] = "67";
    const auto event = dhclient_event(in(variables));
    EXPECT_EQ(event.search, (std::vector<std::string>{"a", "b", "ok.example"}));
    EXPECT_EQ(event.dns, std::vector{*IpAddress::parse("10.50.50.4")});
    EXPECT_EQ(event.routes, std::vector{route("0.0.0.0/0", "10.50.50.1")});
    EXPECT_FALSE(event.mtu);
}

TEST(LeaseEvent, LeasesThatCannotBeUsed) {
    const auto fault = [](const char* name, const char* value) {
        auto variables = bound();
        variables[name] = value;
        return dhclient_event(in(variables)).fault;
    };
    EXPECT_EQ(fault("new_ip_address", "10.50.50.2/8"), "\"10.50.50.2/8\" is no address for a host");
    EXPECT_NE(fault("new_ip_address", ""), "");
    EXPECT_NE(fault("new_ip_address", "127.0.0.1"), "");
    EXPECT_NE(fault("new_subnet_mask", "255.0.255.0"), "");
    EXPECT_NE(fault("new_subnet_mask", ""), "");
    EXPECT_EQ(fault("new_subnet_mask", "255.255.255.255"), "");
}

TEST(LeaseEvent, NeverALifetimeThatTheKernelTakesForStatic) {
    auto variables = bound();
    variables["new_dhcp_lease_time"] = "4294967295";
    EXPECT_EQ(dhclient_event(in(variables)).lifetime, 0x7fffffffU);
    variables["new_dhcp_lease_time"] = "0";
    EXPECT_EQ(dhclient_event(in(variables)).lifetime, 1U);
    variables.erase("new_dhcp_lease_time");
    EXPECT_EQ(dhclient_event(in(variables)).lifetime, 3600U);
}

TEST(LeaseEvent, Udhcpc) {
    const Variables variables{{"interface", "eth0-g"},
                              {"ip", "10.50.50.20"},
                              {"mask", "24"},
                              {"subnet", "255.255.255.0"},
                              {"router", "10.50.50.1"},
                              {"dns", "10.50.50.2"},
                              {"domain", "green"},
                              {"lease", "600"},
                              {"staticroutes", "10.1.0.0/16 10.50.50.9 0.0.0.0/0 10.50.50.1"}};
    const auto event = udhcpc_event("bound", in(variables));
    EXPECT_EQ(event.kind, LeaseEvent::Kind::bound);
    EXPECT_EQ(event.address.to_string(), "10.50.50.20/24");
    EXPECT_EQ(event.lifetime, 600U);
    EXPECT_EQ(event.routes, (std::vector{route("10.1.0.0/16", "10.50.50.9"), route("0.0.0.0/0", "10.50.50.1")}));
    EXPECT_EQ(udhcpc_event("renew", in(variables)), event);

    const auto deconfig = udhcpc_event("deconfig", in(variables));
    EXPECT_EQ(deconfig.kind, LeaseEvent::Kind::lost);
    EXPECT_TRUE(deconfig.needs_link);
    EXPECT_EQ(resolv_conf(deconfig, "l/green"), "# made by warren for l/green: DHCP on eth0-g\n");
    EXPECT_EQ(udhcpc_event("nak", in(variables)).kind, LeaseEvent::Kind::nothing);
    EXPECT_EQ(udhcpc_event("leasefail", in(variables)).kind, LeaseEvent::Kind::nothing);
}

TEST(LeaseEvent, AnInterfaceNameThatIsNoneIsLeftOut) {
    auto variables = bound();
    variables["interface"] = "../eth0";
    EXPECT_EQ(dhclient_event(in(variables)).interface, "");
}

}  // namespace
}  // namespace warren
