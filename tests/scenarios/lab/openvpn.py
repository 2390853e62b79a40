"""OpenVPN in a host, Debian's, from a configuration file.

    keys = make_keys("gw", "client")     self-signed certificates; each trusts the other's
    OpenVpn(gw, "server.openvpn.conf", keys, trusts="client")
    OpenVpn(client, "client.openvpn.conf", keys, trusts="gw").wait_address("10.10.8.2")

Relative names in the files are of the keys' directory.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from . import out_dir
from .netns import POLL, end, run, wait_for
from .pki import NEW


def make_keys(server, *clients):
    """NAME.key and NAME.crt in a directory of their own."""
    path = Path(tempfile.mkdtemp(prefix="openvpn-"))
    for name in (server, *clients):
        usage = "serverAuth" if name == server else "clientAuth"
        run([*NEW, "-subj", f"/CN={name}", "-addext", "keyUsage=digitalSignature",
             "-addext", f"extendedKeyUsage={usage}",
             "-keyout", path / f"{name}.key", "-out", path / f"{name}.crt"])  # fmt: skip
    return path


def fingerprint(cert):
    said = run(["openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256"]).stdout
    return said.strip().split("=")[1]


class OpenVpn:
    def __init__(self, host, conf, keys, trusts):
        self.host = host
        run(["modprobe", "tun"])
        self.log = os.path.join(out_dir(), f"openvpn-{host.name}.log")
        cmd = ["openvpn", "--cd", keys, "--config", conf, "--peer-fingerprint",
               fingerprint(keys / f"{trusts}.crt")]  # fmt: skip
        with open(self.log, "ab") as log:
            self.proc = host.popen(cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait_address(self, addr, dev="tun0"):
        def there():
            assert self.proc.poll() is None, f"openvpn in {self.host} ended, see {self.log}"
            found = self.host.ip_json(["addr", "show"])
            return any(link["ifname"] == dev and addr in str(link["addr_info"]) for link in found)

        wait_for(f"{addr} on {dev} of {self.host}", there, 60, POLL)

    def stop(self):
        end(self.proc)
