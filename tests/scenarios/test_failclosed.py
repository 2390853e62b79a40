"""Nothing leaves in clear, whatever is missing; what does not leave is counted by its reason.

    cli ----- gw =====vgw0-1===== far1 (10.20.0.1)     captures on both underlay links, searched
               \\======vgw0-2===== far2 (10.20.0.1)     for inner bytes at the end of every scenario
"""

import gzip
import socket
import time

import pytest
from lab import SIM, inject
from lab.netns import run, wait_for
from lab.topo import CLI, SRV
from lab.vgw import Vgw, loaded, unload
from lab.xfrm import SA, End, Key, Pair, xfrmi

KINDS = ("if_id", "mark")


def small_stacks():
    """KASAN's frames and 16 KiB of stack without a guard page: nesting runs the simulator over."""
    if not SIM:
        return False
    with gzip.open("/proc/config.gz", "rt") as config:
        return "CONFIG_KERNEL_STACK_ORDER=2\n" in config.read()


deep = pytest.mark.skipif(small_stacks(), reason="the simulator's kernel stacks are too small")


def send(topo, count=10, families=(4,)):
    for family in families:
        inject.udp(topo.cli, CLI[family], SRV[family], count, port=7000)
    time.sleep(0.05 if SIM else 0.3)


def expect(topo, vgw, drops, count=10, families=(4,)):
    """count packets of each family: these counters, by exactly that, and no byte leaves."""
    counted = vgw.counting()
    send(topo, count, families)
    wait_for(f"{drops}", lambda: counted.lost() >= sum(drops.values()), 10)
    assert counted.drops() == drops
    assert all(counted.of(n, "tx-packets") == 0 for n in (None, *vgw.only))


def quiet(topo, **options):
    """No keepalives: only what a scenario sends is on the underlay."""
    return Vgw(topo, tunnel="keepalive off", **options)


@pytest.mark.parametrize("kind", KINDS)
def test_without_sas_nothing_leaves(topo, kind):
    vgw = quiet(topo, kind=kind, sas=False)
    expect(topo, vgw, {"vgw0 tx-no-tunnel": 10 + 10}, families=(4, 6))
    for n in vgw.only:
        topo.pair(n, kind, up=False).policies()
    expect(topo, vgw, {"vgw0 tx-no-tunnel": 10})
    assert [c.packets("esp") for c in topo.captures] == [[], []]


@pytest.mark.parametrize("drop_larval", (0, 1))
def test_while_an_sa_is_asked_for_nothing_leaves(topo, drop_larval):
    """Through a tunnel's own device, which asks XFRM all the same; larval SAs do not queue."""
    topo.gw.sysctl("net.core.xfrm_larval_drop", drop_larval)
    vgw = quiet(topo, sas=False, routes=False)
    topo.pair(1, up=False).policies()
    topo.gw.ip(f"route add {SRV[4]} dev vgw0-1")
    expect(topo, vgw, {"vgw0-1 tx-no-sa": 10})
    expect(topo, vgw, {"vgw0-1 tx-no-sa": 10})
    topo.pairs[1].states()
    echo = topo.echo()
    assert topo.stream(pps=100, count=20).wait().lost == 0
    assert echo["far1"].stop().received == 20  # and none of those before


@pytest.mark.parametrize("kind", KINDS)
def test_between_sas_nothing_leaves(topo, kind):
    """Both tunnels lose their SAs for a second, in the middle of a stream, and get new ones."""
    vgw = quiet(topo, kind=kind)
    topo.echo()
    stream = topo.stream(pps=200)
    counted = vgw.counting()
    time.sleep(0.5)
    for pair in topo.pairs.values():
        pair.drop_ours()
    assert vgw.active() is None and not vgw.carrier()
    time.sleep(1)
    for pair in topo.pairs.values():
        pair.states()
    wait_for("traffic again", lambda: vgw.active() is not None)
    time.sleep(0.5)
    result = stream.stop()
    # Where ip(8) takes time, some get through by the other tunnel meanwhile.
    assert 0 < result.lost < (600 if SIM else 2000), result
    assert len(result.lost_spans) == 1 or not SIM, result
    # What the sender was told at once is lost as well, by the counter of its reason.
    assert set(counted.drops()) <= {"vgw0 tx-no-tunnel", "vgw0 tx-no-sa"}, counted.drops()
    if SIM:
        assert counted.lost() == result.lost


@pytest.mark.parametrize("kind", KINDS)
def test_without_an_outbound_policy_nothing_leaves_though_the_sas_are_there(topo, kind):
    vgw = quiet(topo, kind=kind)
    for pair in topo.pairs.values():
        pair.no_policies(("out",))
    for n in vgw.only:
        assert vgw.state(n) == "no-sa"
        assert vgw.tunnel(n)["state_reason"] == "policy-lost"
    expect(topo, vgw, {"vgw0 tx-no-tunnel": 10})
    topo.gw.ip(f"route replace {SRV[4]} dev vgw0-1")
    expect(topo, vgw, {"vgw0-1 tx-no-policy": 10})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what, counter", [("allow", "tx-no-policy"), ("block", "tx-blocked")])
def test_a_policy_without_a_template_lets_nothing_out(topo, kind, what, counter):
    """Not in clear for `allow`, and not by the sibling either: a policy has decided."""
    vgw = quiet(topo, kind=kind)
    key = topo.our_key(1, kind)
    assert vgw.active() == 1
    # A more urgent one than that of the pair, whose priority is 0, has to replace it.
    pair = topo.pairs[1]
    lines = pair.ours.policies(pair.theirs, "update", ("out",))
    topo.gw.ip(*(f"{line} priority 10" for line in lines))
    selector = f"src {CLI[4]} dst {SRV[4]} dir out {key}"
    topo.gw.ip(f"xfrm policy add {selector} priority 1 action {what}")
    counted = vgw.counting()
    send(topo)
    assert sum(counted.drops().values()) == 10
    assert {name.split()[1] for name in counted.drops()} == {counter}
    assert counted.of(2, "tx-packets") == 0
    topo.gw.ip(f"route replace {SRV[4]} dev vgw0-1")
    expect(topo, vgw, {f"vgw0-1 {counter}": 10})


@pytest.mark.parametrize("kind", KINDS)
def test_without_ips_own_search_for_policies_the_tunnels_are_asked_all_the_same(topo, kind):
    """Whoever set the sysctls: the module, or by hand for a mark key."""
    vgw = quiet(topo, kind=kind)
    for what in ("disable_xfrm", "disable_policy"):
        topo.gw.sysctl(f"net.ipv4.conf.vgw0.{what}", 1)
    if kind == "mark":
        expect(topo, vgw, {"vgw0-1 tx-no-policy": 10})
        return
    assert topo.cli.ping(SRV[4], 3) == 3
    pair, key = topo.pairs[1], topo.our_key(1, kind)
    lines = pair.ours.policies(pair.theirs, "update", ("in",))
    topo.gw.ip(*(f"{line} priority 10" for line in lines))
    topo.gw.ip(f"xfrm policy add src {SRV[4]} dst {CLI[4]} dir in {key} priority 1 action block")
    counted = vgw.counting()
    inject.udp(topo.fars[1], SRV[4], CLI[4], 5)
    wait_for("a verdict on each", lambda: counted.drops() == {"vgw0-1 rx-blocked": 5}, 5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_that_does_not_match_lets_nothing_out(topo, kind):
    """Inner packets outside of the policy, inside of the route."""
    vgw = quiet(topo, kind=kind, sas=False)
    for n in vgw.only:
        pair = topo.pair(n, kind, up=False)
        pair.states()
        topo.gw.ip(*pair.ours.policies(pair.theirs, inner=[("10.10.0.0/16", "10.21.0.0/16")]))
    wait_for("active", lambda: vgw.active() == 1)
    counted = vgw.counting()
    send(topo)
    assert sum(counted.drops().values()) == 10
    assert {name.split()[1] for name in counted.drops()} == {"tx-no-policy"}
    assert all(counted.of(n, "tx-packets") == 0 for n in vgw.only)


def test_a_connection_or_tunnel_that_is_down_lets_nothing_out(topo):
    vgw = quiet(topo)
    topo.gw.ip("link set vgw0-1 down", "link set vgw0-2 down")
    expect(topo, vgw, {"vgw0 tx-no-tunnel": 10})
    # Without its route the packet has no other way: the underlay's default would be one.
    topo.gw.ip("link set vgw0 down", "route add default via 192.0.2.2")
    topo.gw.ip(f"route add blackhole {SRV[4]}/32", check=False)
    send(topo)
    assert topo.captures[0].packets("esp") == []


def frames(host, dev, *each):
    """As a packet socket sends them: (EtherType, bytes)."""

    def out():
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as sock:
            for kind, data in each:
                sock.sendto(data, (dev, kind))

    host.inside(out)


def test_what_is_no_ip_is_dropped_by_name_and_whole_packets_of_a_packet_socket_are_not(topo):
    vgw = quiet(topo)
    whole = inject.ipv4(CLI[4], SRV[4], inject.datagram(b"vgw-inner-bytes!"))
    no_ip = ((0x0806, b"\0" * 28), (0x0800, whole[:12]), (0x0800, b"\x65" + whole[1:]),
             (0x0800, b"\x44" + whole[1:]), (0x86DD, whole + b"\0" * 40))  # fmt: skip
    for dev in ("vgw0", "vgw0-1"):
        counted = vgw.counting()
        frames(topo.gw, dev, *no_ip)
        time.sleep(0.1)
        assert counted.drops() == {f"{dev} tx-not-ip": len(no_ip)}
        counted = vgw.counting()
        frames(topo.gw, dev, (0x0800, whole))
        time.sleep(0.1)
        assert counted.drops() == {} and counted.of(1, "tx-packets") == 1


def test_an_inside_peer_whose_tunnel_cannot_be_used_is_reached_by_no_other(topo):
    vgw = quiet(topo)

    def to_peer(drops):
        counted = vgw.counting()
        inject.udp(topo.gw, "169.254.1.1", "169.254.1.2", 5)
        time.sleep(0.1)
        assert counted.drops() == drops and counted.of(2, "tx-packets") == 0

    to_peer({})
    topo.gw.ip("route del 192.0.2.0/30")
    # A socket that was told of the first one does not send each.
    to_peer({"vgw0-1 tx-no-route": 5})
    topo.gw.ip("route add 192.0.2.0/30 dev u1")
    to_peer({})
    topo.gw.ip("link set vgw0-1 down")
    to_peer({"vgw0-1 tx-down": 5})


def test_an_unloaded_module_leaves_no_clear_packet_behind(topo_seen_from_afar):
    """rmmod in the middle of a stream at full load, SAs and policies in place."""
    topo = topo_seen_from_afar
    vgw = quiet(topo)
    topo.echo()
    streams = [topo.stream(pps=1000), topo.stream(pps=500, size=1200)]
    time.sleep(0.3 if SIM else 1)
    unload()
    assert not loaded()
    time.sleep(0.3)
    results = [stream.stop() for stream in streams]
    for result in results:
        assert result.received > 0 and result.lost > 0, result
        # In real time a full queue may lose some before.
        assert result.lost_spans[-1][1] == result.sent - 1, result
        assert len(result.lost_spans) == 1 or not SIM, result
    assert not [x for x in vgw.gw.ip_json("link show") if x["ifname"].startswith("vgw")]
    run(["modprobe", "vgw"])


def mtus(topo):
    links = topo.gw.ip_json("link show")
    return {x["ifname"]: x["mtu"] for x in links if x["ifname"].startswith("vgw")}


def test_a_far_end_routed_into_its_own_connection_is_a_counted_loop(topo):
    """10^3 packets: each is dropped once, nothing piles up, and the route back heals it."""
    vgw = quiet(topo, only=(1,))
    here, there = topo.underlay(1)
    topo.gw.ip(f"route add {there}/32 dev vgw0 src {here}")
    count, mtu = 1000, mtus(topo)
    counted = vgw.counting()
    send(topo, count)
    send(topo, 0)
    moved = counted.drops()
    assert sum(moved.values()) == count and moved["vgw0 tx-loop"] > 0, moved
    # Behind the first the tunnel is left, and nobody asks where it leads.
    assert set(moved) <= {"vgw0 tx-loop", "vgw0 tx-no-tunnel"}, moved
    wait_for("left", lambda: not vgw.carrier())
    topo.gw.ip(f"route replace {SRV[4]} dev vgw0-1")
    expect(topo, vgw, {"vgw0-1 tx-loop": count}, count)
    topo.gw.ip(f"route replace {there}/32 dev vgw0-1 src {here}")
    expect(topo, vgw, {"vgw0-1 tx-loop": count}, count)
    # An event at the underlay has the MTU looked at; its own is no answer.
    topo.gw.ip("link set u2 mtu 1400", "link set u2 mtu 1500")
    time.sleep(0.1)
    assert mtus(topo) == mtu
    topo.gw.ip(f"route del {there}/32 dev vgw0-1", f"route replace {SRV[4]} dev vgw0")
    wait_for("path back", vgw.carrier)
    topo.echo()
    assert topo.stream(pps=100, count=20).wait().lost == 0


@deep
def test_connections_nested_into_a_ring_are_bounded(topo):
    """vgw0's far end is reached by vgw1, vgw1's by vgw0."""
    gw = topo.gw
    pairs = [topo.pair(n) for n in (1, 2)]
    gw.ip("addr add 203.0.113.1/32 dev lo")
    for name, n in (("vgw0", 1), ("vgw1", 2)):
        there = pairs[n - 1].theirs.addr
        gw.run(["vgwctl", "add", name, "tunnel", "if_id", topo.our_key(n).if_id, "remote", there,
                "keepalive", "off"])  # fmt: skip
        gw.ip(f"link set {name} up")
    wait_for("both up", lambda: gw.carrier("vgw0") and gw.carrier("vgw1"))
    gw.ip(
        f"route add {SRV[4]} dev vgw0-1",
        f"route add {pairs[0].theirs.addr}/32 dev vgw1-1",
        f"route add {pairs[1].theirs.addr}/32 dev vgw0-1",
    )
    count = 1000

    def drops():
        found = {}
        for dev in ("vgw0", "vgw0-1", "vgw1", "vgw1-1"):
            for line in gw.run(f"ethtool -S {dev}").stdout.splitlines()[1:]:
                name, value = line.split(":")
                if name.split()[0].startswith("tx_") and int(value):
                    found[dev, name.strip()] = int(value)
        return found

    send(topo, count)
    time.sleep(0.2)
    ends = sum(v for (_, name), v in drops().items()
               if name not in ("tx_packets", "tx_bytes"))  # fmt: skip
    assert ends == count, drops()
    loops = sum(v for (_, name), v in drops().items() if name in ("tx_loop", "tx_too_big"))
    assert loops == count, drops()


@deep
def test_a_connection_inside_a_connection_works(topo):
    """The outer one's route is the inner one's underlay: two layers of ESP, no counter moves."""
    gw, far = topo.gw, topo.fars[1]
    vgw = quiet(topo, only=(1,), routes=False)
    gw.ip("addr add 10.30.0.1/32 dev lo", "route add 10.30.0.2/32 dev vgw0 src 10.30.0.1")
    far.ip("addr add 10.30.0.2/32 dev lo", "route add 10.30.0.1/32 dev ipsec0 src 10.30.0.2")
    xfrmi(far, "nested", 44, "lo", ["169.254.9.2/30"], 1300)
    far.ip("route replace 10.10.0.0/16 dev nested")
    pair = Pair(End(gw, "10.30.0.1", Key(if_id=301), 31), End(far, "10.30.0.2", Key(if_id=44), 31))
    pair.up()
    gw.run("vgwctl add vgw1 tunnel if_id 301 remote 10.30.0.2 keepalive off")
    gw.ip("link set vgw1 up", f"route add {SRV[4]} dev vgw1")
    wait_for("nested connection up", lambda: gw.carrier("vgw1"))
    topo.echo()
    counted = vgw.counting()
    result = topo.stream(pps=200, count=100).wait()
    assert (result.lost, result.dup) == (0, 0), result
    assert counted.drops() == {}


def test_an_sa_that_shows_the_inner_header_is_no_tunnels(topo):
    """BEET: a tunnel to XFRM, with the inner packet's TOS, TTL and identification in clear."""
    vgw = Vgw(topo, only=(1,), sas=False, tunnel="keepalive off")
    pair = topo.pair(1, up=False)

    pair.out, pair.back = SA(*topo.underlay(1)), SA(*topo.underlay(1)[::-1])
    nets = [f"{CLI[4]}/32", f"{SRV[4]}/32"]
    for end, other in ((pair.ours, pair.theirs), (pair.theirs, pair.ours)):
        lines = end.policies(other, inner=[nets])
        lines += [sa.state(end.key, end.reqid) for sa in (pair.out, pair.back)]
        end.host.ip(*(line.replace("mode tunnel", "mode beet") for line in lines))
        nets.reverse()
    assert vgw.state(1) == "no-sa" and not vgw.carrier()
    expect(topo, vgw, {"vgw0 tx-no-tunnel": 10})
    assert topo.captures[0].packets("esp") == []
