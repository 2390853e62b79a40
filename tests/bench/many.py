# SPDX-License-Identifier: GPL-2.0
"""Thousands of tunnels, traffic round robin: one end of the chain has the devices.

    gen -- a ===== b -- sink          destination N (10.64.0.0 + N) goes by tunnel N, whose far
                                      underlay address is 172.16.0.0 + N

TX: a has the tunnels, and a packet ends at b's underlay. RX: b has them, a sends by policies of one
destination each, which is no row of its own; what a takes is measured at b's underlay and
taken away. Policies of a tunnel select every address, as those of route-based tunnels do, but for
the sender's and those of XFRM without devices. WireGuard and ovpn accept from a peer what is its
own: for them gen's packets have a source for each tunnel, 10.128.0.0 + N.
"""

import ipaddress
import os
import socket
import struct
from pathlib import Path

from arms import UDP, Encrypted, LanExempt, command, command_rtnl, ovpn_keys, ovpn_peer, packed
from arms import wireguard_device, wireguard_peer, x25519
from chain import GEN, PKTGEN_MAGIC, SINK, TUNNEL_MTU, UNDERLAY, BenchError, wait_for
from lab.rawnl import IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINKINFO, attr, named, nest
from lab.rawnl import new_connection, numbers, u32

FIRST, FAR_FIRST, SOURCES = (int(ipaddress.ip_address(a))
                             for a in ("10.64.0.0", "172.16.0.0", "10.128.0.0"))  # fmt: skip
ALG = "aead 'rfc4106(gcm(aes))' 0x" + 20 * "5a" + " 128"


def inner(n):
    return str(ipaddress.ip_address(FIRST + n))


def far(n):
    return str(ipaddress.ip_address(FAR_FIRST + n))


def to(n):
    return f"src 0.0.0.0/0 dst {inner(n)}/32"


def reqid(n):
    """As far from the address as those of strangers: XFRM's hash is of one xor the other, and what
    counts up together would share few buckets."""
    return n * 40503 & 0xFFFF


class Many(Encrypted):
    """Numbers of tunnels are from 1; device, key and SPI of each are made of its number."""

    what = "many"
    # Tunnels that it can be measured with.
    most = 10000
    # Of gen's packets, tunnel for tunnel.
    sources = staticmethod(lambda _n: GEN)

    def __init__(self, chain, way, count):
        self.way, self.count = way, count
        # One neighbour for each device; the table of all netns would forget them.
        for n in (3, 2, 1):
            Path(f"/proc/sys/net/ipv4/neigh/default/gc_thresh{n}").write_text("100000", "ascii")
        super().__init__(chain)

    @property
    def measured(self):
        return self.chain.a if self.way == "tx" else self.chain.b

    def end_of(self, frame):
        """Which tunnel's it is, as the underlay sees it."""
        return frame[30:34] if self.way == "tx" else frame[26:30]

    def end(self, i):
        return packed(far(i))

    def prepare(self, size):
        self.chain.prepare(size, to=(inner(1), inner(self.count)),
                           by=(self.sources(1), self.sources(self.count)))  # fmt: skip

    def prove_many(self, size):
        """Each tunnel carries its packet, encrypted; those of RX come out of b."""
        c = self.chain
        self.prepare(size)
        c.drop_at(c.b)
        count = min(self.count, 1000)
        packets = [p for p in c.seen(c.b, "u", count) if len(p) > 60 and p[23] == self.protocol]
        ends = {self.end_of(p) for p in packets}
        theirs = {self.end(i) for i in range(1, self.count + 1)}
        if len(packets) != count or len(ends) != count or not ends <= theirs:
            raise BenchError(f"{self.name}: {len(packets)} of {count} packets, {len(ends)} tunnels")
        if any(packed(GEN) in p[34:] or PKTGEN_MAGIC in p for p in packets):
            raise BenchError(f"{self.name}: addresses or payload in clear on the underlay")
        if self.way == "rx":
            c.drop_at(c.sink)
            froms = {packed(self.sources(i)) for i in range(1, self.count + 1)}
            out = [p for p in c.seen(c.sink, "lan", count) if p[26:30] in froms]
            if len(out) != count:
                raise BenchError(f"{self.name}: {len(out)} of {count} packets came out of b")

    def cost(self, size):
        """Whole rounds, so that tunnels count alike. RX: over what a takes before and after it."""
        self.prepare(size)
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


class ManyXfrm(Many):
    def setup(self):
        c, n = self.chain, range(1, self.count + 1)
        host = self.measured
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
            for way in ("out", "in", "fwd"):
                ends = (here, there(i)) if way == "out" else (there(i), here)
                host.later(*self.half(i, *ends, way, self.key(i), self.selector(i, way)))
            if self.way == "rx":
                c.a.later(*self.half(i, there(i), here, "out", "", to(i)))
        if self.way == "tx":
            self.routes(host, n)
        for router in (c.a, c.b):
            router.flush()
        self.wait_ready(host)

    def routes(self, host, numbers_):
        host.later(*(f"route add {inner(i)}/32 dev {self.dev(i)}" for i in numbers_))

    def selector(self, _i, _direction):
        return "src 0.0.0.0/0 dst 0.0.0.0/0"

    def wait_ready(self, host):
        """Until each device would send."""

    @staticmethod
    def half(i, src, dst, direction, key, selector):
        """An SA, but for fwd, which has that of in; and its policy."""
        if direction != "fwd":
            yield (f"xfrm state add src {src} dst {dst} proto esp spi {0x10000 + i}"
                   f" reqid {reqid(i)}"
                   f" mode tunnel replay-window 64 {key} {ALG}")  # fmt: skip
        yield (f"xfrm policy add {selector} dir {direction} {key}"
               f" tmpl src {src} dst {dst} proto esp reqid {reqid(i)} mode tunnel")  # fmt: skip


class ManyPolicy(ManyXfrm):
    """No devices: policies of one inner address each."""

    name = "policy"

    def key(self, _i):
        return ""

    def devices(self, host, here, numbers_):
        pass

    def routes(self, host, numbers_):
        host.later(f"route add 10.64.0.0/10 via {UNDERLAY[1][1]}")

    def selector(self, i, direction):
        if (self.way == "tx") == (direction == "out"):
            return to(i)
        return f"src {inner(i)}/32 dst 0.0.0.0/0"


class ManyVti(ManyXfrm):
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


class ManyXfrmInterface(ManyXfrm):
    name, modules = "xfrmi", ("xfrm_interface",)

    def dev(self, i):
        return f"t{i}"

    def key(self, i):
        return f"if_id {i}"

    def devices(self, host, here, numbers_):
        for i in numbers_:
            host.later(f"link add t{i} type xfrm dev u if_id {i}", f"link set t{i} up")


class ManyVgw(ManyXfrm):
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
        """A connection's carrier comes with its SAs and policies. The kernel tells of a hundred
        carriers a second, each time with all routes looked up anew, and then wants addresses."""

        def ready():
            links = host.ip_json("link show type vgw")
            return sum("LOWER_UP" in each["flags"] for each in links) == self.count

        def settled():
            links = host.ip_json("link show")
            return not [each for each in links if each["operstate"] == "DOWN"] and \
                not host.ip_json("-6 addr show tentative")  # fmt: skip

        wait_for("carrier of all connections", ready, 120, 1)
        wait_for("all carriers told of, and addresses", settled, 900, 5)


class ManyVgwLan(LanExempt, ManyVgw):
    name = "vgw-lan"


class ManyOverUdp(Many):
    """The measured router has one device for all peers."""

    protocol, port = UDP, 5000
    sources = staticmethod(lambda n: str(ipaddress.ip_address(SOURCES + n)))

    def setup(self):
        c = self.chain
        c.a.later("route add local 172.16.0.0/12 dev lo" if self.way == "rx" else
                  f"route add 172.16.0.0/12 via {UNDERLAY[1][1]}")  # fmt: skip
        c.b.later("route add local 172.16.0.0/12 dev lo" if self.way == "tx" else
                  f"route add 172.16.0.0/12 via {UNDERLAY[1][0]}")  # fmt: skip
        c.b.later(f"route add 10.64.0.0/10 via {SINK}")
        for router in (c.a, c.b):
            router.flush()
        self.tunnels(range(1, self.count + 1))


class ManyWireGuard(ManyOverUdp):
    """The far end has a device for each tunnel, on a port of its own."""

    name, modules = "wireguard", ("wireguard",)
    first = 20000
    # A device has three workqueues, and a thread for each.
    most = 1000
    # As many handshakes as a responder takes before it feels loaded.
    batch = 256

    def end_of(self, frame):
        return frame[36:38] if self.way == "tx" else frame[34:36]

    def end(self, i):
        return struct.pack("!H", self.first + i)

    def tunnels(self, numbers_):
        c, one = self.chain, self.measured
        other = c.b if one is c.a else c.a
        secrets = {i: os.urandom(32) for i in [0, *numbers_]}
        public = x25519(secrets[0])
        here = UNDERLAY[1][0 if one is c.a else 1]
        one.ip(f"link add t0 mtu {TUNNEL_MTU} type wireguard")
        other.later(*(f"link add t{i} mtu {TUNNEL_MTU} type wireguard" for i in numbers_))
        other.flush()
        named_t0 = attr(2, b"t0\0")
        behind = inner if one is c.a else self.sources
        command(one, "wireguard", 1, wireguard_device("t0", secrets[0], self.port), *(
            named_t0 + wireguard_peer(x25519(secrets[i]), far(i), self.first + i, behind(i), 32)
            for i in numbers_))  # fmt: skip
        command(other, "wireguard", 1, *(
            wireguard_device(f"t{i}", secrets[i], self.first + i) +
            wireguard_peer(public, here, self.port) for i in numbers_))  # fmt: skip
        one.ip("link set t0 up")
        other.later(*(f"link set t{i} up" for i in numbers_))
        if one is c.a:
            one.later("route add 10.64.0.0/10 dev t0")
        else:
            one.later("route add 10.128.0.0/9 dev t0")
            other.later(*(f"route add {inner(i)}/32 dev t{i}" for i in numbers_))
        for router in (one, other):
            router.flush()
        self.shake_hands(numbers_)

    def shake_hands(self, numbers_):
        """By a first packet for each peer, all the way."""
        c = self.chain
        c.drop_at(c.sink)
        for first in range(1, len(numbers_) + 1, self.batch):
            last = min(first + self.batch - 1, len(numbers_))
            c.prepare(64, to=(inner(first), inner(last)),
                      by=(self.sources(first), self.sources(last)))  # fmt: skip
            c.send(last - first + 1)


class ManyOvpn(ManyOverUdp):
    """One device with many peers at both ends (mode mp), told apart by their number."""

    name, modules = "ovpn", ("ovpn",)

    def end_of(self, frame):
        return frame[43:46]

    def end(self, i):
        return struct.pack("!I", i)[1:]

    def tunnels(self, numbers_):
        keys = [(os.urandom(16), os.urandom(8)) for _ in range(2)]
        c = self.chain
        for side, host in enumerate((c.a, c.b)):
            body = struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0) + attr(IFLA_IFNAME, b"t0\0")
            body += nest(IFLA_LINKINFO, attr(IFLA_INFO_KIND, b"ovpn"),
                         nest(IFLA_INFO_DATA, attr(1, b"\1")))  # fmt: skip
            command_rtnl(host, [body])
            host.ip(f"link set t0 mtu {TUNNEL_MTU} up")
            sock = host.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind(("0.0.0.0", self.port))
            self.closers.append(sock.close)
            index = u32(1, host.ip_json("link show dev t0")[0]["ifindex"])
            # The measured end sees each at an address of its own.
            at = far if host is self.measured else lambda _i, s=side: UNDERLAY[1][1 - s]
            behind = inner if side == 0 else self.sources
            command(host, "ovpn", 1, *(
                index + ovpn_peer(i, at(i), self.port, sock, attr(8, packed(behind(i))))
                for i in numbers_))  # fmt: skip
            ways = [keys[side], keys[1 - side]]
            command(host, "ovpn", 6, *(index + ovpn_keys(i, *ways) for i in numbers_))
            host.ip(f"route add {'10.64.0.0/10' if side == 0 else '10.128.0.0/9'} dev t0")


MANY = {arm.name: arm for arm in (ManyPolicy, ManyVti, ManyXfrmInterface, ManyWireGuard, ManyOvpn,
                                  ManyVgw, ManyVgwLan)}  # fmt: skip
