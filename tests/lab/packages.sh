# What the lab root holds. Sourced by provision; a change here makes it bring the root up to date.
# shellcheck shell=bash disable=SC2034

# make demo waits for these: one kernel, one emulator, the tools of the scenarios.
PACKAGES_BASE=(
	linux-image-amd64 linux-headers-amd64
	gcc libc6-dev make pkgconf libmnl-dev libjansson-dev libexpat1-dev libinih-dev
	qemu-system-x86 virtme-ng busybox-static bash procps kmod rsync
	charon-systemd strongswan-swanctl libstrongswan-standard-plugins libstrongswan-extra-plugins
	iproute2 iputils-ping tcpdump ethtool nftables
	python3 python3-pytest python3-pyroute2
)

# make check adds the other kernels (found by pattern, newest of the series), the simulator's
# build needs and the linters.
KERNEL_OLD='linux-image-6\.1\.0-[0-9]+-amd64'
KERNEL_NEW='linux-image-7\.2\.[0-9]+\+deb13-amd64'
PACKAGES_CHECK=(
	linux-source-7.2 bc bison flex libelf-dev xz-utils perl
	sparse shellcheck flake8 mandoc man-db
	python3-yaml python3-jsonschema iperf3
	frr openvpn
	libnss3-tools libldns3t64 libunbound8 libevent-pthreads-2.1-7t64 libcurl3t64-gnutls
	libcap-ng0 libldap2 libaudit1 libselinux1 libpam0g
)
# Unpacked below /opt, for it conflicts with strongSwan; its libraries are among those above.
PACKAGES_OPT=(libreswan)
