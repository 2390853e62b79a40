"""The cloud's side of a connection that was imported: two endpoints of a VGW and a private network.

    cli ----- gw: 203.0.113.10, vgw aws =====aws-1===== far1: 192.0.2.6, inside 169.254.20.1 --- srv
               \\======================aws-2====== far2: 198.51.100.6, inside 169.254.21.1 ----'
    10.10.0.1  AS 4200000123                            AS 64512                         10.20.0.1

The endpoints are strongSwan with what userspace/tests/samples/bgp.json says of them, xfrm
interfaces, and FRR with topologies/bgp/. They know the gateway by the one address of the customer
gateway, begin nothing, and the private network's router alone decides by which of them it answers.
The gateway's way to everything else leads over underlay 1 in clear, as an Internet access does.
"""

import json
import os
import shutil
from pathlib import Path

from . import out_dir
from .capture import Capture
from .frr import TOPOLOGIES, Frr
from .ike import Charon, connection
from .netns import dummy
from .topo import FAR_IF_ID, V4
from .vgw import Vgw
from .xfrm import Key, xfrmi

SAMPLES = Path(os.environ["LAB_TOP"]) / "userspace/tests/samples"
OURS = "203.0.113.10"
THEIRS = {1: "192.0.2.6", 2: "198.51.100.6"}
KEYS = {1: "Another.Key_for.tunnel.1", 2: "Another.Key_for.tunnel.2"}
PEER = {1: "169.254.20.1", 2: "169.254.21.1"}
NET = "10.20.0.0/16"


class Imported(Vgw):
    """A connection that vgwctl import and up made, as the other scenarios watch theirs."""

    def __init__(self, topo, name="aws"):
        self.topo, self.gw, self.name, self.only, self.outer = topo, topo.gw, name, (1, 2), 4


class BgpCloud:
    def __init__(self, make_topo):
        self.topo = topo = make_topo(host=True, capture=False)
        self.gw, self.vgw, self.frr = topo.gw, Imported(topo), {}
        # Not at the gateway: there a device that is gone shows what it would have decrypted.
        topo.captures += [Capture(far, "u0", bulk=True) for far in topo.fars.values()]
        shutil.rmtree("/etc/vgw", ignore_errors=True)
        dummy(topo.gw, "outside", [f"{OURS}/32"])
        topo.gw.ip(f"route add default via {V4[1][1]}")
        # BGP alone says what is where.
        topo.srv.ip("route flush table main proto boot")
        for n, far in topo.fars.items():
            topo.gw.ip(f"route add {THEIRS[n]} via {V4[n][1]}")
            far.ip("route flush table main proto boot", f"addr add {THEIRS[n]}/32 dev u0",
                   f"route add {OURS} via {V4[n][0]}")  # fmt: skip
            xfrmi(far, "ipsec0", FAR_IF_ID, "u0", [f"{PEER[n]}/30"], 1400)
            self.endpoint(n)
        self.charon = topo.charons["gw"] = Charon(topo.gw, {}, files=True)

    def endpoint(self, n):
        conn = connection(
            THEIRS[n], OURS, Key(if_id=FAR_IF_ID),
            proposals="aes128gcm16-prfsha384-ecp384",
            child={"esp_proposals": "aes256-sha256-modp4096", "local_ts": "0.0.0.0/0",
                   "remote_ts": "0.0.0.0/0", "replay_window": "1024"},
        )  # fmt: skip
        far = self.topo.fars[n]
        self.topo.charons[far.name] = Charon(far, {f"tunnel{n}": conn}, psk=KEYS[n])

    def start_frr(self, host, *files, **options):
        self.frr[host.name] = frr = Frr(host, files, **options)
        self.topo.closers.append(frr.stop)
        return frr

    def cloud_frr(self, vpc=()):
        """vpc: options of its Frr."""
        self.start_frr(self.topo.srv, TOPOLOGIES / "bgp/vpc.frr.conf", **dict(vpc))
        for far in self.topo.fars.values():
            self.start_frr(far, TOPOLOGIES / f"bgp/{far.name}.frr.conf")

    def ctl(self, *args, check=True):
        return self.gw.run(["vgwctl", *args], check=check, env=self.charon.env)

    def up(self):
        """The three commands, and FRR's file as vgwctl import wrote it."""
        source = Path("/tmp/connections.json")
        source.unlink(missing_ok=True)
        source.touch(mode=0o600)
        source.write_text((SAMPLES / "bgp.json").read_text(encoding="ascii"), encoding="ascii")
        said = self.ctl("import", "aws", source)
        assert said.stderr == "", said.stderr
        self.ctl("up", "aws")
        self.vgw.wait_well()

    def bgp(self, **options):
        """Both sessions up, and the routes that they teach in use at both ends."""
        frr = self.start_frr(self.gw, "/etc/vgw/aws.frr.conf", **options)
        frr.wait_established(*PEER.values())
        frr.wait_route(NET, PEER[1])
        self.frr["srv"].wait_route("10.10.0.0/24", "10.21.0.1")
        return frr


def figures(topology, what, **values):
    """A line of $OUT/topologies.jsonl, which Documentation/networking/topologies.rst is from."""
    line = {"topology": topology, "what": what, **values}
    with open(os.path.join(os.path.dirname(out_dir()), "topologies.jsonl"), "a",
              encoding="ascii") as file:  # fmt: skip
        file.write(json.dumps(line) + "\n")
    print(line)
