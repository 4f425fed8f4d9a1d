"""What a lane's state says of a step that waits; clients read it to tell people what waits for them."""

from typing import Final

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from argosy.schemas.payload import Payload


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step that waits, or that signals came for before it does. Nobody changes one."""

    since_ms: int = 0
    until_ms: int = 0
    """0: it doesn't wait yet."""
    about: Payload | None = None
    """What an approval is about, once the lane has looked."""
    sha256: str = ""
    """Of the canonical JSON of that value: what an approval must name."""
    asked: int = 0
    """How often the lane was asked to look: at what it is about, at a signal's value."""
    queue: tuple[str, ...] = ()
    """Ids of the signals that came, in their order; the lane looks at the first one."""
    refused: int = 0
    """Signals that did not count."""
    refusal: str = ""
    """Why the last one of them did not."""


WAITING: Final = TypeAdapter(Waiting)


def waiting_field(step: str) -> str:
    """Name the field of a run's hash."""
    return f"w:{step}"


def wait_timer(step: str) -> str:
    """Name the timer that ends the wait."""
    return f"wait:{step}"
