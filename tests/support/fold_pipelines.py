"""Small pipelines for tests of the core: written in a few words, or drawn at random; and the messages around them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from hypothesis import strategies as st

from argosy.schemas.chat import Usage
from argosy.schemas.facts import Facts, ListFact, NoFact, SizeFact, ValueFact, Want
from argosy.schemas.fault import Fault
from argosy.schemas.payload import Inline
from argosy.schemas.pipeline import CompiledPipeline, MapStep
from argosy.schemas.pipeline_checks import check
from argosy.schemas.runlog import RunAccepted, TaskSettled

if TYPE_CHECKING:
    from pydantic import JsonValue

Data = dict[str, Any]
"""JSON of a compiled document, as someone would write it by hand."""

PARAMETERS = [f"p{number}" for number in range(8)]
MOST_NESTED = 2


def contract(**fields: object) -> Data:
    """An agent's contract with small numbers."""
    return {
        "model": None,
        "window": None,
        "reserve": 10,
        "threshold": 0.8,
        "above": "refuse",
        "concurrency": 1,
        "timeout_seconds": 10,
        "retries": 2,
        "backoff_seconds": 1,
        "max_deliveries": 3,
        "version": "1",
        "inputs": {name: {"default": None} for name in PARAMETERS},
        "output": {},
    } | fields


def task(name: str, *sources: str | Data, agent: str = "ag", **fields: object) -> Data:
    """A step; a source is a name, `name?` for an input that may be a hole, or the edge itself."""
    return {"name": name, "kind": "task", "agent": agent, "inputs": _edges(sources)} | fields


def mapped(name: str, over: str | Data, *sources: str | Data, agent: str = "ag", **fields: object) -> Data:
    """A map over its first input."""
    edges = _edges((over, *sources))
    step = {"name": name, "kind": "map", "agent": agent, "inputs": edges, "over": "p0", "max_parallel": 4}
    return step | fields


def looped(
    name: str, start: str | Data, *sources: str | Data, runs: CompiledPipeline | None = None, **fields: object
) -> Data:
    """A loop of an agent, or of a pipeline, until its value is `true`; four times at most."""
    edges = _edges((start, *sources))
    step: Data = {"name": name, "kind": "loop", "until": "@", "max_iterations": 4}
    if runs is None:
        return step | {"agent": "ag", "inputs": edges, "over": "p0"} | fields
    fed: Data = {"pipeline": runs.dump(), "inputs": [edges[0] | {"name": "input"}], "over": "input"}
    return step | fed | fields


def mapped_pipeline(name: str, inner: CompiledPipeline, over: str | Data, **fields: object) -> Data:
    """A map over a pipeline."""
    (edge,) = _edges((over,))
    step = {"name": name, "kind": "map", "pipeline": inner.dump(), "inputs": [edge | {"name": "input"}]}
    return step | {"over": "input", "max_parallel": 4} | fields


def signal(name: str, **fields: object) -> Data:
    """A step that waits for a signal."""
    step: Data = {"name": name, "kind": "signal", "takes": {}, "within_seconds": 60}
    return step | fields


def approval(name: str, about: str | Data, **fields: object) -> Data:
    """A step that waits for an approval of one value."""
    (edge,) = _edges((about,))
    step = {"name": name, "kind": "approval", "question": "good?", "within_seconds": 60}
    return step | {"inputs": [edge | {"name": "about"}]} | fields


def sleep(name: str, *after: str, **fields: object) -> Data:
    """A sleep of ten seconds."""
    waits = [{"from": source} for source in after]
    return {"name": name, "kind": "sleep", "seconds": 10, "after": waits} | fields


def _edges(sources: Sequence[str | Data]) -> list[Data]:
    edges: list[Data] = []
    for name, source in zip(PARAMETERS, sources, strict=False):
        match source:
            case str():
                hole = {"hole": True} if source.endswith("?") else {}
                edges.append({"name": name, "from": source.rstrip("?"), **hole})
            case _:
                edges.append({"name": name, **source})
    return edges


def pipeline(*steps: Data, returns: str | Data | None = None, agents: Data | None = None) -> CompiledPipeline:
    """A pipeline of these steps that returns the last one, checked."""
    result: object = {"from": steps[-1]["name"]} if returns is None else returns
    document = {
        "argosy": "pipeline/1",
        "name": "p",
        "version": "1",
        "takes": {},
        "gives": {},
        "agents": {"ag": contract()} if agents is None else agents,
        "steps": list(steps),
        "returns": {"from": result} if isinstance(result, str) else result,
        "schemas": {},
    }
    compiled = CompiledPipeline.model_validate(document)
    check(compiled)
    return compiled


def text(value: object, tokens: int = 2) -> Inline:
    """A small value."""
    return Inline(value=str(value), bytes=len(str(value)) + 2, tokens=tokens)


def listing(*items: str) -> ListFact:
    """A list as its producer describes it."""
    parts: list[JsonValue] = [text(item).model_dump(mode="json") for item in items]
    manifest = Inline(value=parts, bytes=20 * len(items), tokens=2 * len(items))
    return ListFact(kind="list", length=len(items), most_tokens=2, manifest=manifest)


def accepted(compiled: CompiledPipeline, **fields: object) -> RunAccepted:
    """A run.accepted of this pipeline; the deadline is far away."""
    usual: Data = {
        "rules": 1,
        "pipeline": compiled,
        "input": text("the input"),
        "data_hash": "hash",
        "position": "0/0",
        "submitted_ms": 1_000,
        "deadline_ms": 10_000_000,
        "longest_and_window_ms": 100_000_000,
    }
    return RunAccepted.model_validate(usual | fields)


def succeeded(
    local: str, attempt: int = 1, *, facts: Facts | None = None, tokens: int = 0, value: object = None
) -> TaskSettled:
    """A settle with a result that names the task and the attempt."""
    return TaskSettled(
        task_id=f"r/{local}",
        attempt=attempt,
        outcome="succeeded",
        result=text(f"{local}#{attempt}" if value is None else value),
        facts=facts or {},
        usage=Usage(input_tokens=tokens),
    )


def failed(
    local: str, attempt: int = 1, *, retriable: bool = False, tokens: int = 0, after_ms: int | None = None
) -> TaskSettled:
    """A settle with a fault."""
    return TaskSettled(
        task_id=f"r/{local}",
        attempt=attempt,
        outcome="failed",
        fault=Fault(code="boom", message=f"{local} broke", retriable=retriable, after_ms=after_ms),
        usage=Usage(input_tokens=tokens),
    )


def spent(local: str, attempt: int = 1, *, limit: int | None = 100, tokens: int = 0) -> TaskSettled:
    """A settle of a task that the budget of its run refused; without a limit, that of its tenant."""
    figures = {"tokens": 90, "micros": 0, "asked_tokens": 20, "asked_micros": 0}
    fault = Fault(
        code="budget_spent",
        message=f"the budget of run r is spent: 90 of {limit} tokens taken, 20 more asked for",
        figures=figures if limit is None else figures | {"limit_tokens": limit},
    )
    usage = Usage(input_tokens=tokens)
    return TaskSettled(task_id=f"r/{local}", attempt=attempt, outcome="failed", fault=fault, usage=usage)


def planned(pages: int) -> Facts:
    """What fold must know of a plan of so many pages."""
    return {
        "value:length(pages)": ValueFact(kind="value", value=pages),
        "value:input": ValueFact(kind="value", value="p0"),
    }


# -- at random


@st.composite
def facts_for(draw: st.DrawFn, wants: Sequence[Want]) -> Facts:
    """Answers to wants: any truth, any short list or none, any size."""
    facts: Facts = {}
    for want in wants:
        match want.kind:
            case "value":
                facts[want.key] = ValueFact(
                    kind="value", value=draw(st.sampled_from([True, True, False, None, 1]))
                )
            case "list":
                length = draw(st.integers(-1, 3))
                facts[want.key] = (
                    NoFact(kind="none", reason="is a text, not a list")
                    if length < 0
                    else listing(*(f"i{number}" for number in range(length)))
                )
            case "size":
                facts[want.key] = SizeFact(kind="size", bytes=9, tokens=3)
    return facts


def _joins(most: int, policies: Sequence[str]) -> st.SearchStrategy[Data | None]:
    choices: Mapping[str, st.SearchStrategy[Data | None]] = {
        "all": st.none(),
        "all_ended": st.just({"policy": "all_ended"}),
        "any": st.sampled_from([{"policy": "any"}, {"policy": "any", "within_seconds": 5}]),
        "count": st.integers(1, most).map(lambda count: {"policy": "quorum", "count": count}),
        "share": st.sampled_from([0.3, 0.5, 1]).map(lambda share: {"policy": "quorum", "share": share}),
        "deadline": st.sampled_from(
            [
                {"policy": "deadline", "within_seconds": 3},
                {"policy": "deadline", "within_seconds": 3, "count": 1},
            ]
        ),
    }
    return st.one_of([choices[name] for name in policies])


def _agents(draw: st.DrawFn) -> Data:
    above = draw(st.sampled_from(["paginate", "summarise"]))
    agents: Data = {"ag": contract(), "bg": contract(retries=draw(st.integers(0, 2)), above=above)}
    if draw(st.booleans()):
        agents["bg"]["merge"] = "mg"
        agents["mg"] = contract(window=25, inputs={"results": {}}, retries=1)
    return agents


@st.composite
def pipelines(draw: st.DrawFn) -> CompiledPipeline:
    """Any DAG of up to eight steps: maps, holes, `after`, conditions, joins, picks, constants, pipelines inside.

    What is too large for the agent `bg` is cut into pages, by rules 2 and `WINDOWS`.
    """
    agents = _agents(draw)
    return draw(_pipelines(Given(agents)))


@st.composite
def waiting_pipelines(draw: st.DrawFn) -> CompiledPipeline:
    """Any DAG, a third of whose steps wait: for signals, for approvals, for a time."""
    return draw(_pipelines(Given(_agents(draw), waits=True)))


@st.composite
def planning_pipelines(draw: st.DrawFn) -> CompiledPipeline:
    """Any DAG, a third of whose steps are planners: `pl` plans tasks for `ag` and `bg`."""
    return draw(_pipelines(Given(_agents(draw) | {"pl": contract(retries=1)}, plans=True)))


@st.composite
def cut_pipelines(draw: st.DrawFn) -> CompiledPipeline:
    """Small ones, all of whose tasks are of the agent `bg`."""
    agents = _agents(draw)
    limit: Data = {"deadline_seconds": 60} if draw(st.integers(0, 3)) == 0 else {}
    join = draw(_joins(2, ["all", "all_ended", "any", "deadline"]))
    spread = mapped("s1", {"value": [1, 2]}, agent="bg", max_parallel=draw(st.integers(1, 2)))
    second = spread | ({} if join is None else {"join": join}) if draw(st.booleans()) else None
    second = second or task("s1", "input", {"from": "s0", "hole": True}, agent="bg")
    first = task("s0", "input", agent="bg", **limit)
    part: Data = {"from": "s0", "select": "x", "hole": True}
    last = task("s2", part, "s1?", agent="bg", **({} if join is None else {"join": join}))
    return pipeline(first, second, last, agents=agents)


@st.composite
def inner_pipelines(draw: st.DrawFn) -> CompiledPipeline:
    """Pipelines to go into loops: up to three steps, maps and pipelines inside; `bg` cuts what is too large.

    They return the whole of what their last step gives, which is one task.
    """
    agents: Data = {"ag": contract(), "bg": contract(retries=1, above="paginate", merge="mg")}
    agents["mg"] = contract(window=25, inputs={"results": {}}, retries=1)
    steps = draw(_pipelines(Given(agents, depth=1))).dump()["steps"]
    assert isinstance(steps, list)
    last = task("end", f"s{len(steps) - 1}", agent=draw(st.sampled_from(["ag", "bg"])))
    return pipeline(*cast("list[Data]", steps), last, agents=agents)


WINDOWS = {"bg": 100_000, "mg": 25}
"""Nothing is too large for `bg` until a worker says so; `mg` has room for two results."""
CONSTANTS: list[Data] = [{"value": [1, 2]}, {"value": {"ok": True, "x": [3], "y": 4}}]


@dataclass(frozen=True)
class Given:
    """What a pipeline inside another one has in common with it."""

    agents: Data
    depth: int = 0
    waits: bool = False
    """There are steps that wait."""
    plans: bool = False
    """There are planners."""


@st.composite
def _pipelines(draw: st.DrawFn, given: Given) -> CompiledPipeline:
    steps: list[Data] = []
    for number in range(draw(st.integers(1, (8, 3, 2)[given.depth]))):
        steps.append(draw(_steps(f"s{number}", [step["name"] for step in steps], given)))
    used = {entry["from"] for step in steps for key in ("inputs", "after", "when", "unless")
            for entry in step.get(key, []) if "from" in entry}  # fmt: skip
    loose = [step["name"] for step in steps[:-1] if step["name"] not in used]
    if given.waits and len(steps) > 1 and draw(st.integers(0, 3)) == 0:
        steps.insert(1, sleep("nap", *draw(st.sampled_from([(), (steps[0]["name"],)]))))
        loose.append("nap")
    last = steps[-1]
    last["after"] = [
        *last.get("after", []),
        *({"from": name, **({"hole": True} if draw(st.booleans()) else {})} for name in loose),
    ]
    returns: Data = {"from": last["name"]}
    if draw(st.integers(0, 2)) == 0:
        returns["select"] = "y"
    return pipeline(*steps, agents=given.agents, returns=returns)


@st.composite
def _edge(draw: st.DrawFn, before: list[str]) -> Data:
    edge: Data = {"from": draw(st.sampled_from(["input", *before, *before, *before]))}
    if draw(st.integers(0, 2)):
        edge["hole"] = True
    if draw(st.integers(0, 3)) == 0:
        edge["select"] = "x"
    return edge


@st.composite
def _child(draw: st.DrawFn, name: str, before: list[str], given: Given) -> Data:
    """A step that runs a pipeline."""
    edge: Data = draw(st.sampled_from(CONSTANTS)) if draw(st.integers(0, 5)) == 0 else draw(_edge(before))
    child = draw(_pipelines(replace(given, depth=given.depth + 1)))
    return {"name": name, "kind": "task", "pipeline": child.dump(), "inputs": [{"name": "input", **edge}]}


@st.composite
def _waits(draw: st.DrawFn, name: str, before: list[str]) -> Data:
    """A step that waits for a signal or for an approval."""
    policy: Data = {"on_timeout": draw(st.sampled_from(["fail", "hole", "hole"]))}
    if draw(st.booleans()):
        return signal(name, **policy)
    edge = draw(_edge(before))
    edge.pop("hole", None)
    return approval(name, edge, **policy)


@st.composite
def _steps(draw: st.DrawFn, name: str, before: list[str], given: Given) -> Data:
    agent = draw(st.sampled_from(["ag", "bg"]))
    edges: list[str | Data] = [draw(_edge(before)) for _ in range(draw(st.integers(1, 3)))]
    extra: Data = {}
    if before and draw(st.integers(0, 3)) == 0:
        extra["after"] = [{"from": draw(st.sampled_from(before))}]
    if draw(st.integers(0, 3)) == 0:
        source = draw(st.sampled_from(["input", *before]))
        extra[draw(st.sampled_from(["when", "unless"]))] = [{"from": source, "select": "ok"}]
    if draw(st.integers(0, 4)) == 0:
        extra["deadline_seconds"] = 60
    nested = given.depth < MOST_NESTED and draw(st.integers(0, 3)) == 0
    if given.waits and draw(st.integers(0, 2)) == 0:
        extra.pop("deadline_seconds", None)
        return draw(_waits(name, before)) | extra
    if given.plans and draw(st.integers(0, 2)) == 0:
        planner: Data = {"kind": "plan", "agent": "pl", "agents": ["ag", "bg"], "max_tasks": 9}
        return task(name, *edges) | planner | {"max_parallel": draw(st.integers(1, 3))} | extra
    if draw(st.integers(0, 2)) == 0:
        overs: list[Data] = [{"value": [1, 2]}, {"value": []}]
        overs += [{"from": source} for source in ["input", *before, *before]]
        overs += [{"from": source, "select": "x"} for source in ["input", *before]]
        overs += [{"from": source, "hole": True} for source in before]
        over = draw(st.sampled_from(overs))
        join = draw(_joins(3, ["all", "all", "all_ended", "any", "count", "share", "deadline"]))
        extra["max_parallel"] = draw(st.integers(1, 4))
        if nested:
            child = draw(_pipelines(replace(given, depth=given.depth + 1)))
            step = mapped_pipeline(name, child, over) | extra
        else:
            step = mapped(name, over, *edges, agent=agent, **extra)
    elif nested:
        step = draw(_child(name, before, given)) | extra
        join = (
            draw(_joins(1, ["all", "all_ended", "any", "deadline"])) if "hole" in step["inputs"][0] else None
        )
    else:
        holes = sum("hole" in edge for edge in edges if not isinstance(edge, str))
        join = (
            draw(_joins(holes, ["all", "all_ended", "any", "count", "share", "deadline"])) if holes else None
        )
        step = task(name, *edges, agent=agent, **extra)
    return step if join is None else step | {"join": join}


def shards_of(compiled: CompiledPipeline) -> set[str]:
    """Name the maps."""
    return {step.name for step in compiled.steps if isinstance(step, MapStep)}
