"""Two stock far ends and a stock router: proves the lab itself, without our module.

    cli ----- gw =====ipsec1===== far1 (10.20.0.1)
               \\======ipsec2===== far2 (10.20.0.1)

gw carries the tunnels on kernel xfrm interfaces here; lab/topo.py draws the addresses.
"""

import pytest
from lab.topo import CLI, SRV, inside_nets
from lab.xfrm import xfrmi


def stock_gateway(topo):
    """gw with kernel devices: ipsec1 is the way to srv, ipsec2 its deputy."""
    for n in topo.fars:
        xfrmi(topo.gw, f"ipsec{n}", topo.our_key(n).if_id, f"u{n}", inside_nets(n, 0))
        topo.far_device(n)
        topo.gw.ip(
            f"route add {SRV[4]}/32 dev ipsec{n} metric {n}",
            f"route add {SRV[6]}/128 dev ipsec{n} metric {n}",
        )


def deputy_takes_over(topo):
    topo.gw.ip(
        f"route del {SRV[4]}/32 dev ipsec1 metric 1", f"route del {SRV[6]}/128 dev ipsec1 metric 1"
    )


@pytest.mark.parametrize("family", (4, 6))
def test_traffic_crosses_manual_sas_and_none_of_it_is_seen(topo, family):
    stock_gateway(topo)
    for n in topo.fars:
        topo.pair(n, family=family)
    topo.echo(family)
    result = topo.stream(family, pps=200, count=100).wait()
    assert (result.lost, result.dup, result.reordered) == (0, 0, 0), result
    assert result.by == {"far1": 100}
    assert len(topo.captures[0].packets("esp")) == 200


def test_a_stream_moves_with_the_route_and_its_replies_follow(topo):
    stock_gateway(topo)
    for n in topo.fars:
        topo.pair(n)
    topo.echo()
    stream = topo.stream(pps=100, count=200)
    deputy_takes_over(topo)
    result = stream.wait()
    assert result.lost == 0, result
    assert set(result.by) <= {"far1", "far2"} and result.moves[-1][1] == "far2", result


def test_nat_traversal_wraps_every_packet_in_udp(topo):
    stock_gateway(topo)
    for n in topo.fars:
        topo.pair(n, nat=True)
    assert topo.cli.ping(SRV[4], 5) == 5
    assert topo.captures[0].packets("esp") == []
    assert len(topo.captures[0].packets("udp port 4500")) == 10


@pytest.mark.parametrize("family", (4, 6))
def test_a_vti_with_marks_is_a_far_end_too(topo, family):
    stock = topo.gw
    for n in topo.fars:
        xfrmi(stock, f"ipsec{n}", topo.our_key(n).if_id, f"u{n}", inside_nets(n, 0))
        topo.far_device(n, "mark", family)
        topo.pair(n, theirs="mark", family=family)
    stock.ip(f"route add {SRV[family]} dev ipsec1")
    topo.echo(family)
    result = topo.stream(family, pps=200, count=50).wait()
    assert result.lost == 0, result


def test_a_host_behind_both_far_ends_answers_by_the_one_that_it_is_told(make_topo):
    topo = make_topo(host=True)
    stock_gateway(topo)
    for n in topo.fars:
        topo.pair(n)
    assert topo.cli.ping(SRV[4], 3) == 3
    topo.srv_via(2)
    assert topo.cli.ping(SRV[4], 3, src=CLI[4]) == 3
    assert len(topo.captures[1].packets("esp")) == 3


def test_strongswan_sets_up_both_tunnels_by_ikev2(topo):
    stock_gateway(topo)
    charon = topo.ike()
    topo.echo()
    result = topo.stream(pps=200, count=100).wait()
    assert result.lost == 0, result
    assert len(topo.captures[0].packets("esp")) == 200
    charon.rekey("tunnel1")
    assert topo.cli.ping(SRV[6], 3) == 3


def test_strongswan_speaks_ikev1_through_nat(topo):
    stock_gateway(topo)
    topo.ike(version=1, nat=True, tunnels=(1,))
    assert topo.cli.ping(SRV[4], 3) == 3
    assert topo.captures[0].packets("esp") == []
