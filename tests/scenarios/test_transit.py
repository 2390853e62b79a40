"""Two private networks and an office through a transit router (topology 7).

    office       10.1.0.0/24, AS 65001 ===c1=== .---------.
    private net  10.2.0.0/24, AS 64512 ===c2=== | transit | AS 65000, all of it in one VRF
    private net  10.3.0.0/24, AS 64512 ===c3=== '---------'

The rest is test_cloudhub.py's, with topologies/transit/.
"""

import pytest
from lab import LATE
from lab.cloud import figures
from test_cloudhub import BOUND, PPS, Hub, between, inside, running, silent_for_a_while


class Transit(Hub):
    topology, own = "transit", None


@pytest.fixture
def transit():
    yield from running(Transit())


def test_each_reaches_each_and_a_silent_path_costs_the_keepalives_bound(transit):
    # Routes are transitive; the transit router stands for the AS of both private networks.
    assert transit.frr[1].paths("10.3.0.0/24")[0] == (inside(1, 1, True), "65000 64512", True)
    assert transit.frr[2].paths("10.3.0.0/24")[0] == (inside(2, 1, True), "65000 65000", True)
    sessions = transit.sessions()
    pairs = {"office to private network": (1, 2), "private network to the other": (2, 3),
             "office to the other private network": (1, 3)}  # fmt: skip
    # A responder's port is its own: one site answers two.
    running_now = {what: between(transit, a, b, pps=PPS, port=7000 + i)
                   for i, (what, (a, b)) in enumerate(pairs.items())}  # fmt: skip
    silent_for_a_while(transit, 2)
    for what, (echo, stream) in running_now.items():
        result = stream.stop()
        echo.stop()
        outage = result.longest_gap - 1 / PPS
        figures("transit", f"private network's path silent, {what}", outage=outage,
                lost=result.lost, sent=result.sent, dup=result.dup)  # fmt: skip
        touched = 2 in pairs[what]
        bound = (BOUND + 0.05 if touched else 0.001) + LATE
        assert outage <= bound and result.dup == 0, (what, result)
        assert result.lost <= (bound * PPS if touched else 0), (what, result)
    assert transit.sessions() == sessions
