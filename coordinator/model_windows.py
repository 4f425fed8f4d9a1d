"""The context window of an agent's model, pinned when a run is accepted."""

from typing import Final

from argosy.schemas.contract import Contract
from argosy.schemas.settings import ModelSettings

KNOWN: Final[tuple[tuple[str, int], ...]] = (
    ("gpt-5", 400_000),
    ("gpt-4.1", 1_047_576),
    ("gpt-4o", 128_000),
    ("o3", 200_000),
    ("o4-mini", 200_000),
    ("claude", 200_000),
    ("gemini", 1_048_576),
)
"""By the beginning of the model's name, as their makers tell it.

`ARGOSY_MODEL__WINDOWS` adds to it and overrules it.
"""


def window_of(contract: Contract, settings: ModelSettings) -> int | None:
    """Return the window in tokens; None: no limit is known.

    The contract's own word counts before the model's.
    """
    if contract.model is None:
        return contract.window
    model = contract.model if settings.replace_with is None else settings.replace_with
    replaced = settings.window if settings.replace_with is not None else None
    known = settings.windows.get(model) or replaced or _known(model)
    if contract.window is None:
        return known
    # A model put in the place of another one can't see more than it can.
    return contract.window if replaced is None else min(contract.window, replaced)


def _known(model: str) -> int | None:
    name = model.rpartition(":")[2]
    return next((window for start, window in KNOWN if name.startswith(start)), None)
