# SPDX-License-Identifier: GPL-2.0
"""Thousands of tunnels, traffic round robin: one end of the chain has the devices.

    gen -- a ===== b -- sink          destination N (10.64.0.0 + N) goes by tunnel N, whose far
                                      underlay address is 172.16.0.0 + N

TX: a has the tunnels, and a packet ends at b's underlay. RX: b has them, a sends by policies of one
destination each, which is no row of its own; what a takes is measured at b's underlay and
taken away. Policies of a tunnel select every address, as those of route-based tunnels do, but for
the sender's.
"""

import ipaddress
from pathlib import Path

from arms import Encrypted, LanExempt, command_rtnl, packed
from chain import GEN, SINK, UNDERLAY, BenchError, wait_for
from lab.rawnl import named, new_connection, numbers, u32

FIRST, FAR_FIRST = (int(ipaddress.ip_address(a)) for a in ("10.64.0.0", "172.16.0.0"))
ALG = "aead 'rfc4106(gcm(aes))' 0x" + 20 * "5a" + " 128"


def inner(n):
    return str(ipaddress.ip_address(FIRST + n))


def far(n):
    return str(ipaddress.ip_address(FAR_FIRST + n))


def reqid(n):
    """As far from the address as those of strangers: XFRM's hash is of one xor the other, and what
    counts up together would share few buckets."""
    return n * 40503 & 0xFFFF


class Many(Encrypted):
    """Numbers of tunnels are from 1; device, key and SPI of each are made of its number."""

    what = "many"

    def __init__(self, chain, way, count):
        self.way, self.count = way, count
        # One neighbour for each device; the table of all netns would forget them.
        for n in (3, 2, 1):
            Path(f"/proc/sys/net/ipv4/neigh/default/gc_thresh{n}").write_text("100000", "ascii")
        super().__init__(chain)

    def setup(self):
        c, n = self.chain, range(1, self.count + 1)
        host = c.a if self.way == "tx" else c.b
        if self.way == "tx":
            here, there = UNDERLAY[1][0], far
            c.a.later(f"route add 172.16.0.0/12 via {UNDERLAY[1][1]}")
        else:
            here, there = UNDERLAY[1][1], far
            c.a.later("route add local 172.16.0.0/12 dev lo",
                      f"route add 10.64.0.0/10 via {UNDERLAY[1][1]}")  # fmt: skip
            c.b.later(f"route add 172.16.0.0/12 via {UNDERLAY[1][0]}",
                      f"route add 10.64.0.0/10 via {SINK}")  # fmt: skip
        self.devices(host, here, n)
        for i in n:
            host.later(*self.half(i, here, there(i), "out", self.key(i)),
                       *self.half(i, there(i), here, "in", self.key(i)),
                       *self.half(i, there(i), here, "fwd", self.key(i)))  # fmt: skip
            if self.way == "tx":
                host.later(f"route add {inner(i)}/32 dev {self.dev(i)}")
            else:
                c.a.later(*self.half(i, there(i), here, "out", "", inner(i) + "/32"))
        for router in (c.a, c.b):
            router.flush()
        self.wait_ready(host)

    def wait_ready(self, host):
        """Until each device would send."""

    @staticmethod
    def half(i, src, dst, direction, key, selector="0.0.0.0/0"):
        """An SA, but for fwd, which has that of in; and its policy."""
        if direction != "fwd":
            yield (f"xfrm state add src {src} dst {dst} proto esp spi {0x10000 + i}"
                   f" reqid {reqid(i)}"
                   f" mode tunnel replay-window 64 {key} {ALG}")  # fmt: skip
        yield (f"xfrm policy add src 0.0.0.0/0 dst {selector} dir {direction} {key}"
               f" tmpl src {src} dst {dst} proto esp reqid {reqid(i)} mode tunnel")  # fmt: skip

    def prove_many(self, size):
        """Each tunnel carries its packet, encrypted; those of RX come out of b."""
        c = self.chain
        c.prepare(size, first=inner(1), last=inner(self.count))
        c.drop_at(c.b)
        count = min(self.count, 1000)
        packets = [p for p in c.seen(c.b, "u", count) if len(p) > 60 and p[23] == self.protocol]
        ends = {p[30:34] if self.way == "tx" else p[26:30] for p in packets}
        theirs = {packed(far(i)) for i in range(1, self.count + 1)}
        if len(packets) != count or len(ends) != count or not ends <= theirs:
            raise BenchError(f"{self.name}: {len(packets)} of {count} packets, {len(ends)} tunnels")
        if any(packed(GEN) in p[34:] for p in packets):
            raise BenchError(f"{self.name}: addresses in clear on the underlay")
        if self.way == "rx":
            c.drop_at(c.sink)
            out = [p for p in c.seen(c.sink, "lan", count) if p[26:30] == packed(GEN)]
            if len(out) != count:
                raise BenchError(f"{self.name}: {len(out)} of {count} packets came out of b")

    def cost(self, size):
        """Whole rounds, so that tunnels count alike. RX: over what a takes before and after it."""
        self.chain.prepare(size, first=inner(1), last=inner(self.count))
        self.chain.settle()
        if self.way == "tx":
            return self.round_about(self.chain.b)
        ways = self.chain.b, self.chain.sink, self.chain.b
        before, both, after = (self.round_about(where) for where in ways)
        if abs(before - after) > 0.005 * both:
            said = f"to b {before:.0f}, to sink {both:.0f}, to b again {after:.0f}"
            raise BenchError(f"{self.name}, {self.count} tunnels: {said}")
        return both - (before + after) / 2

    def round_about(self, where):
        count = max(2000, self.count)
        self.chain.drop_at(where)
        # Once round: what a tunnel makes for its first packet it keeps.
        self.chain.send(count)
        return self.chain.cost(count)


class ManyVti(Many):
    name, modules = "vti", ("ip_vti",)

    def dev(self, i):
        return f"t{i}"

    def key(self, i):
        return f"mark {i} mask 0xffffffff"

    def devices(self, host, here, numbers_):
        for i in numbers_:
            host.later(f"link add t{i} type vti local {here} remote {far(i)} key {i}",
                       f"link set t{i} up")  # fmt: skip
        host.sysctl("net.ipv4.conf.default.disable_policy", 1)


class ManyXfrmInterface(Many):
    name, modules = "xfrmi", ("xfrm_interface",)

    def dev(self, i):
        return f"t{i}"

    def key(self, i):
        return f"if_id {i}"

    def devices(self, host, here, numbers_):
        for i in numbers_:
            host.later(f"link add t{i} type xfrm dev u if_id {i}", f"link set t{i} up")


class ManyVgw(Many):
    """Connections of one tunnel each, judged by their SAs: at 2 s a drop would take them down."""

    name, modules = "vgw", ("vgw",)

    def dev(self, i):
        return f"c{i}"

    def key(self, i):
        return f"if_id {i}"

    def devices(self, host, here, numbers_):
        num = numbers()
        off = u32(num["VGW_A_TUNNEL_KEEPALIVE"], num["VGW_KEEPALIVE_OFF"])
        command_rtnl(host, (new_connection(f"c{i}", i, extra=off) for i in numbers_))
        command_rtnl(host, (named(f"c{i}{end}", up=True) for end in ("", "-1") for i in numbers_),
                     create=False)  # fmt: skip

    def wait_ready(self, host):
        """A connection's carrier comes with its SAs and policies."""

        def ready():
            links = host.ip_json("link show type vgw")
            return sum("LOWER_UP" in each["flags"] for each in links) == self.count

        wait_for("carrier of all connections", ready, 120, 1)


class ManyVgwLan(LanExempt, ManyVgw):
    name = "vgw-lan"


MANY = {arm.name: arm for arm in (ManyVti, ManyXfrmInterface, ManyVgw, ManyVgwLan)}
