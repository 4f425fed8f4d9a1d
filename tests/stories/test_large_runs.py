"""Stories of large runs: names that meet, big joins, storms of entries, and what Kafka doesn't take."""

import asyncio
from collections.abc import Sequence
from unittest.mock import patch

import pytest

from argosy import RunFailed
from argosy.broker.log import Outgoing
from argosy.broker.memory_broker import MemoryBroker
from argosy.broker.script import Arg, Script
from argosy.coordinator.writes import MOST_BYTES, MOST_KEYS
from argosy.schemas.errors import MessageTooLarge, Refused
from support.tale import Tale, tell
from support.tale_cast import large, outer, wide


def test_s13_steps_of_one_name_inside_and_outside_of_a_pipeline_are_different_tasks() -> None:
    # Iterations of loops: `test_loops.py`. Plans that planners make, where the story was first told too, are not built.
    async def story(tale: Tale) -> None:
        run = await tale.stage.client.submit(outer, ["x", "y"], run_id="r")
        assert await run.result() == "x r/first.0/first 1! y r/first.1/first 1! x! y!"

    tale = tell(story)
    assert len(tale.handled) == len(set(tale.handled)) == 7


def test_s14_a_big_join_makes_neither_a_big_message_nor_a_big_hash() -> None:
    sizes, hashes = list[int](), list[int]()

    async def story(tale: Tale) -> None:
        def appended(_who: str, record: Outgoing, _partition: int, _offset: int) -> None:
            sizes.append(len(record.value))

        def ran(_who: str, script: Script, _keys: object, _args: Sequence[Arg], _reply: object) -> None:
            if script.name == "commit":
                for fields in tale.hashes("run").values():
                    hashes.append(sum(len(field) + len(stored) for field, stored in fields.items()))

        tale.world.observer.on_append.append(appended)
        tale.world.observer.on_script.append(ran)
        run = await tale.stage.client.submit(large, ["x" * 60_000] * 40, run_id="r")
        assert await run.result() == 40 * 60_001

    tell(story)
    assert max(sizes) < 80_000  # the join's inputs, 2.4 MB, went to the payload store as one
    assert max(hashes) < 3_000_000


@pytest.mark.parametrize("topic", ["argosy.tasks.first", "argosy.runs"])
def test_s15_an_error_of_kafka_that_may_pass_fails_no_attempt(topic: str) -> None:
    plain, refused = MemoryBroker.append, list[str]()

    def append(broker: MemoryBroker, record: Outgoing) -> tuple[int, int]:
        if record.topic == topic and len(refused) < 4:
            refused.append(topic)
            message = "not authorised, as long as the rights are being mended"
            raise Refused(message)
        return plain(broker, record)

    async def story(tale: Tale) -> None:
        with patch.object(MemoryBroker, "append", append):
            assert (await (await tale.submit("x", "r")).result(timeout_seconds=60)).startswith("x")

    tale = tell(story)
    assert len(refused) == 4
    assert tale.handled == ["r/first", "r/second"]
    assert all(
        b"#1" in dict(order.headers)["ce_id"]
        for order in tale.records("argosy.tasks.first", "task.dispatched")
    )


def test_s15_a_dispatch_that_kafka_will_never_take_fails_its_attempt() -> None:
    plain = MemoryBroker.append

    def append(broker: MemoryBroker, record: Outgoing) -> tuple[int, int]:
        if record.topic.startswith("argosy.tasks") and len(record.value) > 5_000:
            message = "more than this topic takes"
            raise MessageTooLarge(message)
        return plain(broker, record)

    async def story(tale: Tale) -> None:
        with patch.object(MemoryBroker, "append", append):
            bad = await tale.submit("x" * 12_000, "bad")
            with pytest.raises(RunFailed, match="larger than Kafka takes"):
                await bad.result(timeout_seconds=60)
            assert (await (await tale.submit("y", "good")).result()).startswith("y")

    assert tell(story).handled == ["good/first", "good/second"]


def test_s19_a_thousand_entries_at_once_are_committed_in_bounded_parts() -> None:
    keys_most, bytes_most = list[int](), list[int]()

    async def story(tale: Tale) -> None:
        def ran(_who: str, script: Script, keys: Sequence[str], args: Sequence[Arg], _reply: object) -> None:
            if script.name == "commit":
                keys_most.append(len(keys))
                bytes_most.append(sum(len(str(arg)) for arg in args))

        tale.world.observer.on_script.append(ran)
        tale.pause("worker-1", 8.0)
        run = await tale.stage.client.submit(wide, ["x"] * 400, run_id="r")
        await tale.until(lambda: len(tale.records("argosy.tasks.first", "task.dispatched")) >= 50)
        await run.cancel("enough")
        await tale.until(tale.results)
        await asyncio.sleep(10)

    tell(story, fleet={"dispatch_window": 64})
    assert max(keys_most) <= MOST_KEYS + 2
    assert max(bytes_most) <= MOST_BYTES
