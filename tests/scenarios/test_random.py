"""Anything in any order: two threads at random under a flood, allocations that fail, garbage.

    cli ----- gw: vgw0, vgw1, vgw2 ===== far1, far2     steps by two threads, each with its dice;
                  in gw or in inner                     floods both ways all the time

VGW_STEPS steps (make check-long has 10,000), VGW_SEED another order.
"""

import os
import random
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest
from lab import SIM, rawnl
from lab.netns import Netns, addresses, run, wait_for
from lab.capture import Capture
from lab.spec import SIZES, attributes_of, checks_of
from lab.topo import OUR_IF_ID, SRV, V4
from lab.traffic import Stream
from lab.vgw import Vgw, loaded, unload
from lab.xfrm import esp_offload, wrapped_cipher

STEPS = int(os.environ.get("VGW_STEPS", "400" if SIM else "200"))
SEED = int(os.environ.get("VGW_SEED", "1"))
FUZZ = int(os.environ.get("VGW_FUZZ", "3000"))
# A packet takes a checked kernel's emulated CPUs many milliseconds: more, and the steps starve.
PPS = {"sim": 200, "smp": 500, "debug": 25, "rt": 25}.get(os.environ.get("LAB_KERNEL"), 1000)
IFLA_NET_NS_FD, IFLA_MTU = 28, 4
NUM = rawnl.numbers()
NAMES = ("vgw0", "vgw1", "vgw2")


@pytest.fixture
def topo(make_topo):
    # Taken at the far ends: a capture in gw would see its device go.
    topo = make_topo(capture=False, bulk=True)
    topo.captures += [Capture(far, "u0", bulk=True) for far in topo.fars.values()]
    return topo


class Batch:
    """One ip(8) for all of a thread's lines: a process for each costs an emulated CPU a second.

    Nobody waits for it, so that it is a third one that does anything in any order.
    """

    def __init__(self, host):
        self.host = host
        self.start()

    def start(self):
        null = subprocess.DEVNULL
        self.proc = self.host.popen(
            "ip -force -batch -", stdin=subprocess.PIPE, bufsize=0, stdout=null, stderr=null
        )

    def __call__(self, *lines):
        said = "".join(f"{line}\n" for line in lines).encode()
        try:
            self.proc.stdin.write(said)
        except BrokenPipeError:
            # Of a refused xfrm line it dies all the same, with what stands behind that.
            self.proc.stdin.close()
            self.start()
            self.proc.stdin.write(said)

    def close(self):
        self.proc.stdin.close()
        self.proc.wait(60)


class Chaos:
    """One thread's steps. Everything may be refused; nothing may break."""

    def __init__(self, topo, inner, seed):
        self.topo, self.inner, self.dice = topo, inner, random.Random(seed)
        self.ip = Batch(topo.gw)
        # Most of the time where the connections are.
        self.hosts = [topo.gw, topo.gw, topo.gw, inner]
        self.route = {h: rawnl.Netlink(h, rawnl.NETLINK_ROUTE) for h in set(self.hosts)}
        self.done = {}

    def link(self, flags, payload, kind=rawnl.RTM_NEWLINK, host=None):
        return self.route[host or self.dice.choice(self.hosts)].ask(kind, flags, payload)

    def device(self):
        name = self.dice.choice(NAMES)
        return self.dice.choice((name, name, f"{name}-1", f"{name}-2"))

    # --- steps ---

    def add(self):
        name = self.dice.choice(NAMES)
        ids = list(OUR_IF_ID.values()) if name == "vgw0" else [1000 + self.dice.randrange(4)]
        extra = rawnl.u32(NUM["VGW_A_TUNNEL_KEEPALIVE"], 2) if self.dice.random() < 0.5 else b""
        flags = rawnl.REQUEST | rawnl.ACK | rawnl.CREATE | rawnl.EXCL
        return self.link(flags, rawnl.new_connection(name, *ids, extra=extra), host=self.topo.gw)

    def delete(self):
        return self.link(rawnl.REQUEST | rawnl.ACK, rawnl.named(self.dice.choice(NAMES)),
                         rawnl.RTM_DELLINK)  # fmt: skip

    def up(self):
        return self.link(rawnl.REQUEST | rawnl.ACK, rawnl.named(self.device(), up=True))

    def down(self):
        head = struct.pack("=BBHiII", 0, 0, 0, 0, 0, 1)
        name = rawnl.attr(rawnl.IFLA_IFNAME, self.device().encode() + b"\0")
        return self.link(rawnl.REQUEST | rawnl.ACK, head + name)

    def mtu(self):
        payload = rawnl.named(self.device()) + rawnl.u32(IFLA_MTU, self.dice.randrange(500, 1600))
        return self.link(rawnl.REQUEST | rawnl.ACK, payload)

    def move(self):
        there = struct.pack("=I", self.dice.choice(self.hosts).fd)
        payload = rawnl.named(self.dice.choice(NAMES)) + rawnl.attr(IFLA_NET_NS_FD, there)
        return self.link(rawnl.REQUEST | rawnl.ACK, payload)

    def routed(self):
        def index():
            try:
                return socket.if_nametoindex("vgw0")
            except OSError:
                return 0

        flags = rawnl.REQUEST | rawnl.ACK | rawnl.CREATE
        at = self.topo.gw.inside(index)
        return self.link(flags, rawnl.routed(SRV[4], at), rawnl.RTM_NEWROUTE, self.topo.gw)

    def generic(self, command, payload=b"", flags=rawnl.REQUEST | rawnl.ACK):
        host = self.dice.choice(self.hosts)
        name = rawnl.attr(NUM["VGW_A_IFNAME"], self.dice.choice(NAMES).encode() + b"\0")
        try:
            talk = rawnl.Netlink(host, rawnl.NETLINK_GENERIC)
        except AssertionError:
            return None  # the module is gone just now
        try:
            return talk.vgw(NUM[command], name + payload, flags)
        finally:
            talk.close()

    def select(self):
        index = rawnl.attr(NUM["VGW_A_TUNNEL_INDEX"], bytes([self.dice.randrange(2)]))
        return rawnl.nest(NUM["VGW_A_TUNNEL_SELECT"], index)

    def switch(self):
        return self.generic("VGW_CMD_SWITCH", self.select())

    def drain(self):
        drain = rawnl.attr(NUM["VGW_A_DRAIN"], bytes([self.dice.randrange(2)]))
        return self.generic("VGW_CMD_DRAIN", self.select() + drain)

    def change(self):
        option = self.dice.choice((
            rawnl.u32(NUM["VGW_A_TUNNEL_MISSES"], self.dice.randrange(1, 33)),
            rawnl.u32(NUM["VGW_A_TUNNEL_PREFERENCE"], self.dice.randrange(300)),
            rawnl.u32(NUM["VGW_A_TUNNEL_KEEPALIVE"], self.dice.randrange(1, 3)),
            rawnl.u32(NUM["VGW_A_TUNNEL_INTERVAL"], self.dice.randrange(10, 1000)),
        ))  # fmt: skip
        index = rawnl.attr(NUM["VGW_A_TUNNEL_INDEX"], bytes([self.dice.randrange(2)]))
        tunnel = rawnl.nest(NUM["VGW_A_TUNNELS_TUNNEL"], index, option)
        return self.generic("VGW_CMD_SET", rawnl.nest(NUM["VGW_A_TUNNELS"], tunnel))

    def show(self):
        return self.generic("VGW_CMD_GET", flags=rawnl.REQUEST)

    def dump(self):
        return self.generic("VGW_CMD_GET", flags=rawnl.REQUEST | rawnl.DUMP)

    def sa_gone(self):
        pair = self.topo.pairs[self.dice.choice((1, 2))]
        self.ip(*(sa.delete() for sa in (pair.out, pair.back)))

    def sa_back(self):
        pair = self.topo.pairs[self.dice.choice((1, 2))]
        self.ip(*pair.states_of(pair.ours))

    def policies_gone(self):
        self.ip("xfrm policy flush")

    def policies_back(self):
        pair = self.topo.pairs[self.dice.choice((1, 2))]
        self.ip(*pair.ours.policies(pair.theirs, "update"))

    def underlay(self):
        n = self.dice.choice((1, 2))
        if self.dice.random() < 0.5:
            self.ip(f"link set u{n} down")
        else:
            self.ip(*addresses(f"u{n}", [f"{V4[n][0]}/30"]))

    def reload(self):
        run(["rmmod", "vgw"], check=False)
        run(["modprobe", "vgw"], check=False)

    WEIGHTS = {
        add: 10, delete: 2, up: 10, down: 2, mtu: 3, move: 1, routed: 4, switch: 6, drain: 4,
        change: 6, show: 3, dump: 3, sa_gone: 1, sa_back: 2, policies_gone: 1, policies_back: 2,
        underlay: 1, reload: 0.2,
    }  # fmt: skip

    def step(self):
        what = self.dice.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))[0]
        begin = time.monotonic()
        answer = what(self)
        took = self.done.setdefault(what.__name__, [0, 0, 0])
        took[0] += 1
        took[1] += answer == 0
        took[2] += time.monotonic() - begin
        # In the simulator packets flow only while somebody sleeps.
        time.sleep(self.dice.uniform(0, 0.004) if SIM else 0)


def begin(topo):
    inner = Netns("inner", forward=True)
    topo.hosts.append(inner)
    Vgw(topo, tunnel="keepalive 20ms misses 3")
    topo.echo()
    streams = [topo.stream(pps=PPS)]
    streams += [Stream(far, SRV[4], "10.10.0.1", 7001, pps=PPS) for far in topo.fars.values()]
    return inner, streams


def end(topo, inner, streams):
    for stream in streams:
        assert stream.stop().sent, "no flood"
    unload()
    assert not loaded()
    for host in (topo.gw, inner):
        left = host.inside(socket.if_nameindex)
        assert not [name for _, name in left if name.startswith("vgw")], left
    run(["modprobe", "vgw"])


@pytest.fixture(params=("at once", "later"))
def crypto(request):
    """When a packet is through the cipher: cryptd answers later, and GRO and GSO know ESP."""
    if request.param == "at once":
        yield
        return
    with esp_offload(), wrapped_cipher("cryptd"):
        yield


def test_two_threads_do_anything_in_any_order(crypto, topo):
    inner, streams = begin(topo)
    seen = Path("/tmp/xfrm-monitor")
    with seen.open("w", encoding="utf-8") as out:
        monitor = topo.gw.popen("ip xfrm monitor", stdout=out)
    errors, all_done = [], []

    def go(chaos):
        try:
            for _ in range(STEPS // 2):
                chaos.step()
        except BaseException as err:
            errors.append(err)

    chaos = [Chaos(topo, inner, SEED * 2 + i) for i in range(2)]
    threads = [threading.Thread(target=go, args=(each,)) for each in chaos]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in chaos:
        each.ip.close()
        for sock in each.route.values():
            sock.close()
        all_done.append(each.done)
    assert not errors, errors
    monitor.terminate()
    monitor.wait()
    # What the batches did, who say nothing themselves.
    deleted, flushed, added = (sum(line.startswith(word) for line in seen.open(encoding="utf-8"))
                               for word in ("Deleted src", "Flushed policy", "src"))  # fmt: skip
    end(topo, inner, streams)
    names = sorted(set().union(*all_done))
    story = {n: [round(sum(d.get(n, [0, 0, 0])[i] for d in all_done), 2) for i in range(3)]
             for n in names}  # fmt: skip
    print(f"\n{STEPS} steps, [done, accepted, seconds]: {story}; as XFRM tells: {deleted} deleted,"
          f" {flushed} flushes, {added} made or changed")  # fmt: skip
    # Dice that change nothing prove nothing.
    assert story["add"][1] and story["delete"][1] and story["switch"][0], story
    assert deleted and flushed and added, (deleted, flushed, added)


@pytest.mark.skipif(
    not rawnl.FailNth.available(), reason="fault injection: only the simulator's kernel has it"
)
@pytest.mark.parametrize("percent", (1, 10))
def test_allocations_that_fail_under_traffic_break_nothing(topo, percent):
    """Of the sender's own context: its packets go through vgw and ESP in it."""
    inner, streams = begin(topo)
    rawnl.FailNth()
    # The filter first, the rate last: who writes these must not fail.
    knobs = {"task-filter": "Y", "ignore-gfp-wait": "N", "verbose": 0, "interval": 1, "times": -1,
             "probability": percent}  # fmt: skip

    def knob(name, value):
        with open(f"/sys/kernel/debug/failslab/{name}", "w", encoding="ascii") as file:
            file.write(str(value))

    for name, value in knobs.items():
        knob(name, value)
    for stream in streams:
        with open(f"/proc/{stream.pid}/make-it-fail", "w", encoding="ascii") as file:
            file.write("1")
    try:
        time.sleep(3)
    finally:
        knob("probability", 0)
    time.sleep(0.5)
    vgw_up = topo.gw.run("vgwctl -j show vgw0").stdout
    assert '"state": "up"' in vgw_up or '"state":"up"' in vgw_up, vgw_up
    assert '"switches": 0' in vgw_up or '"switches":0' in vgw_up, vgw_up
    for stream in streams:
        with open(f"/proc/{stream.pid}/make-it-fail", "w", encoding="ascii") as file:
            file.write("0")
    end(topo, inner, streams)


# --- garbage --------------------------------------------------------------------------------------


class Garbage:
    """Requests that are nearly right: shape from the specification, content from the dice."""

    NAMES = (b"vgw0\0", b"vgw1\0", b"vgw0-1\0", b"vgw0-2\0", b"lo\0")

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.sets = {name: tuple(attributes_of(name)) for name in ("vgw", "tunnel")}

    def value(self, depth):
        dice = self.dice
        kind = dice.random()
        if kind < 0.25 and depth < 5:
            return b"".join(self.attr(depth + 1) for _ in range(dice.randrange(4))), True
        if kind < 0.75:
            size = dice.choice((1, 2, 4, 4, 4, 8, 16))
            edges = (0, 1, (1 << (8 * size)) - 1, 1 << (8 * size - 1), dice.getrandbits(8 * size))
            return dice.choice(edges).to_bytes(size, "little"), False
        if kind < 0.85:
            return dice.choice((*self.NAMES, b"", b"x" * 200)), False
        return dice.randbytes(dice.randrange(40)), False

    def attr(self, depth=0):
        payload, nested = self.value(depth)
        kind = self.dice.randrange(45) | (rawnl.NESTED if nested else 0)
        whole = rawnl.attr(kind, payload)
        if self.dice.random() < 0.03:
            # A length that lies.
            whole = struct.pack("=H", self.dice.randrange(1 << 16)) + whole[2:]
        return whole

    def field(self, which):
        """An attribute of a set: mostly one that requests bear, mostly within its bounds."""
        dice = self.dice
        attributes = self.sets[which]
        if dice.random() < 0.9:
            last = NUM["VGW_A_DRAIN" if which == "vgw" else "VGW_A_TUNNEL_DRAINED"]
            attributes = [each for each in attributes if each[1] <= last]
        attribute, number = dice.choice(attributes)
        checks, kind = checks_of(attribute), attribute["type"]
        if dice.random() < 0.1:
            return rawnl.attr(number, self.value(1)[0])
        if attribute["name"] == "tunnel-select":
            return rawnl.nest(number, self.field("tunnel"))
        if attribute["name"] == "tunnels":
            return self.tunnels(dice.randrange(1, 4), NUM["VGW_A_TUNNEL_INDEX"])
        if kind in SIZES:
            low, high = checks.get("min", 0), checks.get("max", (1 << 8 * SIZES[kind]) - 1)
            small = min(high, low + dice.randrange(8))
            number_ = dice.choice((low, high, small, small, dice.randint(low, high)))
            return rawnl.attr(number, number_.to_bytes(SIZES[kind], "little"))
        if kind == "string":
            return rawnl.attr(number, dice.choice(self.NAMES))
        v4 = socket.inet_aton(f"169.254.{dice.randrange(8)}.{dice.randrange(4)}")
        v6 = bytes.fromhex("fd" + "00" * 14) + dice.randbytes(1)
        return rawnl.attr(number, dice.choice((v4, v4, v6, dice.randbytes(4))))

    def tunnels(self, n, key):
        """Each with a number of its own as its if_id or index, and a few fields more."""
        dice = self.dice
        nests = []
        for i in range(n):
            which = i if key == NUM["VGW_A_TUNNEL_INDEX"] else i + 1
            fields = [rawnl.attr(key, which.to_bytes(self.size(key), "little"))]
            fields += [self.field("tunnel") for _ in range(dice.choice((0, 0, 1, 1, 2, 3)))]
            nests.append(rawnl.nest(NUM["VGW_A_TUNNELS_TUNNEL"], *fields))
        return rawnl.nest(NUM["VGW_A_TUNNELS"], *nests)

    def size(self, number):
        return next(SIZES[a["type"]] for a, n in self.sets["tunnel"] if n == number)

    def fields(self):
        """What else a request bears: fields of a connection, now and then anything."""
        dice = self.dice
        count = dice.choice((0, 1, 1, 2, 3))
        return b"".join(self.field("vgw") if dice.random() < 0.8 else self.attr()
                        for _ in range(count))  # fmt: skip

    def new_link(self):
        dice = self.dice
        data = self.tunnels(dice.choice((1, 2, 2, 2, 8, 9)), NUM["VGW_A_TUNNEL_IF_ID"])
        data += self.fields()
        kind = dice.choice((b"vgw", b"vgw", b"vgw", b"vgw_tunnel"))
        body = struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0)
        body += rawnl.attr(rawnl.IFLA_IFNAME, dice.choice((b"vgw0\0", b"vgw1\0")))
        return body + rawnl.nest(rawnl.IFLA_LINKINFO, rawnl.attr(rawnl.IFLA_INFO_KIND, kind),
                                 rawnl.attr(rawnl.IFLA_INFO_DATA | rawnl.NESTED, data))  # fmt: skip


def test_garbage_is_refused_or_harmless(topo):
    gw = topo.gw
    route = rawnl.Netlink(gw, rawnl.NETLINK_ROUTE)
    generic = rawnl.Netlink(gw, rawnl.NETLINK_GENERIC)
    garbage, answers = Garbage(SEED), {}
    flags = rawnl.REQUEST | rawnl.ACK
    commands = [v for k, v in NUM.items() if k.startswith("VGW_CMD_")] + [0, 77]
    for i in range(FUZZ):
        dice = garbage.dice
        if dice.random() < 0.4:
            more = rawnl.CREATE if dice.random() < 0.7 else 0
            answer = route.ask(rawnl.RTM_NEWLINK, flags | more, garbage.new_link())
        else:
            name = rawnl.attr(NUM["VGW_A_IFNAME"], b"vgw0\0") if dice.random() < 0.9 else b""
            answer = generic.vgw(dice.choice(commands), name + garbage.fields())
        answers[answer] = answers.get(answer, 0) + 1
        if i % 50 == 0:
            for name in NAMES:
                route.ask(rawnl.RTM_DELLINK, flags, rawnl.named(name))
            # Most requests find a connection.
            route.ask(rawnl.RTM_NEWLINK, flags | rawnl.CREATE, rawnl.new_connection("vgw0", 7, 8))
        # Nothing half-made: a connection has its tunnels, and no tunnel is without.
        if i % 10 == 0:
            links = {name for _, name in gw.inside(socket.if_nameindex)}
            for name in links:
                if name.startswith("vgw") and "-" not in name:
                    assert any(t.startswith(f"{name}-") for t in links) or len(links) > 5, links
    for name in NAMES:
        route.ask(rawnl.RTM_DELLINK, flags, rawnl.named(name))
    route.close()
    generic.close()
    wait_for("all gone", lambda: not any(
        n.startswith("vgw") for _, n in gw.inside(socket.if_nameindex)), 10)  # fmt: skip
    print(f"\n{FUZZ} requests, answers by errno: {answers}")
    assert answers.get(0) and len(answers) > 4, answers
