"""The fault model, row by row: outage, loss, duplicates, reordering and switches of each fault.

    cli ----- gw: vgw0 ==vgw0-1==== far1 (10.20.0.1)     1,000 packets a second there and back
                       \\=vgw0-2==== far2 (10.20.0.1)     unless the row says otherwise

make faults runs 20 seeds of each and writes Documentation/networking/faults.rst. A seed moves the
moment of the fault against the timers; the simulator's packets take no time unless netem says so.
D is interval x misses x 1.25: 625 ms with the keepalives of 100 ms x 5 that most rows use.
"""

import os
import socket
import struct
import threading
import time

import pytest
from lab import SIM
from lab.faults import SEEDS, Faults
from lab.inject import esp
from lab.topo import CLI, SRV, V4
from lab.traffic import Echo, Sink, Stream
from lab.vgw import Vgw

pytestmark = pytest.mark.skipif(
    not SIM, reason="figures of exact time; test_failover.py has the same faults under emulation"
)

# make check takes a sample: one seed, fewer packets, shorter weather.
PPS = 1000 if SEEDS > 1 else 250
HOUR, MINUTE = (3600, 60) if SEEDS > 1 else (900, 15)
FAST = "keepalive 100ms misses 5"
D = 0.1 * 5 * 1.25
FIRST = {1: "preference 200"}


@pytest.fixture
def topo(make_topo):
    return make_topo(bulk=True)


@pytest.fixture
def fault(topo):
    return Bench(topo)


class Bench:
    """A connection under a stream; a fault strikes, is measured and healed, once a seed."""

    def __init__(self, topo):
        self.topo, self.gw = topo, topo.gw

    def up(self, tunnel=FAST, options="revert never", **more):
        self.vgw = Vgw(self.topo, options=options, tunnel=tunnel, tunnels=FIRST, sas="in order",
                       **more)  # fmt: skip
        self.topo.echo()
        self.events = self.vgw.monitor()
        return self

    def settle(self):
        """Both tunnels up, the first one active."""
        self.vgw.wait_up(timeout=60)
        if self.vgw.active() != 1:
            self.vgw.switch(1)
        self.events.clear()

    def each(self, table, strike, heal, lasts="switch", after=0.4, pps=PPS):
        for dice in table.seeds():
            self.settle()
            counted, before = self.vgw.counting(), self.vgw.switches()
            stream = self.topo.stream(pps=pps)
            time.sleep(0.2 + dice.uniform(0, 0.2))
            strike()
            if lasts == "switch":
                self.events.wait("switch", timeout=10)
            else:
                time.sleep(lasts)
            time.sleep(after)
            result = stream.stop()
            table.stream(result, self.vgw.switches() - before, pps, self.events.story())
            self.lost_is_named = (result.lost, counted.drops())
            heal()
        table.write()


# --- SAs and policies -----------------------------------------------------------------------------


def test_sa_deleted(fault):
    fault.up()
    pair = fault.topo.pairs[1]
    table = Faults("sa-deleted", "SA deleted, no successor", "next packet on the standby",
                   outage=1e-4, lost=0, switches=1)  # fmt: skip
    fault.each(table, pair.drop_ours, lambda: (pair.drop_theirs(), pair.states()))


def test_sa_expired(fault):
    fault.up()
    pair = fault.topo.pairs[1]
    table = Faults("sa-expired", "SA at its hard limit, no successor", "next packet on the standby",
                   outage=1e-4, lost=0, switches=1)  # fmt: skip

    def strike():
        # A successor that lives for two seconds at our end, and nothing after it.
        old = (pair.out, pair.back)
        pair.out, pair.back = pair.new()
        pair.theirs.host.ip(*pair.states_of(pair.theirs))
        pair.extra = "limit time-hard 2"
        pair.ours.host.ip(*pair.states_of(pair.ours))
        pair.extra = ""
        pair.rekey_done(old)

    def heal():
        pair.drop_theirs()
        pair.states()

    fault.each(table, strike, heal)


def test_no_sa_left(fault):
    fault.up()
    pairs = fault.topo.pairs
    table = Faults("no-sa-left", "every SA gone for a second",
                   "dropped, the sender told, carrier off; back with the SAs",
                   outage=1.05, lost=1051, switches=1)  # fmt: skip

    def strike():
        fault.gw.ip("xfrm state flush")
        fault.events.wait("carrier")
        assert not fault.vgw.carrier()
        time.sleep(1)
        for pair in pairs.values():
            pair.drop_theirs()
            pair.states()
        fault.vgw.wait_up()

    fault.each(table, strike, lambda: None, lasts=0)
    lost, drops = fault.lost_is_named
    assert sum(drops.values()) == lost, (lost, drops)


def test_rekey(fault):
    fault.up()
    table = Faults("rekey", "rekey every 2 s for 20 s, the ends take turns", "nothing", most=5,
                   outage=1e-4, lost=0, switches=0)  # fmt: skip

    def strike():
        for turn in range(10):
            for pair in fault.topo.pairs.values():
                pair.rekey(pair.ours if turn % 2 else pair.theirs, 0.1)
            time.sleep(1.8)

    fault.each(table, strike, lambda: None, lasts=0, pps=200)


@pytest.mark.parametrize("which", ("out", "in"))
def test_policy_removed(fault, which):
    fault.up()
    pair = fault.topo.pairs[1]
    table = Faults(f"policy-{which}", f"policy ({which}) removed, SAs kept",
                   "next packet on the standby, none around the policy",
                   outage=1e-4, lost=0, switches=1)  # fmt: skip
    fault.each(
        table, lambda: pair.no_policies((which,)),
        lambda: fault.gw.ip(*pair.ours.policies(pair.theirs, dirs=(which,))),
    )  # fmt: skip


# --- the path -------------------------------------------------------------------------------------


@pytest.mark.parametrize("way, what", (
    ("both", "far end silent"),
    ("out", "path loses what we send"),
    ("in", "path loses what the far end sends"),
))  # fmt: skip
def test_silence(fault, way, what):
    fault.up()
    table = Faults(f"silent-{way}", what, "switch within D", outage=D, lost=int(D * PPS) + 1,
                   switches=1)  # fmt: skip
    fault.each(table, lambda: fault.topo.silence(1, way), lambda: fault.topo.weather(1))


def test_silence_at_defaults(fault):
    fault.up(tunnel="")
    bound = 2 * 3 * 1.25
    table = Faults("silent-default", "far end silent, 2 s x 3 (defaults)", "switch within D",
                   outage=bound, lost=int(bound * 100) + 1, switches=1)  # fmt: skip
    fault.each(table, lambda: fault.topo.silence(1), lambda: fault.topo.weather(1), pps=100)


def test_return(fault):
    fault.up(options="revert 2s")
    table = Faults("return", "silent far end answers again", "back after the revert delay, 0 lost",
                   outage=1e-4, lost=0, switches=1)  # fmt: skip
    for dice in table.seeds():
        # Up for long enough that its loss is no flap.
        time.sleep(5 + dice.uniform(0, 0.2))
        fault.topo.silence(1)
        fault.events.wait("switch", reason="keepalive-missed")
        fault.events.clear()
        stream = fault.topo.stream(pps=200)
        time.sleep(0.5)
        fault.topo.weather(1)
        up = fault.events.wait("state", tunnel=1, new="up")
        back = fault.events.wait("switch", reason="preference")
        time.sleep(0.5)
        table.stream(stream.stop(), len(fault.events.all("switch")), 200, fault.events.story())
        assert abs(back["at"] - up["at"] - 2) < 1e-3
        fault.events.clear()
    table.write()


def test_loss_of_what_goes_out_under_a_flood_that_comes_in(fault):
    """Nothing that is heard tells: "keepalive always" asks all the same."""
    fault.up(tunnel="interval 100ms misses 5 keepalive always")
    table = Faults("one-way-flood", "path loses what we send while the far end floods us"
                   " (keepalive always)", "switch within D", outage=D, switches=1)  # fmt: skip
    for dice in table.seeds():
        fault.settle()
        sink = Sink(fault.topo.cli, CLI[4], 7100)
        flood = Stream(fault.topo.fars[1], SRV[4], CLI[4], 7100, pps=PPS)
        time.sleep(0.5 + dice.uniform(0, 0.1))
        began = time.monotonic()
        fault.topo.silence(1, "out")
        switch = fault.events.wait("switch", timeout=10)
        table.row(fault.events.story(), outage=switch["at"] - began, switches=1)
        flood.stop()
        sink.stop()
        fault.topo.weather(1)
    table.write()


@pytest.mark.parametrize("percent, best, bound", (
    (1, "no switch", 0), (5, "no switch", 0),
    # loss.rst: at 10 % an alarm in 66 hours, and that is away and back.
    (10, "one alarm at most", 2),
    (20, "the better path, flaps damped", 16), (50, "the better path, flaps damped", 8),
))  # fmt: skip
def test_loss(fault, percent, best, bound):
    fault.up(tunnel="", options="revert 30s")
    fault.settle()
    table = Faults(f"loss-{percent}", f"{percent} % loss each way for an hour, defaults",
                   best, most=3, switches=bound)  # fmt: skip
    fault.topo.weather(1, f"loss random {percent}%")
    for _ in table.seeds():
        before = fault.vgw.switches()
        time.sleep(HOUR)
        table.row(fault.events.story()[-20:], switches=fault.vgw.switches() - before)
    table.write()


@pytest.mark.parametrize("key, what, netem", (
    ("jitter", "jitter of 200 ms each way", "delay 250ms 200ms"),
    ("delay-step", "round trip grows to 1 s at once", "delay 500ms"),
    ("reorder", "25 % reordered, 10 % duplicated", "delay 100ms reorder 75% 50% duplicate 10%"),
))  # fmt: skip
def test_weather_that_loses_nothing(fault, key, what, netem):
    fault.up(tunnel="")
    table = Faults(key, f"{what}, defaults", "no switch", most=5, switches=0, lost=0,
                   reordered=1e9)  # fmt: skip
    for dice in table.seeds():
        fault.settle()
        before = fault.vgw.switches()
        stream = fault.topo.stream(pps=50)
        time.sleep(1 + dice.uniform(0, 2))
        fault.topo.weather(1, netem)
        time.sleep(MINUTE)
        # Clearing the weather would lose what netem still holds.
        result = stream.stop()
        time.sleep(2)
        fault.topo.weather(1)
        # The last ones come back after the stream has ended.
        under_way = result.sent - 2 * 50
        lost = sum(max(0, min(last, under_way) - first + 1) for first, last in result.lost_spans)
        table.row((result, fault.events.story()), lost=lost, dup=result.dup,
                  reordered=result.reordered, switches=fault.vgw.switches() - before)  # fmt: skip
    table.write()


def test_flapping(fault):
    fault.up(options="revert 2s", tunnel="keepalive 50ms misses 3")
    table = Faults("flapping", "path flaps every 0.5 s, 20 times", "one switch a hold-down",
                   switches=1)  # fmt: skip
    for dice in table.seeds():
        # Longer than the longest delay twice, so that the flaps before are forgotten.
        time.sleep(140 + dice.uniform(0, 0.1))
        fault.settle()
        for _ in range(20):
            fault.topo.silence(1)
            time.sleep(0.5)
            fault.topo.weather(1)
            time.sleep(0.5)
        table.row(fault.events.story(), switches=len(fault.events.all("switch")))
    table.write()


def test_both_paths_down(fault):
    fault.up()
    # If the active one is found down first, its traffic goes to the other until that one is, too.
    table = Faults("both-down", "both paths silent for 2 s",
                   "dropped, carrier off; back within an interval",
                   outage=2.2, lost=2201, switches=1)  # fmt: skip

    def strike():
        for n in fault.topo.fars:
            fault.topo.silence(n)
        time.sleep(2)
        assert not fault.vgw.carrier()
        for n in fault.topo.fars:
            fault.topo.weather(n)

    fault.each(table, strike, lambda: None, lasts=0.2)


# --- our own underlay -----------------------------------------------------------------------------


@pytest.mark.parametrize("key, what, breaks, heals", (
    ("nic-down", "underlay device loses carrier",
     lambda t: t.fars[1].ip("link set u0 down"), lambda t: t.fars[1].ip("link set u0 up")),
    ("address-removed", "underlay address removed",
     lambda t: t.gw.ip(f"addr del {V4[1][0]}/30 dev u1"),
     lambda t: t.gw.ip(f"addr add {V4[1][0]}/30 dev u1")),
    ("route-lost", "underlay route deleted",
     lambda t: t.gw.ip("route del 192.0.2.0/30 dev u1"),
     lambda t: t.gw.ip("route add 192.0.2.0/30 dev u1")),
))  # fmt: skip
def test_underlay(fault, key, what, breaks, heals):
    fault.up()
    table = Faults(key, what, "at once, at most one packet", outage=2.1 / PPS, lost=1, switches=1)

    def heal():
        heals(fault.topo)
        if key == "nic-down":
            # It takes its addresses along.
            fault.topo.fars[1].ip(f"addr replace {V4[1][1]}/30 dev u0")

    fault.each(table, lambda: breaks(fault.topo), heal)


def test_addresses_migrate(fault):
    """The SAs change under their SPIs, and no event of XFRM's tells of SAs or policies."""
    new = "192.0.2.9"
    fault.gw.ip(f"addr add {new}/32 dev u1")
    fault.topo.fars[1].ip(f"route add {new} via {V4[1][0]}")
    fault.up()
    pair = fault.topo.pairs[1]
    table = Faults("mobike", "our address changes, as MOBIKE has it", "the tunnel follows",
                   outage=2.1 / PPS, lost=1, switches=0)  # fmt: skip

    def strike():
        pair.migrate(new)

    def heal():
        ends = sorted((sa["dir"], sa["local"]) for sa in fault.vgw.tunnel(1)["sas"])
        assert ends == [("in", new), ("out", new)], ends
        pair.migrate(V4[1][0])

    fault.each(table, strike, heal, lasts=0.2)


# --- who keeps and who attacks --------------------------------------------------------------------


def test_ike_daemon_killed_and_restarted(topo):
    vgw = Vgw(topo, options="revert never", tunnel=FAST, tunnels=FIRST, sas=False)
    topo.ike()
    vgw.wait_up(timeout=60)
    topo.echo()
    events = vgw.monitor()
    table = Faults("ike-killed", "IKE daemon killed and restarted",
                   "forwarding goes on; SAs replaced", most=2,
                   outage=1e-4, lost=0, switches=0)  # fmt: skip
    for dice in table.seeds():
        if vgw.active() != 1:
            vgw.switch(1)
        before = vgw.switches()
        stream = topo.stream(pps=200)
        time.sleep(0.3 + dice.uniform(0, 0.1))
        topo.charons["gw"].kill()
        time.sleep(3)
        topo.charons["gw"].start()
        for n in topo.fars:
            topo.charons["gw"].initiate(f"tunnel{n}")
        time.sleep(1)
        table.stream(stream.stop(), vgw.switches() - before, 200, events.story())
    table.write()


def flood(topo, stop):
    """Who is on the path and has no key: random SPIs, true SPIs, UDP 4500, ICMP errors."""
    far, ours = topo.fars[1], V4[1][0]
    raw = far.inside(socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    udp = far.inside(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
    true = struct.pack("!I", topo.pairs[1].back.spi)
    quoted = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 100, 0, 0x4000, 64, 50, 0,
                         socket.inet_aton(ours), socket.inet_aton(V4[1][1]))  # fmt: skip
    while not stop.is_set():
        esp(far, ours, os.urandom(120))
        esp(far, ours, true + os.urandom(116))
        udp.sendto(true + os.urandom(60), (ours, 4500))
        # Destination unreachable, and fragmentation needed at 68: of an SA of ours and of none.
        for code, spi in ((1, topo.pairs[1].out.spi), (4, topo.pairs[1].out.spi), (4, 1)):
            body = quoted + struct.pack("!II", spi, 1)
            icmp = struct.pack("!BBHHH", 3, code, 0, 0, 68) + body
            total = sum(struct.unpack(f"!{len(icmp) // 2}H", icmp))
            total = (total & 0xFFFF) + (total >> 16)
            total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
            raw.sendto(icmp[:2] + struct.pack("!H", total) + icmp[4:], (ours, 0))
        time.sleep(0.001)
    raw.close()
    udp.close()


def test_spoofed_flood(fault, underlay):
    underlay.also_expected = "icmp"
    fault.up()
    table = Faults("spoofed", "flood of spoofed ESP, UDP 4500 and ICMP", "nothing",
                   outage=1e-4, lost=0, switches=0)  # fmt: skip
    stop, threads = threading.Event(), []

    def strike():
        stop.clear()
        threads.append(threading.Thread(target=flood, args=(fault.topo, stop)))
        threads[-1].start()
        time.sleep(1)
        stop.set()
        threads.pop().join()
        # No state follows from what nobody authenticated.
        assert fault.events.all("state") == [], fault.events.story()

    fault.each(table, strike, lambda: None, lasts=0, pps=500)


def test_configuration_change(fault):
    fault.up()
    table = Faults("reconfigured", "options changed under load", "at most one packet",
                   outage=2.1 / PPS, lost=1, switches=0)  # fmt: skip

    def strike():
        for n in fault.topo.fars:
            for option in ("interval 50ms", "misses 7", "preference 150", "interval 100ms",
                           "misses 5", f"preference {200 if n == 1 else 100}"):  # fmt: skip
                fault.vgw.set(option, n)
        fault.vgw.set("revert 1h")
        fault.vgw.set("mtu 1300")
        fault.vgw.set("mtu auto")
        fault.vgw.set("revert never")

    fault.each(table, strike, lambda: None, lasts=0)


def test_clock_jumps(fault):
    fault.up()
    table = Faults("clock", "wall clock jumps an hour forth and back", "nothing",
                   outage=1e-4, lost=0, switches=0)  # fmt: skip

    def strike():
        for jump in (3600, -7200, 3600):
            time.clock_settime(time.CLOCK_REALTIME, time.time() + jump)
            time.sleep(0.3)

    fault.each(table, strike, lambda: None, lasts=0)


# --- both ends run vgw ----------------------------------------------------------------------------


class Tcp:
    """A TCP flow cli -> srv that never rests, echoed."""

    def __init__(self, sites):
        self.listener = sites.srv.inside(socket.create_server, (SRV[4], 7200))
        self.sock = sites.cli.inside(socket.create_connection, (SRV[4], 7200), 10)
        self.peer = self.listener.accept()[0]
        self.done, self.rounds = False, 0
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self._echo, self._talk)]
        for thread in self.threads:
            thread.start()

    def _echo(self):
        while data := self.peer.recv(65536):
            self.peer.sendall(data)

    def _talk(self):
        while not self.done:
            self.sock.sendall(b"x" * 1000)
            got = 0
            while got < 1000:
                got += len(self.sock.recv(65536))
            self.rounds += 1
            time.sleep(0.005)

    def alive(self):
        """It still moves: retransmission has found the new way."""
        rounds, end = self.rounds, time.monotonic() + 60
        while self.rounds < rounds + 3:
            assert time.monotonic() < end, "the TCP flow stands still"
            time.sleep(0.1)

    def close(self):
        self.done = True
        self.threads[1].join()
        self.sock.close()
        self.threads[0].join()
        self.peer.close()
        self.listener.close()


def both_ends(sites, table, strike, heal, lasts):
    """Streams that do not depend on each other, both ways, and a TCP flow."""
    Echo(sites.srv, SRV[4], 7300)
    tcp = Tcp(sites)
    for dice in table.seeds():
        sites.back_to(1)
        before = [site.show()["switches"] for site in sites.ends.values()]
        sinks = [Sink(sites.srv, SRV[4], 7000), Sink(sites.cli, CLI[4], 7001)]
        streams = [Stream(sites.cli, CLI[4], SRV[4], 7000, pps=PPS // 2),
                   Stream(sites.srv, SRV[4], CLI[4], 7001, pps=PPS // 2)]  # fmt: skip
        time.sleep(0.3 + dice.uniform(0, 0.2))
        strike()
        time.sleep(lasts)
        tcp.alive()
        sent = [stream.stop().sent for stream in streams]
        got = [sink.stop() for sink in sinks]
        after = [site.show()["switches"] for site in sites.ends.values()]
        lost = max(s - g.received for s, g in zip(sent, got))
        table.row(
            got, outage=max(0, max(g.longest_gap for g in got) - 2 / PPS), lost=lost,
            dup=max(g.dup for g in got), reordered=max(g.reordered for g in got),
            switches=max(a - b for a, b in zip(after, before)),
        )  # fmt: skip
        assert all(site.active() == 2 for site in sites.ends.values()) or not strike.__doc__
        heal()
    tcp.close()
    table.write()


@pytest.mark.parametrize("mode, bound", (("active", 2 * D), ("always", D)))
@pytest.mark.parametrize("way", ("gw", "hub"))
def test_one_way_loss_between_two_vgw(make_sites, way, mode, bound):
    sites = make_sites(tunnel=f"interval 100ms misses 5 keepalive {mode}")
    table = Faults(
        f"one-way-{way}-{mode}",
        f"both ends vgw, path loses what {'we' if way == 'gw' else 'the far end'} send"
        f"{'s' if way == 'hub' else ''}, independent flows both ways"
        + (" (keepalive always)" if mode == "always" else ""),
        "both leave it within D" if mode == "always" else "both leave it within 2 D",
        outage=bound, lost=int(bound * PPS / 2) + 1, switches=1,
    )  # fmt: skip
    end = getattr(sites, way)

    def strike():
        """Both ends leave the tunnel."""
        end.blackhole("u1")

    both_ends(sites, table, strike, lambda: end.netem("u1"), 2 * bound)


def test_ends_on_different_tunnels(make_sites):
    sites = make_sites()
    table = Faults("different", "both ends vgw, on different tunnels", "traffic flows both ways",
                   outage=1e-4, lost=0, switches=1)  # fmt: skip

    def strike():
        sites.ends["hub"].ctl("switch", "vgw0", 2)

    strike.__doc__ = None
    both_ends(sites, table, strike, lambda: None, 0.5)
