"""`argosy gateway`: submit over HTTP."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Annotated

import typer

from argosy.broker import provision
from argosy.broker.presence import Beat
from argosy.broker.topics import TopicNames
from argosy.client.connection import Argosy
from argosy.console.config import load_settings
from argosy.console.gateway_door import Door
from argosy.console.gateway_guard import check_exposure
from argosy.console.gateway_http import build
from argosy.console.http_serving import STARTED_SECONDS, open_port, server_of, url_of, write_whole
from argosy.console.output import note
from argosy.console.process_life import Services, serve
from argosy.coordinator.patience import patiently
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.gateway_settings import GatewaySettings


def gateway(
    *,
    host: Annotated[
        str | None, typer.Option("--host", help="Where to listen; beyond loopback only with a token.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="0 = any free one.")] = None,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help="Takes the URL once it listens.", hidden=True)
    ] = None,
) -> None:
    """Take submits over HTTP, and tell how runs end. Start as many as you like behind one address.

    `GET /` shows what there is. The token is a setting, ARGOSY_GATEWAY__TOKEN. SIGTERM drains.
    """
    settings = load_settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings.gateway = settings.gateway.model_copy(update=given)
    check_exposure(settings.gateway)

    async def main(services: Services, stop: asyncio.Event) -> None:
        with listening(settings.gateway) as sock:
            used = TopicNames(settings.kafka.topic_prefix).used_by_gateway
            await provision.ensure(services.cluster, settings, only=used)
            async with (
                Argosy(settings, services.cluster, services.store, services.payloads) as fleet,
                asyncio.TaskGroup() as beside,
            ):
                name = f"{socket.gethostname()}-{os.getpid()}"
                beat = Beat(services.store, settings.redis.key_prefix, "gateway", name, lambda: ({}, {}))
                beating = beside.create_task(beat.run(), name="presence")
                door = Door(settings, services.cluster, services.payloads, fleet, stop)
                await serve_http(door, sock, ready_file)
                beating.cancel()

    serve(settings, "gateway", main)


@contextlib.contextmanager
def listening(settings: GatewaySettings) -> Generator[socket.socket]:
    """Open the port. Raises ConfigurationError where it can't be had."""
    try:
        sock = open_port(settings.host, settings.port)
    except OSError as error:
        raise ConfigurationError(
            f"can't listen on {settings.host}:{settings.port}",
            why=error.strerror or str(error),
            do="give another --port (0 = any free one), or stop who has it",
        ) from None
    with sock:
        yield sock


async def serve_http(door: Door, sock: socket.socket, ready_file: Path | None = None) -> None:
    """Serve until the door's stop; then let requests under way finish, for as long as the settings say."""

    def connected() -> int:
        return len(server.server_state.connections)

    server = server_of(build(door, connected), door.settings.drain_seconds)
    url = url_of(sock)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve([sock]), name="http")
        following = group.create_task(
            patiently("follow published pipelines", lambda: door.registry.run(door.stop)),
            name="published pipelines",
        )
        reading = group.create_task(door.until_lost(), name="answers")
        feeding = group.create_task(door.feed.run(), name="events")
        while not server.started and not serving.done():  # noqa: ASYNC110 - the library has no event for it
            await asyncio.sleep(STARTED_SECONDS)
        note(f"gateway: {url}")
        if ready_file is not None:
            await asyncio.to_thread(write_whole, ready_file, f"{url}\n")
        await door.stop.wait()
        server.should_exit = True
        await serving
        following.cancel()
        reading.cancel()
        feeding.cancel()
