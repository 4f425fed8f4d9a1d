"""How a script of a peer and the process that measures it agree on what is measured."""

import json
import sys
import time

WARM_UP = 5
"""Graphs that run before: their numbers follow those that count."""


class Handshake:
    """`with Handshake():` around the work. It begins when told to, and the process stays until it was looked at."""

    def __enter__(self) -> None:
        """Say that all is warm; wait for the word."""
        print("ready", flush=True)
        sys.stdin.readline()
        self._began = time.monotonic()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Tell how long it took; wait until the CPU time was read."""
        if error is None:
            print(json.dumps({"seconds": time.monotonic() - self._began}), flush=True)
            sys.stdin.readline()
