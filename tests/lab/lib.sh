# Shared by provision, run and path: where the cache lies, how to say things, how to enter the lab root.
# shellcheck shell=bash disable=SC2034

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
LAB=${VGW_LAB:-$TOP/build/lab}
case $LAB in /*) ;; *) LAB=$PWD/$LAB ;; esac
ROOT=$LAB/root
SOURCE=$LAB/source
UML=$LAB/uml
HERE=$TOP/tests/lab

say() { printf '[lab %4ds] %s\n' "$SECONDS" "$*" >&2; }
die() { printf 'lab: %s\n' "$*" >&2; exit 98; }

# Everything below runs in a mount and PID namespace of its own: nothing that it mounts is seen outside,
# and killing its first process ends all that it started.
UNSHARE=(unshare --mount --pid --fork --kill-child --propagation private)
if [ "$(id -u)" != 0 ]; then
	UNSHARE+=(--map-root-user --map-auto)
fi

can_unshare() {
	"${UNSHARE[@]}" true 2>/dev/null && return
	die "needs root, or user namespaces with a range of ids (/etc/subuid, /etc/subgid, package uidmap)." \
		"Try: sudo $0"
}

# The bare kernel release below /lib/modules for a series: 6.1, 6.12, 7.2.
release_of() {
	local dir best=
	for dir in "$ROOT/lib/modules/$1".*-amd64; do
		[ -d "$dir/kernel" ] || continue
		best=$(printf '%s\n%s\n' "$best" "${dir##*/}" | sort -V | tail -n 1)
	done
	[ -n "$best" ] && printf '%s\n' "$best"
}

# Of a kernel that provision built: uml, debug, rt.
built_release() { cat "$LAB/$1/include/config/kernel.release"; }

# Runs in the new namespaces: makes MERGED from the lab root and changes into it.
#   ENTER_RW=1      the root itself, for the package manager; else an overlay that is thrown away
#   ENTER_BINDS     directories shown at their own paths, one a line; a leading "ro:" makes one read-only
#   ENTER_HOOK      a shell function called with MERGED as argument before the change
enter_here() {
	local merged=$LAB/mnt bind dir opts=
	mkdir -p "$merged"
	if [ -n "${ENTER_RW:-}" ]; then
		mount --bind "$ROOT" "$merged"
	else
		mount -t tmpfs -o size=4g tmpfs "$merged"
		mkdir "$merged/upper" "$merged/work" "$merged/root"
		[ -n "${ENTER_USERNS:-}" ] && opts=,userxattr
		mount -t overlay -o "lowerdir=$ROOT,upperdir=$merged/upper,workdir=$merged/work$opts" \
			overlay "$merged/root" || return
		merged=$merged/root
	fi
	mount -t proc proc "$merged/proc" &&
	mount --rbind /sys "$merged/sys" &&
	mount --rbind /dev "$merged/dev" &&
	mount -t tmpfs tmpfs "$merged/run" &&
	mount -t tmpfs tmpfs "$merged/tmp" &&
	mount -t tmpfs -o size=6g tmpfs "$merged/dev/shm" || return
	if [ -e /etc/resolv.conf ]; then
		cp -L --remove-destination /etc/resolv.conf "$merged/etc/resolv.conf" || return
	fi
	while IFS= read -r bind; do
		[ -n "$bind" ] || continue
		dir=${bind#ro:}
		mkdir -p "$merged$dir" && mount --bind "$dir" "$merged$dir" || return
		if [ "$dir" != "$bind" ]; then
			mount -o remount,bind,ro "$merged$dir" || return
		fi
	done <<<"${ENTER_BINDS:-}"
	if [ -n "${ENTER_HOOK:-}" ]; then
		"$ENTER_HOOK" "$merged" || return
	fi
	cd "$merged" || return
	exec chroot . /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" DEBIAN_FRONTEND=noninteractive "$@"
}

# enter COMMAND [ARG...]: run it in the lab root (see enter_here for the variables that steer it).
enter() {
	local userns=
	[ "$(id -u)" = 0 ] || userns=1
	export ENTER_RW ENTER_BINDS ENTER_HOOK VGW_LAB=$LAB
	# shellcheck disable=SC2016 # expanded by the inner shell
	ENTER_USERNS=$userns "${UNSHARE[@]}" bash -c '. "$1"; shift; enter_here "$@"' \
		enter "${ENTER_LIB:-$HERE/lib.sh}" "$@"
}
