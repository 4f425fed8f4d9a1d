"""`argosy dev --memory`: a fleet in one process, used over HTTP as a person would use it."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from httpx2 import AsyncClient

from argosy.console.memory_fleet import way_to_memory
from support.http_results import ended_by_http
from support.terminal import CTRL_C, terminal

pytestmark = pytest.mark.timeout(600)

APP = """
from argosy import Context, Pipeline, agent


@agent
async def shout(ctx: Context, text: str) -> str:
    return text.upper()


loud = Pipeline("loud", takes=str, gives=str)
loud.returns(loud.step(shout, loud.input))
"""


async def run_one(url: str) -> dict[str, object]:
    async with AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
        submitted = await http.post("/runs", json={"pipeline": "loud", "input": "hello", "run_id": "loud-1"})
        assert submitted.status_code == 202, submitted.text
        ended = await ended_by_http(http, "/runs/loud-1/result")
        found: dict[str, object] = json.loads(ended.text)
        return found


def test_an_app_is_served_without_servers_and_gone_with_the_process(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with terminal(tmp_path, {}, "dev", "app.py", "--memory", columns=200) as shown:
        shown.until("gateway: http://")
        shown.until("Ctrl-C stops everything")
        url = re.search(r"curl -s (http://127\.0\.0\.1:\d+)/runs", shown.shown)
        assert url is not None, shown.shown
        banner = len(shown.shown)
        assert asyncio.run(run_one(url[1]))["result"] == "HELLO"
        assert "argosy dev --memory serves here" in way_to_memory(tmp_path / ".argosy")
        assert f"curl {url[1]}/runs/RUN" in way_to_memory(tmp_path / ".argosy")
        shown.type(CTRL_C)
        assert shown.ended() == 130, shown.shown
        assert shown.shown.rstrip().endswith("interrupted: all is stopped; what was in memory is gone")
        assert "Traceback" not in shown.shown
        assert "settled" not in shown.shown[banner:]
    assert not way_to_memory(tmp_path / ".argosy")
    log = (tmp_path / ".argosy" / "logs" / "memory.log").read_text()
    assert {"accepted", "settled", "ended"} <= {json.loads(line).get("event") for line in log.splitlines()}
    assert not (tmp_path / ".argosy" / "kafka").exists()
