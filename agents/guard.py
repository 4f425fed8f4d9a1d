"""The contract again, before each model call.

Does the prompt fit the safe part of the agent's context window?
"""

from dataclasses import dataclass

from argosy.schemas.contract import Contract
from argosy.schemas.errors import ContextOverflow, ContextRefused


@dataclass(frozen=True, slots=True)
class Guard:
    """What an agent's model calls may take; `window` None: no limit is known.

    Our count of tokens times `factor` (per mille, learned from usage, pinned by the run) is the model's.
    """

    contract: Contract
    window: int | None
    factor: int = 1000

    @property
    def room(self) -> int | None:
        """Tokens, as we count them, that a prompt may have: the safe part of the window less the reserve."""
        if self.window is None:
            return None
        safe = self.window * self.contract.threshold_per_mille // 1000 - self.contract.reserve
        return max(0, safe * 1000 // self.factor)

    def share(self, tokens: int) -> float | None:
        """Return the share of the whole window that a prompt of so many tokens and the reserve take."""
        if not self.window:
            return None
        return (tokens * self.factor // 1000 + self.contract.reserve) / self.window

    def check(self, tokens: int) -> None:
        """Raise if a prompt (system prompt and tool schemas included) is over the safe threshold.

        ContextRefused where the contract says `refuse`; else ContextOverflow, and the coordinator plans the
        task again.
        """
        if self.room is not None and tokens > self.room:
            self._raise(tokens)

    def measured(self, tokens: int) -> None:
        """Raise for a prompt that the model itself found too large, of so many tokens by its own count."""
        self._raise(max(1, tokens * 1000 // self.factor))

    def _raise(self, tokens: int) -> None:
        room, window = self.room or 0, self.window or 0
        if self.contract.above == "refuse":
            percent = f"{self.contract.threshold_per_mille / 10:g} %"
            message = (
                f"the prompt has {tokens} tokens and may have {room}: {percent} of a window of {window}, "
                f"less {self.contract.reserve} for the output"
            )
            raise ContextRefused(message, tokens=tokens, room=room, window=window)
        message = f"the prompt has {tokens} tokens, {room} may be: it is to be cut ({self.contract.above})"
        raise ContextOverflow(message, measured_tokens=tokens)
