"""strongSwan daemons, each in its own network namespace and mount namespace.

A daemon sees a /run and a configuration of its own (STRONGSWAN_CONF, SWANCTL_DIR), so any number
run side by side. Connections are Python dicts in swanctl.conf's own words.
"""

import os
import shutil

from . import out_dir
from .netns import end, run, wait_for

CHARON = "/usr/sbin/charon-systemd"
PSK = "a pre-shared key for the lab only"

STRONGSWAN_CONF = """
charon-systemd {{
    load = random nonce openssl hmac sha1 sha2 aes gcm pem pkcs1 pkcs8 x509 pubkey constraints \
revocation kernel-netlink socket-default vici updown
    install_routes = {virtual}
    install_virtual_ip = {virtual}
    threads = 8
    retransmit_tries = {tries}
    retransmit_timeout = {timeout}
    retransmit_base = {base}
    keep_alive = {nat_keepalive}
    make_before_break = yes
    delete_rekeyed_delay = 1
    plugins {{
        vici {{
            socket = unix://{dir}/vici
        }}
        kernel-netlink {{
            # As a router has it: the daemon's own packets are not sent through its tunnels.
            install_routes_xfrmi = no
        }}
    }}
    filelog {{
        log {{
            path = {log}
            default = 1
            ike = 2
            chd = 2
            knl = {knl}
            flush_line = yes
            time_format = %T
            time_add_ms = yes
        }}
    }}
}}
swanctl {{
    load = random openssl pem pkcs1 pkcs8
    socket = unix://{dir}/vici
}}
"""


def render(tree, depth=0):
    """A dict as strongSwan writes it."""
    pad = "    " * depth
    for key, value in tree.items():
        if isinstance(value, dict):
            yield f"{pad}{key} {{"
            yield from render(value, depth + 1)
            yield f"{pad}}}"
        else:
            yield f"{pad}{key} = {value}"


def connection(
    local, remote, /, key_in, key_out=None, version=2, nat=False, child=None, **options
):
    """A site-to-site connection, with PSK unless options say otherwise.

    key_in, key_out: xfrm.Key of the inbound and outbound SA (one Key serves both). child: options
    that are added to the child's; other keyword arguments are added to the connection.
    """
    key_out = key_out or key_in
    children = {
        "local_ts": "0.0.0.0/0,::/0" if version == 2 else "0.0.0.0/0",
        "remote_ts": "0.0.0.0/0,::/0" if version == 2 else "0.0.0.0/0",
        "esp_proposals": "aes128gcm16-ecp256" if version == 2 else "aes128gcm16",
        "mode": "tunnel",
        "rekey_time": "0",
        "dpd_action": "clear",
    }
    for direction, key in (("in", key_in), ("out", key_out)):
        if key.if_id:
            children[f"if_id_{direction}"] = key.if_id
        elif key.mark:
            children[f"mark_{direction}"] = f"{key.mark}/{key.mask:#x}"
    children.update(child or {})
    return {
        "version": version,
        "local_addrs": local,
        "remote_addrs": remote,
        "encap": "yes" if nat else "no",
        "mobike": "no",
        "proposals": "aes128gcm16-prfsha256-ecp256" if version == 2 else "aes128-sha256-ecp256",
        "rekey_time": "0",
        "reauth_time": "0",
        "local": {"auth": "psk", "id": local},
        "remote": {"auth": "psk", "id": remote},
        **options,
        "children": {"child": children},
    }


class Charon:
    """A daemon in a host. conns: {name: connection(...)}; each has one child named "child".

    psk: of all of them. nat_keepalive: seconds, 0 for none, of the daemon's own. files: swanctl
    loads conf.d/*.conf, as Debian's does, instead of conns; if these are paths, they are put there.
    creds: more files, {path below swanctl's directory: file}. virtual: takes a virtual address,
    with its routes.
    """

    def __init__(
        self, host, conns, tries=5, timeout=1.0, base=1.5, knl=1, psk=PSK, files=False,
        creds=None, nat_keepalive=20, virtual=False,
    ):  # fmt: skip
        self.host, self.conns, self.psk, self.files = host, conns, psk, files
        self.dir = f"/tmp/ike-{host.name}"
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        self.put(creds or {})
        self.log = os.path.join(out_dir(), f"charon-{host.name}.log")
        self.options = {"tries": tries, "timeout": timeout, "base": base, "knl": knl,
                        "nat_keepalive": nat_keepalive,
                        "virtual": "yes" if virtual else "no"}  # fmt: skip
        self.env = {
            **os.environ,
            "STRONGSWAN_CONF": f"{self.dir}/strongswan.conf",
            "SWANCTL_DIR": self.dir,
        }
        self.proc = None
        self.write()
        self.start()

    def put(self, creds):
        for place, file in creds.items():
            os.makedirs(os.path.dirname(f"{self.dir}/{place}"), exist_ok=True)
            shutil.copy(file, f"{self.dir}/{place}")

    def write(self):
        conf = STRONGSWAN_CONF.format(dir=self.dir, log=self.log, **self.options)
        with open(f"{self.dir}/strongswan.conf", "w", encoding="ascii") as file:
            file.write(conf)
        if self.files:
            with open(f"{self.dir}/swanctl.conf", "w", encoding="ascii") as file:
                file.write("include conf.d/*.conf\n")
            os.makedirs(f"{self.dir}/conf.d", exist_ok=True)
            for path in self.files if self.files is not True else ():
                shutil.copy(path, f"{self.dir}/conf.d")
            return
        tree = {
            "connections": self.conns,
            "secrets": {
                f"ike-{name}": {
                    "id-1": c["local_addrs"],
                    "id-2": c["remote_addrs"],
                    "secret": f'"{self.psk}"',
                }
                for name, c in self.conns.items()
            },
        }
        with open(f"{self.dir}/swanctl.conf", "w", encoding="ascii") as file:
            file.write("\n".join(render(tree)) + "\n")

    def start(self):
        """Start the daemon and load everything; returns when it answers."""
        script = "mount -t tmpfs tmpfs /run && exec " + CHARON
        with open(self.log + ".stderr", "ab") as err:
            self.proc = self.host.popen(
                ["unshare", "--mount", "sh", "-c", script], env=self.env, stdout=err, stderr=err
            )

        def ready():
            assert self.proc.poll() is None, f"charon in {self.host} exited, see {self.log}*"
            return os.path.exists(f"{self.dir}/vici")

        wait_for(f"charon in {self.host}", ready, 120, 0.1)
        self.load()

    def swanctl(self, *args, check=True):
        return run(
            ["swanctl", *args, "--uri", f"unix://{self.dir}/vici"], check=check, env=self.env
        )

    def load(self):
        self.write()
        wait_for(
            f"configuration of {self.host}",
            lambda: self.swanctl("--load-all", "--noprompt", check=False).returncode == 0,
            60,
            0.2,
        )

    def initiate(self, name, timeout=30):
        self.swanctl("--initiate", "--ike", name, "--child", "child", "--timeout", str(timeout))

    def terminate(self, name, force=False):
        self.swanctl("--terminate", "--ike", name, *(["--force"] if force else []), check=False)

    def rekey(self, name, ike=False):
        self.swanctl("--rekey", "--ike", name, *([] if ike else ["--child", "child"]))

    def sas(self):
        """What `swanctl --list-sas --raw` says, one line a connection."""
        return self.swanctl("--list-sas", "--raw").stdout

    def installed(self, name):
        """True once the connection has an installed child."""
        return any(
            f"list-sa event {{{name} " in line and "state=INSTALLED" in line
            for line in self.sas().splitlines()
        )

    def wait_installed(self, name, timeout=60):
        wait_for(f"child of {name} in {self.host}", lambda: self.installed(name), timeout, 0.1)

    def kill(self):
        """As a crash does it: SAs and policies stay in the kernel."""
        self.proc.kill()
        self.proc.wait()

    def stop(self, timeout=20):
        """Orderly: says goodbye to peers, removes SAs and policies."""
        end(self.proc, timeout)
        shutil.rmtree(self.dir, ignore_errors=True)
