"""A measure of the fleet while Redis is away."""

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from httpx2 import ASGITransport, AsyncClient

from argosy.broker.keys import LaneKeys
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.store import Script
from argosy.broker.topics import TopicPlan
from argosy.console.lag_listen import Latest, Routes
from argosy.console.lag_measure import Watch, measure
from argosy.schemas.errors import Unreachable
from argosy.schemas.settings import Settings

if TYPE_CHECKING:
    from argosy.console.process_life import Services

_HSET = Script.of_text("hset", "return redis.call('HSET', KEYS[1], unpack(ARGV))")
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


class Forgets(MemoryRedis):
    """Says who is there, and then no more."""

    async def smembers(self, key: str) -> set[bytes]:
        message = f"it doesn't answer for {key}"
        raise Unreachable(message)


async def test_where_redis_tells_a_part_only_no_number_of_workers_is_made_of_it() -> None:
    kafka, store = Kafka(), Forgets()
    await kafka.create([TopicPlan(f"argosy.{name}", 1, 1, {}) for name in TOPICS])
    checkpoint = LaneKeys(Settings().redis.key_prefix, 0).checkpoint
    await store.run(_HSET, [checkpoint], ["epoch", "e", "next", "5", "layout", "1"])
    services = cast("Services", SimpleNamespace(cluster=kafka, store=store, settings=Settings()))
    report = await measure(services, Watch())
    assert not report.hands_known
    routes = Routes(local=True, goal_seconds=60.0, slots=8, latest=Latest(report, time.monotonic()))
    transport = ASGITransport(routes.app())
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = await http.get("/scale/critic")
        assert answer.status_code == 503
        assert "held back" in answer.json()["error"]
        text = (await http.get("/metrics")).text
        assert 'argosy_fleet_lag_messages{agent="critic",state="waiting"}' in text
        for unknown in ("replicas_wanted{", "in_flight", "parked", '"held"', '"retry"'):
            assert unknown not in text
        routes.latest.report = replace(report, hands_known=True)
        assert (await http.get("/scale/critic")).json()["replicas"] == 0
        assert "replicas_wanted{" in (await http.get("/metrics")).text


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
