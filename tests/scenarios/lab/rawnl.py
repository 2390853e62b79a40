"""Netlink requests byte by byte: what vgwctl would never send, and calls to put faults into."""

import os
import re
import socket
import struct
from functools import cache
from pathlib import Path

NESTED = 0x8000
NETLINK_ROUTE, NETLINK_GENERIC = 0, 16
RTM_NEWLINK, RTM_DELLINK, RTM_NEWROUTE = 16, 17, 24
REQUEST, ACK, CREATE, EXCL, DUMP = 0x1, 0x4, 0x400, 0x200, 0x300
IFLA_IFNAME, IFLA_LINKINFO, IFLA_INFO_KIND, IFLA_INFO_DATA = 3, 18, 1, 2
NLMSG_ERROR = 2


@cache
def numbers():
    """Attributes and commands, as the header has them."""
    text = (Path(__file__).parents[3] / "uapi/linux/vgw.h").read_text(encoding="ascii")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    found = {}
    for body in re.findall(r"enum \w*\s*{(.*?)}", text, flags=re.S):
        value = -1
        for entry in filter(None, (e.strip() for e in body.split(","))):
            name, _, given = (part.strip() for part in entry.partition("="))
            try:
                value = int(given, 0) if given else value + 1
            except ValueError:
                continue  # __MAX and the like
            found[name] = value
    return found


def attr(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def nest(kind, *attrs):
    return attr(kind | NESTED, b"".join(attrs))


def u32(kind, value):
    return attr(kind, struct.pack("=I", value))


class Netlink:
    """A socket in a host; ask() gives the answer's errno, 0 for success, None for no answer."""

    def __init__(self, host, protocol, family="vgw"):
        self.sock = host.inside(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol))
        self.sock.settimeout(2)
        self.seq = 0
        self.family = self._family(family) if protocol == NETLINK_GENERIC else None

    def _family(self, name):
        self.send(16, REQUEST, struct.pack("=BBH", 3, 1, 0) + attr(2, name.encode() + b"\0"))
        answer = self.sock.recv(65536)
        at = 20
        while at < len(answer):
            size, kind = struct.unpack_from("=HH", answer, at)
            if kind == 1:
                return struct.unpack_from("=H", answer, at + 4)[0]
            at += (size + 3) & ~3
        raise AssertionError(f"no family {name}")

    def send(self, kind, flags, payload):
        self.seq += 1
        head = struct.pack("=IHHII", 16 + len(payload), kind, flags, self.seq, 0)
        self.sock.send(head + payload)

    def answer(self):
        while True:
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                return None
            except OSError as err:
                return err.errno
            _, kind, _, seq, _ = struct.unpack_from("=IHHII", data)
            if seq != self.seq:
                continue
            return -struct.unpack_from("=i", data, 16)[0] if kind == NLMSG_ERROR else 0

    def ask(self, kind, flags, payload):
        self.send(kind, flags, payload)
        return self.answer()

    def vgw(self, command, payload, flags=REQUEST | ACK):
        return self.ask(self.family, flags, struct.pack("=BBH", command, 1, 0) + payload)

    def tunnels(self, name):
        """VGW_CMD_GET: the attributes of each tunnel, {number: bytes}; [] where there is none."""
        num = numbers()
        body = struct.pack("=BBH", num["VGW_CMD_GET"], 1, 0)
        self.send(self.family, REQUEST, body + attr(num["VGW_A_IFNAME"], name.encode() + b"\0"))
        data = self.sock.recv(65536)
        if struct.unpack_from("=IH", data)[1] == NLMSG_ERROR:
            return []
        nests = dict(attributes(data[20:]))[num["VGW_A_TUNNELS"]]
        return [dict(attributes(tunnel)) for _, tunnel in attributes(nests)]

    def close(self):
        self.sock.close()


def attributes(data):
    """(number, payload) of each attribute."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        yield kind & 0x3FFF, data[at + 4 : at + size]
        at += (size + 3) & ~3


def new_connection(name, *if_ids, extra=b""):
    """The body of RTM_NEWLINK that makes a connection; extra: attributes for its first tunnel."""
    num = numbers()
    tunnels = []
    for if_id in if_ids:
        tunnels.append(
            nest(num["VGW_A_TUNNELS_TUNNEL"], u32(num["VGW_A_TUNNEL_IF_ID"], if_id), extra)
        )
        extra = b""
    return (
        struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0)
        + attr(IFLA_IFNAME, name.encode() + b"\0")
        + nest(
            IFLA_LINKINFO,
            attr(IFLA_INFO_KIND, b"vgw"),
            nest(IFLA_INFO_DATA, nest(num["VGW_A_TUNNELS"], *tunnels)),
        )
    )


def named(name, up=False):
    """The body of a request about a link by its name: RTM_DELLINK, or RTM_NEWLINK to set it up."""
    head = struct.pack("=BBHiII", 0, 0, 0, 0, up * 1, up * 1)
    return head + attr(IFLA_IFNAME, name.encode() + b"\0")


def routed(dst, index):
    """The body of RTM_NEWROUTE: an IPv4 host route over a device."""
    head = struct.pack("=BBBBBBBBI", socket.AF_INET, 32, 0, 0, 254, 4, 253, 1, 0)
    return head + attr(1, socket.inet_aton(dst)) + attr(4, struct.pack("=I", index))


class FailNth:
    """fail.nth(n, act): act() with the n-th allocation of this thread failing; whether one did.

    available() says whether the kernel can.
    """

    knobs = "/sys/kernel/debug"

    @classmethod
    def available(cls):
        return os.path.exists(f"{cls.knobs}/failslab") and os.path.exists("/proc/self/fail-nth")

    def __init__(self):
        for kind in ("failslab", "fail_page_alloc", "fail_usercopy"):
            # Those that may sleep fail as well; nothing is printed: the log is searched for traces.
            for knob, value in (("ignore-gfp-wait", "N"), ("verbose", "0")):
                path = f"{self.knobs}/{kind}/{knob}"
                if os.path.exists(path):
                    with open(path, "w", encoding="ascii") as file:
                        file.write(value)

    @staticmethod
    def nth(n, act):
        with open("/proc/thread-self/fail-nth", "r+b", buffering=0) as file:
            file.write(str(n).encode())
            try:
                act()
            except OSError:
                pass
            # What act() did not use up hits these copies: then none of its own failed.
            try:
                left = int(os.pread(file.fileno(), 16, 0))
            except OSError:
                left = 1
            try:
                file.write(b"0")
            except OSError:
                file.write(b"0")
        return left == 0
