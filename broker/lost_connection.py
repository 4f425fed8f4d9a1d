"""Takes a Kafka connection that uvloop finds closed for what it is: lost.

After a reset, aiokafka 0.14 believes in a connection until its reader task has had its turn. A write in between is
swallowed by asyncio's own loop; uvloop raises RuntimeError ("the handler is closed"), for which nobody in the library
is prepared: it ends the task that fetches, or sends, or asks who leads, and `getmany` then waits for ever.
"""
# pyright: reportPrivateUsage=false

import asyncio
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakSet

from aiokafka import conn
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError

_opened: Final = ContextVar[WeakSet[AIOKafkaConnection] | None]("opened", default=None)


def recognise() -> None:
    """Let every client of this process connect so; idempotent. Connections that are open stay as they are."""
    conn.AIOKafkaConnection = Connection  # type: ignore[misc] # there is no other way in


@contextmanager
def closed_at_failure() -> Generator[None]:
    """Close every connection that a client opens while it is started here, if it fails or is cancelled.

    The library forgets the one it asks who leads when it is cancelled in that moment: it stays open until it is found
    as garbage, and is then complained of where nobody knows of it.
    """
    opened: WeakSet[AIOKafkaConnection] = WeakSet()  # weak, as the client's own tasks keep it
    token = _opened.set(opened)
    try:
        yield
    except BaseException:
        for connection in list(opened):
            connection.close()
        raise
    finally:
        _opened.reset(token)


class Connection(AIOKafkaConnection):
    """A connection of the library whose writes raise KafkaConnectionError, and nothing else, once it is lost."""

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open it, known to whoever starts the client."""
        opened = _opened.get()
        if opened is not None:
            opened.add(self)
        return await super().connect()

    def send(self, request: object, expect_response: bool = True) -> Awaitable[Any]:  # noqa: FBT001, FBT002 - the library's
        """Write a request; await what is returned for its answer."""
        try:
            return super().send(request, expect_response)
        except RuntimeError as error:
            raise self._lost(error) from error

    def _send_sasl_token(self, payload: bytes, expect_response: bool = True) -> Awaitable[Any]:  # noqa: FBT001, FBT002
        try:
            return super()._send_sasl_token(payload, expect_response)
        except RuntimeError as error:
            raise self._lost(error) from error

    def _lost(self, error: RuntimeError) -> KafkaError:
        if isinstance(error, KafkaError):  # which are RuntimeErrors too
            return error
        self.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)
        return KafkaConnectionError(f"Connection at {self.host}:{self.port} broken: {error}")
