"""A certificate authority for a scenario, by openssl: P-256 keys that nothing protects.

    ca = Authority("lab")           ca.cert: its certificate
    key, cert = ca.issue("gw")      paths of two PEM files, of subject CN=gw
"""

import tempfile
from pathlib import Path

from .netns import run

NEW = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
       "-days", "30"]  # fmt: skip


class Authority:
    def __init__(self, name):
        self.dir = Path(tempfile.mkdtemp(prefix=f"pki-{name}-"))
        self.key, self.cert = self.dir / "ca.key", self.dir / "ca.pem"
        run([*NEW, "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
             "-keyout", self.key, "-out", self.cert])  # fmt: skip

    def issue(self, name):
        key, cert = self.dir / f"{name}.key", self.dir / f"{name}.pem"
        run([*NEW, "-subj", f"/CN={name}", "-CA", self.cert, "-CAkey", self.key,
             "-addext", "basicConstraints=critical,CA:FALSE",
             "-addext", "keyUsage=critical,digitalSignature",
             "-keyout", key, "-out", cert])  # fmt: skip
        return key, cert
