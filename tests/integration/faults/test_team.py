"""The software team on real servers: killed and stopped at every point of its effects, and twice by the same script."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from argosy.agents.repository import Repository
from argosy.agents.sandbox_probe import find_sandbox
from argosy.agents.scratch import sweep
from argosy.agents.software_team import software_team
from argosy.agents.suite import Suite
from argosy.agents.team_work import Assignment, Delivery
from argosy.console.demo_team_task import GOAL, finished_files, script, task_files
from argosy.schemas.errors import ResultTimeout, SandboxMissing
from argosy.schemas.settings import SandboxSettings
from argosy.testing import ScriptedModels
from support.fault_world import FaultWorld, Ground, client_of, fault_world
from support.forks import PLUG as PLUG_VARIABLE
from support.forks import Forks
from support.missing import not_run
from support.stack import StackThread
from support.team_points import FOLDER, KILLS, PLUG, POINTS

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

COMMITS = ["code.0", "code.1", "code.2", "code.3", "join", "mend", "mend"]


@asynccontextmanager
async def team(
    ground: Ground, server: ScriptedModels, folder: Path, *, workers: int, variables: dict[str, str]
) -> AsyncGenerator[FaultWorld]:
    try:
        await find_sandbox()
    except SandboxMissing as error:
        not_run("the software team", error.why)
    given = {
        **server.environment,
        "ARGOSY_MODEL__API_KEY": "none",
        "ARGOSY_WORKSHOP__FOLDER": str(folder),
        "ARGOSY_WORKER__CONCURRENCY": "1",  # who dies takes nobody's delivery along
        "ARGOSY_FLEET__LEASE_SECONDS": "5",  # a busy machine's: git and a sandbox are processes of their own
        **variables,
    }
    app = Path("argosy.agents.software_team")
    async with fault_world(ground, workers=workers, variables=given, app=app) as world:
        yield world


def repository(folder: Path, name: str) -> tuple[Repository, Assignment]:
    made = Repository.made(folder / f"{name}.git", task_files(), "Begin")
    return made, Assignment(goal=GOAL, repository=name, base=made.head().commit)


def tree_of_the_script(folder: Path) -> str:
    """What the script's answers come to, put together by hand."""
    return Repository.made(folder / "by-hand.git", finished_files(), "By hand").head().tree


def judge(made: Repository, delivery: Delivery, run_id: str, tree: str) -> None:
    """All there, green, once."""
    assert (delivery.passed, delivery.approved, delivery.released, delivery.rounds) == (True, True, True, 3)
    assert delivery.output.splitlines()[-1] == "OK"
    assert delivery.commit == made.head()
    assert delivery.commit.tree == tree
    tasks = [each.task.removeprefix(f"{run_id}/") for each in made.log()]
    assert sorted(task.rpartition("/")[2] for task in tasks if task != "first") == COMMITS
    assert max(Counter(tasks).values()) == 1, tasks
    assert Counter(Suite(made, (), SandboxSettings()).runs()).most_common(1)[0][1] == 1
    assert not list(made.git.folder.rglob("*.lock.lock"))


def wake(world: FaultWorld) -> None:
    """Let the zombie come back; it has lost its claim."""
    for place in world.places:
        place.process.signal(signal.SIGCONT)


async def test_a_worker_killed_at_any_point_leaves_one_commit_for_each_task(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    points = tmp_path / "points"
    points.mkdir()
    made, assignment = repository(tmp_path / "repositories", "killed")
    variables = {PLUG_VARIABLE: PLUG, FOLDER: str(points)}
    with ScriptedModels(script()) as server:
        async with (
            team(ground, server, tmp_path / "repositories", workers=2, variables=variables) as world,
            client_of(world) as client,
        ):
            run = await client.submit(software_team, assignment, run_id="run-1")
            try:
                delivery = await run.result(timeout_seconds=90)
            except (
                ResultTimeout
            ):  # on a busy machine it may have been stopped while another task of its had the lock
                wake(world)
                delivery = await run.result(timeout_seconds=600)
            assert {file.name for file in points.iterdir()} == set(POINTS), "each point was reached"
            assert world.restarts >= len(KILLS)
            wake(world)
            await world.until_quiet()
    judge(made, delivery, "run-1", tree_of_the_script(tmp_path))
    scratch = made.git.folder / "argosy" / "scratch"
    sweep(scratch)
    assert list(scratch.iterdir()) == []


async def test_two_runs_of_one_script_end_in_the_same_tree(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    folder = tmp_path / "repositories"
    pairs = [repository(folder, name) for name in ("one", "two")]
    with ScriptedModels(script()) as server:
        async with (
            team(ground, server, folder, workers=2, variables={}) as world,
            client_of(world) as client,
        ):
            runs = [
                await client.submit(software_team, assignment, run_id=assignment.repository)
                for _made, assignment in pairs
            ]
            deliveries = await asyncio.gather(*(run.result(timeout_seconds=600) for run in runs))
    tree = tree_of_the_script(tmp_path)
    for (made, assignment), delivery in zip(pairs, deliveries, strict=True):
        judge(made, delivery, assignment.repository, tree)
