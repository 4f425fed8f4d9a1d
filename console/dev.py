"""`argosy dev APP`: the local stack, a coordinator and a worker per agent of an app, until Ctrl-C."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from argosy.console.app_facts import AppFacts, look, look_apart
from argosy.console.config import environment_of, load_settings
from argosy.console.dashboard_child import start_dashboard
from argosy.console.dev_fleet import DevFleet
from argosy.console.dev_memory import dev_in_memory
from argosy.console.file_watch import Watched, until_changed
from argosy.console.foreground import STOPPING, run_in_foreground
from argosy.console.interruption import if_interrupted
from argosy.console.output import note, show, show_error
from argosy.console.own_name import as_called
from argosy.console.publish import publish_all
from argosy.console.stack import LocalStack
from argosy.console.stack_state import DEFAULT_FOLDER
from argosy.console.up import Folder, in_words, tell_downloads
from argosy.schemas.errors import ArgosyError, ChildFailed, ConfigurationError
from argosy.schemas.settings import Settings


def dev(  # noqa: PLR0913 - the options of a command
    app: Annotated[str, typer.Argument(help="A Python file or module with pipelines and agents.")],
    *,
    folder: Folder = DEFAULT_FOLDER,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Worker processes per agent.")] = 1,
    reload: Annotated[
        bool, typer.Option("--reload/--no-reload", help="Restart workers when the app's files change.")
    ] = True,
    memory: Annotated[
        bool,
        typer.Option(
            "--memory", help="No Kafka, no Redis: all in this process, behind a gateway, and gone with it."
        ),
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="Of the gateway of --memory; 0 = any free one.")
    ] = 0,
) -> None:
    """Run everything that an app needs, here, until Ctrl-C; data is kept for the next time.

    When the app's file changes, or a module beside it that it imports, its workers are restarted: they finish
    what they can and hand the rest back. A file that can't be imported is shown, and the old workers go on.

    The app's pipelines are published, in another shell: `argosy run NAME --input '…'`; with --memory by HTTP, as it
    says.
    """
    facts = look(app)
    if memory:
        if_interrupted("all is stopped; what was in memory is gone")
        work = dev_in_memory(app, facts, load_settings(folder), folder, port)
        raise typer.Exit(run_in_foreground(work, stopping=STOPPING))
    if_interrupted(f"all is stopped; runs and data stay in {folder}, and go on with the next start")
    work = _dev(app, facts, folder, workers, reload=reload)
    raise typer.Exit(run_in_foreground(work, stopping=STOPPING))


async def _dev(app: str, facts: AppFacts, folder: Path, workers: int, *, reload: bool) -> None:
    watched = Watched(facts.files)
    before = watched.look()
    note("starting Kafka and Valkey …")
    async with LocalStack(folder, progress=tell_downloads, tell=note) as stack:
        settings = load_settings(folder)
        fleet = DevFleet(stack.supervisor, stack.folder, environment_of(settings), workers)
        await fleet.start(facts, settings.model)
        await _publish(settings, facts)
        await start_dashboard(stack.supervisor, stack.folder, fleet.environment)
        show(stack.state, in_words(folder, stack.state))
        note(f"{facts.in_words()}\nlogs    {stack.folder / 'logs'}\nCtrl-C stops everything")
        argosy = as_called()
        for pipeline in facts.pipelines:
            note(f"try     {argosy} run {pipeline} --input '…' --watch")
        if facts.schedules:
            note(f"        {argosy} schedules list {app}")
        if not reload:
            await asyncio.Event().wait()
        while True:
            changed = await until_changed(watched, before)
            note(f"changed {', '.join(file.name for file in changed)}")
            before = watched.broadly().look()
            found = await _reload(app, fleet, settings)
            if found is None:  # what mends it may be a file that it never came to import
                watched = watched.broadly()
                continue
            watched = Watched(found.files)
            before = {file: before.get(file, stamp) for file, stamp in watched.look().items()}


async def _publish(settings: Settings, facts: AppFacts) -> None:
    """Let a submit just name a pipeline of the app, as it is now; what can't be is said."""
    try:
        await publish_all(settings, facts.compiled, force=True)
    except ArgosyError as error:
        show_error(error)


async def _reload(app: str, fleet: DevFleet, settings: Settings) -> AppFacts | None:
    """Put the app to work as it is now; None if that can't be, and the fleet is as before."""
    try:
        facts = await look_apart(app, fleet.environment)
        whole = await fleet.change(facts, settings.model)
    except (ConfigurationError, ChildFailed) as error:
        show_error(error)
        note("broken  the workers go on with the code from before; save it again when it is mended")
        return None
    await _publish(settings, facts)
    if whole:
        note(f"ready   {', '.join(facts.agents)}")
    return facts
