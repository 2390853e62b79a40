"""A sample of `make oracle`: the kernel's own pmtu.sh, once with vti and once with vgw tunnels."""

import os
import subprocess
from pathlib import Path

import pytest
from lab import SIM

RUN = Path(__file__).parents[1] / "oracle/run"


@pytest.mark.skipif(not SIM, reason="make oracle runs all of it")
@pytest.mark.skipif(not Path(os.environ["LAB_SOURCE"]).is_dir(), reason="no kernel source")
def test_the_kernels_own_pmtu_test_says_of_vgw_what_it_says_of_vti():
    done = subprocess.run(
        [RUN, "pmtu/pmtu_vti4_exception"], stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
