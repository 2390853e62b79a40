"""A vgw connection at gw of the standard topology, made and watched by vgwctl alone.

    vgw = Vgw(topo)             vgw0 and both tunnels, up, with routes to srv, far devices, SAs
    vgw = Vgw(topo, sas=False)  the same without SAs: topo.pair(n) or topo.ike() brings them
    vgw = Vgw(topo, sas="in order")  ... tunnel 1 up first, then 2: so 1 is active and all are up
    vgw = Vgw(topo, options="revert never", tunnel="keepalive 100ms misses 5",
              tunnels={1: "preference 200", 2: ""})
    keywords: kind "if_id"|"mark" and theirs likewise, outer 4|6 (underlay), inner 4|6 (inside
              address, so keepalives), only (1,) or (1, 2), far (False: no device at the far
              ends), routes (False: none to srv), up (False: devices stay down)

    vgw.show()                  the connection as `vgwctl -j show` has it; .tunnel(n), .state(n)
    vgw.active()                number of the active tunnel or None; .switches(), .carrier()
    vgw.ctl("switch", "vgw0", 2)  vgwctl at gw, its CompletedProcess; check=False: may be refused
    vgw.switch(n), .drain(n), .undrain(n), .set("revert never"), .set("misses 5", n)
    vgw.wait_up(1, 2)           until the tunnels are up (all by default)
    vgw.wait_state(n, "down"), .wait_active(n or None), .wait_well() (all up, 1 active)

    vgw.stats(n), .stats()      counters of tunnel n, of the connection
    counted = vgw.counting()    a moment; later:
    counted.drops()             {"vgw0-1 tx-no-sa": 3}: named drop counters that moved (invariant 5)
    counted.of(n, "keepalive-sent")  difference of any counter (n None: the connection's)
    counted.accounts_for(result, elsewhere=0)
                                a stream's losses are what we dropped by name, no more no less

    events = vgw.monitor()      `vgwctl -j monitor`, subscribed when it returns
    events.all("switch"), .all("state", tunnel=1)
                                a list of dicts, each with "at": CLOCK_MONOTONIC, seconds
    events.wait("switch", new="vgw0-2")
                                the first that matches, waiting for it
    events.clear()              forget what came so far

    vgw.identity()              ifindex, addresses, routes of vgw0: no switch changes them (6)

Times in show() are nanoseconds, as vgwctl prints them. A tunnel is up only after a keepalive was
answered, so wait_up() before traffic; topo.echo() and topo.stream() then work as
with stock devices.
"""

import json
import os
import time

from .netns import POLL, run, wait_for
from .topo import OUR_IF_ID, OUR_MARK, SRV, inside_nets

NLCTRL_NOTIFY = 1 << 15  # of /proc/net/netlink's Groups: the last group that vgwctl monitor joins

# Everything that is counted without being a drop.
NOT_DROPS = {
    "rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "keepalive_sent", "keepalive_received",
    "keepalive_missed", "keepalive_unsent", "tx_fallback",
}  # fmt: skip
# Dropped, but no packet of a user's.
NOT_TRAFFIC = {"rx_keepalive_bad"}


def boot_offset():
    """CLOCK_BOOTTIME less CLOCK_MONOTONIC, ns."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()


class Counting:
    """Counters since a moment."""

    def __init__(self, vgw):
        self.vgw = vgw
        self.before = vgw.all_stats()

    def moved(self):
        """{(device, counter): by how much}, what did not move left out."""
        now = self.vgw.all_stats()
        return {
            (dev, name): value - self.before.get(dev, {}).get(name, 0)
            for dev, stats in now.items()
            for name, value in stats.items()
            if value != self.before.get(dev, {}).get(name, 0)
        }

    def drops(self, keepalives=False):
        """Named drop counters that moved, {"vgw0-1 tx-no-sa": 3}."""
        skip = NOT_DROPS if keepalives else NOT_DROPS | NOT_TRAFFIC
        return {
            f"{dev} {name.replace('_', '-')}": by
            for (dev, name), by in self.moved().items()
            if name not in skip
        }

    def lost(self):
        """How many packets all the drop counters together account for."""
        return sum(self.drops().values())

    def accounts_for(self, result, elsewhere=0):
        """Invariant 5: what a stream lost is what our counters name, or lost elsewhere."""
        drops = self.drops()
        assert result.lost == sum(drops.values()) + elsewhere, (result, drops, elsewhere)

    def of(self, n, name):
        return self.moved().get((self.vgw.dev_of(n), name.replace("-", "_")), 0)


class Events:
    """vgwctl -j monitor."""

    def __init__(self, host, dev):
        self.path = f"/tmp/monitor-{host.name}-{time.monotonic_ns()}.json"
        self.start, self.offset = 0, boot_offset()
        before = self._subscribed(host)
        with open(self.path, "w", encoding="utf-8") as out:
            self.proc = host.popen(["vgwctl", "-j", "monitor", *([dev] if dev else [])], stdout=out)
        wait_for("vgwctl monitor", lambda: self._subscribed(host) > before, 30)

    @staticmethod
    def _subscribed(host):
        """Sockets in this namespace that vgwctl monitor could have, after its last subscription."""
        rows = [line.split() for line in host.read("netlink").splitlines()[1:]]
        return sum(row[1] == "16" and bool(int(row[3], 16) & NLCTRL_NOTIFY) for row in rows)

    def _read(self):
        assert self.proc.poll() is None, "vgwctl monitor ended"
        with open(self.path, encoding="utf-8") as file:
            lines = file.read().split("\n")[:-1]
        found = []
        for line in lines[self.start :]:
            event = json.loads(line)
            assert event["event"] != "lost", "the monitor was too slow"
            event["at"] = (event["event_time"] - self.offset) / 1e9
            found.append(event)
        return found

    def all(self, event=None, tunnel=None, **fields):
        """Events that match, oldest first. Fields: old, new, reason, or full names."""
        short = ("old", "new", "reason")
        fields = {f"event_{k}" if k in short else k: v for k, v in fields.items()}
        return [
            e
            for e in self._read()
            if event in (None, e["event"])
            and tunnel in (None, e["event_number"])
            and all(e[k] == v for k, v in fields.items())
        ]

    def wait(self, event, timeout=30, **fields):
        return wait_for(f"event {event} {fields}", lambda: self.all(event, **fields), timeout)[0]

    def clear(self):
        self.start += len(self._read())

    def story(self):
        """For the eye: what happened, a line each."""
        return [
            f"{e['at']:.6f} {e['event']} {e['event_tunnel'] or ''} "
            f"{e['event_old']} -> {e['event_new']} ({e['event_reason']})"
            for e in self._read()
        ]

    def stop(self):
        if self.proc.poll() is None:
            self.proc.terminate()
            self.proc.wait()


class Vgw:
    def __init__(
        self, topo, name="vgw0", options="", tunnel="", tunnels=None, kind="if_id", theirs="if_id",
        outer=4, inner=4, only=(1, 2), sas=True, far=True, routes=True, up=True,
    ):  # fmt: skip
        self.topo, self.gw, self.name = topo, topo.gw, name
        self.only, self.outer = only, outer
        cmd = ["add", name, *options.split()]
        for n in only:
            key = ["if_id", OUR_IF_ID[n]] if kind == "if_id" else ["mark", f"{OUR_MARK[n]:#x}"]
            here, there = topo.underlay(n, outer)
            cmd += ["tunnel", *key, "local", here, "remote", there]
            cmd += ["inside", inside_nets(n, 0)[0 if inner == 4 else 1]]
            cmd += [*tunnel.split(), *(tunnels or {}).get(n, "").split()]
        self.ctl(*cmd)
        for n in only:
            if far:
                topo.far_device(n, theirs, outer)
            if sas is True:
                topo.pair(n, kind, theirs, outer)
        if up:
            self.up(routes)
        for n in only if sas == "in order" else ():
            topo.pair(n, kind, theirs, outer)
            self.wait_up(n)

    def up(self, routes=True):
        lines = [f"link set {self.name} up"]
        for n in self.only:
            lines += [f"link set {self.name}-{n} up"]
            lines += [f"addr add {a} dev {self.name}{' nodad' if ':' in a else ''}"
                      for a in inside_nets(n, 0)]  # fmt: skip
        if routes:
            lines += [f"route add {net} dev {self.name}" for net in (SRV[4], SRV[6])]
        self.gw.ip(*lines)

    def dev_of(self, n):
        return self.name if n is None else f"{self.name}-{n}"

    # --- vgwctl ---

    def ctl(self, *args, check=True):
        return self.gw.run(["vgwctl", *args], check=check)

    def show(self):
        found = json.loads(self.ctl("-j", "show", self.name).stdout)
        assert len(found) == 1, found
        return found[0]

    def tunnel(self, n):
        return next(t for t in self.show()["tunnels"] if t["number"] == n)

    def state(self, n):
        return self.tunnel(n)["state"]

    def active(self):
        return self.show()["active_number"]

    def switches(self):
        return self.show()["switches"]

    def carrier(self):
        """What vgwctl and `ip link` both say."""
        said, link = self.show()["carrier"], self.gw.carrier(self.name)
        assert said == link, f"vgwctl says carrier {said}, ip link {link}"
        return said

    def switch(self, n):
        self.ctl("switch", self.name, n)

    def drain(self, n):
        self.ctl("drain", self.name, n)

    def undrain(self, n):
        self.ctl("undrain", self.name, n)

    def set(self, options, n=None):
        self.ctl("set", self.name, *(["tunnel", n] if n else []), *options.split())

    # --- waiting ---

    def wait_up(self, *tunnels, timeout=30):
        wanted = tunnels or self.only

        def up():
            states = {t["number"]: t["state"] for t in self.show()["tunnels"]}
            return all(states[n] == "up" for n in wanted)

        wait_for(f"tunnels {wanted} up", up, timeout)

    def wait_state(self, n, state, timeout=30):
        wait_for(f"tunnel {n} {state}", lambda: self.state(n) == state, timeout)

    def wait_well(self, timeout=60):
        """All tunnels up, the first one active."""

        def well():
            shown = self.show()
            return shown["active_number"] == 1 and all(t["state"] == "up" for t in shown["tunnels"])

        wait_for(f"{self.name}'s tunnels up, the first active", well, timeout, POLL)

    def wait_active(self, n, timeout=30):
        wait_for(f"tunnel {n} active", lambda: self.active() == n, timeout)

    # --- counters ---

    def stats(self, n=None):
        """Counters with - in their names, as the man page has them."""
        shown = self.show() if n is None else self.tunnel(n)
        return {name.replace("_", "-"): value for name, value in shown["stats"].items()}

    def all_stats(self):
        shown = self.show()
        return {each["ifname"]: each["stats"] for each in (shown, *shown["tunnels"])}

    def counting(self):
        return Counting(self)

    # --- events ---

    def monitor(self):
        return Events(self.gw, self.name)

    # --- invariant 6 ---

    def identity(self):
        """Everything that users of vgw0 hold on to."""
        link = self.gw.ip_json(["link", "show", "dev", self.name])[0]
        addrs = self.gw.ip_json(["addr", "show", "dev", self.name])[0]["addr_info"]
        return {
            "ifindex": link["ifindex"],
            "addrs": sorted((a["local"], a["prefixlen"]) for a in addrs),
            "routes": sorted(
                (r["dst"], r.get("metric", 0))
                for family in ("-4", "-6")
                for r in self.gw.ip_json([family, "route", "show", "dev", self.name])
            ),
        }

    def delete(self):
        self.ctl("del", self.name)


def reached(echoes):
    """Requests that arrived at any of the far ends; ends the echo services of topo.echo()."""
    return sum(echo.stop().received for echo in echoes.values())


def no_state(host):
    """ESP for which the host had no SA (any more), as XFRM counts it."""
    return host.xfrm_stat()["XfrmInNoStates"]


def first_by(result, who):
    """(sequence, arrival time) of the first packet of a stream that far end `who` answered last."""
    return next((seq, at) for seq, by, at in reversed(result.moves) if by == who)


def unload():
    """rmmod: every connection goes with it."""
    run(["rmmod", "vgw"])


def loaded():
    return os.path.exists("/sys/module/vgw")
