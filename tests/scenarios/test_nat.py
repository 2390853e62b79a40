"""NAT around and inside the tunnels (topology 10); test_import.py has the rest of the picture.

    cli ----- gw: 192.168.1.10 ----- nat: 203.0.113.10 =====aws-1===== far1: 192.0.2.2 ----- srv
                                                       \\====aws-2===== far2: 198.51.100.2 --'

The NAT is nftables', gives every mapping a port by chance and forgets it after 30 s without a
packet. The gateway does not know of it; what it runs with is what vgwctl import wrote.
"""

import re
import time

import pytest
from lab import LATE
from lab.capture import Capture
from lab.cloud import figures
from lab.netns import Netns, link, run
from lab.topo import CLI, SRV, V4
from lab.traffic import Sink, Stream
from lab.vgw import Vgw
from test_import import OURS, Cloud

PPS = 25
FORGETS = 30
NAT = "src host 192.168.1.1"  # says so while it has no route, which takes time in QEMU
MASQUERADE = """
table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat
        oifname { "u1", "u2" } masquerade fully-random
    }
}
"""


INSIDE_NAT = """
table ip nat {
    chain prerouting {
        type nat hook prerouting priority dstnat
        iifname "vgw0" ip daddr 100.64.0.1 dnat to 10.10.0.1
    }
    chain postrouting {
        type nat hook postrouting priority srcnat
        oifname "vgw0" ip saddr 10.10.0.1 snat to 100.64.0.1
    }
}
"""


class Behind(Cloud):
    """The gateway's underlay devices are the NAT's instead."""

    def underlay(self):
        self.nat = nat = Netns("nat", forward=True)
        self.topo.hosts.append(nat)
        self.gw.ip("link set u1 netns nat", "link set u2 netns nat")
        link(self.gw, "wan", ["192.168.1.10/24"], nat, "lan", ["192.168.1.1/24"])
        nat.ip("link set u1 up", "link set u2 up")
        self.gw.ip("route add default via 192.168.1.1")
        for n, far in self.topo.fars.items():
            self.outside(n)
            far.ip(f"route add {OURS} dev u0")
        run(["modprobe", "nf_conntrack"])
        for which in ("", "_stream"):
            nat.sysctl(f"net.netfilter.nf_conntrack_udp_timeout{which}", FORGETS)
        nat.run(["nft", "-f", "-"], stdin=MASQUERADE)

    def outside(self, n):
        self.nat.ip(f"addr add {OURS}/32 dev u{n}", f"route add {V4[n][1]} dev u{n} src {OURS}")

    def restart(self):
        """Masquerading forgets what it did for an address that goes."""
        for n in self.topo.fars:
            self.nat.ip(f"addr del {OURS}/32 dev u{n}")
        for n in self.topo.fars:
            self.outside(n)

    def ports(self):
        """{far end: the NAT's port that it sends to}"""
        return {
            far.name: re.findall(r"sport 4500 dport (\d+)", far.run("ip xfrm state").stdout)
            for far in self.topo.fars.values()
        }


@pytest.fixture
def behind(make_topo, tmp_path, underlay):
    topo = make_topo(host=True, capture=False)
    # The NAT's, of what comes to a port that it has forgotten.
    underlay.also_expected = f"icmp[icmptype] = icmp-unreach and (src host {OURS} or {NAT})"
    # strongSwan's own packets would hide what ours do for the mapping.
    made = Behind(topo, daemon={"nat_keepalive": 0})
    topo.captures += [Capture(made.gw, "wan"), *(Capture(f, "u0") for f in topo.fars.values())]
    made.dir = tmp_path
    made.take()
    swanctl = tmp_path / "aws.swanctl.conf"
    swanctl.write_text(re.sub(r"dpd_\w+ = .*", "", swanctl.read_text(encoding="ascii")),
                       encoding="ascii")  # fmt: skip
    made.up()
    made.wait_up()
    return made


def from_the_cloud(behind, count=25):
    """How many of count packets that the cloud sends first arrive."""
    there = Sink(behind.topo.cli, CLI[4], 7002)
    down = Stream(behind.topo.srv, SRV[4], CLI[4], 7002, pps=PPS, count=count)
    down.wait()
    return there.stop().received


def test_keepalives_hold_mappings_and_a_nat_that_restarts_costs_the_next_packet(behind):
    ports = behind.ports()
    assert all(len(found) == 1 for found in ports.values()), ports
    events = behind.vgw.monitor()
    time.sleep(300)
    assert behind.ports() == ports and events.all() == []
    received = from_the_cloud(behind)
    figures("nat", "five idle minutes, then the cloud begins", lost=25 - received, sent=25)
    assert received == 25
    it_restarts_under_traffic(behind)
    # What it would be without keepalives: the mapping is gone, and nothing arrives.
    for n in (1, 2):
        behind.vgw.set("keepalive off", n)
    time.sleep(2 * FORGETS)
    received = from_the_cloud(behind)
    figures("nat", "no keepalives, an idle minute, then the cloud begins",
            lost=25 - received, sent=25)  # fmt: skip
    assert received == 0


def it_restarts_under_traffic(behind):
    ports = behind.ports()
    there, back = Sink(behind.topo.srv, SRV[4], 7001), Sink(behind.topo.cli, CLI[4], 7002)
    out = Stream(behind.topo.cli, CLI[4], SRV[4], 7001, pps=PPS)
    down = Stream(behind.topo.srv, SRV[4], CLI[4], 7002, pps=PPS)
    time.sleep(2)
    switches = behind.vgw.switches()
    behind.restart()
    time.sleep(5)
    for direction, stream, sink in (("to the cloud", out, there), ("from the cloud", down, back)):
        sent, result = stream.stop().sent, sink.stop()
        figures("nat", f"NAT restarts, {direction}", outage=result.longest_gap - 1 / PPS,
                lost=sent - result.received, sent=sent, dup=result.dup)  # fmt: skip
        # The far end learns the new mapping from the next packet that it can authenticate.
        assert sent - result.received <= 1 + LATE * PPS and result.dup == 0, (direction, result)
    assert behind.vgw.switches() == switches
    assert all(ports[name] != found for name, found in behind.ports().items())


def test_nat_of_the_inside_outlives_a_failover(topo):
    """Two networks with the same addresses, say: the far end knows 100.64.0.1 alone."""
    vgw = Vgw(topo, sas="in order")
    topo.gw.run(["nft", "-f", "-"], stdin=INSIDE_NAT)
    for far in topo.fars.values():
        far.ip("route add 100.64.0.0/24 dev ipsec0")
    taps = [Capture(far, "ipsec0", name=f"{far.name}-inside") for far in topo.fars.values()]
    echoes = topo.echo()
    stream = topo.stream(pps=200)
    time.sleep(1)
    topo.gw.ip(topo.pairs[1].out.delete())
    vgw.wait_active(2)
    time.sleep(1)
    result = stream.stop()
    for echo in echoes.values():
        echo.stop()
    assert (result.lost, result.dup, set(result.by)) == (0, 0, {"far1", "far2"}), result
    assert topo.fars[2].ping("100.64.0.1", 3, src=SRV[4]) == 3
    for tap in taps:
        tap.stop()
        assert tap.packets("src host 100.64.0.1 and udp") and not tap.packets("host 10.10.0.1")
