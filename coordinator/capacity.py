"""The contract before dispatch: do the inputs fit the agent's context window? Only sums; tokens were counted by who made them."""

from typing import Final

from argosy.schemas.contract import Contract
from argosy.schemas.fault import Fault

REFUSED: Final = "context_refused"


def refusal(agent: str, contract: Contract, window: int | None, factor: int, tokens: int) -> Fault | None:
    """Say why `tokens` of input don't fit; None if they do, or if no window is known.

    The safe threshold of the window holds the inputs, as the model counts them (`factor`, per mille), and the
    reserve for the output.
    """
    if window is None:
        return None
    room = max(0, window * contract.threshold_per_mille // 1000 - contract.reserve)
    needed = (tokens * factor + 999) // 1000
    return None if needed <= room else _refused(agent, contract, window, room, needed, "its inputs are")


def overflowed(
    agent: str, contract: Contract, window: int | None, measured: int | None, fault: Fault | None
) -> Fault:
    """Make the same fault of an overflow that the worker measured."""
    if measured is None:
        text = "the prompt was larger than its window" if fault is None else fault.message
        return Fault(code=REFUSED, message=text, figures={} if fault is None else fault.figures)
    room = 0 if window is None else max(0, window * contract.threshold_per_mille // 1000 - contract.reserve)
    return _refused(agent, contract, window or 0, room, measured, "its prompt was measured to be")


def _refused(agent: str, contract: Contract, window: int, room: int, tokens: int, what: str) -> Fault:
    text = (
        f"{agent}: {what} {tokens} tokens, and there is room for {room}: window {window} x threshold "
        f"{contract.threshold_per_mille}/1000 - reserve {contract.reserve}"
    )
    if contract.above != "refuse":
        text += f"; its contract says {contract.above!r}, which rules 1 can't do: it is refused"
    return Fault(code=REFUSED, message=text, figures={"tokens": tokens, "room": room, "window": window})
