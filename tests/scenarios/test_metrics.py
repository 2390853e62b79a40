"""What Prometheus reads and what vgwctl top shows.

    cli ----- gw =====vgw0-1===== far1 (10.20.0.1)
               \\======vgw0-2===== far2 (10.20.0.1)
"""

import json
import os
import pty
import re
import time
from pathlib import Path

import pytest
import yaml
from lab import SIM, inject
from lab.netns import run, wait_for
from lab.topo import CLI, SRV
from lab.vgw import Vgw

SHARED = Path(os.environ["LAB_TOP"]) / "userspace/prometheus"
SAMPLE = re.compile(r'(?P<name>[a-z_]+)(\{(?P<labels>.*)\})? (?P<value>-?[0-9.]+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


class Metrics:
    """The text format, taken strictly: HELP, TYPE, then all samples of a metric, each once."""

    def __init__(self, text):
        assert text.endswith("\n")
        self.types, self.samples, current = {}, {}, None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                current = line.split(" ")[2]
                assert current not in self.types and len(line.split(" ", 3)[3]) > 5, line
                self.types[current] = None
                continue
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name == current and self.types[name] is None, line
                assert kind in ("gauge", "counter"), line
                assert (kind == "counter") == name.endswith("_total"), line
                self.types[name] = kind
                continue
            found = SAMPLE.fullmatch(line)
            assert found and found["name"] == current and self.types[current], line
            labels = found["labels"] or ""
            assert LABEL.sub("", labels) == "", line
            key = (found["name"], *sorted(LABEL.findall(labels)))
            assert key not in self.samples, line
            self.samples[key] = float(found["value"])

    def __call__(self, name, **labels):
        """The one sample of vgw_NAME with these labels."""
        wanted = set(labels.items())
        found = [v for key, v in self.samples.items()
                 if key[0] == f"vgw_{name}" and wanted <= set(key[1:])]  # fmt: skip
        assert len(found) == 1, (name, labels, found)
        return found[0]

    def has(self, name, **labels):
        return any(key[0] == f"vgw_{name}" and set(labels.items()) <= set(key[1:])
                   for key in self.samples)  # fmt: skip

    def tunnel(self, n, name, **labels):
        return self(f"tunnel_{name}", tunnel=f"vgw0-{n}", **labels)

    def counters(self):
        return {key: v for key, v in self.samples.items() if self.types[key[0]] == "counter"}


def switches(now):
    return {key: v for key, v in now.samples.items()
            if key[0] == "vgw_connection_switches_total"}  # fmt: skip


def metrics(topo):
    return Metrics(topo.gw.run(["vgwctl", "metrics"]).stdout)


def test_without_a_connection_there_are_none_and_no_module_is_loaded(topo):
    run(["rmmod", "vgw"], check=False)
    assert metrics(topo).samples == {("vgw_connections",): 0}
    assert not os.path.exists("/sys/module/vgw")


def test_data_is_counted_decrypted_and_each_tunnel_has_every_metric(topo):
    vgw = Vgw(topo, tunnel="keepalive off", tunnels={1: "preference 200"})
    vgw.wait_up()
    vgw.wait_active(1)
    before = metrics(topo)
    assert topo.cli.run(f"ping -q -c 10 -i 0.01 -s 972 {SRV[4]}").stdout.count("10 received")
    now = metrics(topo)
    for name in ("data_in_bytes", "data_out_bytes"):
        moved = [now.tunnel(n, f"{name}_total") - before.tunnel(n, f"{name}_total")
                 for n in (1, 2)]  # fmt: skip
        assert moved == [10 * 1000, 0], (name, moved)
    assert now.tunnel(1, "packets_in_total") - before.tunnel(1, "packets_in_total") == 10
    assert [now.tunnel(n, "active") for n in (1, 2)] == [1, 0]
    assert now("connection_carrier", connection="vgw0") == 1
    assert now.tunnel(1, "info", remote="192.0.2.2", inside="169.254.1.1/30") == 1
    assert now.tunnel(1, "sas", direction="in") == now.tunnel(1, "sas", direction="out") == 1
    # What vgwctl shows and what Prometheus reads are the same numbers.
    for n in (1, 2):
        for name, value in vgw.stats(n).items():
            if now.has("tunnel_dropped_packets_total", reason=name):
                assert now.tunnel(n, "dropped_packets_total", reason=name) == value
    only_if_known = {"vgw_tunnel_keepalive_rtt_seconds", "vgw_tunnel_last_proof_timestamp_seconds"}
    for name in {k for k in now.types if k.startswith("vgw_tunnel_")} - only_if_known:
        assert all(now.has(name[4:], tunnel=f"vgw0-{n}") for n in (1, 2)), name


def test_a_tunnel_that_is_down_stays_and_the_switch_has_its_reason(topo):
    for far in topo.fars.values():
        far.netem("u0", "delay 5ms")  # in the simulator nothing takes time by itself
    vgw = Vgw(topo, tunnel="keepalive 100ms", sas="in order")
    vgw.wait_active(1)
    time.sleep(1)
    before = metrics(topo)
    assert 0.005 <= before.tunnel(1, "keepalive_rtt_seconds") < 1
    assert abs(before.tunnel(1, "last_proof_timestamp_seconds") - time.time()) < 5
    assert not before.has("connection_last_switch_reason", reason="keepalive-missed")
    topo.fars[1].blackhole("u0")
    vgw.wait_state(1, "down")
    now = metrics(topo)
    assert now.tunnel(1, "state") == 0 and now.tunnel(2, "state") == 1
    assert now.tunnel(1, "status", status="down") == 1
    assert now.tunnel(1, "status", status="up") == 0
    assert now.tunnel(1, "keepalive_missed_total") > before.tunnel(1, "keepalive_missed_total")
    missed = {"reason": "keepalive-missed"}
    assert now("connection_switches_total", **missed) == 1 == sum(switches(now).values())
    assert len(switches(before)) > 10 and not any(switches(before).values())
    assert vgw.show()["switch_count"] == {"keepalive-missed": 1}
    assert now("connection_last_switch_reason", reason="keepalive-missed") == 1
    assert now("connection_last_switch_reason", reason="by-hand") == 0
    assert 0 < now("connection_last_switch_outage_seconds") < 5
    assert set(before.counters()) <= set(now.counters())
    inject.udp(topo.cli, CLI[4], SRV[4], 5, port=7000)
    vgw.drain(2)
    vgw.wait_active(None)
    inject.udp(topo.cli, CLI[4], SRV[4], 5, port=7000)
    name = "connection_dropped_packets_total"
    wait_for("drops", lambda: metrics(topo)(name, reason="tx-no-tunnel") >= 5)
    assert metrics(topo).tunnel(2, "drained") == 1


@pytest.mark.skipif(not SIM, reason="another two daemons under emulation: the simulator has it")
def test_counters_go_on_over_rekeys(topo):
    vgw = Vgw(topo, sas=False, tunnel="keepalive 200ms", tunnels={1: "preference 200"})
    charon = topo.ike()
    vgw.wait_up()
    vgw.wait_active(1)
    first = before = metrics(topo)
    for _ in range(3):
        assert topo.cli.run(f"ping -q -c 5 -i 0.01 -s 972 {SRV[4]}").stdout.count("5 received")
        spis = {sa["spi"] for sa in vgw.tunnel(1)["sas"]}
        charon.rekey("tunnel1")
        wait_for("new SAs", lambda old=spis: not old & {s["spi"] for s in vgw.tunnel(1)["sas"]})
        now = metrics(topo)
        less = {k: v for k, v in before.counters().items() if now.counters()[k] < v}
        assert less == {}
        before = now
    assert now.tunnel(1, "data_in_bytes_total") >= first.tunnel(1, "data_in_bytes_total") + 15000
    assert switches(now) == switches(first)


def test_alerts_and_the_dashboard_speak_of_metrics_that_there_are(topo):
    vgw = Vgw(topo)
    vgw.wait_up()
    known = set(metrics(topo).types)
    rules = yaml.safe_load((SHARED / "vgw.rules.yml").read_text(encoding="utf-8"))
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert all(rule["alert"].startswith("Vgw") and rule["annotations"] for rule in alerts)
    board = json.loads((SHARED / "dashboard.json").read_text(encoding="utf-8"))
    exprs = [rule["expr"] for rule in alerts]
    exprs += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    used = {name for expr in exprs for name in re.findall(r"\bvgw_[a-z_]+", expr)}
    assert len(used) > 8 and used <= known, used - known
    # A connection that is gone takes its series along: the count alone is left to tell.
    gone = [rule["expr"] for rule in alerts if rule["alert"] == "VgwConnectionGone"]
    assert gone == ["vgw_connections < max_over_time(vgw_connections[1h])"]
    topo.gw.run(["vgwctl", "del", "vgw0"])
    assert metrics(topo)("connections") == 0


def test_a_name_that_is_no_utf_8_loses_no_key(topo):
    """A device's name is bytes: what is no text is written as such, in JSON and in labels."""
    add = 'vgwctl add "$(printf "vgw\\377\\303\\244")" tunnel "$(printf "\\342\\202")" if_id 500'
    topo.gw.run(["sh", "-c", add])
    shown = topo.gw.run(["vgwctl", "-j", "show"]).stdout
    (conn,) = json.loads(shown)
    assert conn["ifname"] == "vgw\\xff\u00e4", shown
    assert conn["tunnels"][0]["ifname"] == "\\xe2\\x82"
    (finding,) = json.loads(topo.gw.run(["vgwctl", "-j", "check"], check=False).stdout)
    assert finding["text"].startswith(conn["ifname"]) and finding["ifname"] == conn["ifname"]
    names = {"connection": "vgw\\\\xff\u00e4", "tunnel": "\\\\xe2\\\\x82"}
    assert metrics(topo)("tunnel_state", **names) == 0


def test_every_one_of_many_connections_is_there(topo):
    for i in range(12):
        topo.gw.run(["vgwctl", "add", f"c{i}", "tunnel", "if_id", 500 + 2 * i,
                     "tunnel", "if_id", 501 + 2 * i])  # fmt: skip
    now = metrics(topo)
    assert now("connections") == 12
    assert sum(key[0] == "vgw_tunnel_state" for key in now.samples) == 24
    shown = topo.gw.run(["vgwctl", "top", "-b", "-n", 1]).stdout
    assert all(f" c{i}-2 " in shown for i in range(12)) and "more" not in shown
    for i in range(12):
        topo.gw.run(["vgwctl", "del", f"c{i}"])


def test_top_shows_rates_round_after_round(topo):
    for far in topo.fars.values():
        far.netem("u0", "delay 5ms")
    vgw = Vgw(topo, tunnel="keepalive 100ms", sas="in order")
    vgw.wait_active(1)
    topo.echo()
    stream = topo.stream(pps=100, size=200)
    time.sleep(0.5)
    shown = topo.gw.run(["vgwctl", "top", "-b", "-n", 3, "-d", "1s", "vgw0"]).stdout
    assert stream.stop().lost == 0
    rounds = shown.split("\n\n")[:-1]
    assert len(rounds) == 3, shown
    rows = [next(row.split() for row in each.splitlines() if "* vgw0-1" in row)
            for each in rounds]  # fmt: skip
    # *, name, state, bit/s in and out, packets in and out, rtt, loss, proof, drops
    assert rows[0][2:7] == ["up", "-", "-", "-", "-"], rows[0]
    for row in rows[1:]:
        rates = [float(row[5]), float(row[6])]
        assert all(95 < rate < 115 for rate in rates) if SIM else all(rates), row
        assert row[10] == "0" and row[7].endswith("s"), row
    gone = topo.gw.run(["vgwctl", "top", "-b", "-n", 1, "nothing"], check=False)
    assert gone.returncode == 2 and gone.stderr.startswith("vgwctl: top nothing: ")


def test_top_leaves_the_terminal_as_it_was(topo):
    vgw = Vgw(topo)
    vgw.wait_up()
    master, slave = pty.openpty()
    proc = topo.gw.popen(["vgwctl", "top", "-d", "100ms"], stdin=slave, stdout=slave,
                         env={**os.environ, "TERM": "xterm"})  # fmt: skip
    os.close(slave)
    said = b""
    while said.count(b"vgw0-2") < 3:
        said += os.read(master, 65536)
    os.write(master, b"q")
    assert proc.wait(10) == 0
    try:
        while True:
            said += os.read(master, 65536)
    except OSError:
        pass  # nobody holds the other end any more
    os.close(master)
    assert said.startswith(b"\x1b[?1049h") and said.endswith(b"\x1b[?1049l")
    assert b"\x1b[32mup" in said
