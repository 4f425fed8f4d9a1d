"""The team's agents by themselves: what they refuse, what they leave as it is, and what they don't do twice."""

from pathlib import Path

import pytest

from argosy.agents import workshop
from argosy.agents.coder import coder, mender
from argosy.agents.integrator import integrator, release
from argosy.agents.planner import planner
from argosy.agents.repository import Repository
from argosy.agents.reviewer import reviewer
from argosy.agents.software_team import ROUNDS, software_team
from argosy.agents.team_work import Assignment, Change, Part, Plan, Review, Source, Sources, Work
from argosy.agents.tester import tester as runs_tests
from argosy.agents.workshop import NotOurs
from argosy.schemas.errors import Reject
from argosy.schemas.pipeline import LoopStep
from argosy.testing import FakeModel, context

CHECK = '["python3", "-c", "raise SystemExit(open(\'a.txt\').read() != \'right\\\\n\')"]'


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("ARGOSY_WORKSHOP__FOLDER", str(tmp_path))
    monkeypatch.setenv("ARGOSY_WORKSHOP__TEST_COMMAND", CHECK)
    monkeypatch.setenv("ARGOSY_SANDBOX__KIND", "none")  # what is tried here is not the sandbox
    workshop.settings.cache_clear()
    return Repository.made(
        tmp_path / "it.git", {"a.txt": "wrong\n", "tests/test_a.py": "assert 0\n"}, "Begin"
    )


@pytest.fixture
def assignment(repository: Repository) -> Assignment:
    return Assignment(goal="make it right", repository="it", base=repository.head().commit)


def plan(*files: str) -> Plan:
    return Plan(parts=[Part(name=f"part {file}", files=[file], task="do it") for file in files])


def sources(**texts: str) -> Sources:
    return Sources(files=[Source(path=path.replace("__", "/"), text=text) for path, text in texts.items()])


async def test_a_plan_that_gives_one_file_to_two_coders_is_refused(assignment: Assignment) -> None:
    with pytest.raises(Reject, match=r"gives a\.txt to two parts"):
        await planner(context(model=FakeModel(plan("a.txt", "b.txt", "a.txt"))), assignment)
    with pytest.raises(Reject, match=r"tests/test_a\.py, which may not be changed"):
        await planner(context(model=FakeModel(plan("tests/test_a.py"))), assignment)


async def test_a_coder_commits_its_files_and_no_others(
    repository: Repository, assignment: Assignment
) -> None:
    part = Part(name="a", files=["a.txt"], task="do it")
    change = await coder(
        context(model=FakeModel(sources(**{"a.txt": "right"})), step="code.0"), part, assignment
    )
    assert repository.files(change.commit.commit)["a.txt"] == "right\n"
    model = FakeModel(sources(**{"a.txt": "right", "b.txt": "more"}))
    with pytest.raises(NotOurs, match=r"b\.txt is no file of the part 'a'"):
        await coder(context(model=model, step="code.1"), part, assignment)
    assert repository.commit_of("run/code.1") is None


async def test_a_repository_is_named_never_a_path(repository: Repository) -> None:
    base = repository.head().commit
    for name in ("../it", "/it", "it/..", "", ".it"):
        with pytest.raises(ValueError, match="repository"):
            Assignment(goal="g", repository=name, base=base)
    with pytest.raises(Reject, match="no bare git repository"):
        await planner(context(), Assignment(goal="g", repository="another", base=base))


async def work_of(repository: Repository, assignment: Assignment) -> Work:
    change = Change(
        part="a", commit=repository.commit("run/code.0", (assignment.base,), {"b.txt": "b"}, "b", "coder")
    )
    return await integrator(context(step="join"), [change], assignment)


async def test_a_round_ends_it_only_when_the_approved_commit_is_the_green_one(
    repository: Repository, assignment: Assignment
) -> None:
    work = await work_of(repository, assignment)
    # The reviewer approves what fails.
    work = await mender(context(step="mend~0"), work, Review(approved=True))
    work = await runs_tests(context(step="test~0"), work)
    assert (work.approved, work.passed, work.done) == (True, False, False)
    # It approves again; what is mended after the tests is another commit, which nobody has reviewed.
    model = FakeModel(sources(**{"a.txt": "right"}))
    work = await mender(context(model=model, step="mend~1"), work, Review(approved=True))
    work = await runs_tests(context(step="test~1"), work)
    assert (work.approved, work.passed, work.done) == (False, True, False)
    assert not (await release(context(), work)).released
    assert repository.head().commit == assignment.base
    review = await reviewer(context(model=FakeModel(Review(approved=True))), work)
    work = await runs_tests(context(step="test~2"), await mender(context(step="mend~2"), work, review))
    assert (work.done, work.round) == (True, 3)
    assert (await release(context(), work)).released
    assert repository.head() == work.commit
    assert repository.files(work.commit.commit) == {
        "a.txt": "right\n",
        "b.txt": "b",
        "tests/test_a.py": "assert 0\n",
    }


async def test_the_mender_leaves_the_tests_as_they_are_and_says_so(
    repository: Repository, assignment: Assignment
) -> None:
    work = await work_of(repository, assignment)
    model = FakeModel(sources(**{"a.txt": "right", "tests/test_a.py": "assert 1", "tests/new/x.py": "x"}))
    mended = await mender(context(model=model, step="mend"), work, Review(approved=False, remarks=["wrong"]))
    files = repository.files(mended.commit.commit)
    assert (files["a.txt"], files["tests/test_a.py"], "tests/new/x.py" in files) == (
        "right\n",
        "assert 0\n",
        False,
    )
    assert "tests/test_a.py, tests/new/x.py" in mended.remarks[-1]


def test_the_team_is_a_loop_of_rounds_that_ends_with_what_there_is() -> None:
    rounds = next(step for step in software_team.compile().steps if isinstance(step, LoopStep))
    assert (rounds.until, rounds.max_iterations, rounds.exhausted) == ("done", ROUNDS, "last")


async def test_main_stays_where_somebody_else_moved_it(
    repository: Repository, assignment: Assignment
) -> None:
    work = (await work_of(repository, assignment)).model_copy(
        update={"passed": True, "approved": True, "done": True}
    )
    other = repository.commit("somebody", (assignment.base,), {"c.txt": "c"}, "c", "somebody").commit
    assert repository.advance("main", other, assignment.base)
    delivery = await release(context(), work)
    assert (delivery.passed, delivery.released) == (True, False)
    assert repository.head().commit == other
