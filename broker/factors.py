"""What a model makes of our tokens: learned from the usage that its server told, by agent and model.

Advice: receivers pin it in runs that begin, and a run never sees it change. Lost, everything counts as it is counted.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from argosy.broker.keys import FleetKeys
from argosy.broker.store import Arg, Script, Store

KEPT_MS: Final = 90 * 86_400_000
WINDOW_TOKENS: Final = 2_000_000
"""By our count: above so many, older prompts begin to count less."""
LEAST_TOKENS: Final = 500
"""By our count: fewer say nothing."""
HEADROOM_PER_MILLE: Final = 50
"""On what was learned: the next text may be worse than those before."""
MOST_PER_MILLE: Final = 4_000
_ADD: Final = Script(__file__, "factors")


class Learnt(NamedTuple):
    """Tokens of the same prompts: by our count, by the model's."""

    ours: int = 0
    theirs: int = 0

    @property
    def factor(self) -> int:
        """Per mille; 1000 where the model finds no more than we do, or too little is known."""
        if self.ours < LEAST_TOKENS or self.theirs <= self.ours:
            return 1000
        return min(MOST_PER_MILLE, -(-self.theirs * (1000 + HEADROOM_PER_MILLE) // self.ours))


def field_of(agent: str, model: str) -> str:
    """Name what is learned of an agent and its model."""
    return f"{agent} {model}"


async def add(store: Store, key_prefix: str, learnt: Mapping[str, Learnt]) -> None:
    """Add what was learned, by `field_of`. Raises Unreachable and Refused."""
    args: list[Arg] = [KEPT_MS, WINDOW_TOKENS]
    for field, each in learnt.items():
        args += [field, each.ours, each.theirs]
    await store.run(_ADD, [FleetKeys(key_prefix).factors], args)


async def factors(store: Store, key_prefix: str) -> Mapping[str, int]:
    """Read all factors that are not 1000, by `field_of`. Raises Unreachable and Refused."""
    found: dict[str, int] = {}
    for field, said in (await store.hgetall(FleetKeys(key_prefix).factors)).items():
        ours, _, theirs = said.partition(b" ")
        if ours.isdigit() and theirs.isdigit():
            factor = Learnt(int(ours), int(theirs)).factor
            if factor != 1000:  # noqa: PLR2004 - as it is counted
                found[field.decode(errors="replace")] = factor
    return found
