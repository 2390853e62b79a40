"""Fixtures of every scenario: a fresh topology, and what must hold whatever the scenario did."""

import contextlib
import shutil
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from lab import SIM, out_dir  # noqa: E402 (the path above comes first)
from lab.capture import Capture  # noqa: E402
from lab.kmsg import Kmsg  # noqa: E402
from lab.sites import Sites  # noqa: E402
from lab.topo import Topo  # noqa: E402
from lab.xfrm import esp_offload  # noqa: E402


@pytest.fixture(scope="session")
def sim():
    """True in the simulator, where times may be asserted to the microsecond."""
    return SIM


def pytest_runtest_setup(item):
    item.failed = False
    item.evidence = out_dir(f"{item.path.stem}-{item.name}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Captures and daemon logs stay in $OUT/TEST only if the test fails."""
    report = (yield).get_result()
    item.failed = getattr(item, "failed", False) or report.failed
    if call.when == "teardown" and not item.failed and hasattr(item, "evidence"):
        shutil.rmtree(item.evidence, ignore_errors=True)


@pytest.fixture(autouse=True)
def kernel_is_silent():
    """A splat is the fault of the scenario during which it came."""
    log = Kmsg()
    yield
    assert not log.splats()


class Underlay:
    """What a scenario itself puts on the underlay in clear, as a pcap filter: none by default."""

    also_expected = ""


@pytest.fixture
def underlay():
    return Underlay()


@pytest.fixture
def offload():
    """offload(True); asked for before the topology, so that the modules go after its SAs."""
    with contextlib.ExitStack() as stack:
        yield lambda wanted: stack.enter_context(esp_offload(wanted))


@pytest.fixture
def make_topo(underlay):
    """make_topo(...) builds a Topo; each is checked for invariant 1 and removed at the end."""
    made = []

    def make(**options):
        made.append(Topo(**options))
        return made[-1]

    yield make
    try:
        for topo in made:
            topo.check(underlay.also_expected)
    finally:
        for topo in made:
            topo.close()
        if SIM:
            # The kernel still removes namespaces, and a sysctl that finds RTNL taken is written
            # again and again: with the clock standing still, that has no end.
            time.sleep(1)


@pytest.fixture
def make_sites():
    """make_sites(...) builds Sites, two ends that both run vgw, likewise."""
    made = []

    def make(**options):
        made.append(Sites(**options))
        return made[-1]

    yield make
    try:
        for sites in made:
            sites.check()
    finally:
        for sites in made:
            sites.close()


@pytest.fixture
def topo(make_topo):
    """The standard topology of lab/topo.py."""
    return make_topo()


@pytest.fixture
def topo_seen_from_afar(make_topo):
    """The same with captures at the far ends. While there are SAs and no connection, one in gw
    sees what XFRM let in again on the underlay's device."""
    topo = make_topo(capture=False)
    topo.captures += [Capture(far, "u0") for far in topo.fars.values()]
    return topo
