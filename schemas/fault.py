"""A fault: an error as it travels in records, and token usage beside it."""

from typing import Annotated

from pydantic import ConfigDict, Field

from argosy.schemas.errors import ArgosyError
from argosy.schemas.late import Late
from argosy.schemas.redact import redact_text
from argosy.schemas.taint import UNTAINTED, Taint, is_untainted

MESSAGE_CHARACTERS = 2_000
"""A fault's text is cut here (and says so): a fault must always fit into a record."""
AFTER_SECONDS = 366 * 86_400
"""The longest wait that a fault may ask for: longer than any run, and still a number that everything can hold."""


class Fault(Late):
    """Why an attempt, a task or a run did not succeed. Small, typed, safe to show."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    code: str
    message: str
    retriable: bool = False
    after_ms: int | None = None
    task_id: str | None = None
    """The task where it began; set by the coordinator when the fault is passed on."""
    figures: dict[str, int] = Field(default_factory=dict[str, int], json_schema_extra={"default": {}})
    """Numbers that explain it, such as `tokens`, `room`, `window`, `bytes`, `limit`."""
    taint: Annotated[Taint, Field(exclude_if=is_untainted)] = UNTAINTED
    """Whose words its message may hold: all that its attempt had seen."""

    @property
    def said(self) -> str:
        """Code and message in one text, neither of them twice; the code alone where there is no message."""
        if not self.message:
            return self.code
        return self.message if self.message.startswith(f"{self.code}:") else f"{self.code}: {self.message}"

    def beside(self, outcome: str) -> str:
        """Say what it adds to an outcome that was just told: nothing, of a cancel without a reason."""
        return self.message if self.code == outcome else self.said


def fault_of(error: BaseException, *, retriable: bool | None = None) -> Fault:
    """Describe an error, whatever it is; one that isn't ours is a retriable `handler_error` that names its class.

    Secrets in its text are masked: it goes into records, logs and spans, and to whoever asks.

    Never raises: what handlers raise may be unable to say itself, and may say what JSON can't.
    """
    text = _text(error)
    if isinstance(error, ArgosyError):
        figures = {name: value for name, value in vars(error).items() if type(value) is int}
        again = error.retriable if retriable is None else retriable
        return Fault(
            code=str(error.code),
            message=text,
            retriable=bool(again),
            after_ms=_after_ms(error),
            figures=figures,
        )
    name = type(error).__name__
    message = f"{name}: {text}" if text else name
    return Fault(code="handler_error", message=message, retriable=True if retriable is None else retriable)


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException as second:  # noqa: BLE001 - an author's `__str__`: it may raise anything, as a handler may
        text = f"(its __str__ raised {type(second).__name__})"
    characters = len(text)
    # A secret that the cut goes through would be known no more.
    text = redact_text(text[: 2 * MESSAGE_CHARACTERS])
    text = text.encode(errors="backslashreplace").decode()  # a lone surrogate is no JSON
    if characters > MESSAGE_CHARACTERS:
        return f"{text[:MESSAGE_CHARACTERS]}… ({characters} characters)"
    return text


def _after_ms(error: ArgosyError) -> int | None:
    seconds: object = getattr(error, "after_seconds", None)
    if not isinstance(seconds, int | float) or seconds != seconds:  # noqa: PLR0124 - NaN
        return None
    return int(min(max(0.0, seconds), AFTER_SECONDS) * 1000)


def first_of(group: BaseExceptionGroup[BaseException]) -> ArgosyError | None:
    """Return the first error of ours in a group of concurrent failures, however deep it lies; None if there is none."""
    ours = group.subgroup(ArgosyError)
    while ours is not None:
        found = ours.exceptions[0]
        if isinstance(found, ArgosyError):
            return found
        ours = found
    return None
