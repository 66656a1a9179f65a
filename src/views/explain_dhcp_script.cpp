// The script that a DHCP client calls, for people: what services/dhcp_script.cpp does, in shell. It is part of the
// text that explain prints.
#include "views/explain.hpp"

namespace warren::explained {

const std::string& dhcp_client_script() {
    static const std::string kScript = R"sh(#!/bin/sh
# dhclient and udhcpc run this with what the server said in the environment. It sets the address and
# the routes of the lease, and writes the host's own resolv.conf ($RESOLV_CONF), in place: a rename
# would not reach a file that is mounted over /etc/resolv.conf. The script that comes with the system
# is for machines with one network: it would write the machine's /etc/resolv.conf.
set -f
if [ -z "$reason" ]; then  # udhcpc's names
    reason=$1 new_ip_address=$ip new_prefix=$mask new_dhcp_lease_time=$lease new_routers=$router
    new_domain_name_servers=$dns new_domain_name=$domain new_domain_search=$search
    new_interface_mtu=$mtu
fi

drop() {  # what a lease has brought; not where it is renewed, with the same address $1
    if [ -n "$1" ] && ip -4 -o addr show dev "$interface" dynamic | grep -qF " $1 "; then return; fi
    ip -4 route flush dev "$interface" proto dhcp
    ip -4 addr flush dev "$interface" dynamic
}

route() {  # DESTINATION ROUTER
    via="via $2"
    if [ "$2" = 0.0.0.0 ]; then via=; fi
    if ip -4 route show "$1" $via dev "$interface" proto dhcp | grep -q .; then return; fi
    case $(ip -4 route get "$2" oif "$interface" 2>/dev/null) in
        "" | *" via "*)  # a router outside of the subnet is reached on the link
            if [ -n "$via" ]; then ip route add "$2/32" dev "$interface" proto dhcp scope link; fi
            ;;
    esac
    # With the higher metric where the place is another's.
    ip route add "$1" $via dev "$interface" proto dhcp 2>/dev/null ||
        ip route add "$1" $via dev "$interface" proto dhcp metric 1000
}

routes() {
    if [ -n "$staticroutes" ]; then  # RFC 3442, as udhcpc tells it: then routers do not count
        set -- $staticroutes
        while [ $# -ge 2 ]; do route "$1" "$2"; shift 2; done
    elif [ -n "$new_rfc3442_classless_static_routes" ]; then  # and as dhclient does: bytes
        set -- $new_rfc3442_classless_static_routes
        while [ $# -ge 5 ]; do
            length=$1 bytes=$((($1 + 7) / 8)) destination=
            shift
            for i in 1 2 3 4; do
                if [ $i -le $bytes ]; then byte=$1; shift; else byte=0; fi
                destination=$destination${destination:+.}$byte
            done
            route "$destination/$length" "$1.$2.$3.$4"
            shift 4
        done
    else
        for router in $new_routers; do route default "$router"; done
    fi
}

length_of() {  # 255.255.255.0 -> 24
    bits=0
    for byte in $(echo "$1" | tr . ' '); do
        while [ "$byte" -gt 0 ]; do bits=$((bits + byte % 2)); byte=$((byte / 2)); done
    done
    echo $bits
}

resolv_conf() {
    [ -n "$RESOLV_CONF" ] || return 0
    {
        echo "# DHCP on $interface"
        for server in $1; do echo "nameserver $server"; done
        if [ -n "$2" ]; then echo "search $2"; fi
    } >"$RESOLV_CONF"
}

case $reason in
    PREINIT)
        ip link set "$interface" up
        ;;
    BOUND | RENEW | REBIND | REBOOT | bound | renew)
        address=$new_ip_address/${new_prefix:-$(length_of "$new_subnet_mask")}
        if [ -n "$new_interface_mtu" ]; then ip link set "$interface" mtu "$new_interface_mtu"; fi
        drop "$address"
        # An address with a lifetime goes by itself when the lease is not renewed.
        ip addr replace "$address" brd + dev "$interface" \
            valid_lft "$new_dhcp_lease_time" preferred_lft "$new_dhcp_lease_time"
        routes
        resolv_conf "$new_domain_name_servers" \
            "$(echo $new_domain_name $new_domain_search | tr ' ' '\n' | sed 's/\.$//' | awk '!seen[$0]++' | xargs)"
        ;;
    EXPIRE | FAIL | RELEASE | STOP | deconfig)
        drop
        if [ "$reason" = deconfig ]; then ip link set "$interface" up; fi
        resolv_conf
        ;;
    TIMEOUT)
        exit 1  # an old lease that no server has confirmed
        ;;
esac
exit 0
)sh";
    return kScript;
}

}  // namespace warren::explained
