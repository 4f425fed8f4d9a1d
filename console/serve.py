"""`argosy coordinator` and `argosy worker`: the two serving processes.

Each loads its own part when it is called: a worker starts sooner without the coordinator's.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argosy.agents.exit import end_process
from argosy.broker import provision
from argosy.broker.redis import RedisStore
from argosy.broker.server_check import check_server
from argosy.broker.topics import TopicNames
from argosy.console.config import load_settings
from argosy.console.output import note
from argosy.console.patient_start import until_reached
from argosy.console.process_life import Services, say_ready, serve
from argosy.schemas.errors import ConfigurationError, Unreachable, WorkerBroken

if TYPE_CHECKING:
    from argosy.pipelines.schedule import Schedule

ReadyFile = Annotated[
    Path | None, typer.Option("--ready-file", help="Written when the process serves.", hidden=True)
]


def coordinator(
    app: Annotated[
        str | None, typer.Argument(help="A Python file or module: its schedules are run; else none are.")
    ] = None,
    *,
    ready_file: ReadyFile = None,
) -> None:
    """Run a coordinator: receivers and lanes. Start as many as you like, they share both.

    With an app it runs the app's schedules too; so may any number of them, a slot is one run. Topics that are missing
    are made; a setting that contradicts what is there is an error. Services that don't answer yet are waited for.
    SIGTERM drains.
    """
    from argosy.console.scheduling import run_schedules  # noqa: PLC0415 - see above
    from argosy.console.topics_watch import tell_missing  # noqa: PLC0415
    from argosy.coordinator.service import Coordinator  # noqa: PLC0415

    settings = load_settings()
    schedules = _schedules(app)

    async def main(services: Services, stop: asyncio.Event) -> None:
        coordinator = Coordinator(settings, services.cluster, services.store, services.payloads)
        if not await until_reached("coordinator", coordinator.check, stop):
            return
        await say_ready(ready_file)  # the topics are there: clients may come
        used = TopicNames(settings.kafka.topic_prefix).used_by_coordinator()
        beside = {
            asyncio.create_task(tell_missing(services.cluster, used), name="tell of missing topics"),
            asyncio.create_task(run_schedules(settings, services.store, schedules, stop), name="schedules"),
        }
        services.load_vocabulary(asyncio.sleep(0))
        try:
            await coordinator.run(stop)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)

    serve(settings, "coordinator", main)


def worker(
    target: Annotated[
        str,
        typer.Argument(
            metavar="APP[:AGENT,…]", help="A Python file or module; all its agents, or those named."
        ),
    ],
    *,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", min=1, help="Handlers at once, per agent.")
    ] = None,
    drain_seconds: Annotated[
        float | None, typer.Option("--drain-seconds", min=0, help="How long SIGTERM waits for handlers.")
    ] = None,
    ready_file: ReadyFile = None,
) -> None:
    """Run the agents of an app, or some of them. Start as many as you like, they share the work.

    SIGTERM stops taking, lets handlers finish for `--drain-seconds` and hands the rest back; twice ends at once.
    """
    from argosy.agents.models import Models  # noqa: PLC0415 - see above
    from argosy.agents.openai_client import OpenAIClient  # noqa: PLC0415
    from argosy.agents.worker import Worker  # noqa: PLC0415
    from argosy.pipelines.discover import discover  # noqa: PLC0415

    path, _, names = target.partition(":")
    found = discover(path)
    agents = [found.agent(name) for name in names.split(",")] if names else list(found.agents.values())
    if not agents:
        raise ConfigurationError(
            f"{path} has no agents", "a worker runs the agents of an app", "define one with @agent"
        )
    settings = load_settings()
    changes = {"concurrency": concurrency, "drain_seconds": drain_seconds}
    given = {name: value for name, value in changes.items() if value is not None}
    settings.worker = settings.worker.model_copy(update=given)

    async def main(services: Services, stop: asyncio.Event) -> None:
        note(f"worker: {', '.join(agent.name for agent in agents)}")
        names = [agent.name for agent in agents]
        used = TopicNames(settings.kafka.topic_prefix).used_by_worker(names)

        async def check() -> None:
            await provision.ensure(services.cluster, settings, names, only=used)

        if not await until_reached("worker", check, stop):
            return
        await _check_redis(services.store)
        client = OpenAIClient(settings.model)
        models = Models(client, settings.model)
        if any(agent.contract.model for agent in agents):
            client.load()
            models.load()  # not while leases are to be renewed: on a busy machine it takes as long as one
        await say_ready(ready_file)
        parts = (settings, services.cluster, services.store, services.payloads, agents)
        worker = Worker(*parts, models=models)
        services.load_vocabulary(worker.joined())
        serving = asyncio.create_task(worker.run(stop), name="worker")
        try:
            await asyncio.wait({serving})
            serving.result()
        except WorkerBroken as error:
            # A handler that does not stop would keep the event loop from closing, for ever.
            end_process(str(error))
        except asyncio.CancelledError:
            # Nobody here does that, and what of the clients' tasks was cancelled with us is no use any more.
            end_process("a handler has ended the event loop, or cancelled tasks that aren't its own")
        finally:
            await client.close()

    serve(settings, f"worker-{agents[0].name}" if len(agents) == 1 else "worker", main)


def _schedules(app: str | None) -> "list[Schedule[Any]]":
    if app is None:
        return []
    from argosy.pipelines.discover import discover  # noqa: PLC0415 - see above

    return list(discover(app).schedules.values())


async def _check_redis(store: RedisStore) -> None:
    """Raise for a Redis that will never serve us, for which a worker would wait for ever; one that is away may come."""
    try:
        found = await check_server(store)
    except Unreachable:
        return
    for wrong in found:
        if wrong.severity == "error":
            raise ConfigurationError(wrong.what, wrong.why, wrong.do)
