# SPDX-License-Identifier: GPL-2.0
"""What is measured: one class for each way to carry a packet from a to b of the chain.

An arm loads its modules and takes them away again, so that no arm pays for another's hooks: each
xfrm4_protocol handler is asked for every packet that XFRM received.
"""

import json
import os
import socket
import struct

from chain import GEN, NETS, PKTGEN_MAGIC, SINK, TUNNEL_MTU, UNDERLAY, BenchError, wait_for
from lab.netns import addresses, run
from lab.rawnl import ACK, CREATE, EXCL, NETLINK_GENERIC, NETLINK_ROUTE, REQUEST, RTM_NEWLINK
from lab.rawnl import Netlink, attr, nest, u32
from lab.xfrm import End, Key, Pair, vti, xfrmi

ESP, UDP = 50, 17


class Arm:
    """Clear packets: what forwarding costs by itself."""

    name, what = "plain", "forwarding in clear"
    modules = ()
    ciphers = ("gcm",)

    def __init__(self, chain, cipher="gcm"):
        self.chain, self.cipher = chain, cipher
        self.closers = []
        for module in self.modules:
            run(["modprobe", module])
        self.setup()

    def setup(self):
        c = self.chain
        c.a.ip(f"route add {NETS[1]} via {UNDERLAY[1][1]}")
        c.b.ip(f"route add {NETS[0]} via {UNDERLAY[1][0]}")

    def search(self, dev, wanted):
        """Whether IP looks for policies on behalf of a device of both routers."""
        for host in (self.chain.a, self.chain.b):
            for what in ("disable_xfrm", "disable_policy"):
                host.sysctl(f"net.ipv4.conf.{dev}.{what}", int(not wanted))

    def route(self, dev):
        self.chain.a.ip(f"route add {NETS[1]} dev {dev}")
        self.chain.b.ip(f"route add {NETS[0]} dev {dev}")

    def ends(self, key_a, key_b, n=1):
        c = self.chain
        return (End(c.a, UNDERLAY[n][0], key_a, reqid=n), End(c.b, UNDERLAY[n][1], key_b, reqid=n))

    def pair(self, key_a, key_b, n=1, up=True):
        """SAs and policies between a and b."""
        alg = "gcm" if self.cipher == "gcm" else NULL
        pair = Pair(*self.ends(key_a, key_b, n), alg=alg)
        if up:
            pair.up()
        return pair

    # --- proof ---

    def prove(self, size):
        """Packets between a and b are what this arm promises, and come out of b as they went in."""
        c = self.chain
        c.prepare(size)
        # First the whole way: WireGuard's first packet asks for a handshake.
        c.drop_at(c.sink)
        inner = [p for p in c.seen(c.sink, "lan") if is_inner(p)]
        if len(inner) != 10 or {len(p) for p in inner} != {size}:
            raise BenchError(f"{self.name}: {len(inner)} of 10 packets of {size} B came out of b")
        c.drop_at(c.b)
        packets = [p for p in c.seen(c.b, "u") if self.is_outer(p)]
        self.prove_outer(packets, size)

    def is_outer(self, frame):
        return is_inner(frame)

    def prove_outer(self, packets, size):
        if len(packets) != 10:
            raise BenchError(f"{self.name}: {len(packets)} of 10 packets on the underlay")

    def close(self):
        for close in self.closers:
            close()
        self.chain.close()
        for module in reversed(self.modules):
            # A netns goes a little after its last user.
            wait_for(f"{module} unloaded",
                     lambda m=module: not run(["rmmod", m], check=False).returncode)  # fmt: skip


class Encrypted(Arm):
    protocol = ESP
    ciphers = ("gcm", "null")

    def is_outer(self, frame):
        if frame[12:14] != b"\x08\x00" or frame[23] != self.protocol:
            return False
        return frame[26:34] == b"".join(map(packed, UNDERLAY[1]))

    def prove_outer(self, packets, size):
        """Of the right protocol, longer than the inner packet, all different, nothing in clear."""
        super().prove_outer(packets, size)
        inner = size - 14
        for p in packets:
            inside_only = {"payload": PKTGEN_MAGIC, "addresses": packed(GEN) + packed(SINK)}
            clear = [what for what, octets in inside_only.items() if octets in p]
            if clear and self.cipher != "null":
                raise BenchError(f"{self.name}: {' and '.join(clear)} in clear on the underlay")
            if not inner + self.least <= len(p) - 14 <= inner + self.most:
                raise BenchError(f"{self.name}: of {inner} B inside came {len(p) - 14} outside")
        if len({p[42:] for p in packets}) != len(packets):
            raise BenchError(f"{self.name}: packets on the underlay repeat")

    # Outer header, ESP, IV, padding and ICV of what this arm may send.
    least, most = 20 + 8 + 2, 20 + 8 + 8 + 2 + 3 + 16


class Policy(Encrypted):
    name, what = "policy", "XFRM policy, no device"

    def setup(self):
        super().setup()
        pair = self.pair(Key(), Key(), up=False)
        pair.states()
        pair.ours.host.ip(*pair.ours.policies(pair.theirs, inner=[NETS]))
        pair.theirs.host.ip(*pair.theirs.policies(pair.ours, inner=[NETS[::-1]]))


class Vti(Encrypted):
    name, what = "vti", "vti"
    modules = ("ip_vti",)

    def setup(self):
        c, (here, there) = self.chain, UNDERLAY[1]
        self.pair(Key(mark=0x11), Key(mark=0x12))
        vti(c.a, "t0", 0x11, here, there, ["169.254.1.1/30"], TUNNEL_MTU)
        vti(c.b, "t0", 0x12, there, here, ["169.254.1.2/30"], TUNNEL_MTU)
        self.route("t0")


class XfrmInterface(Encrypted):
    name, what = "xfrmi", "xfrm interface"
    modules = ("xfrm_interface",)

    def setup(self):
        c = self.chain
        self.pair(Key(if_id=11), Key(if_id=12))
        xfrmi(c.a, "t0", 11, "u", ["169.254.1.1/30"], TUNNEL_MTU)
        xfrmi(c.b, "t0", 12, "u", ["169.254.1.2/30"], TUNNEL_MTU)
        self.route("t0")


class XfrmInterfaceOffload(XfrmInterface):
    """With esp4_offload loaded, SAs take super-packets whole."""

    name, what = "xfrmi-offload", "xfrm interface, esp4_offload"
    modules = ("esp4_offload", "xfrm_interface")


class XfrmInterfaceNoGro(XfrmInterface):
    """What it costs to receive when nothing is looked at for being merged."""

    name, what = "xfrmi-nogro", "xfrm interface, GRO off"

    def setup(self):
        super().setup()
        for host in (self.chain.a, self.chain.b):
            host.run("ethtool -K t0 gro off")


class LanExempt:
    """IP looks for no policies on behalf of the LAN's devices either: as the page advises."""

    def setup(self):
        super().setup()
        self.search("lan", False)


class XfrmInterfaceLan(LanExempt, XfrmInterface):
    name, what = "xfrmi-lan", "xfrm interface, LAN exempt"


class Vgw(Encrypted):
    """A connection of two tunnels at both ends, proven; then slow keepalives: a drop drops them."""

    name, what = "vgw", "vgw"
    modules = ("vgw",)

    def setup(self):
        c = self.chain
        for side, host in enumerate((c.a, c.b)):
            cmd = ["vgwctl", "add", "vgw0", "mtu", TUNNEL_MTU, "revert", "never"]
            for n in UNDERLAY:
                cmd += ["tunnel", "if_id", 11 + side + 10 * n, "inside", inside(n, side)]
                cmd += ["preference", 300 - 100 * n, "keepalive", "100ms"]
            host.run(cmd)
            host.ip("link set vgw0 up", *(f"link set vgw0-{n} up" for n in UNDERLAY),
                    *(f"addr add {inside(n, side)} dev vgw0" for n in UNDERLAY))  # fmt: skip
        for n in UNDERLAY:
            self.pair(Key(if_id=11 + 10 * n), Key(if_id=12 + 10 * n), n)
        self.route("vgw0")
        for host in (c.a, c.b):
            wait_for("both tunnels up", lambda h=host: self.up(h), 60)
        for host in (c.a, c.b):
            for n in UNDERLAY:
                host.run(f"vgwctl set vgw0 tunnel {n} keepalive 10m")

    @staticmethod
    def up(host):
        conn = json.loads(host.run("vgwctl -j show vgw0").stdout)[0]
        return conn["active_number"] == 1 and all(t["state"] == "up" for t in conn["tunnels"])


class VgwTunnel(Vgw):
    """Routed to the active tunnel's own device: what the connection adds is the difference."""

    name, what = "vgw-tunnel", "vgw, by the tunnel's own device"

    def route(self, dev):
        super().route("vgw0-1")


class VgwSearched(Vgw):
    """IP looks for policies without an if_id, as it does where there are any."""

    name, what = "vgw-searched", "vgw, policies without an if_id looked for"

    def setup(self):
        super().setup()
        self.search("vgw0", True)


class VgwMss(Vgw):
    name, what = "vgw-mss", "vgw, mss auto"

    def setup(self):
        super().setup()
        for host in (self.chain.a, self.chain.b):
            host.run("vgwctl set vgw0 mss auto")


class VgwLan(LanExempt, Vgw):
    name, what = "vgw-lan", "vgw, LAN exempt"


class VgwOffload(Vgw):
    """With esp4_offload loaded, as XfrmInterfaceOffload."""

    name, what = "vgw-offload", "vgw, esp4_offload"
    modules = ("esp4_offload", "vgw")


class OverUdp(Encrypted):
    """Tunnels that are no IPsec: UDP, a socket or port at both ends."""

    protocol, port = UDP, 5000
    ciphers = ("gcm",)

    def is_outer(self, frame):
        return super().is_outer(frame) and frame[36:38] == struct.pack("!H", self.port)


class WireGuard(OverUdp):
    """ChaCha20-Poly1305, the one cipher it has; its workers run where pktgen runs."""

    name, what = "wireguard", "WireGuard"
    modules = ("wireguard",)
    # IP, UDP, header, padding to 16, tag.
    least, most = 20 + 8 + 16 + 16, 20 + 8 + 16 + 15 + 16

    def setup(self):
        c = self.chain
        secrets = [os.urandom(32), os.urandom(32)]
        hosts = (c.a, c.b)
        for side, host in enumerate(hosts):
            host.ip(f"link add t0 mtu {TUNNEL_MTU} type wireguard")
            body = wireguard_device("t0", secrets[side], self.port)
            body += wireguard_peer(x25519(secrets[1 - side]), UNDERLAY[1][1 - side], self.port)
            command(host, "wireguard", 1, body)
            host.ip(*addresses("t0", [inside(1, side)]))
        self.route("t0")


class Ovpn(OverUdp):
    """AES-128-GCM, one peer, no userspace: keys are put in by hand."""

    name, what = "ovpn", "ovpn"
    modules = ("ovpn",)
    # IP, UDP, opcode and peer, packet id, tag.
    least = most = 20 + 8 + 4 + 4 + 16

    def setup(self):
        c = self.chain
        keys = [os.urandom(16), os.urandom(16)]
        tails = [os.urandom(8), os.urandom(8)]
        for side, host in enumerate((c.a, c.b)):
            other = 1 - side
            host.ip(f"link add t0 mtu {TUNNEL_MTU} type ovpn", *addresses("t0", [inside(1, side)]))
            sock = host.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind((UNDERLAY[1][side], self.port))
            # The socket is the peer's from now on, and goes with it.
            self.closers.append(sock.close)
            index = u32(1, host.ip_json("link show dev t0")[0]["ifindex"])
            command(host, "ovpn", 1, index + ovpn_peer(1, UNDERLAY[1][other], self.port, sock))
            ways = [(keys[n], tails[n]) for n in (side, other)]
            command(host, "ovpn", 6, index + ovpn_keys(1, *ways))
        self.route("t0")


def command(host, family, number, *bodies):
    """A generic netlink command for each body, its numbers as the kernel's header has them."""
    netlink = Netlink(host, NETLINK_GENERIC, family)
    for body in bodies:
        said = netlink.ask(netlink.family, REQUEST | ACK, struct.pack("=BBH", number, 1, 0) + body)
        if said:
            raise BenchError(f"{family} refused command {number}: {os.strerror(said)}")
    netlink.close()


def command_rtnl(host, bodies, create=True):
    """RTM_NEWLINK with each of the bodies."""
    netlink = Netlink(host, NETLINK_ROUTE)
    for body in bodies:
        said = netlink.ask(RTM_NEWLINK, REQUEST | ACK | (CREATE | EXCL) * create, body)
        if said:
            raise BenchError(f"refused a link: {os.strerror(said)}")
    netlink.close()


def wireguard_device(name, secret, port):
    return attr(2, name.encode() + b"\0") + attr(3, secret) + attr(6, struct.pack("=H", port))


def wireguard_peer(public, addr, port, inner="0.0.0.0", bits=0):
    """A peer for a body of wireguard_device(), or of the device's name; inner goes by it."""
    allowed = nest(0, attr(1, struct.pack("=H", socket.AF_INET)), attr(2, packed(inner)),
                   attr(3, bytes([bits])))  # fmt: skip
    return nest(8, nest(0, attr(1, public), attr(4, sockaddr(addr, port)), nest(9, allowed)))


def ovpn_peer(number, addr, port, sock, *more):
    return nest(2, u32(1, number), attr(2, packed(addr)), attr(5, struct.pack("!H", port)),
                u32(6, sock.fileno()), *more)  # fmt: skip


def ovpn_keys(number, *ways):
    """AES-GCM; ways: (key, tail of the nonce) out and in."""
    found = (nest(5 + n, attr(1, key), attr(2, tail)) for n, (key, tail) in enumerate(ways))
    return nest(3, u32(1, number), u32(2, 0), u32(3, 0), u32(4, 1), *found)


def sockaddr(addr, port):
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + packed(addr) + bytes(8)


def x25519(secret):
    """The public key of a secret: RFC 7748, section 5."""
    p, a24 = 2**255 - 19, 121665
    k = int.from_bytes(secret, "little") & ~7 & (1 << 255) - 1 | 1 << 254
    x1, x2, z2, x3, z3, swap = 9, 1, 0, 9, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b = x2 + z2, x2 - z2
        aa, bb = a * a % p, b * b % p
        e = aa - bb
        da, cb = (x3 - z3) * a % p, (x3 + z3) * b % p
        x3, z3 = (da + cb) ** 2 % p, x1 * (da - cb) ** 2 % p
        x2, z2 = aa * bb % p, e * (aa + a24 * e) % p
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, p - 2, p) % p).to_bytes(32, "little")


NULL = "enc 'ecb(cipher_null)' '' auth digest_null ''"
CLASSES = (
    Arm, Policy, Vti, XfrmInterface, XfrmInterfaceOffload, XfrmInterfaceNoGro, XfrmInterfaceLan,
    WireGuard, Ovpn, Vgw, VgwTunnel, VgwOffload, VgwSearched, VgwMss, VgwLan,
)  # fmt: skip
ARMS = {arm.name: arm for arm in CLASSES}


def available(arm):
    """Whether this kernel has the arm's modules."""
    return all(not run(["modinfo", m], check=False).returncode for m in arm.modules)


def inside(n, side):
    return f"169.254.{n}.{1 + side}/30"


def packed(addr):
    return bytes(map(int, addr.split(".")))


def is_inner(frame):
    return frame[12:14] == b"\x08\x00" and frame[26:34] == packed(GEN) + packed(SINK)
