"""`cjson` in the twin of Redis: JSON as Lua's cjson reads and writes it."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

Lua = Any  # lupa is untyped: a table or a plain value of Lua

_ESCAPES: Final = {
    b'"': b'\\"',
    b"\\": b"\\\\",
    b"/": b"\\/",
    b"\b": b"\\b",
    b"\f": b"\\f",
    b"\n": b"\\n",
    b"\r": b"\\r",
    b"\t": b"\\t",
}
_ESCAPED: Final = re.compile(rb'["\\/\x00-\x1f\x7f]')
_SPARSE_ABOVE: Final = 10  # cjson's defaults: an array may be this long, or have a gap in two places
_SPARSE_RATIO: Final = 2


def encoder(is_table: Callable[[Lua], bool], null: list[Lua]) -> Callable[[Lua], bytes]:
    """Make `cjson.encode`; `null` gets cjson.null once it is known."""

    def encode(value: Lua) -> bytes:
        if isinstance(value, bytes):
            return b'"' + _ESCAPED.sub(_escape, value) + b'"'
        if isinstance(value, bool):
            return b"true" if value else b"false"
        if isinstance(value, int | float):
            return b"%.14g" % value
        if value is None:
            return b"null"
        if not is_table(value):
            if value == null[0]:
                return b"null"
            message = "Cannot serialise: type not supported"
            raise ValueError(message)
        pairs = list(value.items())
        if pairs and all(isinstance(key, int) and key > 0 for key, _ in pairs):
            return _array(dict(pairs))
        return b"{" + b",".join(encode(_name(key)) + b":" + encode(item) for key, item in pairs) + b"}"

    def _array(items: dict[int, Lua]) -> bytes:
        longest = max(items)
        if longest > _SPARSE_ABOVE and longest > len(items) * _SPARSE_RATIO:
            message = "Cannot serialise table: excessively sparse array"
            raise ValueError(message)
        return b"[" + b",".join(encode(items.get(index)) for index in range(1, longest + 1)) + b"]"

    return encode


def decoder(table: Callable[[Any], Lua], null: list[Lua]) -> Callable[[bytes], Lua]:
    """Make `cjson.decode`: arrays and objects become tables, null becomes cjson.null."""

    def to_lua(value: Any) -> Lua:  # noqa: ANN401  # JSON of any shape
        match value:
            case None:
                return null[0]
            case str():
                return value.encode()
            case list():
                return table([to_lua(item) for item in value])
            case dict():
                return table({_key(name): to_lua(item) for name, item in value.items()})
            case _:
                return value

    def decode(text: bytes) -> Lua:
        return to_lua(json.loads(text))

    return decode


def _key(name: str) -> bytes:
    return name.encode()


def _name(key: Lua) -> bytes:
    return key if isinstance(key, bytes) else b"%.14g" % key


def _escape(found: re.Match[bytes]) -> bytes:
    return _ESCAPES.get(found[0]) or b"\\u%04x" % found[0][0]
