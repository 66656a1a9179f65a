// Networks that somebody typed with the plain tools: those of the two scenarios, and more. Each for a test's own
// sandbox, which they go with.
#pragma once

#include <string>

#include "harness.hpp"

namespace warren::e2e {

// The machine's own Open vSwitch, as Debian's service starts it; what hinders, "" nothing.
inline std::string start_machines_ovs() {
    if (!has_program("ovs-vswitchd")) { return "Open vSwitch is not installed"; }
    must_sh(R"(set -e
export OVS_RUNDIR=/run/openvswitch OVS_LOGDIR=/run/openvswitch OVS_DBDIR=/run/openvswitch
mkdir -p /run/openvswitch
cd /run/openvswitch
ovsdb-tool create conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server conf.db --remote=punix:db.sock --pidfile --detach --no-chdir --log-file
ovs-vsctl --no-wait init
ovs-vswitchd unix:db.sock --pidfile --detach --no-chdir --log-file)");
    return {};
}

// Two namespaces, two veth pairs, a switch: the first scenario.
inline void type_red_green() {
    must_sh(R"(set -e
ip netns add red
ip netns add green
ip link add eth0-r type veth peer name veth-r
ip link add eth0-g type veth peer name veth-g
ip link set eth0-r netns red
ip link set eth0-g netns green
ovs-vsctl add-br ovs1 -- set Bridge ovs1 datapath_type=netdev
ovs-vsctl add-port ovs1 veth-r -- add-port ovs1 veth-g
ip link set veth-r up
ip link set veth-g up
ip netns exec red ip link set lo up
ip netns exec red ip link set eth0-r up
ip netns exec red ip address add 10.0.0.1/24 dev eth0-r
ip netns exec green ip link set lo up
ip netns exec green ip link set eth0-g up
ip netns exec green ip address add 10.0.0.2/24 dev eth0-g)");
}

// Makes that the second one: two tenants, each with a DHCP server of its own that gives out the same addresses.
inline void type_tenants() {
    must_sh(R"(set -e
ip netns exec red ip address del 10.0.0.1/24 dev eth0-r
ip netns exec green ip address del 10.0.0.2/24 dev eth0-g
ovs-vsctl set port veth-r tag=100
ovs-vsctl set port veth-g tag=200
serve() {  # LETTER TAG
    ip netns add dhcp-$1
    ovs-vsctl add-port ovs1 tap-$1 -- set interface tap-$1 type=internal -- set port tap-$1 tag=$2
    ip link set tap-$1 netns dhcp-$1
    ip netns exec dhcp-$1 ip link set lo up
    ip netns exec dhcp-$1 ip link set tap-$1 up
    ip netns exec dhcp-$1 ip address add 10.50.50.2/24 dev tap-$1
    ip netns exec dhcp-$1 dnsmasq --interface=tap-$1 --dhcp-range=10.50.50.10,10.50.50.100,255.255.255.0 \
        --no-ping --pid-file=/run/dnsmasq-$1.pid --dhcp-leasefile=/run/dnsmasq-$1.leases
}
serve r 100
serve g 200
ip netns exec red dhclient -lf /run/red.leases -pf /run/red.pid eth0-r
ip netns exec green dhclient -lf /run/green.leases -pf /run/green.pid eth0-g)");
}

}  // namespace warren::e2e
