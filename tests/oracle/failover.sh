#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The idea of the kernel's drivers/net/team/transmit_failover.sh, with its own functions for traffic and
# captures, for one active member and one in reserve: the modes that it tests send by all members at
# once, which no failover driver does.
#
#   NS1 test1 ----+-- member 1 --+---- test2 NS2        FAILOVER=bond: stock, mode active-backup
#                 +-- member 2 --+                      FAILOVER=vgw:  a connection at both ends
# shellcheck disable=SC1091,SC2034,SC2154,SC2317 # sourced from the kernel, called by it
source "${LAB_SOURCE:?}/tools/testing/selftests/net/lib.sh"
# It looks for others of its kind beside $0.
BASH_ARGV0=$LAB_SOURCE/tools/testing/selftests/drivers/net/team/failover.sh
source "$LAB_SOURCE/tools/testing/selftests/drivers/net/team/team_lib.sh"

ALL_TESTS="only_the_active_member_transmits
	a_member_taken_out_transmits_no_more
	a_member_put_back_waits
	a_member_whose_link_is_lost_is_left_at_once"
NS1_IP=192.168.0.1
NS2_IP=192.168.0.2

# As in the original the far end takes what comes by any member, and sends by all.
bond_create()
{
	MEMBERS=(eth0 eth1)
	bond_end "$NS1" test1 "$NS1_IP" mode active-backup miimon 10 all_slaves_active 1
	bond_end "$NS2" test2 "$NS2_IP" mode balance-rr miimon 10
}

bond_end()
{
	local ns=$1 dev=$2 ip=$3 member
	shift 3

	ip -n "$ns" link add "$dev" type bond "$@"
	for member in eth0 eth1; do
		bond_member "$ns" "$dev" "$member"
	done
	ip -n "$ns" link set "$dev" up
	ip -n "$ns" addr add "$ip/24" dev "$dev"
}

bond_member()
{
	ip -n "$1" link set "$3" down
	ip -n "$1" link set "$3" master "$2"
}

bond_out() { ip -n "$NS1" link set eth0 nomaster; }
bond_back() { bond_member "$NS1" test1 eth0; }

# The far end's tunnels are where the inner packets are seen.
vgw_create()
{
	local n key
	key="aead rfc4106(gcm(aes)) 0x$(printf '%040d' 1) 128 mode tunnel"

	MEMBERS=(test2-1 test2-2)
	for n in 1 2; do
		vgw_end "$NS1" "$n" "10.0.$n.1" "10.0.$n.2" "0x$n" "0x1$n"
		vgw_end "$NS2" "$n" "10.0.$n.2" "10.0.$n.1" "0x1$n" "0x$n"
	done
	vgw_conn "$NS1" test1 "$NS1_IP"
	vgw_conn "$NS2" test2 "$NS2_IP"
}

vgw_end()
{
	local ns=$1 n=$2 here=$3 there=$4 out=$5 in=$6

	ip -n "$ns" addr add "$here/24" dev "eth$((n - 1))"
	ip -n "$ns" link set "eth$((n - 1))" up
	# shellcheck disable=SC2086 # words
	{
		ip -n "$ns" xfrm state add src "$here" dst "$there" proto esp spi "$out" $key if_id "$n"
		ip -n "$ns" xfrm state add src "$there" dst "$here" proto esp spi "$in" $key if_id "$n"
	}
	ip -n "$ns" xfrm policy add dir out if_id "$n" tmpl src "$here" dst "$there" proto esp mode tunnel
	ip -n "$ns" xfrm policy add dir in if_id "$n" tmpl src "$there" dst "$here" proto esp mode tunnel
}

vgw_conn()
{
	vgwctl -n "$1" add "$2" tunnel if_id 1 keepalive off tunnel if_id 2 keepalive off
	ip -n "$1" link set "$2" up
	ip -n "$1" addr add "$3/24" dev "$2"
}

vgw_out() { vgwctl -n "$NS1" drain test1 1; }
vgw_back() { vgwctl -n "$NS1" undrain test1 1; }

transmits()
{
	local active=$1 other=$2

	save_tcpdump_outputs "$NS2" "${MEMBERS[@]}"
	did_interface_receive "${MEMBERS[$active]}" "$NS2_IP"
	check_err $? "the active member does not transmit"
	did_interface_receive "${MEMBERS[$other]}" "$NS2_IP"
	check_fail $? "the other member transmits"
	clear_tcpdump_outputs "${MEMBERS[@]}"
}

only_the_active_member_transmits()
{
	RET=0
	transmits 0 1
	log_test "only the active member transmits"
}

a_member_taken_out_transmits_no_more()
{
	RET=0
	"${FAILOVER}_out"
	transmits 1 0
	log_test "a member taken out transmits no more"
}

# Neither has a preferred member here: whichever is active stays so.
a_member_put_back_waits()
{
	RET=0
	"${FAILOVER}_back"
	transmits 1 0
	log_test "a member put back waits"
}

a_member_whose_link_is_lost_is_left_at_once()
{
	RET=0
	ip -n "$NS2" link set eth1 down
	sleep 1
	transmits 0 1
	log_test "a member whose link is lost is left at once"
}

require_command iperf3
require_command tcpdump
trap cleanup_all_ns EXIT
setup_ns NS1 NS2
for n in 0 1; do
	ip -n "$NS1" link add "eth$n" type veth peer name "eth$n" netns "$NS2"
done
"${FAILOVER:?}_create"
start_listening_and_sending
tests_run
stop_sending_and_listening
exit "$EXIT_STATUS"
