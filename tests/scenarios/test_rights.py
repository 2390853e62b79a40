"""Who may do what: every operation of both netlink families, by every kind of caller.

    caller   root, nobody, root of a user namespace over its own netns, over a netns that is not
             its own, and over its own netns into which a device was moved
    answer   done, or refused with a reason and nothing changed

A refusal proves something only because root's very same command was done: that row comes first.
"""

import json
import subprocess

import pytest
from lab import rawnl
from lab.netns import Netns, wait_for

TWO = "tunnel if_id 1 tunnel if_id 2"

# operation: command on vgw0, which exists
LOOK = {
    "get": "vgwctl show vgw0",
    "dump": "vgwctl show",
    "showconf": "vgwctl showconf vgw0",
    "link-get": "ip -d link show dev vgw0-1",
}
CHANGE = {  # generic netlink
    "set": "vgwctl set vgw0 revert 9s",
    "set-tunnel": "vgwctl set vgw0 tunnel 1 misses 9",
    "drain": "vgwctl drain vgw0 1",
    "undrain": "vgwctl undrain vgw0 2",
    "switch": "vgwctl switch vgw0 2",
}
LINK = {  # rtnetlink, of which every caller may do these to devices in a netns that it rules
    "up": "ip link set vgw0 up",
    "down": "ip link set vgw0-2 down",
    "mtu": "ip link set vgw0 mtu 1200",
    "rename": "ip link set vgw0 name other",
    "address": "ip address add 192.0.2.77/32 dev vgw0",
    "qdisc": "tc qdisc replace dev vgw0-1 root pfifo",
    "del": "ip link del vgw0",
}
NEW = {
    "add": "vgwctl add vgw1 tunnel if_id 9",
    # Created here, to live there: rights over both are asked for.
    "add-elsewhere": "vgwctl -n {elsewhere} add vgw1 tunnel if_id 9",
    "move": "ip link set vgw0 netns {elsewhere}",
}
NEVER = {"del-tunnel": "ip link del vgw0-1", "move-tunnel": "ip link set vgw0-1 netns {elsewhere}"}
ALL = LOOK | CHANGE | LINK | NEW | NEVER


class Callers:
    """gw has the underlay; a user namespace that is born in it, or in a netns of its own."""

    def __init__(self):
        self.gw, self.elsewhere = Netns("gw"), Netns("elsewhere")
        self.gw.flush()
        self.elsewhere.flush()
        self.held = []

    def hold(self, *namespaces):
        """A user namespace below ours: returns what enters it."""
        held = self.gw.popen(
            ["unshare", "--user", "--map-root-user", *namespaces, "sh", "-c", "echo; sleep 100000"],
            stdout=subprocess.PIPE,
        )
        assert held.stdout.readline() == b"\n"
        return held.pid, ["nsenter", "--preserve-credentials", "--user", "--net", "--target",
                          str(held.pid)]

    def close(self):
        self.gw.close()
        self.elsewhere.close()


@pytest.fixture(scope="module")
def callers():
    them = Callers()
    yield them
    them.close()


def state(command):
    """All that an operation could change of our devices, as root of the netns sees it."""
    links = json.loads(command("ip -j address show").stdout)
    for link in links:
        # Carrier and what follows from it move by themselves.
        link["flags"] = "UP" in link["flags"]
        for moving in ("operstate", "link_netnsid"):
            link.pop(moving, None)
    conns = json.loads(command("vgwctl -j show").stdout)
    keep = ("ifname", "revert", "mtu", "drained", "misses", "if_id")
    return links, [
        [{k: each.get(k) for k in keep} for each in (conn, *conn["tunnels"])] for conn in conns
    ]


class Stage:
    """Where a caller acts: fresh() makes vgw0 anew, ask() is the caller, see() root beside it."""

    def __init__(self, name, fresh, ask, see):
        self.name, self.fresh, self.ask, self.see = name, fresh, ask, see
        self.before = None

    def cell(self, operation, allowed):
        if self.before is None:
            self.fresh()
            self.before = state(self.see)
        done = self.ask(ALL[operation].format(elsewhere="elsewhere"))
        after = state(self.see)
        said = (self.name, operation, done)
        if allowed and operation in BEYOND:
            # Past the rights it was refused for what is so: no tunnel has SAs here.
            assert BEYOND[operation] in done.stderr, said
        elif allowed:
            assert done.returncode == 0, said
            assert operation in LOOK or operation in SAME or after != self.before, said
        else:
            assert done.returncode != 0 and done.stderr.strip(), said
            assert BEYOND.get(operation, "nothing") not in done.stderr, said
            assert after == self.before, said
        if after != self.before:
            self.before = None


def renew(*commands):
    """vgw0 with its second tunnel drained, and nothing else of ours in these netns."""
    for command in commands:
        for name in ("vgw0", "vgw1", "other"):
            command(f"ip link del {name}", check=False)
    commands[0]("vgwctl add vgw0 " + TWO)
    commands[0]("vgwctl drain vgw0 2")
    commands[0]("ip link set vgw0-2 up")


ROOT = set(LOOK) | set(CHANGE) | set(LINK) | set(NEW)


# What is done and leaves what these scenarios compare as it was.
SAME = {"qdisc", "add-elsewhere"}
BEYOND = {"switch": "not usable"}
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def caller(gw, prefix=()):
    def ask(line, check=False):
        return gw.run([*prefix, *line.split()], check=check)

    return ask


@pytest.fixture(scope="module")
def stages(callers):
    """A stage for each kind of caller."""
    gw, elsewhere = callers.gw, callers.elsewhere
    _, foreign = callers.hold()
    _, own = callers.hold("--net")
    pid, container = callers.hold("--net")
    inside, moved = caller(gw, own), caller(gw, container)

    def here():
        renew(gw.run, elsewhere.run)

    def away():
        moved("ip link del vgw0")
        moved("ip link del other")
        here()
        gw.ip(f"link set vgw0 netns {pid}")
        wait_for("the tunnels to follow",
                 lambda: moved("ip link set vgw0-2 up").returncode == 0)

    yield {
        "root": Stage("root", here, caller(gw), gw.run),
        "nobody": Stage("nobody", here, caller(gw, NOBODY), gw.run),
        "foreign": Stage("foreign", here, caller(gw, foreign), gw.run),
        "own": Stage("own", lambda: renew(inside), inside, inside),
        "moved": Stage("moved", away, moved, moved),
    }
    moved("ip link del vgw0")


ALLOWED = {
    "root": ROOT,
    "nobody": set(LOOK),
    # Root of a user namespace that stayed in the netns of its parent.
    "foreign": set(LOOK),
    # It may put nothing into a netns that it does not rule.
    "own": ROOT - {"add-elsewhere", "move"},
    # Addresses and keepalives of tunnels are the underlay's. Which tunnel is used is the device's:
    # who may set a tunnel down may drain it.
    "moved": ROOT - {"set", "set-tunnel", "add-elsewhere", "move"},
}


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize("who", ALLOWED)
def test_every_caller_may_do_what_it_rules(stages, who, operation):
    stages[who].cell(operation, operation in ALLOWED[who])


SA = ("ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x77 mode tunnel if_id 1"
      f" aead rfc4106(gcm(aes)) 0x{20 * '00'} 128")  # fmt: skip


@pytest.mark.parametrize("command", ("vgwctl -j show vgw0", "vgwctl -j show"), ids=("get", "dump"))
@pytest.mark.parametrize("who", ALLOWED)
def test_sas_are_told_to_whom_xfrm_tells_them_and_all_else_to_everybody(
    callers, stages, who, command
):
    """Who rules the netns of the underlay, which is not that of a device that was moved."""
    stage = stages[who]
    # A device that was moved has the keys in the netns of its underlay still.
    for name in ("vgw0", "other"):
        stages["moved"].ask(f"ip link del {name}")
    stage.fresh()
    stage.before = None
    underlay = stage.ask if who == "own" else caller(callers.gw)
    underlay("ip xfrm state flush")
    assert underlay(SA).returncode == 0
    xfrm = stage.ask("ip xfrm state list")
    told = who in ("root", "own")
    assert ("0x00000077" in xfrm.stdout) == told, xfrm
    shown = {each["ifname"]: each for each in json.loads(stage.ask(command).stdout)}
    tunnel = shown["vgw0"]["tunnels"][0]
    assert [sa["spi"] for sa in tunnel["sas"]] == ([0x77] if told else [])
    assert tunnel["if_id"] == 1 and tunnel["state"] and tunnel["stats"]
    assert ("not shown" in stage.ask("vgwctl show vgw0").stdout) != told
    underlay("ip xfrm state flush")


def subscribed(pid):
    """Is this process a member of a group of generic netlink?"""
    with open(f"/proc/{pid}/net/netlink", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return any(row[1] == "16" and row[2] == str(pid) and int(row[3], 16) for row in rows)


def test_a_listener_without_rights_hears_events_of_its_own_netns_only(callers):
    gw = callers.gw
    gw.run("vgwctl add vgw4 tunnel if_id 3 tunnel if_id 4")
    here = gw.popen([*NOBODY, "vgwctl", "-j", "monitor"], stdout=subprocess.PIPE)
    there = callers.elsewhere.popen("vgwctl -j monitor", stdout=subprocess.PIPE)
    for listener in (here, there):
        wait_for("the subscription", lambda pid=listener.pid: subscribed(pid))
    gw.run("vgwctl del vgw4")
    callers.elsewhere.run("vgwctl add vgw5 tunnel if_id 5 tunnel if_id 6")
    # Each hears its own; what there hears first is not of here.
    assert json.loads(here.stdout.readline())["ifname"] == "vgw4"
    assert json.loads(there.stdout.readline())["ifname"] == "vgw5"
    callers.elsewhere.run("vgwctl del vgw5")


def test_the_numbers_of_the_operations_are_all_here():
    """A command that is added to the family must be added to the matrix."""
    commands = {n for n in rawnl.numbers() if n.startswith("VGW_CMD_")}
    assert commands == {"VGW_CMD_UNSPEC", "VGW_CMD_GET", "VGW_CMD_SET", "VGW_CMD_SWITCH",
                        "VGW_CMD_DRAIN", "VGW_CMD_EVENT"}, commands
