"""`make bench-growth`: what a run costs after 1,000, 10,000, … of them, on a simulated fleet. One line for each.

A fleet of one process: real coordinator and workers, twins of Kafka and Redis, virtual time.
"""

import json
import sys
from dataclasses import asdict

from argosy.telemetry import logs
from support.growth import grown

RUNS = (1_000, 10_000)


def main() -> None:
    """Grow to each number of runs that is given, ended and waiting."""
    logs.configure_library()
    for runs in [int(given) for given in sys.argv[1:]] or RUNS:
        for waiting in (False, True):
            print(json.dumps({"waiting": waiting, **asdict(grown(runs, waiting=waiting))}), flush=True)


if __name__ == "__main__":
    main()
