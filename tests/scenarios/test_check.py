"""vgwctl check: each cause that it can name is made, read, and mended by its own advice.

    cli ----- gw =====vgw0-1===== far1        the sentence, the cause in JSON, the exit status
               \\======vgw0-2===== far2
"""

import json
import re
import shutil
from pathlib import Path

import pytest
from lab import SIM
from lab.netns import run, wait_for
from lab.topo import V4
from lab.vgw import Vgw

VGWCTL = shutil.which("vgwctl")
FAST = "keepalive 100ms misses 3"
OK, DEGRADED, DOWN, UNKNOWN = range(4)
MANUAL = Path(__file__).parents[2] / "userspace/vgwctl.8"


def check(topo, *args):
    """Sentence, [(cause, tunnel)] and exit status; the two outputs agree."""
    done = topo.gw.run([VGWCTL, "check", *args], check=False)
    also = topo.gw.run([VGWCTL, "-j", "check", *args], check=False)
    assert done.returncode == also.returncode and done.stderr == "", (done, also)
    found = json.loads(also.stdout)[0]
    causes = {(c["cause"], c["tunnel"]) for c in found["causes"]}
    return done.stdout.strip(), causes, done.returncode


def age_free(text):
    return re.sub(r"[0-9.]+ ?(ms|us|ns|s|m)\b", "T", text)


@pytest.fixture
def vgw(topo):
    vgw = Vgw(topo, tunnel=FAST, sas="in order", options="revert never")
    vgw.wait_up()
    return vgw


def drained(vgw):
    vgw.drain(2)
    return lambda: vgw.undrain(2)


def tunnel_down(vgw):
    vgw.gw.ip("link set vgw0-2 down")
    return lambda: vgw.gw.ip("link set vgw0-2 up")


def no_route(vgw):
    vgw.gw.ip("route del 198.51.100.0/30 dev u2")
    vgw.wait_state(2, "no-sa")
    return lambda: vgw.gw.ip("route add 198.51.100.0/30 dev u2")


def into_itself(vgw, dev="vgw0"):
    vgw.gw.ip(f"route add {V4[2][1]}/32 dev {dev}")
    vgw.wait_state(2, "no-sa")
    return lambda: vgw.gw.ip(f"route del {V4[2][1]}/32 dev {dev}")


def no_path(vgw):
    vgw.topo.fars[2].ip("link set u0 down")
    vgw.wait_state(2, "no-sa")

    def heal():
        vgw.topo.fars[2].ip("link set u0 up", f"addr replace {V4[2][1]}/30 dev u0")

    return heal


def sa_gone(vgw, *which):
    pair = vgw.topo.pairs[2]
    vgw.gw.ip(*(getattr(pair, name).delete(pair.ours.key) for name in which))
    vgw.wait_state(2, "no-sa")

    def heal():
        for name in {"out", "back"} - set(which):
            vgw.gw.ip(getattr(pair, name).delete(pair.ours.key))
        pair.drop_theirs()
        pair.states()

    return heal


def policy_gone(vgw, *dirs):
    pair = vgw.topo.pairs[2]
    pair.no_policies(dirs)
    vgw.wait_state(2, "no-sa")
    return lambda: vgw.gw.ip(*pair.ours.policies(pair.theirs, "add", dirs))


def silent(vgw, state="down"):
    vgw.topo.fars[2].blackhole("u0")
    vgw.wait_state(2, state)
    return lambda: vgw.topo.fars[2].netem("u0", "")


def suspect(vgw):
    vgw.set("misses 32", 2)
    return silent(vgw, "suspect")


def probing(vgw):
    vgw.topo.fars[2].blackhole("u0")
    vgw.gw.ip("link set vgw0-2 down", "link set vgw0-2 up")
    vgw.wait_state(2, "probing")
    return lambda: vgw.topo.fars[2].netem("u0", "")


def unassigned(vgw):
    vgw.gw.ip("addr del 169.254.2.1/30 dev vgw0")
    return lambda: vgw.gw.ip("addr add 169.254.2.1/30 dev vgw0")


def no_forwarding(vgw):
    vgw.gw.sysctl("net.ipv4.ip_forward", 0)
    return lambda: vgw.gw.sysctl("net.ipv4.ip_forward", 1)


def large_mtu(vgw):
    vgw.set("mtu 1500")
    return lambda: vgw.set("mtu auto")


KEY = "if_id 102"
LEFT = "; vgw0-1 is active, 1 of 2 tunnels usable"
BOTH = "; vgw0-1 is active, 2 of 2 tunnels usable"
CASES = {
    "drained": (drained, "drained", DEGRADED,
                "vgw0-2 is drained (vgwctl undrain vgw0 vgw0-2 puts it back)"
                + LEFT),
    "tunnel-device-down": (tunnel_down, "tunnel-device-down", DEGRADED,
                           "vgw0-2 has its device down (ip link set vgw0-2 up)" + LEFT),
    "no-route": (no_route, "no-route", DEGRADED,
                 "vgw0-2 has no route to its far end 198.51.100.2 (add one to the underlay: "
                 "ip route get 198.51.100.2 shows what is there)" + LEFT),
    "no-route: into itself": (into_itself, "no-route", DEGRADED,
                              "vgw0-2 has its far end 198.51.100.2 routed into the connection "
                              "itself (add a route to 198.51.100.2 over the underlay)" + LEFT),
    "no-route: into its device": (lambda v: into_itself(v, "vgw0-2"), "no-route", DEGRADED,
                                  "vgw0-2 has its far end 198.51.100.2 routed into the connection "
                                  "itself (add a route to 198.51.100.2 over the underlay)" + LEFT),
    "no-route: no path": (no_path, "no-route", DEGRADED,
                          "vgw0-2 has no path to its far end 198.51.100.2 (check that the device "
                          "towards it is up and running)" + LEFT),
    "no-sa": (lambda v: sa_gone(v, "out", "back"), "no-sa", DEGRADED,
              f"vgw0-2 has no SA for {KEY} (start its IKE daemon or see its log, and that its "
              f"child has {KEY} both ways (swanctl --list-sas))" + LEFT),
    "no-sa: outbound": (lambda v: sa_gone(v, "out"), "no-sa", DEGRADED,
                        f"vgw0-2 has no outbound SA for {KEY} (the IKE daemon's outbound key of "
                        f"this child must be {KEY} (swanctl: if_id_out or mark_out))" + LEFT),
    "no-sa: inbound": (lambda v: sa_gone(v, "back"), "no-sa", DEGRADED,
                       f"vgw0-2 has no inbound SA for {KEY} (the IKE daemon's inbound key of "
                       f"this child must be {KEY} (swanctl: if_id_in or mark_in))" + LEFT),
    "no-policy": (lambda v: policy_gone(v, "in", "out", "fwd"), "no-policy", DEGRADED,
                  f"vgw0-2 has no policy for {KEY} (let the IKE daemon install policies (swanctl: "
                  "policies = yes, and traffic selectors))" + LEFT),
    "no-policy: outbound": (lambda v: policy_gone(v, "out"), "no-policy", DEGRADED,
                            f"vgw0-2 has no outbound policy for {KEY} (let the IKE daemon install "
                            "policies (swanctl: policies = yes, and traffic selectors))" + LEFT),
    "no-policy: inbound": (lambda v: policy_gone(v, "in"), "no-policy", DEGRADED,
                           f"vgw0-2 has no inbound policy for {KEY} (let the IKE daemon install "
                           "policies (swanctl: policies = yes, and traffic selectors))" + LEFT),
    "keepalive-unanswered": (silent, "keepalive-unanswered", DEGRADED,
                             "vgw0-2 has had no echo from 169.254.2.2 for T (see whether the far "
                             "end is up and answers ping at 169.254.2.2, else set keepalive "
                             "passive)" + LEFT),
    "suspect": (suspect, "suspect", DEGRADED,
                "vgw0-2 is suspect: nothing heard for T (look again in a moment, and at the "
                "path's loss)" + BOTH),
    "probing": (probing, "probing", DEGRADED,
                "vgw0-2 has been waiting for the first echo from 169.254.2.2 for T (see whether "
                "the far end is up and answers ping at 169.254.2.2)" + LEFT),
    "inside-unassigned": (unassigned, "inside-unassigned", OK,
                          "vgw0-1 is active, 2 of 2 tunnels usable; note: vgw0-2 has its inside "
                          "address on no device, so nothing here answers at it (ip address add "
                          "169.254.2.1/30 dev vgw0)"),
    "forwarding-off": (no_forwarding, "forwarding-off", OK,
                       "vgw0-1 is active, 2 of 2 tunnels usable; note: IPv4 is not forwarded, so "
                       "only this machine's own packets cross (sysctl net.ipv4.ip_forward=1)"),
    "mtu-too-large": (large_mtu, "mtu-too-large", OK,
                      "vgw0-1 is active, 2 of 2 tunnels usable; note: its MTU of 1500 is more "
                      "than the 1446 that vgw0-1 carries (vgwctl set vgw0 mtu auto)"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES if SIM else ("no-sa", "no-route", "mtu-too-large"))
def test_what_is_broken_is_named_with_what_to_do(topo, vgw, case):
    breaks, cause, status, sentence = CASES[case]
    fine = ("vgw0 is ok: vgw0-1 is active, 2 of 2 tunnels usable", set(), OK)
    assert check(topo, "vgw0") == fine
    heal = breaks(vgw)
    said, causes, got = check(topo, "vgw0")
    word = ("ok", "degraded", "down")[status]
    assert age_free(said) == f"vgw0 is {word}: {sentence}"
    named = None if cause in ("forwarding-off", "mtu-too-large") else "vgw0-2"
    assert (causes, got) == ({(cause, named)}, status)
    heal()
    # While it heals the two outputs of check() may be of two moments.
    command = [VGWCTL, "check", "vgw0"]
    wait_for("all well", lambda: topo.gw.run(command, check=False).returncode == OK, 10)
    assert check(topo, "vgw0") == fine


def test_an_ipv6_inside_hears_of_ipv6_forwarding(topo):
    topo.gw.run([VGWCTL, "add", "vgw6", "tunnel", "if_id", 9, "inside", "fd00:9::2/126"])
    topo.gw.sysctl("net.ipv4.ip_forward", 0)
    assert "forwarded" not in check(topo, "vgw6")[0]
    topo.gw.sysctl("net.ipv6.conf.all.forwarding", 0)
    said, causes, _ = check(topo, "vgw6")
    assert said.endswith("; note: IPv6 is not forwarded, so only this machine's own packets cross "
                         "(sysctl net.ipv6.conf.all.forwarding=1)"), said  # fmt: skip
    assert ("forwarding-off", None) in causes
    topo.gw.run([VGWCTL, "add", "vgw4", "tunnel", "if_id", 7, "tunnel", "if_id", 8,
                 "inside", "fd00:9::6/126"])  # fmt: skip
    assert check(topo, "vgw4")[0].endswith(
        "; note: IPv4 and IPv6 are not forwarded, so only this machine's own packets cross "
        "(sysctl net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1)")  # fmt: skip


def test_an_answer_that_cannot_be_written_is_not_known(topo, vgw):
    command = ["sh", "-c", f"{VGWCTL} check vgw0 >/dev/full"]
    done = topo.gw.run(command, check=False)
    assert done.returncode == UNKNOWN and "No space left" in done.stderr, done


def test_a_connection_without_any_tunnel_is_down(topo, vgw):
    topo.gw.ip("xfrm state flush")
    wait_for("no carrier", lambda: not vgw.carrier(), 10)
    said, causes, status = check(topo)
    assert said.startswith(f"vgw0 is down: vgw0-1 has no SA for if_id 101 and vgw0-2 has no SA for "
                           f"{KEY} (start its IKE daemon"), said  # fmt: skip
    assert (causes, status) == ({("no-sa", "vgw0-1"), ("no-sa", "vgw0-2")}, DOWN)
    topo.gw.ip("link set vgw0 down")
    said, causes, status = check(topo)
    assert said == "vgw0 is down: its device is down (ip link set vgw0 up)"
    assert (causes, status) == ({("device-down", None)}, DOWN)


def test_without_a_connection_or_the_module_nothing_is_known(topo):
    said, causes, status = check(topo)
    assert said == "unknown: there is no connection (vgwctl add creates one)"
    assert (causes, status) == ({("no-connection", None)}, UNKNOWN)
    said, causes, status = check(topo, "vgw7")
    assert said.startswith("vgw7 is unknown: ") and "vgwctl show lists" in said, said
    assert (causes, status) == ({("no-connection", None)}, UNKNOWN)
    veto = Path("/etc/modprobe.d/vgw-veto.conf")
    run("rmmod vgw")
    veto.parent.mkdir(exist_ok=True)
    veto.write_text("install vgw /bin/false\n", encoding="ascii")
    try:
        said, causes, status = check(topo)
    finally:
        veto.unlink()
        run("modprobe vgw")
    assert "module" in said and (causes, status) == ({("no-module", None)}, UNKNOWN), said


def test_no_cause_of_the_manual_page_is_left_out():
    text = MANUAL.read_text(encoding="ascii").split(".Sh CAUSES")[1].split(".Sh ")[0]
    causes = set(re.findall(r"^\.It Cm ([a-z-]+)$", text, flags=re.M))
    made = {cause for _, cause, _, _ in CASES.values()}
    made |= {"device-down", "no-connection", "no-module"}
    # Memory and sockets that cannot be had, and what no state of today's module leads to.
    assert causes - made == {"no-memory", "no-netlink", "not-usable"} and made <= causes
