"""Two sites that both run vgw: one connection of two tunnels between gw and hub.

                     u1 .-- 192.0.2.1/30 ------ .2 --. u1
    +-------+     +-----+--+                      +--+-----+     +-------+
    |  cli  |-----|   gw   |  vgw0          vgw0  |  hub   |-----|  srv  |
    +-------+ lan +-----+--+                      +--+-----+ lan +-------+
    10.10.0.1        u2 '-- 198.51.100.1/30 -- .2 --' u2         10.20.0.1

Keys are if_id 101/102 at gw and 201/202 at hub. Both ends choose for themselves, so flows both ways
and TCP live through a failover without any routing protocol.
"""

import json

from .capture import Capture
from .netns import Netns, link, wait_for
from .topo import CLI, SRV, V4, inside_nets
from .vgw import Events
from .xfrm import End, Key, Pair

IF_ID = {"gw": {1: 101, 2: 102}, "hub": {1: 201, 2: 202}}


class Site:
    """vgw0 at one end, by vgwctl alone."""

    def __init__(self, host, side, route, options, tunnel):
        self.host = host
        cmd = ["vgwctl", "add", "vgw0", *options.split()]
        for n in V4:
            cmd += ["tunnel", "if_id", IF_ID[host.name][n], "inside", inside_nets(n, side)[0]]
            cmd += ["preference", 100 + 100 * (n == 1), *tunnel.split()]
        host.run(cmd)
        lines = ["link set vgw0 up", *(f"link set vgw0-{n} up" for n in V4)]
        lines += [f"addr add {inside_nets(n, side)[0]} dev vgw0" for n in V4]
        host.ip(*lines, f"route add {route} dev vgw0")

    def ctl(self, *args):
        return self.host.run(["vgwctl", *args])

    def show(self):
        return json.loads(self.ctl("-j", "show", "vgw0").stdout)[0]

    def active(self):
        return self.show()["active_number"]

    def state(self, n):
        return next(t["state"] for t in self.show()["tunnels"] if t["number"] == n)

    def monitor(self):
        return Events(self.host, "vgw0")


class Sites:
    def __init__(self, options="revert never", tunnel="keepalive 100ms misses 5"):
        self.gw, self.hub = Netns("gw", forward=True), Netns("hub", forward=True)
        self.cli, self.srv = Netns("cli"), Netns("srv")
        self.hosts = [self.cli, self.srv, self.gw, self.hub]
        for host, lan, end, addr in (
            (self.gw, "10.10.0.254", self.cli, CLI[4]),
            (self.hub, "10.20.0.254", self.srv, SRV[4]),
        ):
            link(host, "lan", [f"{lan}/24"], end, "lan", [f"{addr}/24"])
            end.later(f"route add default via {lan}")
        for n, (here, there) in V4.items():
            link(self.gw, f"u{n}", [f"{here}/30"], self.hub, f"u{n}", [f"{there}/30"])
        for host in self.hosts:
            host.flush()
        self.captures = [Capture(self.gw, f"u{n}") for n in V4]
        self.pairs = {}
        for n, (here, there) in V4.items():
            ends = (
                End(host, addr, Key(if_id=IF_ID[host.name][n]), reqid=n)
                for host, addr in ((self.gw, here), (self.hub, there))
            )
            self.pairs[n] = Pair(*ends)
            self.pairs[n].up()
        self.ends = {
            "gw": Site(self.gw, 0, "10.20.0.0/24", options, tunnel),
            "hub": Site(self.hub, 1, "10.10.0.0/24", options, tunnel),
        }
        self.wait_up()

    def wait_up(self):
        for site in self.ends.values():
            wait_for("both tunnels up", lambda s=site: all(s.state(n) == "up" for n in V4), 60)

    def back_to(self, n):
        self.wait_up()
        for site in self.ends.values():
            site.ctl("switch", "vgw0", n)

    def check(self):
        for capture in self.captures:
            capture.assert_nothing_in_clear()

    def close(self):
        for step in [*(c.stop for c in self.captures), *(p.close for p in self.pairs.values()),
                     *(h.close for h in self.hosts)]:  # fmt: skip
            step()
