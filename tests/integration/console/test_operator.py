"""The operator's commands on real servers and real processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from support.operated import Operated
from support.stack import StackThread

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def fleet(tmp_path: Path, stack: StackThread) -> Iterator[Operated]:
    made = Operated(tmp_path, stack, f"op-{uuid4().hex[:8]}")
    yield made
    made.end_all()


def test_topics_are_planned_then_made_and_then_well(fleet: Operated) -> None:
    planned = fleet.ask("topics", "plan", "--app", "app.py", expect=1)
    names = {topic["name"].removeprefix(f"{fleet.prefix}.") for topic in planned["topics"]}
    assert {"inbox", "runs", "results", "events", "pipelines", "dead", "tasks.quick", "tasks.both"} <= names
    assert {finding["problem"] for finding in planned["findings"]} == {"is missing"}
    made = fleet.ask("topics", "apply", "--app", "app.py")
    assert len(made["made"]) == len(names)
    assert fleet.ask("topics", "plan", "--app", "app.py")["findings"] == []
    fleet.environment["ARGOSY_FLEET__LANES"] = "3"
    (wrong,) = fleet.ask("topics", "apply", expect=1)["findings"]
    assert "ARGOSY_FLEET__LANES=1" in wrong["cure"]


def test_pipelines_are_published_listed_and_run_by_name(fleet: Operated) -> None:
    fleet.coordinator()
    assert fleet.ask("pipelines", "list") == {"pipelines": []}
    lines = fleet.ask("publish", "app.py")["pipelines"]
    assert {line["what"] for line in lines} == {"published"}
    assert {line["what"] for line in fleet.ask("publish", "app.py")["pipelines"]} == {"was published already"}
    listed = {each["pipeline"]: each for each in fleet.ask("pipelines", "list")["pipelines"]}
    assert set(listed) == {"waits@1", "retries@1", "fast@1", "joins@1"}
    shown = fleet.argosy("pipelines", "show", "joins").stdout
    assert "both  both  ← quick" in shown or "both  both  ← patient" in shown
    assert fleet.ask("pipelines", "show", "joins@1")["argosy"] == "pipeline/1"
    assert "there are: " in fleet.argosy("pipelines", "show", "nothing", expect=5).stderr
    app = fleet.folder / "app.py"
    app.write_text(app.read_text().replace("retries=3", "retries=4"))
    refused = fleet.argosy("publish", "app.py", expect=3)
    assert "another retries@1 is published already" in refused.stderr
    fleet.argosy("publish", "app.py", "--force")
    before = fleet.argosy("agents")
    assert "argosy worker APP:" in before.stderr
    checks = [check for check in fleet.ask("doctor")["checks"] if check["verdict"] != "ok"]
    assert "no worker serves agent quick" in {
        check["found"] for check in checks if check["name"] == "workers"
    }
    worker = fleet.worker("quick")
    assert json.loads(fleet.argosy("run", "fast", "--input", '"abc"').stdout) == "ABC"

    def works() -> bool:
        (quick,) = [each for each in fleet.ask("agents")["agents"] if each["agent"] == "quick"]
        return quick["members"] == 1 and [name.endswith(f"-{worker.pid}") for name in quick["workers"]] == [
            True
        ]

    fleet.until(works, "the worker is seen to work")


def test_health_says_whether_a_process_here_serves(fleet: Operated) -> None:
    assert fleet.ask("health", expect=4)["kafka"] == f"there is no topic {fleet.prefix}.inbox"
    fleet.coordinator()
    fleet.until(lambda: "ok" in fleet_says(fleet, "--role", "coordinator"), "the coordinator is live")
    fleet.until(lambda: '"ok": true' in fleet_says(fleet, "--json"), "and all else is well")
    assert "no worker" in fleet.ask("health", "--role", "worker", expect=1)["process"]
    fleet.environment["ARGOSY_REDIS__URL"] = "redis://127.0.0.1:9/0"
    assert fleet.ask("health", expect=4)["redis"]


def fleet_says(fleet: Operated, *arguments: str) -> str:
    try:
        return fleet.argosy("health", *arguments).stdout
    except AssertionError:
        return ""


def test_dead_letters_are_listed_shown_and_put_back(fleet: Operated) -> None:
    fleet.coordinator()
    fleet.worker("quick")
    fleet.send("tasks.quick", b"no json")

    def buried(count: int) -> bool:
        return int(fleet.ask("dead", "list")["all"]) == count

    fleet.until(lambda: buried(1), "the message died")
    (letter,) = fleet.ask("dead", "list", "--topic", "tasks.quick")["dead"]
    source = letter["source"]
    assert (letter["reason"], source["partition"], letter["key"]) == ("undecodable", 0, "k")
    assert fleet.ask("dead", "list", "--reason", "oversize")["dead"] == []
    name = str(letter["offset"])
    assert fleet.ask("dead", "show", name)["value"] == "no json"
    assert "nobody said yes" in fleet.argosy("dead", "redrive", name, expect=3).stderr
    assert "say which letters" in fleet.argosy("dead", "redrive", expect=3).stderr
    fleet.argosy("dead", "show", "99", expect=5)
    dry = fleet.ask("dead", "redrive", "--all", "--dry-run")
    assert [each["put_at"] for each in dry["redriven"]] == [None]
    assert buried(1)
    (done,) = fleet.ask("dead", "redrive", name, "--yes")["redriven"]
    assert (done["topic"], done["partition"], done["error"]) == (f"{fleet.prefix}.tasks.quick", 0, "")
    fleet.until(lambda: buried(2), "it came back, and died again")
    (group,) = [each for each in fleet.ask("lag")["groups"] if each["agent"] == "quick"]
    assert group["dead"]["messages"] == 2
    assert "dead list" in fleet.argosy("lag").stdout


def test_lag_tells_what_waits_from_what_is_in_hand(fleet: Operated) -> None:
    fleet.coordinator()
    fleet.worker("patient")
    fleet.submit_all("waits", [f"w{number}" for number in range(6)])
    told: list[dict[str, Any]] = []

    def in_hand() -> bool:
        groups = fleet.ask("lag", "--partitions")["groups"]
        told.extend(each for each in groups if each["agent"] == "patient")
        return (told[-1]["in_flight"]["messages"], told[-1]["waiting"]["messages"]) == (4, 2)

    fleet.until(in_hand, "four run and two wait", told=told)
    group = told[-1]
    assert group["in_flight"]["seconds"] > 0
    assert group["unfinished"]["messages"] == 6
    assert [part["in_flight"]["messages"] + part["waiting"]["messages"] for part in group["partitions"]] == [
        part["unfinished"]["messages"] for part in group["partitions"]
    ]
    one = group["unfinished"]["tokens"] // 6
    assert one > 0
    assert (group["in_flight"]["tokens"], group["waiting"]["tokens"]) == (4 * one, 2 * one)
    assert not group["waiting"]["estimated"]
    told_by_line = fleet.argosy("lag", "--partitions").stdout.splitlines()
    assert len([line for line in told_by_line if line.startswith("patient\t")]) == 2
    assert f"/ {4 * one} tok" in fleet.argosy("lag").stdout
    fleet.end("worker-patient", signal.SIGTERM)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_watch_whose_reader_has_seen_enough_ends_quietly(fleet: Operated, form: tuple[str, ...]) -> None:
    fleet.argosy("topics", "apply")
    watching = subprocess.Popen(
        [sys.executable, "-P", "-m", "argosy", "lag", "--watch", *form],
        cwd=fleet.folder,
        env={**os.environ, **fleet.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    assert watching.stderr is not None
    with watching, watching.stderr as said:
        assert watching.stdout.readline()  # at once, though it is no terminal
        watching.stdout.close()
        assert watching.wait(timeout=240) == 141
        assert said.read() == ""


def test_a_run_is_watched_drawn_and_told(fleet: Operated) -> None:
    fleet.coordinator()
    fleet.worker("quick,patient,both")
    (fleet.folder / "zz").touch()
    fleet.submit("joins", "zz", "run-1")
    fleet.known("run-1")
    events = [
        json.loads(line) for line in fleet.argosy("runs", "watch", "run-1", "--json").stdout.splitlines()
    ]
    assert events[-1]["state"] == "succeeded"
    drawn = fleet.argosy("runs", "show", "run-1").stdout
    assert "run-1  joins@1  succeeded" in drawn
    assert "both  both  succeeded" in drawn
    told = fleet.ask("runs", "history", "run-1")["history"]
    kinds = [each["kind"] for each in told]
    assert (kinds[0], kinds[-1]) == ("run.accepted", "run.ended")
    offsets = {each["offset"] for each in told}
    assert all(each["cause"] in offsets for each in told if each["kind"] == "task.settled")
    fleet.submit("waits", "never", "run-2")
    fleet.known("run-2")
    fleet.argosy("runs", "watch", "run-2", "--timeout-seconds", "1", expect=124)
    fleet.argosy("runs", "cancel", "run-2")
    fleet.argosy("runs", "watch", "run-2", expect=1)
    assert fleet.ask("runs", "show", "run-2", expect=1)["state"] == "cancelled"
    fleet.argosy("runs", "show", "run-9", expect=5)
    assert fleet.ask("runs", "list")["runs"][0]["run_id"] == "run-2"


def test_a_lane_is_listed_and_rebuilt(fleet: Operated) -> None:
    fleet.coordinator()
    fleet.worker("quick")
    fleet.argosy("run", "fast", "--app", "app.py", "--input", '"x"', "--run-id", "done")

    def line() -> dict[str, Any]:
        (found,) = fleet.ask("lane", "list")["lanes"]
        told: dict[str, Any] = found
        return told

    fleet.until(lambda: line()["says"] == "live" and line()["next"] == line()["log_end"], "the lane is live")
    assert line()["owner"].startswith("argosy-coordinator-")
    assert "nobody said yes" in fleet.argosy("lane", "rebuild", "0", expect=3).stderr
    fleet.argosy("lane", "rebuild", "7", "--yes", expect=5)
    assert fleet.ask("lane", "rebuild", "0", "--yes") == {"lane": 0, "rebuilding": True}
    fleet.until(lambda: line()["layout"] != 0 and line()["says"] == "live", "the lane is live again")
    assert fleet.why("done", "ended")["state"] == "succeeded"


def test_the_document_of_topics_and_messages_holds_together(fleet: Operated) -> None:
    told = fleet.ask("asyncapi")
    assert told["asyncapi"] == "3.0.0"
    assert told["channels"]["inbox"]["address"] == f"{fleet.prefix}.inbox"
    text = json.dumps(told)
    refs = {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}
    for ref in refs:
        found = told
        for key in ref.split("/"):
            found = found[key]


def test_config_tells_where_each_value_came_from_and_no_secret(tmp_path: Path, stack: StackThread) -> None:
    fleet = Operated(
        tmp_path, stack, "cfg", {"ARGOSY_KAFKA__SASL_PASSWORD": "hunter2", "OPENAI_API_KEY": "sk-hunter2"}
    )
    fleet.environment["ARGOSY_REDIS__URL"] = "redis://ada:hunter2@127.0.0.1:9/0"
    (tmp_path / "argosy.toml").write_text("[worker]\nconcurrency = 3\n[fleet]\nlanes = 99\n")
    (tmp_path / ".env").write_text("ARGOSY_FLEET__DISPATCH_WINDOW=17\n")
    told = {each["name"]: each for each in fleet.ask("config", "show")["settings"]}
    assert (told["worker.concurrency"]["value"], told["worker.concurrency"]["source"]) == (3, "argosy.toml")
    assert (told["fleet.lanes"]["value"], told["fleet.lanes"]["source"]) == (1, "environment")
    assert told["fleet.dispatch_window"]["source"] == ".env"
    assert told["model.api_key"]["source"] == "environment (OPENAI_API_KEY)"
    assert told["fleet.rules"]["source"] == "default"
    assert told["redis.url"]["value"] == "redis://127.0.0.1:9/0"
    said = fleet.argosy("config", "show").stdout + fleet.argosy("config", "show", "--json").stdout
    assert "hunter2" not in said
    assert "fleet.rules" not in fleet.argosy("config", "show", "--changed").stdout


def test_a_cancel_of_a_run_that_has_ended_says_how(fleet: Operated) -> None:
    fleet.coordinator()
    fleet.worker("quick,patient")
    fleet.argosy("run", "fast", "--app", "app.py", "--input", '"x"', "--run-id", "done")
    late = fleet.ask("runs", "cancel", "done", expect=1)
    assert late == {"run_id": "done", "cancel": "too_late", "state": "succeeded"}
    assert "has ended already: succeeded" in fleet.argosy("runs", "cancel", "done", expect=1).stdout
    fleet.submit("waits", "never", "open")
    fleet.why("open", "in_handler")
    assert fleet.ask("runs", "cancel", "open")["cancel"] == "requested"
    fleet.why("open", "ended")  # as the run log has it, which Redis follows
    fleet.until(lambda: fleet.ask("runs", "cancel", "open")["state"] == "cancelled", "a cancel says so too")
    (ended,) = [
        json.loads(line)
        for line in (fleet.folder / "coordinator.log").read_text().splitlines()
        if '"event":"ended"' in line and '"run_id":"done"' in line
    ]
    assert "code" not in ended


STUBBORN = """
import time
from pathlib import Path

from argosy import Context, Pipeline, agent

HERE = Path(__file__).parent


@agent
async def stubborn(ctx: Context, text: str) -> str:
    while not (HERE / text).exists():
        time.sleep(0.05)
    return text


blocks = Pipeline("blocks", takes=str, gives=str)
blocks.returns(blocks.step(stubborn, blocks.input))
"""


def test_a_worker_whose_handler_blocks_its_loop_is_told_as_silent(fleet: Operated) -> None:
    (fleet.folder / "blocks.py").write_text(STUBBORN)
    # A worker whose loop stands still for a whole lease ends itself.
    fleet.environment["ARGOSY_FLEET__LEASE_SECONDS"] = "300"
    fleet.coordinator()
    worker = fleet.start("worker-stubborn", "worker", "blocks.py")
    fleet.argosy("run", "blocks", "--app", "blocks.py", "--input", '"go-on"', "--run-id", "b", "--detach")
    told: list[dict[str, Any]] = []

    def stands(status: str) -> bool:
        told.extend(each for each in fleet.ask("lag")["groups"] if each["agent"] == "stubborn")
        return bool(told) and told[-1]["status"] == status

    fleet.until(lambda: stands("stalled"), "its worker fell silent", told=told)
    assert [each["name"].endswith(f"-{worker.pid}") for each in told[-1]["silent"]] == [True]
    assert "blocks its event loop" in fleet.argosy("lag").stderr
    (fleet.folder / "go-on").touch()
    fleet.until(lambda: stands("ok"), "it goes on", told=told)
    assert told[-1]["silent"] == []
