"""What makes a connection leave a tunnel, and what brings it back.

                 .--- active ----.
    cli --- gw: vgw0 ==vgw0-1==== far1 (10.20.0.1)    the stream's replies tell
                    \\=vgw0-2==== far2 (10.20.0.1)    which far end it reached
                 '--- standby ---'
"""

import re
import socket
import threading
import time

import pytest
from lab import SIM
from lab.capture import Capture
from lab.netns import addresses, wait_for
from lab.topo import CLI, SRV, V4, V6, inside
from lab.tracing import traced
from lab.traffic import Sink, Stream
from lab.vgw import Vgw, first_by, no_state, reached

SIM_ONLY = pytest.mark.skipif(not SIM, reason="many or long: affordable in the simulator only")
FAMILIES = pytest.mark.parametrize("family", (4, pytest.param(6, marks=SIM_ONLY)))
FIRST = {1: "preference 200"}


def connection(topo, family=4, **options):
    """The standard connection, up, tunnel 1 active; with a monitor and echoes at srv."""
    options.setdefault("tunnels", FIRST)
    vgw = Vgw(topo, outer=family, inner=family, sas="in order", **options)
    assert vgw.active() == 1 and vgw.carrier()
    vgw.echoes = topo.echo(family)
    return vgw, vgw.monitor()


def assert_only_switch(events, old, new, reason):
    switches = events.all("switch")
    assert len(switches) == 1, events.story()
    got = switches[0]
    assert (got["event_old"], got["event_new"], got["event_reason"]) == (old, new, reason), got
    return got


def assert_very_next_packet(result, switch, pps):
    """The first packet sent after the switch was answered by the new far end. Virtual time only."""
    if SIM:
        seq = first_by(result, "far2")[0]
        sent = result.began + seq / pps
        assert sent >= switch["at"] - 1e-6, (result.moves, switch)
        assert sent - 1 / pps <= switch["at"] + 1e-6, (result.moves, switch)


# --- our own side refuses what it sends -----------------------------------------------------------

REFUSED = """
table inet lab {
    chain output {
        type filter hook output priority 0
        oifname "u1" meta l4proto esp drop
    }
}
"""


@FAMILIES
def test_a_firewall_of_our_own_that_refuses_esp_is_found_as_a_silent_path_is(topo, family):
    vgw, events = connection(topo, family, tunnel="keepalive 100ms misses 5")
    counted = vgw.counting()
    stream = topo.stream(family, pps=1000)
    time.sleep(0.3)
    topo.gw.run(["nft", "-f", "-"], stdin=REFUSED)
    refused = time.monotonic()
    switch = events.wait("switch", reason="keepalive-missed")
    assert switch["at"] - refused <= 0.625 * (1 if SIM else 2), switch
    time.sleep(0.3)
    result = stream.stop()
    drops = counted.drops()
    assert reached(vgw.echoes) + drops["vgw0-1 tx-output"] == result.sent, (result, drops)
    assert (vgw.state(1), vgw.active()) == ("down", 2)
    topo.gw.run("nft delete table inet lab")
    vgw.wait_state(1, "up")


# --- the active tunnel's SAs go -------------------------------------------------------------------


def delete(topo):
    topo.pairs[1].drop_ours()


def delete_both_ends(topo):
    topo.pairs[1].drop_ours()
    topo.pairs[1].drop_theirs()


def delete_outbound(topo):
    pair = topo.pairs[1]
    topo.gw.ip(pair.out.delete(pair.ours.key))


def delete_inbound(topo):
    pair = topo.pairs[1]
    topo.gw.ip(pair.back.delete(pair.ours.key))


def delete_policy_out(topo):
    topo.pairs[1].no_policies(("out",))


def delete_policy_in(topo):
    topo.pairs[1].no_policies(("in",))


@pytest.mark.parametrize("how, reason", (
    (delete, "sa-deleted"),
    pytest.param(delete_both_ends, "sa-deleted", marks=SIM_ONLY),
    pytest.param(delete_outbound, "sa-deleted", marks=SIM_ONLY),
    pytest.param(delete_inbound, "sa-deleted", marks=SIM_ONLY),
    pytest.param(delete_policy_out, "policy-lost", marks=SIM_ONLY),
    pytest.param(delete_policy_in, "policy-lost", marks=SIM_ONLY),
))  # fmt: skip
@FAMILIES
def test_no_packet_is_lost_when_the_active_tunnel_loses(topo, family, how, reason):
    vgw, events = connection(topo, family)
    before, counted = vgw.identity(), vgw.counting()
    unknown = no_state(topo.gw)
    stream = topo.stream(family, pps=1000)
    time.sleep(0.5)
    how(topo)
    events.wait("switch")
    time.sleep(0.5)
    result = stream.stop()
    # Replies that the far end had on their way by the deleted SA: none in virtual time.
    on_their_way = no_state(topo.gw) - unknown
    assert reached(vgw.echoes) == result.sent, result
    assert result.lost <= (0 if SIM else on_their_way), (result, on_their_way)
    assert result.dup == 0, result
    # A tunnel that lost its inbound half alone still asks; nothing lets the answer in any more.
    asked = counted.of(1, "keepalive-sent") if "_in" in how.__name__ else 0
    assert on_their_way <= asked + result.lost, (on_their_way, asked, result)
    drops = counted.drops()
    assert drops.pop("vgw0-1 rx-no-policy", 0) <= asked and drops == {}, counted.drops()
    switch = assert_only_switch(events, "vgw0-1", "vgw0-2", reason)
    assert_very_next_packet(result, switch, 1000)
    assert vgw.identity() == before
    assert events.all("carrier") == []
    print(f"lost {result.lost}, longest gap {result.longest_gap * 1e3:.3f} ms")


def test_a_packet_that_the_active_tunnels_sa_does_not_take_goes_by_the_other(topo):
    """The tunnel is up, and stays active; for this very packet it has no SA."""
    vgw = Vgw(topo, tunnels=FIRST, tunnel="keepalive off", sas=False)
    topo.pair(1, extra="sel src 0.0.0.0/0 dst 0.0.0.0/0 proto tcp")
    topo.pair(2)
    vgw.wait_up()
    assert vgw.active() == 1
    counted = vgw.counting()
    assert topo.cli.ping(SRV[4], 3) == 3
    assert counted.of(2, "tx-fallback") == 3 and counted.of(1, "tx-packets") == 0
    assert counted.drops() == {} and vgw.active() == 1


@SIM_ONLY
def test_an_sa_that_reaches_its_hard_time_limit_is_left_at_once(topo):
    vgw = Vgw(topo, tunnels=FIRST, sas=False)
    topo.pair(1, extra="limit time-hard 5")
    vgw.wait_active(1)
    topo.pair(2)
    vgw.wait_up()
    topo.echo()
    events, counted = vgw.monitor(), vgw.counting()
    stream = topo.stream(pps=1000)
    switch = events.wait("switch")
    time.sleep(0.3)
    result = stream.stop()
    assert switch["event_reason"] == "sa-expired", switch
    assert result.lost == 0 and counted.drops() == {}, (result, counted.drops())
    assert_very_next_packet(result, switch, 1000)
    assert_only_switch(events, "vgw0-1", "vgw0-2", "sa-expired")


@SIM_ONLY
def test_an_sa_that_reaches_its_hard_packet_limit_costs_the_packet_that_it_refuses(topo):
    vgw = Vgw(topo, tunnels=FIRST, sas=False)
    topo.pair(1, extra="limit packet-hard 400")
    vgw.wait_active(1)
    topo.pair(2)
    vgw.wait_up()
    topo.echo()
    events, counted = vgw.monitor(), vgw.counting()
    stream = topo.stream(pps=1000)
    events.wait("switch")
    time.sleep(0.3)
    result = stream.stop()
    assert result.lost == 1, (result, counted.drops(), events.story())
    counted.accounts_for(result)
    assert_only_switch(events, "vgw0-1", "vgw0-2", "sa-expired")


@FAMILIES
def test_a_flush_of_all_sas_stops_everything_and_says_so(topo, family):
    vgw, events = connection(topo, family, tunnel="keepalive 500ms")
    before, counted = vgw.identity(), vgw.counting()
    unknown = no_state(topo.gw)
    stream = topo.stream(family, pps=200)
    time.sleep(0.3)
    topo.gw.ip("xfrm state flush")
    carrier = events.wait("carrier")
    assert carrier["event_new"] is False, carrier
    assert carrier["event_reason"] == "sa-deleted", carrier
    assert vgw.active() is None and not vgw.carrier()
    time.sleep(0.7)
    for pair in topo.pairs.values():
        pair.drop_theirs()
        pair.states()
    vgw.wait_up()
    assert vgw.carrier()
    time.sleep(0.3)
    result = stream.stop()
    assert result.lost > 100 and len(result.lost_spans) == 1, result
    assert reached(vgw.echoes) + counted.lost() == result.sent, (result, counted.drops())
    # A reply under way by an SA just deleted comes too late: XFRM counts it.
    too_late = result.lost - counted.lost()
    assert 0 <= too_late <= no_state(topo.gw) - unknown, (result, counted.drops())
    assert too_late <= 1 or not SIM
    assert vgw.identity() == before


@SIM_ONLY
@pytest.mark.parametrize("which", ("out", "in"))
def test_a_lost_policy_of_the_only_tunnel_is_never_routed_around(topo, which):
    vgw = Vgw(topo, only=(1,))
    vgw.wait_up()
    topo.echo()
    counted = vgw.counting()
    stream = topo.stream(pps=500)
    time.sleep(0.2)
    topo.pairs[1].no_policies((which,))
    time.sleep(1.2)
    topo.gw.ip(*topo.pairs[1].ours.policies(topo.pairs[1].theirs, dirs=(which,)))
    vgw.wait_up()
    time.sleep(0.2)
    result = stream.stop()
    assert result.lost >= 500 and len(result.lost_spans) == 1 and result.by, result
    drops = counted.drops()
    # What still asks by the half that is left gets no answer in.
    assert drops.pop("vgw0-1 rx-no-policy", 0) <= counted.of(1, "keepalive-sent")
    assert sum(drops.values()) == result.lost, (result, counted.drops())


# --- both tunnels go ------------------------------------------------------------------------------


def unreachable(topo, family):
    """Was the sender told, in how many pings, and in which words?"""
    out = topo.cli.run(f"ping -n -c 3 -i 0.4 {SRV[family]}", check=False).stdout
    return "unreachable" in out.lower(), int(out.split(" packets transmitted")[0].split()[-1]), out


@FAMILIES
def test_with_both_tunnels_dead_the_sender_is_told_and_nothing_leaves(topo, family):
    vgw, events = connection(topo, family, tunnel="keepalive 200ms misses 3")
    before = vgw.identity()
    # Or the stream's errors leave none for the pings.
    topo.gw.sysctl("net.ipv4.icmp_ratelimit", 0)
    topo.gw.sysctl("net.ipv6.icmp.ratelimit", 0)
    for n in topo.fars:
        topo.gw.blackhole(f"u{n}")
    carrier = events.wait("carrier")
    assert carrier["event_new"] is False and carrier["event_reason"] == "keepalive-missed", carrier
    assert not vgw.carrier() and vgw.active() is None
    counted = vgw.counting()
    stream = topo.stream(family, pps=200, count=100)
    told, pings, said = unreachable(topo, family)
    result = stream.wait()
    assert result.received == 0
    assert counted.lost() == 100 + pings, counted.drops()
    assert told, said
    assert vgw.identity() == before

    events.clear()
    for n in topo.fars:
        topo.gw.netem(f"u{n}")
    carrier = events.wait("carrier")
    assert carrier["event_new"] is True, carrier
    vgw.wait_up()
    assert vgw.carrier() and vgw.identity() == before
    result = topo.stream(family, pps=200, count=50).wait()
    assert result.lost == 0, result


# --- the path comes back --------------------------------------------------------------------------

QUICK = "keepalive 100ms misses 3"


def silence(topo, n):
    topo.gw.blackhole(f"u{n}")


def sound(topo, n):
    topo.gw.netem(f"u{n}")


@FAMILIES
def test_a_preferred_tunnel_takes_over_again_after_the_revert_delay_and_not_before(topo, family):
    vgw, events = connection(topo, family, options="revert 3s", tunnel=QUICK)
    before = vgw.identity()
    time.sleep(6.5)  # long enough up, or its failure would count as a flap and double the delay
    silence(topo, 1)
    events.wait("switch", reason="keepalive-missed")
    stream = topo.stream(family, pps=200)
    time.sleep(1)
    sound(topo, 1)
    up = events.wait("state", tunnel=1, new="up", reason="keepalive-answered")
    assert 0 < vgw.show()["revert_in"] <= 3e9
    back = events.wait("switch", reason="preference")
    time.sleep(0.3)
    result = stream.stop()
    assert back["event_new"] == "vgw0-1"
    waited = back["at"] - up["at"]
    assert 3.0 - 1e-6 <= waited <= (3.001 if SIM else 6.0), events.story()
    assert len(events.all("switch")) == 2, events.story()
    assert result.lost == 0, result
    assert vgw.identity() == before
    print(f"back {waited:.6f} s after it was up again, lost {result.lost}")


@SIM_ONLY
@pytest.mark.parametrize("options, tunnels", (
    ("revert never", FIRST),
    ("revert 1s", {}),
), ids=("revert_never", "equal_preference"))  # fmt: skip
def test_the_standby_keeps_the_traffic_when_nothing_says_otherwise(topo, options, tunnels):
    vgw, events = connection(topo, options=options, tunnels=tunnels, tunnel=QUICK)
    silence(topo, 1)
    events.wait("switch", reason="keepalive-missed")
    sound(topo, 1)
    vgw.wait_up()
    time.sleep(40)
    assert vgw.active() == 2 and len(events.all("switch")) == 1, events.story()
    assert vgw.show()["revert_in"] is None


@SIM_ONLY
def test_a_path_that_flaps_every_half_second_gets_the_traffic_at_most_once_per_hold_down(topo):
    vgw, events = connection(topo, options="revert 2s", tunnel="keepalive 50ms misses 3")
    time.sleep(5)
    stream = topo.stream(pps=100)
    for _ in range(20):
        silence(topo, 1)
        time.sleep(0.5)
        sound(topo, 1)
        time.sleep(0.5)
    assert len(events.all("switch")) == 1, events.story()
    last_up = events.all("state", tunnel=1, new="up")[-1]["at"]
    back = events.wait("switch", timeout=200, reason="preference")
    # Every flap doubles the delay, five times at most.
    assert abs(back["at"] - last_up - 2 * 32) < 0.001, events.story()[-3:]
    stream.stop()
    downs = events.all("state", tunnel=1, new="down")
    assert len(downs) == 20, events.story()
    print(f"20 flaps, 2 switches, back {back['at'] - last_up:.6f} s after the last")


@SIM_ONLY
def test_flaps_after_each_return_move_the_traffic_ever_more_rarely(topo):
    vgw, events = connection(topo, options="revert 1s", tunnel="keepalive 50ms misses 3")
    time.sleep(5)
    for _ in range(12):
        silence(topo, 1)
        time.sleep(0.5)
        sound(topo, 1)
        time.sleep(1.7)  # up for less than twice the delay, so a flap
    switches = events.all("switch")
    returns = [e["at"] for e in switches if e["event_reason"] == "preference"]
    # 1 s, then 2, 4, 8, 16, 32: once there was time for the first.
    assert len(returns) <= 1, events.story()
    assert len(switches) <= 2 * len(returns) + 1, events.story()
    print(f"12 flaps in 26 s, {len(returns)} returns")


# --- by hand --------------------------------------------------------------------------------------


@FAMILIES
def test_a_switch_by_hand_loses_nothing(topo, family):
    vgw, events = connection(topo, family)
    before, counted = vgw.identity(), vgw.counting()
    stream = topo.stream(family, pps=1000 if SIM else 200)
    for n in (2, 1, 2):
        time.sleep(0.3)
        vgw.switch(n)
        assert vgw.active() == n
    time.sleep(0.3)
    result = stream.stop()
    assert (result.lost, result.dup) == (0, 0), result
    if SIM:
        assert [who for _, who, _ in result.moves] == ["far1", "far2", "far1", "far2"], result
    assert [e["event_reason"] for e in events.all("switch")] == ["by-hand"] * 3, events.story()
    assert counted.drops() == {} and vgw.identity() == before
    assert vgw.show()["switch_reason"] == "by-hand"


def test_a_drained_tunnel_hands_over_without_loss_and_the_last_one_stops_everything(topo):
    vgw, events = connection(topo, options="revert 1s")
    before = vgw.identity()
    stream = topo.stream(pps=1000)
    time.sleep(0.3)
    vgw.drain(1)
    assert vgw.active() == 2 and vgw.tunnel(1)["drained"] and vgw.state(1) == "up"
    assert topo.cli.ping(inside(1)[1], 2) == 2, "drained, it still carries what is pinned to it"
    vgw.undrain(1)
    events.wait("switch", new="vgw0-1")
    time.sleep(0.3)
    result = stream.stop()
    assert (result.lost, result.dup) == (0, 0), result
    reasons = [e["event_reason"] for e in events.all("switch")]
    assert reasons[0] == "drain" and len(reasons) == 2, events.story()

    vgw.drain(1)
    counted = vgw.counting()
    vgw.drain(2)
    assert vgw.active() is None
    result = topo.stream(pps=200, count=40).wait()
    assert result.received == 0
    counted.accounts_for(result)
    refused = vgw.ctl("switch", "vgw0", 2, check=False)
    assert refused.returncode == 2 and refused.stderr, refused
    vgw.undrain(2)
    assert vgw.active() == 2 and vgw.carrier() and vgw.identity() == before
    assert topo.stream(pps=200, count=40).wait().lost == 0


# --- pinning, and ends that disagree --------------------------------------------------------------


@FAMILIES
def test_traffic_to_the_standbys_peer_goes_by_the_standby_and_is_answered(topo, family):
    vgw, events = connection(topo, family)
    counted = vgw.counting()
    peers = {n: inside(n, family)[1] for n in topo.fars}
    assert topo.cli.ping(peers[2], 5) == 5
    assert topo.gw.ping(peers[2], 3, src=inside(2, family)[0]) == 3
    assert counted.of(2, "tx-packets") - counted.of(2, "keepalive-sent") == 8
    assert counted.of(1, "tx-packets") - counted.of(1, "keepalive-sent") == 0
    assert topo.cli.ping(peers[1], 4) == 4
    assert counted.of(1, "tx-packets") - counted.of(1, "keepalive-sent") == 4
    assert counted.drops() == {} and events.all("switch") == []


class Session:
    """A TCP session from gw's inside address to a peer's, as BGP would have it."""

    def __init__(self, topo, n, port=179):
        near, far = inside(n)
        self.listener = topo.fars[n].inside(socket.create_server, (far, port))
        self.sock = topo.gw.inside(socket.create_connection, (far, port), 10, (near, 0))
        self.peer = self.listener.accept()[0]
        self.thread = threading.Thread(target=self._echo, daemon=True)
        self.thread.start()

    def _echo(self):
        while data := self.peer.recv(4096):
            self.peer.sendall(data)

    def says(self, word, timeout):
        """True if it is echoed in time."""
        self.sock.settimeout(timeout)
        self.sock.sendall(word)
        return self.hears(word, timeout)

    def hears(self, word, timeout):
        self.sock.settimeout(timeout)
        got = b""
        try:
            while len(got) < len(word):
                data = self.sock.recv(4096)
                assert data, "closed"
                got += data
        except TimeoutError:
            return False
        assert got == word
        return True

    def close(self):
        self.sock.close()
        self.thread.join()
        self.peer.close()
        self.listener.close()


def test_tcp_sessions_to_both_peers_outlive_a_failover(topo):
    vgw, events = connection(topo, tunnel=QUICK)
    before = vgw.identity()
    sessions = {n: Session(topo, n) for n in topo.fars}
    for n, session in sessions.items():
        assert session.says(b"open", 5), n
    topo.pairs[1].drop_ours()
    topo.pairs[1].drop_theirs()
    events.wait("switch", reason="sa-deleted")
    assert sessions[2].says(b"update", 5)
    # Pinned: it waits for its own tunnel rather than go by the other.
    assert not sessions[1].says(b"keepalive", 0.5)
    topo.pairs[1].states()
    vgw.wait_up()
    assert sessions[1].hears(b"keepalive", 20)
    assert sessions[2].says(b"keepalive", 5)
    for session in sessions.values():
        session.close()
    assert vgw.identity() == before


def test_ends_that_choose_different_tunnels_still_talk_both_ways(make_topo):
    topo = make_topo(host=True)
    vgw, events = connection(topo)
    topo.srv_via(2)
    counted = vgw.counting()
    result = topo.stream(pps=500, count=300).wait()
    assert (result.lost, result.dup) == (0, 0), result
    sink = Sink(topo.cli, CLI[4], 7002)
    sent = Stream(topo.srv, SRV[4], CLI[4], 7002, pps=500, count=300).wait()
    got = sink.stop()
    assert sent.sent == got.received == 300 and got.dup == 0, (sent, got)
    assert counted.of(1, "tx-packets") - counted.of(1, "keepalive-sent") == 300
    assert counted.of(2, "rx-packets") - counted.of(2, "keepalive-received") == 600
    assert counted.drops() == {} and events.all("switch") == []
    assert not vgw.gw.link_stats("vgw0")["rx"]["dropped"]


# --- the underlay of the active tunnel ------------------------------------------------------------


def peer_port_down(topo, family):
    topo.fars[1].ip("link set u0 down")


def peer_port_up(topo, family):
    topo.fars[1].ip(*addresses("u0", [f"{V6[1][1]}/64"] if family == 6 else []))


def device_down(topo, family):
    topo.gw.ip("link set u1 down")


def device_up(topo, family):
    topo.gw.ip(*addresses("u1", [f"{V6[1][0]}/64"] if family == 6 else []))
    topo.captures.append(Capture(topo.gw, "u1", "gw-u1-again"))


def address_removed(topo, family):
    topo.gw.ip(f"addr del {NET(family)} dev u1")


def address_back(topo, family):
    topo.gw.ip(*addresses("u1", [NET(family)]))


def route_deleted(topo, family):
    topo.gw.ip(f"route del {PREFIX[family]} dev u1")


def route_back(topo, family):
    topo.gw.ip(f"route add {PREFIX[family]} dev u1")


PREFIX = {4: "192.0.2.0/30", 6: "2001:db8:1::/64"}


def NET(family):
    return f"{V4[1][0]}/30" if family == 4 else f"{V6[1][0]}/64"


def test_an_outer_address_may_be_on_a_device_of_ours(topo):
    """Inside addresses have no tunnel look at its path again; this one has to."""
    vgw, _ = connection(topo, tunnel="keepalive off")
    topo.gw.run("vgwctl add other tunnel if_id 999")

    def wait_path(there):
        wait_for(f"path {there}", lambda: vgw.tunnel(1)["usable"] == there, 10)

    topo.gw.ip("link set other up", f"addr del {NET(4)} dev u1")
    wait_path(False)
    topo.gw.ip(f"route add {PREFIX[4]} dev u1", f"addr add {V4[1][0]}/32 dev other")
    wait_path(True)
    topo.gw.ip(f"addr del {V4[1][0]}/32 dev other")
    wait_path(False)


@pytest.mark.parametrize("breaks, heals", (
    (peer_port_down, peer_port_up),
    pytest.param(device_down, device_up, marks=SIM_ONLY),
    pytest.param(address_removed, address_back, marks=SIM_ONLY),
    pytest.param(route_deleted, route_back, marks=SIM_ONLY),
))  # fmt: skip
@FAMILIES
def test_trouble_on_our_own_underlay_is_acted_on_at_once(topo, family, breaks, heals):
    vgw, events = connection(topo, family, options="revert 1s")
    before, counted = vgw.identity(), vgw.counting()
    stream = topo.stream(family, pps=1000)
    time.sleep(0.3)
    broken = time.monotonic()
    breaks(topo, family)
    switch = events.wait("switch")
    time.sleep(0.3)
    result = stream.stop()
    story = (result, counted.drops(), events.story())
    assert switch["event_reason"] == "path-lost" and switch["event_new"] == "vgw0-2", story
    assert switch["at"] - broken <= (0.001 if SIM else 1.0), story
    assert result.lost <= (1 if SIM else 100), story
    heals(topo, family)
    events.clear()
    vgw.wait_up()
    back = events.wait("switch", timeout=70)
    assert back["event_new"] == "vgw0-1", events.story()
    assert topo.stream(family, pps=200, count=40).wait().lost == 0
    assert vgw.identity() == before
    took = (switch["at"] - broken) * 1e3
    print(f"{breaks.__name__}: switched {took:.3f} ms later, lost {result.lost}")


@pytest.mark.parametrize("dev", ("vgw0", "vgw0-1"))
@FAMILIES
def test_a_tunnel_whose_far_end_is_routed_into_it_is_left_with_the_next_packet(topo, family, dev):
    """As a default route learned by BGP does it; nothing at the underlay tells of it."""
    vgw, events = connection(topo, family)
    here, there = topo.underlay(1, family)
    length = 32 if family == 4 else 128
    counted = vgw.counting()
    stream = topo.stream(family, pps=500)
    time.sleep(0.2)
    topo.gw.ip(f"route add {there}/{length} dev {dev} src {here}")
    events.wait("switch")
    vgw.wait_state(1, "no-sa")
    time.sleep(0.3)
    assert (vgw.tunnel(1)["state_reason"], vgw.active()) == ("path-lost", 2)
    topo.gw.ip(f"route del {there}/{length} dev {dev}")
    vgw.wait_up(1)
    result = stream.stop()
    assert result.lost <= (0 if SIM else 5) and result.dup == 0, result
    # The packet that found out goes by the other tunnel, and so does the keepalive.
    assert counted.drops() == {}
    if SIM:
        assert counted.of(2, "tx-fallback") >= 1
    assert_only_switch(events, "vgw0-1", "vgw0-2", "path-lost")


def test_a_standby_that_dies_changes_nothing(topo):
    vgw, events = connection(topo, tunnel=QUICK)
    stream = topo.stream(pps=500)
    silence(topo, 2)
    events.wait("state", tunnel=2, new="down")
    sound(topo, 2)
    events.wait("state", tunnel=2, new="up", old="down")
    topo.pairs[2].drop_ours()
    wait_for("no-sa", lambda: vgw.state(2) == "no-sa")
    result = stream.stop()
    assert result.lost == 0 and result.by.keys() == {"far1"}, result
    assert events.all("switch") == [] and events.all("carrier") == [], events.story()


def test_tracepoints_tell_of_states_switches_and_keepalives(topo):
    with traced("vgw") as said:
        vgw = Vgw(topo, sas="in order", tunnel="keepalive 100ms")
        topo.pairs[1].drop_ours()
        vgw.wait_active(2)
        time.sleep(0.5)
        text = said()
    for pattern in (
        r"vgw_state: vgw0 tunnel vgw0-1 state \d -> \d reason \d+ last proof at \d+ ns",
        r"vgw_switch: vgw0 active 0 -> 1 reason \d+ last proof of life \d+ ns ago",
        r"vgw_keepalive: vgw0-2 seq \d+ error 0 rtt 0 ns",
        r"vgw_keepalive: vgw0-1 seq \d+ error -\d+ rtt 0 ns",
    ):
        assert re.search(pattern, text), (pattern, text[-2000:])
