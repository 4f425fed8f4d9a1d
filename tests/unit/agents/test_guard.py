# ruff: noqa: ARG001 - a handler's parameters are its interface

import pytest

from argosy.agents.guard import Guard
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.schemas.contract import Above
from argosy.schemas.errors import ContextOverflow, ContextRefused


@agent(window=10_000, reserve=1_000, threshold=0.5)
async def think(ctx: Context, text: str) -> str:
    return text


def guard(above: Above = "refuse", *, window: int | None = 10_000, factor: int = 1000) -> Guard:
    return Guard(think.contract.model_copy(update={"above": above}), window, factor)


def test_the_room_is_the_safe_part_of_the_window_less_the_reserve() -> None:
    assert guard().room == 4_000


def test_the_learned_factor_makes_the_room_smaller() -> None:
    assert guard(factor=1250).room == 3_200


def test_without_a_window_there_is_no_bound() -> None:
    assert guard(window=None).room is None
    guard(window=None).check(10**9)


def test_a_prompt_that_fits_exactly_passes() -> None:
    guard().check(4_000)


def test_above_the_threshold_it_is_refused_with_figures() -> None:
    with pytest.raises(ContextRefused, match="4001 tokens and may have 4000") as caught:
        guard().check(4_001)
    assert (caught.value.tokens, caught.value.room, caught.value.window) == (4_001, 4_000, 10_000)


def test_where_the_contract_may_cut_it_is_planned_again() -> None:
    with pytest.raises(ContextOverflow) as caught:
        guard("paginate").check(5_000)
    assert caught.value.measured_tokens == 5_000


def test_what_the_model_measured_is_told_in_our_own_tokens() -> None:
    with pytest.raises(ContextOverflow) as caught:
        guard("summarise", factor=2000).measured(8_000)
    assert caught.value.measured_tokens == 4_000
