"""`argosy dashboard`: the fleet and its runs as pages, for people who look."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Final

import typer

from argosy.console.config import load_settings
from argosy.console.dashboard_desk import Desk
from argosy.console.dashboard_guard import check_exposure
from argosy.console.dashboard_histories import Histories
from argosy.console.dashboard_http import build
from argosy.console.dashboard_index import Index
from argosy.console.dashboard_pages import ACTIONS, PAGES
from argosy.console.dashboard_reading import Reader
from argosy.console.dashboard_session import Sessions, key_of
from argosy.console.http_serving import STARTED_SECONDS, open_port, server_of, url_of, write_whole
from argosy.console.output import note
from argosy.console.process_life import Services, serve
from argosy.console.run_lines import logs_folder
from argosy.schemas.dashboard_settings import DashboardSettings
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.local_stack import stack_folder

DRAIN_SECONDS: Final = 2
KEY_FILE: Final = "dashboard.key"


def dashboard(
    *,
    host: Annotated[
        str | None, typer.Option("--host", help="Where to listen; beyond loopback only with a token.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="0 = any free one.")] = None,
    logs: Annotated[
        Path | None,
        typer.Option("--logs", help="The folder of the fleet's logs, for runs; absent: the local stack's."),
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help="Takes the URL once it listens.", hidden=True)
    ] = None,
) -> None:
    """Show the fleet and its runs in a browser, as they go, until Ctrl-C.

    It reads the run log by a reader of its own and asks Redis: nothing of the fleet waits for it, or knows of it. What
    it can change (cancel, redrive, approve, replay) it asks first, and does only for who signed in: with the token of
    ARGOSY_DASHBOARD__TOKEN, or with the key that lies in .argosy/dashboard.key.
    """
    settings = load_settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings.dashboard = settings.dashboard.model_copy(update=given)
    check_exposure(settings.dashboard)
    chosen = port is not None or "port" in settings.dashboard.model_fields_set

    async def main(services: Services, stop: asyncio.Event) -> None:
        with listening(settings.dashboard, chosen=chosen) as sock:
            await serve_dashboard(services, sock, stop, ready_file, logs)

    serve(settings, "dashboard", main)


async def serve_dashboard(
    services: Services,
    sock: socket.socket,
    stop: asyncio.Event,
    ready_file: Path | None = None,
    logs: Path | None = None,
) -> None:
    """Serve until `stop`. Raises ConfigurationError where the key's file can't be written."""
    settings = services.settings
    histories = Histories(settings.dashboard.watchers)
    index = Index(settings.dashboard.most_runs, settings.model.prices, histories=histories)
    secret, key_file = await asyncio.to_thread(_secret, settings.dashboard)
    desk, sessions = Desk(services, index, stop, key_file, logs_folder(logs)), Sessions(secret)
    cookie = f"argosy_{sock.getsockname()[1]}"  # browsers share cookies over all ports of a host
    app = build(desk, sessions, PAGES, ACTIONS, cookie)
    server = server_of(app, DRAIN_SECONDS, settings.dashboard.connections)
    url = url_of(sock)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve([sock]), name="http")
        reading = group.create_task(Reader(services, index).run(), name="index")
        while not server.started and not serving.done():  # noqa: ASYNC110 - the library has no event for it
            await asyncio.sleep(STARTED_SECONDS)
        note(f"dashboard: {url}")
        if key_file is not None:
            note(f"who acts there signs in with the key in {key_file}")
        if ready_file is not None:
            await asyncio.to_thread(write_whole, ready_file, f"{url}\n")
        await stop.wait()
        server.should_exit = True
        await serving
        reading.cancel()
        desk.close()


@contextlib.contextmanager
def listening(settings: DashboardSettings, *, chosen: bool) -> Generator[socket.socket]:
    """Open the port; where a default is taken, any free one. Raises ConfigurationError where it can't be had."""
    try:
        sock = open_port(settings.host, settings.port)
    except OSError as error:
        if chosen:
            raise ConfigurationError(
                f"can't listen on {settings.host}:{settings.port}",
                why=error.strerror or str(error),
                do="give another --port (0 = any free one), or stop who has it",
            ) from None
        sock = open_port(settings.host, 0)
        note(f"port {settings.port} is taken: another one serves")
    with sock:
        yield sock


def _secret(settings: DashboardSettings) -> tuple[str, Path | None]:
    """Return what signs in, and the file that holds it, if it isn't a setting."""
    if settings.token is not None:
        return settings.token.get_secret_value(), None
    file = stack_folder() / KEY_FILE
    try:
        return key_of(file), file
    except OSError as error:
        raise ConfigurationError(
            f"the key of the dashboard can't be kept in {file}",
            why=error.strerror or str(error),
            do="set ARGOSY_DASHBOARD__TOKEN, or start it in a folder that can be written to",
        ) from None
