"""Lua in the twin of Redis: our own scripts, run by the real language with Redis's conversions of values."""

import hashlib
import importlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from argosy.broker.memory_keyspace import ReplyError
from argosy.broker.memory_table import Status, fits, shown
from argosy.broker.script import Reply, Script
from argosy.schemas.errors import ConfigurationError

Lua = Any  # lupa is untyped: a table, a function or a plain value of Lua
Execute = Callable[[list[bytes]], Reply]
_EXACT: Final = 2**53
_LEAST: Final = -(2**63)
_SHORT: Final = 200  # what fits on Lua's stack beside everything else; three times as fast
_BOOT: Final = (Path(__file__).parent / "memory_lua.lua").read_bytes()


class LuaScripts:
    """One Lua state, and the scripts it compiled. Not for two threads at once."""

    def __init__(self, execute: Execute) -> None:
        """`execute` runs a command of a script. Raises ConfigurationError if lupa isn't installed."""
        try:
            lua51 = importlib.import_module("lupa.lua51")
        except ImportError:
            what, why = "the in-memory twin of Redis can't run Lua", "the package lupa isn't installed"
            raise ConfigurationError(what, why, 'pip install "argosy[testing]"') from None
        # Plain Lua 5.1, the language of Redis: LuaJIT would let through what the real server doesn't.
        self._lua: Lua = lua51.LuaRuntime(
            encoding=None, unpack_returned_tuples=True, register_eval=False, register_builtins=False
        )
        self._execute = execute
        self._table: Callable[[Sequence[object]], Lua] = self._lua.table_from
        self._compile, self._run, self._pack = self._lua.execute(_BOOT, self._command, _sha1hex)
        self._type = lua51.lua_type
        self._compiled: dict[str, Lua] = {}

    def run(self, script: Script, keys: list[bytes], args: list[bytes]) -> Reply:
        """Run a script to its reply; raises ReplyError as the server would answer."""
        function = self._compiled.get(script.sha)
        if function is None:
            function, why = self._compile(script.text.encode())
            if function is None:
                message = f"ERR Error compiling script (new function): {why.decode()}"
                raise ReplyError(message)
            self._compiled[script.sha] = function
        kind, value = self._run(function, self._array(keys), self._array(args))
        match kind:
            case b"reply":
                return self._reply(value)
            case b"ok":
                return Status(value)
            case b"error":
                raise ReplyError(value.decode("utf-8", "replace"))
            case _:
                message = f"ERR {value.decode('utf-8', 'replace')} script: {script.name}"
                raise ReplyError(message)

    def _array(self, items: Sequence[object]) -> Lua:
        return self._pack(*items) if len(items) <= _SHORT else self._table(items)

    def _is_table(self, value: Lua) -> bool:
        return bool(self._type(value) == "table")

    def _command(self, *args: object) -> object:
        """Run `redis.call`'s command; an error comes back as `{err=…}`."""
        try:
            reply = self._execute([arg if type(arg) is bytes else _argument(arg) for arg in args])
            kind = type(reply)
            return reply if kind is bytes or kind is int else self._to_lua(reply)
        except ReplyError as error:
            return self._table({b"err": str(error).encode()})  # type: ignore[arg-type]

    def _to_lua(self, reply: Reply) -> object:
        kind = type(reply)
        if kind is bytes or kind is int:
            return reply
        if reply is None:
            return False
        if isinstance(reply, list):
            return self._array([self._to_lua(item) for item in reply])
        return self._table({b"ok": bytes(reply)})  # type: ignore[arg-type]

    def _reply(self, value: Lua) -> Reply:
        """Convert what a script returned: numbers are cut to integers, an array ends at its first nil."""
        if isinstance(value, bytes | int | float):
            return None if value is False else value if isinstance(value, bytes) else _whole(value)
        if not self._is_table(value):
            return None
        if (error := value[b"err"]) is not None:
            raise ReplyError(error.decode("utf-8", "replace"))
        if (status := value[b"ok"]) is not None:
            return Status(status)
        items: list[Reply] = []
        while (item := value[len(items) + 1]) is not None:
            items.append(self._reply(item))
        return items


def _argument(arg: object) -> bytes:
    """Convert an argument of `redis.call`: strings and numbers only, numbers in full."""
    if isinstance(arg, bytes):
        return arg
    if isinstance(arg, int) and not isinstance(arg, bool):
        return b"%d" % arg if -_EXACT < arg < _EXACT else shown(float(arg))
    if isinstance(arg, float):
        return shown(arg + 0.0)
    message = "ERR Command arguments must be strings or integers"
    raise ReplyError(message)


def _whole(number: float) -> int:
    """Cut a number to 64 bits, as C does on the machines that servers run on."""
    whole = int(number) if math.isfinite(number) else _LEAST
    return whole if fits(whole) else _LEAST


def _sha1hex(text: bytes) -> bytes:
    return hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()
