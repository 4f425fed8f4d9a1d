"""The examples need no script: a model server that echoes serves them, and counts what their runs say they spent."""

import re
from http import HTTPStatus
from pathlib import Path

import pytest
from httpx2 import Client
from pydantic import JsonValue

from argosy.testing import ScriptedModels
from support.operated import Operated
from support.terminal import CTRL_C, terminal

pytestmark = pytest.mark.timeout(600)

EXAMPLES = Path(__file__).parents[3] / "examples"
DOCUMENT: JsonValue = {"title": "Kafka", "text": "Kafka is a log."}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("briefing", DOCUMENT),
        ("digest", {"topic": "logs", "documents": [DOCUMENT, DOCUMENT], "urgent": False}),
    ],
)
def test_an_example_runs_on_a_model_that_echoes_and_spends_what_it_counted(
    tmp_path: Path, name: str, value: JsonValue
) -> None:
    with (
        ScriptedModels() as server,
        terminal(
            tmp_path,
            {"OPENAI_BASE_URL": server.base_url},
            "dev",
            str(EXAMPLES / f"{name}.py"),
            "--memory",
            columns=200,
        ) as shown,
    ):
        shown.until("Ctrl-C stops everything")
        url = re.search(r"curl -s (http://127\.0\.0\.1:\d+)/runs", shown.shown)
        assert url is not None, shown.shown
        with Client(base_url=url[1], timeout=120, trust_env=False) as http:
            submitted = http.post("/runs", json={"pipeline": name, "input": value, "run_id": "run-1"})
            assert submitted.status_code == 202, submitted.text
            ended = http.get("/runs/run-1/result", params={"wait": "60"})
            while ended.status_code == HTTPStatus.ACCEPTED:
                ended = http.get("/runs/run-1/result", params={"wait": "60"})
        told = ended.json()
        assert told["outcome"] == "succeeded", told
        ledger = server.service.ledger
        Operated.until(lambda: ledger.totals()["open"] == 0, "the server has noted how its last call ended")
        totals = ledger.totals()
        assert totals["answered"] == totals["calls"] != 0
        assert told["usage"] == {
            "input_tokens": totals["prompt_tokens"],
            "output_tokens": totals["completion_tokens"],
        }
        shown.type(CTRL_C)
        assert shown.ended() == 130, shown.shown
