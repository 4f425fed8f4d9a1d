"""Planners in tests of the core: their steps, what they return, the look at what their tasks gave."""

from collections.abc import Sequence

from pydantic import JsonValue

from argosy.schemas.facts import Facts, ValueFact
from argosy.schemas.payload import Inline
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import TaskSettled
from support.fold_log import FoldLog
from support.fold_pipelines import Data, accepted, contract, pipeline, succeeded, task

AGENTS: Data = {"planner": contract(), "ag": contract(), "bg": contract()}


def planning(name: str = "q", **fields: object) -> Data:
    """A step whose agent plans tasks for `ag` and `bg`."""
    step = task(name, "input", agent="planner") | {"kind": "plan", "agents": ["ag", "bg"]}
    return step | {"max_tasks": 20, "max_parallel": 16} | fields


def a_task(key: str, *reads: object, agent: str = "ag", after: Sequence[str] = ()) -> Data:
    """A task of a plan; what it reads is a value, or `result_of`."""
    inputs = {f"p{number}": value for number, value in enumerate(reads)}
    return {"key": key, "agent": agent, "inputs": inputs, "after": list(after)}


def of(key: str, *, or_hole: bool = False) -> Data:
    """What an earlier task gave."""
    return {"result_of": key, "or_hole": or_hole}


def plan_facts(value: JsonValue) -> Facts:
    """What a planner's worker says of a plan."""
    return {"value:": ValueFact(kind="value", value=value)}


def plans(log: FoldLog, *tasks: Data, local: str = "q", taint: tuple[str, ...] = ()) -> None:
    """Let the planner return a plan."""
    settled = succeeded(local, log.out[local], facts=plan_facts({"tasks": list(tasks)}))
    if taint:
        payload = Inline(value="a plan", bytes=8, tokens=2, taint=taint)
        settled = settled.model_copy(update={"result": payload})
    log.add(settled)


def look_at(log: FoldLog, local: str = "q") -> TaskSettled:
    """Answer the look at what the tasks of a plan gave."""
    looked = log.look(f"{local}/=")
    keys = ",".join(looked.keys or ())
    settled = succeeded(f"{local}/=", 1, value=f"made of {keys}")
    log.add(settled)
    return settled


def log_of(*steps: Data, **fields: object) -> FoldLog:
    """Begin a run by rules 2."""
    return begun(pipeline(*steps, agents=AGENTS), **fields)


def begun(compiled: CompiledPipeline, **fields: object) -> FoldLog:
    """The same, of a pipeline that is there."""
    log = FoldLog()
    log.add(accepted(compiled, rules=2, **fields))
    return log
