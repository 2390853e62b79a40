# SPDX-License-Identifier: GPL-2.0
"""What the generated pages of Documentation/ share."""


def table(rows, names=0):
    """A simple table: a head, figures to the right, the first so many columns to the left."""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    line = "  ".join("=" * w for w in widths)
    text = [
        "  ".join(
            cell.ljust(w) if head or column < names else cell.rjust(w)
            for column, (cell, w) in enumerate(zip(row, widths))
        ).rstrip()
        for head, row in zip([True] + [False] * len(rows), rows)
    ]
    return "\n".join([line, text[0], line, *text[1:], line]) + "\n"
