import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.schemas.ids import is_name, is_run_id, lane_of, local_part, new_run_id, step_of, task_id


def test_a_new_run_id_is_a_ulid_and_later_ones_sort_later() -> None:
    ids = [new_run_id() for _ in range(200)]
    assert all(re.fullmatch(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", run_id) for run_id in ids)
    assert len(set(ids)) == 200
    assert [run_id[:10] for run_id in ids] == sorted(run_id[:10] for run_id in ids)


@pytest.mark.parametrize("bad", ["", "a/b", "run 1", "run\n", "ü", "x" * 129])
def test_a_run_id_holds_no_slash_no_space_no_newline_and_at_most_128_characters(bad: str) -> None:
    assert not is_run_id(bad)


@pytest.mark.parametrize("bad", ["", "Research", "1st", "a.b", "a~b", "a\n", "x" * 64])
def test_a_name_starts_with_a_small_letter_and_has_no_dot_or_tilde(bad: str) -> None:
    assert not is_name(bad)


@given(
    st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9_-]{0,62}", fullmatch=True),
)
def test_a_task_id_gives_back_its_run_its_step_and_its_shard(run_id: str, step: str) -> None:
    assert is_run_id(run_id)
    assert is_name(step)
    assert task_id(run_id, step) == f"{run_id}/{step}"
    assert step_of(local_part(task_id(run_id, step))) == (step, None)
    assert step_of(local_part(task_id(run_id, step, 17))) == (step, 17)


def test_the_lane_is_crc32_of_the_run_id_so_that_any_language_finds_it() -> None:
    assert lane_of("123456789", 8) == 0xCBF43926 % 8
    assert lane_of("123456789", 1 << 32) == 0xCBF43926  # the check value of CRC-32
