"""The twin of the payload store beside a real one on files: random lives, the same answers after every step.

`HYPOTHESIS_PROFILE=long` searches longer, anew each time.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.payloads import ObstorePayloads, path_of
from argosy.broker.store import Payloads
from argosy.schemas.canonical import sha256_hex
from argosy.schemas.errors import ArgosyError
from support.effort import TIMEOUT_SECONDS, effort

pytestmark = pytest.mark.timeout(TIMEOUT_SECONDS)

FEW = [b"", b"a", b'{"a":1}', bytes(range(256)) * 300, b"x" * 1_100_000]
"""Met again and again; the last is hashed in a thread."""
DATA = st.sampled_from(FEW) | st.binary(max_size=40)
WHICH = st.integers(0, 9)
"""Of what lies there; or, now and then, what doesn't."""
YEARS = 1_000_000_000
"""No clock of the twin ever says so many seconds; every wall clock does."""
Answer = tuple[str, str | bytes | None]


class Life(RuleBasedStateMachine):
    """One life of both stores."""

    runner: ClassVar[asyncio.Runner]

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.folder = TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.twin = MemoryPayloads(clock=lambda: self.now)
        self.real = ObstorePayloads(self.root.as_uri())

    def teardown(self) -> None:
        self.folder.cleanup()

    def both(self, ask: Callable[[Payloads], Awaitable[str | bytes | None]]) -> Answer:
        """Ask both; they must answer alike."""
        real, twin = (self.runner.run(answer(ask, store)) for store in (self.real, self.twin))
        assert real == twin
        return real

    def name(self, which: int) -> str:
        there = sorted(self.twin.objects)
        return there[which % len(there)] if there and which else sha256_hex(b"never put")

    def young(self, sha256: str) -> None:
        """A file was written just now, by the wall clock; from here on its time is the twin's."""
        assert self.times()[sha256] > YEARS
        os.utime(self.root / path_of(sha256), (self.now, self.now))

    @initialize(several=st.lists(DATA, min_size=2, max_size=6))
    def begin(self, several: list[bytes]) -> None:
        for data in several:
            self.put(data)

    @rule(data=DATA)
    def put(self, data: bytes) -> None:
        kind, sha256 = self.both(lambda store: store.put(data))
        assert (kind, sha256) == ("", sha256_hex(data))
        self.young(sha256_hex(data))

    @rule(which=WHICH)
    def get(self, which: int) -> None:
        sha256 = self.name(which)
        kind, data = self.both(lambda store: store.get(sha256))
        assert kind or (isinstance(data, bytes) and sha256_hex(data) == sha256)

    @rule(which=WHICH)
    def touch(self, which: int) -> None:
        sha256 = self.name(which)
        kind, _ = self.both(lambda store: store.touch(sha256))
        if not kind:
            self.young(sha256)

    @rule(seconds=st.integers(1, 5))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(seconds=st.integers(3, 20))
    def collect(self, seconds: int) -> None:
        """As an outside rule by age does: an object that was last put longer ago than this goes."""
        old = [sha256 for sha256, at in self.times().items() if at < self.now - seconds]
        for sha256 in old:
            (self.root / path_of(sha256)).unlink()
        assert self.twin.collect(seconds) == len(old)

    @rule(which=WHICH, data=st.binary(max_size=3))
    def damage(self, which: int, data: bytes) -> None:
        """What lies there changes: the store must not hand it out."""
        sha256 = self.name(which)
        if sha256 in self.twin.objects:
            self.twin.objects[sha256] = data
            (self.root / path_of(sha256)).write_bytes(data)
            self.young(sha256)
            self.twin.written[sha256] = self.now

    def files(self) -> dict[str, Path]:
        return {path.name: path for path in self.root.rglob("*") if path.is_file()}

    def times(self) -> dict[str, float]:
        return {name: path.stat().st_mtime for name, path in self.files().items()}

    @invariant()
    def hold_the_same(self) -> None:
        assert {name: path.read_bytes() for name, path in self.files().items()} == self.twin.objects
        assert self.times() == self.twin.written


async def answer(ask: Callable[[Payloads], Awaitable[str | bytes | None]], store: Payloads) -> Answer:
    """The answer, or the kind of error."""
    try:
        return "", await ask(store)
    except ArgosyError as error:
        return error.code, None


def test_random_lives_are_the_same_in_the_twin_as_on_files() -> None:
    with asyncio.Runner() as runner:
        Life.runner = runner
        run_state_machine_as_test(Life, settings=effort(40, steps=30))
