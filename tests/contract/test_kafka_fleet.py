"""What is built on Kafka and must hold on the real one and on its twin: provisioning, dead letters, lag."""

import asyncio
from dataclasses import replace

import pytest

from argosy.broker.deadletters import Graveyard, buried, redrive
from argosy.broker.lag import SAMPLE, fleet_lag, group_lag
from argosy.broker.log import Outgoing, Partition, Record
from argosy.broker.provision import compare, ensure, findings
from argosy.broker.topics import plan
from argosy.schemas.codec import encode_body
from argosy.schemas.contract import Contract
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import ConfigurationError, Refused
from argosy.schemas.payload import Inline
from argosy.schemas.settings import FleetSettings, Settings
from argosy.schemas.task import TaskDispatched, TaskInput
from support.kafka_world import Recorder, World, world

__all__ = ["world"]

CONTRACT = Contract(
    model=None, window=None, threshold=0.8, reserve=0, above="refuse", concurrency=1, timeout_seconds=1,
    retries=0, backoff_seconds=1, max_deliveries=3, version="1",
)  # fmt: skip


async def test_provisioning_makes_what_is_planned_and_may_be_repeated(world: World) -> None:
    settings = world.fleet_settings
    before = await findings(world.cluster, settings, ["critic"])
    assert {finding.problem for finding in before} == {"is missing"}
    assert len(before) == 7
    for _ in range(2):
        assert await ensure(world.cluster, settings, ["critic"]) == ()
    assert await findings(world.cluster, settings, ["critic"]) == ()
    assert await world.cluster.partitions(world.names.runs) == settings.fleet.lanes
    assert await ensure(world.cluster, settings, ["critic", "planner"]) == ()
    assert await world.cluster.partitions(world.names.tasks("planner")) == settings.kafka.work_partitions


async def test_several_processes_may_provision_at_once(world: World) -> None:
    clusters = [world.cluster, world.process("b"), world.process("c")]
    await asyncio.gather(*(ensure(cluster, world.fleet_settings) for cluster in clusters))
    assert await findings(world.cluster, world.fleet_settings) == ()


async def test_a_fleet_does_not_start_on_another_number_of_lanes(world: World) -> None:
    await ensure(world.cluster, world.fleet_settings)
    wrong = Settings(kafka=world.settings, fleet=FleetSettings(lanes=5))
    with pytest.raises(ConfigurationError, match="has 3 partitions, but lanes = 5"):
        await ensure(world.cluster, wrong)


async def test_topics_that_differ_are_told_with_a_cure(world: World) -> None:
    (wanted, *_) = plan(world.fleet_settings)
    as_made = {**wanted.configs, "cleanup.policy": "compact", "max.message.bytes": "1000"}
    await world.cluster.create([replace(wanted, partitions=1, configs=as_made)])
    found = compare([wanted], await world.cluster.topics([wanted.name]))
    assert [(finding.problem, finding.fatal) for finding in found] == [
        ("has 1 partition, not 4", False),
        ("has cleanup.policy=compact, not delete", True),
        (f"has max.message.bytes=1000, not {wanted.configs['max.message.bytes']}", False),
    ]
    assert all(wanted.name in finding.cure for finding in found)
    with pytest.raises(ConfigurationError, match=r"cleanup\.policy"):
        await ensure(world.cluster, world.fleet_settings)


async def test_a_dead_letter_can_be_read_and_put_back(world: World) -> None:
    await ensure(world.cluster, world.fleet_settings, ["critic"])
    topic = world.names.tasks("critic")
    producer = await world.cluster.producer()
    headers = (("ce_subject", b"run-1"), ("odd", b"\xff\x00"))
    await producer.send(Outgoing(topic, b"\xfe", b"\x00not json", headers, 3))
    record = await world.cluster.peek(Partition(topic, 3), 0)
    assert record is not None
    graveyard = Graveyard(producer, world.names.dead, "argosy/worker/w1", 1_000_000)
    written = await graveyard.bury(record, "undecodable", "it is not JSON")
    await producer.send(Outgoing(world.names.dead, b"", b"not a letter", ()))
    (found,) = [letter async for letter in buried(world.cluster, world.names.dead)]
    assert found.letter == written
    assert (found.offset, written.topic, written.partition, written.offset) == (0, topic, 3, 0)
    assert await redrive(producer, found.letter) == (3, 1)
    again = await world.cluster.peek(Partition(topic, 3), 1)
    assert again is not None
    assert (again.key, again.value, again.headers) == (record.key, record.value, record.headers)


async def test_a_letter_as_large_as_may_be_fits_and_when_cut_is_not_put_back(world: World) -> None:
    await ensure(world.cluster, world.fleet_settings)
    producer = await world.cluster.producer()
    huge = Record(world.names.inbox, 0, 7, 1, b"k" * 5_000, b"v" * 3_000_000, (("h", b"x" * 500_000),) * 3)
    graveyard = Graveyard(producer, world.names.dead, "argosy/receiver/r1", world.settings.max_message_bytes)
    written = await graveyard.bury(huge, "oversize", "é" * 100_000)
    assert written.cut
    assert written.value_bytes == 3_000_000
    with pytest.raises(Refused, match="was cut"):
        await redrive(producer, written)


async def test_lag_is_told_for_a_group_without_members_and_shrinks_with_commits(world: World) -> None:
    await ensure(world.cluster, world.fleet_settings, ["critic"])
    topic, group = world.names.tasks("critic"), world.names.group("critic")
    await world.send(topic, b"0", b"1", b"2", partition=2)
    oldest = await world.cluster.peek(Partition(topic, 2), 0)
    assert oldest is not None
    now_ms = oldest.timestamp_ms + 60_000
    lag = await group_lag(world.cluster, group, topic, now_ms)
    assert (lag.members, lag.waiting, lag.seconds) == (0, 3, 60.0)
    assert [one.waiting for one in lag.partitions] == [0, 0, 3, 0, 0, 0, 0, 0]
    consumer, taken = world.cluster.consumer(group, [topic]), Recorder()
    async with world.running(consumer, taken):
        await taken.until(lambda: len(taken.records) == 3)
        await consumer.commit({Partition(topic, 2): 2})
        lag = await group_lag(world.cluster, group, topic, now_ms)
        assert (lag.members, lag.waiting, lag.partitions[2].committed) == (1, 1, 2)
        await consumer.commit({Partition(topic, 2): 3})
    lag = await group_lag(world.cluster, group, topic, now_ms)
    assert (lag.waiting, lag.seconds) == (0, 0.0)


async def test_lag_in_tokens_is_the_sum_of_a_short_queue_and_an_estimate_of_a_long_one(world: World) -> None:
    await ensure(world.cluster, world.fleet_settings, ["critic"])
    topic, group = world.names.tasks("critic"), world.names.group("critic")
    producer = await world.cluster.producer()

    async def order(tokens: int, count: int) -> None:
        source = Inline(value="x", bytes=3, tokens=tokens)
        body = TaskDispatched(
            task_id="run-1/a", step="a", agent="critic", attempt=1, lane=0, contract=CONTRACT,
            inputs=(TaskInput(name="text", source=source),), deadline_ms=1, run_deadline_ms=1,
        )  # fmt: skip
        headers = Envelope(kind=body.KIND, id="i", source="argosy/test", subject="run-1").headers()
        work = Outgoing(topic, b"run-1/a", encode_body(body), headers, 1)
        await asyncio.gather(*(producer.send(work) for _ in range(count)))

    async def part() -> tuple[int, int | None, bool]:
        lag = (await group_lag(world.cluster, group, topic, 0, has_tokens=True)).partitions[1]
        return lag.waiting, lag.tokens, lag.estimated

    assert await part() == (0, 0, False)
    await order(7, 2)
    await order(30, 1)
    assert await part() == (3, 44, False)
    await order(10, SAMPLE - 3)
    await order(1_000_000, 5)
    assert await part() == (SAMPLE + 5, round((44 + 10 * (SAMPLE - 3)) / SAMPLE * (SAMPLE + 5)), True)
    await world.send(world.names.tasks("critic"), b"no work", partition=2)
    unreadable = (await group_lag(world.cluster, group, topic, 0, has_tokens=True)).partitions[2]
    assert (unreadable.waiting, unreadable.tokens) == (1, None)


async def test_a_fleets_lag_has_receivers_lanes_and_each_agent(world: World) -> None:
    await ensure(world.cluster, world.fleet_settings, ["critic"])
    await world.send(world.names.inbox, b"0")
    found = await fleet_lag(world.cluster, world.names, ["critic"], 0)
    assert [(lag.topic, lag.waiting) for lag in found] == [
        (world.names.inbox, 1),
        (world.names.runs, 0),
        (world.names.tasks("critic"), 0),
    ]
