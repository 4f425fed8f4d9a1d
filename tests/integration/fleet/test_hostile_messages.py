"""Whatever anybody writes into a topic: kept or answered with the reason, passed by, and nobody else is harmed."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from pydantic import JsonValue

from argosy.broker.cluster import KafkaCluster
from argosy.broker.topics import TopicNames
from argosy.client.connection import Argosy
from argosy.coordinator.registry import publish
from argosy.schemas.deadletter import DeadLetter
from argosy.schemas.errors import RunRefused
from argosy.schemas.ids import lane_of, new_run_id
from argosy.schemas.result import SubmitRefused
from support.hostile import Act, peaceful
from support.hostile_world import ENDED_SECONDS, HostileWorld
from support.oracle import read_topic
from support.raw_kafka import RawHeaders, headers, send_bad_header_name, stranger
from support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

Position = tuple[str, int, int]
SUBMIT, SETTLE, DISPATCH = "run.submitted", "task.settled", "task.dispatched"
RUN = "of-a-stranger"
COMPILED = peaceful.compile().model_dump(mode="json")

GARBAGE: Sequence[tuple[bytes | None, RawHeaders, str, str]] = (
    (b"\xff\xfe\x00 no message at all", [], "undecodable", "ce_id: header is missing"),
    (None, [], "undecodable", "ce_id: header is missing"),
    (b"x" * 1_000_000, [], "undecodable", "ce_id: header is missing"),
    (b"{}", [("ce_id", b"\xff\xfe")], "undecodable", "ce_id: is not UTF-8"),
    (b"{}", [("ce_subject", None), ("ce_id", None)], "undecodable", "ce_id: header is missing"),
    (b"{}", [("x", b"y" * 40_000)], "undecodable", "headers: headers are over"),
    (b"{}", [("x", b"y" * 1_000_000)], "undecodable", "headers: headers are over"),
    (b"{}", [(f"x{n}", b"y") for n in range(20_000)], "undecodable", "headers: headers are over"),
    (b"{}", headers("run.exploded", RUN), "unknown_kind", "unknown kind 'run.exploded'"),
    (b"{}", headers("x", RUN, ce_type=b"com.example.order"), "unknown_kind", "must look like"),
    (b"{}", headers(SETTLE, RUN, ce_specversion=b"2.0"), "undecodable", "must be 1.0"),
    (b"{}", headers(SETTLE, RUN, ce_time=b"yesterday"), "undecodable", "must be an RFC 3339 time"),
    (b"{}", headers("message.died", RUN), "undecodable", "reason: Field required"),
    (b"[" * 100_000, headers(SETTLE, RUN), "undecodable", "recursion"),
)
"""Wrong in any topic: value, headers, and what the dead letter says."""


def known(run_id: str, *, body: object = None, pipeline: object = "no-such-pipeline") -> bytes:
    """Build the body of a submit."""
    return json.dumps(body or {"pipeline": pipeline, "input": {"kind": run_id}}).encode()


async def letters(world: HostileWorld) -> dict[Position, DeadLetter]:
    """Every dead letter, by where its original lies."""
    names = TopicNames(world.fleet.settings.kafka.topic_prefix)
    found = [seen.message for seen in await read_topic(world.fleet.settings, names.dead)]
    return {(each.topic, each.partition, each.offset): each for each in found if isinstance(each, DeadLetter)}


async def until_buried(world: HostileWorld, sent: dict[Position, tuple[str, str]]) -> None:
    """Wait for the dead letters, and see that they say why."""

    async def so() -> bool:
        return sent.keys() <= (await letters(world)).keys()

    await eventually(so, f"dead letters of {sorted(sent)}", seconds=ENDED_SECONDS)
    found = await letters(world)
    for position, (reason, text) in sent.items():
        letter = found[position]
        assert (reason, text in letter.message) == (letter.reason, True), f"{position}: {letter}"


async def by_name(client: Argosy, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Run what has just been published by its name: receivers who read it late refuse that, after a second here."""
    found: list[JsonValue] = []

    async def so() -> bool:
        run = await client.submit("peaceful", value)
        with suppress(RunRefused):
            found.append(await run.result(timeout_seconds=ENDED_SECONDS))
        return bool(found)

    await eventually(so, "what was published is known by its name")
    return cast("dict[str, JsonValue]", found[0])


async def refusals(world: HostileWorld, run_id: str) -> list[SubmitRefused]:
    """Every refusal that names a run."""
    names = TopicNames(world.fleet.settings.kafka.topic_prefix)
    return [
        seen.message
        for seen in await read_topic(world.fleet.settings, names.results)
        if isinstance(seen.message, SubmitRefused) and seen.envelope.subject == run_id
    ]


@pytest.mark.parametrize("topic", ["inbox", "runs", "tasks.misbehave"])
async def test_what_is_no_message_is_kept_with_the_reason_and_passed_by(
    world: HostileWorld, topic: str
) -> None:
    restarts = world.restarts(*world.fleet.stack.supervisor.children)
    sent: dict[Position, tuple[str, str]] = {}
    async with world.neighbours(topic), stranger(world.fleet.settings) as other:
        for number, (value, heads, reason, text) in enumerate(GARBAGE):
            position = await other.send(f"argosy.{topic}", value, heads, partition=number % 2)
            sent[position] = reason, text
        last = await asyncio.to_thread(send_bad_header_name, world.fleet.settings, f"argosy.{topic}")
        sent[last] = "undecodable", "ce_id: header is missing"
        await until_buried(world, sent)
    assert world.restarts(*world.fleet.stack.supervisor.children) == restarts
    await world.quiet()


async def test_what_is_no_message_in_the_topics_that_clients_read_harms_no_client(
    world: HostileWorld,
) -> None:
    names = TopicNames(world.fleet.settings.kafka.topic_prefix)
    async with stranger(world.fleet.settings) as other, Argosy.connect(world.fleet.settings) as before:
        for number, (value, heads, _, _) in enumerate(GARBAGE):
            for topic in (names.results, names.events, names.pipelines):
                await other.send(topic, value, heads, partition=0 if topic == names.pipelines else number % 2)
        for topic in (names.results, names.events, names.pipelines):
            await asyncio.to_thread(send_bad_header_name, world.fleet.settings, topic)
        async with Argosy.connect(world.fleet.settings) as after:
            for client in (before, after):
                run = await client.submit(peaceful, Act(kind="x"))
                assert (await run.result(timeout_seconds=ENDED_SECONDS)).kind == "x"
                assert [event.kind async for event in run.events(since_ms=0)][-1] == "ended"
                assert await client.run("nobody-knows-this-one").find() is None
        producer = KafkaCluster(world.fleet.settings.kafka)
        try:
            await publish(await producer.producer(), names, peaceful.compile(), "test")
        finally:
            await producer.close()
        assert (await by_name(before, {"kind": "by its name"}))["kind"] == "by its name"
    await world.quiet()


async def test_messages_in_the_wrong_topic_are_kept_and_do_nothing(world: HostileWorld) -> None:
    settle = b'{"task_id":"r/neighbour","attempt":1,"outcome":"failed"}'
    dispatch = json.dumps({
        "task_id": "r/x", "step": "x", "agent": "neighbour", "attempt": 1, "lane": 0, "deadline_ms": 1,
        "run_deadline_ms": 1, "contract": peaceful.compile().agents["neighbour"].model_dump(
            mode="json", exclude={"inputs", "output"}),
    }).encode()  # fmt: skip
    async with stranger(world.fleet.settings) as other:
        sent = {
            await other.send("argosy.inbox", settle, headers(SETTLE, RUN)): ("unknown_kind", "inbox"),
            await other.send("argosy.runs", known(RUN), headers(SUBMIT, RUN)): ("unknown_kind", "run log"),
            await other.send("argosy.runs", settle, headers(SETTLE, "no run/id")): ("undecodable", "run id"),
            await other.send("argosy.tasks.misbehave", settle, headers(SETTLE, RUN)): (
                "unknown_kind",
                "no work",
            ),
            await other.send("argosy.tasks.misbehave", dispatch, headers(DISPATCH, RUN)): (
                "wrong_agent",
                "neighbour",
            ),
        }
        # Right in form, but of a run that nobody knows: nothing at all happens.
        await other.send("argosy.runs", settle, headers(SETTLE, "r"), partition=lane_of("r", 4))
        await other.send("argosy.tasks.neighbour", dispatch, headers(DISPATCH, RUN))
    await until_buried(world, sent)
    await world.unharmed([await world.submit(peaceful)])
    await world.quiet()


@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        (b"\xff", "body", ""),
        (b"{}", "pipeline", "Field required"),
        (known("x", body={"pipeline": "x", "inputt": 1}), "inputt", "Extra inputs"),
        (known("x", body={"pipeline": "x", "priority": 99}), "priority", "less than or equal to 9"),
        (b'{"pipeline":"x","input":NaN}', "body", ""),
        (b'{"pipeline":"x","input":"\\ud800"}', "body", "hex escape"),
        (known("x"), "pipeline", "was not published within 1 s"),
        (
            known("x", body={"pipeline": COMPILED, "deadline_seconds": 1e12}),
            "deadline_seconds",
            "a run may take 604800 s at most",
        ),
    ],
)
async def test_a_submit_that_can_not_be_is_refused_and_names_the_field(
    world: HostileWorld, body: bytes, field: str, text: str
) -> None:
    run_id = new_run_id()
    async with stranger(world.fleet.settings) as other:
        _, partition, offset = await other.send("argosy.inbox", body, headers(SUBMIT, run_id))

    async def so() -> bool:
        return bool(await refusals(world, run_id))

    await eventually(so, f"{run_id} is refused")
    refused = (await refusals(world, run_id))[0]
    assert refused.position == f"{partition}/{offset}"
    assert refused.field.split(".")[0] == field, refused
    assert text in refused.message, refused


@pytest.mark.parametrize("number", [b"1e999", b"9" * 5_000, b"-0.0", b"1E-999"])
async def test_a_number_that_nobody_can_hold_is_refused_or_kept_as_it_is(
    world: HostileWorld, number: bytes
) -> None:
    compiled = json.dumps(COMPILED).encode()
    body = b'{"pipeline":%s,"input":{"kind":"number","size":%s}}' % (compiled, number)
    run_id = new_run_id()
    async with stranger(world.fleet.settings) as other:
        await other.send("argosy.inbox", body, headers(SUBMIT, run_id))
    run = world.client.run(run_id)

    async def so() -> bool:
        return bool(await refusals(world, run_id)) or await run.state() in ("succeeded", "failed")

    await eventually(so, f"{run_id} is answered")
    await world.quiet()


async def test_an_input_that_does_not_fit_its_pipeline_is_refused_by_path(world: HostileWorld) -> None:
    run = await world.client.submit(peaceful.compile(), {"kind": "x", "size": "large"})
    with pytest.raises(RunRefused, match=r"invalid: input\.size: .*is not of type"):
        await run.result(timeout_seconds=ENDED_SECONDS)
    await world.quiet()


async def test_a_name_that_nobody_published_is_refused_after_a_while(world: HostileWorld) -> None:
    run = await world.client.submit("no-such-pipeline", {})
    with pytest.raises(RunRefused, match="unknown_pipeline: 'no-such-pipeline' was not published"):
        await run.result(timeout_seconds=ENDED_SECONDS)
    await world.quiet()


async def test_a_value_of_50_mb_goes_through_the_payload_store_and_nowhere_else(world: HostileWorld) -> None:
    text = "fifty megabytes of words " * 2_000_000
    assert len(text) == 50_000_000
    async with stranger(world.fleet.settings) as other:
        with pytest.raises(MessageSizeTooLargeError):
            await other.send("argosy.inbox", text.encode(), headers(SUBMIT, RUN))
    await world.client.run("some-run").signal("news", text)  # of a run that nobody knows: it changes nothing
    run = await world.client.submit(peaceful, Act(kind="big", text=text))
    assert (await world.answer(run)).text == "50000000"
    await world.quiet()


async def test_a_submit_as_large_as_the_inbox_takes_is_accepted(world: HostileWorld) -> None:
    text = "almost a megabyte of words " * 36_000
    body = {"pipeline": COMPILED, "input": {"kind": "near", "text": text}}
    run_id = new_run_id()
    async with stranger(world.fleet.settings) as other:
        await other.send("argosy.inbox", json.dumps(body).encode(), headers(SUBMIT, run_id))
    answer = await world.client.run(run_id, peaceful).result(timeout_seconds=ENDED_SECONDS)
    assert answer.text == str(len(text))
    await world.quiet()
