"""Facts: what fold itself must read of a value, asked for by the dispatch and answered beside the result.

The value itself may lie in the payload store, which fold never reads. So whoever has the value in hand (the
worker with a result, the receiver with a run's input) answers the wants of all steps that depend on it.
"""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, JsonValue, NonNegativeInt

from argosy.schemas.late import Late
from argosy.schemas.payload import Payload, tainted
from argosy.schemas.taint import Taint

FACTS_BYTES: Final = 64 * 1024


class Want(Late):
    """One question about a value: `select` is JMESPath, absent = the whole value."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["value", "list", "size"]
    select: str | None = None

    @property
    def key(self) -> str:
        """The key under which the answer stands in `facts`."""
        return f"{self.kind}:{self.select or ''}"


class ValueFact(Late):
    """The selected JSON itself: for `when` and `unless` (small by nature)."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["value"]
    value: JsonValue


class ListFact(Late):
    """A list for a map: its length, and a manifest payload of its items."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["list"]
    length: NonNegativeInt
    most_tokens: int
    """Tokens of the largest item: what the contract of each shard is checked against."""
    manifest: Payload


class SizeFact(Late):
    """Size of a selected part, so that capacity is judged on what is really sent."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["size"]
    bytes: int
    tokens: int


class NoFact(Late):
    """The selection can't be answered: not a list, or a select that fails on this value."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["none"]
    reason: str


Fact = Annotated[ValueFact | ListFact | SizeFact | NoFact, Field(discriminator="kind")]
Facts = dict[str, Fact]


def tainted_facts(facts: Facts, taint: Taint) -> Facts:
    """Mark the lists that maps spread: each item is tainted as the value that it lies in."""
    if not taint:
        return facts
    return {
        key: fact.model_copy(update={"manifest": tainted(fact.manifest, taint)})
        if fact.kind == "list"
        else fact
        for key, fact in facts.items()
    }
