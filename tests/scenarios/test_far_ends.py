"""Stock far ends: strongSwan on xfrm interfaces or vti, IKEv1 and IKEv2, NAT-T, IPv4 and IPv6.

    cli ----- gw: vgw0, strongSwan =====vgw0-1===== far1: strongSwan, xfrm interface or vti
               \\======================vgw0-2====== far2: the same; both are 10.20.0.1
"""

import time
from dataclasses import dataclass

import pytest
from lab import SIM
from lab.topo import SRV
from lab.vgw import Vgw
from lab.xfrm import Key


@dataclass(frozen=True)
class Case:
    version: int = 2
    ours: str = "if_id"
    theirs: str = "if_id"
    nat: bool = False
    outer: int = 4
    mark_in_sa: bool = False
    qemu: bool = False

    def __str__(self):
        words = [f"ikev{self.version}", f"our-{self.ours}", f"their-{self.theirs}"]
        words.append(f"v{self.outer}")
        words += ["nat"] * self.nat + ["mark-in-sa"] * self.mark_in_sa
        return "-".join(words)

    @property
    def inner(self):
        """IKEv1 negotiates one family (IPv4 here); a vti carries that of its outer addresses."""
        if self.version == 1:
            return (4,)
        return (self.outer,) if self.theirs == "mark" else (4, 6)


KINDS = ("if_id", "mark")
CASES = [
    *(Case(version, ours, theirs, qemu=(version, ours, theirs) == (2, "if_id", "if_id"))
      for version in (2, 1) for ours in KINDS for theirs in KINDS),
    *(Case(version, ours, nat=True, qemu=(version, ours) == (1, "mark"))
      for version in (2, 1) for ours in KINDS),
    *(Case(2, ours, theirs, outer=6) for ours in KINDS for theirs in KINDS),
    Case(1, outer=6),
    Case(2, "mark", nat=True, outer=6),
    Case(2, "mark", mark_in_sa=True),
]  # fmt: skip


@pytest.mark.parametrize("case", [c for c in CASES if SIM or c.qemu], ids=str)
def test_traffic_crosses_and_moves_to_the_other_tunnel_when_one_is_terminated(topo, case):
    vgw = Vgw(
        topo, kind=case.ours, theirs=case.theirs, outer=case.outer, inner=case.inner[0], sas=False,
        tunnel="keepalive 200ms misses 5", options="revert 1s", tunnels={1: "preference 200"},
    )  # fmt: skip
    child = {"mark_in_sa": "yes"} if case.mark_in_sa else {}
    charon = topo.ike(
        case.ours, case.theirs, case.outer, version=case.version, nat=case.nat, child=child
    )
    vgw.wait_up()
    vgw.wait_active(1)
    counted = vgw.counting()
    for family in case.inner:
        topo.echo(family)
        result = topo.stream(family, pps=200, count=60).wait()
        assert (result.lost, result.dup, set(result.by)) == (0, 0, {"far1"}), result
    assert counted.drops() == {}

    assert all(sa["encap"] == case.nat for n in (1, 2) for sa in vgw.tunnel(n)["sas"])
    on_the_wire = "udp port 4500" if case.nat else "esp"
    identity = vgw.identity()
    stream = topo.stream(case.inner[0], pps=200)
    time.sleep(0.2)
    charon.terminate("tunnel1")
    vgw.wait_active(2)
    time.sleep(0.3)
    result = stream.stop()
    # What was under way when one end had deleted its SAs and the other had not yet.
    assert result.lost <= (4 if SIM else 60), result
    assert result.moves[-1][1] == "far2" and vgw.state(1) == "no-sa", result

    # And back, by IKE alone.
    charon.initiate("tunnel1")
    vgw.wait_up(1)
    assert topo.stream(case.inner[0], pps=200, count=40).wait().lost == 0
    assert vgw.identity() == identity
    assert len(topo.captures[1].packets(on_the_wire)) > 40


@pytest.mark.skipif(not SIM, reason="another two daemons under emulation: the simulator has it")
def test_a_far_end_that_terminates_is_left_at_once(topo):
    vgw = Vgw(topo, sas=False, tunnel="keepalive 1s", tunnels={1: "preference 200"})
    topo.ike()
    vgw.wait_up()
    vgw.wait_active(1, 60)
    topo.echo()
    stream = topo.stream(pps=200)
    time.sleep(0.2)
    topo.charons["far1"].terminate("tunnel1")
    vgw.wait_active(2)
    time.sleep(0.2)
    result = stream.stop()
    assert result.lost <= 4, result
    # The second one as well: nothing is left, nothing leaves in clear.
    topo.charons["far2"].terminate("tunnel2")
    vgw.wait_active(None)
    assert not vgw.carrier()
    result = topo.stream(pps=200, count=20).wait()
    assert result.received == 0, result


def test_a_mark_key_takes_sas_that_have_no_mark(topo):
    """As vti does, and as pmtu.sh has them: only the policies are marked."""
    vgw = Vgw(topo, only=(1,), kind="mark", sas=False, tunnel="keepalive off")
    pair = topo.pair(1, "mark", up=False)
    pair.policies()
    pair.out, pair.back = pair.new()
    pair.theirs.host.ip(*pair.states_of(pair.theirs))
    topo.gw.ip(*(sa.state(Key(), 1) for sa in (pair.out, pair.back)))
    vgw.wait_up()
    assert topo.cli.ping(SRV[4], 3) == 3
    topo.gw.ip(pair.out.delete())
    vgw.wait_state(1, "no-sa")
