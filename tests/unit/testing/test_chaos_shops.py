"""The MCP server of the chaos app: what it makes is its worker's doing, and it dies in the middle of calls."""

import os
from itertools import cycle, repeat
from pathlib import Path
from threading import Thread

import pytest

from argosy.agents.mcp_servers import McpServers
from argosy.pipelines.mcp import mcp
from argosy.schemas.errors import ToolFailed
from argosy.testing import chaos_shop
from argosy.testing.chaos_market import Market
from argosy.testing.chaos_shops import shop
from argosy.testing.effects import AllEffects, Effects


async def test_what_a_call_makes_stands_in_the_ledger_in_the_name_of_its_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_CHAOS_EFFECTS", str(tmp_path))
    servers = McpServers()
    try:
        bought = await servers.call(shop["buy"], {"key": "r/buyer.0|k"})
    finally:
        await servers.close()
    effects = AllEffects(tmp_path)
    assert effects.tasks() == {"r/buyer.0"}
    Effects(tmp_path).write("known", "r/buyer.0|k", str(bought))
    later = Effects(tmp_path, os.getppid())
    later.write("made", "r/buyer.0|k", "another")
    assert [again.pid for again in AllEffects(tmp_path).made_after_known()] == [os.getppid()]


@pytest.mark.parametrize(("dies", "made"), [("before", 0), ("after", 1)])
async def test_a_server_that_dies_in_the_middle_of_a_call_may_have_done_it(
    dies: str, made: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(Exception):
        pass

    def end(_code: int) -> None:
        raise Gone

    monkeypatch.setattr("argosy.testing.chaos_shop.os._exit", end)
    deaths = cycle([dies])
    with pytest.raises(Gone):
        chaos_shop._bought({"name": "buy", "arguments": {"key": "r/b|k"}}, Effects(tmp_path), deaths)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    assert AllEffects(tmp_path).count("made") == made


async def test_only_the_tool_that_is_allowed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_CHAOS_EFFECTS", str(tmp_path))
    servers = McpServers()
    try:
        assert list(await servers.describe(shop)) == ["buy"]
        with pytest.raises(ToolFailed):
            await servers.call(shop["buy"], {"no": "key"})
    finally:
        await servers.close()


async def test_the_server_over_http_makes_effects_in_the_name_of_whoever_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_CHAOS_CALLER", "4711")
    servers = McpServers()
    with Market(0, tmp_path, repeat("")) as serving:
        thread = Thread(target=serving.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{serving.server_port}/mcp"
        there = mcp("market", url=url, allow=["buy"], token_env="ARGOSY_CHAOS_CALLER")  # noqa: S106 - a name
        try:
            bought = await servers.call(there["buy"], {"key": "r/trader.0|k"})
            assert list(await servers.describe(there)) == ["buy"]
        finally:
            await servers.close()
            serving.shutdown()
            thread.join()
    assert AllEffects(tmp_path).tasks() == {"r/trader.0"}
    assert isinstance(bought, dict)
    Effects(tmp_path).write("known", "r/trader.0|k", str(bought["value"]))
    Effects(tmp_path, 4711).write("made", "r/trader.0|k", "another")
    assert [again.pid for again in AllEffects(tmp_path).made_after_known()] == [4711]
