"""The twin of Kafka beside a real broker: random lives, the same answers, the same records in the end.

`HYPOTHESIS_PROFILE=long` searches longer, anew each time.
"""

from collections.abc import Iterator
from itertools import count
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from support.effort import TIMEOUT_SECONDS, effort
from support.kafka_pair import PARTITIONS, KafkaPair, Side
from support.stack import StackThread

pytestmark = pytest.mark.timeout(TIMEOUT_SECONDS)

numbers = st.integers(0, PARTITIONS - 1)
offsets = st.integers(0, 12)
values = st.sampled_from([b"a", b"b", b"", b"\xff\x00"])
odd_numbers = st.sampled_from([0, 1, None, 2, -1])
firsts = st.dictionaries(numbers, st.integers(0, 4), max_size=2)


@pytest.fixture(scope="module")
def pair(stack: StackThread) -> Iterator[KafkaPair]:
    both = KafkaPair(stack.bootstrap_servers)
    yield both
    both.close()


class Life(RuleBasedStateMachine):
    """One life of a topic and of a group that reads it."""

    pair: ClassVar[KafkaPair]
    made: ClassVar["count[int]"] = count()

    def __init__(self) -> None:
        super().__init__()
        name = f"life-{next(self.made)}"
        self.pair.both(lambda side: side.begin(name))
        self.members: list[str] = []

    def teardown(self) -> None:
        self.pair.end()

    def agree(self, replies: tuple[object, object], what: object) -> None:
        assert replies[0] == replies[1], f"{what}\nreal: {replies[0]}\ntwin: {replies[1]}"
        self.pair.settle()

    # -- what is written

    @rule(number=odd_numbers, value=values, key=values)
    def send(self, number: int | None, value: bytes, key: bytes) -> None:
        self.agree(self.pair.both(lambda side: side.send(side.out(number, value, key))), "send")

    @rule(
        parts=st.lists(st.tuples(odd_numbers, values), max_size=8), large=st.booleans(), strange=st.booleans()
    )
    def send_many(self, parts: list[tuple[int | None, bytes]], large: bool, strange: bool) -> None:  # noqa: FBT001
        def ask(side: Side) -> object:
            records = [side.out(number, value) for number, value in parts]
            if large:
                records.insert(len(records) // 2, side.out(0, b"x" * 1_100_000))
            if strange:
                records.append(side.out(0, b"lost")._replace(topic=f"{side.topic}.none"))
            return side.send_many(records)

        self.agree(self.pair.both(ask), "send many")  # type: ignore[arg-type]

    @rule(number=numbers, some=st.lists(values, min_size=1, max_size=3), abort=st.booleans())
    def transaction(self, number: int, some: list[bytes], abort: bool) -> None:  # noqa: FBT001 - drawn
        ask = self.pair.both(lambda side: side.world.transact(side.at(number), *some, abort=abort))
        self.agree(ask, "transaction")

    @rule(number=numbers, part=st.integers(0, 4))
    def cut(self, number: int, part: int) -> None:
        async def ask(side: Side) -> object:
            where = side.at(number)
            start, end = await side.world.cluster.edges(where)
            await side.world.cut(where, start + (end - start) * part // 4)
            return await side.world.cluster.edges(where)

        self.agree(self.pair.both(ask), "cut")

    @precondition(lambda self: not self.members)
    @rule()
    def made_anew(self) -> None:
        self.agree(self.pair.both(lambda side: side.world.recreate(side.topic)), "made anew")

    # -- what is looked at

    @rule(number=numbers, offset=offsets)
    def look(self, number: int, offset: int) -> None:
        async def ask(side: Side) -> object:
            edges = await side.world.cluster.edges(side.at(number))
            return edges, await side.peek(number, offset), await side.scan(number, offset)

        self.agree(self.pair.both(ask), "look")

    @rule()
    def group(self) -> None:
        async def ask(side: Side) -> object:
            view = await side.world.cluster.group(side.group)
            return view.members, await side.committed()

        self.agree(self.pair.both(ask), "group")

    # -- who reads

    @precondition(lambda self: len(self.members) < PARTITIONS)
    @rule(first=firsts)
    def join(self, first: dict[int, int]) -> None:
        name = f"m{'01'[('m0' in self.members)]}"
        self.members.append(name)
        self.agree(self.pair.both(lambda side: side.join(name, dict(first))), "join")

    @precondition(lambda self: bool(self.members))
    @rule(index=numbers)
    def leave(self, index: int) -> None:
        name = self.members.pop(index % len(self.members))
        self.agree(self.pair.both(lambda side: side.leave(name)), "leave")

    @rule(number=numbers, offset=offsets, by_owner=st.booleans())
    def commit(self, number: int, offset: int, by_owner: bool) -> None:  # noqa: FBT001 - drawn
        async def ask(side: Side) -> object:
            await side.commit(number, offset, by_owner=by_owner)
            return await side.committed_as_told(number), await side.committed()

        self.agree(self.pair.both(ask), "commit")

    @rule(number=numbers, offset=offsets, some=st.lists(values, max_size=3))
    def seek(self, number: int, offset: int, some: list[bytes]) -> None:
        """Seek to what is there or not, while what was written just now is being fetched."""

        async def ask(side: Side) -> object:
            start, end = await side.world.cluster.edges(side.at(number))
            sent = await side.send_many([side.out(number, value) for value in some])
            if start < end:
                side.seek(number, start + offset % (end - start))
            return sent

        self.agree(self.pair.both(ask), "seek")

    @rule(number=numbers, paused=st.booleans())
    def pause(self, number: int, paused: bool) -> None:  # noqa: FBT001 - drawn
        async def ask(side: Side) -> None:
            side.pause(number, paused=paused)

        self.agree(self.pair.both(ask), "pause")


def test_random_lives_are_the_same_in_the_twin_as_on_the_real_broker(pair: KafkaPair) -> None:
    Life.pair = pair
    run_state_machine_as_test(Life, settings=effort(6, steps=25))
