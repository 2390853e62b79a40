"""The story that `make demo` tells, with what each step promised and what it measured.

    cli ----- gw: vgw0 ==vgw0-1==== far1 (10.20.0.1)     strongSwan at gw, far1 and far2;
                       \\=vgw0-2==== far2 (10.20.0.1)     far ends on kernel xfrm interfaces

Runs in a machine of the lab, not under pytest; ends with 1 when a promise was broken.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from lab.topo import Topo  # noqa: E402 (the path above comes first)
from lab.vgw import Vgw  # noqa: E402

INTERVAL, MISSES, REVERT, PPS = 0.1, 5, 5, 1000
BOUND = INTERVAL * MISSES * 1.25
# Emulated machines run late: what virtual time asserts exactly gets twice the time here.
SLOW = 2


class Story:
    def __init__(self):
        self.rows, self.begin, self.broken = [], time.monotonic(), False

    def say(self, text):
        print(f"[{time.monotonic() - self.begin:6.1f}s] {text}", flush=True)

    def row(self, step, promised, measured, kept):
        self.rows.append((step, promised, measured, "yes" if kept else "NO"))
        self.broken |= not kept
        self.say(f"    promised {promised}; measured {measured}{'' if kept else '  <-- BROKEN'}")

    def table(self):
        head = ("step", "promised", "measured", "kept")
        widths = [max(len(r[i]) for r in [head, *self.rows]) for i in range(4)]
        line = "+".join("-" * (w + 2) for w in widths)
        print(f"\n+{line}+")
        for n, row in enumerate([head, *self.rows]):
            print("|" + "|".join(f" {c:<{w}} " for c, w in zip(row, widths)) + "|")
            if not n:
                print(f"+{line}+")
        print(f"+{line}+\n", flush=True)


def steady(topo, vgw, story):
    story.say("step 1: a stream of 1,000 packets a second, there and back")
    result = topo.stream(pps=PPS, count=2 * PPS).wait()
    story.row("steady stream", "0 lost", f"{result.lost} of {result.sent} lost", not result.lost)


def sa_deleted(topo, vgw, events, story):
    story.say("step 2: the active tunnel's SA is deleted under the stream")
    stream = topo.stream(pps=PPS)
    spi = next(s["spi"] for s in vgw.tunnel(1)["sas"] if s["dir"] == "out")
    here, there = topo.underlay(1)
    topo.gw.ip(f"xfrm state delete src {here} dst {there} proto esp spi {spi}")
    events.wait("switch", new="vgw0-2")
    time.sleep(0.5)
    result = stream.stop()
    lost = f"{result.lost} of {result.sent} lost"
    story.row("active SA deleted", "0 lost", lost, not result.lost)


def comes_back(topo, vgw, events, story, what):
    """The preferred tunnel is good again: one switch, after the revert delay, nothing lost."""
    up = events.wait("state", timeout=60, tunnel=1, new="up")
    stream = topo.stream(pps=PPS)
    back = events.wait("switch", timeout=240, new="vgw0-1")
    result = stream.stop()
    waited = back["at"] - up["at"]
    switches = len(events.all("switch"))
    story.row(
        what,
        f">= {REVERT} s up, then 1 switch, 0 lost",
        f"{switches} switch after {waited:.1f} s, {result.lost} of {result.sent} lost",
        switches == 1 and not waited < REVERT and not result.lost,
    )


def goes_silent(topo, vgw, events, story):
    story.say("step 4: the active path goes silent")
    events.clear()
    stream = topo.stream(pps=PPS)
    time.sleep(1)
    topo.silence(1)
    events.wait("switch", new="vgw0-2")
    time.sleep(0.5)
    result = stream.stop()
    gap = result.longest_gap
    story.row(
        "active path silent",
        f"<= {BOUND * 1000:.0f} ms (x{SLOW} emulated)",
        f"outage {gap * 1000:.0f} ms, {result.lost} lost",
        gap <= BOUND * SLOW,
    )


def both_go(topo, vgw, events, story):
    story.say("step 6: both paths go, and the stream keeps pushing")
    for n in (1, 2):
        topo.silence(n)
    stream = topo.stream(pps=200)
    vgw.wait_active(None, 30)
    time.sleep(1)
    carrier = vgw.carrier()
    stream.stop()
    said = f"carrier {'on' if carrier else 'off'}"
    story.row("both paths gone", "carrier off", said, not carrier)
    for n in (1, 2):
        topo.weather(n)
    vgw.wait_up(1, 2, timeout=60)


def idle(topo, vgw, story):
    seconds = 12
    story.say(f"step 7: nobody sends anything for {seconds} s")
    before = {n: vgw.stats(n) for n in (1, 2)}
    time.sleep(seconds)
    after = {n: vgw.stats(n) for n in (1, 2)}
    sent = [after[n]["keepalive-sent"] - before[n]["keepalive-sent"] for n in (1, 2)]
    missed = sum(after[n]["keepalive-missed"] - before[n]["keepalive-missed"] for n in (1, 2))
    least = seconds / INTERVAL / 2
    story.row(
        "idle pair",
        f">= {least:.0f} keepalives each, both up",
        f"{sent[0]} and {sent[1]} sent, {missed} missed",
        min(sent) >= least and all(vgw.state(n) == "up" for n in (1, 2)),
    )


def nothing_in_clear(topo, story):
    try:
        topo.check()
        seen = [len(c.packets("esp or udp port 4500")) for c in topo.captures]
        clear = 0
    except AssertionError as err:
        seen, clear = [], str(err)
    story.row("the underlay, all the time", "0 clear packets",
              f"{clear} clear, {' and '.join(map(str, seen))} ESP packets", clear == 0)  # fmt: skip


def main():
    story = Story()
    story.say("two far ends, a gateway and a client, each a network namespace")
    topo = Topo(bulk=True)
    try:
        vgw = Vgw(topo, options=f"revert {REVERT}s", sas=False,
                  tunnel=f"keepalive {INTERVAL * 1000:.0f}ms misses {MISSES}",
                  tunnels={1: "preference 200"})  # fmt: skip
        events = vgw.monitor()
        story.say("three strongSwan daemons negotiate both tunnels by IKEv2")
        charon = topo.ike()
        vgw.wait_up(timeout=60)
        topo.echo()
        print(topo.gw.run(["vgwctl", "show"]).stdout, flush=True)

        steady(topo, vgw, story)
        sa_deleted(topo, vgw, events, story)
        events.clear()
        story.say("step 3: the IKE daemon makes a new SA; vgw0-1 returns after its revert delay")
        charon.terminate("tunnel1")
        charon.initiate("tunnel1")
        comes_back(topo, vgw, events, story, "new SA, back to preferred")
        goes_silent(topo, vgw, events, story)
        events.clear()
        story.say("step 5: the path is back; no flap")
        topo.weather(1)
        comes_back(topo, vgw, events, story, "path back, no flap")
        both_go(topo, vgw, events, story)
        idle(topo, vgw, story)
        nothing_in_clear(topo, story)
        story.table()
    finally:
        topo.close()
    return story.broken


if __name__ == "__main__":
    sys.exit(main())
