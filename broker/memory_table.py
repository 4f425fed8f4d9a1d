"""The table of commands of the twin of Redis, and how numbers are read and printed in it."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from argosy.broker.memory_keyspace import Keyspace, ReplyError
from argosy.broker.script import Reply

Args = list[bytes]
Run = Callable[[Keyspace, Args], Reply]


class Status(bytes):
    """A status reply such as OK; in Lua it is a table `{ok=…}`."""

    __slots__ = ()


OK: Final = Status(b"OK")
NOT_INTEGER: Final = "ERR value is not an integer or out of range"
NOT_FLOAT: Final = "ERR value is not a valid float"
SYNTAX: Final = "ERR syntax error"
FIRST_KEY: Final = slice(0, 1)
ALL_KEYS: Final = slice(0, None)
NO_KEYS: Final = slice(0, 0)
_LARGEST: Final = 2**63 - 1
_EXPONENTS_FROM: Final = 1e17


@dataclass(frozen=True, slots=True)
class Command:
    """How a command runs, how many arguments it takes, and which of them are keys."""

    run: Run
    least: int
    most: int | None
    keys: slice


class Commands:
    """Commands by name. One that isn't here is a loud error, never a guess."""

    def __init__(self, parts: "Iterable[Commands]" = ()) -> None:
        """Begin with the commands of `parts`."""
        self._by_name: dict[bytes, Command] = {}
        for part in parts:
            self._by_name |= part._by_name  # noqa: SLF001  # one of its own kind

    def command(
        self, name: str, least: int, most: int | None = None, *, keys: slice = FIRST_KEY
    ) -> Callable[[Run], Run]:
        """Enter a function under a name; `most` None: any number of arguments."""

        def entered(run: Run) -> Run:
            self._by_name[name.encode()] = Command(run, least, most, keys)
            return run

        return entered

    def find(self, name: bytes, count: int) -> Command:
        """Look a command up; ReplyError if there is none, or if it doesn't take so many arguments."""
        found = self._by_name.get(name) or self._by_name.get(name.upper())
        if found is None:
            message = (
                f"ERR unknown command '{name.decode()}': if a script needs it, teach it to memory_commands"
            )
            raise ReplyError(message)
        if count < found.least or (found.most is not None and count > found.most):
            message = f"ERR wrong number of arguments for '{name.decode().lower()}' command"
            raise ReplyError(message)
        return found


def integer(text: bytes, error: str = NOT_INTEGER) -> int:
    """Read a 64-bit integer as Redis does: no spaces, no plus sign, no leading zeros."""
    digits = text[1:] if text[:1] == b"-" else text
    if not digits.isdigit() or not digits.isascii() or (digits[:1] == b"0" and text != b"0"):
        raise ReplyError(error)
    value = int(text)
    if not -_LARGEST - 1 <= value <= _LARGEST:
        raise ReplyError(error)
    return value


def real(text: bytes, error: str = NOT_FLOAT) -> float:
    """Read a floating-point number; NaN is none."""
    try:
        value = float(text.decode("ascii"))
    except ValueError:
        raise ReplyError(error) from None
    if math.isnan(value) or text != text.strip() or b"_" in text:
        raise ReplyError(error)
    return value


def shown(number: float) -> bytes:
    """Print a score."""
    if math.isinf(number):
        return b"inf" if number > 0 else b"-inf"
    if number == int(number) and abs(number) < _EXPONENTS_FROM:
        return b"%d" % int(number)
    return repr(number).encode()


def added(old: bytes | None, by: bytes, error: str) -> int:
    """Add to an integer held as text; ReplyError if it is none, or overflows."""
    value, change = 0 if old is None else integer(old, error), integer(by)
    if not -_LARGEST - 1 <= value + change <= _LARGEST:
        message = "ERR increment or decrement would overflow"
        raise ReplyError(message)
    return value + change
