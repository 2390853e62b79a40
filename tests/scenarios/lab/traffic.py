"""Sequence-numbered UDP streams with a marker in every payload.

Stream sends, Sink receives, Echo receives and sends back; each is a process of its own inside its
namespace, so that no other thread is at its clock.

    cli: Stream ------------> far end: Echo     (replies carry the responder's name)
         <-------------------

Times are CLOCK_MONOTONIC of the one machine that all namespaces share, so one-way figures are true.
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import struct
import time
import traceback
from types import SimpleNamespace

from . import SIM

MARKER = b"vgw-inner-bytes!"
HEAD = struct.Struct("!QQ8s")  # sequence, time sent in ns, responder's name
LINGER = 0.5  # s; how long after the last packet a late one still counts
# Emulated machines answer late: a sender waits longer, if it has to.
PATIENCE = LINGER if SIM else 4.0


class Arrivals:
    """What arrived, in order, and what may be said about it."""

    def __init__(self):
        self.first = {}  # sequence -> time of first arrival
        self.dup = self.reordered = 0
        self.highest = -1
        self.last = None
        self.gaps = []  # (duration, began, sequence before, sequence after)
        self.by, self.moves, self.who, self.delays = {}, [], None, []

    def add(self, seq, sent, now, who):
        if seq in self.first:
            self.dup += 1
            return
        self.first[seq] = now
        self.delays.append(now - sent)
        if seq < self.highest:
            self.reordered += 1
        if self.last is not None:
            self.gaps.append((now - self.last[0], self.last[0], self.last[1], seq))
            if len(self.gaps) > 1000:
                self.gaps = sorted(self.gaps, reverse=True)[:10]
        self.last = (now, seq)
        self.highest = max(self.highest, seq)
        self.by[who] = self.by.get(who, 0) + 1
        if who != self.who:
            self.moves.append((seq, who, now / 1e9))
            self.who = who

    def report(self, sent=None):
        total = self.highest + 1 if sent is None else sent
        lost = [seq for seq in range(total) if seq not in self.first]
        spans = []
        for seq in lost:
            if spans and spans[-1][1] == seq - 1:
                spans[-1][1] = seq
            else:
                spans.append([seq, seq])
        delays = sorted(self.delays)
        return {
            "sent": total,
            "received": len(self.first),
            "lost": len(lost),
            "lost_spans": spans[:100],
            "dup": self.dup,
            "reordered": self.reordered,
            "gaps": [
                {"seconds": d / 1e9, "at": t / 1e9, "before": a, "after": b}
                for d, t, a, b in sorted(self.gaps, reverse=True)[:5]
            ],
            "by": self.by,
            "moves": self.moves[:100],
            "delay": {
                name: delays[int((len(delays) - 1) * part)] / 1e9 if delays else None
                for name, part in (("min", 0), ("median", 0.5), ("p99", 0.99), ("max", 1))
            },
        }


SO_RCVBUFFORCE = 33  # asm-generic/socket.h; Python has no name for it


def open_socket(args):
    family = socket.AF_INET6 if ":" in args.bind else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    # What an emulated machine is too slow to read must wait, not be lost.
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
    if args.dev:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, args.dev.encode())
    if args.mark:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, args.mark)
    sock.bind((args.bind, args.port if args.mode == "serve" else 0))
    sock.setblocking(False)
    return sock


def finish(path, report):
    with open(path + ".tmp", "w", encoding="ascii") as file:
        json.dump(report, file)
    os.rename(path + ".tmp", path)


def wait(watched, seconds):
    """Sleep until a packet, the order to stop or the time given (None: however long it takes)."""
    select.select(watched, [], [], seconds)


def serve(args, sock, stop):
    arrivals = Arrivals()
    name = args.name.encode()[:8].ljust(8, b"\0")
    ending = None
    while ending is None or time.monotonic_ns() < ending:
        left = None if ending is None else max(0, ending - time.monotonic_ns()) / 1e9
        wait([sock, stop] if ending is None else [sock], left)
        if ending is None and stopped(stop):
            ending = time.monotonic_ns() + int(LINGER * 1e9)
        while True:
            try:
                data, peer = sock.recvfrom(65536)
            except OSError:
                break
            now = time.monotonic_ns()
            seq, sent, _ = HEAD.unpack_from(data)
            arrivals.add(seq, sent, now, "")
            if args.echo:
                try:
                    sock.sendto(data[:16] + name + data[24:], peer)
                except OSError:
                    pass  # no way back just now: the sender counts it as lost
    finish(args.report, arrivals.report())


def send(args, sock, stop):
    arrivals = Arrivals()
    refused = {}
    peer = (args.to, args.port)
    filler = (MARKER * (args.size // len(MARKER) + 1))[: max(len(MARKER), args.size - HEAD.size)]
    step = 1_000_000_000 // args.pps
    begin = time.monotonic_ns()
    seq, due, ending = 0, begin, None
    while ending is None or time.monotonic_ns() < ending:
        if ending is not None and not SIM and len(arrivals.first) == seq:
            break
        now = time.monotonic_ns()
        if ending is None and now >= due:
            try:
                sock.sendto(HEAD.pack(seq, now, b"") + filler, peer)
            except OSError as err:
                # ENOBUFS, ENETUNREACH and the like: a packet that the network refused is lost too.
                refused[err.strerror] = refused.get(err.strerror, 0) + 1
            seq += 1
            due += step
            if args.count and seq == args.count:
                ending = now + int(PATIENCE * 1e9)
        else:
            until = due if ending is None else ending
            wait([sock, stop] if ending is None else [sock], max(0, until - now) / 1e9)
        if ending is None and stopped(stop):
            ending = time.monotonic_ns() + int(PATIENCE * 1e9)
        while True:
            try:
                data = sock.recv(65536)
            except BlockingIOError:
                break
            except OSError as err:
                refused[err.strerror] = refused.get(err.strerror, 0) + 1
                continue
            got, sent, who = HEAD.unpack_from(data)
            arrivals.add(got, sent, time.monotonic_ns(), who.rstrip(b"\0").decode())
    report = arrivals.report(seq)
    report["refused"] = refused
    report["began"] = begin / 1e9
    finish(args.report, report)


def stopped(pipe):
    return bool(select.select([pipe], [], [], 0)[0])


def work(args, stop, ready):
    """The life of a traffic process."""
    # Timers to the nanosecond rather than the default 50 us late.
    with open("/proc/self/timerslack_ns", "w", encoding="ascii") as file:
        file.write("1")
    sock = open_socket(args)
    os.write(ready, b"ready")
    (serve if args.mode == "serve" else send)(args, sock, stop)


class Result:
    """A stream's report: lost, dup, reordered, sent, received, by, moves, delay; in seconds."""

    def __init__(self, report):
        self.__dict__.update(report)
        self.report = report

    @property
    def longest_gap(self):
        """Seconds between the two neighbouring arrivals that were furthest apart."""
        return self.gaps[0]["seconds"] if self.gaps else 0.0

    def __repr__(self):
        keys = (
            "sent",
            "received",
            "lost",
            "lost_spans",
            "dup",
            "reordered",
            "by",
            "moves",
            "refused",
        )
        said = ", ".join(f"{k}={self.report[k]}" for k in keys if self.report.get(k) is not None)
        return f"<stream {said}, longest_gap={self.longest_gap:.6f}>"


def only(*fds):
    """Closes all but these and the first three; gives what they are now: select() of a high one
    takes memory, which may be made to fail."""
    numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    for fd in numbers:
        if fd > 2 and fd not in fds:
            with contextlib.suppress(OSError):  # the folder's own
                os.close(fd)
    return [os.dup(fd) for fd in fds]


class _Process:
    """Forked, not started anew: under emulation a fresh interpreter takes seconds."""

    number = 0

    def __init__(self, host, **args):
        _Process.number += 1
        self.path = f"/tmp/traffic-{os.getpid()}-{_Process.number}.json"
        args = SimpleNamespace(report=self.path, **args)
        stop, self.order = os.pipe()
        told, ready = os.pipe()
        self.result = None
        self.pid = os.fork()
        if self.pid == 0:
            self._child(host, args, stop, ready)
        os.close(stop)
        os.close(ready)
        said = os.read(told, 16)
        os.close(told)
        if said != b"ready":
            raise AssertionError(f"traffic in {host} did not start: {args}")
        host.closers.append(self.kill)

    @staticmethod
    def _child(host, args, stop, ready):
        status = 1
        try:
            gc.disable()
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            host.enter()
            work(args, *only(stop, ready))
            status = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            # Not pytest's own exit, of which this process is a copy.
            os._exit(status)

    def wait(self):
        """Until it has sent all of its count; returns its Result."""
        if self.result is None:
            status = os.waitpid(self.pid, 0)[1]
            self.pid = None
            os.close(self.order)
            assert status == 0, f"traffic process ended with {status:#x}"
            with open(self.path, encoding="ascii") as file:
                self.result = Result(json.load(file))
        return self.result

    def stop(self):
        """Stop now, wait for late packets, return the Result."""
        if self.result is None:
            os.write(self.order, b"stop")
        return self.wait()

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.order)
            self.pid = None


class Sink(_Process):
    """Receives; its Result is the one-way view."""

    def __init__(self, host, addr, port=7000, name="", echo=False, dev=None, mark=0):
        super().__init__(
            host, mode="serve", bind=addr, port=port, name=name, echo=echo, dev=dev, mark=mark
        )


class Echo(Sink):
    """Receives and sends back, signed with its name."""

    def __init__(self, host, addr, port=7000, name="", dev=None):
        super().__init__(host, addr, port, name or host.name, echo=True, dev=dev)


class Stream(_Process):
    """Sends at a steady rate, hears what an Echo sends back. count 0: until stop()."""

    def __init__(self, host, src, dst, port=7000, pps=1000, count=0, size=200, dev=None, mark=0):
        super().__init__(
            host, mode="send", bind=src, to=dst, port=port, pps=pps, count=count, size=size,
            dev=dev, mark=mark,
        )  # fmt: skip
