"""Finds out when a background task of Kafka's client library has ended.

A client of aiokafka is as good as its tasks: one fetches, one sends, one asks who leads, one keeps the membership of
the group. When one of them ends, by a defect or because somebody cancelled it, nothing more is said: `getmany` gives
nothing for ever, and the process looks alive. Whoever can open another client in time does so, and then nothing
happened; else the process must end, so that its supervisor starts a fresh one.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final, NoReturn
from weakref import WeakKeyDictionary

from argosy.broker.inside import AnyClient, ended_task
from argosy.schemas.errors import ClientBroken

LOOK_SECONDS: Final = 1.0
"""Between looks: an ended task is told at the second one that finds it, while its client is in use."""


@dataclass(frozen=True, slots=True)
class Vigil:
    """Watches the clients of one process. Belongs to its event loop."""

    _clients: WeakKeyDictionary[AnyClient, str] = field(default_factory=WeakKeyDictionary[AnyClient, str])

    def watch(self, client: AnyClient, name: str) -> None:
        """Watch a client that was started, until it is stopped; its `name` is what people are told."""
        self._clients[client] = name

    def forget(self, client: AnyClient) -> None:
        """Watch it no more: it is being left, and another will be opened."""
        self._clients.pop(client, None)

    def check(self, client: AnyClient) -> None:
        """Raise ClientBroken if a task of this client has ended: for whoever uses it next."""
        ended = ended_task(client)
        if ended is not None:
            task, why = ended
            raise broken(self._clients.get(client, "a client"), task, why)

    async def run(self) -> NoReturn:
        """Look once a second, until cancelled. Raises ClientBroken for a task that ended while its client is used."""
        seen: AnyClient | None = None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            before, seen = seen, None
            for client in list(self._clients):
                if ended_task(client) is None:
                    continue
                if client is before:
                    self.check(client)
                seen = seen or client


def broken(name: str, task: str, why: str) -> ClientBroken:
    """Say that a task of a client has ended."""
    return ClientBroken(
        f"{name} stands still: the task that {task} has ended",
        why=f"{why}; Kafka's client library doesn't start it again",
        do="start this process again, as its supervisor does; what was under way is taken over. If it happens again, "
        "look at what was logged just before",
    )
