"""The short proof that a kernel and the module get on: also run on the oldest and newest kernel.

    cli ----- gw: vgw0 ==vgw0-1==== far1 (10.20.0.1)
                       \\=vgw0-2==== far2 (10.20.0.1)
"""

import pytest
from lab import SIM
from lab.capture import Capture
from lab.topo import CLI, SRV, inside
from lab.traffic import Stream
from lab.vgw import Vgw, loaded, no_state, reached, unload


@pytest.mark.parametrize("family", (4, 6))
def test_traffic_flows_both_ways_and_moves_when_the_active_sa_is_deleted(topo, family):
    vgw = Vgw(topo, sas="in order", outer=family, inner=family)
    assert vgw.active() == 1 and vgw.carrier()
    echoes, unknown = topo.echo(family), no_state(topo.gw)
    counted, events = vgw.counting(), vgw.monitor()
    stream = topo.stream(family, pps=200)
    topo.cli.ping(SRV[family], 3)
    topo.pairs[1].drop_ours()
    switch = events.wait("switch")
    topo.cli.ping(SRV[family], 3)
    result = stream.stop()
    # With two CPUs one may be inside ESP with the SA while the other deletes it: not yet seen.
    raced = counted.of(1, "tx-output")
    assert raced <= (0 if SIM else 1) and reached(echoes) == result.sent - raced, result
    # Replies under way by the SA that we deleted come too late; on a slow machine there are some.
    assert result.lost <= (0 if SIM else no_state(topo.gw) - unknown + raced), result
    assert result.by.keys() == {"far1", "far2"} and result.moves[-1][1] == "far2", result
    assert (switch["event_old"], switch["event_new"], switch["event_reason"]) == (
        "vgw0-1", "vgw0-2", "sa-deleted")  # fmt: skip
    assert counted.lost() == raced, counted.drops()
    said = topo.gw.run(["ip", "-d", "link", "show", "type", "vgw"]).stdout
    assert "vgw0:" in said and " vgw " in said, said
    said = topo.gw.run(["ip", "-d", "link", "show", "type", "vgw_tunnel"]).stdout
    assert said.count("master vgw0 ") == 2, said


def test_the_module_goes_under_traffic_and_nothing_is_left_or_seen_in_clear(make_topo):
    # Captured at the far ends: without the module gw's SAs decrypt to the underlay device itself.
    topo = make_topo(capture=False)
    topo.captures += [Capture(far, "u0") for far in topo.fars.values()]
    vgw = Vgw(topo)
    vgw.wait_up()
    topo.echo()
    stream = topo.stream(pps=500)
    back = Stream(topo.fars[1], inside(1)[1], CLI[4], 7001, pps=200)
    assert topo.cli.ping(SRV[4], 2) == 2
    unload()
    assert not loaded()
    assert topo.cli.ping(SRV[4], 2, deadline=1) == 0
    result = stream.stop()
    back.stop()
    assert 0 < result.received < result.sent, result
    assert "vgw" not in topo.gw.run(["ip", "-o", "link"]).stdout
