"""What must not come in does not, and is counted once by the counter of its own reason.

            vgw0-1 (10.20.1.0/24, fd20:1::/64 only)
    cli -- gw =========================== far1   says that it is 10.20.1.1, 10.20.2.1 or 10.99.0.1
             \\========================== far2   the same
            vgw0-2 (10.20.2.0/24, fd20:2::/64 only)
           gw -------- beside ---------- far1   an xfrm interface of its own on both

The far ends have wide policies: they send whatever they like through their SAs. Each case sends a
few packets and expects invariant 5 (these counters, no others, by exactly that many) and invariant
3 (states, active tunnel and, for what nothing authenticated, the proof of life are as before).
"""

import os
import time

import pytest
from lab import SIM, inject
from lab.netns import dummy, wait_for
from lab.topo import CLI, inside
from lab.vgw import Vgw
from lab.xfrm import SA, End, Key, Pair, xfrmi

N = 3  # packets a case
ODD = {4: "10.99.0.1", 6: "fd99::1"}


def site(n):
    """The address that may come through tunnel n."""
    return {4: f"10.20.{n}.1", 6: f"fd20:{n}::1"}


class Site:
    """The connection of the picture."""

    def __init__(self, topo, kind="if_id", outer=4, alg="gcm", keepalive="off"):
        self.topo, self.gw, self.kind, self.outer = topo, topo.gw, kind, outer
        for n, far in topo.fars.items():
            dummy(far, "sites", [f"{a}/{128 if f == 6 else 32}" for who in (site(1), site(2), ODD)
                                 for f, a in who.items()])  # fmt: skip
            far.flush()
            self.pair(n, alg)
        self.vgw = Vgw(topo, kind=kind, outer=outer, sas=False, routes=False,
                       tunnel=f"keepalive {keepalive}")  # fmt: skip
        self.gw.ip(
            *(f"route add {net} dev vgw0" for net in
              ("10.20.0.0/16", "10.99.0.0/16", "fd20::/16", "fd99::/16"))
        )  # fmt: skip
        self.boxes = {family: inject.Mailbox(topo.cli, CLI[family]) for family in (4, 6)}

    def pair(self, n, alg):
        # An SA of one family carries the other only if told so, as IKE daemons do.
        pair = self.topo.pair(
            n, self.kind, "if_id", self.outer, alg=alg, up=False, extra="flag af-unspec"
        )
        pair.states()
        self.topo.fars[n].ip(*pair.theirs.policies(pair.ours))
        self.gw.ip(*self.policies(n))

    def policies(self, n, verb="add", dirs=("out", "in", "fwd"), reqid=None):
        pair = self.topo.pairs[n]
        end = End(self.gw, pair.ours.addr, pair.ours.key, reqid or n)
        inner = [("10.10.0.0/16", f"10.20.{n}.0/24"), ("fd10::/16", f"fd20:{n}::/64")]
        inner += [(inside(n, f)[0], inside(n, f)[1]) for f in (4, 6)]
        tail = "" if verb == "del" else " priority 100"
        return [line + tail for line in end.policies(pair.theirs, verb, dirs, inner)]

    def beside(self):
        """A pair of stock xfrm interfaces whose SAs cross the same underlay; returns a check."""
        here, there = self.topo.underlay(1, self.outer)
        far = self.topo.fars[1]
        xfrmi(self.gw, "beside", 201, "u1", ["10.77.0.1/30", "fd77::1/126"])
        xfrmi(far, "beside", 43, "u0", ["10.77.0.2/30", "fd77::2/126"])
        ends = End(self.gw, here, Key(if_id=201), 21), End(far, there, Key(if_id=43), 21)
        pair = Pair(*ends, extra="flag af-unspec")
        pair.up()

        def works():
            assert self.gw.ping("10.77.0.2", 2, 0.05) == 2
            assert self.gw.ping("fd77::2", 2, 0.05) == 2

        return works

    def send(self, n, src, count=N):
        """Both inner families from far end n; returns how many of the packets cli got."""
        for family in (4, 6):
            inject.udp(self.topo.fars[n], src[family], CLI[family], count)
        time.sleep(0.1 if SIM else 0.3)
        return sum(box.count() for box in self.boxes.values())

    def judgement(self):
        shown = self.vgw.show()
        return {
            "active": shown["active"],
            "switches": shown["switches"],
            "carrier": shown["carrier"],
            **{t["ifname"]: (t["state"], t["usable"]) for t in shown["tunnels"]},
        }

    def expect(self, what, act, drops, got=0, changed=False, xfrm=None, authentic=True):
        """act() moves just these drop counters, and nothing else that counts."""
        before, counted = self.judgement(), self.vgw.counting()
        stat, begin = self.gw.xfrm_stat(), time.monotonic_ns()
        arrived = act() or 0
        wait_for(f"{what}: {drops}", lambda: counted.lost() >= sum(drops.values()), 10)
        assert (what, counted.drops()) == (what, drops)
        assert (what, arrived) == (what, got)
        if not changed:
            assert (what, self.judgement()) == (what, before)
        if xfrm:
            now = self.gw.xfrm_stat()
            moved = {k: now[k] - stat[k] for k in now if now[k] != stat[k]}
            assert (what, moved) == (what, xfrm)
        if not authentic:
            elapsed = time.monotonic_ns() - begin
            for tunnel in self.vgw.show()["tunnels"]:
                age = tunnel["proof_age"]
                assert age is None or age >= elapsed, (what, "proof of life", age, elapsed)


def combinations():
    for kind in ("if_id", "mark"):
        for outer in (4, 6):
            for offload in (False, True):
                # Under emulation each takes long: all four words once are enough there.
                if SIM or (kind, outer, offload) in (("if_id", 4, True), ("mark", 6, False)):
                    name = f"{kind}-v{outer}" + "-offload" * offload
                    yield pytest.param(kind, outer, offload, id=name)


@pytest.mark.parametrize("kind, outer, esp_offload", combinations())
def test_what_must_not_come_in_is_dropped_and_counted_once(
    offload, topo, kind, outer, esp_offload
):
    offload(esp_offload)
    if esp_offload:
        for n in topo.fars:
            topo.gw.run(f"ethtool -K u{n} gro on")
    at = Site(topo, kind, outer)
    beside = at.beside()
    beside()
    # The kernel's own check, which mark keys use, says no without saying why.
    block, template = (("rx-blocked", "rx-template") if kind == "if_id" else ("rx-no-policy",) * 2)

    for n in topo.fars:
        mine, other = f"vgw0-{n}", 3 - n
        at.expect("what is allowed", lambda n=n: at.send(n, site(n)), {}, got=2 * N)
        at.expect(
            "wrong inner source", lambda n=n: at.send(n, ODD), {f"{mine} rx-no-policy": 2 * N}
        )
        at.expect(
            "through the sibling's SA",
            lambda n=n, other=other: at.send(n, site(other)),
            {f"{mine} rx-no-policy": 2 * N},
        )

    at.gw.ip(*at.policies(1, "update", ("in",), reqid=99))
    at.expect("template mismatch", lambda: at.send(1, site(1)), {f"vgw0-1 {template}": 2 * N})
    at.gw.ip(*at.policies(1, "update", ("in",)))
    key = topo.our_key(1, kind)
    ban = [f"src {site(1)[f]} dst {CLI[f]} dir in {key}" for f in (4, 6)]
    at.gw.ip(*(f"xfrm policy add {line} priority 1 action block" for line in ban))
    at.expect("blocked", lambda: at.send(1, site(1)), {f"vgw0-1 {block}": 2 * N})
    at.gw.ip(*(f"xfrm policy del {line}" for line in ban))

    at.gw.ip(*at.policies(1, "del", ("in",)))
    wait_for("policy missed", lambda: at.vgw.state(1) == "no-sa")
    at.expect("no inbound policy", lambda: at.send(1, site(1)), {"vgw0-1 rx-no-policy": 2 * N})
    at.gw.ip(*at.policies(1, "add", ("in",)))
    at.vgw.wait_up(1)
    at.expect("allowed again", lambda: at.send(1, site(1)), {}, got=2 * N)

    forgeries(topo, at, outer)
    beside()


def forgeries(topo, at, outer):
    here = topo.underlay(1, outer)[0]
    far, sa = topo.fars[1], topo.pairs[1].back
    spi = sa.spi.to_bytes(4, "big")
    seq = (1000).to_bytes(4, "big")

    def send(*packets):
        inject.esp(far, here, *packets)
        time.sleep(0.1 if SIM else 0.3)
        return sum(box.count() for box in at.boxes.values())

    at.expect(
        "wrong SPI", lambda: send(*[b"\xde\xad\xbe\xef" + seq + os.urandom(96)] * N),
        {}, authentic=False, xfrm={"XfrmInNoStates": N},
    )  # fmt: skip
    at.expect(
        "right SPI, garbage", lambda: send(*(spi + seq + os.urandom(96) for _ in range(N))),
        {"vgw0-1 rx-xfrm": N}, authentic=False, xfrm={"XfrmInStateProtoError": N},
    )  # fmt: skip
    at.expect(
        "right SPI, truncated", lambda: send(*[spi + seq + b"\0" * 4] * N),
        {"vgw0-1 rx-xfrm": N}, authentic=False,
    )  # fmt: skip

    genuine = inject.sniff(topo.gw, "u1", lambda: at.send(1, site(1), 1))
    assert len(genuine) == 2 and all(p[:4] == spi for p in genuine)
    time.sleep(0.05)
    at.expect(
        "replayed", lambda: send(*genuine), {"vgw0-1 rx-xfrm": 2},
        authentic=False, xfrm={"XfrmInStateSeqError": 2},
    )  # fmt: skip


@pytest.mark.parametrize("kind", ("if_id", "mark"))
def test_an_authentic_packet_with_an_inside_that_is_no_packet_is_dropped_once(topo, kind):
    at = Site(topo, kind, alg="null")
    here = topo.underlay(1)[0]
    forge = inject.Forge(topo.pairs[1].back)

    def send(inner, next_header):
        inject.esp(topo.fars[1], here, *(forge.packet(inner, next_header) for _ in range(N)))
        time.sleep(0.1 if SIM else 0.3)
        return sum(box.count() for box in at.boxes.values())

    good = inject.ipv4(site(1)[4], CLI[4], inject.datagram(b"vgw-inner"))
    six = inject.ipv6(site(1)[6], CLI[6], b"\0" * 8)
    at.expect("control", lambda: send(good, inject.NH_IPV4), {}, got=N)
    for what, inner, next_header in (
        ("dummy of RFC 4303", b"\0" * 40, inject.NH_NONE),
        ("transport inside a tunnel", good[20:], inject.NH_UDP),
        ("empty", b"", inject.NH_IPV4),
        ("half a header", good[:12], inject.NH_IPV4),
        ("half an IPv6 header", six[:24], inject.NH_IPV6),
    ):
        at.expect(what, lambda i=inner, h=next_header: send(i, h), {"vgw0-1 rx-xfrm": N})
    # What claims one family and is the other reaches no policy of either.
    wrong = {"vgw0-1 rx-no-policy": N}
    at.expect("IPv6 said to be IPv4", lambda: send(six, inject.NH_IPV4), wrong)


def test_a_transport_mode_sa_with_the_key_of_a_tunnel_is_not_the_tunnels(topo):
    at = Site(topo)
    here = topo.underlay(1)[0]
    pair = topo.pair(1, alg="null", up=False)
    sa = pair.new()[1]
    at.gw.ip(sa.state(topo.our_key(1), 1, alg="null").replace("mode tunnel", "mode transport"))
    forge = inject.Forge(sa)
    inner = inject.datagram(b"vgw-inner")

    def send():
        inject.esp(topo.fars[1], here, *(forge.packet(inner, inject.NH_UDP) for _ in range(N)))
        time.sleep(0.2)

    at.expect("transport mode", send, {"vgw0-1 rx-template": N})


def test_an_sa_said_to_be_for_sending_takes_nothing_in(topo):
    at = Site(topo)
    here = topo.underlay(1)[0]
    sa = topo.pair(1, alg="null", up=False).new()[1]
    state = sa.state(topo.our_key(1), 1, alg="null", extra="dir out")
    at.gw.ip(state.replace("replay-window 64", ""))
    packet = inject.ipv4(site(1)[4], CLI[4], inject.datagram(b"vgw-inner"))
    forge = inject.Forge(sa)

    def send():
        inject.esp(topo.fars[1], here, *(forge.packet(packet, inject.NH_IPV4) for _ in range(N)))
        time.sleep(0.1 if SIM else 0.3)
        return at.boxes[4].count()

    at.expect("direction", send, {}, xfrm={"XfrmInStateDirError": N}, authentic=False)


def test_a_tunnels_packet_that_another_sa_brought_comes_in(topo):
    """XFRM's own way in, for a packet that has an SA behind it."""
    at = Site(topo, alg="null")
    here, there = topo.underlay(1)
    around = SA(there, here)
    end, peer = End(at.gw, here, Key(), 99), End(topo.fars[1], there, Key(), 99)
    at.gw.ip(around.state(end.key, end.reqid, alg="null"),
             *end.policies(peer, dirs=("in",), inner=((f"{here}/32", f"{there}/32"),)))  # fmt: skip
    packet = inject.ipv4(site(1)[4], CLI[4], inject.datagram(b"vgw-inner"))
    inner, outer = inject.Forge(topo.pairs[1].back), inject.Forge(around)

    def send():
        for _ in range(N):
            esp = inject.ipv4(there, here, inner.packet(packet, inject.NH_IPV4), inject.IPPROTO_ESP)
            inject.esp(topo.fars[1], here, outer.packet(esp, inject.NH_IPV4))
        time.sleep(0.1 if SIM else 0.3)
        return at.boxes[4].count()

    at.expect("an SA in an SA", send, {}, got=N, xfrm={})


def test_plaintext_with_inside_addresses_is_not_taken_for_a_tunnels(topo, underlay):
    """As on any router, strict rp_filter drops it; no counter, state or proof of ours moves."""
    underlay.also_expected = "host 10.20.1.1 or host 169.254.1.2 or icmp"
    at = Site(topo, keepalive="100ms misses 5")
    at.vgw.wait_up()
    topo.gw.sysctl("net.ipv4.conf.all.rp_filter", 1)
    far, here = topo.fars[1], topo.underlay(1)[0]
    assert at.send(1, site(1)) == 2 * N

    # Silence on the tunnel itself, so that only plaintext could keep it alive.
    topo.pairs[1].drop_theirs()
    far.ip(
        "link set ipsec0 down",
        f"route add 10.10.0.1/32 via {here}",
        f"route add 169.254.1.1 via {here}",
    )
    counted = at.vgw.counting()

    def drops():
        names, values = (line.split() for line in topo.gw.read("netstat").splitlines()[:2])
        return int(dict(zip(names, values))["IPReversePathFilter"])

    before = drops()
    inject.udp(far, site(1)[4], CLI[4], N, clear=b"plain")
    time.sleep(0.2)
    assert at.boxes[4].count() == 0
    assert drops() == before + N
    # What answers a keepalive, were it not in clear.
    far.run("ping -c 20 -i 0.05 -W 0.1 169.254.1.1", check=False)
    at.vgw.wait_state(1, "down")
    assert counted.drops(keepalives=True) == {}
    assert at.vgw.active() == 2


@pytest.mark.parametrize("outer", (4, 6) if SIM else (4,))
def test_replayed_and_foreign_keepalive_answers_prove_nothing(topo, outer):
    """Answers of tunnel 1, captured, are replayed; those of tunnel 2 come through tunnel 1's SA."""
    at = Site(topo, outer=outer, alg="null", keepalive="100ms misses 5")
    at.vgw.wait_up()
    here = topo.underlay(1, outer)[0]
    answers = inject.sniff(topo.gw, "u1", lambda: time.sleep(0.5))
    answers = [p for p in answers if p[:4] == topo.pairs[1].back.spi.to_bytes(4, "big")]
    assert len(answers) >= 3
    topo.fars[1].blackhole("u0")
    topo.gw.netem("u1", "loss 100%")
    at.vgw.wait_state(1, "down")
    topo.fars[1].netem("u0")

    # The same ESP packets again: refused by the replay window.
    counted = at.vgw.counting()
    inject.esp(topo.fars[1], here, *answers)
    time.sleep(0.2)
    assert counted.drops() == {"vgw0-1 rx-xfrm": len(answers)}
    assert at.vgw.state(1) == "down"

    # The same under fresh sequence numbers, as only the SA's owner could: counted, not believed.
    forge = inject.Forge(topo.pairs[1].back)
    forge.seq = 100_000
    fresh = [forge.packet(p[8 : -16 - 2 - p[-18]], p[-17]) for p in answers]
    counted = at.vgw.counting()
    inject.esp(topo.fars[1], here, *fresh)
    time.sleep(0.2)
    assert counted.drops(keepalives=True) == {"vgw0-1 rx-keepalive-bad": len(answers)}
    assert at.vgw.state(1) == "down"


BACKLOG = "/proc/sys/net/core/netdev_max_backlog"


@pytest.mark.skipif(not SIM, reason="a burst at one instant, which only virtual time has")
@pytest.mark.parametrize("watched", (False, True))
def test_what_a_full_queue_drops_is_named(topo, watched):
    """UDP goes by the backlog to the connection; by the tunnel's own queue while somebody looks."""
    at = Site(topo)
    at.vgw.wait_up()
    if watched:
        at.gw.run("tc qdisc add dev vgw0-1 clsact")
        at.gw.run("tc filter add dev vgw0-1 ingress matchall action ok")
    # The underlay has a queue of its own, and what is delayed arrives as one burst.
    at.gw.run("ethtool -K u1 gro on")
    topo.fars[1].run("ethtool -K u0 tso off")
    topo.fars[1].netem("u0", "delay 10ms")
    counted = at.vgw.counting()
    with open(BACKLOG, encoding="ascii") as file:
        before = file.read()
    try:
        with open(BACKLOG, "w", encoding="ascii") as file:
            file.write("4")
        inject.udp(topo.fars[1], site(1)[4], CLI[4], 50)
        time.sleep(0.5)
    finally:
        with open(BACKLOG, "w", encoding="ascii") as file:
            file.write(before)
    arrived = at.boxes[4].count()
    assert counted.of(1, "rx-packets") == 50 and 0 < arrived < 10
    assert counted.drops() == {f"vgw0{'-1' if watched else ''} rx-queue": 50 - arrived}
