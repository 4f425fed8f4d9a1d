"""How much of inputs and outputs telemetry may hold: nothing, their hash, or the text itself.

The setting is one for the process. Content is opt-in, as OpenTelemetry's GenAI conventions ask.
"""

from collections.abc import Callable
from functools import cache
from typing import Final, Literal

from argosy.schemas.canonical import sha256_hex
from argosy.telemetry import names
from argosy.telemetry.forms import Form, Part
from argosy.telemetry.redact import redact_beginning, redact_text

Mode = Literal["off", "hash", "full"]
Content = bytes | str | Callable[[], bytes | str]
"""What was read or written; a function is called only if a recording span needs it."""

TEXT_CHARACTERS: Final = 32_768
"""A longer text is cut here, and says so: a span must not become a payload store."""


class _Setting:
    mode: Mode = "hash"


def use(mode: Mode) -> None:
    """Set what spans may hold from now on, in this process."""
    _Setting.mode = mode


def mode() -> Mode:
    """Return what spans may hold."""
    return _Setting.mode


def told(name: str, content: Content) -> Part | None:
    """Describe content under the attribute `name`.

    `off`: None. `hash`: `<name>.sha256`, the SHA-256 of the bytes as they are: for a value's canonical
    JSON that is its address in the payload store. `full`: both, the text with secrets masked and cut.
    """
    chosen = _Setting.mode
    if chosen == "off":
        return None
    known = content() if callable(content) else content
    data = known.encode("utf-8", "surrogatepass") if isinstance(known, str) else known
    hashed, full = _forms(name)
    sha256 = sha256_hex(data)
    if chosen == "hash":
        return hashed, (sha256,)
    text = data.decode("utf-8", "replace")
    return full, (sha256, _masked(text))


def _masked(text: str) -> str:
    if len(text) <= TEXT_CHARACTERS:
        return redact_text(text)
    return f"{redact_beginning(text, TEXT_CHARACTERS)}… ({len(text)} characters)"


@cache  # of a few attributes
def _forms(name: str) -> tuple[Form, Form]:
    hashed = name + names.SHA256_SUFFIX
    return Form(hashed), Form(hashed, name)
