#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs the KUnit suites inside the simulator:  tests/lab/run --sim -- tests/kunit/run.sh [SUITE...]
# Suites are the modules vgw_kunit, vgw_oracle and vgw_stale; --env SEED=N repeats a random run, --env
# STEPS=N lengthens vgw_stale's. Shows the KTAP of all, ends with a line of counts, and fails unless
# something ran and all of it passed.
set -u

seed=${SEED:+seed=$SEED}
results=/sys/kernel/debug/kunit
[ $# -gt 0 ] || set -- vgw_kunit vgw_oracle vgw_stale

[ -d $results ] || mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
if [ ! -d $results ]; then
	echo "run.sh: this kernel has no KUnit with debugfs; run me as tests/lab/run --sim -- $0" >&2
	exit 1
fi

# The oracle needs interfaces of xfrm_interface whose verdicts it can ask for.
oracle_links() {
	modprobe xfrm_interface || return
	for id in 7 8; do
		ip link show "oracle$id" >/dev/null 2>&1 && continue
		ip link add "oracle$id" type xfrm dev lo if_id "$id" || return
		ip link set "oracle$id" up || return
	done
}

# Underlays whose prefixes overlap, one that a mark or a DSCP chooses, inner routes with MTUs that
# differ. That one is never taken down: its route would not come back.
stale_links() {
	for dev in under0 under1 under2 inner0; do
		ip link show "$dev" >/dev/null 2>&1 && continue
		ip link add "$dev" type dummy && ip link set "$dev" up || return
	done
	ip address replace 192.0.2.1/24 dev under0 &&
		ip address replace 192.0.2.129/25 dev under1 &&
		ip route replace 192.0.2.0/24 dev under2 table 100 &&
		{ ip rule add fwmark 0x101/0xffff lookup 100 pref 10 2>/dev/null || true; } &&
		{ ip rule add tos 0x10 lookup 100 pref 11 2>/dev/null || true; } &&
		ip route replace 10.0.0.0/8 dev inner0 &&
		ip route replace 10.1.0.0/16 dev inner0 mtu 1290 &&
		ip -6 route replace fd00::/8 dev inner0
}

ran=0
for module; do
	if [ "$module" = vgw_oracle ] && ! oracle_links; then
		echo "run.sh: no interfaces of kind xfrm for the oracle" >&2
		exit 1
	fi
	steps=
	if [ "$module" = vgw_stale ]; then
		stale_links || { echo "run.sh: no dummy devices for vgw_stale" >&2; exit 1; }
		steps=${STEPS:+steps=$STEPS}
	fi
	# shellcheck disable=SC2086 # an empty seed is no argument
	modprobe "$module" $seed $steps || exit 1
	ran=$((ran + 1))
done

# Results vanish with the module, so read them first. A case's line is indented, its suite's is not.
all=$(cat $results/vgw_*/results) || exit 1
printf '%s\n' "$all"
passed=$(printf '%s\n' "$all" | grep -c '^ \{1,\}ok .*')
skipped=$(printf '%s\n' "$all" | grep -c '^ \{1,\}ok .*# SKIP')
failed=$(printf '%s\n' "$all" | grep -c '^ \{1,\}not ok ')
suites=$(printf '%s\n' "$all" | grep -c '^ok ')
broken=$(printf '%s\n' "$all" | grep -c '^not ok ')
for module; do
	rmmod "$module" || failed=$((failed + 1))
done
echo "kunit: $((passed - skipped)) passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$broken" -eq 0 ] && [ "$skipped" -eq 0 ] && [ "$passed" -gt 0 ] && [ "$suites" -ge "$ran" ]
