"""Requests that vgwctl does not send, readers with buffers of any size, a module that cannot load.

    gw =====vgw0-1===== far1        most of it needs gw alone
       \\======vgw0-2===== far2
"""

import array
import errno
import fcntl
import os
import socket
import struct
from pathlib import Path

import pytest
from lab import SIM, rawnl
from lab.netns import run, wait_for
from lab.topo import SRV, V4
from lab.vgw import Vgw, loaded, unload
from lab.xfrm import Key

TOP = Path(os.environ["LAB_TOP"])
NUM = rawnl.numbers()
ASK = rawnl.REQUEST | rawnl.ACK
MAKE = ASK | rawnl.CREATE | rawnl.EXCL
IFLA_ADDRESS, IFLA_MTU, IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA = 1, 4, 4, 5
RTM_GETLINK, NLMSG_DONE = 18, 3
SOL_NETLINK, NETLINK_EXT_ACK, NLMSGERR_ATTR_OFFS = 270, 11, 2
SIOCETHTOOL, ETHTOOL_GDRVINFO = 0x8946, 3


def modinfo(name):
    return not run(["modinfo", name], check=False).returncode


def t(name, value):
    return rawnl.u32(NUM[f"VGW_A_TUNNEL_{name}"], value)


def link(name, *attrs):
    return rawnl.named(name) + b"".join(attrs)


def info(kind, *data, slave=False):
    """What `ip link ... type KIND` sends; slave: type KIND_slave."""
    what, where = ((IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA) if slave else
                   (rawnl.IFLA_INFO_KIND, rawnl.IFLA_INFO_DATA))  # fmt: skip
    return rawnl.nest(rawnl.IFLA_LINKINFO, rawnl.attr(what, kind.encode() + b"\0"),
                      rawnl.nest(where, *data))  # fmt: skip


def tunnels(*each):
    return rawnl.nest(NUM["VGW_A_TUNNELS"],
                      *(rawnl.nest(NUM["VGW_A_TUNNELS_TUNNEL"], *attrs) for attrs in each))


@pytest.fixture
def sockets(topo):
    made = [rawnl.Netlink(topo.gw, p) for p in (rawnl.NETLINK_ROUTE, rawnl.NETLINK_GENERIC)]
    yield made
    for each in made:
        each.close()


def test_ip_link_changes_a_connection_and_its_tunnels_by_either_device(topo, sockets):
    route, generic = sockets
    vgw = Vgw(topo, sas=False, far=False, up=False, tunnel="keepalive off")

    def change(name, what):
        return route.ask(rawnl.RTM_NEWLINK, ASK, link(name, what))

    assert change("vgw0", info("vgw", rawnl.u32(NUM["VGW_A_REVERT"], 7000))) == 0
    assert vgw.show()["revert"] == 7000
    assert change("vgw0-1", info("vgw_tunnel", t("PREFERENCE", 300))) == 0
    assert change("vgw0-2", info("vgw", t("PREFERENCE", 50), slave=True)) == 0
    assert [vgw.tunnel(n)["preference"] for n in (1, 2)] == [300, 50]
    # Neither may give another key, and a tunnel is not made by itself.
    before = topo.gw.run("vgwctl showconf vgw0").stdout
    assert change("vgw0-1", info("vgw_tunnel", t("IF_ID", 900))) == errno.EOPNOTSUPP
    assert change("vgw0-1", info("vgw", t("MISSES", 77), slave=True)) == errno.ERANGE
    assert change("vgw0-1", info("vgw_tunnel", t("INTERVAL", 5000))) == 0
    assert route.ask(rawnl.RTM_NEWLINK, MAKE, link("x", info("vgw_tunnel", t("IF_ID", 9)))) == \
        errno.EOPNOTSUPP  # fmt: skip
    assert vgw.tunnel(1)["interval"] == 5000
    assert change("vgw0-1", info("vgw_tunnel", t("INTERVAL", 2000))) == 0
    assert topo.gw.run("vgwctl showconf vgw0").stdout == before
    # An inside address of which no peer follows, where a peer is to answer.
    wide = rawnl.attr(NUM["VGW_A_TUNNEL_INSIDE"], socket.inet_aton("10.0.0.1"))
    wide += rawnl.attr(NUM["VGW_A_TUNNEL_INSIDE_LEN"], b"\x18")
    assert change("vgw0-1", info("vgw_tunnel", t("KEEPALIVE", NUM["VGW_KEEPALIVE_ACTIVE"]))) == 0
    for what in (wide, wide + t("INTERVAL", 1000)):
        assert change("vgw0-1", info("vgw_tunnel", what)) == errno.EINVAL
    assert vgw.tunnel(1)["inside"] == "169.254.1.1"
    # By ifindex as by name; and both must mean the same.
    index = vgw.show()["ifindex"]
    by = rawnl.u32(NUM["VGW_A_IFINDEX"], index)
    drain = rawnl.attr(NUM["VGW_A_DRAIN"], b"\1")
    for select, answer in (
        (rawnl.attr(NUM["VGW_A_TUNNEL_INDEX"], b"\1"), 0),
        (t("IFINDEX", vgw.tunnel(2)["ifindex"]), 0),
        (t("IFINDEX", vgw.tunnel(2)["ifindex"]) + rawnl.attr(NUM["VGW_A_TUNNEL_INDEX"], b"\0"),
         errno.ENOENT),
        (rawnl.attr(NUM["VGW_A_TUNNEL_IFNAME"], b"vgw0-2\0"), 0),
        (b"", errno.EINVAL),
    ):  # fmt: skip
        body = by + rawnl.nest(NUM["VGW_A_TUNNEL_SELECT"], select) + drain
        assert generic.vgw(NUM["VGW_CMD_DRAIN"], body) == answer, select
    wrong = by + rawnl.attr(NUM["VGW_A_IFNAME"], b"lan\0")
    assert generic.vgw(NUM["VGW_CMD_GET"], wrong) == errno.ENODEV


def test_of_several_tunnels_the_one_that_is_wrong_is_named(topo, sockets):
    """The offset of the attribute that the answer gives is that of its nest."""
    _, generic = sockets
    Vgw(topo, sas=False, far=False, up=False)
    generic.sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
    right = rawnl.attr(NUM["VGW_A_TUNNEL_INDEX"], b"\0") + t("MISSES", 4)
    wrong = rawnl.attr(NUM["VGW_A_TUNNEL_INDEX"], b"\1")
    wrong += rawnl.attr(NUM["VGW_A_TUNNEL_INSIDE"], socket.inet_aton("169.254.1.5"))
    wrong += rawnl.attr(NUM["VGW_A_TUNNEL_PEER"], socket.inet_aton("169.254.1.2"))
    for order in ((right, wrong), (wrong, right)):
        body = struct.pack("=BBH", NUM["VGW_CMD_SET"], 1, 0)
        body += rawnl.attr(NUM["VGW_A_IFNAME"], b"vgw0\0")
        body += tunnels(*((each,) for each in order))
        generic.send(generic.family, ASK, body)
        answer = generic.sock.recv(65536)
        assert -struct.unpack_from("=i", answer, 16)[0] == errno.EEXIST
        # After the error comes the request, and then what is to be said of it.
        said = dict(rawnl.attributes(answer[20 + 16 + len(body) :]))
        at = struct.unpack("=I", said[NLMSGERR_ATTR_OFFS])[0] - 16
        assert body[at + 4 :].startswith(wrong), order


def test_a_mark_key_stays_and_its_far_end_may_be_another(topo, sockets):
    route, generic = sockets
    vgw = Vgw(topo, kind="mark", theirs="mark", sas=False, far=False, up=False,
              tunnel="keepalive off")  # fmt: skip
    mark = link("vgw0-1", info("vgw_tunnel", t("MARK", 0x77)))
    assert route.ask(rawnl.RTM_NEWLINK, ASK, mark) == errno.EOPNOTSUPP
    # No peer: no keepalive could be answered.
    vgw.ctl("add", "x", "tunnel", "if_id", 7)
    for change in (t("INTERVAL", 1000), t("MISSES", 4)):
        active = t("KEEPALIVE", NUM["VGW_KEEPALIVE_ACTIVE"]) + change
        one = rawnl.attr(NUM["VGW_A_TUNNEL_INDEX"], b"\0") + active
        body = rawnl.attr(NUM["VGW_A_IFNAME"], b"x\0")
        body += rawnl.nest(NUM["VGW_A_TUNNELS"], rawnl.nest(NUM["VGW_A_TUNNELS_TUNNEL"], one))
        assert generic.vgw(NUM["VGW_CMD_SET"], body) == errno.EINVAL
    pair = topo.pair(1, "mark", up=False)
    pair.ours.host.ip(pair.new()[0].state(Key(mark=0x11), 1))
    assert len(vgw.tunnel(1)["sas"]) == 1
    vgw.set("remote 203.0.113.9", 1)
    wait_for("no SA to another far end", lambda: vgw.tunnel(1)["sas"] == [])
    vgw.set(f"remote {V4[1][1]}", 1)
    wait_for("the SA again", lambda: len(vgw.tunnel(1)["sas"]) == 1)


def test_socket_policies_are_somebody_else_s_business(topo):
    """XFRM asks every key manager: none of them takes this, and we do not say that we would."""

    def refused():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.setsockopt(socket.IPPROTO_IP, 17, b"\0" * 64)  # IP_XFRM_POLICY
            except OSError as err:
                return err.errno
        return 0

    Vgw(topo, sas=False, far=False, up=False)
    assert topo.gw.inside(refused) == errno.EINVAL


def test_what_a_connection_cannot_be_is_refused_by_its_own_error(topo, sockets):
    """As vgwctl's words are in test_input.py: here what it would not send."""
    route, _ = sockets
    number = NUM["VGW_A_TUNNEL_INSIDE_LEN"]
    inside = rawnl.attr(NUM["VGW_A_TUNNEL_INSIDE"], socket.inet_aton("10.0.0.1"))
    cases = (
        ((), errno.EINVAL),
        ((tunnels(()),), errno.EINVAL),
        ((tunnels((t("IF_ID", 1), t("MARK", 2))),), errno.EINVAL),
        ((tunnels((t("IF_ID", 1), t("MARK_MASK", 2))),), errno.EINVAL),
        ((tunnels((t("IF_ID", 1), t("KEEPALIVE", NUM["VGW_KEEPALIVE_ACTIVE"]))),), errno.EINVAL),
        ((tunnels((t("IF_ID", 1), rawnl.attr(number, b"\x1e"))),), errno.EINVAL),
        ((tunnels((t("IF_ID", 1), inside, rawnl.attr(number, b"\x40"))),), errno.ERANGE),
        ((tunnels((t("MARK", 1), t("MARK_MASK", 0))),), errno.EINVAL),
        ((tunnels((t("IF_ID", 1),)), rawnl.u32(NUM["VGW_A_MTU"], 67)), errno.ERANGE),
        ((tunnels(*((t("IF_ID", n),) for n in range(1, 10))),), errno.E2BIG),
        ((tunnels((t("IF_ID", 1),)), rawnl.attr(NUM["VGW_A_DRAIN"], b"\1")), errno.EINVAL),
    )  # fmt: skip
    for data, answer in cases:
        assert route.ask(rawnl.RTM_NEWLINK, MAKE, link("vgw0", info("vgw", *data))) == answer, data
    one = info("vgw", tunnels((t("IF_ID", 1),)))
    address = rawnl.attr(IFLA_ADDRESS, b"\2\0\0\0\0\1")
    assert route.ask(rawnl.RTM_NEWLINK, MAKE, link("vgw0", address, one)) == errno.EINVAL
    assert route.ask(rawnl.RTM_NEWLINK, MAKE, link("vgw0", rawnl.u32(IFLA_MTU, 1300), one)) == 0
    assert topo.gw.ip_json(["link", "show", "dev", "vgw0"])[0]["mtu"] == 1300


def test_an_mtu_that_ip_link_sets_is_the_configuration_of_all_devices(topo, tmp_path):
    vgw = Vgw(topo, sas=False, far=False, up=False)
    conf = tmp_path / "conf"

    def mtus():
        return {each["mtu"] for each in topo.gw.ip_json("link show") if "vgw0" in each["ifname"]}

    for mtu in (68, 300, 1300):
        topo.gw.ip(f"link set vgw0 mtu {mtu}")
        assert vgw.show()["mtu"] == mtu
        wait_for("the tunnels' as well", lambda mtu=mtu: mtus() == {mtu})
        conf.write_text(topo.gw.run("vgwctl showconf vgw0").stdout)
        topo.gw.run(f"vgwctl syncconf vgw0 {conf}")
    assert topo.gw.ip("link set vgw0 mtu 67", check=False).returncode != 0
    vgw.set("mtu auto")
    assert vgw.show()["mtu"] == 0


def test_ethtool_names_the_driver(topo):
    Vgw(topo, sas=False, far=False, up=False)

    def driver(name):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            said = array.array("B", struct.pack("=I192x", ETHTOOL_GDRVINFO))
            request = struct.pack("16sQ16x", name.encode(), said.buffer_info()[0])
            fcntl.ioctl(sock, SIOCETHTOOL, request)
            return said[4:36].tobytes().rstrip(b"\0").decode()

    assert topo.gw.inside(driver, "vgw0") == "vgw"
    assert topo.gw.inside(driver, "vgw0-1") == "vgw_tunnel"
    # By which udev tells NetworkManager what is not its own.
    rule = (TOP / "userspace/udev/85-vgw.rules").read_text(encoding="ascii").splitlines()[-1]
    assert 'ENV{ID_NET_DRIVER}=="vgw|vgw_tunnel", ENV{NM_UNMANAGED}="1"' in rule


def test_unmarked_sas_belong_to_the_tunnel_between_their_addresses(topo):
    """Two mark keys to one far end: the local address says whose an SA without a mark is."""
    gw, (here, there) = topo.gw, V4[1]
    gw.ip("addr add 203.0.113.1/32 dev u1")
    gw.run(f"vgwctl add vgw0 tunnel mark 0x11 local {here} remote {there}"
           f" tunnel mark 0x12 local 203.0.113.1 remote {there}")  # fmt: skip
    vgw = Vgw.__new__(Vgw)
    vgw.gw, vgw.name, vgw.only = gw, "vgw0", (1, 2)
    pair = topo.pair(1, up=False)
    gw.ip(pair.new()[0].state(Key(), 1))
    assert [len(vgw.tunnel(n)["sas"]) for n in (1, 2)] == [1, 0]
    # And of a tunnel whose address is another one it is none.
    vgw.set("local 203.0.113.7", 1)
    wait_for("no SA from another address", lambda: vgw.tunnel(1)["sas"] == [])
    vgw.set(f"local {here}", 1)
    wait_for("the SA again", lambda: len(vgw.tunnel(1)["sas"]) == 1)


@pytest.mark.parametrize("last", (0, -1), ids=("oldest", "newest"))
def test_a_connection_finds_all_the_sas_that_are_there_before_it(topo, last):
    """Eighty, more than the first look has room for: the last that is left holds the tunnel up."""
    pair = topo.pair(1, up=False)
    sas = [pair.new() for _ in range(40)]
    topo.gw.ip(*(sa.state(Key(if_id=101), 1) for each in sas for sa in each))
    pair.policies()
    vgw = Vgw(topo, sas=False, far=False, tunnel="keepalive off")
    vgw.wait_up(1)
    events = vgw.monitor()
    left = sas.pop(last)
    topo.gw.ip(*(sa.delete() for each in sas for sa in each))
    assert {sa["spi"] for sa in vgw.tunnel(1)["sas"]} == {sa.spi for sa in left}
    assert events.all("state", tunnel=1) == []
    topo.gw.ip(*(sa.delete() for sa in left))
    events.wait("state", tunnel=1, new="no-sa")


# --- readers --------------------------------------------------------------------------------------


def messages(sock, size):
    """All messages of a dump, read into a buffer of that size."""
    while True:
        data, _, cut, _ = sock.recvmsg(size)
        assert not cut & socket.MSG_TRUNC
        at = 0
        while at < len(data):
            length, kind, flags = struct.unpack_from("=IHH", data, at)
            assert not flags & 0x10, "the dump was interrupted"
            if kind == NLMSG_DONE:
                return
            assert kind != rawnl.NLMSG_ERROR, struct.unpack_from("=i", data, at + 16)
            yield data[at + 16 : at + length]
            at += (length + 3) & ~3


def test_a_dump_is_whole_whatever_the_reader_has_room_for(topo):
    """The kernel fills buffers as large as the reader's: each attribute is at an end once."""
    gw = topo.gw
    for n in range(4):
        gw.run(f"vgwctl add c{n} tunnel if_id {10 * n + 1} inside 169.254.1{n}.1/30"
               f" tunnel if_id {10 * n + 2} inside fd00:{n}::1/126")  # fmt: skip
        for i in (1, 2):
            for sa in topo.pair(i, up=False).new():
                gw.ip(sa.state(Key(if_id=10 * n + i), 1))
    # One that has switched, too.
    vgw = Vgw(topo, tunnel="keepalive off")
    vgw.switch(2)
    vgw.switch(1)

    def reader(protocol, size):
        """A socket of which the kernel knows that so much is read at once: it was, before."""
        sock = gw.inside(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol))
        sock.settimeout(5)
        sock.send(request(3, ASK))  # a no-op
        sock.recv(size)
        return sock

    def request(kind, flags, payload=b""):
        return struct.pack("=IHHII", 16 + len(payload), kind, flags, 1, 0) + payload

    def generic(size):
        with reader(rawnl.NETLINK_GENERIC, size) as sock:
            sock.send(request(number, rawnl.REQUEST | rawnl.DUMP,
                              struct.pack("=BBH", NUM["VGW_CMD_GET"], 1, 0)))  # fmt: skip
            found = {}
            for body in messages(sock, size):
                attrs = dict(rawnl.attributes(body[4:]))
                nests = rawnl.attributes(attrs[NUM["VGW_A_TUNNELS"]])
                found[attrs[NUM["VGW_A_IFNAME"]]] = [
                    (sorted(dict(rawnl.attributes(tunnel))), len(tunnel)) for _, tunnel in nests]
        return found

    def rtnl(size):
        with reader(rawnl.NETLINK_ROUTE, size) as sock:
            sock.send(request(RTM_GETLINK, rawnl.REQUEST | rawnl.DUMP, rawnl.named("")[:16]))
            found = {}
            for body in messages(sock, size):
                attrs = dict(rawnl.attributes(body[16:]))
                found[attrs[rawnl.IFLA_IFNAME]] = attrs.get(rawnl.IFLA_LINKINFO)
        return found

    asked = rawnl.Netlink(gw, rawnl.NETLINK_GENERIC)
    number = asked.family
    asked.close()
    for dump in (generic, rtnl):
        whole = dump(65536)
        assert len(whole) >= 4, whole
        # From what the kernel takes at least, a page, to two objects more.
        sizes = range(4096, 4096 + 5000, 4 if SIM else 64)
        for size in sizes:
            assert dump(size) == whole, size
        print(f"\n{dump.__name__}: {len(sizes)} sizes, {len(whole)} objects")


# --- the module itself ----------------------------------------------------------------------------


@pytest.mark.skipif(not modinfo("vgw_taken"), reason="tests/kunit: only kernels with KUnit have it")
@pytest.mark.parametrize("what", ("esp4", "esp6", "link", "tunnel", "netlink"))
def test_a_module_that_cannot_load_whole_leaves_nothing(topo, what):
    """Each thing that its init takes is taken already; with it back, all works."""
    unload()
    run(["modprobe", "vgw_taken", f"what={what}"])
    try:
        done = run(["modprobe", "vgw"], check=False)
        # Kernels differ in what they make of EEXIST.
        assert done.returncode and "could not insert" in done.stderr, done
        assert not loaded()
    finally:
        run(["rmmod", "vgw_taken"])
        run(["modprobe", "vgw"])
    vgw = Vgw(topo, only=(1,))
    vgw.wait_up()
    assert topo.cli.ping(SRV[4]) == 1
