"""A producer's connection that can run again what has run: it reads the run log, and folds it as coordinators do."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal, TypeVar, overload

from pydantic import JsonValue, TypeAdapter

from argosy.client import connection, said
from argosy.client.options import WhenBusy
from argosy.client.run import Run
from argosy.client.start import put_input
from argosy.client.start import start as begin
from argosy.console.swap import Swap, swapped
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.errors import BadArgument, MessageTooLarge
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.pipeline import CompiledPipeline

In = TypeVar("In")
Out = TypeVar("Out")

SAME: Final = "the same input"
"""Stands for the input of the earlier run."""
_MOST_ID: Final = 118
_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be different when a run is run again."""

    pipeline: Pipeline[Any, Any] | CompiledPipeline | Callable[[str], Pipeline[Any, Any]] | None = None
    """Another one; a function finds it by the name of the earlier run's."""
    from_: frozenset[str] = frozenset()
    value: object = SAME
    swap: Mapping[str, Swap] = field(default_factory=dict[str, Swap])
    retry: bool = False
    """Try again what failed, and only that."""

    def of(self, name: str) -> Pipeline[Any, Any] | CompiledPipeline | None:
        """Find the pipeline; `name` is that of the earlier run's."""
        found = self.pipeline
        if found is None or isinstance(found, Pipeline | CompiledPipeline):
            return found  # pyright: ignore[reportUnknownVariableType] (its types are the caller's)
        return found(name)


@dataclass(frozen=True, slots=True)
class Replay:
    """A run that is prepared, and not yet sent."""

    run_id: str
    """Of the earlier run."""
    submit: RunSubmitted
    runs: tuple[str, ...]
    """The steps that run anew, in whole or in part."""
    decode: Callable[[JsonValue], Any]


class Argosy(connection.Argosy):
    """An open connection, for any number of tasks. Made by `connect`, used by `async with`."""

    @overload
    async def replay(
        self,
        run_id: str,
        pipeline: Pipeline[In, Out],
        *,
        from_: Collection[str] = (),
        value: In | Literal["the same input"] = SAME,
        swap: Mapping[str, Swap] | None = None,
        new_run_id: str | None = None,
        deadline_seconds: float | None = None,
        budget: int | None = None,
        budget_micros: int | None = None,
        when_busy: WhenBusy = "wait",
    ) -> Run[Out]: ...

    @overload
    async def replay(
        self,
        run_id: str,
        pipeline: CompiledPipeline | None = None,
        *,
        from_: Collection[str] = (),
        value: JsonValue = SAME,
        swap: Mapping[str, Swap] | None = None,
        new_run_id: str | None = None,
        deadline_seconds: float | None = None,
        budget: int | None = None,
        budget_micros: int | None = None,
        when_busy: WhenBusy = "wait",
    ) -> Run[JsonValue]: ...

    async def replay(  # noqa: PLR0913 - what may be different, all by name
        self,
        run_id: str,
        pipeline: Pipeline[Any, Any] | CompiledPipeline | None = None,
        *,
        from_: Collection[str] = (),
        value: object = SAME,
        swap: Mapping[str, Swap] | None = None,
        new_run_id: str | None = None,
        deadline_seconds: float | None = None,
        budget: int | None = None,
        budget_micros: int | None = None,
        when_busy: WhenBusy = "wait",
    ) -> Run[Any]:
        """Start a new run that takes over what a run that has ended left, as far as that still holds.

        A step runs anew if it is named in `from_`, if it or its agent's contract is another than in the earlier
        run (another `pipeline`, an agent `swap`ped: for another one, or for terms such as `{"model": …}`), if it
        reads a part of the input that is another (`value`), or if it reads what ran anew. All else is given to the
        new run as it was, failures too: no call is made for it, and no usage counted. The earlier run is left as it
        is. `new_run_id`: absent, it is `<run_id>.r1` and so on. `deadline_seconds`, `budget`
        and `budget_micros` are as of `submit`; absent, they are the earlier run's.

        Raises NotFound for a run that the log doesn't hold, BadArgument for one that is under way, for what can't
        be, where nothing would run anew, and where a result is no longer kept: nothing was sent then. Else raises as
        `submit`.
        """
        if isinstance(from_, str):
            why = "its letters would be a step each"
            raise said.bad("replay", "from_", why, f"give a collection of steps: ({from_!r},)")
        changes = Changes(pipeline, frozenset(from_), value, swap or {})
        options = _options(deadline_seconds, budget, budget_micros, when_busy)
        return await self.start(await self.prepare(run_id, changes, options), new_run_id=new_run_id)

    async def fork(  # noqa: PLR0913 - as `replay`
        self,
        run_id: str,
        value: JsonValue,
        *,
        from_: Collection[str] = (),
        new_run_id: str | None = None,
        deadline_seconds: float | None = None,
        budget: int | None = None,
        budget_micros: int | None = None,
        when_busy: WhenBusy = "wait",
    ) -> Run[JsonValue]:
        """Replay a run with another input: what doesn't read the parts that differ is taken over."""
        return await self.replay(
            run_id,
            from_=from_,
            value=value,
            new_run_id=new_run_id,
            deadline_seconds=deadline_seconds,
            budget=budget,
            budget_micros=budget_micros,
            when_busy=when_busy,
        )

    async def redrive(  # noqa: PLR0913 - as `replay`
        self,
        run_id: str,
        *,
        new_run_id: str | None = None,
        deadline_seconds: float | None = None,
        budget: int | None = None,
        budget_micros: int | None = None,
        when_busy: WhenBusy = "wait",
    ) -> Run[JsonValue]:
        """Start a new run that takes over all that succeeded, and tries again what failed, expired or was cut off.

        So does what reads that. Raises as `replay`.
        """
        options = _options(deadline_seconds, budget, budget_micros, when_busy)
        return await self.start(
            await self.prepare(run_id, Changes(retry=True), options), new_run_id=new_run_id
        )

    async def prepare(
        self, run_id: str, changes: Changes | None = None, options: Mapping[str, Any] | None = None
    ) -> Replay:
        """Find out what of a run would be taken over, and what would run anew. Raises as `replay`; sends nothing.

        `options` are those of the submit: `deadline_seconds`, `budget`, `budget_micros`, `when_busy`.
        """
        from argosy.console.again import Wish, old_run, submit_again  # noqa: PLC0415 - all of fold: few need it

        links, changes, options = self._linked(), changes or Changes(), options or {}
        old = await old_run(links.cluster, links.settings, said.run_id_of(run_id))
        pipeline = changes.of(old.accepted.pipeline.name)
        compiled = pipeline.compile() if isinstance(pipeline, Pipeline) else pipeline
        compiled = compiled or old.accepted.pipeline
        data = None if changes.value is SAME else said.input_of(pipeline or compiled, changes.value)
        chosen = {name: option for name, option in options.items() if option is not None}
        if "when_busy" in chosen:
            chosen["when_busy"] = said.when_busy_of(chosen["when_busy"])
        wish = Wish(swapped(compiled, changes.swap), changes.from_, data, changes.retry, chosen)
        submit, runs = await submit_again(old, wish, links.payloads)
        if data is not None:
            submit = submit.model_copy(update=await put_input(self._linked(), data))
        decode = pipeline.gives.decode if isinstance(pipeline, Pipeline) else _JSON.validate_python
        return Replay(run_id, submit, runs, decode)

    async def start(self, replay: Replay, *, new_run_id: str | None = None) -> Run[Any]:
        """Start what was prepared. Raises as `replay`."""
        submit, of = replay.submit, replay.run_id
        fresh = await self.fresh_id(of) if new_run_id is None else said.run_id_of(new_run_id)
        pipeline = submit.pipeline
        name = pipeline if isinstance(pipeline, str) else f"{pipeline.name}@{pipeline.version}"
        try:
            return await begin(self._linked(), self._room, fresh, submit, name, replay.decode)
        except MessageTooLarge:
            raise BadArgument(
                f"run {of} can't be run again from there",
                why=f"{len(submit.reused)} results that would be reused are too many for one message",
                do="name an earlier step with --from (from_=), or raise kafka.max_message_bytes",
            ) from None

    async def fresh_id(self, run_id: str) -> str:
        """Choose an id that no run has, as far as is known. Raises Unreachable."""
        links = self._linked()
        for number in count(1):
            fresh = f"{run_id[:_MOST_ID]}.r{number}"
            if not (await links.stored(fresh))[0]:
                return fresh
        raise AssertionError


def _options(
    deadline_seconds: float | None, budget: int | None, budget_micros: int | None, when_busy: WhenBusy
) -> dict[str, object]:
    return {
        "deadline_seconds": deadline_seconds,
        "budget": budget,
        "budget_micros": budget_micros,
        "when_busy": when_busy,
    }
