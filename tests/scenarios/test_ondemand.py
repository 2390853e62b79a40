"""Tunnels that are there when somebody needs them (topology 9); test_import.py has the picture.

No keepalives, and the IKE daemon sets traps: the first packet brings up SAs. The far ends behave as
the cloud's with its default start-up action: they begin nothing, and what was idle for 10 s they
close.
"""

import time

import pytest
from lab import LATE
from lab.cloud import figures
from lab.netns import wait_for
from lab.topo import CLI, SRV
from lab.traffic import Sink, Stream
from test_import import Cloud

PPS = 25
IDLE = 10


@pytest.fixture
def cloud(make_topo, tmp_path):
    made = Cloud(make_topo(host=True), inactivity=f"{IDLE}s")
    made.dir = tmp_path
    made.take()
    for tunnel in (1, 2):
        made.edit(f"[tunnel aws-{tunnel}]", f"[tunnel aws-{tunnel}]\nkeepalive = off")
    made.edit("keepalive = 2s\n", "")
    swanctl = made.dir / "aws.swanctl.conf"
    text = swanctl.read_text(encoding="ascii")
    assert text.count("start_action = trap|start") == 2
    swanctl.write_text(text.replace("trap|start", "trap"), encoding="ascii")
    made.up()
    return made


def states(cloud):
    return [cloud.vgw.state(n) for n in (1, 2)]


def idle(cloud):
    """No SA, no carrier."""
    return states(cloud) == ["no-sa", "no-sa"] and not cloud.vgw.carrier()


def talk(cloud, what):
    """A stream from nothing on, in which the first packets are lost until SAs are there.

    The tunnel whose SAs come first carries it; the cloud answers by the same one. Returns the
    stream, what has been counted since, and the two tunnels, the active one first.
    """
    assert idle(cloud)
    counted, began = cloud.vgw.counting(), time.monotonic()
    stream = cloud.topo.stream(pps=PPS)
    wait_for("both tunnels up", lambda: states(cloud) == ["up", "up"], 30, 0.01)
    figures("ondemand", what, seconds=time.monotonic() - began)
    time.sleep(1)
    active = cloud.vgw.active()
    cloud.topo.srv_via(active)
    return stream, counted, active, 3 - active


def closed(cloud, n):
    wait_for(f"tunnel {n} closed", lambda: cloud.vgw.state(n) == "no-sa", 2 * IDLE, 0.5)


def test_sas_come_with_the_first_packet_and_go_after_ten_idle_seconds(cloud):
    echoes = cloud.topo.echo()
    time.sleep(120)
    assert idle(cloud) and "list-sa event" not in cloud.charon.sas()
    assert [capture.packets("udp or esp") for capture in cloud.topo.captures] == [[], []]
    # What the cloud begins finds no tunnel, and leaves it nowhere.
    there = Sink(cloud.topo.cli, CLI[4], 7002)
    down = Stream(cloud.topo.srv, SRV[4], CLI[4], 7002, pps=PPS, count=5)
    assert down.wait().sent == 5 and there.stop().received == 0

    stream, counted, active, standby = talk(cloud, "from nothing to both tunnels")
    # The standby is idle: its far end closes it, which costs nothing and lasts.
    closed(cloud, standby)
    time.sleep(IDLE)
    assert (cloud.vgw.state(active), cloud.vgw.state(standby)) == ("up", "no-sa")
    result = stream.stop()
    counted.accounts_for(result)
    figures("ondemand", "first packets", lost=result.lost, sent=result.sent)
    assert result.lost_spans == [[0, result.lost - 1]] and result.lost <= 2 + LATE * PPS, result

    closed(cloud, active)
    stream, counted, active, standby = talk(cloud, "the same again after 10 s of silence")
    closed(cloud, standby)
    # There is no standby to go to: the next packet asks for both.
    cloud.topo.charons[f"far{active}"].terminate(f"tunnel{active}")
    wait_for("both tunnels up", lambda: states(cloud) == ["up", "up"], 30, 0.01)
    time.sleep(1)
    result = stream.stop()
    for echo in echoes.values():
        echo.stop()
    outage = result.longest_gap - 1 / PPS
    figures("ondemand", "active closed, no standby", outage=outage, lost=result.lost,
            sent=result.sent)  # fmt: skip
    assert outage <= 3 / PPS + LATE and result.dup == 0, result
