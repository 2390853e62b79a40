"""One interface for filters, captures and rp_filter, whichever tunnel carries the packet.

    cli ----- gw =====vgw0-1===== far1 (10.20.0.1)
               \\======vgw0-2===== far2 (10.20.0.1)
"""

import contextlib
import json
import socket
import time

import pytest
from lab import SIM
from lab.capture import Capture
from lab.topo import SRV, inside
from lab.vgw import Vgw

QUIET = {"tunnel": "keepalive off"}
ETH_P_IP, PORT = 0x0800, 7000


def test_strict_rp_filter_everywhere_suits_both_tunnels(make_topo):
    topo = make_topo(host=True)
    for dev in ("all", "default", "lan", "u1", "u2"):
        topo.gw.sysctl(f"net.ipv4.conf.{dev}.rp_filter", 1)
    vgw = Vgw(topo, tunnel="keepalive 100ms misses 5")
    for dev in ("vgw0", "vgw0-1", "vgw0-2"):
        topo.gw.sysctl(f"net.ipv4.conf.{dev}.rp_filter", 1)
    vgw.wait_up()
    for n in (1, 2):
        assert topo.gw.ping(inside(n)[1], 3, 0.05) == 3, n
        # Replies by the active tunnel, then by the other one.
        topo.srv_via(n)
        assert topo.cli.ping(SRV[4], 3, 0.05) == 3, n


@pytest.mark.parametrize("inner", (4, 6))
def test_a_filter_sees_each_packet_once_and_on_the_connection(topo, inner):
    vgw = Vgw(topo, sas=False, **QUIET)
    for n in (1, 2):
        topo.pair(n, extra="flag af-unspec")
    vgw.wait_up()
    topo.gw.run(["nft", "-f", "-"], stdin="""
        table inet lab {
            chain in { type filter hook prerouting priority -300;
                meta iifkind "vgw" counter
                iifname "vgw0" counter
                iifname "vgw0-*" counter
            }
            chain out { type filter hook postrouting priority 300;
                oifname "vgw0" counter
                oifname "vgw0-*" counter
            }
        }""")  # fmt: skip
    for n in (1, 2):
        vgw.switch(n)
        assert topo.cli.ping(SRV[inner], 5, 0.05) == 5
    rules = json.loads(topo.gw.run("nft -j list table inet lab").stdout)["nftables"]
    counts = [e["counter"]["packets"] for r in rules for e in r.get("rule", {}).get("expr", [])
              if "counter" in e]  # fmt: skip
    assert counts == [10, 10, 0, 10, 0]


def test_captures_see_both_directions_on_the_tunnel_and_all_once_on_the_connection(topo):
    vgw = Vgw(topo, **QUIET)
    vgw.wait_up()
    taps = {dev: Capture(topo.gw, dev) for dev in ("vgw0", "vgw0-1", "vgw0-2")}
    assert topo.cli.ping(SRV[4], 5, 0.05) == 5
    vgw.switch(2)
    assert topo.cli.ping(SRV[4], 3, 0.05) == 3
    # By the tunnel's own device, which is no business of the connection's on the way out.
    topo.gw.ip(f"route replace {SRV[4]} dev vgw0-1")
    assert topo.cli.ping(SRV[4], 2, 0.05) == 2
    time.sleep(0.1 if SIM else 1)

    def seen(dev):
        return [len(taps[dev].packets(f"icmp[icmptype] = {kind}"))
                for kind in ("icmp-echo", "icmp-echoreply")]  # fmt: skip

    assert seen("vgw0-1") == [5 + 2, 5 + 2]
    assert seen("vgw0-2") == [3, 3]
    assert seen("vgw0") == [5 + 3, 5 + 3 + 2]


def tap(host, dev):
    capture = Capture(host, dev)
    return lambda: len(capture.packets(f"udp src port {PORT}"))


def protocol_socket(host, dev):
    """What sees one protocol of one device hangs elsewhere than a tap."""
    sock = host.inside(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM))
    sock.bind((dev, ETH_P_IP))
    sock.setblocking(False)

    def count():
        packets = []
        with contextlib.suppress(BlockingIOError):
            while True:
                packets.append(sock.recv(64))
        sock.close()
        return sum(p[9] == socket.IPPROTO_UDP and p[20:22] == PORT.to_bytes(2) for p in packets)

    return count


def classifier(host, dev):
    host.run(f"tc qdisc add dev {dev} clsact")
    host.run(f"tc filter add dev {dev} ingress protocol ip flower ip_proto udp src_port {PORT}"
             " action gact ok")  # fmt: skip

    def count():
        out = json.loads(host.run(f"tc -s -j filter show dev {dev} ingress").stdout)
        stats = [a["stats"] for f in out for a in f.get("options", {}).get("actions", ())]
        return stats[0]["packets"]

    return count


def netfilter(host, dev):
    host.run(["nft", "-f", "-"], stdin=f"""
        table netdev {dev} {{
            chain in {{ type filter hook ingress device "{dev}" priority 0;
                udp sport {PORT} counter
            }}
        }}""")

    def count():
        rules = json.loads(host.run(f"nft -j list table netdev {dev}").stdout)["nftables"]
        parts = (e for r in rules for e in r.get("rule", {}).get("expr", []))
        return next(e["counter"]["packets"] for e in parts if "counter" in e)

    return count


@pytest.mark.parametrize("looks", (tap, protocol_socket, classifier, netfilter))
def test_udp_that_skips_the_tunnel_is_seen_by_who_looks_at_it(topo, looks):
    """UDP is handed to the connection at once, unless somebody wants it at the tunnel."""
    vgw = Vgw(topo, **QUIET)
    vgw.wait_up()
    topo.echo()

    def round_trips():
        result = topo.stream(pps=200, count=5).wait()
        assert result.lost == 0, result

    round_trips()
    counts = [looks(topo.gw, f"vgw0-{n}") for n in (1, 2)]
    for n in (1, 2):
        vgw.switch(n)
        round_trips()
    time.sleep(0.1 if SIM else 1)
    assert [count() for count in counts] == [5, 5]
    assert vgw.stats()["rx-packets"] == 15


def test_gro_is_the_tunnels_and_udp_can_have_it(topo):
    vgw = Vgw(topo, only=(1,), **QUIET)
    vgw.wait_up()
    topo.echo()

    def gro(dev):
        return json.loads(topo.gw.run(f"ethtool --json -k {dev}").stdout)[0][
            "generic-receive-offload"]["active"]  # fmt: skip

    assert [gro(dev) for dev in ("vgw0", "vgw0-1")] == [False, True]
    for what in ("rx-udp-gro-forwarding on", "gro off"):
        topo.gw.run(f"ethtool -K vgw0-1 {what}")
        result = topo.stream(pps=200, count=5).wait()
        assert result.lost == 0, (what, result)


def test_a_mark_or_priority_of_the_underlay_does_not_reach_the_inside(topo):
    """Mark keys: the key is gone from a decrypted packet before any rule of the inside sees it."""
    vgw = Vgw(topo, kind="mark", **QUIET)
    vgw.wait_up()
    topo.gw.run(["nft", "-f", "-"], stdin="""
        table inet lab {
            chain in { type filter hook prerouting priority -300;
                iifname "vgw0" meta mark != 0 counter
                iifname "vgw0" meta mark 0 counter
            }
        }""")  # fmt: skip
    assert topo.cli.ping(SRV[4], 5, 0.05) == 5
    rules = json.loads(topo.gw.run("nft -j list table inet lab").stdout)["nftables"]
    counts = [e["counter"]["packets"] for r in rules for e in r.get("rule", {}).get("expr", [])
              if "counter" in e]  # fmt: skip
    assert counts == [0, 5]


@pytest.mark.parametrize(
    "kind, rule, extra, outer",
    (
        ("if_id", "ipproto esp iif lo", "", 4),
        ("if_id", "ipproto esp iif lo", "flag af-unspec", 6),
        ("if_id", "fwmark 0x77", "output-mark 0x77", 4),
        ("mark", "fwmark 0x77", "output-mark 0x77", 4),
    ),
    ids=("by its protocol", "by its protocol, IPv6", "by its mark", "by its mark, marked"),
)
def test_an_underlay_in_a_vrf_is_reached_by_the_rules_that_esp_obeys(
    topo, kind, rule, extra, outer
):
    """The tunnel has a path where XFRM finds one: u1 and its routes are the VRF's alone."""
    topo.gw.sysctl("net.ipv6.conf.u1.keep_addr_on_down", 1)
    topo.gw.ip(
        "link add under type vrf table 77", "link set under up", "link set u1 master under"
    )
    topo.gw.run(f"ip -{outer} rule add {rule} lookup 77")
    vgw = Vgw(topo, only=(1,), kind=kind, outer=outer, sas=False, **QUIET)
    if kind == "if_id":
        # Then the SAs alone say which of them is ours to send by.
        vgw.set("local any remote any", 1)
    topo.pair(1, kind, family=outer, extra=extra)
    vgw.wait_up()
    assert [sa["dir"] for sa in vgw.tunnel(1)["sas"]].count("in") == 1
    assert topo.cli.ping(SRV[4], 3) == 3
