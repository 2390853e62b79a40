"""Keepalives: what they find, how soon, what they cost, and what they do not fall for.

                     echo request, nonce ->
    gw: vgw0-1 ======== ESP ================= ipsec0: far1     169.254.1.1 <-> 169.254.1.2
                     <- echo reply, nonce                      fd00:1::1   <-> fd00:1::2
"""

import math
import os
import random
import signal
import socket
import struct
import subprocess
import time
from types import SimpleNamespace

import pytest
from lab import LATE, SIM, out_dir
from lab.netns import wait_for
from lab.topo import SRV, V4, inside
from lab.tracing import traced
from lab.traffic import Sink, Stream
from lab.vgw import Vgw

SIM_ONLY = pytest.mark.skipif(not SIM, reason="long: affordable in virtual time only")
FIRST = {1: "preference 200"}
HOURS = float(os.environ.get("VGW_IDLE_HOURS", "1"))
FAST = "keepalive 100ms misses 5"
BOUND = 0.1 * 5 * 1.25


# --- a silent far end -----------------------------------------------------------------------------


CASES = (
    pytest.param(4, True, 0, 100, id="100_times_under_traffic"),
    pytest.param(6, True, 20, 30, id="30_times_over_ipv6_and_20_ms", marks=SIM_ONLY),
    pytest.param(4, False, 20, 30, id="30_times_idle", marks=SIM_ONLY),
)


@pytest.mark.parametrize("family, traffic, rtt, runs", CASES)
def test_a_silent_far_end_is_left_within_the_bound(topo, family, traffic, rtt, runs):
    """Cut one way, the other or both, at any phase; the tunnels take turns."""
    dice, pps = random.Random(runs), 100
    weather = (f"delay {rtt // 2}ms",) if rtt else ()
    vgw = Vgw(topo, tunnel=FAST, outer=family, inner=family)
    for n in topo.fars if rtt else ():
        topo.weather(n, *weather)
    vgw.wait_up()
    topo.echo(family)
    events, counted, before = vgw.monitor(), vgw.counting(), vgw.identity()
    stream = topo.stream(family, pps=pps) if traffic else None
    runs = runs if SIM else 6
    bound = (BOUND + rtt / 1000) * (1 if SIM else 2)
    took, active = [], vgw.active()
    for run in range(runs):
        time.sleep(0.7 + dice.uniform(0, 0.2))
        events.clear()
        way = ("out", "in", "both")[run % 3]
        began = time.monotonic()
        topo.silence(active, way, weather)
        switch = events.wait("switch", timeout=10)
        took.append(switch["at"] - began)
        assert switch["event_reason"] == "keepalive-missed", events.story()
        assert took[-1] <= bound, (run, way, took[-1], events.story())
        topo.weather(active, *weather)
        events.wait("state", tunnel=active, new="up", old="down")
        active = 3 - active
        assert len(events.all("switch")) == 1, events.story()
    assert vgw.active() == active and vgw.switches() == runs
    assert counted.drops() == {} and vgw.identity() == before
    said = f"{runs} of {runs} within {bound * 1e3:.1f} ms: {min(took) * 1e3:.1f} to "
    said += f"{max(took) * 1e3:.1f} ms"
    if traffic:
        result = stream.stop()
        # From the last answer before the cut to the first one by the other tunnel.
        assert result.longest_gap <= bound + 2 / pps + rtt / 1000, result
        spans = [last - first + 1 for first, last in result.lost_spans]
        assert len(spans) <= runs and max(spans) <= bound * pps + 1, result
        said += f", longest gap in the stream {result.longest_gap * 1e3:.1f} ms"
    print(said)


@SIM_ONLY
def test_a_far_end_that_pings_us_is_left_when_it_hears_no_answer(topo):
    """Its requests come in as ever, more often than our own go out when idle."""
    vgw = Vgw(topo, sas="in order", tunnels=FIRST, tunnel=FAST)
    ping = f"ping -n -q -i 0.02 -I {inside(1)[1]} {inside(1)[0]}"
    topo.fars[1].popen(ping, stdout=subprocess.DEVNULL)
    events, counted = vgw.monitor(), vgw.counting()
    time.sleep(5)
    assert events.all() == [] and counted.of(1, "keepalive-received") > 0
    began = time.monotonic()
    topo.silence(1, "out")
    switch = events.wait("switch", new="vgw0-2")
    assert switch["event_reason"] == "keepalive-missed" and switch["at"] - began <= BOUND, switch


# --- the cost -------------------------------------------------------------------------------------


class EspTimes:
    """Times of ESP on an underlay, by direction; wakes up rarely, so that a day is cheap."""

    def __init__(self, topo, n, keep=48):
        self.path = f"{out_dir()}/esp-u{n}.pcap"
        cmd = f"tcpdump -Z root -n -i u{n} -s {keep} -B 4096 -w {self.path} esp"
        self.proc = topo.gw.popen(cmd, stderr=subprocess.PIPE, text=True)
        self.ours = socket.inet_aton(V4[n][0])
        for line in self.proc.stderr:
            if "listening on" in line:
                break

    def stop(self):
        time.sleep(2)  # what is in its buffer comes out
        self.proc.send_signal(signal.SIGINT)
        assert "\n0 packets dropped by kernel" in self.proc.stderr.read()
        self.proc.wait()
        times = {"out": [], "in": []}
        with open(self.path, "rb") as file:
            data = file.read()
        offset = 24
        while offset < len(data):
            sec, usec, length, _ = struct.unpack_from("<IIII", data, offset)
            source = data[offset + 16 + 26 : offset + 16 + 30]
            times["out" if source == self.ours else "in"].append(sec + usec / 1e6)
            offset += 16 + length
        return times


def let_an_hour_pass(hours):
    """An hour, or what is left of it; returns the KiB of slab that cannot be reclaimed.

    KASAN keeps what was freed until some process allocates: packets alone would fill the memory.
    """
    end = time.monotonic() + min(1, hours) * 3600
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 20))
        for _ in range(8):
            with open("/proc/meminfo", encoding="ascii") as file:
                meminfo = file.read()
    return int(meminfo.split("SUnreclaim:")[1].split()[0])


@pytest.mark.skipif(not SIM, reason="24 hours: in virtual time only")
def test_an_idle_pair_is_never_silent_for_ten_seconds_in_a_day(make_topo):
    topo = make_topo(capture=False)
    vgw = Vgw(topo)
    vgw.wait_up()
    events, counted = vgw.monitor(), vgw.counting()
    esp = {n: EspTimes(topo, n) for n in topo.fars}
    began = time.monotonic()
    slab = [let_an_hour_pass(HOURS - i) for i in range(math.ceil(HOURS))]
    ended = time.monotonic()
    # Nothing is kept of a keepalive: what the first hour took is all.
    assert max(slab) - slab[0] < 8192, slab
    print(f"\nslab of the kernel from hour to hour: {min(slab)} to {max(slab)} KiB")
    for n, capture in esp.items():
        times = capture.stop()
        for way, seen in times.items():
            gaps = [b - a for a, b in zip(seen, seen[1:])]
            assert seen[-1] - seen[0] > ended - began - 10
            assert max(gaps) <= 10, (n, way, max(gaps))
            print(f"u{n} {way}: {len(seen)} ESP packets in {HOURS:g} h, longest silence "
                  f"{max(gaps):.3f} s")  # fmt: skip
        sent = counted.of(n, "keepalive-sent")
        assert sent == counted.of(n, "keepalive-received") > HOURS * 1800
        assert counted.of(n, "keepalive-missed") == 0
    assert events.all() == [] and counted.drops() == {}


@pytest.mark.parametrize("family", (4, pytest.param(6, marks=SIM_ONLY)))
def test_a_busy_tunnel_sends_no_keepalive_and_the_standby_does(topo, family):
    vgw = Vgw(topo, sas="in order", tunnels=FIRST, tunnel="keepalive 500ms", outer=family,
              inner=family)  # fmt: skip
    topo.echo(family)
    stream = topo.stream(family, pps=50)
    time.sleep(1)
    counted = vgw.counting()
    span = 60 if SIM else 5
    time.sleep(span)
    assert counted.of(1, "keepalive-sent") == 0
    assert span * 2 <= counted.of(2, "keepalive-sent") <= span * 2.7 + 1
    assert counted.of(2, "keepalive-received") >= counted.of(2, "keepalive-sent") - 1
    result = stream.stop()
    assert result.lost == 0 and counted.drops() == {}, result


@SIM_ONLY
def test_what_is_heard_counts_even_when_nothing_is_asked(topo):
    """Traffic towards us alone: proof of life, so no keepalive."""
    vgw = Vgw(topo, sas="in order", tunnels=FIRST, tunnel="keepalive 500ms")
    sink = Sink(topo.cli, "10.10.0.1", 7003)
    stream = Stream(topo.fars[1], SRV[4], "10.10.0.1", 7003, pps=20)
    time.sleep(1)
    counted = vgw.counting()
    time.sleep(20)
    assert counted.of(1, "keepalive-sent") == 0 and counted.of(2, "keepalive-sent") >= 40
    stream.stop()
    assert sink.stop().received > 400


# --- other ways to judge --------------------------------------------------------------------------


@SIM_ONLY
def test_keepalives_of_one_family_beside_traffic_of_the_other(topo):
    """What is kept for a class of IPv4 lies where IPv6's is looked for: no route of theirs."""
    vgw = Vgw(topo, sas=False, tunnels=FIRST, tunnel="keepalive 100ms", inner=6)
    for n in topo.fars:
        topo.pair(n, extra="flag af-unspec")
        vgw.wait_up(n)
    events, counted = vgw.monitor(), vgw.counting()
    for _ in range(20):
        topo.cli.run("ping -c 1 -Q 4 10.20.0.1")
        time.sleep(0.5)
    assert counted.of(1, "keepalive-sent") > 50 and counted.of(1, "keepalive-missed") == 0
    assert events.all() == [] and counted.drops() == {}, events.story()


@SIM_ONLY
def test_a_passive_tunnel_sends_nothing_and_is_left_when_traffic_gets_no_answer(topo):
    # No multiple of a tick: what was heard must not seem later from one to the next.
    passive = "keepalive passive interval 203ms misses 3"
    vgw = Vgw(topo, sas="in order", tunnels=FIRST, tunnel=passive, options="revert 1s")
    topo.echo()
    events, counted = vgw.monitor(), vgw.counting()
    time.sleep(30)
    assert events.all() == [], "an idle passive tunnel is judged by its SAs alone"
    stream = topo.stream(pps=100)
    time.sleep(2)
    assert events.all() == []
    began = time.monotonic()
    topo.gw.blackhole("u1")
    switch = events.wait("switch")
    took = switch["at"] - began
    assert switch["event_reason"] == "silence" and switch["event_new"] == "vgw0-2", switch
    assert took <= 0.203 * (3 + 1) + 0.02, events.story()
    assert vgw.state(1) == "suspect"
    topo.gw.netem("u1")
    time.sleep(5)
    assert vgw.active() == 2, "nothing was heard of tunnel 1 since"
    topo.fars[1].ping("10.10.0.1", 1, src=inside(1)[1])
    back = events.wait("switch", new="vgw0-1")
    assert back["event_reason"] == "preference"
    for n in topo.fars:
        assert counted.of(n, "keepalive-sent") == 0
    stream.stop()
    assert counted.drops() == {}
    print(f"silence noticed after {took * 1e3:.0f} ms")


@SIM_ONLY
def test_a_packet_sent_an_hour_ago_is_not_held_against_a_passive_tunnel(topo):
    """2^32 microseconds later it is no newer."""
    vgw = Vgw(topo, sas="in order", tunnels=FIRST,
              tunnel="keepalive passive interval 100s misses 3")  # fmt: skip
    events, counted = vgw.monitor(), vgw.counting()
    topo.gw.blackhole("u1")
    time.sleep(1)
    topo.cli.run("ping -c 1 -W 1 10.20.0.1", check=False)
    time.sleep(300)
    missed = counted.of(1, "keepalive-missed")
    assert missed == 2, "two ticks find it recent"
    time.sleep(2**32 / 1e6)
    assert counted.of(1, "keepalive-missed") == missed
    assert vgw.state(1) == "up", events.story()


@SIM_ONLY
def test_with_keepalive_off_only_local_evidence_counts(topo):
    vgw = Vgw(topo, sas="in order", tunnels=FIRST, tunnel="keepalive off")
    topo.echo()
    events, counted = vgw.monitor(), vgw.counting()
    topo.gw.blackhole("u1")
    stream = topo.stream(pps=50)
    time.sleep(30)
    assert events.all() == [] and vgw.active() == 1
    topo.pairs[1].drop_ours()
    switch = events.wait("switch")
    assert switch["event_reason"] == "sa-deleted"
    time.sleep(0.5)
    result = stream.stop()
    assert result.by == {"far2": result.received} and result.received, result
    assert all(counted.of(n, "keepalive-sent") == 0 for n in topo.fars)


@SIM_ONLY
def test_a_keepalive_without_an_sa_asks_for_one(topo):
    said = f"{out_dir()}/acquire.log"
    with open(said, "w", encoding="ascii") as file:
        topo.gw.popen("ip xfrm monitor acquire", stdout=file)
    time.sleep(0.2)
    vgw = Vgw(topo, sas=False, tunnel="keepalive 500ms")
    for n in topo.fars:
        topo.pair(n, up=False).policies()

    def asked():
        with open(said, encoding="ascii") as file:
            text = file.read()
        return all(f"dst {V4[n][1]}" in text for n in topo.fars) and text

    wait_for("an acquire for each tunnel", asked, 10)
    assert [vgw.state(n) for n in topo.fars] == ["no-sa", "no-sa"]
    assert not vgw.carrier()
    assert all(vgw.stats(n)["keepalive-unsent"] > 0 for n in topo.fars)
    for n in topo.fars:
        topo.pairs[n].states()
    vgw.wait_up()


def test_an_sa_that_takes_no_keepalives_is_never_proven(topo):
    """Its selector is TCP's: nothing is held against the far end, and nothing is proof."""
    vgw = Vgw(topo, tunnel="keepalive 100ms", sas=False, tunnels=FIRST)
    topo.pair(1, extra="sel src 0.0.0.0/0 dst 0.0.0.0/0 proto tcp")
    topo.pair(2)
    vgw.wait_active(2)
    counted = vgw.counting()
    with traced("vgw/vgw_resync") as said:
        time.sleep(2)
        # An SA may have gone without a word: that is looked into, once a second.
        assert 1 <= said().count("vgw_resync:") <= 3 + LATE, said()
    assert counted.of(1, "keepalive-unsent") >= 3 and counted.of(1, "keepalive-sent") == 0
    assert (vgw.state(1), vgw.active()) == ("probing", 2)


def test_policies_that_select_no_keepalive_have_nothing_read_anew(topo):
    """Of private networks alone, as many have them: a policy's no is no sign of a lost SA."""
    vgw = Vgw(topo, tunnel="keepalive 100ms", sas=False, only=(1,))
    pair = topo.pair(1, up=False)
    topo.gw.ip(*pair.ours.policies(pair.theirs, inner=["10.0.0.0/8"]))
    pair.states()
    vgw.wait_state(1, "probing")
    counted = vgw.counting()
    with traced("vgw/vgw_resync") as said:
        time.sleep(2)
        assert "vgw_resync:" not in said()
    assert counted.of(1, "keepalive-unsent") >= 10 and vgw.state(1) == "probing"


def test_bytes_received_do_not_go_back_when_the_inside_changes_its_family(topo):
    """Answers to keepalives are the tunnel's, not the connection's: as long as they were."""
    vgw = Vgw(topo, tunnel="keepalive 100ms", only=(1,))
    vgw.wait_up()
    time.sleep(2)
    before = vgw.stats()["rx-bytes"]
    vgw.set("inside fd00:1::1/126", 1)
    vgw.wait_up()
    time.sleep(1)
    assert before <= vgw.stats()["rx-bytes"] < before + 10000


@SIM_ONLY
def test_idle_tunnels_come_up_by_themselves_where_the_ike_daemon_set_a_trap(topo):
    vgw = Vgw(topo, sas=False)
    topo.ike(start=False, child={"start_action": "trap"})
    vgw.wait_up(timeout=60)
    assert vgw.carrier()
    assert topo.cli.ping(SRV[4], 3) == 3
    # The daemon forgets the tunnel; the next keepalive brings it back.
    events = vgw.monitor()
    topo.charons["gw"].terminate("tunnel1")
    events.wait("state", tunnel=1, new="no-sa")
    events.wait("state", tunnel=1, new="up", timeout=60)


# --- what does not fool it ------------------------------------------------------------------------


class Probes:
    """Sees the keepalives at a far end, and answers them as it is told."""

    def __init__(self, topo, n, family):
        self.far, self.family = topo.fars[n], family
        self.near, self.peer = inside(n, family)

        def sniffer():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
            sock.bind(("ipsec0", 3))
            sock.settimeout(10)
            return sock

        def sender():
            if family == 4:
                sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            else:
                sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            sock.bind((self.peer, 0))
            return sock

        self.sniffer, self.sender = self.far.inside(sniffer), self.far.inside(sender)
        what = "ipv4.icmp_echo_ignore_all" if family == 4 else "ipv6.icmp.echo_ignore_all"
        self.ignore_all = f"net.{what}"

    def answers(self, yes):
        """Whether the far end's kernel answers by itself."""
        self.far.sysctl(self.ignore_all, 0 if yes else 1)

    def fresh(self):
        """The next keepalive that comes: its id, sequence and payload."""
        self.sniffer.setblocking(False)
        try:
            while self.sniffer.recv(2048):
                pass
        except BlockingIOError:
            pass
        self.sniffer.settimeout(10)
        while True:
            data = self.sniffer.recv(2048)
            head = 20 if self.family == 4 else 40
            kind = 8 if self.family == 4 else 128
            if data[0] >> 4 == self.family and data[head] == kind:
                ident, seq = struct.unpack_from("!HH", data, head + 4)
                return SimpleNamespace(ident=ident, seq=seq, payload=data[head + 8 :])

    def reply(self, ident, seq, payload):
        body = struct.pack("!BBHHH", 0 if self.family == 4 else 129, 0, 0, ident, seq) + payload
        if self.family == 4:
            total = sum(struct.unpack(f"!{len(body) // 2}H", body))
            total = (total & 0xFFFF) + (total >> 16)
            total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
            body = body[:2] + struct.pack("!H", total) + body[4:]
        self.sender.sendto(body, (self.near, 0))

    def close(self):
        self.sniffer.close()
        self.sender.close()


@pytest.mark.parametrize("family", (4, pytest.param(6, marks=SIM_ONLY)))
def test_only_the_right_nonce_once_and_by_its_own_tunnel_is_proof(topo, family):
    vgw = Vgw(topo, tunnel="keepalive 300ms misses 3", outer=family, inner=family)
    vgw.wait_up()
    probes = Probes(topo, 1, family)
    other = Probes(topo, 2, family)
    probes.answers(False)
    vgw.wait_state(1, "down")
    events, counted = vgw.monitor(), vgw.counting()

    def bad():
        return counted.of(1, "rx-keepalive-bad")

    probe = probes.fresh()
    wrong = probe.payload[:8] + bytes(byte ^ 0x5A for byte in probe.payload[8:])
    probes.reply(probe.ident, probe.seq, wrong)
    wait_for("wrong nonce counted", lambda: bad() == 1)
    probes.reply(probe.ident, probe.seq ^ 0x2000, probe.payload)
    wait_for("wrong sequence counted", lambda: bad() == 2)
    # The nonces of tunnel 2 prove nothing for tunnel 1.
    sibling = other.fresh()
    probes.reply(probe.ident, probe.seq, sibling.payload)
    wait_for("the sibling's nonce counted", lambda: bad() == 3)
    assert vgw.state(1) == "down" and events.all() == [], events.story()
    assert counted.of(1, "keepalive-received") == 0

    probe = probes.fresh()
    probes.reply(probe.ident, probe.seq, probe.payload)
    up = events.wait("state", tunnel=1, new="up")
    assert up["event_reason"] == "keepalive-answered"
    assert counted.of(1, "keepalive-received") == 1
    probes.reply(probe.ident, probe.seq, probe.payload)
    wait_for("repeated reply counted", lambda: bad() == 4)
    assert counted.of(1, "keepalive-received") == 1
    # Neither who is no party to it: another's echo reply is the user's.
    probes.reply(probe.ident ^ 1, probe.seq, probe.payload)
    time.sleep(0.1)
    assert bad() == 4 and counted.of(1, "keepalive-received") == 1
    assert counted.drops() == {}
    probes.answers(True)
    vgw.wait_up()
    probes.close()
    other.close()


@pytest.mark.parametrize("family", (4, pytest.param(6, marks=SIM_ONLY)))
def test_a_reply_by_the_siblings_tunnel_is_no_proof(topo, family):
    vgw = Vgw(topo, tunnel="keepalive 300ms misses 3", outer=family, inner=family)
    vgw.wait_up()
    mine, other = Probes(topo, 1, family), Probes(topo, 2, family)
    mine.answers(False)
    vgw.wait_state(1, "down")
    counted = vgw.counting()
    # far2 takes on far1's inside address and answers in its stead.
    far2, bits = topo.fars[2], (32 if family == 4 else 128)
    far2.ip(f"addr add {mine.peer}/{bits} dev srv{' nodad' if family == 6 else ''}",
            f"route add {mine.near}/{bits} dev ipsec0")  # fmt: skip
    other.sender.close()
    other.near, other.peer = mine.near, mine.peer

    def sender():
        kind = ((socket.AF_INET, socket.IPPROTO_ICMP) if family == 4
                else (socket.AF_INET6, socket.IPPROTO_ICMPV6))  # fmt: skip
        sock = socket.socket(kind[0], socket.SOCK_RAW, kind[1])
        sock.bind((other.peer, 0))
        return sock

    other.sender = far2.inside(sender)
    for _ in range(3):
        probe = mine.fresh()
        other.reply(probe.ident, probe.seq, probe.payload)
    time.sleep(0.2)
    assert vgw.state(1) == "down"
    assert counted.of(1, "keepalive-received") == 0
    mine.close()
    other.close()


@pytest.mark.parametrize("family", (4, pytest.param(6, marks=SIM_ONLY)))
def test_a_users_ping_to_the_peer_is_the_users(topo, family):
    vgw = Vgw(topo, tunnel="keepalive 100ms", outer=family, inner=family)
    vgw.wait_up()
    events, counted = vgw.monitor(), vgw.counting()
    for n in topo.fars:
        near, peer = inside(n, family)
        assert topo.gw.ping(peer, 5, src=near) == 5
        assert topo.cli.ping(peer, 5) == 5
        assert counted.of(n, "rx-keepalive-bad") == 0
    assert counted.of(None, "rx-packets") == counted.of(None, "tx-packets") == 20
    assert events.all() == [] and counted.drops() == {}


@SIM_ONLY
def test_a_network_that_doubles_every_packet_proves_nothing_twice(topo):
    vgw = Vgw(topo, tunnel="keepalive 100ms")
    vgw.wait_up()
    for n in topo.fars:
        topo.fars[n].netem("u0", "duplicate 100%")
    time.sleep(0.5)
    events, counted = vgw.monitor(), vgw.counting()
    time.sleep(20)
    for n in topo.fars:
        moved = {k: v for (dev, k), v in counted.moved().items() if dev == f"vgw0-{n}"}
        assert abs(moved["keepalive_received"] - moved["keepalive_sent"]) <= 1, moved
        assert moved["keepalive_received"] > 150, moved
        # ESP's own replay check takes the copies.
        assert abs(moved["rx_xfrm"] - moved["keepalive_received"]) <= 1, moved
    assert events.all() == []
