"""TCP through the connection never stalls for want of an ICMP error: SYNs announce what fits.

    cli ----- gw =====vgw0-1===== far1 ----- srv       links 1500, the tunnel 1446 inside
    deaf to      \\====vgw0-2===== far2 ----/  deaf to
    frag-needed                               packet-too-big
"""

import select
import socket
import struct
import threading
import time

import pytest
from lab import inject
from lab.netns import wait_for
from lab.topo import CLI, SRV, inside
from lab.vgw import Vgw
from test_mtu import frag_needed, ping

DEAF = """
    table inet deaf {
        chain in { type filter hook input priority 0;
            icmp type destination-unreachable icmp code 4 counter drop
            icmpv6 type packet-too-big counter drop
        }
    }"""
HEAD = {4: 40, 6: 60}
FITS = 1446  # bytes of IP that one packet of the underlay carries, by AES-GCM over IPv4
FIN, SYN, ACK = 1, 2, 16
PACKET_OUTGOING = 4
SIZE = 1 << 16  # several initial windows


def connection(make_topo, options="", only=(1,), algs=("gcm",), **more):
    topo = make_topo(host=True)
    vgw = Vgw(topo, options=options, only=only, tunnel="keepalive off", sas=False, **more)
    for n, alg in zip(only, algs):
        topo.pair(n, alg=alg, extra="flag af-unspec")
        topo.fars[n].ip(f"link set ipsec0 mtu {FITS}")
    wait_for("tunnels usable", lambda: all(t["usable"] for t in vgw.show()["tunnels"]))
    return topo, vgw


# --- bulk -----------------------------------------------------------------------------------------


def pour(client, server, addr, src, upload, size=SIZE, patience=10):
    """How much of a TCP stream arrives, from the client if upload, else from the server."""
    family = inject.family_of(addr)
    listener = server.inside(lambda: socket.create_server((addr, 7200), family=family))
    got = []

    def give(sock):
        try:
            sock.sendall(bytes(size))
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it stalls, or who was to take it has given up

    def take(sock):
        try:
            while piece := sock.recv(1 << 16):
                got.append(len(piece))
        except OSError:
            pass

    def close(sock):
        """By a reset: what stalled must not be sent again for minutes."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def serve():
        sock, _ = listener.accept()
        sock.settimeout(patience)
        if upload:
            take(sock)
            close(sock)
        else:
            give(sock)
            # Until the client has it all or gives up.
            take(sock)
            close(sock)

    thread = threading.Thread(target=serve)
    thread.start()
    with client.inside(lambda: socket.socket(family, socket.SOCK_STREAM)) as sock:
        sock.bind((src, 0))
        sock.settimeout(patience)
        sock.connect((addr, 7200))
        if upload:
            give(sock)
            thread.join()
        else:
            take(sock)
        close(sock)
    thread.join()
    listener.close()
    return sum(got)


def four_ways(topo, family):
    """Who connects and who sends: what arrived of each."""
    ends = (topo.cli, CLI[family]), (topo.srv, SRV[family])
    return {
        (client.name, "sends" if upload else "is sent"): pour(client, server, addr, src, upload)
        for (client, src), (server, addr) in (ends, ends[::-1])
        for upload in (True, False)
    }


@pytest.mark.parametrize("family", (4, 6))
def test_bulk_stalls_between_deaf_hosts_and_with_a_clamp_it_does_not(make_topo, family):
    topo, vgw = connection(make_topo)
    for host in (topo.cli, topo.srv):
        host.run(["nft", "-f", "-"], stdin=DEAF)

    def stalled():
        got = four_ways(topo, family)
        assert len(got) == 4 and set(got.values()) == {0}, got

    def whole():
        counted = vgw.counting()
        got = four_ways(topo, family)
        assert len(got) == 4 and set(got.values()) == {SIZE}, got
        # Nothing was too big for anybody.
        assert counted.drops() == {}

    stalled()
    for options in ("mss auto", "mtu 1300", "mtu auto mss 1200", "mtu 1500 mss auto"):
        vgw.set(options)
        time.sleep(0.1)
        whole()
    vgw.set("mss off")
    stalled()


# --- what SYNs announce ---------------------------------------------------------------------------


class Tap:
    """TCP as it arrives at a device."""

    def __init__(self, host, dev):
        self.sock = host.inside(
            lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        )
        self.sock.bind((dev, 3))
        self.sock.setblocking(False)
        host.closers.append(self.sock.close)

    def segments(self):
        """(pseudo header, TCP segment) of each since the last call; waits for the first."""
        select.select([self.sock], [], [], 5)
        time.sleep(0.1)
        found = []
        while True:
            try:
                packet, where = self.sock.recvfrom(65536)
            except BlockingIOError:
                return found
            if where[2] == PACKET_OUTGOING:
                continue
            if packet[0] >> 4 == 4 and packet[9] == 6:
                length = struct.unpack("!H", packet[2:4])[0]
                found.append((packet[12:20], packet[(packet[0] & 15) * 4 : length]))
            elif packet[0] >> 4 == 6 and packet[6] == 6:
                found.append((packet[8:40], packet[40:]))

    def syns(self):
        """The same of those with SYN, whose checksums are right."""
        found = [(addrs, tcp) for addrs, tcp in self.segments() if tcp[13] & SYN]
        for addrs, tcp in found:
            assert summed(addrs, tcp) == 0, tcp.hex()
        return [tcp for _, tcp in found]

    def mss(self):
        """What the only SYN announced, and whether it was one with ACK."""
        (tcp,) = self.syns()
        assert tcp[20:22] == b"\2\4", tcp.hex()
        return struct.unpack("!H", tcp[22:24])[0], bool(tcp[13] & ACK)


def summed(addrs, tcp):
    """0 if the checksum is right, computed from scratch; else what would have made it so."""
    pseudo = addrs + struct.pack("!II", len(tcp), 6)
    return inject.checksum(pseudo + tcp + bytes(len(tcp) % 2))


def connect(client, server, src, addr):
    """A TCP connection that comes and goes; the MSS that the client then sends with."""
    family = inject.family_of(addr)
    listener = server.inside(lambda: socket.create_server((addr, 7201), family=family))
    with client.inside(lambda: socket.socket(family, socket.SOCK_STREAM)) as sock:
        sock.bind((src, 0))
        sock.settimeout(5)
        sock.connect((addr, 7201))
        sends = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    listener.accept()[0].close()
    listener.close()
    return sends


@pytest.mark.parametrize("family", (4, 6))
def test_each_syn_announces_exactly_what_fits(make_topo, family):
    topo, vgw = connection(make_topo, "mss auto")
    at_cli, at_srv = Tap(topo.cli, "lan"), Tap(topo.srv, "f1")
    full = 1500 - HEAD[family]

    def announced(fits):
        for client, server, src, addr in (
            (topo.cli, topo.srv, CLI[family], SRV[family]),
            (topo.srv, topo.cli, SRV[family], CLI[family]),
        ):
            connect(client, server, src, addr)
            assert at_cli.mss() == (fits, client is topo.cli)
            assert at_srv.mss() == (fits, client is topo.srv)

    announced(FITS - HEAD[family])
    for options, fits in (
        ("mtu 1300", 1300 - HEAD[family]),
        ("mss 1200", 1200),
        ("mtu auto mss 88", 88),
        ("mss 1459", min(1459, full)),
        # Never raised.
        ("mss 1461", full),
        ("mss 65535", full),
        ("mss off", full),
        # An MTU by hand that promises too much: the tunnel's own counts.
        ("mss auto mtu 1500", FITS - HEAD[family]),
        ("mtu auto", FITS - HEAD[family]),
    ):
        vgw.set(options)
        time.sleep(0.1)
        announced(fits)
    # The device's MTU by ip link, then the underlay's: each at once.
    topo.gw.ip("link set vgw0 mtu 1340")
    announced(1340 - HEAD[family])
    vgw.set("mtu auto")
    topo.gw.ip("link set u1 mtu 1400")
    time.sleep(0.1)
    announced(FITS - 100 - HEAD[family])


def segment(src, dst, opts, flags=SYN, pay=b"", port=7202):
    """A TCP segment with these options and a right checksum."""
    family = inject.family_of(src)
    tcp = struct.pack(
        "!HHIIBBHHH", 40000, port, 0x01020304, 0, (20 + len(opts)) << 2, flags, 64240, 0, 0
    ) + bytes(opts) + pay  # fmt: skip
    addrs = socket.inet_pton(family, src) + socket.inet_pton(family, dst)
    return tcp[:16] + struct.pack("!H", summed(addrs, tcp)) + tcp[18:]


def send(host, src, dst, payload, protocol=socket.IPPROTO_TCP, frag=0):
    """An IP packet as it is."""
    if ":" in src:
        packet = inject.ipv6(src, dst, payload, protocol)
    else:
        packet = inject.ipv4(src, dst, payload, protocol, frag)

    def go():
        with socket.socket(inject.family_of(src), socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
            sock.sendto(packet, (dst, 0))

    host.inside(go)


def mss(n):
    return bytes((2, 4, n >> 8, n & 255))


NOP, SACK, SCALE = b"\1", b"\4\2", b"\3\3\7"
STAMPS = bytes((8, 10, 9, 8, 7, 6, 0, 0, 0, 0))
# What is sent, and what of it arrives where at most 1200 may be announced.
LAYOUTS = (
    (mss(1460), mss(1200)),
    (mss(1460) + SACK + STAMPS + NOP + SCALE, mss(1200) + SACK + STAMPS + NOP + SCALE),
    (NOP + mss(1460) + SACK + NOP, NOP + mss(1200) + SACK + NOP),
    (SCALE + mss(9000) + NOP, SCALE + mss(1200) + NOP),
    (mss(1460) + NOP + mss(1461) + b"\0\0\0", mss(1200) + NOP + mss(1200) + b"\0\0\0"),
    (mss(1200), None),
    (mss(1199), None),
    (mss(0), None),
    (b"", None),
    (SACK + STAMPS, None),
    (b"\0\0\0\0" + mss(1460), None),
    (b"\x08\0" + mss(1460) + NOP * 2, None),
    (b"\x08\x0b" + mss(1460) + NOP * 2, None),
    (NOP * 2 + b"\2\4", None),
    (b"\2\3\xff" + NOP, None),
    (mss(1460) + b"\x1d\x10\1\1" + bytes(12), None),
)


@pytest.mark.parametrize("family", (4, 6))
def test_nothing_but_the_option_changes_and_with_mss_off_nothing(make_topo, family):
    topo, vgw = connection(make_topo)
    ways = (
        (topo.cli, CLI[family], SRV[family], Tap(topo.srv, "f1")),
        (topo.srv, SRV[family], CLI[family], Tap(topo.cli, "lan")),
    )
    for options in ("mss off", "mss 1200", "mss off"):
        vgw.set(options)
        for host, src, dst, tap in ways:
            for opts, clamped in LAYOUTS:
                for pay in (b"", b"cookie!"):
                    send(host, src, dst, segment(src, dst, opts, pay=pay))
                    if options == "mss off" or clamped is None:
                        clamped = opts
                    (got,) = tap.syns()
                    assert got == segment(src, dst, clamped, pay=pay), (options, opts, got.hex())


@pytest.mark.parametrize("family", (4, 6))
def test_what_is_no_syn_or_cannot_be_read_passes_untouched(make_topo, family):
    topo, vgw = connection(make_topo, "mss 1200")
    counted = vgw.counting()
    for host, src, dst, tap in (
        (topo.cli, CLI[family], SRV[family], Tap(topo.srv, "f1")),
        (topo.srv, SRV[family], CLI[family], Tap(topo.cli, "lan")),
    ):
        whole = segment(src, dst, mss(1460))
        bent = [segment(src, dst, mss(1460), flags) for flags in (ACK, FIN | ACK, 4, 0)]
        # Cut, or with a header length of less than a header or more than there is.
        bent += [whole[:n] for n in (13, 14, 19, 20, 23)]
        bent += [whole[:12] + bytes((doff << 4,)) + whole[13:] for doff in (0, 4, 7, 15)]
        for tcp in bent:
            send(host, src, dst, tcp)
            got = [found for _, found in tap.segments() if found[:4] == tcp[:4]]
            assert got == [tcp], (tcp.hex(), got)
    assert counted.drops() == {}


def test_packets_with_more_headers_and_first_fragments_are_clamped(make_topo):
    topo, vgw = connection(make_topo, "mss 1200")
    tap = Tap(topo.srv, "f1")
    sock = topo.srv.inside(
        lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    )
    sock.bind(("f1", 3))
    sock.settimeout(2)
    topo.srv.closers.append(sock.close)
    src, dst = CLI[6], SRV[6]
    want = segment(src, dst, mss(1200))
    destination = bytes((6, 0, 1, 4, 0, 0, 0, 0))
    first, later = (bytes((6, 0, 0, low, 0, 0, 0, 7)) for low in (1, 9))
    for header, nexthdr, arrives in (
        (destination, 60, want),
        (first, 44, want),
        (later, 44, segment(src, dst, mss(1460))),
    ):
        send(topo.cli, src, dst, header + segment(src, dst, mss(1460)), nexthdr)
        while (packet := sock.recv(65536))[6] != nexthdr:
            pass
        assert packet[40:] == header + arrives, packet.hex()
    # An IPv4 packet in two: cut behind the options, the rest looks like a SYN itself.
    src, dst = CLI[4], SRV[4]
    tcp = segment(src, dst, mss(1460), pay=segment(src, dst, mss(1460)))
    send(topo.cli, src, dst, tcp[:24], frag=0x2000)
    send(topo.cli, src, dst, tcp[24:], frag=3)
    (_, one), (_, two) = tap.segments()
    assert one[20:24] == mss(1200) and two == tcp[24:]
    assert summed(socket.inet_aton(src) + socket.inet_aton(dst), one + two) == 0


def test_a_learned_path_counts_in_both_directions(make_topo, underlay):
    """The hosts hear of it no more than of the tunnel's own size."""
    underlay.also_expected = "icmp"
    topo, vgw = connection(make_topo, "mss auto")
    at_cli, at_srv = Tap(topo.cli, "lan"), Tap(topo.srv, "f1")

    def from_srv():
        send(topo.srv, SRV[4], CLI[4], segment(SRV[4], CLI[4], mss(1460)))
        return at_cli.mss()[0]

    def from_cli():
        send(topo.cli, CLI[4], SRV[4], segment(CLI[4], SRV[4], mss(1460)))
        return at_srv.mss()[0]

    topo.cli.run(["nft", "-f", "-"], stdin=DEAF)
    assert ping(topo, FITS) == 1
    assert (from_srv(), from_cli()) == (FITS - 40, FITS - 40)
    frag_needed(topo, topo.pairs[1].out.spi, 1300)
    # What is too big tells, before any SYN has left.
    assert ping(topo, FITS) == 0
    assert from_srv() == 1300 - 54 - 40
    assert from_cli() == 1300 - 54 - 40
    # The path is as before, and a SYN that leaves brings word of it.
    topo.gw.ip("-4 route flush cache")
    assert from_cli() == FITS - 40
    assert from_srv() == FITS - 40
    # A SYN that leaves tells as well.
    frag_needed(topo, topo.pairs[1].out.spi, 1320)
    assert from_cli() == 1320 - 54 - 40
    assert from_srv() == 1320 - 54 - 40


def test_both_tunnels_are_good_for_what_either_let_through(make_topo):
    """The smaller of two MTUs, whichever tunnel is active and whichever brings the SYN."""
    topo, vgw = connection(make_topo, "mss auto", (1, 2), ("gcm", "cbc"))
    fits = 1438
    assert [t["mtu"] for t in vgw.show()["tunnels"]] == [FITS, fits]
    for active in (1, 2):
        vgw.switch(active)
        for via in (1, 2):
            topo.srv_via(via)
            taps = Tap(topo.cli, "lan"), Tap(topo.srv, f"f{active}")
            send(topo.srv, SRV[4], CLI[4], segment(SRV[4], CLI[4], mss(1460)))
            assert taps[0].mss()[0] == fits - 40, (active, via)
            send(topo.cli, CLI[4], SRV[4], segment(CLI[4], SRV[4], mss(1460)))
            assert taps[1].mss()[0] == fits - 40, (active, via)


@pytest.mark.parametrize("dev", ("vgw0", "vgw0-1"))
def test_the_router_s_own_tcp_and_a_tunnel_s_own_route_are_clamped(make_topo, dev):
    topo, _ = connection(make_topo, "mss 1200")
    tap = Tap(topo.srv, "f1")
    topo.gw.ip(f"route replace {SRV[4]} dev {dev}")
    here = inside(1)[0]
    topo.fars[1].ip(f"route add {here} dev ipsec0", check=False)
    # What it sends is bound by the SYN+ACK that came in, less timestamps.
    assert connect(topo.gw, topo.srv, here, SRV[4]) == 1200 - 12
    assert tap.mss() == (1200, False)
    connect(topo.cli, topo.srv, CLI[4], SRV[4])
    assert tap.mss() == (1200, False)


def test_the_option_is_shown_kept_and_changed_like_the_others(make_topo, tmp_path):
    _, vgw = connection(make_topo)
    file = tmp_path / "vgw0.conf"
    for word, number in (("auto", 1), ("1379", 1379), ("88", 88), ("65535", 65535), ("off", 0)):
        vgw.set(f"mss {word}")
        assert vgw.show()["mss"] == number
        conf = vgw.ctl("showconf", "vgw0").stdout
        assert f"mss = {word}\n" in conf, conf
        assert (f"mss {word}" in vgw.ctl("show", "vgw0").stdout) == bool(number)
        # What else is set leaves it alone; a configuration brings it back.
        vgw.set("revert 7s")
        assert vgw.show()["mss"] == number
        vgw.set("mss 1000")
        file.write_text(conf)
        vgw.ctl("syncconf", "vgw0", file)
        assert vgw.show()["mss"] == number
