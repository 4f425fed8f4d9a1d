"""`argosy demo --team`: the software team writes a small library in a repository of its own, on real parts."""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from argosy.agents.git import program
from argosy.agents.repository import Repository
from argosy.agents.sandbox_probe import find_sandbox
from argosy.agents.software_team import software_team
from argosy.agents.team_work import Assignment, Delivery
from argosy.client.connection import Argosy
from argosy.console.config import load_settings
from argosy.console.dashboard_child import start_dashboard
from argosy.console.demo_chaos import torment
from argosy.console.demo_fleet import fleet_environment, with_environment
from argosy.console.demo_team_report import Ended, report
from argosy.console.demo_team_task import GOAL, REPOSITORY, script, task_files
from argosy.console.fleet_children import coordinator_child, worker_child
from argosy.console.live import Progress, watching
from argosy.console.output import note
from argosy.console.run_view import RunView, TaskView
from argosy.console.stack import LocalStack
from argosy.console.up import tell_downloads
from argosy.schemas.errors import ConfigurationError, RunError
from argosy.schemas.settings import Settings
from argosy.testing.scripted_models import ScriptedModels

APP: Final = "argosy.agents.software_team"
_DEADLINE_SECONDS: Final = 900


@dataclass(frozen=True, slots=True)
class TeamPlan:
    """What the demo is to do. `model` None: the script's; `chaos_seed` None: nothing is killed."""

    coders: int
    model: str | None
    chaos_seed: int | None


async def run_team(folder: Path, plan: TeamPlan) -> int:
    """Start all, let the team work, tell what it made, stop all. Exit code 1 unless the suite is green."""
    settings = load_settings()
    await _need(settings, plan)
    name = f"{REPOSITORY}-{secrets.token_hex(3)}"
    workshop = (folder / "repositories").absolute()
    repository = await asyncio.to_thread(
        Repository.made, workshop / f"{name}.git", task_files(), "Begin mdtoc"
    )
    assignment = Assignment(goal=GOAL, repository=name, base=repository.head().commit)
    with contextlib.ExitStack() as leave:
        model = None if plan.model else leave.enter_context(ScriptedModels(script()))
        async with LocalStack(folder, progress=tell_downloads) as stack:
            settings = load_settings(folder)
            traces = stack.folder / "traces"
            environment = fleet_environment(settings, traces) | _own(workshop, plan, model)
            note(f"kafka {stack.bootstrap_servers}  valkey {stack.redis_url}  logs {stack.folder / 'logs'}")
            names = await _start(stack, plan, environment)
            await start_dashboard(stack.supervisor, stack.folder, environment)
            fleet_settings = with_environment(settings, environment)
            async with Argosy.connect(fleet_settings) as fleet:
                ended = await _drive(stack, fleet, plan, assignment, names)
            calls = len(model.calls) if model else None
            return await report(
                fleet_settings, ended, repository, workshop.with_name("checkouts") / name, traces, calls
            )


async def _need(settings: Settings, plan: TeamPlan) -> None:
    """Say what is missing before anything is started."""
    program()
    if settings.sandbox.kind == "bubblewrap":
        await find_sandbox()
    if plan.model and not (settings.model.base_url or settings.model.api_key):
        raise ConfigurationError(
            f"there is no server for the model {plan.model!r}",
            "neither OPENAI_BASE_URL nor OPENAI_API_KEY is set",
            "set them, or leave --model away: then a script answers",
        )


def _own(workshop: Path, plan: TeamPlan, model: ScriptedModels | None) -> dict[str, str]:
    found = {"ARGOSY_WORKSHOP__FOLDER": str(workshop), "ARGOSY_MODEL__REPLACE_WITH": plan.model or ""}
    if model is not None:
        found |= {**model.environment, "ARGOSY_MODEL__API_KEY": "scripted"}  # never yours to a script
    return found


async def _start(stack: LocalStack, plan: TeamPlan, environment: dict[str, str]) -> list[str]:
    """Start coordinator and workers; return the names of those that chaos may kill."""
    workers = {
        name: agent
        for agent in software_team.agents()
        for name in (
            [f"coder-{number}" for number in range(1, plan.coders + 1)] if agent == "coder" else [agent]
        )
    }
    async with asyncio.TaskGroup() as starting:
        spec = coordinator_child("coordinator", stack.folder, environment)
        starting.create_task(stack.supervisor.start(spec), name="start coordinator")
        for name, agent in workers.items():
            spec = worker_child(name, f"{APP}:{agent}", stack.folder, environment)
            starting.create_task(stack.supervisor.start(spec), name=f"start {name}")
    note(f"up: coordinator, {', '.join(workers)}, model ({plan.model or 'a script'})")
    return [*workers, "coordinator", "valkey"]


async def _drive(
    stack: LocalStack, fleet: Argosy, plan: TeamPlan, assignment: Assignment, names: list[str]
) -> Ended:
    """Submit the assignment, show how it goes, wait for its end."""
    view = RunView(
        "", assignment.repository, tasks={s.name: TaskView() for s in software_team.compile().steps}
    )
    done = asyncio.Event()
    with Progress([view]) as progress:
        async with asyncio.TaskGroup() as group:
            if plan.chaos_seed is not None:
                group.create_task(torment(stack, names, plan.chaos_seed, done, progress), name="chaos")
            try:
                return await _one(fleet, assignment, view, progress)
            finally:
                done.set()


async def _one(fleet: Argosy, assignment: Assignment, view: RunView, progress: Progress) -> Ended:
    run = await fleet.submit(software_team, assignment, deadline_seconds=_DEADLINE_SECONDS)
    view.run_id = run.run_id
    try:
        async with watching(run, view, progress):
            delivery: Delivery = await run.result()
    except RunError as error:
        progress.say(f"{assignment.repository}: {type(error).__name__}: {error.reason}")
        return Ended(run.run_id, assignment, None, error.reason)
    return Ended(run.run_id, assignment, delivery, "")
