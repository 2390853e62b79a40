"""Sequence-numbered UDP streams with a marker in every payload.

As a module: Stream, Echo and Sink for scenarios. As a program: the process that runs in a namespace, kept
apart from pytest so that its clock is not at the mercy of another thread.

    cli: send --rate pps -----> far end: serve --echo     (replies carry the responder's name)
         <--------------------

Times are CLOCK_MONOTONIC of the one machine that all namespaces share, so one-way figures are true.
"""

import argparse
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

MARKER = b"vgw-inner-bytes!"
HEAD = struct.Struct("!QQ8s")  # sequence, time sent in ns, responder's name
LINGER = 0.5  # how long after the last packet a late one still counts


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


def open_socket(args):
    family = socket.AF_INET6 if ":" in args.bind else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
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


def main_serve(args, sock, stop):
    arrivals = Arrivals()
    name = args.name.encode()[:8].ljust(8, b"\0")
    print("ready", flush=True)
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


def main_send(args, sock, stop):
    arrivals = Arrivals()
    refused = {}
    peer = (args.to, args.port)
    filler = (MARKER * (args.size // len(MARKER) + 1))[: max(len(MARKER), args.size - HEAD.size)]
    step = 1_000_000_000 // args.pps
    print("ready", flush=True)
    begin = time.monotonic_ns()
    seq, due, ending = 0, begin, None
    while ending is None or time.monotonic_ns() < ending:
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
                ending = now + int(LINGER * 1e9)
        else:
            until = due if ending is None else ending
            wait([sock, stop] if ending is None else [sock], max(0, until - now) / 1e9)
        if ending is None and stopped(stop):
            ending = time.monotonic_ns() + int(LINGER * 1e9)
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=("serve", "send"))
    parser.add_argument("--bind", required=True)
    parser.add_argument("--to")
    parser.add_argument("--port", type=int, default=7000)
    parser.add_argument("--pps", type=int, default=1000)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--name", default="")
    parser.add_argument("--dev")
    parser.add_argument("--mark", type=int, default=0)
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--report", required=True)
    args = parser.parse_args()
    # Timers to the nanosecond rather than the default 50 us late.
    with open("/proc/self/timerslack_ns", "w", encoding="ascii") as file:
        file.write("1")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sock = open_socket(args)
    # The parent closes the pipe that is our stdin: that is the order to stop.
    (main_serve if args.mode == "serve" else main_send)(args, sock, sys.stdin.buffer)


class Result:
    """A stream's report. lost, dup, reordered, sent, received, by, moves, delay; times in seconds."""

    def __init__(self, report):
        self.__dict__.update(report)
        self.report = report

    @property
    def longest_gap(self):
        """Seconds between the two neighbouring arrivals that were furthest apart."""
        return self.gaps[0]["seconds"] if self.gaps else 0.0

    def __repr__(self):
        keys = ("sent", "received", "lost", "lost_spans", "dup", "reordered", "by", "moves", "refused")
        said = ", ".join(f"{k}={self.report[k]}" for k in keys if self.report.get(k) is not None)
        return f"<stream {said}, longest_gap={self.longest_gap:.6f}>"


class _Process:
    number = 0

    def __init__(self, host, args):
        _Process.number += 1
        self.path = f"/tmp/traffic-{os.getpid()}-{_Process.number}.json"
        cmd = [sys.executable, "-S", "-E", __file__, *map(str, args), "--report", self.path]
        self.proc = host.popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.result = None
        if self.proc.stdout.readline().strip() != b"ready":
            raise AssertionError(f"traffic in {host} did not start: {cmd}")

    def wait(self):
        """Until it has sent all of its count; returns its Result."""
        if self.result is None:
            status = self.proc.wait()
            assert status == 0, f"traffic process exited {status}"
            with open(self.path, encoding="ascii") as file:
                self.result = Result(json.load(file))
            self.proc.stdin.close()
            self.proc.stdout.close()
        return self.result

    def stop(self):
        """Stop now, wait for late packets, return the Result."""
        if self.result is None and self.proc.poll() is None:
            self.proc.stdin.close()
        return self.wait()


class Sink(_Process):
    """Receives; its Result is the one-way view."""

    def __init__(self, host, addr, port=7000, name="", echo=False, dev=None):
        args = ["serve", "--bind", addr, "--port", port, "--name", name]
        args += ["--echo"] if echo else []
        args += ["--dev", dev] if dev else []
        super().__init__(host, args)


class Echo(Sink):
    """Receives and sends back, signed with its name."""

    def __init__(self, host, addr, port=7000, name="", dev=None):
        super().__init__(host, addr, port, name or host.name, echo=True, dev=dev)


class Stream(_Process):
    """Sends at a steady rate and, against an Echo, receives what comes back."""

    def __init__(self, host, src, dst, port=7000, pps=1000, count=0, size=200, dev=None, mark=0):
        args = ["send", "--bind", src, "--to", dst, "--port", port, "--pps", pps, "--count", count]
        args += ["--size", size, "--mark", mark]
        args += ["--dev", dev] if dev else []
        super().__init__(host, args)


if __name__ == "__main__":
    main()
