"""All arms: who does which work, with which settings, promising what; and what is hoped for."""

from functools import partial

from app import WIDTH

from peers import graphs, ours, queues
from peers.bench import Bench, Entry, Measure, Round
from peers.environments import RESTATE_SERVER
from peers.outcomes import OURS, Arm
from peers.queues import CELERY_QUIETLY, Comes, QueuePeer
from peers.servers import POSTGRES

WAITING = (10, 100, 1_000)
_REDIS_LOST = "Redis lost: all lost"


def _celery(task: str, slots: int) -> tuple[str, ...]:
    pool = ("-P", "prefork", "-c", "1") if task == "noop" else ("-P", "threads", "-c", str(slots))
    return ("celery", "-A", "celery_arm", "worker", *pool, *CELERY_QUIETLY)


def _dramatiq(_: str, slots: int) -> tuple[str, ...]:
    return ("dramatiq", "dramatiq_arm", "-p", "1", "-t", str(slots))


def _taskiq(_: str, slots: int) -> tuple[str, ...]:
    quiet = ("--workers", "1", "--no-configure-logging", "--log-level", "ERROR")
    return ("taskiq", "worker", "taskiq_arm:broker", *quiet, "--max-async-tasks", str(slots))


def _arq(_: str, __: int) -> tuple[str, ...]:
    return ("arq", "arq_arm.WorkerSettings")


def _faststream(mode: str, task: str, _: int) -> tuple[str, ...]:
    return ("python", "faststream_arm.py", "work", task, mode)


def _slots(slots: int) -> dict[str, str]:
    return {"PEER_SLOTS": str(slots)}


QUEUES = (
    QueuePeer(
        "celery",
        "celery_arm",
        _celery,
        Comes.AS_KEYS,
        "prefork, one child, prefetch 128, acknowledged after the task ran",
        f"at least once (after a crash an hour later); no claim; {_REDIS_LOST}",
        slots=1,
        variables=lambda slots: {"PEER_PREFETCH": str(128 if slots == 1 else 10)},
        wait_settings="a thread a slot (gevent: half as fast), prefetch 10, acknowledged after the task ran",
    ),
    QueuePeer(
        "dramatiq",
        "dramatiq_arm",
        _dramatiq,
        Comes.AS_KEYS,
        "one process of 8 threads, results kept",
        f"at least once; no claim; {_REDIS_LOST}",
        slots=8,
        wait_settings="a thread a slot (gevent was slower), results kept",
    ),
    QueuePeer(
        "taskiq, stream",
        "taskiq_arm",
        _taskiq,
        Comes.AS_KEYS,
        "a Redis stream, uvloop, 1,000 tasks at once, acknowledged after the result was kept",
        f"at least once; no claim; {_REDIS_LOST}",
        slots=1_000,
        variables=lambda _: {"PEER_BROKER": "stream"},
        wait_settings="a Redis stream, uvloop, one asyncio task a slot",
    ),
    QueuePeer(
        "taskiq, list",
        "taskiq_arm",
        _taskiq,
        Comes.AS_KEYS,
        "a Redis list, uvloop, 1,000 tasks at once",
        f"at most once: out of the queue before it runs; {_REDIS_LOST}",
        slots=1_000,
        variables=lambda _: {"PEER_BROKER": "list"},
        wait_settings="a Redis list, uvloop, one asyncio task a slot",
    ),
    QueuePeer(
        "arq",
        "arq_arm",
        _arq,
        Comes.OUT_OF_QUEUE,
        "uvloop, 1,000 jobs at once",
        f"at least once, claimed by a key of Redis; {_REDIS_LOST}",
        slots=1_000,
        variables=_slots,
        wait_settings="uvloop, one job a slot",
    ),
    QueuePeer(
        "faststream, many at once",
        "faststream_arm",
        partial(_faststream, "workers"),
        Comes.AS_RECORDS,
        "Kafka, uvloop, 200 handlers at once, committed before they run",
        "at most once; no claim, no store, no order of commits",
        slots=200,
        variables=_slots,
        wait_settings="Kafka, uvloop, one handler a slot, committed before they run",
    ),
    QueuePeer(
        "faststream, batches",
        "faststream_arm",
        partial(_faststream, "batch"),
        Comes.AS_RECORDS,
        "Kafka, uvloop, 500 messages to a handler, which runs them at once; committed after it",
        "at least once for the batch: one that fails repeats or drops all; no claim, no store",
        slots=500,
    ),
)
GRAPHS: tuple[tuple[str, tuple[str, ...], Measure, str, str], ...] = (
    (
        "langgraph, memory",
        ("langgraph",),
        partial(graphs.langgraph, "memory"),
        f"uvloop, {graphs.AT_ONCE} graphs at once, nodes in the one process",
        "none: the process dies, its runs are gone",
    ),
    (
        "langgraph, postgres",
        ("langgraph", POSTGRES),
        partial(graphs.langgraph, "postgres"),
        f"uvloop, {graphs.AT_ONCE} graphs at once over 10 connections, nodes in the one process",
        "a run's state of each superstep synced to the disk; who dies must be resumed from outside",
    ),
    (
        "dbos",
        ("dbos", POSTGRES),
        graphs.dbos,
        f"{graphs.AT_ONCE} workflows at once, tasks as steps in the one process",
        "each step's result synced to the disk; a workflow goes on where it stood, when its process is back",
    ),
    (
        "restate",
        ("restate", RESTATE_SERVER),
        graphs.restate,
        f"{graphs.AT_ONCE} invocations at once, tasks as durable steps of one handler",
        "each step in the server's log, synced to the disk; a handler is called again by the server",
    ),
    (
        "celery, chord",
        ("celery",),
        graphs.celery,
        f"{graphs.AT_ONCE} graphs at once, prefork, one child, prefetch 128",
        f"at least once; the join is a counter of Redis, which a repeated task counts up too; {_REDIS_LOST}",
    ),
)
DRAIN, GRAPH = "drain", "graphs"
WORKS = (DRAIN, GRAPH, *(f"wait-{slots}" for slots in WAITING))
TITLES = {
    DRAIN: "no-op tasks of 600 bytes out of a filled queue, one worker",
    GRAPH: f"graphs 1→{WIDTH}→1 of no-op tasks",
    **{
        f"wait-{slots}": f"handlers that wait for a second, {slots} at once in one worker"
        for slots in WAITING
    },
}
GOALS: dict[tuple[str, str], float] = {
    (DRAIN, "dramatiq"): 3.5,
    (DRAIN, "faststream, many at once"): 3.5,
    (DRAIN, "faststream, batches"): 3.5,
    (DRAIN, "taskiq, stream"): 8,
    (DRAIN, "taskiq, list"): 8,
    (DRAIN, "arq"): 8,
    (DRAIN, "celery"): 20,
    (GRAPH, "langgraph, memory"): 1.5,
    (GRAPH, "langgraph, postgres"): 6,
    (GRAPH, "dbos"): 6,
    (GRAPH, "restate"): 6,
    **{(f"wait-{slots}", OURS): 0.97 for slots in WAITING},
}
"""Ratios of our rate to a peer's; our own are for the rate itself."""
_UNITS = {DRAIN: "tasks/s", GRAPH: "graphs/s"}


def entries(work: str) -> list[Entry]:
    """Give the arms of a work, ours first."""
    if work == DRAIN:
        mine = _entry(work, OURS, (), ours.drain, ours.DRAIN_SETTINGS, ours.GUARANTEES)
        return [mine, *map(_draining, QUEUES)]
    if work == GRAPH:
        mine = _entry(work, OURS, (), ours.graphs, ours.GRAPH_SETTINGS, ours.GUARANTEES)
        return [mine, *(_entry(work, *row) for row in GRAPHS)]
    slots = int(work.removeprefix("wait-"))
    mine = _entry(work, OURS, (), partial(ours.wait, slots=slots), ours.WAIT_SETTINGS, ours.GUARANTEES)
    return [mine, *(_waiting(work, peer, slots) for peer in QUEUES if peer.wait_settings)]


def _draining(peer: QueuePeer) -> Entry:
    async def measure(bench: Bench) -> Round:
        return await queues.drain(bench, peer)

    return _entry(DRAIN, peer.name, (peer.environment,), measure, peer.settings, peer.guarantees)


def _waiting(work: str, peer: QueuePeer, slots: int) -> Entry:
    async def measure(bench: Bench) -> Round:
        return await queues.wait(bench, peer, slots)

    return _entry(work, peer.name, (peer.environment,), measure, peer.wait_settings, peer.guarantees)


def _entry(  # noqa: PLR0913, PLR0917 - a row of the tables above
    work: str, name: str, needs: tuple[str, ...], measure: Measure, settings: str, guarantees: str
) -> Entry:
    unit = _UNITS.get(work, "of the ideal")
    return Entry(
        Arm(work=work, unit=unit, peer=name, settings=settings, guarantees=guarantees), needs, measure
    )
