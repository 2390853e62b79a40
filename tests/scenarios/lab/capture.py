"""Captures of the underlay, and proof that nothing of the inside is on it (invariant 1)."""

import os
import re
import signal
import subprocess

from . import out_dir
from .netns import run, wait_for

# In every payload that traffic.py and ping_pattern send; never on the underlay.
MARKER = b"vgw-inner-bytes!"
# ping -p takes 16 bytes of hex.
PING_PATTERN = MARKER.hex()

# What belongs on an underlay: ESP, IKE, NAT-T, and what keeps an Ethernet going.
EXPECTED = (
    "esp or udp port 500 or udp port 4500 or arp or igmp"
    " or (icmp6 and ((ip6[40] >= 133 and ip6[40] <= 137) or ip6[40] = 143)) or (ip6[6] = 0)"
)


class Capture:
    """tcpdump on one device of one host, into $OUT/TEST/NAME.pcap."""

    def __init__(self, host, dev, name=None, bulk=False):
        self.host, self.dev = host, dev
        self.path = os.path.join(out_dir(), f"{name or f'{host.name}-{dev}'}.pcap")
        # The ring has as many slots as the snapshot length leaves room for.
        cmd = ["tcpdump", "-Z", "root", "-n", "-s", "4096", "-B", "65536"]
        # At thousands of packets a second a wake-up and a write for each is too dear.
        cmd += [] if bulk else ["-U", "--immediate-mode"]
        self.proc = host.popen(
            [*cmd, "-i", dev, "-w", self.path],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        # It says so once the socket is bound: from here on nothing is missed.
        for line in self.proc.stderr:
            if "listening on" in line:
                return
        raise AssertionError(f"tcpdump on {dev} did not start")

    def settle(self):
        """Wait until tcpdump has written all that the kernel queued for it."""

        def written():
            self.proc.send_signal(signal.SIGUSR1)
            said = self.proc.stderr.readline()
            # In one line; in several, and for the last time, when its device is gone.
            ended = "dropped by kernel" not in said
            if ended:
                said += self.proc.communicate()[1]
            counts = re.findall(r"(\d+) packets? (captured|received|dropped by kernel)", said)
            n = {what: int(count) for count, what in counts}
            dropped = n["dropped by kernel"]
            assert not dropped, f"capture on {self.dev} is incomplete: {dropped} dropped"
            return ended or n["captured"] == n["received"]

        wait_for(f"all of {self.path}", written, 60, 0.05)

    def stop(self):
        """End the capture. Returns the path of the file."""
        if self.proc.poll() is None:
            self.settle()
            self.proc.send_signal(signal.SIGINT)
            self.proc.communicate()
        return self.path

    def raw(self):
        self.stop()
        with open(self.path, "rb") as file:
            return file.read()

    def packets(self, expression=""):
        """The packets that match a pcap filter, a line each."""
        self.stop()
        out = run(["tcpdump", "-n", "-r", self.path, *expression.split()]).stdout
        return out.splitlines()

    def assert_nothing_in_clear(self, also_expected=""):
        """Invariant 1: no inner byte, and no kind of packet that does not belong on the underlay.

        also_expected is a pcap filter for what a scenario itself puts there (ICMP errors, say).
        """
        assert MARKER not in self.raw(), f"inner bytes in clear in {self.path}"
        known = f"({EXPECTED})" + (f" or ({also_expected})" if also_expected else "")
        strangers = self.packets(f"not ({known})")
        assert not strangers, f"unexpected on the underlay, {self.path}: {strangers[:5]}"
