"""Whether a word stands in a large text: the same answer as a plain search gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.agents.inputs import holds

FILLINGS = st.sampled_from([b" ", b"x", b"N", b"Na"])


@given(
    before=st.integers(0, 20_000),
    filling=FILLINGS,
    word=st.sampled_from([b"", b"NaN", b"Na N"]),
    after=st.integers(0, 9),
)
def test_a_word_is_found_as_by_a_plain_search(before: int, filling: bytes, word: bytes, after: int) -> None:
    data = filling * before + word + b"y" * after
    assert holds(data, b"NaN") == (b"NaN" in data)


@pytest.mark.parametrize("size", [0, 10, 4096, 100_000])
def test_a_word_at_either_end_is_found(size: int) -> None:
    assert holds(b"NaN" + b"N" * size, b"NaN")
    assert holds(b"N" * size + b"aN", b"NaN") == (size > 0)
