"""The front of a sorted set against the whole set."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from argosy.coordinator.front import Front

MEMBERS = st.sampled_from([f"m{n}" for n in range(40)])
SCORES = st.integers(0, 20)


class FrontMachine(RuleBasedStateMachine):
    """What is taken, in which order, is what the whole set would have given; whatever the front keeps of it."""

    def __init__(self) -> None:
        super().__init__()
        self.front = Front(fill=4)
        self.whole: dict[str, int] = {}
        self.taken: set[str] = set()

    @rule(member=MEMBERS, score=SCORES)
    def add(self, member: str, score: int) -> None:
        if member not in self.taken:
            self.whole[member] = score
            self.front.add(member, score)

    @rule(member=MEMBERS)
    def remove(self, member: str) -> None:
        self.whole.pop(member, None)
        self.taken.discard(member)
        self.front.remove(member)

    @rule()
    def fill(self) -> None:
        if self.front.short:
            self._fill()

    def _fill(self) -> None:
        asked = self.front.to_read()
        ordered = sorted(self.whole.items(), key=lambda pair: (pair[1], pair[0]))
        self.front.fill([(member, float(score)) for member, score in ordered[:asked]], asked)

    @rule(upto=SCORES, limit=st.integers(1, 3))
    def take(self, upto: int, limit: int) -> None:
        self.fill()
        waiting = sorted((score, member) for member, score in self.whole.items() if member not in self.taken)
        expected = [member for score, member in waiting if score <= upto][:limit]
        found = self.front.take(upto, limit)
        assert found == expected[: len(found)]
        assert len(found) == len(expected) or self.front.short
        self.taken.update(found)

    @rule(member=MEMBERS)
    def give_back(self, member: str) -> None:
        if member in self.taken:
            self.taken.discard(member)
            self.front.give_back(member)

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.front) <= 4 * 4 + len(self.taken) + 1

    @invariant()
    def empty_is_never_claimed_wrongly(self) -> None:
        assert not (self.front.empty and self.whole)


TestFront = FrontMachine.TestCase
TestFront.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)


@given(st.lists(st.tuples(MEMBERS, SCORES), min_size=1))
def test_what_was_removed_is_not_taken(entries: list[tuple[str, int]]) -> None:
    front = Front(fill=4)
    for member, score in entries:
        front.add(member, score)
    gone = entries[0][0]
    front.remove(gone)
    assert gone not in front.take(100, 1_000)
