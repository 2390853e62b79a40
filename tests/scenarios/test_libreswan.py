"""Libreswan as our gateway's IKE daemon (topology 13), by if_id and by mark.

    cli ----- gw: vgw0, Libreswan =====vgw0-1===== far1: strongSwan, xfrm interface
               \\====================vgw0-2====== far2: the same; both are 10.20.0.1

Its files are topologies/libreswan/.
"""

import time

import pytest
from lab import LATE
from lab.cloud import figures
from lab.frr import TOPOLOGIES
from lab.ike import PSK
from lab.libreswan import Pluto
from lab.topo import V4
from lab.vgw import Vgw

FILES = {"if_id": "ipsec.conf", "mark": "ipsec-mark.conf"}
PPS = 25
INTERVAL, MISSES, REVERT = 0.5, 3, 2
BOUND = INTERVAL * MISSES * 1.25


class Gateway:
    def __init__(self, topo, kind):
        self.topo, self.kind = topo, kind
        self.vgw = Vgw(
            topo, kind=kind, sas=False, options=f"revert {REVERT}s", tunnels={1: "preference 200"},
            tunnel=f"keepalive {INTERVAL}s misses {MISSES}",
        )  # fmt: skip
        topo.far_ike()
        devices = self.devices()
        self.pluto = topo.charons["gw"] = Pluto(
            topo.gw, TOPOLOGIES / "libreswan" / FILES[kind], {V4[n]: PSK for n in V4}
        )
        self.vgw.wait_well()
        # It made no device of its own beside vgw's.
        assert self.devices() == devices
        topo.echo()
        self.identity = self.vgw.identity()

    def devices(self):
        return {link["ifname"] for link in self.topo.gw.ip_json(["link", "show"])}

    def spis(self, n):
        return {sa["spi"] for sa in self.vgw.tunnel(n)["sas"]}

    def during(self, what, act, bound=0, in_flight=0, switches=2):
        """A stream while act() is done; nothing is lost but for bound seconds or in_flight."""
        self.events = self.vgw.monitor()
        before, counted = self.vgw.switches(), self.vgw.counting()
        stream = self.topo.stream(pps=PPS)
        time.sleep(1)
        act()
        time.sleep(1)
        result = stream.stop()
        outage = max(0, result.longest_gap - 1 / PPS)
        figures("libreswan", f"{what}, by {self.kind}", outage=outage, lost=result.lost,
                sent=result.sent, dup=result.dup, switches=self.vgw.switches() - before,
                drops=counted.drops())  # fmt: skip
        most = LATE + (bound + 0.05 if bound else in_flight / PPS + 0.001)
        assert result.dup == 0 and outage <= most, (result, self.events.story())
        most = LATE * PPS + ((bound + 0.05) * PPS if bound else in_flight)
        assert result.lost <= most, result
        assert self.vgw.switches() - before == switches, self.events.story()
        assert self.vgw.identity() == self.identity
        self.events.stop()
        return counted


@pytest.mark.parametrize("kind", FILES)
def test_libreswan_keys_both_tunnels_and_failover_is_as_with_any_daemon(topo, kind):
    gw = Gateway(topo, kind)
    rekeys_lose_nothing(gw)
    an_sa_that_goes_behind_the_daemons_back_costs_nothing(gw)
    a_tunnel_that_the_far_end_deletes_is_left_and_comes_back(gw)
    a_silent_path_costs_the_keepalives_bound(gw)


def rekeys_lose_nothing(gw):
    def rekeyed(by, n):
        before = gw.spis(n)
        by.rekey(f"tunnel{n}")
        time.sleep(2)
        after = gw.spis(n)
        assert len(after) == 2 and not after & before, (before, after)

    def rekeys():
        for n in V4:
            rekeyed(gw.pluto, n)
            rekeyed(gw.topo.charons[f"far{n}"], n)
            gw.pluto.rekey(f"tunnel{n}", ike=True)
            time.sleep(2)
            assert gw.pluto.said(f'"tunnel{n}" #.* rekeyed IKE SA')

    gw.during("rekeys of SAs and IKE SAs from either side", rekeys, switches=0)


def an_sa_that_goes_behind_the_daemons_back_costs_nothing(gw):
    def deleted():
        out = next(sa for sa in gw.vgw.tunnel(1)["sas"] if sa["dir"] == "out")
        mark = "" if gw.kind == "if_id" else " mark 0x11"
        here, there = V4[1]
        gw.topo.gw.ip(f"xfrm state del src {here} dst {there} proto esp spi {out['spi']:#x}{mark}")
        assert gw.vgw.active() == 2
        gw.pluto.rekey("tunnel1")
        gw.vgw.wait_well()

    gw.during("the active tunnel's SA deleted", deleted)


def a_tunnel_that_the_far_end_deletes_is_left_and_comes_back(gw):
    """auto=start: what was deleted is set up anew."""

    def terminated():
        gw.topo.charons["far1"].terminate("tunnel1")
        gw.events.wait("switch", new="vgw0-2")
        gw.vgw.wait_well()

    gw.during("the far end deletes the active tunnel", terminated, in_flight=1)


def a_silent_path_costs_the_keepalives_bound(gw):
    def silent():
        gw.topo.silence(1)
        gw.events.wait("switch", new="vgw0-2")
        time.sleep(2)
        gw.topo.weather(1)
        gw.vgw.wait_well()

    gw.during("path silent", silent, bound=BOUND)
