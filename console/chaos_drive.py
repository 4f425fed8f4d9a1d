"""One chaos run from its start to its verdict: load, faults, quiet, judgement."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from aiokafka.errors import KafkaError

from argosy.broker.redis import RedisStore
from argosy.broker.topics import TopicNames
from argosy.console.app_facts import AppFacts
from argosy.console.chaos_again import run_again
from argosy.console.chaos_arena import SUBMITTER, Arena, Shape, open_arena, start_submitter
from argosy.console.chaos_clerk import answer_the_rest
from argosy.console.chaos_clock import stop_the_clock
from argosy.console.chaos_progress import Answered, Progress
from argosy.console.chaos_strikes import hit
from argosy.console.chaos_verdict import Sleep, Told, judged
from argosy.console.output import note
from argosy.schemas.errors import ArgosyError
from argosy.testing.chaos_bounds import Snapshot
from argosy.testing.chaos_load import Journal
from argosy.testing.chaos_plan import KINDS, Kind, Pace, Strike, plan
from argosy.testing.chaos_report import Report, StrikeReport
from argosy.testing.leftovers import leftovers
from argosy.testing.outside import Witness

_LOOK_SECONDS: Final = 0.25
_TELL_SECONDS: Final = 5.0
_SNAPSHOT_SECONDS: Final = 3.0
_RECOVERED_SECONDS: Final = 180.0
"""A fault that has not ended by itself this long after its time is told as an error. One that was killed starts anew
under the next faults: each start that finds Kafka away, or a line that stands still, gives up after half a minute."""


@dataclass(frozen=True)
class Order:
    """What is wanted."""

    shape: Shape
    pace: Pace
    """With a total, its seconds only bound the faults' plan."""
    seed: int
    kinds: tuple[Kind, ...] = KINDS
    may_fail: bool = False
    quiet_seconds: float = 180.0
    """How long runs may take to end after the last fault."""


@dataclass
class Drive:
    """A run under way."""

    arena: Arena
    order: Order
    enough: asyncio.Event
    """Set: no more runs and faults, what there is will be judged."""
    started: float = field(default_factory=time.monotonic)
    started_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    told: list[StrikeReport] = field(default_factory=list[StrikeReport])
    sleeps: list[Sleep] = field(default_factory=list[Sleep])
    losses: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    snapshots: list[Snapshot] = field(default_factory=list[Snapshot])
    under_way: dict[int, Strike] = field(default_factory=dict[int, Strike])

    def __post_init__(self) -> None:
        """Read the journal from its beginning."""
        self.journal = Journal(self.arena.load.journal)
        self.answered = Answered(TopicNames(self.arena.settings.kafka.topic_prefix).results)

    @property
    def now(self) -> float:
        """Seconds since the load began."""
        return time.monotonic() - self.started

    @property
    def clock(self) -> str:
        """The same for people."""
        return f"{int(self.now) // 60:02d}:{int(self.now) % 60:02d}"

    async def run(self) -> Report:
        """Return the report when all is quiet again, or should be."""
        await start_submitter(self.arena)
        self.started, self.started_ms = time.monotonic(), time.time_ns() // 1_000_000
        strikes = plan(self.order.seed, self.order.pace, self.arena.cast, self.order.kinds)
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            watching = [
                group.create_task(self._tell(), name="tell"),
                group.create_task(self._snap(), name="snapshots"),
            ]
            hurting = group.create_task(self._hurt(strikes, over), name="faults")
            if self.arena.shape.own:
                group.create_task(run_again(self.arena, self.journal, over), name="run again")
            await self._until_load_is_over()
            over.set()
            await self._stop_load()
            watching.append(
                group.create_task(answer_the_rest(self.arena, self.journal), name="answer the rest")
            )
            await hurting
            for links in self.arena.links.values():
                for link in links:
                    link.clear()
            slots = await stop_the_clock(self.arena) if self.arena.shape.own else {}
            note("faults are over; waiting until every run has ended and all is at rest")
            trouble = await self._until_quiet()
            for task in watching:
                task.cancel()
        note("judging: every record of Kafka, every key of Redis, every row of the ledger")
        return await judged(
            self.arena,
            Told(
                seed=self.order.seed,
                calm_seconds=self.order.pace.calm_seconds,
                quiet_seconds=self.order.quiet_seconds,
                may_fail=self.order.may_fail,
                started_ms=self.started_ms,
                seconds=self.now,
                strikes=sorted(self.told, key=lambda strike: strike.number),
                sleeps=self.sleeps,
                losses=self.losses,
                snapshots=self.snapshots,
                journal=self.journal,
                slots=slots,
                trouble=trouble,
                interrupted=self.enough.is_set(),
            ),
        )

    async def _until_load_is_over(self) -> None:
        """Wait until the time is up, or the submitter has seen the end of all that it was to submit."""
        total = self.arena.load.total
        while not self.enough.is_set():
            self.journal.look()
            if self.now >= self.order.pace.seconds if total is None else len(self.journal.ended) >= total:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _stop_load(self) -> None:
        """Stop the submitter; not while a fault that has killed it waits for it to come back."""
        await asyncio.sleep(0)  # a fault may be about to begin
        while any(SUBMITTER in strike.victims for strike in self.under_way.values()):  # noqa: ASYNC110 - seldom, and short
            await asyncio.sleep(_LOOK_SECONDS)
        if self.arena.load.total is None or self.enough.is_set():
            await self.arena.stack.supervisor.stop(SUBMITTER)

    # -- faults

    async def _hurt(self, strikes: list[Strike], over: asyncio.Event) -> None:
        late = 0.0
        async with asyncio.TaskGroup() as group:
            for strike in strikes:
                if strike.at + late > self.order.pace.seconds:
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, strike.at + late - self.now)):
                        await over.wait()
                if over.is_set():
                    return  # what is under way is waited for
                struck = group.create_task(self._strike(strike), name=str(strike))
                if self.order.pace.alone:
                    await asyncio.wait({struck})
                    # Until a server is up again counts for nobody's pause.
                    late = max(late, self.now - strike.at - strike.seconds)

    async def _strike(self, strike: Strike) -> None:
        note(f"{self.clock}  {strike.kind.code:<4} {strike}")
        began, at = time.monotonic(), self.now
        self.under_way[strike.number] = strike
        asleep = self._asleep(strike)
        said, error = "", ""
        try:
            async with asyncio.timeout(strike.seconds + _RECOVERED_SECONDS):
                said = await hit(self.arena, strike)
        except* (ArgosyError, KafkaError, OSError, TimeoutError) as several:
            problem = _first(several)
            error = f"{type(problem).__name__}: {str(problem) or 'it was not over in time'}"
            note(f"{self.clock}  {strike.kind.code:<4} {strike.kind.name} went wrong: {error}")
        ended = time.monotonic()
        # What it stopped may wake a lease later; what it took away may be missed until Redis was read again.
        after = ended + 2 * self.arena.shape.lease_seconds
        self.sleeps += [Sleep(pid, began, after) for pid in asleep]
        if strike.kind.forgets:
            self.losses.append((began, after))
        del self.under_way[strike.number]
        self.told.append(
            StrikeReport(
                number=strike.number,
                kind=strike.kind.name,
                code=strike.kind.code,
                victims=strike.victims,
                at=at,
                ended=self.now,
                said=said,
                error=error,
            )
        )

    def _asleep(self, strike: Strike) -> list[int]:
        """Return the processes that may stand still by this fault: promise 3 says what they may do as they wake."""
        if not strike.kind.sleeps:
            return []
        if strike.kind.target == "link":
            names = [name for link in strike.victims for name in self.arena.behind[link]]
        elif strike.kind.target == "own":
            names = [name for name, agents in self.arena.crew.items() if "blocking" in agents]
        else:
            names = list(strike.victims)
        return [self.arena.pid(name) for name in names]

    # -- looking on

    async def _tell(self) -> None:
        pace = Progress(self.answered)
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            self.journal.look()
            acknowledged = [self.arena.load.run_id(number) for number in self.journal.acknowledged]
            hurts = ", ".join(strike.kind.name for strike in self.under_way.values()) or "none just now"
            note(f"{self.clock}       {pace.tell(acknowledged)}; faults so far {len(self.told)}, {hurts}")

    async def _snap(self) -> None:
        """Note committed offsets of work, then where the lanes end: what lies below the first must be in the second."""
        names = self.arena.settings.kafka.topic_prefix
        while True:
            try:
                async with Witness(self.arena.stack.bootstrap_servers, names) as witness:
                    while True:
                        committed = await witness.committed()
                        ends = await witness.ends()
                        work = {
                            where: offset
                            for group, offsets in committed.items()
                            if ".agent." in group
                            for where, offset in offsets.items()
                        }
                        lanes = {where[1]: end for where, end in ends.items() if where[0] == f"{names}.runs"}
                        self.snapshots.append(Snapshot(work, lanes))
                        await self.answered.look(witness)
                        await asyncio.sleep(_SNAPSHOT_SECONDS)
            except (KafkaError, OSError):
                await asyncio.sleep(_SNAPSHOT_SECONDS)

    async def _until_quiet(self) -> str:
        """Wait until nothing is unread and nothing left over; return what still is when the time is up."""
        store = RedisStore(self.arena.settings.redis)
        until = time.monotonic() + self.order.quiet_seconds
        trouble = "it was not looked at"
        try:
            while time.monotonic() < until:
                await asyncio.sleep(_LOOK_SECONDS)
                try:
                    trouble = await self._trouble(store)
                except (ArgosyError, KafkaError, OSError) as error:
                    trouble = str(error)
                if not trouble:
                    return ""
            return trouble
        finally:
            await store.close()

    async def _trouble(self, store: RedisStore) -> str:
        prefix = self.arena.settings.redis.key_prefix
        async with Witness(self.arena.stack.bootstrap_servers, prefix) as witness:
            lag = await witness.lag()
        left = await leftovers(store, prefix)
        return f"unread {dict(Counter(lag).most_common(5))}, left over {left[:10]}" if lag or left else ""


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


async def run_chaos(
    folder: Path,
    facts: AppFacts,
    order: Order,
    then: Callable[[Report], Awaitable[None]],
    enough: asyncio.Event,
) -> Report:
    """Start everything, run, judge, and stop everything. `then` is told before the fleet is stopped.

    Once `enough` is set there are no more runs and faults, and what there is is judged.
    """
    async with open_arena(folder, order.shape, facts) as arena:
        processes = len(arena.cast.workers) + len(arena.cast.coordinators) + 1
        note(
            f"up: {processes} processes, Kafka and Redis; seed {order.seed}; logs in {arena.folder / 'logs'}"
        )
        report = await Drive(arena, order, enough).run()
        await then(report)
        return report
