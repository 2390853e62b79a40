"""The kernel's log between two moments, so that a splat is blamed on its scenario."""

import os
import re

SPLAT = re.compile(
    r"BUG:|WARNING:|\bRIP:|Call Trace:|KASAN|UBSAN|possible (circular|recursive)"
    # Trackers say so when a fault was put into their own memory.
    r"|ref_tracker:(?! memory allocation failure)|suspicious RCU|ODEBUG"
    r"|to become free|blocked for more than|soft lockup|Oops|refcount_t:"
    r"|sleeping function|scheduling while atomic"
)


class Kmsg:
    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.lseek(self.fd, 0, os.SEEK_END)

    def lines(self):
        """What the kernel said since the last call."""
        found = []
        while True:
            try:
                record = os.read(self.fd, 8192)
            except BlockingIOError:
                return found
            except BrokenPipeError:
                continue  # overwritten while we were away: the next read goes on with the oldest
            found.append(record.decode("utf-8", "replace").partition(";")[2].rstrip("\n"))

    def splats(self):
        return [line for line in self.lines() if SPLAT.search(line)]
