"""Site to site with BGP over both tunnels: topology 2, see lab/cloud.py and topologies.rst."""

import time

import pytest
from lab import LATE, rawnl
from lab.cloud import NET, PEER, BgpCloud, figures
from lab.frr import TOPOLOGIES
from lab.traffic import Sink, Stream
from lab.topo import CLI, SRV

LAN = "10.10.0.0/24"
SWITCHES = 1000
PPS = 20


@pytest.fixture
def cloud(make_topo):
    made = BgpCloud(make_topo)
    made.cloud_frr()
    made.up()
    made.bgp()
    return made


class Routes:
    """ip monitor route: every change of the gateway's routes."""

    def __init__(self, host):
        self.path = f"/tmp/ip-monitor-{host.name}"
        with open(self.path, "w", encoding="utf-8") as out:
            self.proc = host.popen(["ip", "-o", "monitor", "route"], stdout=out)
        time.sleep(0.2)

    def stop(self):
        time.sleep(0.2)
        self.proc.terminate()
        self.proc.wait()
        with open(self.path, encoding="utf-8") as file:
            return file.read().splitlines()


class Switcher:
    """What vgwctl switch asks of the kernel, without a process each."""

    def __init__(self, cloud):
        self.num = rawnl.numbers()
        self.netlink = rawnl.Netlink(cloud.gw, rawnl.NETLINK_GENERIC)
        self.name = rawnl.attr(self.num["VGW_A_IFNAME"], b"aws\0")

    def switch(self, n):
        select = rawnl.nest(
            self.num["VGW_A_TUNNEL_SELECT"],
            rawnl.attr(self.num["VGW_A_TUNNEL_INDEX"], bytes([n - 1])),
        )
        assert self.netlink.vgw(self.num["VGW_CMD_SWITCH"], self.name + select) == 0


def assert_as_planned(cloud):
    """Both sessions stand, and what they teach leads to the connection."""
    gw, vpc = cloud.frr["gw"], cloud.frr["srv"]
    assert gw.sessions() == {peer: ("Established", 1, 0) for peer in PEER.values()}
    assert gw.route(NET) == [(PEER[1], "aws")]
    # Our choice, by preference; the cloud's, by the longer path of the second.
    asn = "4200000123"
    assert gw.paths(NET) == [(PEER[1], "64512", True), (PEER[2], "64512", False)]
    assert vpc.paths(LAN)[0] == ("10.21.0.1", asn, True)
    # The second hears of our network by a longer path, and of nothing that the first taught us.
    said = gw.json("show bgp ipv4 unicast neighbors 169.254.21.1 advertised-routes json")
    assert list(said["advertisedRoutes"]) == [LAN], said
    assert cloud.frr["far2"].paths(LAN) == [("169.254.21.2", f"{asn} {asn} {asn}", True)]


def test_a_thousand_switches_withdraw_no_route_and_reset_no_session(cloud):
    gw, vgw = cloud.frr["gw"], cloud.vgw
    assert_as_planned(cloud)
    identity, before = vgw.identity(), gw.sessions()
    cloud.topo.echo()
    routes, counted, switches = Routes(cloud.gw), vgw.counting(), vgw.switches()
    stream = cloud.topo.stream(pps=50)
    switcher, n = Switcher(cloud), 1
    for _ in range(SWITCHES):
        n = 3 - n
        switcher.switch(n)
        time.sleep(0.05)
    for n in (2, 1):
        vgw.switch(n)
    result = stream.stop()
    assert routes.stop() == []
    assert vgw.switches() - switches == SWITCHES + 2
    assert gw.sessions() == before
    assert vgw.identity() == identity
    assert (result.lost, result.dup, counted.drops()) == (0, 0, {}), result
    figures("bgp", "1,000 switches", lost=result.lost, sent=result.sent, dup=result.dup,
            reordered=result.reordered, outage=result.longest_gap - 1 / 50, switches=SWITCHES,
            routes_changed=0, sessions_reset=0)  # fmt: skip


def test_a_silent_path_costs_us_the_keepalives_bound_and_the_cloud_its_hold_time(cloud):
    gw, vgw = cloud.frr["gw"], cloud.vgw
    there = Sink(cloud.topo.srv, SRV[4], port=7001)
    back = Sink(cloud.topo.cli, CLI[4], port=7002)
    out = Stream(cloud.topo.cli, CLI[4], SRV[4], port=7001, pps=PPS)
    down = Stream(cloud.topo.srv, SRV[4], CLI[4], port=7002, pps=PPS)
    time.sleep(5)
    switches, events = vgw.switches(), vgw.monitor()
    cloud.topo.silence(1)
    events.wait("switch", new="aws-2")
    cloud.frr["srv"].wait_route(LAN, "10.22.0.1", timeout=60)
    time.sleep(5)
    assert gw.sessions()[PEER[2]] == ("Established", 1, 0)
    gw.wait_route(NET, PEER[2])
    cloud.topo.weather(1)
    gw.wait_established(*PEER.values(), timeout=120)
    events.wait("switch", new="aws-1", timeout=120)
    gw.wait_route(NET, PEER[1])
    cloud.frr["srv"].wait_route(LAN, "10.21.0.1", timeout=60)
    assert vgw.switches() - switches == 2
    sent = out.stop().sent, down.stop().sent
    results = there.stop(), back.stop()
    for direction, bound, count, result in zip(
        ("to the cloud", "from the cloud"), (2 * 3 * 1.25, 30.5), sent, results
    ):
        outage = result.longest_gap - 1 / PPS
        figures("bgp", f"path silent, {direction}", outage=outage, lost=count - result.received,
                sent=count, dup=result.dup, switches=2)  # fmt: skip
        assert outage <= bound + 0.05 and result.dup == 0, (direction, result)
        # It is lost once: not when the path is back.
        assert count - result.received <= (outage + 0.05) * PPS, (direction, result)
    nothing_in_clear(cloud)


def nothing_in_clear(cloud):
    """With no session left the routes go, and the default route leads to the Internet."""
    stream = Stream(cloud.topo.cli, CLI[4], SRV[4], port=7003, pps=PPS)
    for name in ("far1", "far2"):
        cloud.frr[name].stop()
    cloud.frr["gw"].wait_route(NET, None)
    time.sleep(0.5)
    # Not even without the device. What the captures hold is looked at in the end.
    cloud.ctl("del", "aws")
    time.sleep(0.5)
    assert "unreachable" in str(cloud.gw.ip_json(["route", "show", "match", SRV[4]]))
    result = stream.stop()
    assert result.sent >= PPS and result.received == 0, result
    cloud.ctl("down", "aws")
    assert "unreachable" not in str(cloud.gw.ip_json(["route", "show", "match", SRV[4]]))


def test_endpoints_replaced_one_after_the_other_lose_what_is_in_flight_alone(cloud, underlay):
    vgw, vpc = cloud.vgw, cloud.frr["srv"]
    # Port unreachable: IKE asks for an endpoint that is not there.
    underlay.also_expected = "icmp[0] = 3 and icmp[1] = 3"
    switches, events, pps = vgw.switches(), vgw.monitor(), 50
    cloud.topo.echo()
    stream = cloud.topo.stream(pps=pps)
    for n, far in cloud.topo.fars.items():
        cloud.frr[far.name].load(TOPOLOGIES / "bgp/maintenance.frr.conf")
        vpc.wait_route(LAN, f"10.2{3 - n}.0.1")
        # Our choice is not BGP's: the SAs' end is what makes us leave, and it comes first.
        assert vgw.active() == 1
        events.clear()
        cloud.topo.charons[far.name].stop()
        events.wait("state", tunnel=n, new="no-sa")
        assert vgw.active() == {1: 2, 2: 1}[n]
        cloud.frr[far.name].stop()
        time.sleep(5)
        # Another machine with the same addresses and keys; it has its routes before its SAs.
        frr = cloud.start_frr(far, TOPOLOGIES / f"bgp/{far.name}.frr.conf")
        frr.wait_route(NET, f"10.2{n}.0.2")
        cloud.endpoint(n)
        events.wait("state", tunnel=n, new="up", timeout=120)
        cloud.frr["gw"].wait_established(*PEER.values(), timeout=120)
        if n == 1:
            events.wait("switch", new="aws-1", timeout=120)
        vpc.wait_route(LAN, "10.21.0.1")
    result = stream.stop()
    figures("bgp", "both endpoints replaced, one after the other",
            outage=result.longest_gap - 1 / pps, lost=result.lost, sent=result.sent,
            dup=result.dup, switches=vgw.switches() - switches)  # fmt: skip
    # What was under way when an endpoint forgot its SA: a packet each at most.
    assert result.lost <= 2 * (1 + LATE * pps) and result.dup == 0, result
    assert vgw.switches() - switches == 2
