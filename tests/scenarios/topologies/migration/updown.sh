#!/bin/sh
# A tunnel as the provider's sample makes it: a vti, marks, sysctls, a route, an MSS.
#   updown.sh NAME MARK LOCAL REMOTE NETWORK
set -e
name=$1 mark=$2 inside=$3 peer=$4 network=$5
case $PLUTO_VERB in
up-client)
	ip link add "$name" type vti local "$PLUTO_ME" remote "$PLUTO_PEER" key "$mark"
	ip address add "$inside" remote "$peer" dev "$name"
	ip link set "$name" up mtu 1419
	sysctl -q -w net.ipv4.ip_forward=1 "net.ipv4.conf.$name.rp_filter=2" \
		"net.ipv4.conf.$name.disable_policy=1" \
		"net.ipv4.conf.$PLUTO_INTERFACE.disable_xfrm=1" \
		"net.ipv4.conf.$PLUTO_INTERFACE.disable_policy=1" \
		net.ipv4.conf.lan.disable_xfrm=1
	ip route add "$network" dev "$name" metric "$mark"
	nft -f - <<RULES
table inet $name {
	chain incoming {
		type filter hook input priority mangle
		ip protocol esp ip saddr $PLUTO_PEER ip daddr $PLUTO_ME meta mark set $mark
	}
	chain clamp {
		type filter hook forward priority mangle
		oifname $name tcp flags syn tcp option maxseg size set 1379
	}
}
RULES
	;;
down-client)
	nft delete table inet "$name"
	ip link del "$name"
	;;
esac
