"""Single packets, genuine and forged, where a stream says too little.

    udp(host, src, dst)     a datagram with the marker, by whatever route the host has
    Mailbox(host, addr)     a bound socket: .count() of the datagrams since the last call
    esp(host, dst, bytes)   an ESP packet as it is, from a raw socket
    Forge(sa)               ESP by who knows an SA's keys (alg="null"): any inner bytes
    sniff(host, dev, act)   ESP packets, from their SPI on, that pass dev while act() runs
"""

import hashlib
import hmac
import socket
import struct
import time

from .traffic import HEAD, MARKER

IPPROTO_ESP = 50
NH_IPV4, NH_IPV6, NH_UDP, NH_NONE = 4, 41, 17, 59


def family_of(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def udp(host, src, dst, count=1, port=7100, size=64, clear=b""):
    """Datagrams from src; clear replaces the marker where it is to be seen on the underlay."""
    payload = HEAD.pack(0, 0, b"") + (clear or MARKER) * (size // 16)

    def send():
        with socket.socket(family_of(src), socket.SOCK_DGRAM) as sock:
            sock.bind((src, 0))
            for _ in range(count):
                try:
                    sock.sendto(payload, (dst, port))
                except OSError:
                    pass  # an ICMP error for the one before

    host.inside(send)


class Mailbox:
    def __init__(self, host, addr, port=7100):
        self.sock = host.inside(lambda: socket.socket(family_of(addr), socket.SOCK_DGRAM))
        self.sock.bind((addr, port))
        self.sock.setblocking(False)
        host.closers.append(self.sock.close)

    def count(self):
        got = 0
        while True:
            try:
                self.sock.recv(65536)
            except BlockingIOError:
                return got
            except OSError:
                continue
            got += 1


def esp(host, dst, *packets, pause=0.0):
    def send():
        with socket.socket(family_of(dst), socket.SOCK_RAW, IPPROTO_ESP) as sock:
            for packet in packets:
                sock.sendto(packet, (dst, 0))
                if pause:
                    time.sleep(pause)

    host.inside(send)


class Forge:
    """The sender's side of an SA with alg="null": authenticated, not encrypted."""

    def __init__(self, sa):
        self.spi, self.key, self.seq = sa.spi, bytes.fromhex(sa.secret[:64]), 0

    def packet(self, inner, next_header, seq=None):
        if seq is None:
            self.seq += 1
            seq = self.seq
        pad = -(len(inner) + 2) % 4
        body = struct.pack("!II", self.spi, seq) + inner
        body += bytes(range(1, pad + 1)) + bytes((pad, next_header))
        return body + hmac.new(self.key, body, hashlib.sha256).digest()[:16]


def sniff(host, dev, act, wait=0.2):
    """IPv4 or IPv6 without options: what follows the outer header."""
    found = []
    with host.inside(
        lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    ) as sock:
        sock.bind((dev, 3))
        act()
        end = time.monotonic() + wait
        while True:
            sock.settimeout(max(0.001, end - time.monotonic()))
            try:
                packet = sock.recv(65536)
            except TimeoutError:
                return found
            if time.monotonic() > end:
                return found
            if packet[0] >> 4 == 4 and packet[9] == IPPROTO_ESP:
                found.append(packet[20:])
            elif packet[0] >> 4 == 6 and packet[6] == IPPROTO_ESP:
                found.append(packet[40:])


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ipv4(src, dst, payload, protocol=NH_UDP, frag=0, tos=0):
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, tos, 20 + len(payload), 1, frag, 64, protocol, 0,
        socket.inet_aton(src), socket.inet_aton(dst),
    )  # fmt: skip
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(src, dst, payload, next_header=NH_UDP):
    return (
        struct.pack("!IHBB", 6 << 28, len(payload), next_header, 64)
        + socket.inet_pton(socket.AF_INET6, src)
        + socket.inet_pton(socket.AF_INET6, dst)
        + payload
    )


def datagram(payload, port=7100):
    """UDP without a checksum, as IPv4 allows."""
    return struct.pack("!HHHH", port, port, 8 + len(payload), 0) + payload
