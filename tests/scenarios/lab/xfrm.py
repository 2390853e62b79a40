"""SA pairs, policies and stock tunnel devices by hand: no IKE daemon, nothing to wait for."""

import contextlib
import os
import socket
import struct
import time
from dataclasses import dataclass, field, replace
from itertools import count

from .netns import addresses, run, wait_for
from .rawnl import ACK, REQUEST, Netlink, attr, u32

_spis = count(0x1000)

UDP_ENCAP, UDP_ENCAP_ESPINUDP = 100, 2
NETLINK_XFRM, XFRM_MSG_MIGRATE, XFRMA_MIGRATE, XFRMA_IF_ID = 6, 0x21, 17, 31


@dataclass(frozen=True)
class Key:
    """How one end finds its SAs and policies: Key(if_id=7), Key(mark=0x11, mask=0xff)."""

    if_id: int = 0
    mark: int = 0
    mask: int = 0xFFFFFFFF

    def __str__(self):
        if self.if_id:
            return f"if_id {self.if_id}"
        return f"mark {self.mark} mask {self.mask}" if self.mark else ""


@dataclass
class SA:
    """One direction: the same keys, SPI and algorithm at both ends."""

    src: str
    dst: str
    spi: int = field(default_factory=lambda: next(_spis))
    secret: str = field(default_factory=lambda: os.urandom(48).hex())

    def state(self, key, reqid, encap=None, alg="gcm", extra=""):
        if alg == "gcm":
            algs = f"aead 'rfc4106(gcm(aes))' 0x{self.secret[:40]} 128"
        elif alg == "cbc":
            algs = f"enc 'cbc(aes)' 0x{self.secret[:32]} auth-trunc 'hmac(sha256)' "
            algs += f"0x{self.secret[32:96]} 128"
        elif alg == "null":
            algs = f"enc ecb(cipher_null) '' auth-trunc 'hmac(sha256)' 0x{self.secret[:64]} 128"
        else:
            algs = alg.format(secret=self.secret)
        nat = f" encap espinudp {encap[0]} {encap[1]} 0.0.0.0" if encap else ""
        return (
            f"xfrm state add src {self.src} dst {self.dst} proto esp spi {self.spi:#x}"
            f" reqid {reqid} mode tunnel replay-window 64 {key} {algs}{nat} {extra}"
        )

    def at(self, src, dst):
        """The same SA between other addresses."""
        return replace(self, src=src or self.src, dst=dst or self.dst)

    def delete(self, key=""):
        mark = str(key) if str(key).startswith("mark") else ""
        return f"xfrm state del src {self.src} dst {self.dst} proto esp spi {self.spi:#x} {mark}"


@dataclass
class End:
    """One end of a tunnel: where its SAs live, its underlay address, its key."""

    host: object
    addr: str
    key: Key
    reqid: int = 1

    def policies(self, peer, verb="add", dirs=("out", "in", "fwd"), inner=("0.0.0.0/0", "::/0")):
        """Lines of policies towards peer; any inner address of both families by default."""
        lines = []
        for direction in dirs:
            src, dst = (self.addr, peer.addr) if direction == "out" else (peer.addr, self.addr)
            for net in inner:
                local, remote = (net, net) if isinstance(net, str) else net
                sel = (local, remote) if direction == "out" else (remote, local)
                line = f"xfrm policy {verb} src {sel[0]} dst {sel[1]} dir {direction} {self.key}"
                if verb != "del":
                    line += f" tmpl src {src} dst {dst} proto esp reqid {self.reqid} mode tunnel"
                lines.append(line)
        return lines


class Pair:
    """The SAs and policies between two ends, `ours` and `theirs`; stock tools see nothing unusual.

        pair = Pair(End(gw, "192.0.2.1", Key(if_id=1)), End(far1, "192.0.2.2", Key(if_id=42)))
        pair.up()        policies and SAs at both ends
        pair.rekey(pair.ours, 0.1)  a new pair of SAs beside the old one, which then goes
        pair.drop_ours() what a lost DELETE does: our SAs vanish, theirs stay

    nat=True wraps ESP in UDP 4500, with the sockets that the kernel wants for it.
    """

    def __init__(self, ours, theirs, nat=False, alg="gcm", extra=""):
        self.ours, self.theirs = ours, theirs
        self.nat, self.alg, self.extra = nat, alg, extra
        self.out = self.back = None
        self.sockets = []
        if nat:
            for end in (ours, theirs):
                self.sockets.append(end.host.inside(self._encap_socket, end.addr))

    @staticmethod
    def _encap_socket(addr):
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP)
        sock.bind((addr, 4500))
        return sock

    def states_of(self, end, *sas):
        """Lines that install SAs at one end: by default both of the pair."""
        encap = (4500, 4500) if self.nat else None
        for sa in sas or (self.out, self.back):
            yield sa.state(end.key, end.reqid, encap, self.alg, self.extra)

    def new(self):
        """Two SAs, there and back, that nobody has yet."""
        return SA(self.ours.addr, self.theirs.addr), SA(self.theirs.addr, self.ours.addr)

    def policies(self):
        self.ours.host.ip(*self.ours.policies(self.theirs))
        self.theirs.host.ip(*self.theirs.policies(self.ours))

    def no_policies(self, dirs=("out", "in", "fwd"), end=None):
        end, peer = (self.theirs, self.ours) if end is self.theirs else (self.ours, self.theirs)
        end.host.ip(*end.policies(peer, "del", dirs))

    def states(self):
        """A new pair of SAs at both ends, the receiving end first, as an IKE daemon does it."""
        self._install([], [])

    def _install(self, theirs, ours):
        self.out, self.back = self.new()
        self.theirs.host.ip(*theirs, *self.states_of(self.theirs))
        self.ours.host.ip(*ours, *self.states_of(self.ours))

    def up(self):
        self._install(self.theirs.policies(self.ours), self.ours.policies(self.theirs))

    def _drop(self, end, pair):
        end.host.ip(*(sa.delete(end.key) for sa in pair))

    def drop_ours(self):
        self._drop(self.ours, (self.out, self.back))

    def drop_theirs(self):
        self._drop(self.theirs, (self.out, self.back))

    def drop(self):
        self.drop_ours()
        self.drop_theirs()

    def rekey(self, asker, overlap):
        """As IKE does it: nobody sends by an SA that the other end does not have yet.

        The other end's inbound SA, both of the asker's (an End), the other's outbound one; the
        old ones go last, after overlap seconds.
        """
        old = (self.out, self.back)
        self.out, self.back = self.new()
        other = self.ours if asker is self.theirs else self.theirs
        to_other, to_asker = self.out, self.back
        if asker is self.theirs:
            to_other, to_asker = to_asker, to_other
        other.host.ip(*self.states_of(other, to_other))
        asker.host.ip(*self.states_of(asker, to_asker, to_other))
        other.host.ip(*self.states_of(other, to_asker))
        time.sleep(overlap)
        self.rekey_done(old)

    def rekey_done(self, old):
        self._drop(self.ours, old)
        self._drop(self.theirs, old)

    def migrate(self, addr):
        """Our end goes on from another address, as IKE's MOBIKE has it (XFRM_MSG_MIGRATE)."""
        old = self.ours.addr
        for end in (self.ours, self.theirs):
            host = Netlink(end.host, NETLINK_XFRM)
            for number, direction in enumerate(("in", "out", "fwd")):
                ends = [(old, self.theirs.addr), (addr, self.theirs.addr)]
                if (direction == "out") == (end is self.theirs):
                    ends = [pair[::-1] for pair in ends]
                for family in (socket.AF_INET, socket.AF_INET6):
                    request = migration(end, number, family, *ends)
                    err = host.ask(XFRM_MSG_MIGRATE, REQUEST | ACK, request)
                    assert err == 0, (end.host, direction, family, os.strerror(err))
        self.out, self.back = self.out.at(addr, None), self.back.at(None, addr)
        self.ours.addr = addr

    def close(self):
        for sock in self.sockets:
            sock.close()


def migration(end, direction, family, old, new):
    """Of an end's policy for any packet of a family; old and new are source and destination."""
    sel = struct.pack("=40sH", b"", family).ljust(56, b"\0")
    policy = sel + struct.pack("=IB3x", 0, direction)
    packed = [socket.inet_aton(a).ljust(16, b"\0") for a in (old[1], old[0], new[1], new[0])]
    who = struct.pack("=BBHIHH", socket.IPPROTO_ESP, 1, 0, end.reqid, socket.AF_INET,
                      socket.AF_INET)  # fmt: skip
    return policy + attr(XFRMA_MIGRATE, b"".join(packed) + who) + u32(XFRMA_IF_ID, end.key.if_id)


# --- stock devices of the far end -----------------------------------------------------------------


def xfrmi(host, name, if_id, underlay, addrs, mtu=1400):
    """A kernel xfrm interface: finds SAs and policies by if_id."""
    host.ip(
        f"link add {name} mtu {mtu} type xfrm dev {underlay} if_id {if_id}",
        *addresses(name, addrs),
    )


def vti(host, name, mark, local, remote, addrs, mtu=1400):
    """A kernel vti (vti6 over IPv6): finds SAs and policies by mark."""
    if ":" in local:
        host.ip(
            f"link add {name} mtu {mtu} type vti6 local {local} remote {remote} key {mark}",
            *addresses(name, addrs),
        )
        return
    host.ip(f"link add {name} mtu {mtu} type vti local {local} remote {remote} key {mark}")
    # Without this the decrypted packet is checked against policies without the mark.
    host.sysctl(f"net.ipv4.conf.{name}.disable_policy", 1)
    host.ip(*addresses(name, addrs))


@contextlib.contextmanager
def wrapped_cipher(template):
    """An SA with AES-GCM gets TEMPLATE(rfc4106(gcm(aes))), which ranks higher; cryptd or pcrypt."""
    run(["modprobe", template])
    try:
        with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0) as sock:
            # It comes under the name of what it wraps: "exists" says that it is there.
            with contextlib.suppress(FileExistsError):
                sock.bind(("aead", f"{template}(rfc4106(gcm(aes)))"))
        with open("/proc/crypto", encoding="ascii") as file:
            found = [a for a in file.read().split("\n\n") if f": {template}(" in a]
        assert any("rfc4106(gcm(aes))" in a and "async        : yes" in a for a in found), found
        yield
    finally:
        # Else every SA behind would have it.
        wait_for(f"{template} unused",
                 lambda: not run(["rmmod", template], check=False).returncode, 20, 0.2)  # fmt: skip


@contextlib.contextmanager
def esp_offload(wanted=True):
    """ESP's GRO and GSO handlers are there, and GRO calls them; SAs hold the modules."""
    modules = ("esp4_offload", "esp6_offload")

    def unloaded():
        return run(["modprobe", "-r", *modules], check=False).returncode == 0

    if wanted:
        run(["modprobe", "-a", *modules])
    else:
        wait_for("no ESP offload modules", unloaded, 20, 0.2)
    assert os.path.exists("/sys/module/esp4_offload") == wanted
    try:
        yield
    finally:
        wait_for("ESP offload modules unused", unloaded, 20, 0.2)
