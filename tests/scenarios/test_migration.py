"""From the provider's sample to vgw, one tunnel at a time, under traffic (topology 14).

    cli ----- gw: Tunnel1 (vti, mark 100) then vgw0-1 ===== far1: strongSwan, xfrm interface
               \\= Tunnel2 (vti, mark 200) then vgw0-2 ===== far2: the same; both are 10.20.0.1

Files are topologies/migration/; the steps are those of topologies.rst.
"""

import shutil
import time
from pathlib import Path

import pytest
from lab.cloud import Imported, figures
from lab.frr import TOPOLOGIES
from lab.ike import Charon
from lab.netns import POLL, wait_for
from lab.topo import SRV, V4, inside

FILES = TOPOLOGIES / "migration"
UPDOWN = Path("/etc/swanctl/updown.sh")
CONF = Path("/etc/vgw/vgw0.conf")
PPS = 25


class Site:
    """The old set-up, running."""

    def __init__(self, topo):
        self.topo, self.gw, self.vgw = topo, topo.gw, Imported(topo, "vgw0")
        # What has no other way is the Internet's.
        self.gw.ip(f"route add default via {V4[1][1]}")
        UPDOWN.parent.mkdir(exist_ok=True)
        shutil.copy(FILES / UPDOWN.name, UPDOWN)
        shutil.rmtree(CONF.parent, ignore_errors=True)
        CONF.parent.mkdir()
        for n in V4:
            topo.far_device(n)
            shutil.copy(FILES / f"vgw0-{n}.swanctl.conf", CONF.parent)
        topo.far_ike(child={"local_ts": "0.0.0.0/0", "remote_ts": "0.0.0.0/0"})
        self.charon = topo.charons["gw"] = Charon(
            self.gw, {}, files=[FILES / f"{name}.conf" for name in ("Tunnel1", "Tunnel2", "keys")]
        )
        self.charon.files = True
        self.conf_d = Path(self.charon.dir, "conf.d")
        for n in V4:
            wait_for(f"Tunnel{n}", lambda d=f"Tunnel{n}": d in self.ways(), 60, POLL)
        topo.echo()
        assert self.ways() == ["Tunnel1", "Tunnel2"]

    def ways(self):
        """Devices of the routes to the network, the best first."""
        found = self.gw.ip_json(["route", "show", "10.20.0.0/16"])
        return [r["dev"] for r in sorted(found, key=lambda r: r.get("metric", 0)) if "dev" in r]

    def configure(self, *without):
        """vgw0.conf but for some lines of [up], and vgwctl up."""
        lines = (FILES / CONF.name).read_text(encoding="ascii").splitlines(keepends=True)
        CONF.write_text("".join(x for x in lines if not x.startswith(without)), encoding="ascii")
        self.gw.run(["vgwctl", "up", "vgw0"], env=self.charon.env)

    def remove(self, old):
        """A connection that is unloaded is terminated; with its SAs goes what its script made."""
        (self.conf_d / f"{old}.conf").unlink()
        self.charon.swanctl("--load-conns")
        wait_for(f"the end of {old}", lambda: old not in self.ways(), 30, POLL)

    def during(self, step, act):
        """Nothing is lost while act() is done; returns by whom the stream was answered."""
        stream = self.topo.stream(pps=PPS)
        time.sleep(1)
        act()
        time.sleep(1)
        result = stream.stop()
        figures("migration", step, outage=max(0, result.longest_gap - 1 / PPS), lost=result.lost,
                sent=result.sent, dup=result.dup)  # fmt: skip
        assert (result.lost, result.dup) == (0, 0), (step, result)
        return [by for _, by, _ in result.moves]


@pytest.fixture
def site(topo):
    return Site(topo)


def test_the_steps_from_vti_and_marks_to_vgw_lose_nothing(site):
    vgw = site.vgw
    assert site.during("before", lambda: None) == ["far1"]
    site.during("1, devices", lambda: site.configure("swanctl =", "route ="))
    assert site.ways() == ["Tunnel1", "Tunnel2"]

    def standby():
        site.remove("Tunnel2")
        site.configure("swanctl = vgw0-1", "route =")
        vgw.wait_up(2)

    assert site.during("2, the standby tunnel", standby) == ["far1"]
    assert site.ways() == ["Tunnel1"]
    degraded = vgw.ctl("check", "vgw0", check=False)
    assert degraded.returncode == 1 and "vgw0-1" in degraded.stdout, degraded
    moved = site.during("3, the route", lambda: site.configure("swanctl = vgw0-1"))
    assert moved == ["far1", "far2"] and site.ways() == ["vgw0", "Tunnel1"]

    def other():
        site.remove("Tunnel1")
        site.configure()
        vgw.wait_up()
        vgw.wait_active(1)

    assert site.during("4, the other tunnel", other) == ["far2", "far1"]
    assert site.ways() == ["vgw0"]
    vgw.ctl("check", "vgw0")

    def clean():
        for dev in ("u1", "u2", "lan"):
            for name in ("disable_xfrm", "disable_policy"):
                site.gw.sysctl(f"net.ipv4.conf.{dev}.{name}", 0)

    site.during("5, what the script left behind", clean)
    nothing_of_the_old_is_left(site)
    # What it was done for.
    out = next(sa for sa in vgw.tunnel(1)["sas"] if sa["dir"] == "out")
    here, there = V4[1]
    state = f"xfrm state del src {here} dst {there} proto esp spi {out['spi']:#x}"
    assert site.during("the active tunnel's SA deleted", lambda: site.gw.ip(state)) == [
        "far1", "far2"]  # fmt: skip


def nothing_of_the_old_is_left(site):
    assert site.gw.run("nft list tables").stdout == ""
    assert "mark 0x" not in site.gw.run("ip xfrm policy").stdout
    assert {"Tunnel1", "Tunnel2"}.isdisjoint(
        link["ifname"] for link in site.gw.ip_json(["link", "show"])
    )
    # Both peers answer, each by its tunnel.
    assert all(site.gw.ping(inside(n)[1], src=inside(n)[0]) for n in V4)
    assert site.topo.cli.ping(SRV[4]) == 1
