"""Join policies: when a step or a map may go on although not all is there."""

from dataclasses import dataclass

from pydantic import ValidationError

from argosy.schemas.edges import Join
from argosy.schemas.errors import BuildError


@dataclass(frozen=True, slots=True)
class AllOf:
    """All must have succeeded: there are no holes."""


@dataclass(frozen=True, slots=True)
class Partial:
    """What didn't succeed, or isn't there when the join fires, is a hole."""

    join: Join


def all_of() -> AllOf:
    """Wait for all; one that did not succeed fails a map, and skips a step. The default."""
    return AllOf()


def all_ended() -> Partial:
    """Wait until all have ended, however they did."""
    return Partial(Join(policy="all_ended"))


def any_of(*, within_seconds: float | None = None) -> Partial:
    """Go on at the first success; fail when there can be none, or after `within_seconds`."""
    return _made("any_of", policy="any", within_seconds=within_seconds)


def quorum(n_or_share: float, /, *, within_seconds: float | None = None) -> Partial:
    """Go on at `n` successes (an int), or at a share of all (a float up to 1.0).

    Fail when that is out of reach, or after `within_seconds` from the first parent's end (of a map: from its
    start).
    """
    counted = isinstance(n_or_share, int)
    if isinstance(n_or_share, bool) or n_or_share <= 0 or (not counted and n_or_share > 1):
        raise BuildError(
            what=f"quorum({n_or_share!r})",
            why="a quorum is a number of successes (an int from 1) or a share of all (a float up to 1.0)",
            do="write quorum(3) or quorum(0.9)",
        )
    return _made(
        "quorum",
        policy="quorum",
        count=n_or_share if counted else None,
        share=None if counted else n_or_share,
        within_seconds=within_seconds,
    )


def by_deadline(seconds: float, /, *, at_least: int = 0) -> Partial:
    """Go on when all have ended, or after `seconds` from the first parent's end (of a map: its start).

    Fail then if fewer than `at_least` succeeded.
    """
    return _made("by_deadline", policy="deadline", count=at_least or None, within_seconds=seconds)


def _made(call: str, **numbers: str | float | None) -> Partial:
    try:
        return Partial(Join.model_validate(numbers))
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        raise BuildError(
            what=f"{call}: {found['loc'][0]}={found['input']!r}",
            why=found["msg"],
            do="give seconds above 0 and whole numbers of successes",
        ) from None
