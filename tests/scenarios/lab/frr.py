"""FRR in a host: zebra, bgpd and what else is asked for, each a process of its own.

    frr = Frr(gw, [file, ...])       started, and the files loaded as vtysh -f does it
    frr.ask("show ip route")         what a daemon answers (bgpd by default); no process is started
    frr.json("show bgp ipv4 unicast json")
    frr.neighbor("169.254.1.2")      as `show bgp neighbors json` has it
    frr.wait_established("169.254.1.2", "169.254.2.2")
    frr.sessions()                   {peer: (state, times established, times dropped)}
    frr.paths("10.20.0.0/16")        [(next hop, AS path, best?)]
    frr.wait_route("10.20.0.0/16", "169.254.1.2")   in the kernel, by that next hop
    frr.kill(), frr.stop()           as a crash does it; orderly

Every file of a daemon is below /tmp/frr-HOST, so that any number of them run side by side.
"""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

from . import SIM, out_dir
from .netns import POLL, CommandError, end, run, wait_for

DIR = Path("/usr/lib/frr")
SHIM = Path("/tmp/frr_sim.so")
TOPOLOGIES = Path(__file__).parents[1] / "topologies"


def environment():
    """What the daemons need to know; in the simulator their event loop must not spin."""
    if not SIM:
        return dict(os.environ)
    if not SHIM.exists():
        source = Path(__file__).with_name("frr_sim.c")
        run(["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", SHIM, source])
    return {**os.environ, "LD_PRELOAD": str(SHIM)}


class Frr:
    def __init__(self, host, files=(), daemons=("zebra", "bgpd")):
        self.host, self.daemons, self.procs = host, daemons, {}
        self.dir = Path(f"/tmp/frr-{host.name}")
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir()
        shutil.chown(self.dir, "frr", "frr")
        for daemon in daemons:
            self.start(daemon)
        for file in files:
            self.load(file)

    def start(self, daemon):
        log = os.path.join(out_dir(), f"{daemon}-{self.host.name}.log")
        cmd = [DIR / daemon, "-u", "frr", "-g", "frr", "-z", self.dir / "zserv",
               "-i", self.dir / f"{daemon}.pid", "--vty_socket", self.dir, "-f", "/dev/null",
               "-P", "0", "--log", "stdout", "--log-level", "debugging"]  # fmt: skip
        if daemon == "bgpd":
            # Sockets are the namespace's own; no other address family is listened on.
            cmd += ["-l", "0.0.0.0"]
        with open(log, "ab") as out:
            self.procs[daemon] = self.host.popen(
                cmd, env=environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

        def ready():
            assert self.procs[daemon].poll() is None, f"{daemon} in {self.host} ended, see {log}"
            return self._answers(daemon)

        wait_for(f"{daemon} in {self.host}", ready, 60, 0.1)

    def _answers(self, daemon):
        try:
            return bool(self.ask("show version", daemon))
        except OSError:
            return False

    def ask(self, command, daemon="bgpd"):
        """One command on the daemon's own socket, in vtysh's words and manner."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(30)
            sock.connect(str(self.dir / f"{daemon}.vty"))
            for each in ("enable", command):
                sock.sendall(each.encode() + b"\0")
                said = b""
                # Three zeros and the command's result end an answer.
                while len(said) < 4 or said[-4:-1] != b"\0\0\0":
                    more = sock.recv(65536)
                    assert more, f"{daemon} in {self.host} hung up at {command!r}: {said}"
                    said += more
        if said[-1]:
            raise CommandError(f"{daemon} in {self.host}: {command!r}: {said[:-4].decode()}")
        return said[:-4].decode()

    def json(self, command, daemon="bgpd"):
        return json.loads(self.ask(command, daemon) or "{}")

    def vtysh(self, *args):
        done = self.host.run(["vtysh", "--vty_socket", self.dir, *args])
        # It exits 0 whatever a daemon refuses.
        said = done.stdout + done.stderr
        assert "%" not in said and "line " not in said, said
        return done.stdout

    def load(self, file):
        self.vtysh("-f", file)

    # --- BGP ---

    def neighbors(self):
        return self.json("show bgp neighbors json")

    def neighbor(self, peer):
        return self.neighbors()[peer]

    def sessions(self):
        return {
            peer: (n["bgpState"], n["connectionsEstablished"], n["connectionsDropped"])
            for peer, n in self.neighbors().items()
        }

    def wait_established(self, *peers, timeout=60):
        def up():
            all_of_them = self.sessions()
            return all(all_of_them[peer][0] == "Established" for peer in peers)

        wait_for(f"sessions of {self.host} with {peers}", up, timeout, 0.1)

    def paths(self, prefix):
        """[(next hop, AS path, best?)] of a prefix, the best first."""
        found = self.json(f"show bgp ipv4 unicast {prefix} json").get("paths", [])
        return sorted(
            ((p["nexthops"][0]["ip"], p["aspath"]["string"], "bestpath" in p) for p in found),
            key=lambda path: not path[2],
        )

    def prefixes(self):
        return sorted(self.json("show bgp ipv4 unicast json").get("routes", {}))

    # --- the kernel's routes ---

    def route(self, prefix):
        """[(next hop, device)] of the kernel's best route of zebra's to prefix."""
        found = self.host.ip_json(["route", "show", "proto", "bgp", "exact", prefix])
        hops = found[0].get("nexthops", found) if found else []
        return [(hop.get("gateway"), hop.get("dev")) for hop in hops]

    def wait_route(self, prefix, gateway, timeout=60):
        """gateway None: until there is none."""

        def there():
            hops = [hop for hop, _ in self.route(prefix)]
            return hops == ([gateway] if gateway else [])

        wait_for(f"route of {self.host} to {prefix} by {gateway}", there, timeout, POLL)

    # --- the end ---

    def kill(self):
        """All at once, as a machine dies: its routes stay, no peer is told."""
        for proc in self.procs.values():
            proc.kill()
        for proc in self.procs.values():
            proc.wait()

    def stop(self, timeout=20):
        """Orderly, the last started first: peers are told, routes go."""
        for daemon, proc in reversed(self.procs.items()):
            if not end(proc, timeout):
                raise AssertionError(f"{daemon} in {self.host} did not end")
        shutil.rmtree(self.dir, ignore_errors=True)
