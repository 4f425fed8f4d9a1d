"""What `--about` asks: a field of the outcome, else a text. Pure."""

import re
from typing import Final

from pydantic import JsonValue

from argosy.schemas.errors import NotFound

_PATH: Final = re.compile(r"(?:\.?[A-Za-z_][\w-]*|\[\d+\])(?:\.[A-Za-z_][\w-]*|\[\d+\])*")
_PART: Final = re.compile(r"[A-Za-z_][\w-]*|\d+")


def about_what(about: str, outcome: JsonValue) -> tuple[str, JsonValue]:
    """Return the field that is meant, empty for a text, and what is looked for; None for nothing.

    What begins with `.` or `[` is a field: raises NotFound if the outcome hasn't got it.
    """
    text = about.strip()
    if not text:
        return "", None
    must = text.startswith((".", "["))
    if _PATH.fullmatch(text) is None:
        if must and text != ".":
            return "", about
        return (".", outcome) if text == "." and outcome is not None else ("", about)
    value = outcome
    for part in _PART.findall(text):
        match value:
            case dict() if part in value:
                value = value[part]
            case list() if part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            case _ if must:
                raise NotFound(
                    f"the outcome has no field {text}",
                    why=_has(outcome),
                    do="name one of its fields, or give a text",
                )
            case _:
                return "", about
    return text, value


def _has(outcome: JsonValue) -> str:
    match outcome:
        case dict():
            return f"its fields are {', '.join(outcome)[:400] or 'none'}"
        case list():
            return f"it is a list of {len(outcome)}"
        case None:
            return "the run has no outcome"
        case _:
            return "it is one value, without fields"
