"""A measure of the fleet while Redis is away."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.topics import TopicPlan
from argosy.console.lag_measure import Watch, measure
from argosy.schemas.errors import Unreachable
from argosy.schemas.settings import Settings

if TYPE_CHECKING:
    from argosy.console.process_life import Services

TOPICS = ("inbox", "runs", "tasks.critic", "dead")


class Kafka(MemoryKafka):
    """The twin, with what the real one tells tools."""

    async def topic_names(self) -> frozenset[str]:
        return frozenset(f"argosy.{name}" for name in TOPICS)


class Away:
    """A Redis that never answers: each question takes its time-out."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        async def ask(*_: object) -> object:
            self.asked.append(name)
            message = "it doesn't answer"
            raise Unreachable(message)

        return ask


async def test_a_redis_that_does_not_answer_is_waited_for_once() -> None:
    kafka, away = Kafka(), Away()
    await kafka.create([TopicPlan(f"argosy.{name}", 1, 1, {}) for name in TOPICS])
    services = cast("Services", SimpleNamespace(cluster=kafka, store=away, settings=Settings()))
    report = await measure(services, Watch())
    assert len(away.asked) == 1
    assert [group.agent for group in report.groups if group.agent] == ["critic"]
    assert (report.hands_known, report.fullness, report.limits) == (False, None, None)
    services = cast("Services", SimpleNamespace(cluster=kafka, store=MemoryRedis(), settings=Settings()))
    assert (await measure(services, Watch())).hands_known
