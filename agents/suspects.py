"""Suspects: tasks with a lost lease behind them.

A worker runs one at a time, so that only the guilty one dies again.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Suspects:
    """One token for the whole process.

    Of all claims under way one may bring a suspect, and none while one runs.
    """

    _token_out: bool = False
    _running: int = 0

    def may_claim(self) -> bool:
        """Take the token for a claim if it is there; give it back with `claimed`."""
        if self._token_out or self._running:
            return False
        self._token_out = True
        return True

    def claimed(self, *, suspect: bool) -> None:
        """Give the token back: the claim was answered; `suspect`: one was granted, and now runs."""
        self._token_out = False
        if suspect:
            self._running += 1

    def ended(self) -> None:
        """Say that a suspect that ran here has ended."""
        self._running -= 1
