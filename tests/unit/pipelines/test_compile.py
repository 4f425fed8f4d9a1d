import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.join import all_ended, any_of, by_deadline, quorum
from argosy.pipelines.pipeline import Pipeline
from argosy.pipelines.recorder import size
from argosy.pipelines.ref import const
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.hole import Hole
from argosy.schemas.pipeline import CompiledPipeline, MapStep
from argosy.schemas.pipeline_checks import check, selections
from support.briefing import (
    Brief,
    Document,
    Notes,
    Summary,
    briefing,
    criticise,
    research,
    summarise,
    synthesise,
)

HERE = Path(__file__).parent


class Corpus(BaseModel):
    topic: str
    documents: list[Document]
    urgent: bool = False


class Digest(BaseModel):
    markdown: str
    missing: int


class Verdict(BaseModel):
    ok: bool


@agent
async def extract(ctx: Context, document: Document, topic: str) -> list[str]:
    return [document.text, topic, ctx.run_id]


@agent
async def collect(_ctx: Context, findings: Sequence[list[str] | Hole]) -> Digest:
    return Digest(markdown="", missing=len(findings))


@agent
async def judge(_ctx: Context, digest: Digest) -> Verdict:
    return Verdict(ok=digest.missing == 0)


@agent
async def publish(
    _ctx: Context, digest: Digest, verdict: Verdict | Hole, limits: Mapping[str, int]
) -> Digest:
    return Digest(markdown=digest.markdown, missing=isinstance(verdict, Hole) + len(limits))


@agent
async def page(
    _ctx: Context, document: Document, note: str = "none", corpus: Corpus | None = None
) -> Summary:
    return Summary(text=document.text + note + str(corpus))


def digest() -> Pipeline[Corpus, Digest]:
    pipeline = Pipeline("digest", takes=Corpus, gives=Digest, deadline_seconds=3600.0)
    findings = pipeline.map(
        extract,
        over=pipeline.input.pick(lambda c: c.documents),
        sharing=pipeline.input.pick(lambda c: c.topic),
        max_parallel=32,
        join=quorum(0.9, within_seconds=600),
    )
    drafted = pipeline.step(collect, findings, deadline_seconds=60)
    verdict = pipeline.step(
        judge,
        drafted,
        when=drafted.pick(lambda d: (d.missing > 0) & (size(d.markdown) > 100)),
        unless=[pipeline.input.pick(lambda c: c.urgent)],
    )
    pipeline.returns(
        pipeline.step(
            publish,
            drafted,
            verdict.or_hole(),
            const({"most": 3}),
            join=by_deadline(60),
            after=[findings, verdict.or_hole()],
        )
    )
    return pipeline


def test_briefing_compiles_to_the_documented_json() -> None:
    expected = json.loads((HERE / "briefing.json").read_text(encoding="utf-8"))
    assert briefing.compile().dump() == expected
    assert json.loads(str(briefing)) == expected
    assert list(json.loads(str(briefing))) == list(expected)


def test_the_identity_is_the_hash_of_the_canonical_json() -> None:
    compiled = briefing.compile()
    assert compiled.identity == canonical_hash(compiled.dump())


def test_a_compiled_pipeline_comes_back_from_json_as_it_was() -> None:
    for pipeline in (briefing, digest()):
        compiled = pipeline.compile()
        back = CompiledPipeline.model_validate_json(str(pipeline))
        assert back == compiled
        assert back.identity == compiled.identity
        check(back)


def test_the_identity_does_not_depend_on_the_module_that_runs() -> None:
    code = "import support.briefing as b; print(b.briefing.compile().identity)"
    file = HERE.parents[1] / "support" / "briefing.py"
    as_main = file.read_text(encoding="utf-8") + "\nprint(briefing.compile().identity)\n"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", text],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        ).stdout
        for text in (code, as_main)
    }
    assert outputs == {f"{briefing.compile().identity}\n"}


def test_each_part_of_a_step_compiles_to_its_field() -> None:
    extracted, collected, judged, published = digest().compile().dump()["steps"]  # type: ignore[misc,str-unpack]
    assert extracted == {
        "name": "extract",
        "kind": "map",
        "agent": "extract",
        "inputs": [
            {"name": "document", "from": "input", "select": "documents"},
            {"name": "topic", "from": "input", "select": "topic"},
        ],
        "join": {"policy": "quorum", "share": 0.9, "within_seconds": 600},
        "over": "document",
        "max_parallel": 32,
    }
    assert collected == {
        "name": "collect",
        "kind": "task",
        "agent": "collect",
        "inputs": [{"name": "findings", "from": "extract"}],
        "deadline_seconds": 60,
    }
    assert judged == {
        "name": "judge",
        "kind": "task",
        "agent": "judge",
        "inputs": [{"name": "digest", "from": "collect"}],
        "when": [{"from": "collect", "select": "(missing > `0`) && (length(markdown) > `100`)"}],
        "unless": [{"from": "input", "select": "urgent"}],
    }
    assert published == {
        "name": "publish",
        "kind": "task",
        "agent": "publish",
        "inputs": [
            {"name": "digest", "from": "collect"},
            {"name": "verdict", "from": "judge", "hole": True},
            {"name": "limits", "value": {"most": 3}},
        ],
        "after": [{"from": "extract"}, {"from": "judge", "hole": True}],
        "join": {"policy": "deadline", "within_seconds": 60},
    }


def test_whole_seconds_are_written_as_whole_numbers() -> None:
    assert '"deadline_seconds":3600,' in str(digest())


def test_all_selections_are_listed_for_who_must_check_them() -> None:
    listed = list(selections(digest().compile()))
    assert ("step 'judge' of 'digest'", "urgent") in listed
    assert len(listed) == 4


def test_an_input_with_a_default_may_be_left_out_and_is_pinned() -> None:
    p = Pipeline("p", takes=Document, gives=Summary)
    p.returns(p.step(page, p.input))
    compiled = p.compile()
    contract = compiled.agents["page"]
    assert contract.inputs["note"] == {"type": "string", "default": "none"}
    assert contract.required_inputs() == ("document",)
    assert [given.name for given in compiled.steps[0].inputs] == ["document"]


def test_a_pipeline_is_a_step_too_and_brings_its_own_agents() -> None:
    child = Pipeline("child", takes=Document, gives=Notes)
    child.returns(child.step(research, child.input))
    parent = Pipeline("parent", takes=list[Document], gives=list[Notes])
    parent.returns(parent.map(child, over=parent.input, max_parallel=2))
    (step,) = parent.compile().steps
    assert isinstance(step, MapStep)
    assert (step.name, step.agent, step.over) == ("child", None, "input")
    assert step.pipeline == child.compile()
    assert not parent.compile().agents
    assert dict(parent.agents()) == {"research": research}


def test_compiling_again_gives_the_same_object_until_a_step_is_added() -> None:
    child = Pipeline("child", takes=Document, gives=Notes)
    notes = child.step(research, child.input)
    child.returns(notes)
    parent = Pipeline("parent", takes=Document, gives=Notes)
    parent.returns(parent.step(child, parent.input))
    first = parent.compile()
    assert parent.compile() is first
    child.step(research, child.input, name="more")
    assert child.revision() == 3
    assert parent.revision() == 5


def test_an_agent_that_merges_pages_is_pinned_too() -> None:
    @agent
    async def merge(_ctx: Context, results: list[Brief]) -> Brief:
        return results[0]

    @agent(above="paginate", merge=merge, page="document.text")
    async def brief(_ctx: Context, document: Document) -> Brief:
        return Brief(markdown=document.text)

    p = Pipeline("p", takes=Document, gives=Brief)
    p.returns(p.step(brief, p.input))
    compiled = p.compile()
    assert list(compiled.agents) == ["brief", "merge"]
    assert compiled.agents["brief"].merge == "merge"
    assert compiled.agents["brief"].page == "document.text"
    assert dict(p.agents()) == {"brief": brief, "merge": merge}


def test_the_agents_of_a_pipeline_come_in_order_of_use() -> None:
    assert list(briefing.agents().values()) == [research, summarise, criticise, synthesise]


def test_join_policies_keep_their_numbers_apart() -> None:
    assert quorum(1).join.model_dump() == {"policy": "quorum", "count": 1}
    assert quorum(1.0).join.model_dump() == {"policy": "quorum", "share": 1.0}
    assert any_of(within_seconds=2.5).join.model_dump() == {"policy": "any", "within_seconds": 2.5}
    assert all_ended().join.model_dump() == {"policy": "all_ended"}
    assert by_deadline(60, at_least=2).join.model_dump() == {
        "policy": "deadline",
        "count": 2,
        "within_seconds": 60,
    }
