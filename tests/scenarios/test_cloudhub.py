"""The VGW's side: three sites and a hub (topologies 3 and 4).

    site1 10.1.0.0/24, AS 65001 ===c1=== .-----.
    site2 10.2.0.0/24, AS 65002 ===c2=== | hub | 10.0.0.0/24 in the VRF cloud, AS 64512
    site3 10.3.0.0/24, AS 65003 ===c3=== '-----'

Each === is a connection of two tunnels, each tunnel on an underlay of its own, with the inside
addresses 169.254.SN.1 and .2 of site S and tunnel N. vgw is at both ends, FRR with
topologies/cloudhub/, and strongSwan: the sites open both tunnels, the hub answers.
"""

import json
import time

import pytest
from lab import LATE
from lab.capture import Capture
from lab.cloud import figures
from lab.frr import TOPOLOGIES, Frr
from lab.ike import Charon
from lab.netns import POLL, Netns, dummy, link, wait_for
from lab.traffic import Echo, Stream

SITES, TUNNELS = (1, 2, 3), (1, 2)
PPS = 25
INTERVAL, MISSES = 0.5, 3
BOUND = INTERVAL * MISSES * 1.25


def outer(site, n):
    """Underlay addresses: the hub's and the site's."""
    base = 16 * site + 4 * n
    return f"192.0.2.{base + 1}", f"192.0.2.{base + 2}"


def inside(site, n, at_hub):
    return f"169.254.{site}{n}.{1 if at_hub else 2}"


class Hub:
    """topology: the folder of FRR's files. own: the hub's address in a network of its own."""

    topology, own = "cloudhub", "10.0.0.1/24"

    def __init__(self):
        self.hub = Netns("hub", forward=True)
        self.sites = {s: Netns(f"site{s}", forward=True) for s in SITES}
        self.captures, self.charons, self.frr = [], {}, {}
        self.hub.ip("link add cloud type vrf table 100", "link set cloud up")
        if self.own:
            dummy(self.hub, "vpc", [self.own])
            self.hub.later("link set vpc master cloud")
        for s, site in self.sites.items():
            dummy(site, "lan", [f"10.{s}.0.1/24"])
            for n in TUNNELS:
                ours, theirs = outer(s, n)
                link(self.hub, f"u{s}{n}", [f"{ours}/30"], site, f"u{n}", [f"{theirs}/30"])
                # What has no other way goes to the hub in clear.
                site.later(f"route add default via {ours} metric {n}")
            site.flush()
            self.captures += [Capture(site, f"u{n}", bulk=True) for n in TUNNELS]
            self.connect(site, "vgw0", s, False)
            self.connect(self.hub, f"c{s}", s, True, "master cloud")
            site.run("ip route add unreachable 10.0.0.0/8 metric 4294901760")
        self.keys()
        files = TOPOLOGIES / self.topology
        self.frr["hub"] = Frr(self.hub, [files / "hub.frr.conf"])
        for s, site in self.sites.items():
            self.frr[s] = Frr(site, [files / f"site{s}.frr.conf"])

    def keys(self):
        """Behind the devices, without which XFRM puts on the underlay's what comes in."""
        hosts = {"hub": self.hub, **{f"site{s}": site for s, site in self.sites.items()}}
        for name, host in hosts.items():
            conf = TOPOLOGIES / f"cloudhub/{name}.swanctl.conf"
            self.charons[name] = Charon(host, {}, files=[conf])

    def connect(self, host, dev, s, at_hub, more=""):
        cmd = ["vgwctl", "add", dev, "revert", "never"]
        for n in TUNNELS:
            cmd += ["tunnel", "if_id", 10 * s + n, "inside", f"{inside(s, n, at_hub)}/30",
                    "preference", 300 - 100 * n, "keepalive", f"{INTERVAL}s",
                    "misses", MISSES]  # fmt: skip
        host.run(cmd)
        host.ip(*([f"link set {dev} {more}"] if more else []),
                *(f"link set {dev}-{n} up" for n in TUNNELS), f"link set {dev} up",
                *(f"addr add {inside(s, n, at_hub)}/30 dev {dev}" for n in TUNNELS))  # fmt: skip

    def show(self, host, dev):
        return json.loads(host.run(["vgwctl", "-j", "show", dev]).stdout)[0]

    def wait_up(self):
        ends = [(self.hub, f"c{s}") for s in SITES]
        ends += [(site, "vgw0") for site in self.sites.values()]
        for host, dev in ends:
            wait_for(f"{dev} of {host}", lambda h=host, d=dev: all(
                t["state"] == "up" for t in self.show(h, d)["tunnels"]), 120, POLL)  # fmt: skip
            host.run(["vgwctl", "switch", dev, 1])

    def wait_routes(self):
        for s in SITES:
            self.frr[s].wait_established(*(inside(s, n, True) for n in TUNNELS))
        for s in SITES:
            others = [f"10.{o}.0.0/24" for o in SITES if o != s]
            for other in others + (["10.0.0.0/24"] if self.own else []):
                self.frr[s].wait_route(other, inside(s, 1, True))

    def sessions(self):
        return {s: self.frr[s].sessions() for s in SITES}

    def close(self):
        steps = [frr.stop for frr in self.frr.values()] + [c.stop for c in self.captures]
        steps += [charon.stop for charon in self.charons.values()]
        steps += [host.close for host in (self.hub, *self.sites.values())]
        for step in steps:
            step()


def running(made):
    """A fixture's body: up, then proof that nothing was in clear."""
    try:
        made.wait_up()
        made.wait_routes()
        yield made
        for capture in made.captures:
            capture.assert_nothing_in_clear()
    finally:
        made.close()


@pytest.fixture
def cloudhub():
    yield from running(Hub())


def between(cloudhub, a, b, port=7000, **options):
    """An echo stream from one site's network to another's."""
    echo = Echo(cloudhub.sites[b], f"10.{b}.0.1", port)
    return echo, Stream(cloudhub.sites[a], f"10.{a}.0.1", f"10.{b}.0.1", port, **options)


def silent_for_a_while(cloudhub, s):
    """A site's first path, with enough time before and after."""
    ends = ((cloudhub.hub, f"u{s}1"), (cloudhub.sites[s], "u1"))
    time.sleep(5)
    for host, dev in ends:
        host.blackhole(dev)
    time.sleep(8)
    for host, dev in ends:
        host.netem(dev)
    time.sleep(5)


def test_sites_reach_each_other_and_a_silent_path_costs_the_keepalives_bound(cloudhub):
    one = cloudhub.frr[1]
    assert one.paths("10.2.0.0/24")[0] == (inside(1, 1, True), "64512 65002", True)
    assert one.prefixes() == ["10.0.0.0/24", "10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"]
    # The VRF has all of it, by a connection each, and the underlay's table nothing.
    table = cloudhub.hub.ip_json(["route", "show", "table", 100, "proto", "bgp"])
    assert {r["dst"]: r["dev"] for r in table} == {f"10.{s}.0.0/24": f"c{s}" for s in SITES}
    main = cloudhub.hub.ip_json(["route", "show", "table", "main"])
    assert all(r["dst"].startswith("192.0.2.") for r in main), main
    sessions = cloudhub.sessions()
    echo, stream = between(cloudhub, 1, 2, pps=PPS)
    silent_for_a_while(cloudhub, 1)
    result = stream.stop()
    echo.stop()
    switches = [cloudhub.show(h, d)["switches"]
                for h, d in ((cloudhub.hub, "c1"), (cloudhub.sites[1], "vgw0"))]  # fmt: skip
    outage = result.longest_gap - 1 / PPS
    figures("cloudhub", "site 1's path silent, site 1 to 2", outage=outage, lost=result.lost,
            sent=result.sent, dup=result.dup, switches=max(switches))  # fmt: skip
    assert outage <= BOUND + 0.05 + LATE and result.dup == 0, result
    assert result.lost <= (outage + 0.05) * PPS, result
    # Neither session nor route noticed.
    assert cloudhub.sessions() == sessions
    a_site_of_too_many_prefixes_loses_its_own_sessions_alone(cloudhub)


def test_a_second_router_takes_over_from_one_that_is_killed(cloudhub):
    """The VGW finds it by keepalives, not by a hold time: the connection's carrier goes."""
    hub, (one, two, _) = cloudhub.frr["hub"], cloudhub.sites.values()
    two.ip("addr add 10.1.0.1/24 dev lan")
    cloudhub.frr[2].load(TOPOLOGIES / "cloudhub/router2.frr.conf")

    def by():
        found = cloudhub.hub.ip_json(["route", "show", "table", 100, "exact", "10.1.0.0/24"])
        return [route.get("dev") for route in found]

    paths = "show bgp vrf cloud ipv4 unicast 10.1.0.0/24 json"
    wait_for("both routers' paths", lambda: len(hub.json(paths)["paths"]) == 4, 30, POLL)
    assert by() == ["c1"]
    echoes = [Echo(host, "10.1.0.1") for host in (one, two)]
    stream = Stream(cloudhub.sites[3], "10.3.0.1", "10.1.0.1", pps=PPS)
    time.sleep(2)
    # Silent before it is dead: the kernel would end its TCP connections in good order.
    for n in TUNNELS:
        cloudhub.hub.blackhole(f"u1{n}")
        one.blackhole(f"u{n}")
    cloudhub.frr[1].kill()
    wait_for("the route by router 2", lambda: by() == ["c2"], 60, POLL)
    time.sleep(2)
    result = stream.stop()
    for echo in echoes:
        echo.stop()
    outage = result.longest_gap - 1 / PPS
    figures("routers", "router 1 killed", outage=outage, lost=result.lost, sent=result.sent,
            dup=result.dup)  # fmt: skip
    assert set(result.by) == {"site1", "site2"} and result.dup == 0, result
    # The kernel tells of a carrier at most once a second.
    assert outage <= BOUND + 1 + 0.1, result
    assert result.lost <= (outage + 0.05) * PPS, result


def a_site_of_too_many_prefixes_loses_its_own_sessions_alone(cloudhub):
    hub, three = cloudhub.frr["hub"], cloudhub.frr[3]
    others = {s: cloudhub.sessions()[s] for s in (1, 2)}
    many = "\n".join(f"  network 10.3.{n}.0/24" for n in range(1, 101))
    path = hub.dir / "many.conf"
    path.write_text(f"router bgp 65003\n address-family ipv4 unicast\n{many}\n", encoding="ascii")
    three.load(path)

    def over():
        found = hub.json("show bgp vrf cloud neighbors json")
        peers = [found[inside(3, n, False)] for n in TUNNELS]
        return all(p["bgpState"] != "Established" for p in peers) and peers

    for peer in wait_for("both sessions of site 3 down", over, 60, 0.2):
        assert "Maximum Number of Prefixes" in peer["lastErrorCodeSubcode"] + json.dumps(peer), peer
    cloudhub.frr[1].wait_route("10.3.0.0/24", None)
    assert {s: cloudhub.sessions()[s] for s in (1, 2)} == others
    assert cloudhub.sites[1].ping("10.2.0.1", src="10.1.0.1") == 1
    figures("cloudhub", "site 3 announces 101 prefixes", sessions_lost_by_others=0)
