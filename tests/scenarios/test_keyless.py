"""Policies without an if_id: IP looks for them at each packet where there are any, and only there.

    cli ----- gw =====vgw0-1===== far1 (10.20.0.1)
               \\======vgw0-2===== far2 (10.20.0.1)

That IP does not look shows in the sysctls disable_xfrm and disable_policy of vgw0 and its tunnels;
that nothing is lost by it, in what such a policy does to the first packet behind it.
"""

import time

import pytest
from lab import inject
from lab.netns import Netns, run, wait_for
from lab.topo import CLI, SRV
from lab.vgw import Vgw, loaded, unload

QUIET = {"tunnel": "keepalive off"}
DEVICES = ("vgw0", "vgw0-1", "vgw0-2")
WHAT = ("disable_xfrm", "disable_policy")
TO, FROM = f"src {CLI[4]} dst {SRV[4]}", f"src {SRV[4]} dst {CLI[4]}"


def sysctls(host, devices=DEVICES):
    def read():
        found = set()
        for path in (f"/proc/sys/net/ipv4/conf/{d}/{w}" for d in devices for w in WHAT):
            try:
                with open(path, encoding="ascii") as file:
                    found.add(int(file.read()))
            except FileNotFoundError:
                found.add(None)  # it is on its way to another netns
        return found

    return host.inside(read)


def unsearched(host):
    wait_for("IP looks no more", lambda: sysctls(host) == {1}, 10)


@pytest.fixture
def ready(topo):
    vgw = Vgw(topo, **QUIET)
    vgw.wait_up()
    unsearched(topo.gw)
    assert topo.cli.ping(SRV[4], 3, 0.01) == 3
    return topo


@pytest.mark.parametrize("selector, direction", [(TO, "out"), (FROM, "fwd")])
@pytest.mark.parametrize("how", ("block", "its own SA", "update"))
def test_the_first_packet_after_such_a_policy_obeys_it(ready, selector, direction, how):
    """Blocked, or to be carried by an SA that there is not; and all is as before when it goes."""
    gw, policy = ready.gw, f"{selector} dir {direction}"
    wanted = "action block" if how == "block" else (
        "tmpl src 192.0.2.1 dst 192.0.2.77 proto esp reqid 77 mode tunnel")  # fmt: skip
    gw.ip(f"xfrm policy {'update' if how == 'update' else 'add'} {policy} {wanted}")
    assert sysctls(gw) == {0}
    assert ready.cli.ping(SRV[4], 3, 0.01) == 0
    # Another one that goes leaves this one in force.
    gw.ip(f"xfrm policy add src 10.9.9.9 dst 10.9.9.9 dir {direction} action block")
    gw.ip(f"xfrm policy del src 10.9.9.9 dst 10.9.9.9 dir {direction}")
    assert ready.cli.ping(SRV[4], 20, 0.1) == 0
    assert sysctls(gw) == {0}
    gw.ip(f"xfrm policy del {policy}")
    assert ready.cli.ping(SRV[4], 3, 0.01) == 3
    unsearched(gw)
    assert ready.cli.ping(SRV[4], 3, 0.01) == 3


def test_a_local_packet_obeys_it_as_well(ready):
    """A connected socket's route is looked up anew."""
    gw = ready.gw
    gw.ip(*(f"xfrm policy add {s} dir {d} action block"
            for s, d in ((f"dst {SRV[4]}", "out"), (f"src {SRV[4]}", "in"))))  # fmt: skip
    assert gw.ping(SRV[4], 2, 0.01) == 0
    gw.ip(f"xfrm policy del dst {SRV[4]} dir out")
    assert gw.ping(SRV[4], 2, 0.01) == 0
    gw.ip(f"xfrm policy del src {SRV[4]} dir in")
    assert gw.ping(SRV[4], 2, 0.01) == 2


def test_one_that_expires_or_is_flushed_is_gone(ready):
    gw = ready.gw
    gw.ip(f"xfrm policy add {TO} dir out action block limit time-hard 3")
    assert sysctls(gw) == {0}
    unsearched(gw)
    gw.ip(f"xfrm policy add {TO} dir out action block ptype main")
    assert sysctls(gw) == {0}
    gw.ip("xfrm policy flush")
    unsearched(gw)


@pytest.mark.parametrize("direction", ("out", "fwd", "in"))
def test_a_default_that_blocks_is_obeyed_though_nobody_tells_of_it(ready, direction):
    gw = ready.gw
    gw.ip(f"xfrm policy setdefault {direction} block")
    if direction == "fwd":
        # Requests would not even get as far as the tunnel.
        box = inject.Mailbox(ready.cli, CLI[4])
        inject.udp(ready.fars[1], SRV[4], CLI[4], 5)
        time.sleep(0.1)
        assert box.count() == 0
    else:
        assert (gw if direction == "in" else ready.cli).ping(SRV[4], 3, 0.01) == 0
    assert sysctls(gw) == {0}
    gw.ip(f"xfrm policy setdefault {direction} accept")
    assert ready.cli.ping(SRV[4], 3, 0.01) == 3
    # Shows when policies change next.
    gw.ip(f"xfrm policy add {TO} dir out action block", f"xfrm policy del {TO} dir out")
    unsearched(gw)


def test_what_was_there_before_counts(topo):
    """Before the connection, and before the module."""
    topo.gw.ip(f"xfrm policy add {TO} dir out action block")
    unload()
    run(["modprobe", "vgw"])
    assert loaded()
    vgw = Vgw(topo, **QUIET)
    vgw.wait_up()
    assert topo.cli.ping(SRV[4], 20, 0.1) == 0
    assert sysctls(topo.gw) == {0}
    topo.gw.ip(f"xfrm policy del {TO} dir out")
    unsearched(topo.gw)
    # A second connection need not wait for a count.
    vgw.ctl("add", "vgw1", "tunnel", "if_id", 7)
    assert sysctls(topo.gw, ("vgw1", "vgw1-1")) == {1}


@pytest.mark.parametrize("value", (0, 1))
@pytest.mark.parametrize("dev", ("vgw0", "vgw0-1"))
def test_who_sets_a_sysctl_keeps_it(ready, dev, value):
    gw = ready.gw
    if value:
        gw.ip(f"xfrm policy add {TO} dir out action block")
    gw.sysctl(f"net.ipv4.conf.{dev}.disable_policy", value)
    for _ in range(2):
        gw.ip(f"xfrm policy update {TO} dir out action block")
        assert ready.cli.ping(SRV[4], 20, 0.1) == 0
        gw.ip(f"xfrm policy del {TO} dir out")
        assert ready.cli.ping(SRV[4], 20, 0.1) == 20
        assert gw.run(f"sysctl -n net.ipv4.conf.{dev}.disable_policy").stdout == f"{value}\n"


def test_policies_of_a_mark_key_are_looked_for(topo):
    """They have no if_id; and with one such connection beside, the others are searched as well."""
    vgw = Vgw(topo, kind="mark", sas=False, **QUIET)
    vgw.ctl("add", "vgw1", "tunnel", "if_id", 7)
    wait_for("a count", lambda: sysctls(topo.gw, ("vgw1", "vgw1-1")) == {1}, 10)
    assert sysctls(topo.gw) == {0}
    for n in vgw.only:
        topo.pair(n, "mark")
    vgw.wait_up()
    assert topo.cli.ping(SRV[4], 20, 0.1) == 20
    assert sysctls(topo.gw, (*DEVICES, "vgw1", "vgw1-1")) == {0}


def test_a_device_elsewhere_is_searched_for_what_is_there(ready):
    """The netns that it is in has policies of its own; back home all is as before."""
    gw, inner = ready.gw, Netns("inner", forward=True)
    ready.hosts.append(inner)
    gw.ip(f"link set vgw0 netns {inner.name}")
    wait_for("its tunnels there", lambda: len(inner.run("ip -br link").stdout.splitlines()) == 4, 5)
    inner.ip("link set lo up", "link set vgw0 up", "addr add 10.10.0.1/32 dev vgw0",
             f"route add {SRV[4]} dev vgw0 src 10.10.0.1")  # fmt: skip
    assert sysctls(inner) == {0}
    wait_for("up", lambda: inner.ping(SRV[4], 1, 0.01) == 1, 5)
    inner.ip(f"xfrm policy add src {SRV[4]} dir in action block")
    assert inner.ping(SRV[4], 3, 0.01) == 0
    assert sysctls(inner) == {0}
    inner.ip(f"link set vgw0 netns {gw.name}")
    unsearched(gw)
