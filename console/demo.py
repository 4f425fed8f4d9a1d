"""`argosy demo`: the briefing pipeline end to end, on real parts, with a real model, in one command."""

from pathlib import Path
from typing import Annotated, Final

import typer

from argosy.agents.document import Document
from argosy.console.demo_fleet import Plan, run_demo
from argosy.console.demo_team import TeamPlan, run_team
from argosy.console.foreground import STOPPING, run_in_foreground
from argosy.console.interruption import if_interrupted
from argosy.console.up import Folder
from argosy.schemas.errors import ConfigurationError

TEXTS: Final = ("demo_containers.txt", "demo_lighthouses.txt")
DEMO_FOLDER: Final = Path(".argosy/demo")


def demo(  # noqa: PLR0913 - options of the command
    documents: Annotated[
        list[Path] | None, typer.Argument(metavar="[DOC]…", help="UTF-8 text files.")
    ] = None,
    *,
    chaos: Annotated[
        bool, typer.Option("--chaos", help="Kill workers, the coordinator and Redis meanwhile.")
    ] = False,
    team: Annotated[
        bool, typer.Option("--team", help="Let the software team write and test a small library instead.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", help="Of --team: a model of your server, instead of the script that answers."
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of --chaos: which process is killed when.")] = 1,
    workers: Annotated[int, typer.Option("--workers", min=1, max=8, help="Processes per agent.")] = 1,
    folder: Folder = DEMO_FOLDER,
) -> None:
    """Take documents through research, summary, critique and synthesis, and show all that happened.

    Starts real Kafka and Valkey, a coordinator, four agent types as processes of their own and a small local language
    model (or yours: OPENAI_BASE_URL and OPENAI_API_KEY), and stops them again. Without documents: two of its own.

    With --team: planner, coders, reviewer, mender and test runner write a library in a git repository of its own, by a
    script that answers as a model would (or by --model), and test it in a sandbox; exit code 1 unless its tests pass.
    """
    if_interrupted(f"all is stopped; logs and data stay in {folder}")
    if team:
        _no_documents(documents)
        work = run_team(folder, TeamPlan(max(2, workers), model, seed if chaos else None))
        raise typer.Exit(run_in_foreground(work, stopping=STOPPING))
    _no_model(model)
    plan = Plan(tuple(_read(path) for path in documents or _own_texts()), workers, seed if chaos else None)
    raise typer.Exit(run_in_foreground(run_demo(folder, plan), stopping=STOPPING))


def _no_documents(documents: list[Path] | None) -> None:
    if documents:
        raise ConfigurationError(
            f"--team takes no documents ({documents[0]})",
            "it has a task of its own",
            "leave one of both away; examples/software_team.py takes a repository of yours",
        )


def _no_model(model: str | None) -> None:
    if model is not None:
        raise ConfigurationError(
            "--model goes with --team only",
            "the briefing's agents take the model of your settings",
            "set ARGOSY_MODEL__REPLACE_WITH, or say --team",
        )


def _own_texts() -> list[Path]:
    return [Path(__file__).with_name(name) for name in TEXTS]


def _read(path: Path) -> Document:
    try:
        return Document(title=path.stem.removeprefix("demo_"), text=path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read", str(error), "pass UTF-8 text files") from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{path} is no UTF-8 text", "its bytes don't decode", "convert it first"
        ) from None
