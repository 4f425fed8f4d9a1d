"""The twin of Redis beside a real Valkey: random lives, the same replies and the same keys after every step.

`HYPOTHESIS_PROFILE=long` searches longer, anew each time.
"""

from collections.abc import Iterator
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from argosy.broker.script import Script
from support.effort import TIMEOUT_SECONDS, effort
from support.redis_calls import BEGIN, CALLS, Call
from support.redis_ops import ALL_KEYS, EVERYTHING, FAMILIES, MANY, ODD, Op, batches, in_order
from support.redis_ops import keys as some_keys
from support.redis_pair import Pair, RedisPair
from support.redis_values import VALUES
from support.valkey import Valkey

pytestmark = pytest.mark.timeout(TIMEOUT_SECONDS)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisPair]:
    with Valkey(tmp_path_factory.mktemp("valkey")) as server:
        both = RedisPair(server)
        yield both
        both.close()


class Life(RuleBasedStateMachine):
    """One life of both servers."""

    pair: ClassVar[RedisPair]

    def __init__(self) -> None:
        super().__init__()
        self.pair.clear()

    @initialize(number=st.integers(0, len(FAMILIES)))
    def begin(self, number: int) -> None:
        """Mostly commands of one kind of value, so that they meet what they are for; or all mixed up."""
        self.family = [*FAMILIES, EVERYTHING][number]

    def agree(self, replies: Pair, what: object) -> None:
        assert self.pair.same(replies), f"{what}\nreal: {replies[0]}\ntwin: {replies[1]}"
        real, twin = self.pair.dumps()
        assert self.pair.same((real, twin)), f"after {what}\nreal: {real}\ntwin: {twin}"

    def much(self, calls: list[Call], operations: list[Op]) -> None:
        for call in calls:
            self.agree(self.pair.script(call.script, call.keys, call.args), call)
        for operation in operations:
            self.agree(self.pair.command(*operation), operation)
        for batch in batches(operations, 3):
            self.agree(self.pair.script(MANY, ALL_KEYS, batch), operations)

    @rule(data=st.data())
    def command(self, data: st.DataObject) -> None:
        operation = data.draw(st.one_of(self.family, *ODD))
        self.agree(self.pair.command(*operation), operation)

    @rule(data=st.data(), size=st.integers(1, 8))
    def script(self, data: st.DataObject, size: int) -> None:
        some = st.one_of(self.family, *ODD).filter(in_order)
        operations = data.draw(st.lists(some, min_size=1, max_size=size))
        self.agree(self.pair.script(MANY, ALL_KEYS, batches(operations, size)[0]), operations)

    @rule(data=st.data())
    def scripts_of_one_turn(self, data: st.DataObject) -> None:
        operations = data.draw(st.lists(self.family.filter(in_order), min_size=2, max_size=6))
        self.agree(self.pair.together(MANY, ALL_KEYS, batches(operations, 1)), operations)

    @rule(calls=st.lists(CALLS, min_size=1, max_size=4), begin=st.booleans())
    def our_scripts(self, calls: list[Call], begin: bool) -> None:  # noqa: FBT001 - drawn
        for call in (*(BEGIN if begin else ()), *calls):
            self.agree(self.pair.script(call.script, call.keys, call.args), call)

    @rule(text=VALUES)
    def values(self, text: str) -> None:
        self.agree(self.pair.script(Script.of_text("value", text), ALL_KEYS, []), text)

    @rule(key=some_keys, milliseconds=st.integers(1, 20), operation=EVERYTHING.filter(in_order))
    def a_key_lapses_before_a_script_meets_it(self, key: bytes, milliseconds: int, operation: Op) -> None:
        replies = self.pair.command(b"PEXPIRE", key, b"%d" % milliseconds)
        assert self.pair.same(replies), key
        if replies[0] == 1:
            self.pair.lapse(milliseconds)
        self.agree(self.pair.script(MANY, ALL_KEYS, batches([operation], 1)[0]), operation)

    @rule(key=some_keys, size=st.sampled_from([65, 5_000, 1_000_000]))
    def large(self, key: bytes, size: int) -> None:
        for operation in ((b"SET", key, b"x" * size), (b"GET", key), (b"HSET", key, b"f", b"y" * size)):
            self.agree(self.pair.command(*operation), (operation[:2], size))

    @rule(
        calls=st.lists(CALLS, min_size=1, max_size=3),
        operations=st.lists(EVERYTHING.filter(in_order), max_size=6),
    )
    def no_memory_is_left(self, calls: list[Call], operations: list[Op]) -> None:
        self.pair.fill()
        self.much(calls, operations)
        self.pair.fill(full=False)

    @rule(
        calls=st.lists(CALLS, min_size=1, max_size=3),
        operations=st.lists(EVERYTHING.filter(in_order), max_size=6),
    )
    def nothing_may_be_written(self, calls: list[Call], operations: list[Op]) -> None:
        self.pair.lose_replicas()
        self.much(calls, operations)
        self.pair.lose_replicas(lost=False)

    @rule()
    def scripts_are_forgotten(self) -> None:
        self.pair.forget_scripts()

    @rule()
    def wiped(self) -> None:
        self.agree(self.pair.command(b"FLUSHALL"), "FLUSHALL")


def test_random_lives_are_the_same_in_the_twin_as_on_the_real_server(pair: RedisPair) -> None:
    Life.pair = pair
    run_state_machine_as_test(Life, settings=effort(40, steps=30))
