"""Wrong clocks for real processes: with this folder on PYTHONPATH, the wall clock is off by what a file says.

`ARGOSY_TEST_CLOCKS` is a folder; the file has the name of the ready file (`worker-1`), or `command`. It holds seconds,
and may change at any time: then the clock jumps. Monotonic clocks stay as they are, as they do on a real host.
"""

import os
import sys
import time
from pathlib import Path


def _install(folder: str) -> None:
    words = sys.orig_argv
    ready = words[words.index("--ready-file") + 1] if "--ready-file" in words[:-1] else "command"
    file, steady = Path(folder) / Path(ready).stem, time.monotonic
    real, real_ns = time.time, time.time_ns
    seen = [-1.0, 0.0]  # when the file was read last, and what it said

    def off() -> float:
        if steady() - seen[0] > 0.05:  # not each time: logs ask very often
            seen[0] = steady()
            seen[1] = float(file.read_text("ascii") or "0") if file.exists() else 0.0
        return seen[1]

    time.time = lambda: real() + off()
    time.time_ns = lambda: real_ns() + int(off() * 1e9)


if "ARGOSY_TEST_CLOCKS" in os.environ:
    _install(os.environ["ARGOSY_TEST_CLOCKS"])
