"""The table of commands of the twin of Redis, and how numbers are read and printed in it."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
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
GROWING: Final = frozenset(
    {"SET", "INCR", "INCRBY", "DECRBY", "HSET", "HSETNX", "HINCRBY", "SADD", "ZADD", "ZINCRBY"}
)
SHRINKING: Final = frozenset(
    {"DEL", "UNLINK", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "PERSIST", "FLUSHALL"}
    | {"HDEL", "SREM", "ZREM", "ZREMRANGEBYSCORE", "ZPOPMIN"}
)
SYNTAX: Final = "ERR syntax error"
FIRST_KEY: Final = slice(0, 1)
ALL_KEYS: Final = slice(0, None)
NO_KEYS: Final = slice(0, 0)
_LARGEST: Final = 2**63 - 1
_WHOLE_TO: Final = 2**62
_MOST_ZEROS: Final = 7
_FEW_PLACES: Final = 4
_NUMBER: Final = re.compile(
    rb"[+-]?(?:inf(?:inity)?|(?P<digits>[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Command:
    """How a command runs, how many arguments it takes, and which of them are keys."""

    run: Run
    least: int
    most: int | None
    keys: slice
    writes: bool
    grows: bool
    """It may need more memory: what a full server refuses."""


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
            writes = name in GROWING or name in SHRINKING
            self._by_name[name.encode()] = Command(run, least, most, keys, writes, name in GROWING)
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
    if not fits(value):
        raise ReplyError(error)
    return value


def real(text: bytes, error: str = NOT_FLOAT) -> float:
    """Read a floating-point number; NaN is none, and neither is what no double can hold."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ReplyError(error)
    value, digits = float(text), found["digits"]
    if digits is not None and (math.isinf(value) or (value == 0.0 and digits.strip(b"0."))):
        raise ReplyError(error)
    return value


def shown(number: float) -> bytes:
    """Print a number as a server does: the fewest digits that tell it, an exponent where that is shorter."""
    if math.isnan(number):
        return b"-nan" if math.copysign(1.0, number) < 0 else b"nan"
    if math.isinf(number):
        return b"inf" if number > 0 else b"-inf"
    if number == 0.0:
        return b"-0" if math.copysign(1.0, number) < 0 else b"0"
    if number.is_integer() and abs(number) <= _WHOLE_TO:
        return b"%d" % int(number)
    return b"-" * (number < 0) + _printed(abs(number))


def _printed(number: float) -> bytes:
    parts = Decimal(repr(number)).normalize().as_tuple()
    digits, shift = "".join(map(str, parts.digits)), int(parts.exponent)
    power = shift + len(digits) - 1
    if shift >= 0 and power < len(digits) + _MOST_ZEROS:
        text = digits + "0" * shift
    elif shift < 0 and (shift > -_MOST_ZEROS or abs(power) < _FEW_PLACES):
        whole = digits.rjust(1 - shift, "0")
        text = f"{whole[:shift]}.{whole[shift:]}"
    else:
        text = f"{digits[0]}.{digits[1:]}".removesuffix(".") + f"e{power:+d}"
    return text.encode()


def added(old: bytes | None, by: int, error: str) -> int:
    """Add to an integer held as text; ReplyError if it is none, or overflows."""
    value = 0 if old is None else integer(old, error)
    if not fits(value + by):
        message = "ERR increment or decrement would overflow"
        raise ReplyError(message)
    return value + by


def fits(number: int) -> bool:
    """Say whether a number is a 64-bit integer."""
    return -_LARGEST - 1 <= number <= _LARGEST
