"""What a caller says is checked before anything is sent: a wrong value is told in three lines, never as a traceback."""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from pydantic import JsonValue, ValidationError

from argosy.broker.values import decode_value, encode_value
from argosy.client.receipt import Receipt
from argosy.pipelines.agent import Agent
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.errors import BadArgument, InvalidInput, InvalidResult
from argosy.schemas.field_path import first_wrong
from argosy.schemas.ids import RUN_ID_PATTERN, is_run_id
from argosy.schemas.pipeline import CompiledPipeline

M = TypeVar("M")

SIGNAL_ID_CHARACTERS: Final = 256
_SHOWN: Final = 140
_SHA256: Final = re.compile("[0-9a-f]{64}")

_DO: Final = {
    "priority": "give a whole number from 0 (last) to 9 (first); 5 is the default",
    "deadline_seconds": "give the seconds that the run may take, more than 0; None is the fleet's own limit",
    "untrusted": "give True if strangers may have written some of the value, else False",
    "tenant": "give a name of 128 characters at most, or None",
    "budget": "give the tokens that the whole run may use, a whole number from 1 on, or None for no limit",
    "budget_micros": "give the money that the whole run may cost, in millionths, from 1 on, or None for no limit",
    "on_spent": "give 'fail', or, where there is a budget, 'ask' to let tasks wait until somebody raises it",
    "ask_seconds": "give the seconds that tasks wait for an answer, more than 0; None: to the run's deadline",
    "tokens": "give the tokens that the whole run may use by now, those that it has used included, from 1 on",
    "micros": "give the money that the whole run may cost by now, in millionths, what it has cost included, from 1 on",
    "by": "give a name of 128 characters at most",
    "reason": "say it in 1000 characters at most: it is shown where the run is shown",
    "name": "give the name that the waiting step has in the pipeline",
}


def message_of(make: Callable[..., M], call: str, **fields: object) -> M:
    """Make a message of what a caller said. Raises BadArgument that names the argument, not its content."""
    try:
        return make(**fields)
    except ValidationError as error:
        path, wrong = first_wrong(error)
        name = path.partition(".")[0]
        raise bad(call, path or "an argument", wrong, _DO.get(name, "see the call's documentation")) from None


def bad(call: str, name: str, why: str, do: str) -> BadArgument:
    """Build the error of one argument of one call."""
    return BadArgument(f"{call}: {name} can't be that", why=why, do=do)


def run_id_of(run_id: object) -> str:
    """Check a run id."""
    if not isinstance(run_id, str) or not is_run_id(run_id):
        raise BadArgument(
            f"{_shown(run_id)} is no run id",
            why=f"a run id matches {RUN_ID_PATTERN}",
            do="use letters, digits, '.', '_' and '-', 128 at most",
        )
    return run_id


def pipeline_of(pipeline: object) -> Pipeline[Any, Any] | CompiledPipeline | str:
    """Check what is to be run."""
    if isinstance(pipeline, Pipeline | CompiledPipeline):
        return pipeline  # pyright: ignore[reportUnknownVariableType] (its types are the caller's)
    if isinstance(pipeline, str) and pipeline:
        return pipeline
    if isinstance(pipeline, Agent):
        do = "put it into one: p = Pipeline(…, takes=…, gives=…); p.returns(p.step(agent, p.input))"
        raise BadArgument("an agent is no pipeline", why="runs are of pipelines, also of one step", do=do)
    raise BadArgument(
        f"{_shown(pipeline)} is no pipeline",
        why="a run is of a Pipeline, of a compiled one, or of the name of a published one",
        do="give the Pipeline itself, or its name as `argosy pipelines` shows it",
    )


def input_of(pipeline: Pipeline[Any, Any] | CompiledPipeline | str, value: object) -> bytes:
    """Encode a run's input. Raises InvalidInput."""
    if not isinstance(pipeline, Pipeline):
        return json_of(value, "the input")
    try:
        return pipeline.takes.encode(value)
    except InvalidResult as error:  # the port's word for a value on its way out; here it is one on its way in
        message = f"the input of {pipeline.name!r}: {error}"
        raise InvalidInput(message) from None


def size_of(data: bytes, most: int) -> None:
    """Check the size of an input."""
    if len(data) > most:
        why = f"it has {len(data)} bytes as JSON; {most} is the most that a run may be given (fleet.hard_input_bytes)"
        do = "put the data where the agents can read it and submit where that is, or raise it for every process"
        raise bad("submit", "the input", why, do)


def json_of(value: object, what: str) -> bytes:
    """Encode a JSON value that can be read back as it is. Raises InvalidInput."""
    said: JsonValue = value  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType] (what isn't is refused)
    try:
        data = encode_value(said)
    except ValueError as error:
        message = f"{what} is no JSON: {error}"
        raise InvalidInput(message) from None
    decode_value(data)  # NaN, and what is nested too deep
    return data


def seconds_of(call: str, name: str, seconds: object) -> float | None:
    """Check how long to wait; None is for ever."""
    if seconds is None:
        return None
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds >= 0:  # NaN isn't
        return float(seconds)
    why = f"{_shown(seconds)} is no number of seconds"
    raise bad(call, name, why, "give a number from 0 on, or None to wait for ever")


def since_of(call: str, since_ms: object) -> int | None:
    """Check a moment; None is left to the call."""
    if since_ms is None:
        return None
    if isinstance(since_ms, int | float) and not isinstance(since_ms, bool) and 0 <= since_ms < math.inf:
        return int(since_ms)
    why = f"{_shown(since_ms)} is no time in milliseconds since 1970"
    raise bad(call, "since_ms", why, "give one, as in int(time.time() * 1000), or None")


def when_busy_of(when_busy: object) -> str:
    """Check what to do while the fleet is full; return the wire's word for it."""
    if when_busy == "wait":
        return "wait"
    if when_busy == "raise":
        return "refuse"
    why = f"{_shown(when_busy)} is neither 'wait' nor 'raise'"
    raise bad("submit", "when_busy", why, "give 'wait' to wait for room, 'raise' to be told by Busy at once")


def receipt_of(call: str, receipt: object) -> Receipt | None:
    """Check a receipt."""
    if receipt is None or isinstance(receipt, Receipt):
        return receipt
    why = f"it is a {type(receipt).__name__}, not a Receipt"
    raise bad(call, "receipt", why, "give `run.receipt` as it was; of its text make one by `Receipt.parse`")


def signal_id_of(signal_id: object, call: str = "signal", name: str = "signal_id") -> str:
    """Check what makes a repeated signal, or answer, one."""
    printable = isinstance(signal_id, str) and signal_id.isascii() and signal_id.isprintable()
    if isinstance(signal_id, str) and printable and 0 < len(signal_id) <= SIGNAL_ID_CHARACTERS:
        return signal_id
    why = f"it must be 1 to {SIGNAL_ID_CHARACTERS} printable ASCII characters: it travels in a header"
    raise bad(call, name, why, "give a short unique text, or None for one of our own")


def sha256_of(sha256: object) -> str:
    """Check the hash of what an answer is about: any other text would be sent, and count for nothing."""
    if isinstance(sha256, str) and _SHA256.fullmatch(sha256):
        return sha256
    why = "a SHA-256 is 64 letters of 0-9a-f: one that is no hash counts for no value"
    raise bad("approve", "sha256", why, "give `about_sha256` of what `run.waiting()` shows, or leave it out")


def many_of(values: object, in_flight: object) -> int:
    """Check what many submits are made of."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        why = f"a {type(values).__name__} is one value"  # the characters of a text would be a run each
        raise bad("submit_many", "values", why, "give a list of inputs, or any other iterable of them")
    if not isinstance(in_flight, int) or isinstance(in_flight, bool) or in_flight < 1:
        why = f"{_shown(in_flight)} is no number of submits"
        raise bad("submit_many", "in_flight", why, "give a whole number from 1 on")
    return in_flight


def _shown(value: object) -> str:
    """Show short plain values; of anything else its type only: it may be long, or somebody's data."""
    if isinstance(value, str | int | float | bool) or value is None:
        try:
            return ascii(value)[:_SHOWN]
        except ValueError:  # digits that Python refuses to write
            return "a number of thousands of digits"
    return f"a {type(value).__name__}"
