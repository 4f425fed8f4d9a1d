"""Whether clocks agree: what a process says of its own time, against Redis's."""

from argosy.broker.presence import TTL_SECONDS, Present
from argosy.console.check import Check, Verdict, ok
from argosy.console.moments import length
from argosy.console.numbers import counted

NEAR_SECONDS = 5.0
"""Clocks may differ by so much: times in histories and in the output of tools are then off by it."""


def clocks_of(there: Present) -> list[Check]:
    """Judge the clocks of all processes that are there; each said its time within the last `TTL_SECONDS`."""
    near_ms = NEAR_SECONDS * 1000
    checks: list[Check] = []
    for process in there.processes:
        ahead_ms = process.at_ms - there.server_ms
        off_ms = max(ahead_ms, -ahead_ms - TTL_SECONDS * 1000)  # it may have said so a while ago
        if off_ms > near_ms:
            way = "ahead of" if ahead_ms > 0 else "behind"
            found = f"{process.role} {process.name}: its clock is {length(off_ms / 1000)} {way} Redis's"
            why = "no deadline and no lease is judged by it, but times in histories, logs and traces are off by it"
            checks.append(Check("clocks", Verdict.WARNING, found, why, "set its host's clock by NTP"))
    if there.processes and not checks:
        checks.append(
            ok("clocks", f"of {counted(len(there.processes), 'process', 'processes')} agree with Redis's")
        )
    return checks
