"""A second, synchronous connection, for the thread that renews leases while the event loop may be stuck."""

from collections.abc import Sequence
from contextlib import suppress
from typing import cast

import redis
from redis import exceptions as said
from redis.backoff import NoBackoff
from redis.retry import Retry

from argosy.broker.redis_errors import meaning, where
from argosy.broker.script import Arg, Reply, Script


class SyncStore:
    """`SyncScripts` on a connection of its own, for one thread; connects when asked."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        """Connect later."""
        self._server = where(url)
        self._client = redis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # untyped options
            url,
            protocol=2,
            max_connections=1,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        """Run a script; raises Unreachable (it may have taken effect) and Refused."""
        keys_out, args_out = script.encode(keys, args)
        rest: tuple[int | bytes, ...] = (len(keys_out), *keys_out, *args_out)
        try:
            try:
                reply = self._ask("EVALSHA", script.sha, *rest)
            except said.NoScriptError:  # it didn't run
                with suppress(said.ResponseError):  # not allowed: then EVAL each time
                    self._ask("SCRIPT LOAD", script.text)
                reply = self._ask("EVAL", script.text, *rest)
        except (said.RedisError, OSError) as error:
            raise meaning(error, self._server, f"script {script.name}") from error
        return reply

    def _ask(self, *command: str | int | bytes) -> Reply:
        reply: object = self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        return cast("Reply", reply)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
