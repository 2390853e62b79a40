"""From what a provider says of a connection to traffic.

    cli ----- gw: 203.0.113.10, vgw aws =====aws-1===== far1: 192.0.2.2, inside 169.254.10.1
               \\======================aws-2====== far2: 198.51.100.2, inside 169.254.11.1

The far ends are strongSwan with what userspace/tests/samples/static.json says of them, and know the
gateway by the one address of the customer gateway. Captures are taken there: what is decrypted for
a device that was just deleted is shown by the gateway's underlay devices, and goes no further.
"""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from lab.ike import Charon, connection
from lab.netns import dummy
from lab.topo import FAR_IF_ID
from lab.vgw import Vgw
from lab.xfrm import Key, xfrmi

SAMPLE = Path(os.environ["LAB_TOP"]) / "userspace/tests/samples/static.json"
VGWCTL = shutil.which("vgwctl")
OURS = "203.0.113.10"
KEYS = {1: "Sample_Key.For_tunnel_1_only", 2: "Sample_Key.For_tunnel_2_only"}
# Types of routes that come with addresses and at their own time.
OF_THE_KERNEL = ("local", "broadcast", "multicast", "anycast")
INSIDE = {1: "169.254.10.1", 2: "169.254.11.1"}


class Imported(Vgw):
    """The connection that was imported, as the other scenarios watch theirs."""

    def __init__(self, topo, name="aws"):
        self.topo, self.gw, self.name, self.only, self.outer = topo, topo.gw, name, (1, 2), 4


class Cloud:
    """Far ends as the sample describes them, strongSwan at the gateway with nothing loaded."""

    # What the sample says; for another one see test_ipv6.py.
    sample, ours, keys = SAMPLE, OURS, KEYS
    family, lan, inside = 4, "10.10.0.0/16", {n: f"{addr}/30" for n, addr in INSIDE.items()}
    # The strongest that the provider allows; IKEv1 knows no AES-GCM of its own.
    proposals = {2: "aes256gcm16-prfsha512-ecp521", 1: "aes256-sha512-ecp521"}

    def __init__(self, topo, daemon=None, ike=2, **child):
        """daemon: options of the gateway's Charon. ike, child: of the far ends' connections."""
        self.child, self.ike = child, ike
        self.topo, self.dir, self.gw = topo, Path("/tmp/import"), topo.gw
        for folder in (self.dir, "/etc/vgw"):
            shutil.rmtree(folder, ignore_errors=True)
        self.vgw = Imported(topo)
        self.underlay()
        for n, far in topo.fars.items():
            xfrmi(far, "ipsec0", FAR_IF_ID, "u0", [self.inside[n]], 1400)
            far.ip(f"route add {self.lan} dev ipsec0")
            self.daemon(n)
        self.charon = topo.charons["gw"] = Charon(topo.gw, {}, files=True, **(daemon or {}))
        self.conf_d = Path(self.charon.dir, "conf.d")

    def underlay(self):
        """The way to everything else is over underlay 1 in clear, as an Internet access does it."""
        dummy(self.gw, "outside", [f"{self.ours}/{32 if self.family == 4 else 128}"])
        ours, theirs = zip(*(self.topo.underlay(n, self.family) for n in self.topo.fars))
        self.gw.ip(f"route add default via {theirs[0]}")
        for far, via in zip(self.topo.fars.values(), ours):
            far.ip(f"route add {self.ours} via {via}")

    def daemon(self, n):
        """The cloud's side of a tunnel; it never begins, as its default start-up action says."""
        everything = "0.0.0.0/0" if self.family == 4 else "::/0"
        conn = connection(
            self.topo.underlay(n, self.family)[1], self.ours, Key(if_id=FAR_IF_ID),
            version=self.ike, proposals=self.proposals[self.ike],
            child={"esp_proposals": "aes256gcm16-ecp521", "local_ts": everything,
                   "remote_ts": everything, "replay_window": "1024", **self.child},
        )  # fmt: skip
        charon = Charon(self.topo.fars[n], {f"tunnel{n}": conn}, psk=self.keys[n])
        self.topo.charons[f"far{n}"] = charon

    def ctl(self, *args, check=True, env=None):
        return self.gw.run([VGWCTL, *args], check=check, env={**self.charon.env, **(env or {})})

    def take(self, edit=lambda text: text, notes=0):
        """vgwctl import of the sample into self.dir; returns what it said."""
        source = Path("/tmp/connections.json")
        source.unlink(missing_ok=True)
        source.touch(mode=0o600)
        source.write_text(edit(self.sample.read_text(encoding="ascii")), encoding="ascii")
        said = self.ctl("import", "aws", source, "-o", self.dir)
        assert said.stderr.count("\n") == said.stderr.count("note: ") == notes, said.stderr
        return said.stdout

    @property
    def file(self):
        return self.dir / "aws.conf"

    def edit(self, old, new):
        text = self.file.read_text(encoding="ascii")
        assert old in text, text
        self.file.write_text(text.replace(old, new), encoding="ascii")

    def up(self, **options):
        return self.ctl("up", self.file, **options)

    def wait_up(self):
        self.vgw.wait_up(timeout=60)
        self.vgw.wait_active(1, timeout=60)
        time.sleep(2)  # what `ip link` says of the carrier may be a second late

    def traffic(self):
        self.topo.echo()
        result = self.topo.stream(pps=200, count=60).wait()
        assert (result.lost, set(result.by)) == (0, {"far1"}), result

    def comes_back(self):
        """Up with the traffic; the far end takes a tunnel down, and it is set up anew."""
        self.up()
        self.wait_up()
        self.traffic()
        self.topo.charons["far1"].terminate("tunnel1")
        self.vgw.wait_active(2)
        self.vgw.wait_up(1, timeout=60)

    def state(self):
        """All that up may touch."""
        ip = self.gw.ip_json
        return {
            "links": sorted((each["ifname"], each["operstate"]) for each in ip(["link", "show"])),
            "addrs": sorted((a["local"], each["ifname"]) for each in ip(["addr", "show"])
                            for a in each["addr_info"] if not a["local"].startswith("fe80")),
            "routes": sorted(str((r["dst"], r.get("dev"), r.get("type"), r.get("metric")))
                             for family in ("-4", "-6")
                             for r in ip([family, "route", "show", "table", "all"])
                             if r.get("type") not in OF_THE_KERNEL
                             and not r["dst"].startswith("fe80")),
            "policies": self.gw.run(["ip", "xfrm", "policy"]).stdout.count("if_id"),
            "conns": self.charon.swanctl("--list-conns").stdout,
            "files": sorted((path.name, path.stat().st_ino) for path in self.conf_d.iterdir()),
        }  # fmt: skip

    def guards(self):
        routes = self.gw.ip_json(["route", "show", "table", "all", "type", "unreachable"])
        return [r["dst"] for r in routes if r["dst"] != "default"]


@pytest.fixture
def cloud(topo_seen_from_afar):
    return Cloud(topo_seen_from_afar)


class Monitor:
    """ip monitor: what changed, in its order."""

    def __init__(self, host):
        self.path = Path(f"/tmp/ip-monitor-{host.name}")
        with self.path.open("w", encoding="utf-8") as out:
            self.proc = host.popen(["ip", "-o", "monitor", "link", "address", "route"], stdout=out)
        time.sleep(0.2)

    def stop(self):
        time.sleep(0.2)
        self.proc.terminate()
        self.proc.wait()
        return self.path.read_text(encoding="utf-8").splitlines()


def place(lines, *words):
    """Where the first line with all of the words is."""
    found = [i for i, line in enumerate(lines) if all(word in line for word in words)]
    assert found, (words, lines)
    return found[0]


def test_three_commands_lead_from_the_provider_s_file_to_traffic(cloud):
    cloud.ctl("import", "aws", SAMPLE)
    cloud.ctl("up", "aws")
    cloud.wait_up()
    check = cloud.ctl("check", "aws")
    assert "aws is ok" in check.stdout, check.stdout
    cloud.traffic()
    # Every counter of a drop is 0, and the router itself reaches the other side.
    assert not any(cloud.vgw.stats(n)["tx-no-sa"] for n in (1, 2)), cloud.vgw.show()
    assert cloud.gw.ping("10.20.0.1") == 1
    cloud.ctl("down", "aws")


def test_strongswan_takes_what_was_imported_and_no_key_is_elsewhere(cloud):
    cloud.take()
    cloud.up()
    conns = cloud.charon.swanctl("--list-conns").stdout
    for words in ("aws-1: IKEv2", "aws-2: IKEv2", "local:  203.0.113.10", "remote: 192.0.2.2"):
        assert words in conns, conns
    out = cloud.charon.swanctl("--load-all", "--noprompt").stdout
    assert out.count("loaded ike secret") == 2, out
    holders = {
        path.stat().st_ino: path
        for path in (*cloud.dir.iterdir(), *cloud.conf_d.iterdir())
        if "Sample_Key" in path.read_text(encoding="ascii")
    }
    (path,) = holders.values()
    assert path.stat().st_mode & 0o777 == 0o600


def ikev1_alone(text):
    said = json.loads(text)
    for tunnel in said["VpnConnections"][0]["Options"]["TunnelOptions"]:
        tunnel["IkeVersions"] = [{"Value": "ikev1"}]
    return json.dumps(said)


@pytest.mark.parametrize("ike", (2, 1))
def test_what_the_far_end_takes_down_comes_back_by_itself(topo_seen_from_afar, ike):
    cloud = Cloud(topo_seen_from_afar, ike=ike)
    if ike == 1:
        cloud.take(ikev1_alone, notes=2)
    else:
        cloud.take()
    cloud.comes_back()
    assert cloud.charon.sas().count("state=INSTALLED") == 2


def test_up_twice_is_up_once_and_down_restores(cloud):
    cloud.take()
    before = cloud.state()
    cloud.up()
    cloud.wait_up()
    up, identity = cloud.state(), cloud.vgw.identity()
    sas = [sa["spi"] for n in (1, 2) for sa in cloud.vgw.tunnel(n)["sas"]]
    monitor = Monitor(cloud.gw)
    cloud.up()
    assert monitor.stop() == []
    assert cloud.state() == up and cloud.vgw.identity() == identity
    assert [sa["spi"] for n in (1, 2) for sa in cloud.vgw.tunnel(n)["sas"]] == sas
    assert before != up
    cloud.ctl("down", cloud.file)
    assert cloud.state() == before
    assert "list-sa event" not in cloud.charon.sas()
    again = cloud.ctl("down", cloud.file, check=False)
    assert again.returncode == 2 and "it is not up" in again.stderr, again.stderr
    assert cloud.state() == before


def test_down_ends_sas_that_traffic_began(cloud):
    """Which strongSwan itself keeps when their configuration goes."""
    cloud.take()
    swanctl = cloud.dir / "aws.swanctl.conf"
    text = swanctl.read_text(encoding="ascii")
    swanctl.write_text(text.replace("trap|start", "trap"), encoding="ascii")
    before = cloud.state()
    cloud.up()
    cloud.wait_up()
    cloud.ctl("down", cloud.file)
    assert "list-sa event" not in cloud.charon.sas()
    assert cloud.state() == before


def test_networks_are_guarded_before_they_are_routed_and_after(cloud):
    cloud.take()
    monitor = Monitor(cloud.gw)
    cloud.up()
    lines = monitor.stop()
    guard = place(lines, "unreachable 10.20.0.0/16")
    assert guard < place(lines, "aws:") and guard < place(lines, "10.20.0.0/16 dev aws")
    assert cloud.guards() == ["10.20.0.0/16"]
    cloud.wait_up()
    # Without the device, and with a default route in clear: the captures see nothing of it.
    echoes = cloud.topo.echo()
    stream = cloud.topo.stream(pps=200)
    time.sleep(0.2)
    cloud.ctl("del", "aws")
    time.sleep(0.3)
    result = stream.stop()
    assert result.lost > 20 and result.by, result
    for echo in echoes.values():
        echo.stop()
    cloud.up()
    cloud.wait_up()
    cloud.traffic()
    monitor = Monitor(cloud.gw)
    cloud.ctl("down", cloud.file)
    lines = monitor.stop()
    assert place(lines, "Deleted", ": aws:") < place(lines, "Deleted unreachable 10.20.0.0/16")
    assert cloud.guards() == []


def refuse(cloud, said, **options):
    """up fails, says so, and leaves no trace."""
    before = cloud.state()
    done = cloud.up(check=False, **options)
    assert done.returncode == 2 and said in done.stderr, done
    assert "everything is as it was before" in done.stderr
    assert cloud.state() == before


def test_a_failure_half_way_undoes_itself_and_says_where(cloud):
    cloud.take()
    refuse(cloud, "strongSwan: swanctl", env={"STRONGSWAN_CONF": "/dev/null"})
    refuse(cloud, "strongSwan: swanctl is missing", env={"PATH": "/nonexistent"})
    cloud.gw.ip("route add 10.20.0.0/16 via 192.0.2.2")
    refuse(cloud, "route 10.20.0.0/16: there is another route to it")
    cloud.gw.ip("route del 10.20.0.0/16")
    cloud.ctl("add", "other", "tunnel", "if_id", 1012)
    refuse(cloud, "creating the device: tunnel aws-2: if_id 1012")
    cloud.ctl("del", "other")
    cloud.gw.ip("link add aws type dummy")
    refuse(cloud, "this is no connection of vgw but dummy")
    cloud.gw.ip("link del aws")
    (cloud.dir / "aws.secrets.conf").rename(cloud.dir / "elsewhere")
    refuse(cloud, "aws.secrets.conf: No such file")
    (cloud.dir / "elsewhere").rename(cloud.dir / "aws.secrets.conf")
    cloud.edit("[up]", "[up]\nvrf = blue")
    refuse(cloud, "vrf blue: there is no such device")
    cloud.edit("vrf = blue\n", "")
    # A connection that is up is left as it is, too.
    cloud.up()
    cloud.wait_up()
    cloud.edit("preference = 200", "preference = 300")
    cloud.edit("route = 10.20.0.0/16", "route = 10.20.0.0/16\nroute = 10.10.0.0/24")
    cloud.gw.ip("route add 10.10.0.0/24 via 192.0.2.2 metric 0", check=False)
    cloud.gw.ip("route replace 10.10.0.0/24 dev lan")
    refuse(cloud, "route 10.10.0.0/24")
    assert cloud.vgw.tunnel(1)["preference"] == 200
    cloud.edit("route = 10.10.0.0/24\n", "")
    # strongSwan's file is another one, which the daemon cannot be told of.
    keys = cloud.dir / "aws.swanctl.conf"
    text = keys.read_text(encoding="ascii")
    keys.unlink()
    keys.write_text(text.replace("replay_window = ", "replay_window = 1"), encoding="ascii")
    refuse(cloud, "strongSwan: swanctl", env={"STRONGSWAN_CONF": "/dev/null"})
    cloud.traffic()


def test_what_cannot_be_undone_is_said(cloud):
    """Here strongSwan, which fails in another way the second time."""
    cloud.take()
    folder = Path("/tmp/no-swanctl")
    folder.mkdir(exist_ok=True)
    (folder / "swanctl").write_text(
        f"#!/bin/sh\necho no $(wc -l <{folder}/told) >&2\necho >>{folder}/told\nexit 3\n",
        encoding="ascii")  # fmt: skip
    (folder / "swanctl").chmod(0o755)
    (folder / "told").write_text("", encoding="ascii")
    before = cloud.state()
    done = cloud.up(check=False, env={"PATH": f"{folder}:{os.environ['PATH']}"})
    assert done.returncode == 2 and "exited 3: no 0; and this" in done.stderr, done
    assert "be undone: strongSwan: swanctl --load-all exited 3: no 1\n" in done.stderr, done
    assert cloud.state() == before


def test_an_import_after_a_change_and_up_again_change_what_changed(cloud):
    cloud.take()
    cloud.up()
    cloud.wait_up()
    said = cloud.take(lambda text: text.replace("10.20.0.0/16", "10.20.0.0/15"))
    assert "+ route = 10.20.0.0/15" in said and "aws.swanctl.conf: unchanged" in said, said
    ifindex = cloud.vgw.show()["ifindex"]
    cloud.up()
    assert cloud.guards() == ["10.20.0.0/15"]
    routes = cloud.gw.ip_json(["route", "show", "dev", "aws", "proto", "118"])
    assert [r["dst"] for r in routes] == ["10.20.0.0/15"], routes
    # Inside addresses change with a tunnel's options; reload takes what vgw itself has.
    cloud.edit("keepalive = 2s", "keepalive = 1s")
    cloud.ctl("syncconf", "aws", cloud.file)
    assert [t["interval"] for t in cloud.vgw.show()["tunnels"]] == [1000, 1000]
    cloud.edit("[up]", "[up]\naddress = 10.99.0.1/32")
    cloud.up()
    assert ("10.99.0.1", "aws") in cloud.state()["addrs"]
    cloud.edit("address = 10.99.0.1/32\n", "")
    cloud.up()
    assert ("10.99.0.1", "aws") not in cloud.state()["addrs"]
    assert cloud.vgw.show()["ifindex"] == ifindex
    cloud.traffic()


def test_a_connection_comes_up_in_the_vrf_that_its_file_names(cloud):
    cloud.take()
    cloud.gw.ip("link add blue type vrf table 77", "link set blue up", "link set lan master blue")
    before = cloud.state()
    cloud.edit("[up]", "[up]\nvrf = blue")
    cloud.up()
    assert cloud.vgw.show()["master"] == "blue"
    cloud.wait_up()
    routes = cloud.gw.ip_json(["route", "show", "table", 77, "proto", "118"])
    assert sorted((r["dst"], r.get("type", "unicast")) for r in routes) == [
        ("10.20.0.0/16", "unicast"), ("10.20.0.0/16", "unreachable")], routes  # fmt: skip
    cloud.traffic()
    cloud.ctl("down", cloud.file)
    assert cloud.state() == before


def test_guards_follow_into_another_vrf(cloud):
    """Of the table that they were in none is left, neither by up nor by down."""
    cloud.take()
    cloud.gw.ip("link add blue type vrf table 77", "link set blue up")
    before = cloud.state()
    cloud.edit("[up]", "[up]\nvrf = blue\nguard = 10.64.0.0/10")

    def guards(table):
        routes = cloud.gw.ip_json(["route", "show", "table", table, "type", "unreachable"])
        return sorted(r["dst"] for r in routes if r["dst"] != "default")

    cloud.up()
    assert guards(77) == ["10.20.0.0/16", "10.64.0.0/10"] and not guards("main")
    cloud.edit("vrf = blue\n", "")
    cloud.up()
    assert guards("main") == ["10.20.0.0/16", "10.64.0.0/10"] and not guards(77)
    cloud.edit("[up]", "[up]\nvrf = blue")
    cloud.ctl("down", cloud.file)
    assert cloud.state() == before


def test_guards_that_are_kept_outlast_the_rest(cloud):
    """As the service does it: between stop and start the networks are not sent in clear."""
    cloud.take()
    before = cloud.state()
    cloud.up()
    cloud.wait_up()
    cloud.ctl("down", "--keep-guards", cloud.file)
    assert cloud.guards() == ["10.20.0.0/16"]
    left = cloud.state()
    assert {**left, "routes": before["routes"]} == before
    cloud.up()
    assert cloud.guards() == ["10.20.0.0/16"]
    cloud.wait_up()
    cloud.traffic()
    cloud.ctl("down", "--keep-guards", cloud.file)
    cloud.ctl("down", cloud.file)
    assert cloud.state() == before


def test_a_file_of_strongswan_s_that_is_no_longer_listed_goes(cloud):
    """With its keys: by up, or by down if there is no up in between."""
    cloud.take()
    before = cloud.state()

    def placed():
        return sorted(path.name for path in cloud.conf_d.glob("*.conf"))

    cloud.up()
    cloud.wait_up()
    both = placed()
    assert [name for name in both if "secrets" in name] == ["vgw-aws.secrets.conf"]
    cloud.edit("swanctl = aws.secrets.conf\n", "")
    # What fails leaves them.
    refuse(cloud, "strongSwan: swanctl", env={"STRONGSWAN_CONF": "/dev/null"})
    assert placed() == both
    cloud.up()
    assert placed() == ["vgw-aws.swanctl.conf"]
    said = cloud.charon.swanctl("--load-all", "--noprompt").stdout
    assert "unloaded shared" not in said and "secret" not in said, said
    cloud.edit("[up]", "[up]\nswanctl = aws.secrets.conf")
    cloud.up()
    assert placed() == both
    for name in ("aws.swanctl.conf", "aws.secrets.conf"):
        cloud.edit(f"swanctl = {name}\n", "")
    cloud.ctl("down", cloud.file)
    assert cloud.state() == before
