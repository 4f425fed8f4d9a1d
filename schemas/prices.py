"""What models cost, as data: micro-units of money (millionths of a dollar) for a million tokens. Integers only.

Prices change: `ARGOSY_MODEL__PRICES` says what yours are, and comes before this table.
"""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from argosy.schemas.chat import Usage

_MILLION: Final = 1_000_000


class Price(BaseModel):
    """Micro-units for a million tokens of prompts, and of answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    input: NonNegativeInt
    output: NonNegativeInt

    def of(self, usage: Usage) -> int:
        """Return the micro-units of a usage, rounded up: a budget must not leak by roundings."""
        whole = usage.input_tokens * self.input + usage.output_tokens * self.output
        return -(-whole // _MILLION)


PRICES: Final[Mapping[str, Price]] = {
    "openai:gpt-5": Price(input=1_250_000, output=10_000_000),
    "openai:gpt-5-mini": Price(input=250_000, output=2_000_000),
    "openai:gpt-5-nano": Price(input=50_000, output=400_000),
    "openai:gpt-4o": Price(input=2_500_000, output=10_000_000),
    "openai:gpt-4o-mini": Price(input=150_000, output=600_000),
}
"""List prices of late 2025."""


def price_of(given: Mapping[str, Price], provider: str, model: str) -> Price | None:
    """Find a model's price: what is `given` by `<provider>:<model>`, by model or `*`, then the table; else None."""
    whole = f"{provider}:{model}"
    return given.get(whole) or given.get(model) or PRICES.get(whole) or given.get("*")
