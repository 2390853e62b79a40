"""The fault table: what a fault cost, beside the best that can be had.

    table = Faults("sa-deleted", "SA deleted, standby ready", outage=0, lost=0, switches=1)
    for dice in table.seeds():               dice: random.Random of that seed
        ...
        table.row(outage=..., lost=...)      asserted against the bounds given above
    table.write()                            a line in $OUT/faults.jsonl, read by tests/faults/page

Figures: outage in seconds, lost, duplicated and reordered packets, switches; clear bytes are
asserted to be none by every scenario. VGW_SEEDS seeds a row, VGW_SEED the first.
"""

import json
import os
import random

from . import OUT, SIM

FIGURES = ("outage", "lost", "dup", "reordered", "switches")
SEEDS = int(os.environ.get("VGW_SEEDS", "1"))
FIRST = int(os.environ.get("VGW_SEED", "1"))


class Faults:
    def __init__(self, key, what, best, most=1000, **bounds):
        """most: seeds, where one takes too long for all of them."""
        self.key, self.what, self.best = key, what, best
        self.bounds = {"dup": 0, "reordered": 0, **bounds}
        self.rows = []
        self.n = min(SEEDS, most)

    def seeds(self):
        for seed in range(FIRST, FIRST + self.n):
            yield random.Random(seed)
            assert self.rows, "a seed without a figure"

    def row(self, why="", **figures):
        figures = {"dup": 0, "reordered": 0, **figures}
        for name, bound in self.bounds.items():
            if name in figures:
                assert figures[name] <= bound, (self.key, name, figures[name], bound, why)
        self.rows.append(figures)

    def stream(self, result, switches, pps, why=""):
        """Of a stream that had lasted through the fault."""
        self.row(
            (result, why), outage=max(0.0, result.longest_gap - 1 / pps), lost=result.lost,
            dup=result.dup, reordered=result.reordered, switches=switches,
        )  # fmt: skip

    def write(self):
        assert len(self.rows) == self.n, self.rows
        line = {
            "key": self.key, "what": self.what, "best": self.best, "bounds": self.bounds,
            "sim": SIM, "runs": len(self.rows), "rows": self.rows,
        }  # fmt: skip
        with open(os.path.join(OUT, "faults.jsonl"), "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        worst = {f: max(r[f] for r in self.rows) for f in FIGURES if f in self.rows[0]}
        print(f"{self.what}: {len(self.rows)} runs, worst {worst}")
