"""Remote clients of our gateway (topology 8): they reach the far site through vgw0.

    client  198.18.0.2 ---OpenVPN--- .-----.       .----.      =====vgw0-1===== far1, 10.20.0.1
            10.10.8.2                | net |-------| gw | vgw0
    warrior 198.18.0.6 ---IKEv2----- '-----'       '----'      =====vgw0-2===== far2, the same
            10.10.9.1                    203.0.113.1

The files are topologies/clients/. The warrior's policies have no if_id and stand beside those of
vgw0's tunnels; one strongSwan at the gateway makes both.
"""

import time

import pytest
from lab import LATE
from lab.capture import Capture
from lab.cloud import figures
from lab.frr import TOPOLOGIES
from lab.ike import Charon
from lab.netns import Netns, link
from lab.openvpn import OpenVpn, make_keys
from lab.topo import SRV
from lab.traffic import Stream
from lab.vgw import Vgw

FILES = TOPOLOGIES / "clients"
ADDRESS = {"client": "10.10.8.2", "warrior": "10.10.9.1"}
OUTSIDE = {"client": ("198.18.0.1", "198.18.0.2"), "warrior": ("198.18.0.5", "198.18.0.6")}
PPS = 25
INTERVAL, MISSES = 0.5, 3
BOUND = INTERVAL * MISSES * 1.25


class Clients:
    def __init__(self, topo):
        self.topo, self.gw = topo, topo.gw
        net = Netns("net", forward=True)
        link(net, "gw", ["203.0.113.2/30"], self.gw, "outside", ["203.0.113.1/30"])
        # What has no other way is the Internet's.
        self.gw.ip(
            "route add default via 203.0.113.2",
            "route add unreachable 10.10.8.0/24 metric 4294967295",
        )
        self.hosts = {name: Netns(name) for name in OUTSIDE}
        for name, (theirs, addr) in OUTSIDE.items():
            link(net, name, [f"{theirs}/30"], self.hosts[name], "w0", [f"{addr}/30"])
            self.hosts[name].ip(f"route add default via {theirs}")
        topo.hosts += [net, *self.hosts.values()]
        # Not at an end: where policies without a device decapsulate, it shows the inside, too.
        self.capture = Capture(net, "gw", bulk=True)
        self.vgw = Vgw(
            topo, sas=False, options="revert 2s", tunnels={1: "preference 200"},
            tunnel=f"keepalive {INTERVAL}s misses {MISSES}",
        )  # fmt: skip
        topo.far_ike(child={"local_ts": "0.0.0.0/0", "remote_ts": "0.0.0.0/0"})
        topo.charons["gw"] = Charon(self.gw, {}, files=[FILES / "gw.swanctl.conf"])
        self.vgw.wait_well()
        self.warrior = topo.charons["warrior"] = Charon(
            self.hosts["warrior"], {}, files=[FILES / "warrior.swanctl.conf"], virtual=True
        )
        self.warrior.wait_installed("office")
        keys = make_keys("gw", "client")
        self.server = OpenVpn(self.gw, FILES / "server.openvpn.conf", keys, "client")
        self.client = OpenVpn(self.hosts["client"], FILES / "client.openvpn.conf", keys, "gw")
        self.client.wait_address(ADDRESS["client"])
        topo.echo()

    def streams(self):
        return {name: Stream(host, ADDRESS[name], SRV[4], pps=PPS)
                for name, host in self.hosts.items()}  # fmt: skip


@pytest.fixture
def clients(topo):
    return Clients(topo)


def test_what_remote_clients_send_through_vgw0_survives_its_failovers(clients):
    counted, vgw = clients.vgw.counting(), clients.vgw
    identity, switches = vgw.identity(), vgw.switches()
    an_sa_that_is_deleted_costs_nothing(clients)
    a_silent_path_costs_the_keepalives_bound(clients)
    assert vgw.switches() - switches == 4 and vgw.identity() == identity
    assert counted.drops() == {}
    a_warrior_who_is_gone_is_not_answered_in_clear(clients)


def judge(streams, what, bound=0):
    for name, stream in streams.items():
        result = stream.stop()
        outage = max(0, result.longest_gap - 1 / PPS)
        figures("clients", f"{what}, {name}", outage=outage, lost=result.lost, sent=result.sent,
                dup=result.dup)  # fmt: skip
        assert set(result.by) == {"far1", "far2"} and result.dup == 0, (name, result)
        if bound:
            assert outage <= bound + 0.05 + LATE, (name, result)
            assert result.lost <= (bound + 0.05 + LATE) * PPS, (name, result)
        else:
            assert result.lost == 0, (name, result)


def an_sa_that_is_deleted_costs_nothing(clients):
    events, streams = clients.vgw.monitor(), clients.streams()
    time.sleep(1)
    out = next(sa for sa in clients.vgw.tunnel(1)["sas"] if sa["dir"] == "out")
    here, there = clients.topo.underlay(1)
    clients.gw.ip(f"xfrm state del src {here} dst {there} proto esp spi {out['spi']:#x}")
    # The keepalives ask for another one.
    events.wait("switch", new="vgw0-1")
    time.sleep(1)
    judge(streams, "SA deleted")
    events.stop()
    clients.vgw.wait_well()


def a_silent_path_costs_the_keepalives_bound(clients):
    events, streams = clients.vgw.monitor(), clients.streams()
    time.sleep(1)
    clients.topo.silence(1)
    events.wait("switch", new="vgw0-2")
    time.sleep(2)
    clients.topo.weather(1)
    events.wait("switch", new="vgw0-1", timeout=60)
    time.sleep(1)
    judge(streams, "path silent", BOUND)
    events.stop()


def a_warrior_who_is_gone_is_not_answered_in_clear(clients):
    """Neither is a client whose OpenVPN is gone."""
    clients.warrior.kill()
    clients.topo.charons["gw"].terminate("warriors", force=True)
    clients.server.stop()
    for name in clients.hosts:
        assert clients.topo.fars[1].ping(ADDRESS[name], src=SRV[4]) == 0
    # Port unreachable: they still ask for daemons that are gone.
    clients.capture.assert_nothing_in_clear("udp port 1194 or (icmp[0] = 3 and icmp[1] = 3)")
