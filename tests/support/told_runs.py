"""Runs of a simulated fleet as the command line reads them: out of the run log."""

from typing import Any

from argosy.broker.store import Payloads
from argosy.console.run_history import History, Logged, take
from argosy.schemas.runlog import LogMessage
from argosy.testing.fleet import Fleet
from argosy.testing.fleet_run import FleetRun
from argosy.testing.history import read_all


def told(fleet: Fleet, run: FleetRun[Any] | str) -> History:
    """Read a run's history."""
    run_id = run if isinstance(run, str) else run.run_id
    world = fleet._stage.world  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the log that the command line would read
    found = History(run_id)
    for one in read_all(world.broker, world.names.runs):
        if one.envelope.subject == run_id and isinstance(one.body, LogMessage):
            record = one.record
            take(found, Logged(record.partition, record.offset, record.timestamp_ms, one.envelope, one.body))
    return found


def payloads_of(fleet: Fleet) -> Payloads:
    """Give its payload store."""
    return fleet._stage.world.payloads  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as `told`
