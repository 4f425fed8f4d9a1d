"""Where a value is wrong, in its sender's words: a dotted path without the names of our own types."""

from typing import Final

from pydantic import ValidationError

_UNION: Final = frozenset({"str", "CompiledPipeline"})
"""What `pipeline` may be: pydantic names the branch of a union as if it were a field."""
_KINDS: Final = frozenset({"task", "map", "edge", "constant"})
"""Tags of the items of lists, named in the same way."""


def first_wrong(error: ValidationError) -> tuple[str, str]:
    """Return the path of the first wrong value (empty: the whole) and what is wrong with it; never the value."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    # A document is tried as a name too: of the two complaints only that about the document means something.
    deeper = [each for each in found if not (each["loc"] and each["loc"][-1] == "str")]
    first = (deeper or found)[0]
    parts: list[str | int] = []
    for part in first["loc"]:
        before = parts[-1] if parts else ""
        branch = part in _UNION if before == "pipeline" else part in _KINDS and isinstance(before, int)
        if not branch:
            parts.append(part)
    return ".".join(str(part) for part in parts), first["msg"]
