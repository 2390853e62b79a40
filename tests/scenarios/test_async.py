"""Ciphers that answer later: packets are inside the crypto API while things change.

    gw: vgw0 == ESP by cryptd(rfc4106(gcm(aes))) ==== far1, far2     also the far ends' cipher
"""

import time

import pytest
from lab import SIM
from lab.netns import run
from lab.topo import SRV
from lab.vgw import Vgw, loaded, unload
from lab.xfrm import wrapped_cipher


@pytest.fixture
def topo(topo_seen_from_afar):
    return topo_seen_from_afar


@pytest.fixture
def cryptd():
    with wrapped_cipher("cryptd"):
        yield


def test_failover_loses_no_more_than_what_the_cipher_holds(cryptd, topo):
    vgw = Vgw(topo, tunnels={1: "preference 200"}, sas="in order")
    topo.echo()
    events, counted = vgw.monitor(), vgw.counting()
    stream = topo.stream(pps=500)
    time.sleep(0.3)
    topo.pairs[1].drop_ours()
    events.wait("switch", reason="sa-deleted")
    time.sleep(0.3)
    result = stream.stop()
    # In real time those on their way are lost as well: what half a second brings.
    assert result.lost <= (1 if SIM else 250) and result.dup == 0, (result, counted.drops())
    assert vgw.active() == 2 and len(events.all("switch")) == 1, events.story()
    print(f"lost {result.lost}, longest gap {result.longest_gap * 1e3:.3f} ms")


def test_devices_and_module_go_while_packets_are_in_the_cipher(cryptd, topo):
    vgw = Vgw(topo, tunnel="keepalive 10ms misses 3")
    vgw.wait_up()
    topo.echo()
    stream = topo.stream(pps=1000)
    for i in range(30):
        time.sleep(0.01 + 0.0003 * i)
        if i % 10 == 9:
            unload()
            assert not loaded()
            run(["modprobe", "vgw"])
        else:
            vgw.delete()
        topo.gw.run("vgwctl add vgw0 tunnel if_id 101 inside 169.254.1.1/30 keepalive 10ms"
                    " tunnel if_id 102 inside 169.254.2.1/30 keepalive 10ms")  # fmt: skip
        topo.gw.ip("link set vgw0 up", f"route add {SRV[4]} dev vgw0")
    vgw.wait_up()
    result = stream.stop()
    assert result.received > 30, result
