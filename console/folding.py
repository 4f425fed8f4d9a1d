"""Long lines on a terminal: broken at its width, with what follows set in, so that a tree stays a tree. Pure."""

import re
import textwrap
from typing import Final

_INDENT: Final = "    "
_NARROWEST: Final = 40
"""On less than this a folded line would be a stripe."""
_LEAD: Final = re.compile(r"[\s│├└─]*")
_GOES_ON: Final = str.maketrans({"├": "│", "└": " ", "─": " "})


def fold(text: str, width: int) -> str:
    """Break every line that is too long between words; no word is cut, and nothing is left out."""
    return "\n".join(_folded(line, max(width, _NARROWEST)) for line in text.split("\n"))


def _folded(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    found = _LEAD.match(line)
    lead = found.group() if found is not None else ""
    return textwrap.fill(
        line[len(lead) :],
        width,
        initial_indent=lead,
        subsequent_indent=lead.translate(_GOES_ON) + _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
