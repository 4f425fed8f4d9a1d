"""What the receiver takes, refuses, parks and buries."""

import asyncio
import json
import time
from collections.abc import Sequence

import pytest
from pydantic import JsonValue

from argosy import Pipeline
from argosy.broker import offsets
from argosy.broker.log import Partition, Record
from argosy.broker.topics import TopicNames
from argosy.client.answers import read_answer
from argosy.coordinator.registry import publish
from argosy.schemas.canonical import canonical_json, sha256_hex
from argosy.schemas.codec import decode_body
from argosy.schemas.deadletter import DeadLetter
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import RunCancelled, RunRefused
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.payload import Reference
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunAccepted
from support.shell_world import ShellWorld, client_of, first, hello, many, settings_of, shell_world
from support.waiting import eventually

DAY_MS = 86_400_000


async def answer_to(world: ShellWorld, position: str) -> SubmitRefused:
    follower = world.kafka.follower(world.names.results)
    await follower.start(beginning=True)
    async with asyncio.timeout(60):
        while True:
            for record in await follower.read(1.0):
                found = read_answer(record)
                if (
                    found is not None
                    and isinstance(found[1], SubmitRefused)
                    and found[1].position == position
                ):
                    assert read_envelope(record.headers).id == position
                    return found[1]


async def all_of(world: ShellWorld, topic: str) -> list[Record]:
    partitions = await world.kafka.partitions(topic)
    return [
        record
        for number in range(partitions)
        async for record in world.kafka.scan(Partition(topic, number), 0)
    ]


async def accepted(world: ShellWorld, run_id: str) -> RunAccepted:
    async with asyncio.timeout(60):
        while True:
            for record in await all_of(world, world.names.runs):
                body = decode_body(read_envelope(record.headers), record.value)
                if isinstance(body, RunAccepted) and (record.key or b"").decode() == run_id:
                    return body
            await asyncio.sleep(0.01)


def submit_of(pipeline: Pipeline[str, str] | str = hello, value: JsonValue = "x") -> RunSubmitted:
    compiled = pipeline if isinstance(pipeline, str) else pipeline.compile()
    return RunSubmitted(pipeline=compiled, input=value)


async def test_an_input_that_the_pipeline_does_not_take_is_refused_by_its_path() -> None:
    async with shell_world() as world:
        submit = RunSubmitted(pipeline=many.compile(), input=["a", 7])
        refused = await answer_to(world, await world.submit_raw("bad", submit))
        assert (refused.reason, refused.field) == ("invalid", "input.1")


async def test_a_submit_is_judged_by_its_own_time_against_its_arrival() -> None:
    now_ms = time.time_ns() // 1_000_000
    async with shell_world() as world:
        old = await answer_to(world, await world.submit_raw("old", submit_of(), now_ms - 3 * DAY_MS))
        ahead = await answer_to(world, await world.submit_raw("ahead", submit_of(), now_ms + DAY_MS))
        assert (old.reason, ahead.reason) == ("too_old", "too_far_ahead")
        await world.submit_raw("fine", submit_of(), now_ms - DAY_MS)
        body = await accepted(world, "fine")
        assert body.submitted_ms == now_ms - DAY_MS
        assert body.deadline_ms == body.submitted_ms + 7 * DAY_MS


async def test_a_deadline_over_the_longest_run_is_refused() -> None:
    async with shell_world() as world:
        submit = RunSubmitted(pipeline=hello.compile(), input="x", deadline_seconds=8 * 86_400)
        refused = await answer_to(world, await world.submit_raw("long", submit))
        assert (refused.reason, refused.field) == ("invalid", "deadline_seconds")


async def test_an_unknown_name_is_refused_after_a_while() -> None:
    async with shell_world() as world:
        refused = await answer_to(world, await world.submit_raw("nobody", submit_of("nobody")))
        assert refused.reason == "unknown_pipeline"


async def test_a_name_that_is_published_while_its_submit_waits_is_found() -> None:
    async with shell_world(settings_of(unknown_pipeline_seconds=60)) as world:
        waiting = await world.submit_raw("parked", submit_of("hello"))
        assert waiting
        await publish(await world.kafka.producer(), world.names, hello.compile(), "test")
        body = await accepted(world, "parked")
        assert body.pipeline == hello.compile()
        await world.submit_raw("exact", submit_of("hello@1"))
        assert (await accepted(world, "exact")).pipeline == hello.compile()


async def test_the_last_published_version_is_what_a_bare_name_means() -> None:
    newer = Pipeline("hello", version="2", takes=str, gives=str)
    newer.returns(newer.step(first, newer.input))
    async with shell_world(settings_of(unknown_pipeline_seconds=60)) as world, client_of(world) as client:
        producer = await world.kafka.producer()
        for pipeline in (hello, newer):
            await publish(producer, world.names, pipeline.compile(), "test")
        run = await client.submit("hello@2", "x", run_id="two")
        await run.result(timeout_seconds=150)
        await (await client.submit("hello", "x", run_id="bare")).result(timeout_seconds=150)
        assert (await accepted(world, "bare")).pipeline.version == "2"


async def test_a_bare_name_means_no_older_version_while_the_last_one_can_not_be_read() -> None:
    document = canonical_json({**hello.compile().dump(), "version": "2", "argosy": "pipeline/2"})
    async with shell_world(settings_of(unknown_pipeline_seconds=1)) as world:
        await publish(await world.kafka.producer(), world.names, hello.compile(), "test")
        kind = Envelope("pipeline.published", "2", "a newer release", subject="hello@2")
        await world.send(world.names.pipelines, kind, document)
        for name in ("hello@2", "hello"):  # after the former, both are known
            refused = await answer_to(world, await world.submit_raw(name.replace("@", "-"), submit_of(name)))
            assert refused.reason == "unknown_pipeline"
            assert refused.message.startswith("'hello@2' was published, but this release can't read it")
        unknown = await answer_to(world, await world.submit_raw("three", submit_of("hello@3")))
        assert "'hello@3' was not published" in unknown.message
        await world.submit_raw("exact", submit_of("hello@1"))
        assert (await accepted(world, "exact")).pipeline == hello.compile()


async def test_a_record_without_a_version_in_its_key_is_no_pipeline_and_holds_no_name() -> None:
    async with shell_world(settings_of(unknown_pipeline_seconds=60)) as world:
        await publish(await world.kafka.producer(), world.names, hello.compile(), "test")
        await world.send(world.names.pipelines, Envelope("x", "1", "test", subject="hello"), b"junk")
        await world.submit_raw("bare", submit_of("hello"))
        assert (await accepted(world, "bare")).pipeline == hello.compile()


async def test_a_parked_submit_holds_nobody_up_and_is_not_committed_past() -> None:
    async with shell_world(settings_of(unknown_pipeline_seconds=30)) as world, client_of(world) as client:
        where = await world.submit_raw("parked", submit_of("later"))
        partition, offset = (int(part) for part in where.split("/"))
        runs = [await client.submit(hello, "x", run_id=f"run-{n}") for n in range(20)]
        await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        group = await world.kafka.group(world.names.receivers)
        assert group.committed.get(Partition(world.names.inbox, partition), 0) <= offset


async def test_offsets_that_a_late_commit_set_back_are_set_right_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offsets, "LOOK_SECONDS", 0.2)
    async with shell_world() as world, client_of(world) as client:
        await (await client.submit(hello, "x")).result(timeout_seconds=150)
        broker, names = world.kafka.broker, world.names
        for group, topic in ((names.receivers, names.inbox), (names.lanes, names.runs)):
            committed = broker.groups(group).offsets
            parts = [Partition(topic, number) for number in range(await world.kafka.partitions(topic))]

            async def at_the_end(
                of: Sequence[Partition] = parts, reached: dict[Partition, int] = committed
            ) -> bool:
                return all(reached.get(part, 0) == broker.log(part).end for part in of)

            await eventually(at_the_end, f"{group} has read all")
            before = dict(committed)
            committed.update(dict.fromkeys(committed, 0))
            await eventually(at_the_end, f"{group} has told again how far it is")
            assert committed == before


async def test_garbage_is_buried_and_its_sender_told_if_it_says_who_it_is() -> None:
    async with shell_world() as world:
        named = Envelope(RunSubmitted.KIND, "1", "test", subject="named")
        where = await world.send(world.names.inbox, named, b"\xff\x00 no json")
        refused = await answer_to(world, where)
        assert refused.reason == "invalid"
        nameless = Envelope(RunSubmitted.KIND, "2", "test", subject="no/run id")
        await world.send(world.names.inbox, nameless, b"{}")
        unknown = Envelope("no.such.thing", "3", "test", subject="unknown")
        await world.send(world.names.inbox, unknown, b"{}")
        names = TopicNames(world.settings.kafka.topic_prefix)
        await eventually(lambda: three_letters(world, names.dead), "three dead letters")
        dead = await all_of(world, names.dead)
        letters = [decode_body(read_envelope(record.headers), record.value) for record in dead]
        reasons = [letter.reason for letter in letters if isinstance(letter, DeadLetter)]
        assert sorted(reasons) == ["undecodable", "undecodable", "unknown_kind"]


async def three_letters(world: ShellWorld, topic: str) -> bool:
    return len(await all_of(world, topic)) == 3


async def test_a_large_input_goes_to_the_payload_store_and_comes_back_whole() -> None:
    text = "word " * 30_000
    async with shell_world() as world, client_of(world) as client:
        run = await client.submit(hello, text)
        await run.result(timeout_seconds=150)
        body = await accepted(world, run.run_id)
        assert isinstance(body.input, Reference)
        assert body.input.bytes > 150_000
        assert body.input.tokens > 0


async def test_an_input_that_is_gone_from_the_payload_store_is_refused() -> None:
    async with shell_world() as world:
        gone = Reference(sha256=sha256_hex(b"gone"), bytes=4, tokens=1)
        submit = RunSubmitted(pipeline=hello.compile(), input_ref=gone)
        assert (await answer_to(world, await world.submit_raw("gone", submit))).reason == "payload_gone"


async def test_a_pipeline_that_can_not_run_is_refused() -> None:
    async with shell_world() as world:
        compiled = hello.compile()
        broken = compiled.model_copy(
            update={"takes": {"$ref": "http://127.0.0.1:1/schema.json"}, "name": "broken"}
        )
        refused = await answer_to(world, await world.submit_raw("x", RunSubmitted(pipeline=broken, input=1)))
        assert refused.reason == "invalid"
        assert refused.field.startswith("pipeline")


async def test_a_signals_large_value_goes_to_the_payload_store() -> None:
    async with shell_world() as world, client_of(world) as client:
        large = await world.payloads.put(b'"' + b"x" * 70_000 + b'"')
        values = [
            b'{"name":"n","value":[' + b",".join([b"1E9"] * 200_000) + b"]}",
            b'{"name":"n","value":1}',
            b'{"name":"n","value_ref":{"sha256":"%b","bytes":1,"tokens":1}}' % large.encode(),
            b'{"name":"n","value_ref":{"sha256":"%b","bytes":1,"tokens":1}}' % (b"0" * 64),
        ]
        for number, value in enumerate(values):
            envelope = Envelope("signal.sent", f"s{number}", "test", subject="run")
            await world.send(world.names.inbox, envelope, value)
        await eventually(lambda: told(world), "what the run log is told of signals, and a dead letter")
        assert await (await client.submit(hello, "x")).result(timeout_seconds=150) == "done"


async def told(world: ShellWorld) -> bool:
    bodies = [json.loads(record.value or b"") for record in await all_of(world, world.names.runs)]
    signals = {body["signal_id"]: body for body in bodies if "signal_id" in body}
    letters = [json.loads(letter.value or b"") for letter in await all_of(world, world.names.dead)]
    return (
        signals.keys() == {"s0", "s1", "s2"}
        and signals["s0"]["value_ref"]["bytes"] > 2_000_000
        and signals["s1"]["value"] == 1
        and signals["s2"]["value_ref"]["bytes"] == 70_002
        and ["value_ref" in letter["message"] for letter in letters] == [True]
    )


@pytest.mark.parametrize("select", ["!" * 2_000 + "a", "(" * 900 + "a" + ")" * 900])
async def test_a_select_nested_too_deep_is_refused(select: str) -> None:
    async with shell_world() as world:
        compiled = hello.compile()
        returns = compiled.returns.model_copy(update={"select": select})
        submit = RunSubmitted(pipeline=compiled.model_copy(update={"returns": returns}), input="x")
        refused = await answer_to(world, await world.submit_raw("x", submit))
        assert (refused.reason, refused.field) == ("invalid", "pipeline")


@pytest.mark.parametrize("depth", [129, 200])
async def test_an_input_nested_so_deep_that_nobody_could_read_it_further_on_is_refused(depth: int) -> None:
    async with shell_world() as world:
        pipeline = hello.compile().model_copy(update={"takes": {}})
        document = pipeline.model_dump_json(exclude_defaults=True)
        body = f'{{"pipeline":{document},"input":{"[" * depth}{"]" * depth}}}'.encode()
        envelope = Envelope("run.submitted", "s", "test", subject="deep")
        refused = await answer_to(world, await world.send(world.names.inbox, envelope, body))
        assert (refused.reason, refused.field) == ("invalid", "input")


async def test_a_refused_submit_raises_where_its_result_is_asked_for() -> None:
    async with shell_world() as world, client_of(world) as client:
        run = await client.submit("nobody", "x")
        with pytest.raises(RunRefused, match="unknown_pipeline"):
            await run.result(timeout_seconds=150)
        assert await run.state() == "refused"


async def test_a_cancel_before_its_run_ends_it_when_it_comes() -> None:
    async with shell_world() as world, client_of(world) as client:
        early = client.run("early")
        await early.cancel("not needed")
        await world.until(lambda: any(b":run:early" in key for key in world.server.dump()))
        assert await early.state() == "cancelled"
        run = await client.submit(hello, "x", run_id="early")
        with pytest.raises(RunCancelled, match="not needed"):
            await run.result(timeout_seconds=150)
        assert not world.seen


async def test_a_running_run_is_cancelled() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: None
        run = await client.submit(hello, "x")
        await world.until(lambda: len(world.seen) >= 1)
        await run.cancel("changed my mind")
        with pytest.raises(RunCancelled, match="changed my mind"):
            await run.result(timeout_seconds=150)
        await world.until(lambda: not world.left_over())
