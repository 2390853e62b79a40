"""What is wrong is refused with its option and reason, changes nothing and leaves nothing behind.

    cli ----- gw =====vgw0-1===== far1        most of it needs gw alone, without any link
               \\======vgw0-2===== far2
"""

import errno
import json
import time

import pytest
from lab import SIM, rawnl
from lab.netns import Netns
from lab.rawnl import attr
from lab.vgw import Vgw

TWO = "tunnel if_id 1 tunnel if_id 2"

# arguments of `vgwctl add`, exit status, words that must be in what it says
REFUSED = (
    # the kernel's own sentences
    ("vgw0 tunnel if_id 1 tunnel if_id 1", 2, "same key"),
    ("vgw0 tunnel if_id 900", 2, "if_id netns has the key"),
    ("vgw0 tunnel mark 0x900 remote 192.0.2.9", 2, "mark netns has the key"),
    ("taken tunnel if_id 1", 2, "exists"),
    ("vgw0 tunnel taken if_id 1", 2, "name of a tunnel"),
    ("vgw0 tunnel x if_id 1 tunnel x if_id 2", 2, "same name"),
    ("vgw0 tunnel if_id 1 tunnel taken if_id 2", 2, "name of a tunnel"),
    ("vgw0 tunnel mark 5", 2, "mark needs remote"),
    ("vgw0 tunnel mark 0x15/0xf remote 192.0.2.2", 2, "mark mask"),
    ("vgw0 tunnel if_id 1 local 192.0.2.1 remote 2001:db8::2", 2, "local remote family"),
    ("vgw0 tunnel if_id 1 local 192.0.2.1 remote 192.0.2.1", 2, "local remote differ"),
    ("vgw0 tunnel if_id 1 remote 224.0.0.1", 2, "remote unicast"),
    ("vgw0 tunnel if_id 1 remote 127.0.0.1", 2, "remote unicast"),
    ("vgw0 tunnel if_id 1 remote ff02::1", 2, "remote unicast"),
    ("vgw0 tunnel if_id 1 remote ::1", 2, "remote unicast"),
    ("vgw0 tunnel if_id 1 remote ::ffff:192.0.2.1", 2, "remote unicast"),
    ("vgw0 tunnel if_id 1 inside 169.254.1.1/30 peer 169.254.1.1", 2, "inside peer differ"),
    ("vgw0 tunnel if_id 1 inside 169.254.1.1/30 peer fd00::1", 2, "inside peer family"),
    ("vgw0 tunnel if_id 1 peer 169.254.1.1", 2, "peer inside"),
    ("vgw0 tunnel if_id 1 inside 10.0.0.1/24 keepalive 1s", 2, "keepalive peer"),
    ("vgw0 tunnel if_id 1 keepalive 1s", 2, "keepalive peer"),
    ("vgw0 tunnel if_id 1 inside 10.1.0.1/30 tunnel if_id 2 inside 10.1.0.1/30", 2, "same peer"),
    ("vgw0 mss 87 " + TWO, (1, 2), "mss 88"),
    ("vgw0 mss 1 " + TWO, (1, 2), "mss"),
    ("vgw0 mss 65536 " + TWO, (1, 2), "mss"),
    ("vgw0-is-rather-l tunnel if_id 1", (1, 2), "name"),
    ("vgw0-is-so-long " + TWO, 2, "name the tunnels"),
    ("no/slash tunnel if_id 1", (1, 2), "name"),
    (".. tunnel if_id 1", (1, 2), "name"),
    # what vgwctl knows by itself; the kernel would say so, too
    ("vgw0", 1, "tunnel"),
    ("vgw0 tunnel", 1, "key"),
    ("vgw0 tunnel x", 1, "key"),
    ("vgw0 tunnel if_id 0", (1, 2), "if_id"),
    ("vgw0 tunnel if_id 4294967296", 1, "if_id"),
    ("vgw0 tunnel if_id -1", 1, "-1"),
    ("vgw0 tunnel if_id 1x", 1, "if_id"),
    ("vgw0 tunnel if_id 1 mark 2 remote 192.0.2.2", (1, 2), "key"),
    ("vgw0 tunnel mark 1/0 remote 192.0.2.2", (1, 2), "mask"),
    ("vgw0 tunnel mark 0 remote 192.0.2.2", (1, 2), "mark"),
    ("vgw0 tunnel if_id 1 keepalive 9ms", (1, 2), "keepalive"),
    ("vgw0 tunnel if_id 1 interval 9ms", (1, 2), "interval"),
    ("vgw0 tunnel if_id 1 interval 3601s", (1, 2), "interval"),
    ("vgw0 tunnel if_id 1 misses 0", (1, 2), "misses"),
    ("vgw0 tunnel if_id 1 misses 33", (1, 2), "misses"),
    ("vgw0 tunnel if_id 1 preference 65536", (1, 2), "preference"),
    ("vgw0 tunnel if_id 1 inside 169.254.1.1/33", (1, 2), "inside"),
    ("vgw0 tunnel if_id 1 inside 169.254.1.300/30", 1, "inside"),
    ("vgw0 tunnel if_id 1 remote 192.0.2", 1, "remote"),
    ("vgw0 mtu 67 " + TWO, (1, 2), "mtu"),
    ("vgw0 mtu 65536 " + TWO, (1, 2), "mtu"),
    ("vgw0 revert 50d " + TWO, (1, 2), "revert"),
    ("vgw0 revert -1 " + TWO, 1, "-1"),
    ("vgw0 " + " ".join(f"tunnel if_id {n}" for n in range(1, 10)), (1, 2), "8"),
)


@pytest.fixture
def gw():
    host = Netns("gw")
    host.flush()
    yield host
    host.close()


def links(host):
    return sorted(link["ifname"] for link in host.ip_json("link show"))


def refused(host, args, status, said):
    done = host.run(["vgwctl", *args.split()], check=False)
    allowed = status if isinstance(status, tuple) else (status,)
    assert done.returncode in allowed, (args, done)
    text = done.stderr.lower()
    assert done.stdout == "" and text, (args, done)
    missing = [word for word in said.split() if word.lower() not in text]
    assert not missing, f"vgwctl {args}: {text.strip()!r} lacks {missing}"


def test_every_refused_add_says_why_and_leaves_no_device(gw):
    gw.ip("link add taken type dummy")
    gw.run("vgwctl add other tunnel if_id 900 tunnel mark 0x900 remote 192.0.2.9")
    before = links(gw)
    for args, status, said in REFUSED:
        refused(gw, "add " + args, status, said)
        assert links(gw) == before, args
    # Neither do names or keys stay taken.
    gw.run("vgwctl add vgw0 tunnel if_id 1 tunnel if_id 2")
    assert links(gw) == sorted([*before, "vgw0", "vgw0-1", "vgw0-2"])


def test_every_refused_set_says_why_and_changes_nothing(gw):
    gw.run("vgwctl add vgw0 revert 5s tunnel if_id 1 local 192.0.2.1 remote 192.0.2.2"
           " inside 169.254.1.1/30 tunnel if_id 2 inside 169.254.2.1/30")  # fmt: skip
    before = gw.run("vgwctl showconf vgw0").stdout
    for args, status, said in (
        ("vgw0 tunnel 1 if_id 7", (1, 2), "key"),
        ("vgw0 tunnel 3 misses 5", (1, 2), "tunnel"),
        ("vgw0 tunnel nobody misses 5", (1, 2), "tunnel"),
        ("vgw0 tunnel 1 remote 2001:db8::1", 2, "family"),
        ("vgw0 tunnel 1 peer 169.254.2.2", 2, "same peer"),
        ("vgw0 tunnel 1 peer none keepalive 1s", 2, "keepalive"),
        ("vgw0 tunnel 1 interval 1ms", (1, 2), "interval"),
        ("vgw0 revert 9s tunnel 1 misses 9 tunnel 2 misses 33", (1, 2), "misses"),
        ("vgw0 mtu 1300 tunnel 2 preference 7 local 127.0.0.1", 2, "local"),
        ("vgw0 revert 9s mss 87", (1, 2), "mss 88"),
        ("nosuch revert 9s", 2, "nosuch"),
        ("lo revert 9s", 2, "lo"),
        ("vgw0-1 revert 9s", 2, "vgw0-1"),
    ):
        refused(gw, "set " + args, status, said)
        assert gw.run("vgwctl showconf vgw0").stdout == before, args
    for args, status, said in (
        ("switch vgw0 1", 2, "not usable"),
        ("switch vgw0 3", (1, 2), "tunnel"),
        ("drain vgw0", 1, "tunnel"),
        ("drain lo 1", 2, "lo"),
        ("del lo", 2, "lo"),
        ("del nosuch", 2, "nosuch"),
        ("show nosuch", 2, "nosuch"),
        ("frobnicate", 1, "frobnicate"),
    ):
        refused(gw, args, status, said)
    assert gw.run("vgwctl showconf vgw0").stdout == before


def test_the_other_tools_cannot_make_half_a_connection_either(gw):
    gw.run("vgwctl add vgw0 " + TWO)
    before = links(gw)
    for line, said in (
        ("link add vgw1 type vgw", "needs tunnels"),
        ("link add vgw1 type vgw_tunnel", ""),
        ("link del vgw0-1", ""),
        ("link set vgw0-1 netns 1", ""),
        ("link set vgw0-1 nomaster", None),
        ("link add vgw1 address 02:00:00:00:00:01 type vgw", "address"),
    ):
        done = gw.ip(line, check=False)
        if said is not None:
            assert done.returncode and said in done.stderr, (line, done)
        assert links(gw) == before, line
    # What iproute2 can say of a link of ours that it does not know is nothing: no change.
    conf = gw.run("vgwctl showconf vgw0").stdout
    gw.ip("link set vgw0 type vgw", check=False)
    gw.ip("link set vgw0-1 type vgw_tunnel", check=False)
    assert gw.run("vgwctl showconf vgw0").stdout == conf
    shown = json.loads(gw.run("vgwctl -j show vgw0").stdout)[0]
    assert [t["ifname"] for t in shown["tunnels"]] == ["vgw0-1", "vgw0-2"]
    gw.ip("link del vgw0")
    assert links(gw) == ["lo"]


def request(host, command, payload):
    sock = rawnl.Netlink(host, rawnl.NETLINK_GENERIC)
    try:
        return sock.vgw(command, payload)
    finally:
        sock.close()


def test_raw_requests_that_the_policy_forbids_are_refused(gw):
    """Attributes that only the kernel says, wrong lengths, unknown and missing ones."""
    num = rawnl.numbers()
    gw.run("vgwctl add vgw0 " + TWO)
    conf = gw.run("vgwctl showconf vgw0").stdout
    name = attr(num["VGW_A_IFNAME"], b"vgw0\0")
    index = attr(num["VGW_A_TUNNEL_INDEX"], b"\0")

    def tunnel(data):
        inner = attr(num["VGW_A_TUNNELS_TUNNEL"] | rawnl.NESTED, index + data)
        return name + attr(num["VGW_A_TUNNELS"] | rawnl.NESTED, inner)

    change = num["VGW_CMD_SET"]
    # The control: this very construction is accepted when its content is right.
    good = attr(num["VGW_A_TUNNEL_MISSES"], (3).to_bytes(4, "little"))
    assert request(gw, change, tunnel(good)) == 0

    first, last = num["VGW_A_TUNNEL_DRAINED"], num["VGW_A_TUNNEL_STATS"]
    for which in range(first, last + 1):
        for size in (0, 1, 4, 8):
            assert request(gw, change, tunnel(attr(which, b"\0" * size))), (which, size)
    for which in range(last + 2, last + 20):
        assert request(gw, change, tunnel(attr(which, b"\0" * 4))) == errno.EINVAL, which
    for bad in (
        b"", name, name[:6], attr(num["VGW_A_IFNAME"], b"v" * 40),
        attr(num["VGW_A_IFNAME"], b"vgw0"), attr(num["VGW_A_IFINDEX"], b"\0" * 4),
        attr(num["VGW_A_IFINDEX"], b"\xff" * 4), attr(40, b"\0" * 8) + name,
        attr(num["VGW_A_MTU"], b"\0\0") + name,
        attr(num["VGW_A_MTU"], b"\xff" * 4) + name,
        attr(num["VGW_A_MSS"], (2).to_bytes(4, "little")) + name,
        attr(num["VGW_A_MSS"], (87).to_bytes(4, "little")) + name,
        attr(num["VGW_A_MSS"], (65536).to_bytes(4, "little")) + name,
        tunnel(attr(num["VGW_A_TUNNEL_REMOTE"], b"\1" * 5)),
        tunnel(attr(num["VGW_A_TUNNEL_REMOTE"], b"\1" * 17)),
        tunnel(attr(num["VGW_A_TUNNEL_INTERVAL"], (9).to_bytes(4, "little"))),
        tunnel(attr(num["VGW_A_TUNNEL_MISSES"], b"\0" * 4)),
        tunnel(attr(num["VGW_A_TUNNEL_KEEPALIVE"], b"\3\0\0\0")),
        name + attr(num["VGW_A_TUNNELS"] | rawnl.NESTED, attr(1 | rawnl.NESTED, index) * 2),
        name + attr(num["VGW_A_TUNNELS"] | rawnl.NESTED, b"\x03\0\1\0"),
        name + attr(num["VGW_A_TUNNELS"], b"\xff" * 64),
        name + attr(num["VGW_A_DRAIN"], b"\1"),
    ):  # fmt: skip
        for command in (change, num["VGW_CMD_SWITCH"], num["VGW_CMD_DRAIN"]):
            if bad == name and command == change:
                continue  # a set of nothing is none
            assert request(gw, command, bad), (command, bad)
    for command in (0, 77, num["VGW_CMD_EVENT"]):
        assert request(gw, command, name), command
    assert gw.run("vgwctl showconf vgw0").stdout == conf


def test_a_change_under_load_is_seen_at_once_and_costs_at_most_one_packet(topo):
    vgw = Vgw(topo, tunnel="preference 100")
    vgw.wait_up()
    topo.echo()
    stream = topo.stream(pps=200)
    changes = (
        (0, "revert 7s"), (1, "misses 7"), (1, "preference 150"), (2, "preference 90"),
        (1, "interval 3s"), (2, "keepalive passive"), (0, "mtu 1300"), (1, "remote any"),
        (1, "local any"), (1, f"remote {topo.underlay(1)[1]}"),
    )  # fmt: skip
    time.sleep(0.2)
    for n, option in changes:
        vgw.set(option, n or None)
        shown = vgw.tunnel(n) if n else vgw.show()
        key, value = option.split()
        value = {"7s": 7000, "3s": 3000, "any": None}.get(value, value)
        assert str(shown[key]) == str(value), (key, shown[key])
        time.sleep(0.1)
    result = stream.stop()
    assert all(last == first for first, last in result.lost_spans), result
    assert result.lost <= len(changes) and result.dup == 0, result
    if SIM:
        assert result.lost <= 1, result
