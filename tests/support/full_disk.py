"""A full disk, without the rights to make one: the files of a process may not grow beyond a size.

The kernel then fails a write with EFBIG where a full disk fails it with ENOSPC; all else is as real as it gets.
"""

import resource
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from typing import Final

LARGEST: Final = 256 * 1024
"""Bytes: room for logs, for small values never (they are inline), not for payloads of a megabyte."""


@contextmanager
def full_disk(pids: Iterable[int], largest: int = LARGEST) -> Generator[None]:
    """No file of these processes grows beyond so many bytes, until left."""
    found = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, most) in found.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, most))
    try:
        yield
    finally:
        for pid, limits in found.items():
            with suppress(ProcessLookupError):  # it may have ended of it
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def fill() -> None:
    """For `forks.PLUG`: a process whose disk is full from its beginning."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, resource.RLIM_INFINITY))
