"""What `argosy plan-capacity` reckons with: sizes and times that the bench measured, each with where it comes from.

`plan_capacity.json` is written by `make bench-capacity`; what is assumed stands in it too, and says so.
"""

from functools import cache
from importlib.resources import files
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

FILE: Final = "plan_capacity.json"

Bytes = Annotated[int, Field(ge=0)]
Micros = Annotated[float, Field(ge=0)]
Share = Annotated[int, Field(gt=0, le=1000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Records(_Part):
    """Bytes in Kafka: of a record as it lies in a batch, without the values that it carries."""

    submitted: Bytes
    accepted: Bytes
    dispatched: Bytes
    settled: Bytes
    ended: Bytes
    changed: Bytes
    """Of `states.changed`, for people who watch: at most one for each result, and one that a handler runs on."""
    batch: Bytes
    """The head of a batch: at worst each record has one of its own."""
    wrapped: Bytes
    """Around a value that lies in a record."""
    reference: Bytes
    """Of a value that lies in the payload store."""
    listed: Bytes
    """What is told of a list that a map is spread over, without the list."""
    traceparent: Bytes
    """Of each task that a traced task joins."""
    pipeline: Bytes
    """A compiled pipeline of one task."""
    layer: Bytes
    """Each further step of it, with its agent."""


class Held(_Part):
    """Bytes in Redis, without values."""

    run: Bytes
    """A run that has begun, without its pipeline's document."""
    layer: Bytes
    """What each further map adds to it, its document and tasks aside."""
    task: Bytes
    """A task that has ended."""
    waiting: Bytes
    """What a run that waits has more: its timer."""
    out: Bytes
    """A task that is out: when to send it again, and its claim."""
    ended: Bytes
    """What is left of a run that has ended."""
    counted: Bytes
    """How much more a task counts against the fleet's bound of bytes than it takes: the bound is careful."""


class Cpu(_Part):
    """Microseconds of CPU: for each run, for each task, and for each KiB of a task's value."""

    run: Micros
    task: Micros
    kib: Micros

    def of(self, tasks: float, payload_kib: float) -> float:
        """Give the microseconds of a run of so many tasks."""
        return self.run + tasks * (self.task + payload_kib * self.kib)


class Cpus(_Part):
    """Of the four kinds of processes."""

    coordinator: Cpu
    worker: Cpu
    kafka: Cpu
    redis: Cpu


class Memory(_Part):
    """Resident memory of a process with nothing to do."""

    coordinator_mib: int
    worker_mib: int
    handler_kib: int
    """More for each handler that waits for its model."""


class Assumed(_Part):
    """Not measured: what operators do."""

    busy: Share
    """Per mille of a core that may be used at the peak: what is above it makes queues."""
    redis_full: Share
    """Per mille of `maxmemory` that may be used: the rest is for fragments, clients, and the copy while it saves."""
    peak_seconds: int
    """How long a peak lasts."""
    kafka_mib_per_second: int
    """What a broker is given to write."""
    kafka_partitions: int
    """What a broker is given to hold."""


class Constants(_Part):
    """All of it."""

    made: dict[str, str]
    """When and on what it was measured."""
    sources: dict[str, str]
    """Where each comes from, by its name or that of the part: `records`, `cpu.redis`, `assumed.busy`."""
    records: Records
    held: Held
    cpu: Cpus
    checked: dict[str, float]
    """CPU that was reckoned, as a multiple of what was then measured, of a shape that `cpu` was not taken from."""
    memory: Memory
    assumed: Assumed


@cache
def constants() -> Constants:
    """Read the ones that come with the package."""
    return Constants.model_validate_json(files("argosy.console").joinpath(FILE).read_bytes())
