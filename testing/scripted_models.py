"""A scripted model server inside a test: `async with ScriptedModels(script) as server:`."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from argosy.agents.openai_client import OpenAIClient
from argosy.broker import tokens
from argosy.schemas.errors import ChildFailed
from argosy.schemas.settings import ModelSettings
from argosy.testing.model_faults import Fault
from argosy.testing.model_ledger import Call
from argosy.testing.model_script import Script, load_script
from argosy.testing.model_service import ModelService
from argosy.testing.model_serving import ModelServer, address_of, listen

if TYPE_CHECKING:
    import socket

_WAIT_SECONDS: Final = 30.0


class ScriptedModels:
    """A model server on loopback, in a thread of its own: it answers while a test, or a handler, blocks.

    A context manager, plain or async. Without a script it echoes what it is asked.
    """

    def __init__(self, script: Script | Path | None = None, *, port: int = 0) -> None:
        """Take a script or its file, which is read now."""
        self.service = ModelService(load_script(script) if isinstance(script, Path) else script or Script())
        self._port = port
        self._sock: socket.socket | None = None
        self._listens = threading.Event()
        self._server = ModelServer(self.service, self._listens.set)
        self._thread = threading.Thread(target=self._run, name="scripted models", daemon=True)

    def __enter__(self) -> Self:
        """Start, and wait until it listens."""
        self._sock = listen(self._port)
        self.address = address_of(self._sock)
        tokens.count("")  # loads the vocabulary: no caller's time limit should pay for it
        self._thread.start()
        if not self._listens.wait(_WAIT_SECONDS):
            raise ChildFailed("the scripted model server did not start", f"not within {_WAIT_SECONDS:g} s")
        return self

    def __exit__(self, *_: object) -> None:
        """End at once; open connections are reset."""
        self._server.stop()
        self._thread.join(_WAIT_SECONDS)
        if self._sock is not None:
            self._sock.close()

    async def __aenter__(self) -> Self:
        """See `__enter__`."""
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_: object) -> None:
        """See `__exit__`."""
        await asyncio.to_thread(self.__exit__)

    @property
    def base_url(self) -> str:
        """What clients of OpenAI call their base URL."""
        return f"{self.address}/v1"

    @property
    def settings(self) -> ModelSettings:
        """Settings of a process whose models are here."""
        return ModelSettings(base_url=self.base_url)

    @property
    def environment(self) -> dict[str, str]:
        """The same for a process that is yet to be started."""
        return {"ARGOSY_MODEL__BASE_URL": self.base_url}

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[OpenAIClient]:
        """Make argosy's own model client, for `context(model=client)`; it is closed when left."""
        client = OpenAIClient(self.settings)
        try:
            yield client
        finally:
            await client.close()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls so far, in the order in which they came; the last 10,000."""
        return self.service.ledger.calls()

    def order(self, fault: Fault, *, rule: str | None = None) -> None:
        """Let a fault hit calls (of one rule) from now on: its `first` and `last` count from here."""
        self.service.order(fault, rule)

    def lift(self) -> None:
        """Take back all faults that were ordered."""
        self.service.lift()

    def reset(self) -> None:
        """Begin the script, the limits and the ledger anew."""
        self.service.reset()

    def _run(self) -> None:
        assert self._sock is not None  # noqa: S101 - opened by who started the thread
        asyncio.run(self._server.serve([self._sock]))
