"""`argosy dev APP`: the local stack, a coordinator and a worker per agent of an app, until Ctrl-C."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from argosy.console.config import environment_of, load_settings
from argosy.console.fleet_children import coordinator_child, worker_child
from argosy.console.foreground import run_in_foreground
from argosy.console.model_child import stand_in
from argosy.console.output import note, show
from argosy.console.stack import LocalStack
from argosy.console.stack_state import DEFAULT_FOLDER
from argosy.console.up import Folder, in_words, tell_downloads
from argosy.pipelines.discover import Found, discover
from argosy.schemas.errors import ConfigurationError


def dev(
    app: Annotated[str, typer.Argument(help="A Python file or module with pipelines and agents.")],
    *,
    folder: Folder = DEFAULT_FOLDER,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Worker processes per agent.")] = 1,
) -> None:
    """Run everything that an app needs, here, until Ctrl-C; data is kept for the next time.

    In another shell: `argosy run NAME --app APP --input '…'`.
    """
    found = discover(app)
    if not found.agents:
        raise ConfigurationError(f"{app} has no agents", "dev runs an app's agents", "define one with @agent")
    raise typer.Exit(run_in_foreground(_dev(found, folder, workers)))


async def _dev(found: Found, folder: Path, workers: int) -> None:
    async with LocalStack(folder, progress=tell_downloads) as stack:
        settings = load_settings(folder)
        environment = environment_of(settings)
        asks_a_model = any(agent.contract.model for agent in found.agents.values())
        if asks_a_model and (model := stand_in(settings.model)) is not None:
            note(
                "no model server is configured: a small local one answers instead (OPENAI_API_KEY, OPENAI_BASE_URL)"
            )
            await stack.supervisor.start(model.child(stack.folder / "logs" / "model.log"))
            environment |= model.environment
        await stack.supervisor.start(coordinator_child("coordinator", stack.folder, environment))
        async with asyncio.TaskGroup() as starting:
            for agent in found.agents:
                for number in range(1, workers + 1):
                    name = agent if workers == 1 else f"{agent}-{number}"
                    spec = worker_child(name, f"{found.target}:{agent}", stack.folder, environment)
                    starting.create_task(stack.supervisor.start(spec), name=f"start {name}")
        show(stack.state, in_words(folder, stack.state))
        note(f"agents  {', '.join(found.agents)}\nlogs    {stack.folder / 'logs'}\nCtrl-C stops everything")
        for pipeline in found.pipelines:
            note(f"try     argosy run {pipeline} --app {found.target} --input '…' --watch")
        await asyncio.Event().wait()
