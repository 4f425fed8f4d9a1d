"""A gateway on a port of its own, before the in-memory twins or the real servers, and a client of HTTP beside it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from httpx2 import AsyncClient, Response
from pydantic import JsonValue

from argosy.broker import provision
from argosy.broker.log import Cluster
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.store import Payloads
from argosy.client.connection import Argosy
from argosy.console.gateway import listening, serve_http
from argosy.console.gateway_door import Door
from argosy.console.http_serving import url_of
from argosy.schemas.gateway_settings import GatewaySettings
from argosy.schemas.settings import Settings


@dataclass
class Gateway:
    """What a test asks it through."""

    door: Door
    http: AsyncClient
    stop: asyncio.Event
    serving: asyncio.Task[None]
    asked: list[Response] = field(default_factory=list[Response])

    async def submit(self, **body: JsonValue) -> Response:
        """POST /runs."""
        return await self.http.post("/runs", json=body)

    async def result(self, run_id: str, wait: float = 20, receipt: str | None = None) -> Response:
        """GET /runs/{run_id}/result."""
        parameters = {"wait": str(wait)} | ({} if receipt is None else {"receipt": receipt})
        return await self.http.get(f"/runs/{run_id}/result", params=parameters)


@asynccontextmanager
async def gateway_of(
    settings: Settings, cluster: Cluster, payloads: Payloads, client: Argosy, **changes: object
) -> AsyncGenerator[Gateway]:
    """Serve until left; `changes` are of the gateway's settings."""
    chosen = GatewaySettings.model_validate({"port": 0, "drain_seconds": 5, **changes})
    settings = settings.model_copy(update={"gateway": chosen})
    stop = asyncio.Event()
    with listening(settings.gateway) as sock:
        door = Door(settings, cluster, payloads, client, stop)
        serving = asyncio.create_task(serve_http(door, sock), name="gateway")
        try:
            async with AsyncClient(base_url=url_of(sock), timeout=60, trust_env=False) as http:
                yield Gateway(door, http, stop, serving)
        finally:
            stop.set()
            async with asyncio.timeout(60):
                await serving


@asynccontextmanager
async def lonely_gateway(**changes: object) -> AsyncGenerator[Gateway]:
    """No coordinator behind it."""
    settings, kafka, payloads = Settings(), MemoryKafka(), MemoryPayloads()
    await provision.ensure(kafka, settings, [])
    async with (
        Argosy(settings, kafka, MemoryRedis(), payloads) as client,
        gateway_of(settings, kafka, payloads, client, **changes) as gateway,
    ):
        yield gateway
