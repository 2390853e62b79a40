"""The MTU is exact to the byte, what is too big is told so, and what may be cut arrives whole.

    cli ----- gw =====vgw0-1===== far1 (10.20.0.1)     underlay MTU 1500; far1 tells of less
"""

import hashlib
import os
import socket
import struct
import threading
import time

import pytest
from lab import SIM, inject
from lab.netns import wait_for
from lab.topo import CLI, SRV
from lab.vgw import Vgw
from lab.xfrm import SA, Key

SIM_ONLY = pytest.mark.skipif(not SIM, reason="the same again in the other family")
# 1500 less outer header, (UDP,) SPI and sequence, IV, padding to 4 or 16, 2, ICV.
EXACT = (
    ("gcm", 4, False, 1446),
    ("gcm", 4, True, 1438),
    ("gcm", 6, False, 1426),
    ("cbc", 4, False, 1438),
)


def connection(topo, alg="gcm", outer=4, nat=False, kind="if_id", **options):
    vgw = Vgw(topo, only=(1,), outer=outer, kind=kind, sas=False, tunnel="keepalive off", **options)
    topo.pair(1, kind, "if_id", outer, nat, alg, extra="flag af-unspec")
    wait_for("carrier", vgw.carrier)
    return vgw


def told(topo, family=4):
    """The path MTU to srv that cli has learned, or None."""
    words = topo.cli.run(f"ip route get {SRV[family]}").stdout.replace("mtu lock", "mtu").split()
    return int(words[words.index("mtu") + 1]) if "mtu" in words else None


def ping(topo, size, family=4, frag="do", count=1):
    """Echo requests of `size` bytes of IP; how many were answered."""
    head = 28 if family == 4 else 48
    cmd = f"ping -{family} -n -q -c {count} -i 0.1 -W 1 -M {frag} -s {size - head} {SRV[family]}"
    out = topo.cli.run(cmd, check=False).stdout
    return int(out.split(" received")[0].split(",")[-1]) if " received" in out else 0


@pytest.mark.parametrize("alg, outer, nat, mtu", EXACT if SIM else EXACT[:1])
def test_the_automatic_mtu_is_exact(topo, alg, outer, nat, mtu):
    vgw = connection(topo, alg, outer, nat)
    shown = vgw.show()
    assert (shown["link_mtu"], shown["tunnels"][0]["mtu"]) == (mtu, mtu)
    for family in (4, 6):
        assert ping(topo, mtu, family) == 1
    # Neither cut on the underlay nor a byte to spare: the next size needs another packet.
    sizes = {int(line.rsplit("length ", 1)[1]) for line in topo.captures[0].packets("esp")}
    pieces = topo.captures[0].packets("ip[6:2] & 0x3fff != 0") if outer == 4 else []
    assert pieces == []
    if alg == "gcm" and not nat:
        assert max(sizes) == 1500 - (20 if outer == 4 else 40), sizes


@pytest.mark.parametrize("family", (4, 6))
def test_the_sender_of_what_is_too_big_learns_the_exact_mtu(topo, family):
    """From the router as usual and, with a device MTU that promises too much, from the tunnel."""
    vgw = connection(topo)
    assert ping(topo, 1447, family) == 0
    assert told(topo, family) == 1446
    for command in ("-4 route flush cache", "-6 route flush cache"):
        topo.cli.ip(command)

    vgw.set("mtu 1500")
    topo.cli.ip("link set lan down", "link set lan up", "addr flush dev lan",
                "addr add 10.10.0.1/24 dev lan", "addr add fd10::1/64 dev lan nodad",
                "route add default via 10.10.0.254",
                "route add default via fd10::fe", check=False)  # fmt: skip
    wait_for("a fresh route", lambda: told(topo, family) is None)
    counted = vgw.counting()
    assert ping(topo, 1447, family) == 0
    assert counted.drops() == {"vgw0-1 tx-too-big": 1}
    assert told(topo, family) == 1446
    assert ping(topo, 1446, family) == 1


def test_what_may_be_cut_is_cut_and_arrives(topo):
    vgw = connection(topo)
    for mtu in ("auto", "1500"):
        vgw.set(f"mtu {mtu}")
        counted = vgw.counting()
        for size in (1447, 1500, 3000, 9000):
            assert ping(topo, size, frag="dont") == 1, (mtu, size)
        assert counted.drops() == {}


@pytest.mark.parametrize("whole", (False, True))
@pytest.mark.parametrize("kind", ("if_id", "mark") if SIM else ("if_id",))
def test_bulk_tcp_crosses_with_every_byte_right(offload, topo, kind, whole):
    """Super-packets reach ESP whole; with esp4_offload the cutting is ESP's."""
    offload(whole)
    if whole:
        topo.gw.run("ethtool -K u1 gro on")
        topo.fars[1].run("ethtool -K u0 gro on")
    vgw = connection(topo, kind=kind)
    counted = vgw.counting()
    size = 4 << 20 if SIM else 16 << 20
    data = os.urandom(1 << 16) * (size >> 16)
    far = topo.fars[1]
    for client, server, addr in ((topo.cli, far, SRV[4]), (far, topo.cli, CLI[4])):
        assert transfer(client, server, addr, data) == hashlib.sha256(data).hexdigest()
    assert counted.drops() == {}
    segments = counted.of(1, "tx-bytes") / counted.of(1, "tx-packets")
    assert segments <= 1446


def transfer(client, server, addr, data):
    """The hash of what the server received."""
    listener = server.inside(lambda: socket.create_server((addr, 7200)))
    digest = hashlib.sha256()

    def serve():
        conn, _ = listener.accept()
        with conn:
            while piece := conn.recv(1 << 16):
                digest.update(piece)

    thread = threading.Thread(target=serve)
    thread.start()
    src = SRV[4] if addr == CLI[4] else CLI[4]
    with client.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as sock:
        sock.bind((src, 0))
        sock.settimeout(120)
        sock.connect((addr, 7200))
        sock.sendall(data)
    thread.join(120)
    listener.close()
    return digest.hexdigest()


def frag_needed(topo, spi, mtu, family=4):
    """An ICMP error from far1 about an ESP packet of ours with this SPI."""
    here, there = topo.underlay(1, family)
    esp = struct.pack("!II", spi, 1) + b"\0" * 1200
    if family == 4:
        quoted = inject.ipv4(here, there, esp, inject.IPPROTO_ESP, 0x4000)[:28]
        body = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + quoted
        body = body[:2] + struct.pack("!H", inject.checksum(body)) + body[4:]
        raw = socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP
    else:
        # The kernel fills in the checksum.
        body = struct.pack("!BBHI", 2, 0, 0, mtu) + inject.ipv6(here, there, esp, 50)[:1000]
        raw = socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6

    def send():
        with socket.socket(*raw) as sock:
            sock.sendto(body, (here, 0))

    topo.fars[1].inside(send)
    time.sleep(0.1)


@pytest.mark.parametrize("kind", ("if_id", "mark") if SIM else ("if_id",))
@pytest.mark.parametrize("family", (4, pytest.param(6, marks=SIM_ONLY)))
def test_a_smaller_path_is_learned_from_an_error_with_our_spi_and_no_other(
    topo, underlay, kind, family
):  # fmt: skip
    underlay.also_expected = "icmp or icmp6"
    connection(topo, kind=kind, outer=family)
    most = 1446 if family == 4 else 1426
    adds = 1500 - most
    assert ping(topo, most, family) == 1
    spi = topo.pairs[1].out.spi
    for wrong in (spi + 1, 0, topo.pairs[1].back.spi):
        frag_needed(topo, wrong, 1400, family)
    assert ping(topo, most, family) == 1 and told(topo, family) is None

    frag_needed(topo, spi, 1400, family)
    ping(topo, most, family, count=2)
    assert told(topo, family) == 1400 - adds
    assert ping(topo, 1400 - adds, family) == 1
    # The kernel's floor for what a forger could ask for.
    frag_needed(topo, spi, 68, family)
    ping(topo, 1400 - adds, family, count=2)
    floor = 552 if family == 4 else 1280
    assert told(topo, family) is None or told(topo, family) >= floor - adds


@pytest.mark.parametrize("family", (4, pytest.param(6, marks=SIM_ONLY)))
def test_errors_about_the_marked_sas_of_two_tunnels_to_one_far_end_are_both_heard(
    topo, underlay, family
):  # fmt: skip
    """As of two sites behind one address. Such an SA is found by its mark alone."""
    underlay.also_expected = "icmp or icmp6"
    connection(topo, kind="mark", outer=family)
    here, there = topo.underlay(1, family)
    topo.gw.run(f"vgwctl add vgw1 tunnel mark 0x13 local {here} remote {there} keepalive off")
    second = SA(here, there)
    topo.gw.ip(second.state(Key(mark=0x13), 13))
    for spi, mtu in ((topo.pairs[1].out.spi, 1450), (second.spi, 1400)):
        frag_needed(topo, spi, mtu, family)
        assert f" mtu {mtu}" in topo.gw.run(f"ip route get {there}").stdout
