"""Site to site with static routes (topology 1): the far ends do as the cloud's do.

See test_import.py for the picture. One SA pair each, closed after 10 s without traffic and never
opened by the far end; replies by whichever tunnel the cloud likes, which it may change at any time.
"""

import time

import pytest
from lab.cloud import figures
from lab.topo import CLI, SRV
from lab.traffic import Sink, Stream
from test_import import Cloud

PPS = 25


@pytest.fixture
def cloud(make_topo, tmp_path):
    made = Cloud(make_topo(host=True), inactivity="10s")
    made.dir = tmp_path
    made.take()
    made.up()
    made.wait_up()
    return made


def test_what_the_cloud_does_to_static_connections_costs_nothing_and_a_silent_path_the_bound(cloud):
    sas = [sa["spi"] for n in (1, 2) for sa in cloud.vgw.tunnel(n)["sas"]]
    events = cloud.vgw.monitor()
    time.sleep(120)
    assert events.all() == []
    assert [sa["spi"] for n in (1, 2) for sa in cloud.vgw.tunnel(n)["sas"]] == sas
    figures("static", "two idle minutes, far ends that close after 10 s", sas_lost=0)
    cloud.topo.echo()
    stream = cloud.topo.stream(pps=PPS)
    for n in (2, 1, 2):
        time.sleep(3)
        cloud.topo.srv_via(n)
    time.sleep(3)
    result = stream.stop()
    assert (result.lost, result.dup) == (0, 0), result
    assert events.all("switch") == []
    figures("static", "the cloud changes the tunnel of its replies three times",
            outage=result.longest_gap - 1 / PPS, lost=result.lost, sent=result.sent,
            dup=result.dup, switches=0)  # fmt: skip
    a_silent_path_costs_the_keepalives_bound(cloud)


def a_silent_path_costs_the_keepalives_bound(cloud):
    cloud.topo.srv_via(2)
    there = Sink(cloud.topo.srv, SRV[4], 7001)
    out = Stream(cloud.topo.cli, CLI[4], SRV[4], 7001, pps=PPS)
    time.sleep(5)
    events = cloud.vgw.monitor()
    cloud.topo.silence(1)
    events.wait("switch", new="aws-2")
    time.sleep(2)
    sent, result = out.stop().sent, there.stop()
    outage = result.longest_gap - 1 / PPS
    figures("static", "path silent, to the cloud", outage=outage, lost=sent - result.received,
            sent=sent, dup=result.dup, switches=1)  # fmt: skip
    assert outage <= 2 * 3 * 1.25 + 0.05 and result.dup == 0, result
    assert sent - result.received <= (outage + 0.05) * PPS, result
