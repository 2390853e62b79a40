"""Libreswan in a host, from the very files that Debian's reads.

    pluto = Pluto(gw, "topologies/libreswan/ipsec.conf", {("192.0.2.1", "192.0.2.2"): "key"})
                                     or with keys={} and certificates, pki=(authority, "gw")
    pluto.whack("--status")          what it says
    pluto.rekey("tunnel1"), .rekey("tunnel1", ike=True)
    pluto.said("rekeyed IKE SA")     lines of its log that match
    pluto.kill(), pluto.stop()       as a crash does it; orderly

The package conflicts with strongSwan's: it is unpacked below /opt, which the daemon sees where it
expects itself. Database, sockets and secrets are below /tmp/pluto-HOST. Nothing of it spins in the
simulator, and Debian's is built without seccomp.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from . import out_dir
from .netns import end, run, wait_for

OPT = Path("/opt/libreswan/usr/libexec")


class Pluto:
    def __init__(self, host, conf, keys, pki=None):
        """keys: {(here, there): PSK}. pki: (Authority, the name that it is to certify)."""
        self.host, self.conf, self.proc = host, Path(conf), None
        self.dir = Path(f"/tmp/pluto-{host.name}")
        shutil.rmtree(self.dir, ignore_errors=True)
        (self.dir / "nss").mkdir(parents=True)
        self.log = os.path.join(out_dir(), f"pluto-{host.name}.log")
        lines = [f'{here} {there} : PSK "{key}"\n' for (here, there), key in keys.items()]
        secrets = self.dir / "ipsec.secrets"
        secrets.touch(mode=0o600)
        secrets.write_text("".join(lines), encoding="ascii")
        # What ipsec initnss does.
        nss = f"sql:{self.dir}/nss"
        run(["certutil", "-N", "-d", nss, "--empty-password"])
        if pki:
            ca, name = pki
            key, cert = ca.issue(name)
            bundle = self.dir / "bundle.p12"
            run(["openssl", "pkcs12", "-export", "-inkey", key, "-in", cert, "-name", name,
                 "-passout", "pass:", "-out", bundle])  # fmt: skip
            run(["pk12util", "-i", bundle, "-d", nss, "-W", ""])
            run(["certutil", "-A", "-n", "ca", "-t", "CT,,", "-d", nss, "-i", ca.cert])
            bundle.unlink()
        self.start()

    def start(self):
        """Returns when it listens and has loaded its connections."""
        script = (
            f"mount --bind {OPT} /usr/libexec && mount -t tmpfs tmpfs /run && "
            f"exec {OPT}/ipsec/pluto --nofork --stderrlog --config {self.conf}"
            f" --rundir {self.dir} --nssdir {self.dir}/nss --ipsecdir {self.dir}"
            f" --secretsfile {self.dir}/ipsec.secrets"
        )
        with open(self.log, "ab") as log:
            self.proc = self.host.popen(
                ["unshare", "--mount", "sh", "-c", script],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

        def ready():
            assert self.proc.poll() is None, f"pluto in {self.host} ended, see {self.log}"
            said = self.whack("--briefstatus", check=False)
            return said.returncode == 0

        wait_for(f"pluto in {self.host}", ready, 60, 0.5)

    def whack(self, *args, check=True):
        return self.host.run([OPT / "ipsec/whack", "--rundir", self.dir, *args], check=check)

    def rekey(self, name, ike=False):
        self.whack("--rekey-ike" if ike else "--rekey-child", "--name", name)

    def said(self, pattern):
        """Lines of its log that match."""
        with open(self.log, encoding="utf-8") as log:
            return [line for line in log if re.search(pattern, line)]

    def kill(self):
        """As a crash does it: SAs and policies stay in the kernel."""
        self.proc.kill()
        self.proc.wait()

    def stop(self, timeout=20):
        """Orderly: says goodbye to peers, removes SAs and policies."""
        end(self.proc, timeout)
        shutil.rmtree(self.dir, ignore_errors=True)
