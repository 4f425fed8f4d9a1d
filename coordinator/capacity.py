"""The contract before dispatch: do the inputs fit the agent's window? Only sums."""

from typing import Final

from argosy.schemas.contract import Contract
from argosy.schemas.fault import Fault

REFUSED: Final = "context_refused"


def refusal(agent: str, contract: Contract, window: int | None, factor: int, tokens: int) -> Fault | None:
    """Say why `tokens` of input don't fit; None if they do, or if no window is known.

    The safe threshold of the window holds the inputs, as the model counts them (`factor`, per mille), and the
    reserve for the output.
    """
    needed = (tokens * factor + 999) // 1000
    if window is None or needed <= room_of(contract, window):
        return None
    return _refused(f"{agent}: its inputs are {needed} tokens", contract, window, needed)


def overflowed(
    agent: str, contract: Contract, window: int | None, measured: int, *, was_cut: bool = False
) -> Fault:
    """Make the same fault of an overflow that the worker measured; `was_cut`: it can't be cut once more."""
    what = f"{agent}: its prompt was measured to be {measured} tokens"
    return _refused(what, contract, window, measured, was_cut=was_cut)


def room_of(contract: Contract, window: int) -> int:
    """Tokens, as the model counts them, that all inputs of a task may have together."""
    return max(0, window * contract.threshold_per_mille // 1000 - contract.reserve)


def _refused(
    what: str, contract: Contract, window: int | None, tokens: int, *, was_cut: bool = False
) -> Fault:
    figures, text = {"tokens": tokens}, what
    if window is not None:
        room, share = room_of(contract, window), contract.threshold_per_mille
        figures |= {"room": room, "window": window}
        text += f", and there is room for {room}: window {window} x threshold {share}/1000"
        text += f" - reserve {contract.reserve}"
    if was_cut:
        text += "; it was cut as often as may be"
    elif contract.above != "refuse":
        text += f"; its contract says {contract.above!r}, which its run's rules can't do yet: refused"
    return Fault(code=REFUSED, message=text, figures=figures)
