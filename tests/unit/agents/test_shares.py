import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.agents.shares import LEAST_PER_MILLE, Part, refused, shares

PARTS = st.lists(
    st.builds(
        Part,
        name=st.sampled_from("abc"),
        tokens=st.integers(0, 300_000),
        weight=st.integers(1, 9),
        whole=st.booleans(),
    ),
    max_size=7,
)


@given(PARTS, st.integers(0, 400_000))
def test_shares_are_within_the_room_and_use_all_of_it(parts: list[Part], room: int) -> None:
    given_ = shares(parts, room)
    tokens = sum(part.tokens for part in parts)
    whole = sum(part.tokens for part in parts if part.whole)
    if given_ is None:
        assert tokens > room
        assert (room - whole) * 1000 < room * LEAST_PER_MILLE
        return
    assert sum(given_) == min(tokens, room)
    for part, share in zip(parts, given_, strict=True):
        assert 0 <= share <= part.tokens
        assert share == part.tokens or not part.whole


@given(PARTS, st.integers(1, 400_000))
def test_the_largest_is_cut_first(parts: list[Part], room: int) -> None:
    given_ = shares(parts, room)
    both = list(zip(parts, given_ or (), strict=False))
    cut = [(part, share) for part, share in both if share < part.tokens]
    kept = [part for part, share in both if share == part.tokens and not part.whole]
    for part, share in cut:
        for other in kept:  # but for the token that a division leaves over
            assert other.tokens * part.weight <= (share + 1) * other.weight + len(parts) * part.weight


@pytest.mark.parametrize(
    ("tokens", "weights", "room", "expected"),
    [
        ((100, 200), (1, 1), 300, (100, 200)),
        ((100, 900), (1, 1), 500, (100, 400)),
        ((900, 900), (1, 1), 1000, (500, 500)),
        ((900, 900), (3, 1), 1000, (750, 250)),
        ((100, 900, 900), (1, 1, 1), 1000, (100, 450, 450)),
        ((200_000,), (1,), 5_000, (5_000,)),
        ((), (), 10, ()),
    ],
)
def test_examples(
    tokens: tuple[int, ...], weights: tuple[int, ...], room: int, expected: tuple[int, ...]
) -> None:
    parts = [Part("x", some, weight) for some, weight in zip(tokens, weights, strict=True)]
    assert shares(parts, room) == expected


def test_what_cannot_be_cut_comes_first() -> None:
    assert shares([Part("id", 100, whole=True), Part("text", 9_000)], 1_000) == (100, 900)


def test_too_little_left_is_a_refusal_with_the_figures_of_all() -> None:
    parts = [Part("rules", 900, whole=True), Part("text", 9_000), *(Part(f"n{i}", i) for i in range(4))]
    assert shares(parts, 1_000) is None
    error = refused(parts, 1_000, "rules can't be cut")
    assert (error.tokens, error.room) == (9_906, 1_000)
    assert str(error) == (
        "its inputs are 9906 tokens (text: 9000, rules: 900, n3: 3, n2: 2, 2 more: 1), and there is room for "
        "1000; rules can't be cut"
    )
