"""What scenarios are made of: namespaces, links, far ends, SAs, IKE daemons, captures and traffic.

    netns.py     network namespaces, veth links, netem, commands run inside
    xfrm.py      manual SA pairs and policies; stock xfrm and vti devices
    ike.py       strongSwan daemons, each in its own network and mount namespace
    capture.py   underlay captures and the search for inner bytes in them (invariant 1)
    traffic.py   sequence-numbered UDP streams: lost, duplicate, reordered, longest gap
    topo.py      the standard topology that most scenarios use
    spec.py      the YNL specification, for tests of requests
    kmsg.py      the kernel's log between two moments

Time is CLOCK_MONOTONIC throughout, so the same scenario runs in QEMU and under virtual time.
Nothing busy-waits: in the simulator a process that spins stops the clock.
"""

import os
import re

SIM = os.environ.get("LAB_KERNEL") == "sim"
# Seconds that CPUs may take for anything; the simulator's take none.
LATE = 0 if SIM else 2
OUT = os.environ.get("OUT", "/tmp")


def out_dir(test=None):
    """Where the running test leaves captures and logs; conftest.py removes it if the test passes.

    Called with the name of a test when that test begins.
    """
    global _out_dir
    if test:
        _out_dir = os.path.join(OUT, re.sub(r"[^\w.-]+", "_", test).strip("_"))
    os.makedirs(_out_dir, exist_ok=True)
    return _out_dir


_out_dir = OUT
