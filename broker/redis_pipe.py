"""One connection, its calls coalesced: what is asked in one turn of the loop goes out in one write, in order.

A client that takes a connection per command wakes up once per command; one write and one wake-up for all
calls of a turn cost a twentieth of that. There is no MULTI: each call stands for itself and gets its own
reply or error.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import NoReturn, cast

import hiredis
from redis import exceptions as said
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from argosy.broker.redis_errors import is_passing, is_reply, meaning, where
from argosy.broker.script import Reply, Script
from argosy.schemas.errors import ConfigurationError, Unreachable

Command = tuple[str | int | bytes, ...]

_packed = cast(
    "Callable[[Command], bytes]", hiredis.pack_command
)  # a third of redis-py's time; wrongly typed
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class _Call:
    """A command that waits to be written, or for its reply. `doing` names it in errors."""

    command: Command
    packed: bytes
    """The command as it is written: what can't be is the error of its caller."""
    doing: str
    script: Script | None
    reply: asyncio.Future[Reply]
    deadline: float


@contextmanager
def _closed_is_lost() -> Generator[None]:
    """Raise ConnectionError where uvloop finds a connection closed as it writes: it was reset a moment ago."""
    try:
        yield
    except RuntimeError as error:
        raise said.ConnectionError(str(error)) from error


class RedisPipe:
    """The connection and whoever waits on it. Belongs to one event loop; connects when first asked."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        """Connect later. Raises ConfigurationError if the URL is none that redis-py takes."""
        self._timeout_seconds = timeout_seconds
        try:
            self.server = where(url)
            self._pool = ConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]  # untyped options
                url, protocol=2, socket_timeout=None, retry=Retry(NoBackoff(), 0)
            )
        except ValueError as error:
            do = "write redis://host:6379/0 or rediss://user:password@host:6379/0"
            raise ConfigurationError("the Redis URL can't be used", str(error), do) from None  # three parts
        self._again: deque[_Call] = deque()  # the server had forgotten their script
        self._unwritten: deque[_Call] = deque()
        self._written: deque[_Call | None] = deque()  # None: a SCRIPT LOAD of our own
        self._loaded: set[str] = set()
        self._asked, self._given_up = asyncio.Event(), asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._last_failure: Exception = said.ConnectionError("not connected yet")
        self._closed = False

    def call(self, command: Command, doing: str, script: Script | None = None) -> "asyncio.Future[Reply]":
        """Ask for a command's reply: Unreachable after the timeout, Refused if the server says no.

        With `script` the command is its EVALSHA. Cancelling the future takes a command back only if it wasn't
        written.
        """
        loop, packed = asyncio.get_running_loop(), _packed(command)
        reply: asyncio.Future[Reply] = loop.create_future()
        if self._closed:
            message = f"the connection to Redis at {self.server} was closed by this process ({doing})"
            reply.set_exception(Unreachable(message))
            return reply
        deadline = loop.time() + self._timeout_seconds
        self._unwritten.append(_Call(command, packed, doing, script, reply, deadline))
        self._asked.set()
        if self._serving is None:
            self._serving = loop.create_task(self._serve(), name=f"redis {self.server}")
            self._serving.add_done_callback(self._ended)
        if self._watch is None:
            self._watch = loop.call_later(self._timeout_seconds, self._expire)
        return reply

    async def close(self) -> None:
        """Close the connection; whoever still waits gets Unreachable."""
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
        if self._serving is not None:
            self._serving.cancel()  # it waits on a socket, which no event can end
            with suppress(asyncio.CancelledError):
                await self._serving
        self._fail(self._waiting(), said.ConnectionError("closed by this process"))

    async def _serve(self) -> NoReturn:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    with _closed_is_lost():  # the handshake writes too
                        await connection.connect()
                pause = _FIRST_PAUSE_SECONDS
                await self._converse(connection)
            except (said.RedisError, OSError) as error:
                self._lost(error)
            finally:
                await connection.disconnect(nowait=True)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _converse(self, connection: AbstractConnection) -> NoReturn:
        """Write and read until the connection fails, and raise its error."""
        self._given_up.clear()
        self._loaded.clear()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write(connection), name=f"redis {self.server} write")
                group.create_task(self._read(connection), name=f"redis {self.server} read")
                group.create_task(self._guard(), name=f"redis {self.server} guard")
        except* (said.RedisError, OSError) as several:
            raise several.exceptions[0] from None
        raise AssertionError

    async def _guard(self) -> NoReturn:
        await self._given_up.wait()
        message = f"no reply within {self._timeout_seconds:g} s"
        raise said.TimeoutError(message)

    async def _write(self, connection: AbstractConnection) -> NoReturn:
        while True:
            await self._asked.wait()
            self._asked.clear()
            packed: list[bytes] = []
            while self._again or self._unwritten:
                call = (self._again or self._unwritten).popleft()
                if call.reply.done():
                    continue
                if call.script is not None and call.script.sha not in self._loaded:
                    self._loaded.add(call.script.sha)
                    packed.append(_packed((b"SCRIPT", b"LOAD", call.script.text)))
                    self._written.append(None)
                packed.append(call.packed)
                self._written.append(call)
            if packed:
                with _closed_is_lost():
                    await connection.send_packed_command(packed, check_health=False)

    async def _read(self, connection: AbstractConnection) -> NoReturn:
        while True:
            try:
                reply: object = await connection.read_response(  # pyright: ignore[reportUnknownVariableType]  # untyped
                    disable_decoding=True, timeout=math.inf, disconnect_on_error=False
                )
            except said.RedisError as error:
                if not is_reply(error):
                    raise
                self._refused(self._written.popleft(), error)
                continue
            call = self._written.popleft()
            if call is not None and not call.reply.done():
                call.reply.set_result(cast("Reply", reply))

    def _refused(self, call: _Call | None, error: said.RedisError) -> None:
        """Hand an error to its caller. A script that the server forgot didn't run: send it again, whole."""
        if call is None:
            return
        if isinstance(error, said.NoScriptError) and call.script is not None:
            whole = (b"EVAL", call.script.text, *call.command[2:])
            self._loaded.discard(call.script.sha)
            self._again.append(replace(call, command=whole, packed=_packed(whole), script=None))
            self._asked.set()
        else:
            self._fail([call], error)

    def _lost(self, error: said.RedisError | OSError) -> None:
        """Answer those whose command was written: its outcome is unknown. The rest waits on.

        It doesn't if the server refused our handshake: it will again.
        """
        self._last_failure = error
        self._fail(self._written, error)
        self._written.clear()
        if is_reply(error) and not is_passing(error):
            self._fail(self._waiting(), error)
            self._again.clear()
            self._unwritten.clear()
        self._asked.set()

    def _expire(self) -> None:
        """Answer those who waited too long. A connection that owes a reply that long is given up."""
        loop = asyncio.get_running_loop()
        now, self._watch = loop.time(), None
        if any(call is not None and call.deadline <= now and not call.reply.done() for call in self._written):
            self._given_up.set()
        self._fail((c for c in (*self._again, *self._unwritten) if c.deadline <= now), self._last_failure)
        # While nobody is there to write them to, what was answered must not pile up: results are in it.
        self._again = deque(call for call in self._again if not call.reply.done())
        self._unwritten = deque(call for call in self._unwritten if not call.reply.done())
        later = [call.deadline for call in self._waiting() if call.deadline > now]
        if later:
            self._watch = loop.call_at(min(later), self._expire)

    def _waiting(self) -> list[_Call]:
        every = (*self._written, *self._again, *self._unwritten)
        return [call for call in every if call is not None and not call.reply.done()]

    def _fail(self, calls: Iterable[_Call | None], error: Exception) -> None:
        for call in calls:
            if call is not None and not call.reply.done():
                call.reply.set_exception(meaning(error, self.server, call.doing))

    def _ended(self, serving: asyncio.Task[None]) -> None:
        """Let nobody wait for a task that is gone; the next call starts another."""
        self._serving = None
        if not serving.cancelled() and (defect := serving.exception()) is not None:
            for call in self._waiting():
                call.reply.set_exception(defect)
            for queue in (self._written, self._again, self._unwritten):
                queue.clear()
