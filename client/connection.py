"""A producer's connection to a fleet."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack, overload

from pydantic import JsonValue, TypeAdapter

from argosy.broker.cluster import KafkaCluster
from argosy.broker.log import Cluster
from argosy.broker.payloads import ObstorePayloads
from argosy.broker.redis import RedisStore
from argosy.broker.store import Payloads, Store
from argosy.broker.topics import TopicNames
from argosy.client import awaited, said
from argosy.client.answers import Answers, Question
from argosy.client.awaited import Awaited
from argosy.client.links import Links
from argosy.client.many import in_order
from argosy.client.options import RunOptions, WhenBusy
from argosy.client.receipt import Receipt
from argosy.client.room import Room
from argosy.client.run import Run
from argosy.client.start import put_input, start
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.ids import new_run_id
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.result import Full
from argosy.schemas.runlog import OnSpent
from argosy.schemas.settings import Settings
from argosy.telemetry import logs

In = TypeVar("In")
Out = TypeVar("Out")

IN_FLIGHT: Final = 256
"""Submits under way at once, unless said otherwise: enough to fill batches, few enough to be acknowledged in time."""

_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


class Argosy:
    """An open connection, for any number of tasks. Made by `connect`, used by `async with`."""

    def __init__(self, settings: Settings, cluster: Cluster, store: Store, payloads: Payloads) -> None:
        """Use what is given, and close none of it: `connect` is for everybody but tests and compositions."""
        names = TopicNames(settings.kafka.topic_prefix)
        self._settings, self._cluster, self._store, self._payloads = settings, cluster, store, payloads
        self._names = names
        self._answers = Answers(cluster.follower(names.results))
        self._room = Room(store, settings.redis.key_prefix)
        self._links: Links | None = None
        self._reading: asyncio.Task[None] | None = None
        self._open = AsyncExitStack()

    @classmethod
    def connect(cls, settings: Settings | None = None) -> Self:
        """Connect to the configured fleet: `async with Argosy.connect() as fleet`.

        Settings come from where they always come from.
        """
        settings = settings or Settings()
        logs.configure_library()
        cluster, store = KafkaCluster(settings.kafka, "argosy-client"), RedisStore(settings.redis)
        made = cls(settings, cluster, store, ObstorePayloads(settings.payloads))
        made._open.push_async_callback(cluster.close)
        made._open.push_async_callback(store.close)
        return made

    async def __aenter__(self) -> Self:
        """Begin to read answers.

        Raises Unreachable at Kafka's deadline, ConfigurationError if the fleet has no topics.
        """
        await self._open.__aenter__()
        try:
            await self._answers.start()
            self._open.push_async_callback(self._answers.close)
            producer = await self._cluster.producer()
        except BaseException:
            await self._open.aclose()
            raise
        reading = asyncio.create_task(self._answers.run(), name="read answers")
        self._open.push_async_callback(_ended, reading)
        self._reading = reading
        source = f"argosy/client/{socket.gethostname()}-{os.getpid()}"
        cluster, store, payloads = self._cluster, self._store, self._payloads
        self._links = Links(
            self._settings, self._names, cluster, producer, store, payloads, self._answers, source
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop reading; close what `connect` opened. Runs go on."""
        await self._open.__aexit__(kind, error, traceback)

    @overload
    async def submit(
        self,
        pipeline: Pipeline[In, Out],
        value: In,
        *,
        run_id: str | None = None,
        priority: int = 5,
        deadline_seconds: float | None = None,
        untrusted: bool = False,
        tenant: str | None = None,
        budget: int | None = None,
        budget_micros: int | None = None,
        on_spent: OnSpent = "fail",
        ask_seconds: float | None = None,
        when_busy: WhenBusy = "wait",
    ) -> Run[Out]: ...

    @overload
    async def submit(
        self,
        pipeline: str | CompiledPipeline,
        value: JsonValue,
        *,
        run_id: str | None = None,
        priority: int = 5,
        deadline_seconds: float | None = None,
        untrusted: bool = False,
        tenant: str | None = None,
        budget: int | None = None,
        budget_micros: int | None = None,
        on_spent: OnSpent = "fail",
        ask_seconds: float | None = None,
        when_busy: WhenBusy = "wait",
    ) -> Run[JsonValue]: ...

    async def submit(  # noqa: PLR0913 - the options of a run, all by name
        self,
        pipeline: Pipeline[Any, Any] | str | CompiledPipeline,
        value: Any,
        *,
        run_id: str | None = None,
        priority: int = 5,
        deadline_seconds: float | None = None,
        untrusted: bool = False,
        tenant: str | None = None,
        budget: int | None = None,
        budget_micros: int | None = None,
        on_spent: OnSpent = "fail",
        ask_seconds: float | None = None,
        when_busy: WhenBusy = "wait",
    ) -> Run[Any]:
        """Start a run; when this returns, it will end, or be refused with a reason, whatever dies.

        A repeat with the same `run_id` and data changes nothing and has the same result; other data:
        RunConflict at the result. A pipeline of Python is sent along; a name means a published one, and takes
        JSON. `untrusted`: the value may hold content of strangers (a document, a web page, a mail): it is
        tainted, and so is all that is made of it. `budget` (tokens) and `budget_micros` (money, in millionths) are
        what all model calls of the run may take together: a call that might go over it fails its task, or
        (`on_spent="ask"`) lets it wait until somebody raises the budget, for `ask_seconds` at most. `when_busy`:
        where the fleet has as many runs under way as it may hold, this waits for room, or raises Busy, which says
        when to try again; a repeat of a known run never does either. A fleet that fills up meanwhile raises Busy
        at the result, or is waited for there.

        Raises BadArgument or InvalidInput (the value is too large, or isn't what the pipeline takes) before
        anything is sent, Unreachable at the send deadline: the run may exist, repeat it with the same id.
        """
        self._linked()
        run_id = new_run_id() if run_id is None else said.run_id_of(run_id)
        said.pipeline_of(pipeline)
        submit = said.message_of(
            RunSubmitted,
            "submit",
            pipeline=pipeline.compile() if isinstance(pipeline, Pipeline) else pipeline,
            priority=priority,
            deadline_seconds=deadline_seconds,
            untrusted=untrusted,
            tenant=tenant,
            budget=budget,
            budget_micros=budget_micros,
            on_spent=on_spent,
            ask_seconds=ask_seconds,
            when_busy=said.when_busy_of(when_busy),
        )
        submit = submit.model_copy(update=await put_input(self._linked(), said.input_of(pipeline, value)))
        name = pipeline if isinstance(pipeline, str) else f"{pipeline.name}@{pipeline.version}"
        decode = pipeline.gives.decode if isinstance(pipeline, Pipeline) else _JSON.validate_python
        return await start(self._linked(), self._room, run_id, submit, name, decode)

    async def full(self, pipeline: str) -> Full | None:
        """Say which bound keeps another run of a pipeline waiting; None: there is room, as far as anybody says."""
        return await self._room.full(pipeline)

    async def ended_since(self, since_ms: int, lead: str) -> set[str]:
        """Name the runs whose ids begin with `lead` and that ended since then. Reads all results of that time.

        Raises Unreachable.
        """
        return await self._linked().ended_since(since_ms, lead)

    async def waiting(self) -> list[Awaited]:
        """List what all runs wait for from outside, those that wait for longest first. Raises Unreachable."""
        return await awaited.of_fleet(self._linked())

    @overload
    def submit_many(
        self,
        pipeline: Pipeline[In, Out],
        values: Iterable[In],
        *,
        run_id: Callable[[In], str] | None = None,
        in_flight: int = IN_FLIGHT,
        **options: Unpack[RunOptions],
    ) -> AsyncGenerator[Run[Out]]: ...

    @overload
    def submit_many(
        self,
        pipeline: str | CompiledPipeline,
        values: Iterable[JsonValue],
        *,
        run_id: Callable[[JsonValue], str] | None = None,
        in_flight: int = IN_FLIGHT,
        **options: Unpack[RunOptions],
    ) -> AsyncGenerator[Run[JsonValue]]: ...

    def submit_many(
        self,
        pipeline: Pipeline[Any, Any] | str | CompiledPipeline,
        values: Iterable[Any],
        *,
        run_id: Callable[[Any], str] | None = None,
        in_flight: int = IN_FLIGHT,
        **options: Any,
    ) -> AsyncGenerator[Run[Any]]:
        """Start many runs: `async for run in fleet.submit_many(...)`, each yielded once it is acknowledged.

        In the order of `values`, which may be endless: one is taken only while fewer than `in_flight` submits
        are under way. `run_id` makes each value's id; with it the whole call may be repeated after an error.
        Raises as `submit`, in the place of the value; those yielded before are safe, later ones may be.
        """

        def one(value: Any) -> Coroutine[Any, Any, Run[Any]]:  # noqa: ANN401 - as `submit`, which checks it
            chosen = None if run_id is None else run_id(value)
            return self.submit(pipeline, value, run_id=chosen, **options)

        return in_order(one, values, said.many_of(values, in_flight))

    @overload
    def run(self, run_id: str, *, receipt: Receipt | None = None) -> Run[JsonValue]: ...

    @overload
    def run(
        self, run_id: str, pipeline: Pipeline[In, Out], *, receipt: Receipt | None = None
    ) -> Run[Out]: ...

    def run(
        self, run_id: str, pipeline: Pipeline[Any, Any] | None = None, *, receipt: Receipt | None = None
    ) -> Run[Any]:
        """Return a handle of a run that was submitted by anybody; with its pipeline the result is typed.

        With the submit's receipt, the handle also tells whether just that submit was refused.
        """
        decode = _JSON.validate_python if pipeline is None else pipeline.gives.decode
        receipt = said.receipt_of("run", receipt)
        question = Question(said.run_id_of(run_id), receipt.position if receipt else None)
        return Run(self._linked(), question, decode, receipt=receipt)

    async def until_lost(self) -> None:
        """Wait for as long as answers are read; raises the error that ended it: then connect anew.

        Kafka that is away is no such error: it is waited for. For processes that serve others.
        """
        self._linked()
        if self._reading is not None:
            await asyncio.shield(self._reading)

    def _linked(self) -> Links:
        if self._links is None:
            raise ConfigurationError(
                "the connection isn't open",
                do="use `async with Argosy.connect() as fleet:`",
            )
        return self._links


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
