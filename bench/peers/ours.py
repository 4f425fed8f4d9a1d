"""Argosy's own arms: the same work, all promises on, its processes as they are anywhere; no traces, as in the peers."""

from app import graph, one, waits
from drain import UNTRACED, WIDE
from fleet import fleet_on
from submitting import ITEM, results, submit

from peers.bench import Bench, Round
from peers.graphs import TASKS
from peers.watching import Watch, between

SERVERS = ("kafka", "valkey")
WARM_UP = 20
GUARANTEES = (
    "each task's result takes effect once, a join fires once, each task is claimed; "
    "recorded in Kafka, and Redis may be lost; not synced to the disk, but Redis's log each second"
)
DRAIN_SETTINGS = (
    "one worker, 256 slots; the coordinator fills the queue, leaves, and comes back to end the runs"
)
GRAPH_SETTINGS = "one coordinator, one worker, all graphs submitted at once"
WAIT_SETTINGS = "one coordinator, one worker with so many slots"


async def drain(bench: Bench) -> Round:
    """Fill a queue with single-step runs and let one worker empty it; then every run must end well."""
    tasks, watch = bench.sizes.drained, bench.watch(*SERVERS)
    async with fleet_on(bench.stack, ["noop"], **WIDE, **UNTRACED) as fleet, fleet.connect() as client:
        await fleet.coordinator()
        await fleet.worker(["noop"])
        await fleet.quiet("worker")
        with fleet.frozen("worker"):
            runs = await submit(client, one, [ITEM] * tasks)
            await fleet.until(fleet.names.tasks("noop"), tasks)
            await fleet.stop("coordinator")
            before = await fleet.appended(fleet.names.runs)

        async def settled() -> int:
            return await fleet.appended(fleet.names.runs) - before

        began, first = await watch.until("worker", settled, tasks // 10)
        ended, last = await watch.until("worker", settled, tasks)
        await fleet.coordinator()
        await results(runs)
    used = between(began, ended)
    return Round(used, last - first, (last - first) / used.seconds)


async def graphs(bench: Bench) -> Round:
    """Run graphs 1→8→1 on one coordinator and one worker."""
    count = bench.sizes.graphs
    async with fleet_on(bench.stack, ["noop", "joined"], **UNTRACED) as fleet:
        await fleet.coordinator()
        await fleet.worker(["noop", "joined"])
        watch = bench.watch(*SERVERS)
        async with fleet.connect() as client:
            await results(await submit(client, graph, [ITEM] * WARM_UP))
            began = watch.now(_own(watch))
            await results(await submit(client, graph, [ITEM] * count))
            used = between(began, watch.now(_own(watch)))
    return Round(used, count * TASKS, count / used.seconds)


async def wait(bench: Bench, slots: int) -> Round:
    """Let handlers wait: from the first one's begin to the last one's end."""
    tasks = slots * bench.sizes.waves
    variables = {"ARGOSY_WORKER__CONCURRENCY": str(slots), **WIDE, **UNTRACED}
    async with fleet_on(bench.stack, ["waiting"], **variables) as fleet:
        await fleet.coordinator()
        watch = bench.watch(*SERVERS)
        async with fleet.connect() as client:
            runs = await submit(client, waits, [ITEM] * tasks)
            await fleet.until(fleet.names.tasks("waiting"), tasks)
            await fleet.worker(["waiting"])
            began = watch.now(_own(watch))
            spans = await results(runs)
            used = between(began, watch.now(_own(watch)))
    took = max(span.ended[0] for span in spans) - min(span.began[0] for span in spans)
    return Round(used, tasks, bench.sizes.waves / took)


def _own(watch: Watch) -> list[int]:
    return [watch.pid("coordinator"), watch.pid("worker")]
