"""Peers that run graphs: each is a script that measures itself, beside the servers and workers that it needs."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from app import WIDTH

from argosy.console.ports import LOOPBACK, free_ports
from peers.arms.handshake import WARM_UP
from peers.arms.tally import Tally
from peers.bench import ARMS, Bench, Round, check
from peers.queues import CELERY_QUIETLY, databases
from peers.servers import POSTGRES, RESTATE, listening, postgres
from peers.servers import restate as restate_server
from peers.watching import between, script

AT_ONCE = 50
"""Graphs in the air."""
TASKS = WIDTH + 2
"""Of one graph."""


@dataclass(frozen=True, slots=True)
class _Play:
    """A script with what it is told; `worker`: another process runs the tasks, and the script only asks for them."""

    environment: str
    words: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    servers: tuple[str, ...] = ()
    worker: str = ""


async def langgraph(saver: str, bench: Bench) -> Round:
    """Run LangGraph with a checkpointer."""
    async with AsyncExitStack() as leave:
        if saver == "memory":
            return await _measure(bench, _tally(bench), _Play("langgraph", (saver,)))
        address = await leave.enter_async_context(postgres(bench.stack, bench.environments))
        play = _Play("langgraph", (saver,), {"PEER_POSTGRES": address}, (POSTGRES,))
        return await _measure(bench, _tally(bench), play)


async def dbos(bench: Bench) -> Round:
    """Run DBOS on Postgres."""
    async with postgres(bench.stack, bench.environments) as address:
        play = _Play("dbos", (), {"PEER_POSTGRES": address}, (POSTGRES,))
        return await _measure(bench, _tally(bench), play)


async def restate(bench: Bench) -> Round:
    """Run Restate: its server, the process that holds the handler, and a client that asks."""
    tally = _tally(bench)
    (port,) = free_ports(1)
    here = f"{LOOPBACK}:{port}"
    program = bench.environments.program("restate", "hypercorn")
    argv = (program, "-k", "uvloop", "-b", here, "restate_arm:app")
    async with restate_server(bench.stack, bench.environments) as server:
        variables = {
            "PEER_WIDTH": str(WIDTH),
            "PEER_INGRESS": server.ingress,
            "PEER_ADMIN": server.admin,
            "PEER_SERVICE": f"http://{here}",
        }
        async with bench.child("worker", argv, bench.variables(**variables), ready=listening(port)):
            return await _measure(bench, tally, _Play("restate", (), variables, (RESTATE,), worker="worker"))


async def celery(bench: Bench) -> Round:
    """Run chains with chords on celery: one worker, and a client whose threads submit and wait."""
    tally, variables = _tally(bench), {"PEER_PREFETCH": "128"}
    program = bench.environments.program("celery", "celery")
    argv = (program, "-A", "celery_arm", "worker", "-P", "prefork", "-c", "1", *CELERY_QUIETLY)
    async with databases(bench), bench.child("worker", argv, bench.variables(**variables)):
        play = _Play("celery", ("graphs",), variables, ("valkey",), worker="worker")
        return await _measure(bench, tally, play)


def _tally(bench: Bench) -> Tally:
    return bench.tally((bench.sizes.graphs + WARM_UP) * TASKS)


async def _measure(bench: Bench, tally: Tally, play: _Play) -> Round:
    graphs, watch = bench.sizes.graphs, bench.watch(*play.servers)
    python = bench.environments.program(play.environment, "python")
    numbers = map(str, (graphs, WIDTH, AT_ONCE))
    argv = (python, f"{play.environment}_arm.py", *play.words, *numbers)
    async with script(argv, ARMS, bench.variables(**play.variables), bench.log(play.environment)) as running:
        await running.ready()
        own = [watch.pid(play.worker) if play.worker else running.process.pid]
        began = watch.now(own)
        await running.begin()
        seconds = await running.seconds()
        used = between(began, watch.now(own))
    return Round(used, graphs * TASKS, graphs / seconds, check(tally))
