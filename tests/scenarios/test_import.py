"""From what a provider says of a connection to traffic.

    cli ----- gw: 203.0.113.10, vgw aws =====aws-1===== far1: 192.0.2.2, inside 169.254.10.1
               \\======================aws-2====== far2: 198.51.100.2, inside 169.254.11.1

The far ends are strongSwan with what userspace/tests/samples/static.json says of them, and know the
gateway by the one address of the customer gateway.
"""

import os
import shutil
from pathlib import Path

import pytest
from lab.ike import Charon, connection
from lab.netns import dummy
from lab.topo import FAR_IF_ID, V4
from lab.vgw import Vgw
from lab.xfrm import Key, xfrmi

SAMPLES = Path(os.environ["LAB_TOP"]) / "userspace/tests/samples"
OURS = "203.0.113.10"
KEYS = {1: "Sample_Key.For_tunnel_1_only", 2: "Sample_Key.For_tunnel_2_only"}
INSIDE = {1: "169.254.10.1", 2: "169.254.11.1"}


class Imported(Vgw):
    """The connection that was imported, as the other scenarios watch theirs."""

    def __init__(self, topo, name="aws"):
        self.topo, self.gw, self.name, self.only, self.outer = topo, topo.gw, name, (1, 2), 4


class Cloud:
    """Far ends as the sample describes them, and files imported from it."""

    def __init__(self, topo):
        self.topo, self.dir = topo, Path("/tmp/import")
        shutil.rmtree(self.dir, ignore_errors=True)
        dummy(topo.gw, "outside", [f"{OURS}/32"])
        topo.gw.flush()
        for n, far in topo.fars.items():
            far.ip(f"route add {OURS} via {V4[n][0]}")
            xfrmi(far, "ipsec0", FAR_IF_ID, "u0", [f"{INSIDE[n]}/30"], 1400)
            far.ip("route add 10.10.0.0/16 dev ipsec0")
        self.daemon(1)
        self.daemon(2)

    def daemon(self, n, psk=None):
        """The cloud's side of a tunnel; it never begins, as its default start-up action says."""
        conn = connection(
            V4[n][1], OURS, Key(if_id=FAR_IF_ID),
            proposals="aes256gcm16-prfsha512-ecp521",
            child={"esp_proposals": "aes256gcm16-ecp521", "local_ts": "0.0.0.0/0",
                   "remote_ts": "0.0.0.0/0", "replay_window": "1024"},
        )  # fmt: skip
        self.topo.charons[f"far{n}"] = Charon(
            self.topo.fars[n], {f"tunnel{n}": conn}, psk=psk or KEYS[n]
        )

    def take(self, sample="static.json"):
        """vgwctl import; returns what it said."""
        source = f"/tmp/{sample}"
        if not os.path.exists(source):
            shutil.copy(SAMPLES / sample, source)
        os.chmod(source, 0o600)
        said = self.topo.gw.run(["vgwctl", "import", "aws", source, "-o", self.dir])
        assert said.stderr == "", said.stderr
        return said.stdout

    def load_by_hand(self):
        """The gateway's daemon, with the imported files."""
        conf = self.dir / "ike"
        conf.mkdir()
        for name in ("aws.swanctl.conf", "aws.secrets.conf"):
            os.link(self.dir / name, conf / name)
        self.topo.charons["gw"] = Charon(self.topo.gw, {}, files=conf)
        return self.topo.charons["gw"]


@pytest.fixture
def cloud(topo):
    yield Cloud(topo)
    for file in SAMPLES.iterdir():
        Path("/tmp", file.name).unlink(missing_ok=True)


def test_strongswan_takes_every_imported_file_and_no_key_is_elsewhere(cloud):
    cloud.take()
    charon = cloud.load_by_hand()
    conns = charon.swanctl("--list-conns").stdout
    for words in ("aws-1: IKEv2", "aws-2: IKEv2", "local:  203.0.113.10", "remote: 192.0.2.2"):
        assert words in conns, conns
    out = charon.swanctl("--load-all", "--noprompt").stdout
    assert out.count("loaded ike secret") == 2, out
    for path in cloud.dir.iterdir():
        if path.is_file() and "Sample_Key" in path.read_text(encoding="ascii"):
            assert path.name == "aws.secrets.conf" and path.stat().st_mode & 0o777 == 0o600


def test_the_imported_files_make_a_connection_that_carries_traffic(cloud):
    topo = cloud.topo
    assert "next: vgwctl up" in cloud.take()
    vgw = Imported(topo)
    vgw.ctl("add", "aws", "tunnel", "aws-1", "if_id", 1011, "tunnel", "aws-2", "if_id", 1012)
    vgw.ctl("syncconf", "aws", cloud.dir / "aws.conf")
    lines = ["link set aws up", *(f"link set aws-{n} up" for n in (1, 2))]
    lines += [f"addr add {addr[:-1]}2/30 dev aws" for addr in INSIDE.values()]
    topo.gw.ip(*lines, "route add 10.20.0.0/16 dev aws")
    charon = cloud.load_by_hand()
    vgw.wait_up(timeout=60)
    vgw.wait_active(1, timeout=60)
    topo.echo()
    result = topo.stream(pps=200, count=60).wait()
    assert (result.lost, set(result.by)) == (0, {"far1"}), result

    # What the far end takes down comes back by itself, as trap|start promises.
    topo.charons["far1"].terminate("tunnel1")
    vgw.wait_active(2)
    vgw.wait_up(1, timeout=60)
    sas = charon.sas()
    assert sas.count("state=INSTALLED") == 2, sas
