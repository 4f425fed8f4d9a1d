"""Become another program that the kernel kills when the process that started it dies.

Run by path, as `python -I -S lifeline.py PARENT_PID PROGRAM [ARG…]`, so it imports next to nothing (20 ms). A
`preexec_fn` would do the same, but it runs Python between fork and exec, which can deadlock beside threads.
Only Linux can promise it (prctl(2), PR_SET_PDEATHSIG; it survives execve); elsewhere this is a plain exec,
and the next command reaps what was left, see `argosy.console.process`.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie_to(parent_pid: int) -> None:
    """Ask for SIGKILL at the parent's death; SIGTERM could be ignored, and then something is left running."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it died before we asked
        sys.exit("the process that started this one is gone")


if __name__ == "__main__":
    tie_to(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  # exec is this file's whole purpose; no shell is wanted
