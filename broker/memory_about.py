"""What the twin of Redis says of itself and of all its keys: INFO, TIME, SCAN and the like."""

import re
from typing import Final

from argosy.broker.memory_keyspace import Keyspace
from argosy.broker.memory_table import NO_KEYS, OK, Args, Commands, Status
from argosy.broker.script import Reply

COMMANDS: Final = Commands()
command = COMMANDS.command


@command("PING", 0, 1, keys=NO_KEYS)
def _ping(_space: Keyspace, args: Args) -> Reply:
    return args[0] if args else Status(b"PONG")


@command("TIME", 0, 0, keys=NO_KEYS)
def _time(space: Keyspace, _args: Args) -> Reply:
    return [b"%d" % (space.now_ms // 1000), b"%d" % (space.now_ms % 1000 * 1000)]


@command("INFO", 0, keys=NO_KEYS)
def _info(space: Keyspace, args: Args) -> Reply:
    wanted = args or [name.encode() for name in space.about]
    return b"\r\n".join(space.about.get(name.decode().lower(), b"") for name in wanted)


@command("FLUSHALL", 0, 1, keys=NO_KEYS)
def _flushall(space: Keyspace, _args: Args) -> Reply:
    space.wipe()
    return OK


@command("SCAN", 1, keys=NO_KEYS)
def _scan(space: Keyspace, args: Args) -> Reply:
    words = [word.upper() for word in args[1:]]
    pattern = args[words.index(b"MATCH") + 2] if b"MATCH" in words else b"*"
    matches = _glob(pattern)
    return [b"0", [key for key in space.all_keys() if matches.fullmatch(key)]]


def _glob(pattern: bytes) -> re.Pattern[bytes]:
    r"""Translate `*`, `?`, `[…]` and `\x`."""
    parts = re.findall(rb"\\.|\[\^?(?:\\.|[^\]])*\]|.", pattern, re.DOTALL)
    wild = {b"*": b".*", b"?": b"."}
    out = [
        wild.get(part) or (part if part[:1] == b"[" and len(part) > 1 else re.escape(part[-1:]))
        for part in parts
    ]
    return re.compile(b"".join(out), re.DOTALL)
