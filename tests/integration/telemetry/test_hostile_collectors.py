"""A collector that is away, slow, refusing or mad costs spans, never work: real processes, and what they tell of it."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from argosy.client.connection import Argosy
from support.fleet import real_fleet
from support.plain_app import plain

pytestmark = pytest.mark.timeout(600)

APP = Path(__file__).parents[2] / "support" / "plain_app.py"
RUNS = 20

Answer = Callable[[socket.socket], None]


def _never(connection: socket.socket) -> None:
    """Accept, and never answer."""
    with contextlib.suppress(OSError):
        while connection.recv(65_536):
            pass


def _refuses(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    connection.close()


def _garbage(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(bytes(range(256)) * 4)
    connection.close()


@contextmanager
def _collector(answer: Answer | None) -> Generator[str]:
    """Listen as a collector of this kind; None: nobody listens."""
    server = socket.create_server(("127.0.0.1", 0))
    endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
    if answer is None:
        server.close()
        yield endpoint
        return
    taken: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                taken.append(connection)
                threading.Thread(target=_quietly, args=(answer, connection), daemon=True).start()

    threading.Thread(target=serve, name="collector", daemon=True).start()
    try:
        yield endpoint
    finally:
        server.close()
        for connection in taken:
            connection.close()


def _quietly(answer: Answer, connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        answer(connection)


@pytest.mark.parametrize(
    ("protocol", "answer"),
    [
        pytest.param("http/protobuf", None, id="away"),
        pytest.param("grpc", _never, id="silent-grpc"),
        pytest.param("http/protobuf", _refuses, id="refuses"),
        pytest.param("http/protobuf", _garbage, id="garbage-http"),
    ],
)
async def test_runs_end_and_processes_stop_in_time_and_tell_how_many_spans_were_lost(
    tmp_path: Path, protocol: str, answer: Answer | None
) -> None:
    with _collector(answer) as endpoint:
        variables = {"ARGOSY_TELEMETRY__OTLP_ENDPOINT": endpoint, "ARGOSY_TELEMETRY__OTLP_PROTOCOL": protocol}
        async with real_fleet(tmp_path, workers=[("halve", "shout")], app=APP, variables=variables) as fleet:
            async with Argosy.connect(fleet.settings) as client, asyncio.timeout(240):
                runs = [await client.submit(plain, "abcd") for _ in range(RUNS)]
                assert {await run.result() for run in runs} == {"AB"}
            supervisor = fleet.stack.supervisor
            await asyncio.gather(supervisor.rest("worker-1"), supervisor.rest("coordinator-1"))
            for name in ("worker-1", "coordinator-1"):
                assert supervisor.children[name].last_exit == 0, "it had to be killed"
    logs = fleet.stack.folder / "logs"
    for name in ("worker-1", "coordinator-1"):
        told = [
            json.loads(line)
            for line in (logs / f"{name}.log").read_text().splitlines()
            if '"spans lost"' in line
        ]
        assert told, name
        assert told[-1]["lost"] > 0
        assert told[-1]["delivered"] == 0
