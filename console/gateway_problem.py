"""What the gateway says when it can't do what was asked: a status, and what, why, do."""

from collections.abc import Mapping
from typing import Final, Self

from starlette.responses import JSONResponse

from argosy.console.output import three_parts
from argosy.schemas.errors import (
    Advice,
    ArgosyError,
    BadMessage,
    Busy,
    ConfigurationError,
    InvalidInput,
    InvalidResult,
    MessageTooLarge,
    PayloadGone,
    Refused,
    RunConflict,
    RunRefused,
    Unreachable,
)

RETRY_SECONDS: Final = 1

_STATUS: Final[tuple[tuple[type[ArgosyError], int], ...]] = (
    (BadMessage, 422),
    (ConfigurationError, 422),
    (InvalidInput, 422),
    (InvalidResult, 422),
    (Busy, 429),
    (RunRefused, 422),
    (RunConflict, 409),
    (MessageTooLarge, 413),
    (PayloadGone, 410),
    (Refused, 503),
    (Unreachable, 503),
)
_WHY: Final[Mapping[type[ArgosyError], str]] = {
    BadMessage: "requests are checked before anything is sent: this one changed nothing",
    InvalidInput: "requests are checked before anything is sent: this one changed nothing",
    PayloadGone: "results are kept for a bounded time after their run",
    RunConflict: "a run id names one run for ever; the same data would be answered with that run",
    RunRefused: "the fleet checked the submit, and started no run",
}
"""Where the error itself has none."""
_DO: Final[Mapping[int, str]] = {
    409: "choose another run id, or send the data of the first submit",
    410: "submit the run again under another id: what it made is no longer kept",
    413: "send less: large inputs belong into the payload store, by the Python client",
    422: "mend the field and submit again",
    503: "ask again in a while; a submit with the same run_id and data is never run twice",
}


class Problem(Exception):
    """The answer to a request that failed."""

    def __init__(  # noqa: PLR0913 - the parts of the answer, by name
        self,
        status: int,
        code: str,
        what: str,
        *,
        why: str = "",
        do: str = "",
        field: str = "",
        run_id: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`field` is the dotted path of what is wrong; `run_id` what a repeat should name."""
        super().__init__(what)
        self.status, self.code, self.what, self.why, self.do = status, code, what, why, do
        self.field, self.run_id, self.headers = field, run_id, dict(headers or {})

    def body(self) -> dict[str, dict[str, str]]:
        """Give the JSON of it; absent parts are left out."""
        parts = {
            "code": self.code,
            "what": self.what,
            "why": self.why,
            "do": self.do,
            "field": self.field,
            "run_id": self.run_id,
        }
        return {"error": {name: value for name, value in parts.items() if value}}

    def closing(self) -> Self:
        """Have the connection closed after the answer."""
        self.headers["Connection"] = "close"
        return self

    def response(self) -> JSONResponse:
        """Give the whole answer."""
        headers = dict(self.headers)
        if self.status == 503:  # noqa: PLR2004 - the status that asks for patience
            headers.setdefault("Retry-After", str(RETRY_SECONDS))
        return JSONResponse(self.body(), self.status, headers)


def busy(what: str, setting: str) -> Problem:
    """Say that a bound is reached."""
    return Problem(
        503,
        "busy",
        what,
        why=f"ARGOSY_GATEWAY__{setting.upper()} bounds it",
        do="ask again in a while, or run more gateways",
    )


def problem_of(error: ArgosyError, run_id: str = "") -> Problem:
    """Put an error of ours into words for HTTP; one that isn't in the table is our own fault: 500."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if isinstance(error, Advice):
        what, why, do = error.what, error.why, error.do
    else:
        what, why, do = three_parts(str(error))
        if do and status in _DO:  # what it says is for who runs the service; who asks is told too what to do
            do = f"{do}; {_DO[status]}"
    field = error.field if isinstance(error, BadMessage | RunRefused) else ""
    headers = {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, Busy) else {}
    return Problem(
        status,
        error.code,
        what,
        why=why or error.why or _WHY.get(type(error), ""),
        do=do or _DO.get(status, ""),
        field=field,
        run_id=run_id,
        headers=headers,
    )
