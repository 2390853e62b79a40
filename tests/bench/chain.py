# SPDX-License-Identifier: GPL-2.0
"""The hosts of every measurement, the packets through them, and the clock that counts.

    +-------+ lan      lan +-----+ u          u +-----+ lan      lan +--------+
    |  gen  |--------------|  a  |==============|  b  |--------------|  sink  |
    +-------+              +-----+   underlay   +-----+              +--------+
    10.10.0.1    10.10.0.254     192.0.2.1  .2      10.20.0.254     10.20.0.1
    pktgen                       198.51.100.1 .2

What gen sends to sink, a forwards into the tunnel and b out of it. A `tc matchall action drop` at
the ingress of b's underlay ends a packet's life after a has sent it (what TX costs), one at sink's
after b has forwarded it (what TX and RX cost): RX is the difference, so that no packet need be sent
twice and anti-replay stays on.

The clock. Under icount one instruction is one nanosecond of guest time, but time also passes while
the CPU idles (sleep=off jumps to the next timer). So not the wall clock is read but what the
scheduler says that tasks ran (rq_cpu_time of /proc/schedstat, in ns): the idle task is not in it,
everything that serves a packet is, for it runs in some task: pktgen's thread with the softirqs on
top of it, ksoftirqd, kworkers (WireGuard's encryption), rcu, timer interrupts while busy. Reading
it costs the same each time, as do start and end of a run of pktgen; the slope between a run of N
and one of 3 N packets has neither.
"""

import gc
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scenarios"))

from lab.netns import Netns, link, wait_for  # noqa: E402 (the path above comes first)

GEN, A_LAN, B_LAN, SINK = "10.10.0.1", "10.10.0.254", "10.20.0.254", "10.20.0.1"
UNDERLAY = {1: ("192.0.2.1", "192.0.2.2"), 2: ("198.51.100.1", "198.51.100.2")}
NETS = ("10.10.0.0/16", "10.20.0.0/16")
# What pktgen puts at the head of each payload.
PKTGEN_MAGIC = bytes.fromhex("be9be955")
TCP_PORT, SO_RCVBUFFORCE = 5001, 33
# Every arm's tunnel takes this, so that TCP cuts its segments alike.
TUNNEL_MTU = 1400
MSS = TUNNEL_MTU - 20 - 32  # with timestamps
# Keepalives and ARP that may come between.
STRAYS = 8
# Instructions in a second without packets: what some hundreds of packets take.
QUIET = 3_000_000


class BenchError(Exception):
    """A measurement that would not mean what it says."""


def busy_ns():
    """What all tasks together have run. A nap first: the running slice is not in it."""
    time.sleep(0.001)
    with open("/proc/schedstat", encoding="ascii") as file:
        for line in file:
            if line.startswith("cpu0 "):
                return int(line.split()[7])
    raise BenchError("/proc/schedstat has no cpu0: a kernel without CONFIG_SCHED_INFO")


def yield_to_workers():
    """pktgen never waits: on one CPU it would overrun WireGuard's queue of 1,024 now and then."""
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text().startswith("kpktgend_"):
                os.setpriority(os.PRIO_PROCESS, int(comm.parent.name), 5)
        except (FileNotFoundError, ProcessLookupError):
            pass  # a process that ended meanwhile


def without_chance():
    """A host beside, whose neighbours and policies keep the kernel's tables of them large.

    All netns share one of each, small and with a seed of the boot's: which hops of a chain have
    their neighbours or policies in one bucket with others is chance, and costs more than what is
    to be told apart.
    """
    # khugepaged would look at a large process now and then.
    Path("/sys/kernel/mm/transparent_hugepage/enabled").write_text("never", "ascii")
    beside = Netns("beside")
    beside.later("link add many type dummy", "link set many up",
                 *(f"neigh add 10.66.{i >> 8}.{i & 255} lladdr 02:00:00:00:00:01 dev many"
                   " nud permanent" for i in range(1, 900)),
                 *(f"xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out if_id {i}"
                   for i in range(1, 1000)))  # fmt: skip
    beside.flush()


class Chain:
    def __init__(self):
        # One for each CPU that sends, the first of them.
        self.pktgens = ["lan@0"]
        self.gen, self.sink = Netns("gen"), Netns("sink")
        self.a, self.b = Netns("a", forward=True), Netns("b", forward=True)
        self.hosts = [self.gen, self.a, self.b, self.sink]
        self.dropping, self.listening, self.files = None, None, {}
        self.inside_gen = ThreadPoolExecutor(1, initializer=self.gen.enter)
        link(self.gen, "lan", [f"{GEN}/24"], self.a, "lan", [f"{A_LAN}/24"])
        link(self.a, "u", [f"{x[0]}/24" for x in UNDERLAY.values()],
             self.b, "u", [f"{x[1]}/24" for x in UNDERLAY.values()])  # fmt: skip
        link(self.b, "lan", [f"{B_LAN}/24"], self.sink, "lan", [f"{SINK}/24"])
        self.gen.later(f"route add default via {A_LAN} mtu {TUNNEL_MTU}")
        self.sink.later(f"route add default via {B_LAN} mtu {TUNNEL_MTU}")
        for host in self.hosts:
            host.flush()
        # A drop also drops ARP.
        self.mac = {}
        for host in self.hosts:
            for each in host.ip_json(["link", "show"]):
                self.mac[host.name, each["ifname"]] = each["address"]
        self.know(self.gen, "lan", A_LAN, self.a, "lan")
        self.know(self.a, "lan", GEN, self.gen, "lan")
        for here, there in UNDERLAY.values():
            self.know(self.a, "u", there, self.b, "u")
            self.know(self.b, "u", here, self.a, "u")
        self.know(self.b, "lan", SINK, self.sink, "lan")
        self.know(self.sink, "lan", B_LAN, self.b, "lan")
        for host in self.hosts:
            host.flush()
        for host, dev in ((self.b, "u"), (self.sink, "lan")):
            host.run(f"tc qdisc add dev {dev} clsact")

    def know(self, host, dev, addr, other, other_dev):
        mac = self.mac[other.name, other_dev]
        host.later(f"neigh replace {addr} lladdr {mac} dev {dev} nud permanent")

    # --- where a packet ends ---

    def drop_at(self, host):
        """Drop at the ingress of b's underlay or of sink; None: nowhere."""
        if host is self.dropping:
            return
        for each, dev in ((self.b, "u"), (self.sink, "lan")):
            if each is self.dropping:
                each.run(f"tc filter del dev {dev} ingress")
            if each is host:
                each.run(f"tc filter add dev {dev} ingress matchall action drop")
        self.dropping = host

    def arrived(self):
        """Packets that came to where they are dropped."""
        dev = b"u:" if self.dropping is self.b else b"lan:"
        counts = os.pread(self.opened(self.dropping, "dev"), 1 << 20, 0).split(dev)[1]
        return int(counts.split(None, 2)[1])

    def opened(self, host, name):
        """A file of the host's /proc/net, opened once: polling must cost little and the same."""
        if (host, name) not in self.files:
            path = f"/proc/thread-self/net/{name}"
            flags = os.O_RDONLY if name == "dev" else os.O_WRONLY
            self.files[host, name] = host.inside(os.open, path, flags)
        return self.files[host, name]

    # --- pktgen ---

    def pktgen(self, name, *commands):
        fd = self.opened(self.gen, f"pktgen/{name}")
        for command in commands:
            try:
                # Each netns has its own pktgen: the writer's.
                self.inside_gen.submit(os.write, fd, command.encode() + b"\n").result()
            except OSError as err:
                raise BenchError(f"pktgen refused {command!r} for {name}: {err}") from err

    def prepare(self, size, flows=1, to=(SINK, SINK), by=(GEN, GEN)):
        """Frames of that size; flows differ in UDP's port; addresses go round, first to last."""
        for cpu, name in enumerate(self.pktgens):
            if (self.gen, f"pktgen/{name}") not in self.files:
                self.pktgen(f"kpktgend_{cpu}", f"add_device {name}")
                yield_to_workers()
            self.pktgen(
                name, f"pkt_size {size}", f"src_min {by[0]}", f"src_max {by[1]}",
                f"dst_min {to[0]}", f"dst_max {to[1]}", f"dst_mac {self.mac['a', 'lan']}",
                f"udp_src_min {9 + cpu}", f"udp_src_max {9 + cpu}", "udp_dst_min 9",
                f"udp_dst_max {9 + flows}", "delay 0",
            )  # fmt: skip

    def start(self, count):
        """Has each pktgen send count packets; returns when they have."""
        for name in self.pktgens:
            self.pktgen(name, f"count {count}")
        self.pktgen("pgctrl", "start")

    def send(self, count):
        """Sends count packets; returns when all are where they are dropped."""
        before = self.arrived()
        self.start(count)
        try:
            wait_for("all packets", lambda: self.arrived() >= before + count, 5, 0.005)
        except AssertionError as err:
            lost = before + count - self.arrived()
            raise BenchError(f"{lost} of {count} packets never came to {self.dropping}") from err
        over = self.arrived() - before - count
        if over > STRAYS:
            raise BenchError(f"{over} packets more than were sent arrived at {self.dropping}")

    def cost(self, count):
        """Instructions that a packet takes from gen to where it is dropped."""
        self.send(128)  # caches of routes and bundles, slabs
        return self.slope(self.send, count)

    @staticmethod
    def slope(act, count):
        """What one more costs: the median of three, for now and then something else wakes up."""
        gc.collect()
        gc.disable()
        found = []
        for _ in range(3):
            spent = []
            for n in (count, 3 * count):
                begin = busy_ns()
                act(n)
                spent.append(busy_ns() - begin)
            found.append((spent[1] - spent[0]) / (2 * count))
        gc.enable()
        return sorted(found)[1]

    # --- bulk TCP from gen to sink, nothing dropped ---

    def tcp(self, octets):
        """Sends so many; returns when sink has taken the last."""
        with self.inside_gen.submit(socket.create_connection, (SINK, TCP_PORT)).result() as sock:
            chunk = memoryview(bytes(1 << 18))
            while octets > 0:
                octets -= sock.send(chunk[:octets])
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)

    def tcp_cost(self, octets, mss=MSS):
        """Instructions for each MSS of octets, of all four hosts, acknowledgements included."""
        self.drop_at(None)
        if not self.listening:
            command = [Path(__file__).with_name("tcp_sink"), SINK, TCP_PORT]
            self.listening = self.sink.popen(command, stdout=subprocess.PIPE)
            self.listening.stdout.readline()
        self.tcp(octets)  # the path's MTU, windows
        return mss * self.slope(self.tcp, octets)

    @staticmethod
    def settle():
        """Until the machine does next to nothing by itself: what thousands of new devices have to
        announce goes on for seconds, and would be counted as the packets'."""

        def quiet():
            begin = busy_ns()
            time.sleep(1)
            spent.append(busy_ns() - begin)
            return spent[-1] < QUIET

        spent = []
        try:
            wait_for("a quiet machine", quiet, 300, 0)
        except AssertionError as err:
            raise BenchError(f"never quiet; instructions in each second: {spent}") from err

    # --- proof ---

    def seen(self, host, dev, count=10):
        """Frames from outside that pass a device while pktgen sends count packets."""
        with host.inside(
            lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        ) as sock:
            sock.bind((dev, 3))
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
            self.send(count)
            found = []
            sock.settimeout(0.2)
            while True:
                try:
                    packet, address = sock.recvfrom(65536)
                except TimeoutError:
                    return found
                if address[2] != socket.PACKET_OUTGOING:
                    found.append(packet)

    def close(self):
        self.inside_gen.shutdown()
        for fd in self.files.values():
            os.close(fd)
        for host in self.hosts:
            host.close()
