"""Published pipelines: a compacted topic, followed by every receiver, so that a submit may just name one."""

import asyncio
import contextlib
from typing import Final

from pydantic_core import from_json

from argosy.broker.log import Follower, Outgoing, Producer, Record
from argosy.broker.topics import TopicNames
from argosy.schemas.canonical import canonical_json
from argosy.schemas.codec import check_numbers
from argosy.schemas.envelope import Envelope
from argosy.schemas.pipeline import CompiledPipeline
from argosy.telemetry import logs

PUBLISHED: Final = "pipeline.published"
_WAIT_SECONDS: Final = 0.25


class Registry:
    """The pipelines as published. Of a bare name the one that was published last counts."""

    def __init__(self, follower: Follower) -> None:
        """`follower` is of the topic of pipelines, unstarted."""
        self._follower = follower
        self._pipelines: dict[str, CompiledPipeline] = {}
        self._latest: dict[str, list[str]] = {}
        self._changed = asyncio.Condition()
        self._ready = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the topic until `stop`."""
        await self._follower.start(beginning=True)
        try:
            while not stop.is_set():
                for record in await self._follower.read(_WAIT_SECONDS):
                    self._take(record)
                if not self._ready.is_set() and await self._follower.caught_up():
                    self._ready.set()
                async with self._changed:
                    self._changed.notify_all()
        finally:
            await self._follower.close()

    async def find(self, name: str, timeout_seconds: float) -> CompiledPipeline | None:
        """Find a pipeline by `name` or `name@version`.

        An unknown one is waited for, so that a roll-out refuses nobody.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._ready.wait()
                async with self._changed:
                    await self._changed.wait_for(lambda: self._look(name) is not None)
        return self._look(name)

    def known(self, name: str) -> bool:
        """Say whether a name can be found without waiting."""
        return self._look(name) is not None

    def unreadable(self, name: str) -> str | None:
        """Return the `name@version` that a name means, if it was published and can't be read."""
        versions = self._latest.get(name.partition("@")[0])
        key = name if "@" in name or not versions else versions[-1]
        return key if versions and key in versions and key not in self._pipelines else None

    def _look(self, name: str) -> CompiledPipeline | None:
        if "@" in name:
            return self._pipelines.get(name)
        versions = self._latest.get(name)
        return self._pipelines.get(versions[-1]) if versions else None

    def _take(self, record: Record) -> None:
        key = (record.key or b"").decode(errors="replace")
        name, at, _ = key.partition("@")
        if not at:
            return  # whoever wrote it, no pipeline has such a key
        versions = self._latest.setdefault(name, [])
        if key in versions:
            versions.remove(key)
        if record.value is None:
            self._pipelines.pop(key, None)
            return
        try:
            pipeline = CompiledPipeline.model_validate_json(record.value)
            from_json(record.value, allow_inf_nan=False)  # `NaN` is no JSON, and would be null from here on
            check_numbers(record.value)
        except ValueError as error:
            # It was published all the same: an older version isn't what the bare name means now.
            self._pipelines.pop(key, None)
            versions.append(key)
            logs.get("argosy.receiver").warning(
                "published pipeline is unreadable", key=key, error=str(error)[:500]
            )
            return
        self._pipelines[key] = pipeline
        versions.append(key)


async def publish(producer: Producer, names: TopicNames, pipeline: CompiledPipeline, source: str) -> None:
    """Publish a pipeline under `name@version`; the last one published is what the bare name means.

    Idempotent.

    Raises what `Producer.send` raises.
    """
    key = f"{pipeline.name}@{pipeline.version}"
    envelope = Envelope(kind=PUBLISHED, id=pipeline.identity, source=source)
    value = canonical_json(pipeline.dump())
    await producer.send(Outgoing(names.pipelines, key.encode(), value, envelope.headers()))
