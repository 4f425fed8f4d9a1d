"""A Lua script: one `.lua` file beside the one typed method that runs it, and the rules for its arguments.

The file begins with a header of comment lines:

    -- One sentence that says what the script does, ending in a full stop.
    --
    -- KEYS[1]   HASH    what it is (type in capitals)
    -- KEYS[2..] STRING  a tail of any length
    -- ARGV[1]   what it is; a quantity says its unit (milliseconds, bytes)
    -- Returns   every reply it can give

A line `--! prelude` is replaced by `prelude.lua`: `identity()` and `now_ms()`; any other `--! name` by
`name.lua` beside the script: what several scripts of one room share. Such a file has no header of KEYS and
ARGV.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

Arg = str | int | bytes
Reply = bytes | int | list["Reply"] | None

_KINDS = frozenset((str, int, bytes))
PART = "--! "
_DECLARED = re.compile(r"^-- (KEYS|ARGV)\[(\d+)(\.{2,3}|…)?\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Declared:
    """How many entries of KEYS or ARGV a header declares: `count` fixed ones, then any number if `tail`."""

    count: int
    tail: bool

    def allows(self, given: int) -> bool:
        """Say whether that many may be given."""
        return given >= self.count if self.tail else given == self.count


class Script:
    """One `.lua` file beside the module that calls it; loaded once, run by its SHA."""

    def __init__(self, module_file: str, name: str) -> None:
        """`module_file` is the caller's `__file__`, `name` the stem of the `.lua` file beside it."""
        folder = Path(module_file).parent
        self._take(name, (folder / f"{name}.lua").read_text(encoding="utf-8"), folder)

    @classmethod
    def of_text(cls, name: str, text: str) -> "Script":
        """Make a script of its text: for tests."""
        script = cls.__new__(cls)
        script._take(name, text, Path(__file__).parent)  # noqa: SLF001  # its own constructor
        return script

    def _take(self, name: str, text: str, folder: Path) -> None:
        lines = [
            _part(folder, line.strip().removeprefix(PART)) if line.strip().startswith(PART) else line
            for line in text.splitlines()
        ]
        self.name = name
        self.text = "\n".join(lines) + "\n"
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        self.keys = declared("KEYS", text)
        self.args = declared("ARGV", text)

    def check(self, keys: Sequence[str], args: Sequence[Arg]) -> None:
        """Raise TypeError for what is no str, int or bytes (None, bool and float have no one right form).

        And if there are more or fewer than the header declares. Errors of the caller, found before anything is sent.
        """
        for what, of, given in (("KEYS", self.keys, len(keys)), ("ARGV", self.args, len(args))):
            if of is not None and not of.allows(given):
                more = " or more" if of.tail else ""
                message = f"{self.name}.lua takes {of.count}{more} {what}, not {given}"
                raise TypeError(message)
        if not _KINDS.issuperset(map(type, args)):
            index, kind = next((n, type(arg)) for n, arg in enumerate(args, 1) if type(arg) not in _KINDS)
            message = f"{self.name}.lua, ARGV[{index}]: {kind.__name__} can't be an argument; pass str, int or bytes"
            raise TypeError(message)

    def encode(self, keys: Sequence[str], args: Sequence[Arg]) -> tuple[list[bytes], list[bytes]]:
        """Encode what EVALSHA is given: str as UTF-8, int in decimal, bytes as they are. Raises as `check`."""
        self.check(keys, args)
        return [key.encode() for key in keys], [
            arg if isinstance(arg, bytes) else arg.encode() if isinstance(arg, str) else b"%d" % arg
            for arg in args
        ]


def declared(what: str, text: str) -> Declared | None:
    """Read what a header declares of KEYS or ARGV; None if nothing; ValueError if it skips a number."""
    found = [(int(number), bool(tail)) for name, number, tail in _DECLARED.findall(text) if name == what]
    if not found:
        return None
    tail = found[-1][1]
    if [number for number, _ in found] != list(range(1, len(found) + 1)) or any(t for _, t in found[:-1]):
        message = (
            f"the header must declare {what}[1], {what}[2], … in order; only the last may be a tail (`[n..]`)"
        )
        raise ValueError(message)
    return Declared(len(found) - tail, tail)


@lru_cache
def _part(folder: Path, name: str) -> str:
    """Read a shared part, as one line, so that line numbers in errors stay true."""
    home = Path(__file__).parent if name == "prelude" else folder
    text = (home / f"{name}.lua").read_text(encoding="utf-8")
    return " ".join(
        line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--")
    )
