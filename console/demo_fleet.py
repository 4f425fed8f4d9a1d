"""The demo's fleet: everything as separate processes under one supervisor, runs through it, then the report."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from argosy.agents.briefing import briefing
from argosy.agents.document import Document
from argosy.client.connection import Argosy
from argosy.console.config import environment_of, load_settings
from argosy.console.dashboard_child import start_dashboard
from argosy.console.demo_chaos import torment
from argosy.console.demo_report import Told, report
from argosy.console.fleet_children import coordinator_child, worker_child
from argosy.console.live import Progress, watching
from argosy.console.model_child import LocalModel, stand_in
from argosy.console.output import note
from argosy.console.run_view import RunView, TaskView
from argosy.console.stack import LocalStack
from argosy.console.up import tell_downloads
from argosy.schemas.errors import RunError
from argosy.schemas.settings import Settings

APP: Final = "argosy.agents.briefing"
_OWN_PACE: Final = {
    # On one machine and for minutes: what dies is noticed in seconds, not in those of a cluster.
    "ARGOSY_FLEET__LANES": "4",
    "ARGOSY_FLEET__LEASE_SECONDS": "6",
    "ARGOSY_FLEET__RENEW_SECONDS": "2",
    "ARGOSY_FLEET__PATIENCE_SECONDS": "10",
    "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "6",
    "ARGOSY_KAFKA__INBOX_PARTITIONS": "2",
    "ARGOSY_KAFKA__WORK_PARTITIONS": "4",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What the demo is to do. `chaos_seed` None: nothing is killed."""

    documents: tuple[Document, ...]
    workers: int
    chaos_seed: int | None


async def run_demo(folder: Path, plan: Plan) -> int:
    """Start all, run all, tell all, stop all. Returns the exit code: 1 if a run failed that nobody meant to fail."""
    async with LocalStack(folder, progress=tell_downloads) as stack:
        settings = load_settings(folder)
        traces = stack.folder / "traces"
        environment = fleet_environment(settings, traces)
        if (model := stand_in(settings.model)) is not None:
            environment.update(model.environment)
        note(f"kafka {stack.bootstrap_servers}  valkey {stack.redis_url}  logs {stack.folder / 'logs'}")
        names = await _start(stack, plan, environment, model)
        await start_dashboard(stack.supervisor, stack.folder, environment)
        fleet_settings = with_environment(settings, environment)
        views = [RunView("", document.title, tasks=_tasks()) for document in plan.documents]
        async with Argosy.connect(fleet_settings) as fleet:
            told = await _drive(stack, fleet, plan, views, names)
        return await report(fleet_settings, told, traces)


def fleet_environment(settings: Settings, traces: Path) -> dict[str, str]:
    """Give the variables of a demo's processes."""
    found = {**environment_of(settings), **_OWN_PACE, "ARGOSY_TELEMETRY__LOG_FORMAT": "json"}
    found["ARGOSY_TELEMETRY__FOLDER"] = str(traces)
    found["ARGOSY_PAYLOADS"] = settings.payloads or f"file://{(traces.parent / 'payloads').absolute()}"
    return found


def with_environment(settings: Settings, environment: dict[str, str]) -> Settings:
    """Give the settings that the children read from their environment, for our own client."""
    fleet = settings.fleet.model_copy(update={"lanes": int(environment["ARGOSY_FLEET__LANES"])})
    telemetry = settings.telemetry.model_copy(
        update={"folder": Path(environment["ARGOSY_TELEMETRY__FOLDER"])}
    )
    return settings.model_copy(
        update={"fleet": fleet, "telemetry": telemetry, "payloads": environment["ARGOSY_PAYLOADS"]}
    )


async def _start(
    stack: LocalStack, plan: Plan, environment: dict[str, str], model: LocalModel | None
) -> list[str]:
    """Start model, coordinator and workers; return the names of those that chaos may kill."""
    supervisor = stack.supervisor
    workers: list[str] = []
    async with asyncio.TaskGroup() as starting:
        if model is not None:
            spec = model.child(stack.folder / "logs" / "model.log")
            starting.create_task(supervisor.start(spec), name="start model")
        spec = coordinator_child("coordinator", stack.folder, environment)
        starting.create_task(supervisor.start(spec), name="start coordinator")
        for agent in briefing.agents():
            for number in range(1, plan.workers + 1):
                name = agent if plan.workers == 1 else f"{agent}-{number}"
                spec = worker_child(name, f"{APP}:{agent}", stack.folder, environment)
                starting.create_task(supervisor.start(spec), name=f"start {name}")
                workers.append(name)
    note(f"up: coordinator, {', '.join(workers)}{', model (local)' if model else ', model (yours)'}")
    return [*workers, "coordinator", "valkey"]


def _tasks() -> dict[str, TaskView]:
    return {step.name: TaskView() for step in briefing.compile().steps}


async def _drive(
    stack: LocalStack, fleet: Argosy, plan: Plan, views: Sequence[RunView], names: Sequence[str]
) -> list[Told]:
    """Submit all documents, show how they go, wait for the ends."""
    done = asyncio.Event()
    with Progress(views) as progress:
        async with asyncio.TaskGroup() as group:
            if plan.chaos_seed is not None:
                group.create_task(torment(stack, names, plan.chaos_seed, done, progress), name="chaos")
            ends = [
                group.create_task(_one(fleet, document, view, progress), name=f"run {view.title}")
                for document, view in zip(plan.documents, views, strict=True)
            ]
            await asyncio.wait(ends)
            done.set()
    return [end.result() for end in ends]


async def _one(fleet: Argosy, document: Document, view: RunView, progress: Progress) -> Told:
    run = await fleet.submit(briefing, document, deadline_seconds=900)
    view.run_id = run.run_id
    try:
        async with watching(run, view, progress):
            brief = await run.result()
    except RunError as error:
        progress.say(f"{document.title}: {type(error).__name__}: {error.reason}")
        return Told(run.run_id, document.title, None, error)
    progress.say(f"{document.title}: done")
    return Told(run.run_id, document.title, brief.markdown, None)
