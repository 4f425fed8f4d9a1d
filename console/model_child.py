"""The local model as a child of a supervisor, and what its callers need to know."""

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from argosy.console.child import ChildSpec
from argosy.console.local_model import KEY_VARIABLE, MODEL, WINDOW_TOKENS, find_weights
from argosy.console.ports import LOOPBACK, free_ports
from argosy.schemas.settings import ModelSettings


@dataclass(frozen=True)
class LocalModel:
    """Where the model will answer, and the key that it asks for. Make the key with `secrets.token_urlsafe`."""

    port: int
    key: str

    def __repr__(self) -> str:
        """Keep the key out of logs."""
        return f"LocalModel(port={self.port})"

    @property
    def environment(self) -> dict[str, str]:
        """What a worker needs to use this model for every agent. Holds the key: for `env`, never for `argv`."""
        return {
            "ARGOSY_MODEL__BASE_URL": f"http://{LOOPBACK}:{self.port}/v1",
            "ARGOSY_MODEL__API_KEY": self.key,
            "ARGOSY_MODEL__REPLACE_WITH": f"local:{MODEL}",
            "ARGOSY_MODEL__WINDOW": str(WINDOW_TOKENS),
        }

    def child(self, log: Path, *, threads: int = 1) -> ChildSpec:
        """Describe the process; ConfigurationError if the model is not installed."""
        find_weights()
        words = ("local-model", "--port", str(self.port), "--threads", str(threads))
        return ChildSpec(
            name="model",
            argv=(sys.executable, "-m", "argosy", *words),
            log=log,
            env={KEY_VARIABLE: self.key, "PYTHONSAFEPATH": "1"},
            ready=model_ready(self.port),
        )


def stand_in(settings: ModelSettings) -> LocalModel | None:
    """Give a local model, on a free port and behind a new key, where no model server is configured."""
    if settings.base_url or settings.api_key:
        return None
    return LocalModel(free_ports(1)[0], secrets.token_urlsafe(24))


def model_ready(port: int) -> Callable[[], Awaitable[bool]]:
    """Make a readiness check: the model is loaded and would answer. It needs no key."""

    async def ready() -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = await reader.readline()
            writer.close()
        except OSError:
            return False
        return b" 200 " in answer  # while it loads it answers 503

    return ready
