"""What all processes of one command take together: what no limit of a single process can say."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from argosy.agents.sandbox_limits import Limits

Excess = Literal["memory", "processes", "cpu"]
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_CPU_FIELDS: Final = slice(11, 15)
_THREADS_FIELD: Final = 17
_RSS_FIELD: Final = 21
"""In /proc/PID/stat behind the name: proc(5) counts them from 3."""


@dataclass(frozen=True, slots=True)
class Taken:
    """At one moment. Threads count as processes: the kernel has no other word for them either."""

    processes: int
    memory_bytes: int
    cpu_seconds: float


def taken_by(pid: int) -> Taken:
    """Add up a process and all that descend from it. Nothing, where there is no /proc."""
    processes, memory, cpu = 0, 0, 0.0
    for each in _tree(pid):
        try:
            fields = (
                Path(f"/proc/{each}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
            )
        except OSError:
            continue  # ended meanwhile
        processes += int(fields[_THREADS_FIELD])
        memory += int(fields[_RSS_FIELD]) * _PAGE_BYTES
        cpu += sum(map(int, fields[_CPU_FIELDS])) / _TICKS
    return Taken(processes, memory, cpu)


def excess(taken: Taken, limits: Limits, *, own: int) -> Excess | None:
    """Say what is more than allowed; `own` processes are the sandbox's."""
    if taken.processes - own > limits.processes:
        return "processes"
    if taken.memory_bytes > limits.memory_bytes:
        return "memory"
    if taken.cpu_seconds > limits.cpu_seconds:
        return "cpu"
    return None


def _tree(pid: int) -> Iterator[int]:
    found = [pid]
    while found:
        each = found.pop()
        yield each
        try:
            for thread in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (thread / "children").read_text("ascii").split())
        except OSError:
            continue
