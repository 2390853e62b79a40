# SPDX-License-Identifier: GPL-2.0
"""What is measured: one class for each way to carry a packet from a to b of the chain.

An arm loads its modules and takes them away again, so that no arm pays for another's hooks: each
xfrm4_protocol handler is asked for every packet that XFRM received.
"""

import struct

from chain import A_LAN, B_LAN, GEN, NETS, SINK, UNDERLAY, BenchError, wait_for
from lab.netns import addresses, run
from lab.xfrm import End, Key, Pair, vti, xfrmi

ESP, UDP = 50, 17
# The same for every arm, so that TCP cuts its segments alike.
TUNNEL_MTU = 1400


class Arm:
    """Clear packets: what forwarding costs by itself."""

    name, what = "plain", "forwarding in clear"
    modules = ()
    protocol = UDP
    port = None

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
        c.drop_at(c.b)
        packets = [p for p in c.seen(c.b, "u") if self.is_outer(p)]
        self.prove_outer(packets, size)
        c.drop_at(c.sink)
        inner = [p for p in c.seen(c.sink, "lan") if is_inner(p)]
        if len(inner) != 10 or {len(p) for p in inner} != {size}:
            raise BenchError(f"{self.name}: {len(inner)} of 10 packets of {size} B came out of b")

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

    def is_outer(self, frame):
        if frame[12:14] != b"\x08\x00" or frame[23] != self.protocol:
            return False
        addresses = frame[26:34]
        return addresses == b"".join(map(packed, UNDERLAY[1]))

    def prove_outer(self, packets, size):
        """Of the right protocol, longer than the inner packet, all different, nothing in clear."""
        super().prove_outer(packets, size)
        inner = size - 14
        for p in packets:
            clear = [w for w, b in (("payload", MAGIC), ("addresses", packed(GEN) + packed(SINK)))
                     if b in p]  # fmt: skip
            if clear and self.cipher != "null":
                raise BenchError(f"{self.name}: {' and '.join(clear)} in clear on the underlay")
            if not inner + self.least <= len(p) - 14 <= inner + self.most:
                raise BenchError(f"{self.name}: an inner packet of {inner} B became {len(p) - 14}")
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
        for end, peer, nets in ((pair.ours, pair.theirs, NETS), (pair.theirs, pair.ours, NETS[::-1])):
            end.host.ip(*end.policies(peer, inner=[nets]))


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


class Vgw(Encrypted):
    """A connection of two tunnels at both ends. Keepalives are slow: a drop drops them as well."""

    name, what = "vgw", "vgw"
    modules = ("vgw",)

    def setup(self):
        c = self.chain
        for side, host in enumerate((c.a, c.b)):
            cmd = ["vgwctl", "add", "vgw0", "mtu", TUNNEL_MTU, "revert", "never"]
            for n in UNDERLAY:
                cmd += ["tunnel", "if_id", 11 + side + 10 * n, "inside", inside(n, side)]
                cmd += ["preference", 300 - 100 * n, "keepalive", "1m"]
            host.run(cmd)
            host.ip("link set vgw0 up", *(f"link set vgw0-{n} up" for n in UNDERLAY),
                    *(f"addr add {inside(n, side)} dev vgw0" for n in UNDERLAY))  # fmt: skip
        for n in UNDERLAY:
            self.pair(Key(if_id=11 + 10 * n), Key(if_id=12 + 10 * n), n)
        self.route("vgw0")
        for host in (c.a, c.b):
            wait_for("both tunnels up", lambda h=host: self.up(h), 60)

    @staticmethod
    def up(host):
        import json

        conn = json.loads(host.run("vgwctl -j show vgw0").stdout)[0]
        return conn["active_number"] == 1 and all(t["state"] == "up" for t in conn["tunnels"])


NULL = "enc 'ecb(cipher_null)' '' auth digest_null ''"
MAGIC = bytes.fromhex("be9be955")
ARMS = {arm.name: arm for arm in (Arm, Policy, Vti, XfrmInterface, XfrmInterfaceOffload, Vgw)}


def inside(n, side):
    return f"169.254.{n}.{1 + side}/30"


def packed(addr):
    return bytes(map(int, addr.split(".")))


def is_inner(frame):
    return frame[12:14] == b"\x08\x00" and frame[26:34] == packed(GEN) + packed(SINK)
