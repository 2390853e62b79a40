"""A rekey is no event: a new pair of SAs beside the old one, which then goes.

    SPIs of tunnel 1   ====old====|
                              |====new====|        0 lost, 0 duplicates, 0 switches, no state event
                                      |====newer===
"""

import time

import pytest
from lab import SIM
from lab.vgw import Vgw

SIM_ONLY = pytest.mark.skipif(not SIM, reason="long: affordable in virtual time only")

# How long the old SAs stay: longer than a packet may be under way.
OVERLAP = 0.1 if SIM else 1.0


def quiet(events):
    """Nothing happened but SAs that came and went."""
    return {e["event"] for e in events.all()} <= {"sa"}


@pytest.mark.parametrize("family", (4, pytest.param(6, marks=SIM_ONLY)))
def test_a_rekey_every_two_seconds_loses_nothing_and_moves_nothing(topo, family):
    vgw = Vgw(topo, outer=family, inner=family, sas="in order")
    topo.echo(family)
    events, counted, before = vgw.monitor(), vgw.counting(), vgw.identity()
    stream = topo.stream(family, pps=200)
    began, rounds = time.monotonic(), 0
    wanted = 30 if SIM else 3
    while rounds < wanted:
        for pair in topo.pairs.values():
            pair.rekey(pair.theirs if rounds % 2 else pair.ours, OVERLAP)
        rounds += 1
        time.sleep(max(0, began + 2 * rounds - time.monotonic()))
    result = stream.stop()
    assert (result.lost, result.dup, result.reordered) == (0, 0, 0), result
    assert quiet(events), events.story()
    assert vgw.switches() == 0 and result.by.keys() == {"far1"}
    assert counted.drops() == {} and vgw.identity() == before
    for n, pair in topo.pairs.items():
        spis = {(sa["dir"], sa["spi"]) for sa in vgw.tunnel(n)["sas"]}
        assert spis == {("out", pair.out.spi), ("in", pair.back.spi)}
    span = result.sent / 200
    print(f"{rounds} rekeys of both tunnels in {span} s, {result.sent} packets, lost {result.lost}")


@SIM_ONLY
def test_strongswan_rekeys_from_either_side_and_from_both(topo):
    vgw = Vgw(topo, sas=False, tunnels={1: "preference 200"})
    topo.ike()
    vgw.wait_up()
    if vgw.active() != 1:
        vgw.switch(1)
    topo.echo()
    events, counted = vgw.monitor(), vgw.counting()
    stream = topo.stream(pps=200)
    ours, theirs = topo.charons["gw"], topo.charons["far1"]
    before = {sa["spi"] for sa in vgw.tunnel(1)["sas"]}
    switches = vgw.switches()
    for _ in range(2):
        ours.rekey("tunnel1")
        time.sleep(2.5)
        theirs.rekey("tunnel1")
        time.sleep(2.5)
        # Both at once: one of the two pairs wins.
        ours.swanctl("--rekey", "--ike", "tunnel1", "--child", "child")
        theirs.swanctl("--rekey", "--ike", "tunnel1", "--child", "child")
        time.sleep(3)
    ours.rekey("tunnel1", ike=True)
    time.sleep(2)
    result = stream.stop()
    assert not before & {sa["spi"] for sa in vgw.tunnel(1)["sas"]}
    assert (result.lost, result.dup) == (0, 0), (result, counted.drops(), events.story())
    assert quiet(events) and vgw.switches() == switches, events.story()
    assert counted.drops() == {}
