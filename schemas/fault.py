"""A fault: an error as it travels in records, and token usage beside it."""

from pydantic import BaseModel, ConfigDict

from argosy.schemas.errors import ArgosyError

MESSAGE_CHARACTERS = 2_000
"""A fault's text is cut here (and says so): a fault must always fit into a record."""


class Fault(BaseModel):
    """Why an attempt, a task or a run did not succeed. Small, typed, safe to show."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    code: str
    message: str
    retriable: bool = False
    after_ms: int | None = None
    task_id: str | None = None
    """The task where it began; set by the coordinator when the fault is passed on."""
    figures: dict[str, int] = {}
    """Numbers that explain it, such as `tokens`, `room`, `window`, `bytes`, `limit`."""


def fault_of(error: BaseException, *, retriable: bool | None = None) -> Fault:
    """Describe an error; one that isn't ours is a retriable `handler_error` that names its class."""
    text = str(error)
    if len(text) > MESSAGE_CHARACTERS:
        text = f"{text[:MESSAGE_CHARACTERS]}… ({len(text)} characters)"
    if isinstance(error, ArgosyError):
        figures = {name: value for name, value in vars(error).items() if type(value) is int}
        after_seconds: object = getattr(error, "after_seconds", None)
        after_ms = int(after_seconds * 1000) if isinstance(after_seconds, int | float) else None
        again = error.retriable if retriable is None else retriable
        return Fault(code=error.code, message=text, retriable=again, after_ms=after_ms, figures=figures)
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return Fault(code="handler_error", message=message, retriable=True if retriable is None else retriable)
