"""`argosy up`: start the local stack and leave it running under a supervisor of its own."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from argosy.broker.cluster import KafkaCluster
from argosy.broker.provision import ensure
from argosy.console.config import load_settings
from argosy.console.foreground import STOPPING, run_in_foreground
from argosy.console.interruption import if_interrupted, interrupts_noted
from argosy.console.java import find_java
from argosy.console.kafka_jars import KAFKA_VERSION, ensure_jars
from argosy.console.log_file import last_lines, open_log
from argosy.console.numbers import counted
from argosy.console.output import note, show
from argosy.console.stack import LocalStack
from argosy.console.stack_state import DEFAULT_FOLDER, StackState, read_state, reap_left_over
from argosy.console.valkey_server import find_valkey
from argosy.schemas.errors import ChildFailed, ConfigurationError

START_WITHIN_SECONDS: Final = 300
STOP_WITHIN_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.05

Folder = Annotated[Path, typer.Option("--dir", help="The folder of this stack instance: data, ports, logs.")]


def up(
    *,
    folder: Folder = DEFAULT_FOLDER,
    brokers: Annotated[int, typer.Option("--brokers", min=1, max=3, help="Kafka brokers: 1 or 3.")] = 1,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay and supervise; Ctrl-C stops.")
    ] = False,
) -> None:
    """Start real Apache Kafka and a real Valkey on free ports here, and leave them running.

    The first time it downloads Kafka (44 MB) into your cache folder; later it needs no network.
    """
    check_brokers(brokers, read_state(folder))
    if foreground:
        if_interrupted(f"the stack is stopped; its data stays in {folder}")
        raise typer.Exit(run_in_foreground(_serve(folder, brokers), stopping=STOPPING))
    state = read_state(folder)
    if state is None or not state.is_running():
        reap_left_over(folder)
        find_java()
        find_valkey()
        ensure_jars(tell_downloads)
        if_interrupted(f"what had started is stopped; its data stays in {folder}")
        state = _start_detached(folder, brokers)
    if_interrupted("the stack runs: argosy status shows it, argosy down stops it; topics may be missing yet")
    asyncio.run(make_topics(state))
    show(state, in_words(folder, state))


def check_brokers(wanted: int, state: StackState | None) -> None:
    """Refuse a number of brokers without a quorum, or another than the instance's data was made with."""
    if wanted == 2:  # noqa: PLR2004  # two can't outvote one that is gone
        raise ConfigurationError(
            "two brokers can't lose one", "a quorum needs a majority", "choose --brokers 1 or 3"
        )
    has = len(state.layout.cluster.brokers) if state else wanted
    if wanted not in {1, has}:
        raise ConfigurationError(
            f"this stack instance has {counted(has, 'broker')}, not {wanted}",
            "its data was made with that number",
            "choose another --dir, or stop it and remove its folder to start afresh",
        )


def tell_downloads(done: int, total: int) -> None:
    """Say how far the download of Kafka is, on stderr."""
    if done == 0:
        note(f"downloading Apache Kafka {KAFKA_VERSION} ({total} files), once for this machine …")
    elif done == total or done % 10 == 0:
        note(f"  {done} of {total}")


def in_words(folder: Path, state: StackState) -> str:
    """Say where the stack listens and how to use it."""
    return (
        f"kafka   {state.bootstrap_servers}\n"
        f"valkey  {state.redis_url}\n"
        f"folder  {folder.absolute()}\n"
        "Commands run beside that folder find it. For others:\n"
        f"  export KAFKA_BOOTSTRAP_SERVERS={state.bootstrap_servers} REDIS_URL={state.redis_url}"
    )


async def make_topics(state: StackState) -> None:
    """Make the fleet's topics on the stack, so that any client in any language can submit before we run."""
    settings = load_settings()
    settings.kafka = settings.kafka.model_copy(update={"bootstrap_servers": state.bootstrap_servers})
    cluster = KafkaCluster(settings.kafka, "argosy-up")
    try:
        await ensure(cluster, settings)
    finally:
        await cluster.close()


async def _serve(folder: Path, brokers: int) -> None:
    async with LocalStack(folder, brokers=brokers, progress=tell_downloads) as stack:
        await make_topics(stack.state)
        note(in_words(folder, stack.state))
        await asyncio.Event().wait()


def _start_detached(folder: Path, brokers: int) -> StackState:
    """Start the supervisor in a session of its own and wait until its stack is ready."""
    log = folder / "logs" / "supervisor.log"
    note("starting Kafka and Valkey …")
    command = [sys.executable, "-P", "-m", "argosy", "up", "--foreground"]
    with interrupts_noted() as interrupt:  # whenever it comes, the process that was started is known
        with open_log(log) as output:
            process = subprocess.Popen(  # noqa: S603  # our own program, our own arguments
                [*command, "--dir", str(folder), "--brokers", str(brokers)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        give_up_at = time.monotonic() + START_WITHIN_SECONDS
        while process.poll() is None and time.monotonic() < give_up_at and not interrupt.is_set():
            state = read_state(folder)
            if state and state.ready and state.supervisor and state.supervisor.pid == process.pid:
                return state
            interrupt.wait(_POLL_SECONDS)
        if interrupt.is_set():
            process.terminate()
            process.wait(STOP_WITHIN_SECONDS)
            raise KeyboardInterrupt
    process.terminate()
    raise ChildFailed("the local stack did not start", last_lines(log), f"read the logs in {log.parent}")
