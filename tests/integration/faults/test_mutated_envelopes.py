"""Thousands of mutated records in every topic that strangers reach: each bad one is told once, memory stays flat."""

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pytest

from argosy.agents import order
from argosy.broker.log import Record
from argosy.coordinator import lane_record
from argosy.schemas.deadletter import DeadLetter
from argosy.schemas.errors import BadMessage, NewerVersion
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunAccepted
from support.diamonds import Diamonds
from support.fault_world import STEADY, FaultWorld, Ground, Kept, client_of, fault_world
from support.forks import Forks
from support.mutations import Mutated, mutations
from support.raw_kafka import Stranger, stranger
from support.stack import StackThread
from support.witness import Line

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600)]

MANY: Final = int(os.environ.get("ARGOSY_TEST_MUTATIONS", "2000"))
SEED: Final = int(os.environ.get("ARGOSY_TEST_SEED", "1"))
TOGETHER: Final = 600
"""Are sent together."""
PARTS: Final = 3
"""The first of so many parts isn't measured: buffers and caches fill, heaps grow to what the largest needs."""
FLAT_BYTES: Final = 48 * 1024 * 1024
"""May be added to a process while all the rest is read: what caches and fragments take, however many there are."""
Position = tuple[str, int, int]
Answer = SubmitRefused | RunAccepted


def newer(one: Mutated) -> bool:
    """Whether trusted topics would wait for a roll-out because of it, as they should."""
    return one.topic in ("runs", "tasks.harm") and _verdict(one) == "newer"


def _verdict(one: Mutated, lanes: int = 1) -> str:
    given = tuple((name, value or b"") for name, value in one.headers)
    record = Record(one.topic, one.partition, 0, 0, b"key", one.value, given)
    try:
        if one.topic == "runs":
            lane_record.read(record)
        elif (body := order.decode(record).body).agent != "harm" or not 0 <= body.lane < lanes:
            return "bad"
    except BadMessage:
        return "bad"
    except NewerVersion:
        return "newer"
    return "good"


async def send(other: Stranger, prefix: str, some: Iterable[Mutated]) -> dict[Position, Mutated]:
    """Append them all; where each lies."""
    sending = [
        (one, await other.begin(f"{prefix}.{one.topic}", one.value, one.headers, one.partition))
        for one in some
    ]
    sent: dict[Position, Mutated] = {}
    for one, future in sending:
        done = await future
        sent[done.topic, done.partition, done.offset] = one
    return sent


def memory(place: Kept) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{place.process.pid}/statm").read_text("ascii").split()[1]) * 4096


async def all_read(world: FaultWorld, seconds: float) -> None:
    """Wait until no group is behind."""

    lag = await world.witness.lag()
    try:
        async with asyncio.timeout(seconds):
            while lag := await world.witness.lag():  # noqa: ASYNC110 - it is other processes that read
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"never read: {lag}") from None


def told(lines: Iterable[Line]) -> tuple[Counter[Position], Mapping[Position, list[Answer]]]:
    """How often each position became a dead letter; what each of the inbox was answered, repeats left out."""
    buried: Counter[Position] = Counter()
    answered: defaultdict[Position, list[Answer]] = defaultdict(list)
    for line in lines:
        match line.message:
            case DeadLetter(topic=topic, partition=partition, offset=offset):
                buried[topic, partition, offset] += 1
            case SubmitRefused(position=position) | RunAccepted(position=position):
                number, _, at = position.partition("/")
                if number.isdigit() and at.isdigit():
                    said = answered["inbox", int(number), int(at)]
                    if line.message not in said:
                        said.append(line.message)
            case _:
                pass
    return buried, answered


def judged(sent: dict[Position, Mutated], lines: list[Line], prefix: str, lanes: int) -> None:
    """Each bad one was told once, and no good one was.

    A receiver that lost its group and takes a record of the inbox again may answer it again, with the same words.
    """
    buried, answered = told(lines)
    wrong: list[str] = []
    for (topic, partition, offset), one in sent.items():
        letters, said = buried[topic, partition, offset], answered.get((one.topic, partition, offset), [])
        if one.topic == "inbox":
            # Of two runs that want one id the second stands in the run log too, and its lane refuses it.
            conflicts = [
                found for found in said if isinstance(found, SubmitRefused) and found.reason == "conflict"
            ]
            answers = len(conflicts or said)
            passed_on = any(
                kind in (dict(one.headers).get("ce_type") or b"") for kind in (b"signal", b"cancel")
            )
            # What can't be read is kept, and answered as well where it tells whose it is; a good one is a run.
            right = max(letters, answers) == 1 or (letters == answers == 0 and passed_on)
        elif one.topic in ("runs", "tasks.harm"):
            right = letters == (_verdict(one, lanes) == "bad")
        else:
            right = letters == 0  # clients pass it by
        if not right:
            wrong.append(f"{topic}/{partition}/{offset}: {letters} letters, {said}: {one}"[:900])
    assert not wrong, f"{len(wrong)} of {len(sent)}:\n" + "\n".join(wrong[:5])
    strange = set(buried) - set(sent)
    assert not strange, f"letters of what nobody sent to {prefix}: {list(strange)[:5]}"


async def test_mutated_records_are_each_told_once_and_memory_stays_flat(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with (
        fault_world(ground, variables=STEADY) as world,
        client_of(world) as client,
        stranger(world.settings) as other,
    ):
        before = Diamonds(world, client)
        await before.submit(2)
        await before.ended()
        some = (one for one in mutations(SEED, MANY) if not newer(one))
        sent: dict[Position, Mutated] = {}
        at_first: list[int] = []
        chunk: list[Mutated] = []
        for number, one in enumerate(some, 1):
            chunk.append(one)
            if len(chunk) == TOGETHER:
                sent |= await send(other, world.name, chunk)
                chunk.clear()
                await all_read(world, 600)
                if not at_first and number >= MANY // PARTS:
                    at_first = [memory(place) for place in world.places]
            assert number <= MANY
        sent |= await send(other, world.name, chunk)
        await all_read(world, 600)
        grown = [memory(place) - first for place, first in zip(world.places, at_first, strict=True)]
        assert max(grown) < FLAT_BYTES, f"coordinator and worker have grown by {grown} bytes"
        assert world.restarts == 0, world.said()[-3000:]
        await before.submit(4)  # the same client, the same processes
        await before.ended()
        await world.until_quiet()
        judged(sent, await world.witness.read({}), world.name, world.settings.fleet.lanes)
