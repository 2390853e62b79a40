"""A private link, and the VPN as its backup (topology 6); lab/cloud.py with a link beside.

    gw: 10.99.0.1 ------------ private link, BGP with BFD ------------ srv: 10.99.0.2
       \\====== aws-1 and aws-2, BGP, as vgwctl import wrote it ======/
"""

import time

import pytest
from lab import LATE
from lab.cloud import NET, PEER, BgpCloud, figures
from lab.frr import TOPOLOGIES
from lab.netns import POLL, link, wait_for
from lab.topo import CLI, SRV
from lab.traffic import Sink, Stream

DAEMONS = ("zebra", "bfdd", "bgpd")
LAN = "10.10.0.0/24"
PPS = 25
DETECT = 3 * 0.3
# Distance of the cloud's static routes, behind the link's (20) and before the tunnels' (200). It is
# the first byte of a kernel route's metric, as zebra reads it.
STATIC = 100


@pytest.fixture
def direct(make_topo):
    cloud = BgpCloud(make_topo)
    link(cloud.gw, "dx", ["10.99.0.1/30"], cloud.topo.srv, "dx", ["10.99.0.2/30"])
    cloud.topo.srv.flush()
    cloud.cloud_frr(vpc={"daemons": DAEMONS})
    cloud.up()
    cloud.bgp(daemons=DAEMONS)
    cloud.frr["srv"].load(TOPOLOGIES / "direct/vpc.frr.conf")
    cloud.frr["gw"].load(TOPOLOGIES / "direct/gw.frr.conf")
    by_link(cloud)
    return cloud


def by_link(cloud):
    cloud.frr["gw"].wait_route(NET, "10.99.0.2", timeout=90)
    cloud.frr["srv"].wait_route(LAN, "10.99.0.1", timeout=90)
    # Its session begins slowly, and without it BGP's hold time would be what finds a silent link.
    wait_for("BFD on the private link", lambda: all(
        peer["status"] == "up" for host in ("gw", "srv")
        for peer in cloud.frr[host].json("show bfd peers json", "bfdd")), 30, POLL)  # fmt: skip


def by_vpn(cloud):
    cloud.frr["gw"].wait_route(NET, PEER[1], timeout=90)
    cloud.frr["srv"].wait_route(LAN, "10.21.0.1", timeout=90)


def silent(cloud):
    """Not down: no carrier goes."""
    for host in (cloud.gw, cloud.topo.srv):
        host.blackhole("dx")


def well(cloud):
    for host in (cloud.gw, cloud.topo.srv):
        host.netem("dx")
    by_link(cloud)


def test_the_vpn_takes_over_from_the_private_link_and_gives_back_but_for_longer_prefixes(direct):
    there, back = Sink(direct.topo.srv, SRV[4], 7001), Sink(direct.topo.cli, CLI[4], 7002)
    out = Stream(direct.topo.cli, CLI[4], SRV[4], 7001, pps=PPS)
    down = Stream(direct.topo.srv, SRV[4], CLI[4], 7002, pps=PPS)
    time.sleep(2)
    tunnels = direct.frr["gw"].sessions()
    before = direct.vgw.stats()["tx-packets"]
    silent(direct)
    by_vpn(direct)
    time.sleep(2)
    # The link was silent, not down: BFD found it, and the packets go through the tunnels.
    assert direct.vgw.stats()["tx-packets"] - before > PPS
    well(direct)
    time.sleep(2)
    for direction, stream, sink in (("to the cloud", out, there), ("from the cloud", down, back)):
        sent, result = stream.stop().sent, sink.stop()
        outage, lost = result.longest_gap - 1 / PPS, sent - result.received
        figures("direct", f"private link silent, {direction}", outage=outage, lost=lost, sent=sent,
                dup=result.dup)  # fmt: skip
        # BFD's time, the next packet, and what FRR takes to move a route.
        assert outage <= DETECT + 1 / PPS + 0.1 + LATE and result.dup == 0, (direction, result)
        assert lost <= (outage + 0.05) * PPS, (direction, result)
    # The tunnels' own sessions had no part in it.
    after = direct.frr["gw"].sessions()
    assert {peer: after[peer] for peer in PEER.values()} == {
        peer: tunnels[peer] for peer in PEER.values()}  # fmt: skip
    the_cloud_prefers_the_link_to_static_routes_and_those_to_bgp(direct)
    a_more_specific_prefix_is_a_trap(direct)


def chosen(cloud):
    """The cloud's next hop to cli."""
    return cloud.topo.srv.ip_json(["route", "get", CLI[4]])[0]["gateway"]


def the_cloud_prefers_the_link_to_static_routes_and_those_to_bgp(direct):
    """The static route is by the tunnel that BGP would not choose."""
    srv, static = direct.topo.srv, f"{LAN} via 10.22.0.1 metric {STATIC << 24}"
    srv.ip(f"route add {static}")
    time.sleep(1)
    assert chosen(direct) == "10.99.0.1"
    silent(direct)
    wait_for("the static route", lambda: chosen(direct) == "10.22.0.1", 30, POLL)
    # BGP's is there, and not in use.
    assert direct.frr["srv"].paths(LAN)[0][0] == "10.21.0.1"
    time.sleep(1)
    assert chosen(direct) == "10.22.0.1"
    srv.ip(f"route del {static}")
    by_vpn(direct)
    assert chosen(direct) == "10.21.0.1"
    well(direct)


def a_more_specific_prefix_is_a_trap(direct):
    vpc = direct.frr["srv"]
    direct.frr["gw"].load(TOPOLOGIES / "direct/gw-trap.frr.conf")
    vpc.wait_route("10.10.0.0/25", "10.21.0.1")
    # 10.10.0.1 is in both: the longer one wins, and the private link is idle.
    assert chosen(direct) == "10.21.0.1"
    assert vpc.route(LAN) == [("10.99.0.1", "dx")]
    direct.frr["gw"].load(TOPOLOGIES / "direct/gw-out-of-trap.frr.conf")
    vpc.wait_route("10.10.0.0/25", "10.99.0.1")
    assert chosen(direct) == "10.99.0.1"
