"""Anything is removed at any time, under traffic: no splat, no leak, no hang, no clear byte.

    cli ----- gw =====vgw0-1===== far1 (10.20.0.1)      captures are taken at the far ends here:
     \\         \\======vgw0-2===== far2 (10.20.0.1)      one in gw would keep its namespace alive
      \\------ inner                                      vgw0 moves there; 10.10.8.0/24
"""

import json
import os
import re
import socket
import struct
import sys
import threading
import time

import pytest
from lab import SIM, rawnl
from lab.capture import Capture
from lab.kmsg import Kmsg
from lab.netns import Netns, link, run, wait_for
from lab.topo import OUR_IF_ID, SRV, inside
from lab.tracing import traced
from lab.traffic import Stream
from lab.vgw import Events, Vgw, loaded, unload
from lab.xfrm import End, Key, Pair

INNER_CLI = "10.10.8.1"
# make check-long has a thousand.
LIVES = int(os.environ.get("VGW_LIVES", "30"))
# Of the allocations that may fail; make check-long takes each.
EVERY = int(os.environ.get("VGW_EVERY", "3"))
# In the simulator work takes no time: what is to happen meanwhile happens while we sleep.
BREATH = 0.003


@pytest.fixture
def topo(make_topo):
    topo = make_topo(capture=False)
    topo.captures += [Capture(far, "u0") for far in topo.fars.values()]
    return topo


def add(gw, check=True):
    return gw.run(
        ["vgwctl", "add", "vgw0", *(w for n in (1, 2) for w in
         ("tunnel", "if_id", OUR_IF_ID[n], "inside", f"169.254.{n}.1/30", "interval", "10ms"))],
        check=check,
    )  # fmt: skip


class Batch:
    """One ip(8) that does lines as they come and shrugs at errors."""

    def __init__(self, host):
        host.flush()
        self.proc = host.popen(
            "ip -force -batch -", stdin=-1, stdout=-3, stderr=-3, text=True, bufsize=1
        )

    def do(self, *lines):
        self.proc.stdin.write("".join(f"{line}\n" for line in lines))

    def end(self):
        self.proc.stdin.close()
        self.proc.wait()


def names(host):
    return {each["ifname"] for each in host.ip_json("link show")}


OURS = {"vgw0", "vgw0-1", "vgw0-2"}


def followed(host):
    wait_for("tunnels to follow", lambda: OURS <= names(host), 10)


def loop(times):
    """As often as told in the simulator, for a while under emulation; says how often."""
    end = time.monotonic() + 25
    done = 0
    while done < times and (SIM or time.monotonic() < end):
        yield done
        done += 1
    print(f"\n{done} times")


def traffic(topo):
    topo.echo()
    streams = [topo.stream(pps=500)]
    # The other way as well: decapsulation goes on while there is no connection.
    streams += [Stream(far, SRV[4], "10.10.0.1", 7001, pps=500) for far in topo.fars.values()]
    return streams


def test_created_and_deleted_again_and_again_under_traffic(topo):
    vgw = Vgw(topo)
    vgw.wait_up()
    streams = traffic(topo)
    vgw.delete()
    # No process of its own for each: a thousand of those would be most of the time.
    route = rawnl.Netlink(topo.gw, rawnl.NETLINK_ROUTE)
    off = rawnl.u32(rawnl.numbers()["VGW_A_TUNNEL_KEEPALIVE"], 2)
    create = rawnl.new_connection("vgw0", *OUR_IF_ID.values(), extra=off)
    ask = rawnl.REQUEST | rawnl.ACK
    flags = ask | rawnl.CREATE | rawnl.EXCL
    before = topo.gw.xfrm_stat()["XfrmInNoPols"]
    for i in loop(LIVES):
        assert route.ask(rawnl.RTM_NEWLINK, flags, create) == 0, i
        assert route.ask(rawnl.RTM_NEWLINK, ask, rawnl.named("vgw0", up=True)) == 0, i
        index = topo.gw.inside(socket.if_nametoindex, "vgw0")
        assert route.ask(rawnl.RTM_NEWROUTE, flags, rawnl.routed(SRV[4], index)) == 0, i
        time.sleep(BREATH)
        assert route.ask(rawnl.RTM_DELLINK, ask, rawnl.named("vgw0")) == 0, i
        # Time for packets to arrive that find no connection.
        time.sleep(0 if i % 10 else BREATH)
    route.close()
    # Without a connection what arrives meets the kernel's own check, which refuses it.
    assert topo.gw.xfrm_stat()["XfrmInNoPols"] > before
    add(topo.gw)
    topo.gw.ip("link set vgw0 up", f"route add {SRV[4]} dev vgw0")
    vgw.wait_up()
    time.sleep(0.2)
    vgw.delete()
    for stream in streams:
        result = stream.stop()
        assert result.sent > LIVES, result


def test_sas_and_policies_that_come_and_go_while_connections_do(topo):
    vgw = Vgw(topo, routes=False)
    vgw.delete()
    gw, stop = topo.gw, threading.Event()

    def churn():
        ip = Batch(gw)
        policies = topo.pairs[1].ours.policies(topo.pairs[1].theirs, "update")
        pair = topo.pairs[1]
        states = list(pair.states_of(pair.ours))
        while not stop.is_set():
            ip.do(*(sa.delete() for sa in (topo.pairs[1].out, topo.pairs[1].back)), *states)
            ip.do("xfrm policy flush", *policies, "xfrm state flush", *states)
            time.sleep(0.002 if SIM else 0.05)
        ip.end()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in loop(min(200, LIVES)):
            add(gw)
            time.sleep(BREATH)
            gw.ip("link set vgw0 up")
            time.sleep(BREATH)
            vgw.show()
            vgw.delete()
    finally:
        stop.set()
        thread.join()


@pytest.mark.skipif(SIM, reason="a race of two CPUs: the simulator has one")
def test_readers_of_counters_never_meet_half_a_connection(topo):
    """/proc/net/dev is read without pause while connections of 8 tunnels come, go and fail."""
    gw, stop, reads = topo.gw, threading.Event(), [0, 0]
    gw.ip("link add vgw0-8 type dummy")

    def read():
        gw.enter()
        while not stop.is_set():
            with open("/proc/thread-self/net/dev", encoding="ascii") as file:
                reads[0] += len(file.read()) > 0
            time.sleep(0.0005)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    eight = [w for n in range(1, 9) for w in ("tunnel", "if_id", 500 + n)]
    try:
        for i in loop(100):
            # Every other one fails at its eighth tunnel.
            name = "vgw0" if i % 2 else "vgw1"
            done = gw.run(["vgwctl", "add", name, *eight], check=False)
            assert (done.returncode == 0) == (name == "vgw1"), done
            if name == "vgw1":
                gw.run("vgwctl del vgw1")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert reads[0] > 50


class Inner:
    """vgw0 and its tunnels in a namespace of their own, the underlay stays at gw."""

    def __init__(self, topo, up="separately"):
        self.topo, self.host = topo, Netns("inner", forward=True)
        topo.hosts.append(self.host)
        link(self.host, "lan", ["10.10.8.254/24"], topo.cli, "lan8", [f"{INNER_CLI}/24"])
        topo.cli.flush()
        topo.cli.ip(f"route add {SRV[4]} via 10.10.8.254")
        self.vgw = Vgw(topo, "vgw0", "revert 100ms", "keepalive 100ms misses 5",
                       {1: "preference 200"})  # fmt: skip
        self.vgw.wait_up()
        if up == "at once":
            topo.gw.ip("link set vgw0 netns inner up")
        else:
            topo.gw.ip("link set vgw0 netns inner")
            self.host.ip("link set vgw0 up")
        self.vgw.gw = self.host
        self.host.ip(f"route add {SRV[4]} dev vgw0")

    def stream(self, **options):
        return Stream(self.topo.cli, INNER_CLI, SRV[4], 7000, **options)


@pytest.mark.parametrize("up", ("separately", "at once"))
def test_a_connection_moved_to_another_namespace_keeps_its_underlay(topo, up):
    inner = Inner(topo, up)
    followed(inner.host)
    inner.vgw.wait_up()
    inner.vgw.wait_active(1)
    switches = inner.vgw.switches()
    topo.echo()
    result = inner.stream(pps=200, count=100).wait()
    assert (result.lost, result.dup) == (0, 0), result
    topo.pairs[1].drop_ours()
    result = inner.stream(pps=200, count=50).wait()
    assert result.lost == 0 and result.by == {"far2": 50}, result
    assert inner.vgw.switches() == switches + 1
    assert not [x for x in topo.gw.ip_json("link show") if x["ifname"].startswith("vgw")]


def test_a_connection_takes_no_route_along_from_a_namespace_that_goes(topo):
    """IPv6 counts its routes in the netns: who keeps one for longer writes into freed memory."""
    vgw = Vgw(topo, sas=False, tunnel="keepalive off")
    for n in (1, 2):
        topo.pair(n, extra="flag af-unspec")
    vgw.wait_up()
    for name in ("first", "second", "third"):
        host = Netns(name)
        vgw.gw.ip(f"link set vgw0 netns {name}")
        if vgw.gw is not topo.gw:
            topo.hosts.remove(vgw.gw)
            vgw.gw.close()
            time.sleep(1)  # until its memory is free, which nobody is told of
        vgw.gw = host
        topo.hosts.append(host)
        followed(host)
        host.ip("link set vgw0 up", f"addr add {inside(1, 6)[0]}/126 dev vgw0 nodad")
        vgw.wait_up()
        assert host.ping(inside(1, 6)[1], 3, 0.05) == 3
    topo.gw.run("vgwctl del vgw0", check=False)


DOOMED = []  # namespaces that no traffic process may keep alive by what it inherited


def forget_doomed():
    for host in DOOMED:
        os.close(host.fd)


os.register_at_fork(after_in_child=forget_doomed)


@pytest.mark.parametrize("order", ("underlay first", "devices first", "both", "one and the same"))
def test_namespaces_deleted_under_traffic_in_every_order(topo, order):
    if order == "one and the same":
        vgw = Vgw(topo, tunnel="keepalive 10ms misses 5")
        hosts = [topo.gw]
    else:
        inner = Inner(topo)
        vgw = inner.vgw
        hosts = [topo.gw, inner.host]
        if order == "devices first":
            hosts.reverse()
    vgw.wait_up()
    DOOMED[:] = hosts
    topo.echo()
    streams = [topo.stream(pps=500) if order == "one and the same" else inner.stream(pps=500)]
    streams += [Stream(far, SRV[4], "10.10.0.1", 7001, pps=300) for far in topo.fars.values()]
    time.sleep(0.3)
    for host in hosts:
        topo.hosts.remove(host)
        DOOMED.remove(host)
        host.close()
        if order != "both":
            time.sleep(0.3)
    # The far ends of its links go when the namespace does: it hangs on nothing of ours.
    wait_for("underlay gone", lambda: "u0" not in names(topo.fars[1]), 30, 0.2)
    if order != "one and the same":
        wait_for("inner gone", lambda: "lan8" not in names(topo.cli), 30, 0.2)
    for stream in streams:
        stream.stop()
    unload()
    assert not loaded()
    run(["modprobe", "vgw"])


def elsewhere(topo, *wanted):
    """Namespaces of these names beside gw, each on a link of its own that goes with it."""
    made = []
    for name in wanted:
        made.append(Netns(name))
        topo.hosts.append(made[-1])
        link(topo.cli, f"to-{name}", (), made[-1], "u0", ())
        made[-1].flush()
    return made


def gone(topo, host):
    """Deletes a namespace; its link goes when the kernel is done with it."""
    topo.hosts.remove(host)
    host.close()
    wait_for(f"{host} gone", lambda: f"to-{host.name}" not in names(topo.cli), 30, 0.2)


@pytest.mark.parametrize("origin", ("home", "elsewhere"))
def test_a_connection_whose_tunnel_cannot_follow_it_goes_as_a_whole(topo, origin):
    """And holds up no namespace in which a tunnel was left."""
    vgw, gw = Vgw(topo, sas=False, far=False, tunnel="keepalive off"), topo.gw
    first, second = elsewhere(topo, "first", "second")
    if origin == "elsewhere":
        gw.ip("link set vgw0 netns first")
        followed(first)
        left = first
    else:
        # Its going is an event for the very connection that goes.
        vgw.set("local 203.0.113.9", 2)
        gw.ip("addr add 203.0.113.9/32 dev vgw0-2")
        left = gw
    left.ip("link property add dev vgw0-1 altname taken")
    second.ip("link add other type dummy", "link property add dev other altname taken")
    log = Kmsg()
    left.ip("link set vgw0 netns second")
    wait_for("no device of the connection", lambda: not OURS & (names(left) | names(second)), 10)
    assert any("vgw0-1 cannot be moved" in line and "altname" in line for line in log.lines())
    if origin == "elsewhere":
        gone(topo, first)
    gone(topo, second)
    unload()
    run(["modprobe", "vgw"])


def test_a_namespace_goes_while_tunnels_have_yet_to_follow_from_it(topo):
    """Each connection is whole where it went, or gone."""
    first, second = elsewhere(topo, "first", "second")
    each = [f"c{n}" for n in range(16)]
    for n, name in enumerate(each):
        topo.gw.run(f"vgwctl add {name} tunnel if_id {2 * n + 1} tunnel if_id {2 * n + 2}")
    ours = {dev for name in each for dev in (name, f"{name}-1", f"{name}-2")}
    topo.gw.ip(*(f"link set {name} netns first" for name in each))
    wait_for("tunnels to follow", lambda: ours <= names(first), 10)
    first.ip(*(f"link set {name} netns second" for name in each))
    gone(topo, first)
    there = names(second) & ours
    assert all(len({name, f"{name}-1", f"{name}-2"} & there) in (0, 3) for name in each), there
    topo.gw.run("vgwctl show")
    gone(topo, second)
    unload()
    run(["modprobe", "vgw"])


def test_a_connection_in_a_vrf_carries_its_traffic_and_leaves_it_under_load(topo):
    vgw = Vgw(topo, tunnel="keepalive 100ms misses 5", routes=False)
    gw = topo.gw
    gw.ip(
        "link add red type vrf table 100", "link set red up", "link set vgw0 master red",
        "link set lan master red", f"route add {SRV[4]} dev vgw0 vrf red",
    )  # fmt: skip
    vgw.wait_up()
    topo.echo()
    result = topo.stream(pps=200, count=100).wait()
    assert (result.lost, result.dup) == (0, 0), result
    stream = topo.stream(pps=200)
    time.sleep(0.2)
    gw.ip("link set vgw0 nomaster")
    time.sleep(0.2)
    gw.ip("link set vgw0 master red", f"route add {SRV[4]} dev vgw0 vrf red", check=False)
    time.sleep(0.2)
    gw.ip("link del red")
    time.sleep(0.2)
    stream.stop()
    assert vgw.state(1) == "up"


def test_renamed_devices_go_on(topo):
    vgw = Vgw(topo)
    vgw.wait_up()
    topo.echo()
    stream = topo.stream(pps=200)
    time.sleep(0.2)
    topo.gw.ip("link set vgw0 name site", "link set vgw0-1 name left")
    time.sleep(0.3)
    result = stream.stop()
    assert result.lost == 0, result
    shown = json.loads(topo.gw.run("vgwctl -j show site").stdout)[0]
    assert [t["ifname"] for t in shown["tunnels"]] == ["left", "vgw0-2"]
    topo.gw.run("vgwctl drain site left")
    assert json.loads(topo.gw.run("vgwctl -j show site").stdout)[0]["active"] == "vgw0-2"
    topo.gw.run("vgwctl del site")
    assert not [x for x in topo.gw.ip_json("link show") if x["ifname"] in ("left", "vgw0-2")]


def test_a_tunnel_set_down_by_itself_hands_over_and_comes_back(topo):
    vgw = Vgw(topo, tunnel="keepalive 100ms misses 5", tunnels={1: "preference 200"})
    vgw.wait_up()
    vgw.wait_active(1, 60)
    topo.echo()
    stream = topo.stream(pps=500)
    time.sleep(0.2)
    topo.gw.ip("link set vgw0-1 down")
    time.sleep(0.2)
    assert (vgw.state(1), vgw.active()) == ("disabled", 2)
    topo.gw.ip("link set vgw0-1 up")
    vgw.wait_up()
    result = stream.stop()
    # What was on its way back through the tunnel that is down; a busy machine has a queue of it.
    assert result.lost == vgw.stats(1).get("rx-down", 0), result
    assert result.lost <= (1 if SIM else 250), result
    assert vgw.identity()["routes"]


def test_a_tunnel_that_goes_down_hands_over_before_it_takes_no_more(topo):
    """Its queue is reset when it transmits no longer; ndo_stop() comes a grace period later."""
    vgw = Vgw(topo, tunnels={1: "preference 200"})
    vgw.wait_active(1)
    vgw.wait_up()
    topo.gw.run("tc qdisc add dev vgw0-1 root pfifo")
    with traced("vgw/vgw_switch", "qdisc/qdisc_reset") as said:
        topo.gw.ip("link set vgw0-1 down")
        text = said()
    happened = re.findall(r"vgw_switch: vgw0 active 0 -> 1|qdisc_reset: dev=vgw0-1 ", text)
    assert happened[0].startswith("vgw_switch") and len(happened) > 1, text


def test_a_connection_over_a_connection_follows_it_at_once(topo):
    """vgw1's far end is behind vgw0: without keepalives only the device's events can tell."""
    vgw = Vgw(topo, tunnel="keepalive off")
    vgw.wait_up()
    gw, (here, there) = topo.gw, ("10.10.0.254", SRV[4])
    Vgw.ctl(vgw, *f"add vgw1 tunnel if_id 7 local {here} remote {there} keepalive off".split())
    gw.ip("link set vgw1 up")
    pair = Pair(End(gw, here, Key(if_id=7)), End(topo.fars[1], there, Key(if_id=77)))
    pair.up()
    over = Vgw.__new__(Vgw)
    over.gw, over.name, over.only = gw, "vgw1", (1,)
    over.wait_up()
    mtu = over.show()["link_mtu"]
    assert 0 < mtu < vgw.show()["link_mtu"]
    gw.ip("link set vgw0 mtu 1200")
    wait_for("the MTU of what is inside", lambda: over.show()["link_mtu"] < mtu - 240)
    for n in (1, 2):
        gw.ip(f"link set vgw0-{n} down")
    wait_for("no path", lambda: over.tunnel(1)["state_reason"] == "path-lost", 5)
    gw.ip("link set vgw0-2 up")
    over.wait_up(timeout=5)
    vgw.delete()
    wait_for("no path", lambda: over.tunnel(1)["state_reason"] == "path-lost", 5)
    pair.close()


@pytest.mark.parametrize("what", ("down", "deleted"))
def test_an_underlay_device_that_goes_takes_its_tunnel_only(topo, what):
    vgw = Vgw(topo, tunnel="keepalive 100ms misses 5", tunnels={1: "preference 200"})
    vgw.wait_up()
    vgw.wait_active(1, 60)
    topo.echo()
    stream = topo.stream(pps=500)
    time.sleep(0.2)
    topo.gw.ip("link set u1 down" if what == "down" else "link del u1")
    vgw.wait_active(2, 5)
    assert vgw.state(1) == "no-sa" and vgw.tunnel(1)["state_reason"] == "path-lost"
    time.sleep(0.3)
    result = stream.stop()
    assert result.lost <= (3 if SIM else 100) and result.moves[-1][1] == "far2", result
    # Captured at far1, whose device is gone with its peer.
    if what == "deleted":
        topo.captures[0].proc.wait()


def test_the_module_unloads_with_devices_readers_and_dumps_alive(topo):
    vgw = Vgw(topo, tunnel="keepalive 10ms misses 5")
    vgw.wait_up()
    streams = traffic(topo)
    monitors = [topo.gw.popen(["vgwctl", "monitor"], stdout=-3, stderr=-3) for _ in range(2)]
    stop = threading.Event()

    def dump():
        while not stop.is_set():
            topo.gw.run("ip -d -s link show", check=False)
            topo.gw.run("ethtool -S vgw0", check=False)
            # Without it the simulator's clock would stand still.
            time.sleep(5 * BREATH)

    thread = threading.Thread(target=dump)
    thread.start()
    for _ in loop(10):
        unload()
        run(["modprobe", "vgw"])
        add(topo.gw)
        topo.gw.ip("link set vgw0 up", f"route add {SRV[4]} dev vgw0")
        time.sleep(0.05)
    unload()
    stop.set()
    thread.join()
    assert not loaded()
    for stream in streams:
        stream.stop()
    for monitor in monitors:
        monitor.terminate()
        monitor.wait()
    run(["modprobe", "vgw"])


def test_listeners_hear_that_the_module_takes_each_connection_along(topo):
    vgw = Vgw(topo, sas=False, far=False, up=False)
    vgw.ctl("add", "vgw1", "tunnel", "if_id", 7)
    events = [vgw.monitor(), Events(topo.gw, "vgw1")]
    unload()
    for each in events:
        each.wait("deleted", reason="removed")
    run(["modprobe", "vgw"])


FAULTS = pytest.mark.skipif(
    not rawnl.FailNth.available(), reason="fault injection: only the simulator's kernel has it"
)


@FAULTS
def test_a_namespace_whose_making_fails_anywhere_is_unmade_in_peace():
    """Its lo comes and goes though not all of its storage may be there."""
    fail = rawnl.FailNth()

    def injected(n):
        """A thread that did not leave our namespace would leave the test's."""
        box = []
        thread = threading.Thread(
            target=lambda: box.append(fail.nth(n, lambda: os.unshare(os.CLONE_NEWNET)))
        )
        thread.start()
        thread.join()
        return box[0]

    run(["modprobe", "vgw"])
    n = 1
    while injected(n):
        n += EVERY
        assert n < 20000
    # One that had all it wanted was made and, its thread gone, unmade.
    assert n > 100
    print(f"\nless than {n} allocations, one of {EVERY} failed")


@FAULTS
def test_every_allocation_of_every_request_may_fail(topo):
    """The n-th allocation fails, for n = 1, 1 + EVERY, ... until a request made fewer than n."""
    vgw = Vgw(topo, routes=False)
    vgw.delete()
    gw, fail, num = topo.gw, rawnl.FailNth(), rawnl.numbers()
    route = rawnl.Netlink(gw, rawnl.NETLINK_ROUTE)
    generic = rawnl.Netlink(gw, rawnl.NETLINK_GENERIC)
    name = rawnl.attr(num["VGW_A_IFNAME"], b"vgw0\0")
    misses = rawnl.nest(
        num["VGW_A_TUNNELS"],
        rawnl.nest(num["VGW_A_TUNNELS_TUNNEL"], rawnl.attr(num["VGW_A_TUNNEL_INDEX"], b"\0"),
                   rawnl.u32(num["VGW_A_TUNNEL_MISSES"], 7)),
    )  # fmt: skip
    off = rawnl.u32(num["VGW_A_TUNNEL_KEEPALIVE"], 2)
    create = rawnl.new_connection("vgw0", 101, 102, extra=off)
    flags = rawnl.REQUEST | rawnl.ACK | rawnl.CREATE | rawnl.EXCL
    delete = rawnl.named("vgw0")

    # No process for each of a thousand faults: what is asked goes by sockets of its own.
    look = rawnl.Netlink(gw, rawnl.NETLINK_GENERIC)
    links = rawnl.Netlink(gw, rawnl.NETLINK_ROUTE)
    ask = rawnl.REQUEST | rawnl.ACK

    def ours():
        return {n for _, n in gw.inside(socket.if_nameindex)} - {"lo", "lan", "u1", "u2"}

    def usable(tunnel):
        state, policies = (
            int.from_bytes(tunnel[num[f"VGW_A_TUNNEL_{what}"]], sys.byteorder)
            for what in ("STATE", "POLICIES_IN")
        )
        return state == num["VGW_STATE_UP"] and policies == 2

    def sweep(what, act, before, after):
        """act() under every fault; before() makes it possible, after() judges what is left."""
        n, injected = 1 - EVERY, True
        while injected:
            n += EVERY
            before()
            injected = gw.inside(lambda n=n: fail.nth(n, act))
            route.answer() if what in ("add", "del") else generic.answer()
            after(n)
            assert n < 5000, what
        print(f"\n{what}: less than {n} allocations, one of {EVERY} failed")

    def remove():
        links.ask(rawnl.RTM_DELLINK, ask, delete)
        assert ours() == set()

    def whole(n):
        assert ours() in (set(), {"vgw0", "vgw0-1", "vgw0-2"}), ("add", n)
        if ours():
            for dev in ("vgw0", "vgw0-1", "vgw0-2"):
                assert links.ask(rawnl.RTM_NEWLINK, ask, rawnl.named(dev, up=True)) == 0
            # What a fault cost us to know of SAs and policies is asked for again.
            wait_for(f"both usable after fault {n}", lambda: all(map(usable, look.tunnels("vgw0"))))

    route.sock.settimeout(0.05)
    generic.sock.settimeout(0.05)
    sweep("add", lambda: route.send(rawnl.RTM_NEWLINK, flags, create), remove, whole)

    def there():
        if not ours():
            assert links.ask(rawnl.RTM_NEWLINK, flags, create) == 0

    def header(command):
        return struct.pack("=BBH", command, 1, 0)

    def command(which, payload, extra=0):
        body = header(num[which]) + name * (not extra) + payload
        return lambda: generic.send(generic.family, rawnl.REQUEST | rawnl.ACK | extra, body)

    sweep("set", command("VGW_CMD_SET", misses), there, lambda n: None)
    assert vgw.tunnel(1)["misses"] == 7
    sweep("get", command("VGW_CMD_GET", b""), there, lambda n: None)
    sweep("dump", command("VGW_CMD_GET", b"", rawnl.DUMP), there, lambda n: None)

    def all_or_none(n):
        assert ours() in (set(), {"vgw0", "vgw0-1", "vgw0-2"}), ("del", n)

    sweep("del", lambda: route.send(rawnl.RTM_DELLINK, rawnl.REQUEST | rawnl.ACK, delete), there,
          all_or_none)  # fmt: skip
    remove()
    for each in (route, generic, links, look):
        each.close()
