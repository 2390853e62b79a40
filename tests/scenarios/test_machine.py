"""The machine itself falters, under traffic: no switch, no loss that lasts, no splat.

    cli ----- gw =====vgw0-1===== far1 (10.20.0.1)
               \\======vgw0-2===== far2 (10.20.0.1)

All hosts are in the same machine: what it misses, all of them miss.
"""

import os
import time
from pathlib import Path

import pytest
from lab import SIM
from lab.vgw import Vgw

pytestmark = pytest.mark.skipif(
    SIM, reason="two CPUs, sleep and starvation: the simulator has one CPU and virtual time"
)

FAST = "keepalive 100ms misses 5"
CPU = Path("/sys/devices/system/cpu/cpu1/online")
POWER = Path("/sys/power")


def begin(topo, pps=200):
    vgw = Vgw(topo, tunnel=FAST, tunnels={1: "preference 200"}, sas="in order")
    vgw.wait_up()
    vgw.wait_active(1, 60)
    topo.echo()
    events = vgw.monitor()
    stream = topo.stream(pps=pps)
    time.sleep(1)
    return vgw, events, stream


def end(vgw, events, stream):
    """Nothing happened that anybody was told of."""
    time.sleep(1)
    result = stream.stop()
    assert events.all("switch") == [] and vgw.switches() == 0, events.story()
    assert [e for e in events.all("state") if e["new"] == "down"] == [], events.story()
    assert set(result.by) == {"far1"}, result
    return result


@pytest.mark.skipif(not CPU.exists(), reason="one CPU: nothing to unplug")
def test_a_cpu_is_unplugged_and_comes_back(topo):
    vgw, events, stream = begin(topo)
    before = vgw.stats(1)
    try:
        for _ in range(3):
            CPU.write_text("0")
            time.sleep(0.5)
            gone = vgw.stats(1)
            # What the CPU that is gone had counted still counts.
            assert {k: v for k, v in before.items() if gone[k] < v} == {}
            CPU.write_text("1")
            time.sleep(0.5)
            before = vgw.stats(1)
    finally:
        CPU.write_text("1")
    result = end(vgw, events, stream)
    # What waited in a queue of that CPU.
    assert result.lost <= 20, result


def test_tasks_are_frozen_as_for_sleep_and_thawed(topo):
    """The kernel's own rehearsal (pm_test) for five seconds; virtio's 9p does not outlive more."""
    vgw, events, stream = begin(topo)
    (POWER / "pm_test").write_text("freezer")
    frozen = time.monotonic()
    try:
        (POWER / "state").write_text("mem")
    finally:
        (POWER / "pm_test").write_text("none")
    frozen = time.monotonic() - frozen
    assert frozen > 4, frozen
    end(vgw, events, stream)


def test_a_machine_that_gets_no_cpu_for_long_leaves_no_tunnel(topo):
    """Four seconds are six times what would take a tunnel down."""
    vgw, events, stream = begin(topo)
    last, latest = time.monotonic(), 0
    until = last + 60
    # Shorter than acpi_pm's counter takes to wrap: the guest is to see all of it.
    (Path(os.environ["OUT"]) / "stall").write_text("4")
    while latest < 2 and last < until:
        time.sleep(0.05)
        now = time.monotonic()
        latest, last = max(latest, now - last), now
    assert latest > 2, f"the machine was never stopped: {latest} s late at most"
    end(vgw, events, stream)
