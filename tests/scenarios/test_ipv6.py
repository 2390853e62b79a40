"""IPv6 outside and IPv6 inside (topology 11), from the provider's file to failover.

    cli --- gw: 2001:db8:10::10, vgw aws ===aws-1=== far1: 2001:db8:1::2, fd00:aaaa::11 --- srv
    fd10::1                              \\==aws-2=== far2: 2001:db8:2::2, fd00:aaaa::21 --'

What the far ends do is in test_import.py, what they are in userspace/tests/samples/ipv6.json.
"""

import time

import pytest
from lab import LATE
from lab.capture import Capture
from lab.cloud import figures
from lab.topo import CLI, SRV
from lab.traffic import Sink, Stream
from test_import import SAMPLE, Cloud

PPS = 25
OURS = "2001:db8:10::10"


class Cloud6(Cloud):
    sample, ours = SAMPLE.with_name("ipv6.json"), OURS
    keys = {1: "Six_Key.For_tunnel_1", 2: "Six_Key.For_tunnel_2"}
    family, lan, inside = 6, "fd10::/64", {1: "fd00:aaaa::11/126", 2: "fd00:aaaa::21/126"}


@pytest.fixture
def cloud(make_topo, tmp_path):
    topo = make_topo(host=True, capture=False)
    made = Cloud6(topo)
    topo.captures += [Capture(far, "u0") for far in topo.fars.values()]
    made.dir = tmp_path
    made.take()
    made.up()
    made.wait_up()
    return made


def measured(cloud, what, breaks, via):
    """What a fault costs in both directions; the cloud answers by tunnel via from the switch on."""
    there, back = Sink(cloud.topo.srv, SRV[6], 7001), Sink(cloud.topo.cli, CLI[6], 7002)
    out = Stream(cloud.topo.cli, CLI[6], SRV[6], 7001, pps=PPS)
    down = Stream(cloud.topo.srv, SRV[6], CLI[6], 7002, pps=PPS)
    time.sleep(2)
    events = cloud.vgw.monitor()
    breaks()
    events.wait("switch", new=f"aws-{via}")
    cloud.topo.srv_via(via)
    time.sleep(2)
    outages = []
    for direction, stream, sink in (("to the cloud", out, there), ("from the cloud", down, back)):
        sent, result = stream.stop().sent, sink.stop()
        outages.append(result.longest_gap - 1 / PPS)
        figures("ipv6", f"{what}, {direction}", outage=outages[-1], lost=sent - result.received,
                sent=sent, dup=result.dup)  # fmt: skip
        assert result.dup == 0 and sent - result.received <= (outages[-1] + 0.05) * PPS, result
    assert len(events.all("switch")) == 1, events.story()
    events.stop()
    return outages


def test_a_deleted_sa_costs_nothing_and_a_silent_path_the_keepalives_bound(cloud):
    assert "aws is ok" in cloud.ctl("check", "aws").stdout
    assert {(sa["local"], sa["remote"]) for n in (1, 2) for sa in cloud.vgw.tunnel(n)["sas"]} == {
        (OURS, "2001:db8:1::2"), (OURS, "2001:db8:2::2")}  # fmt: skip
    outages = measured(
        cloud, "SA deleted by the far end",
        lambda: cloud.topo.charons["far1"].terminate("tunnel1"), via=2,
    )  # fmt: skip
    assert max(outages) <= 1 / PPS + 0.05 + LATE, outages
    cloud.vgw.wait_up()

    outages = measured(cloud, "path silent", lambda: cloud.topo.silence(2), via=1)
    assert max(outages) <= 2 * 3 * 1.25 + 0.05 + LATE, outages
