"""How much of inputs and outputs telemetry may hold: nothing, their hash, or the text itself.

The setting is one for the process. Content is opt-in, as OpenTelemetry's GenAI conventions ask.
"""

from collections.abc import Callable
from typing import Final, Literal

from argosy.schemas.canonical import sha256_hex
from argosy.telemetry import names
from argosy.telemetry.redact import redact_text

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


def attributes(name: str, content: Content) -> dict[str, str]:
    """Describe content under the attribute `name`.

    `off`: nothing. `hash`: `<name>.sha256`, the SHA-256 of the bytes as they are: for a value's canonical
    JSON that is its address in the payload store. `full`: both, the text with secrets masked and cut.
    """
    chosen = _Setting.mode
    if chosen == "off":
        return {}
    known = content() if callable(content) else content
    data = known.encode("utf-8", "surrogatepass") if isinstance(known, str) else known
    found = {name + names.SHA256_SUFFIX: sha256_hex(data)}
    if chosen == "full":
        text = data.decode("utf-8", "replace")
        cut = f"{text[:TEXT_CHARACTERS]}… ({len(text)} characters)" if len(text) > TEXT_CHARACTERS else text
        found[name] = redact_text(cut)
    return found
