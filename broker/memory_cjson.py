"""`cjson` in the twin of Redis: JSON as Lua's cjson reads and writes it."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from pydantic import JsonValue

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
_SPARSE_ABOVE: Final = 10  # cjson's own limits: a longer array may not be more than half empty
_SPARSE_RATIO: Final = 2


class Cjson:
    """The two functions, for one Lua state. `null` is its cjson.null, set with its test once it is known."""

    def __init__(self, table: Callable[[Any], Lua], is_table: Callable[[Lua], bool]) -> None:
        """`table` makes a Lua table of a list or a dict."""
        self.null: Lua = None
        self.is_null: Callable[[Lua], bool] = lambda _: False
        self._table, self._is_table = table, is_table

    def encode(self, value: Lua) -> bytes:
        """Encode a Lua value; ValueError for what has no JSON."""
        match value:
            case bytes():
                return b'"' + _ESCAPED.sub(_escape, value) + b'"'
            case bool():
                return b"true" if value else b"false"
            case int() | float():
                return b"%.14g" % value
            case None:
                return b"null"
            case _ if self._is_table(value):
                return self._encoded_table(list(value.items()))
            case _ if self.is_null(value):
                return b"null"
            case _:
                message = "Cannot serialise: type not supported"
                raise ValueError(message)

    def _encoded_table(self, pairs: list[tuple[Lua, Lua]]) -> bytes:
        if not pairs or not all(isinstance(key, int) and key > 0 for key, _ in pairs):
            return b"{" + b",".join(self._pair(key, item) for key, item in pairs) + b"}"
        items = dict(pairs)
        longest = max(items)
        if longest > _SPARSE_ABOVE and longest > len(items) * _SPARSE_RATIO:
            message = "Cannot serialise table: excessively sparse array"
            raise ValueError(message)
        return b"[" + b",".join(self.encode(items.get(index)) for index in range(1, longest + 1)) + b"]"

    def _pair(self, key: Lua, item: Lua) -> bytes:
        return self.encode(key if isinstance(key, bytes) else b"%.14g" % key) + b":" + self.encode(item)

    def decode(self, text: bytes) -> Lua:
        """Decode JSON: arrays and objects become tables, null becomes cjson.null."""
        value: JsonValue = json.loads(text)
        return self._to_lua(value)

    def _to_lua(self, value: JsonValue) -> Lua:
        match value:
            case None:
                return self.null
            case str():
                return value.encode()
            case list():
                return self._table([self._to_lua(item) for item in value])
            case dict():
                return self._table({name.encode(): self._to_lua(item) for name, item in value.items()})
            case _:
                return value


def _escape(found: re.Match[bytes]) -> bytes:
    return _ESCAPES.get(found[0]) or b"\\u%04x" % found[0][0]
