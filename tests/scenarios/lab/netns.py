"""Network namespaces as hosts, veth pairs as links, netem as bad weather."""

import ctypes
import fcntl
import json
import os
import shlex
import socket
import struct
import subprocess
import threading
import time


class CommandError(AssertionError):
    """A command that was expected to succeed failed: shows what it said."""


POLL = 0.5  # s, between looks that take a process: dear in the simulator
LIBC = ctypes.CDLL(None, use_errno=True)
MS_BIND, MNT_DETACH = 0x1000, 2
SIOCGIFFLAGS, IFF_UP, IFF_RUNNING = 0x8913, 1, 0x40


def words(cmd):
    return shlex.split(cmd) if isinstance(cmd, str) else [str(w) for w in cmd]


def run(cmd, check=True, stdin=None, **kwargs):
    """Run a command to its end; returns its CompletedProcess with stdout and stderr as text."""
    done = subprocess.run(
        words(cmd), input=stdin, text=True, capture_output=True, check=False, **kwargs
    )
    if check and done.returncode:
        raise CommandError(f"{cmd!r} exited {done.returncode}: {done.stdout}{done.stderr}")
    return done


def wait_for(what, condition, timeout=10.0, interval=0.02):
    """Sleep until condition() is true and return what it gave; fail with `what` after timeout."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(interval)


def end(proc, timeout=20):
    """SIGTERM, and SIGKILL for what does not end by it; returns whether it did."""
    if proc.poll() is None:
        proc.terminate()
    try:
        proc.wait(timeout)
    except subprocess.TimeoutExpired:
        proc.kill()
        proc.wait()
        return False
    return True


class Netns:
    """A host: one network namespace. Commands, sockets and files are those seen from inside it."""

    def __init__(self, name, forward=False):
        self.name, self.lines = name, []
        self.path = f"/run/netns/{name}"
        thread = threading.Thread(target=self._create)
        thread.start()
        thread.join()
        self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        self.procs, self.closers = [], []
        self.later("link set lo up")
        # No DAD: addresses are usable at once.
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.router_solicitations", 0)
        if forward:
            self.sysctl("net.ipv4.ip_forward", 1)
            self.sysctl("net.ipv6.conf.all.forwarding", 1)

    def __repr__(self):
        return f"<netns {self.name}>"

    def _create(self):
        """What `ip netns add` does, without a process: those are dear under emulation."""
        os.makedirs("/run/netns", exist_ok=True)
        with open(self.path, "xb"):
            pass
        os.unshare(os.CLONE_NEWNET)
        if LIBC.mount(b"/proc/thread-self/ns/net", self.path.encode(), None, MS_BIND, None):
            raise OSError(ctypes.get_errno(), f"cannot keep {self}")

    def enter(self):
        """Move the calling thread (or a child before exec) into this namespace."""
        os.setns(self.fd, os.CLONE_NEWNET)

    def run(self, cmd, check=True, stdin=None, **kwargs):
        return self.inside(lambda: run(cmd, check=check, stdin=stdin, **kwargs))

    def popen(self, cmd, **kwargs):
        """Start a process that close() ends."""
        proc = self.inside(lambda: subprocess.Popen(words(cmd), **kwargs))
        self.procs.append(proc)
        return proc

    def inside(self, func, *args):
        """Call func in a thread that is inside this namespace; returns what it returned.

        A process that it starts is born here: cheaper than a fork with setns in the child.
        """
        box = {}

        def body():
            try:
                self.enter()
                box["value"] = func(*args)
            except BaseException as err:  # noqa: B036 (handed to the caller)
                box["error"] = err

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if "error" in box:
            raise box["error"]
        return box["value"]

    def later(self, *lines):
        """Lines of ip(8) that wait for the next ip() or flush(), to share its process."""
        self.lines += lines

    def flush(self):
        if self.lines:
            self.ip()

    def ip(self, *lines, check=True):
        """Lines of ip(8); several go through one ip -batch, which stops at the first error."""
        lines, self.lines = (*self.lines, *lines), []
        if len(lines) == 1:
            return run(["ip", "-n", self.name, *words(lines[0])], check=check)
        return run(
            ["ip", "-n", self.name, "-batch", "-"], check=check, stdin="\n".join(lines) + "\n"
        )

    def ip_json(self, cmd):
        self.flush()
        return json.loads(run(["ip", "-n", self.name, "-j", *words(cmd)]).stdout or "[]")

    def sysctl(self, key, value):
        path = "/proc/sys/" + key.replace(".", "/")

        def write():
            with open(path, "w", encoding="ascii") as file:
                file.write(str(value))

        self.inside(write)

    def read(self, path):
        """A file of /proc/net, as seen from inside: read("xfrm_stat")."""

        def get():
            with open(f"/proc/thread-self/net/{path}", encoding="ascii") as file:
                return file.read()

        return self.inside(get)

    def xfrm_stat(self):
        return {
            k: int(v) for k, v in (line.split() for line in self.read("xfrm_stat").splitlines())
        }

    def link_stats(self, dev):
        return self.ip_json(["-s", "link", "show", "dev", dev])[0]["stats64"]

    def carrier(self, dev):
        return "LOWER_UP" in self.ip_json(["link", "show", "dev", dev])[0]["flags"]

    def ping(self, dst, count=1, interval=0.2, deadline=5, src=None):
        """How many of count echo requests were answered."""
        cmd = ["ping", "-n", "-q", "-c", count, "-i", interval, "-w", deadline, dst]
        if src:
            cmd[1:1] = ["-I", src]
        out = self.run(cmd, check=False).stdout
        return int(out.split(" received")[0].split(",")[-1]) if " received" in out else 0

    # --- weather: netem on the way out of a device ---

    def netem(self, dev, *what):
        """netem("u1", "delay 20ms", "loss 5%"); without arguments the weather is fine again."""
        if what:
            spec = " ".join(what)
            self.run(f"tc qdisc replace dev {dev} root netem limit 100000 {spec}")
        else:
            self.run(f"tc qdisc del dev {dev} root", check=False)

    def blackhole(self, dev):
        """Everything that leaves by dev is lost, silently."""
        self.netem(dev, "loss 100%")

    def close(self):
        for close in self.closers:
            close()
        for proc in self.procs:
            if proc.poll() is None:
                proc.kill()
            proc.wait()
        os.close(self.fd)
        LIBC.umount2(self.path.encode(), MNT_DETACH)
        os.unlink(self.path)


def link(left, left_dev, left_addrs, right, right_dev, right_addrs, mtu=1500):
    """A veth pair between two hosts, addresses on both ends, up; right.flush() finishes its end."""
    left.ip(
        f"link add {left_dev} mtu {mtu} type veth"
        f" peer name {right_dev} mtu {mtu} netns {right.name}",
        *addresses(left_dev, left_addrs),
    )
    right.later(*addresses(right_dev, right_addrs))


def in_operation(host):
    """Whether each device that was set up is also in operation: before that it may send nothing.

    linkwatch takes a second for it where there was much to watch just before.
    """
    def ask():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _, name in socket.if_nameindex():
                request = struct.pack("16sh14x", name.encode(), 0)
                flags = struct.unpack_from("h", fcntl.ioctl(sock, SIOCGIFFLAGS, request), 16)[0]
                if flags & IFF_UP and not flags & IFF_RUNNING:
                    return False
        return True

    return host.inside(ask)


def dummy(host, dev, addrs):
    """A dummy device that holds addresses, at the host's next flush()."""
    host.later(f"link add {dev} type dummy", *addresses(dev, addrs))


def addresses(dev, addrs):
    """Lines of ip(8) that bring a device up with addresses."""
    yield f"link set {dev} up"
    for addr in addrs:
        yield f"addr add {addr} dev {dev}{' nodad' if ':' in addr else ''}"
