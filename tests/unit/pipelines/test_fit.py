from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NewType, Optional, Protocol

import pytest
from pydantic import BaseModel, Field, JsonValue

from argosy.pipelines.annotation import describe
from argosy.pipelines.fit import fits
from argosy.schemas.hole import Hole


class Page(BaseModel):
    text: str


class LongPage(Page):
    number: int


class Named(Protocol):
    name: str


UserId = NewType("UserId", str)

YES: list[tuple[Any, Any]] = [
    (int, int),
    (bool, int),
    (int, float),
    (LongPage, Page),
    (list[LongPage], list[Page]),
    (list[int], Sequence[float]),
    (list[int], list),
    (tuple[int, ...], Sequence[int]),
    (tuple[int, bool], Sequence[int]),
    (dict[str, int], Mapping[str, float]),
    (Page, Page | None),
    (Page | Hole, Page | Hole),
    (Page, Page | Hole),
    (None, Optional[int]),  # noqa: UP045 - both spellings
    (list[list[int] | Hole], Sequence[list[int] | Hole]),
    (Annotated[int, Field(gt=0)], int),
    (int, Annotated[int, Field(gt=0)]),
    (UserId, str),
    (Literal["a"], Literal["a", "b"]),
    (Literal["a"], str),
    (Any, Page),
    (Page, Any),
    (str, object),
    (list[str], JsonValue),
    (Page, Named),
]

NO: list[tuple[Any, Any]] = [
    (str, int),
    (float, int),
    (Page, LongPage),
    (list[str], list[int]),
    (str, Sequence[str]),
    (str, Iterable),
    (Page | None, Page),
    (Page | Hole, Page),
    (list[list[int] | Hole], list[list[int]]),
    (dict[str, str], Mapping[str, int]),
    (Literal["c"], Literal["a", "b"]),
    (str, Literal["a"]),
    (Literal[1], str),
    (list[int], Page),
    (tuple[int, str], Sequence[int]),
    (None, int),
]


@pytest.mark.parametrize(
    ("given", "wanted"), YES, ids=[f"{describe(g)} to {describe(w)} {i}" for i, (g, w) in enumerate(YES)]
)
def test_a_value_that_fits_is_let_through(given: object, wanted: object) -> None:
    assert fits(given, wanted)


@pytest.mark.parametrize(
    ("given", "wanted"), NO, ids=[f"{describe(g)} to {describe(w)} {i}" for i, (g, w) in enumerate(NO)]
)
def test_a_value_that_cannot_fit_is_refused(given: object, wanted: object) -> None:
    assert not fits(given, wanted)
