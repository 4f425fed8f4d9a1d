"""MCP servers as tools: a real process over stdio and a real server over HTTP, well and badly behaved."""

import asyncio
import gzip
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from argosy.agents.mcp_servers import McpServers
from argosy.agents.mcp_stdio import INHERITED
from argosy.agents.model_client import ToolCall, ToolCalls, ToolResult
from argosy.agents.models import Models
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.mcp import McpServer, mcp
from argosy.schemas.errors import BuildError, ConfigurationError, ToolError, ToolFailed, ToolResultTooLarge
from argosy.schemas.payload import Inline
from argosy.schemas.settings import ModelSettings
from argosy.testing import FakeModel
from support import mcp_server
from support.worker_bench import input_of, memory_bench

SERVER = (sys.executable, str(Path(mcp_server.__file__)))
ALL = tuple(str(tool["name"]) for tool in mcp_server.TOOLS)


def files(*more: str, allow: Sequence[str] = ALL, **options: Any) -> McpServer:  # noqa: ANN401 - of `mcp`
    return mcp("files", command=[*SERVER, *more], allow=allow, **options)


@pytest_asyncio.fixture
async def servers() -> AsyncIterator[McpServers]:
    found = McpServers()
    yield found
    await found.close()


async def pid_of(servers: McpServers, server: McpServer) -> int:
    found = await servers.call(server["pid"], {})
    assert isinstance(found, dict)
    pid = found["pid"]
    assert isinstance(pid, int)
    return pid


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(120):
        while Path(f"/proc/{pid}").exists():  # noqa: ASYNC110, ASYNC240 - nobody tells of another's child
            await asyncio.sleep(0.01)


async def test_a_started_server_s_tools_are_called(servers: McpServers) -> None:
    server = files()
    assert await servers.call(server["read"], {"path": "a.txt"}) == "content of a.txt"
    image = await servers.call(server["image"], {})
    assert image == [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]


async def test_models_are_told_of_allowed_tools_only(servers: McpServers) -> None:
    found = await servers.describe(files(allow=("read", "no-such")))
    assert [(spec.name, spec.description) for spec in found.values()] == [("files_read", "Read a file.")]
    assert found["read"].parameters["required"] == ["path"]
    with pytest.raises(BuildError, match="isn't allowed"):
        files(allow=("read",))["die"]


async def test_calls_go_on_side_by_side_over_one_connection(servers: McpServers) -> None:
    server = files()
    calls = [servers.call(server["read"], {"path": str(number)}) for number in range(50)]
    assert await asyncio.gather(*calls) == [f"content of {number}" for number in range(50)]
    assert await pid_of(servers, server) == await pid_of(servers, server)


async def test_a_server_that_dies_in_the_middle_fails_the_call_and_is_started_again(
    servers: McpServers,
) -> None:
    server = files()
    first = await pid_of(servers, server)
    with pytest.raises(ToolFailed, match="died"):
        await servers.call(server["die"], {})
    assert await servers.call(server["read"], {"path": "a"}) == "content of a"
    assert await pid_of(servers, server) != first


async def test_a_server_that_died_idle_is_started_again_before_the_call(servers: McpServers) -> None:
    server = files()
    first = await pid_of(servers, server)
    os.kill(first, 9)
    async with asyncio.timeout(120):
        while not servers._links[server].dead:  # noqa: ASYNC110, SLF001  # pyright: ignore[reportPrivateUsage]
            await asyncio.sleep(0.01)
    assert await pid_of(servers, server) != first


async def test_a_server_that_hangs_is_left_and_another_one_started(servers: McpServers) -> None:
    server = files(timeout_seconds=3.0)
    first = await pid_of(servers, server)
    with pytest.raises(ToolFailed, match="no answer within"):
        await servers.call(server["hang"], {})
    assert await pid_of(servers, server) != first
    await until_gone(first)


async def test_what_is_no_message_is_left_out(servers: McpServers) -> None:
    assert await servers.call(files()["garbage"], {}) == "garbage done"


async def test_what_is_no_result_fails_the_call(servers: McpServers) -> None:
    server = files()
    with pytest.raises(ToolFailed, match="no result"):
        await servers.call(server["wrong"], {})
    assert await servers.call(server["read"], {"path": "a"}) == "content of a"


async def test_a_result_that_is_too_large_is_refused_whole(servers: McpServers) -> None:
    server = files(most_bytes=1000)
    assert await servers.call(server["huge"], {"bytes": 900}) == "x" * 900
    with pytest.raises(ToolResultTooLarge, match="2002 bytes"):
        await servers.call(server["huge"], {"bytes": 2000})


async def test_a_server_that_never_ends_its_line_fills_no_memory(servers: McpServers) -> None:
    server = files(most_bytes=1000)
    with pytest.raises(ToolFailed, match="died, or hung up"):
        await servers.call(server["huge"], {"bytes": 10_000_000})
    assert await servers.call(server["read"], {"path": "a"}) == "content of a"


async def test_what_a_tool_says_of_itself_is_its_own_error(servers: McpServers) -> None:
    with pytest.raises(ToolError, match="no such file"):
        await servers.call(files()["fail"], {})


async def test_a_changed_list_of_tools_is_asked_for_again(
    servers: McpServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MCP_GROWN", str(tmp_path / "grown"))
    server = files(allow=("grow", "fail", "extra"), env=["MCP_GROWN"])
    assert set(await servers.describe(server)) == {"grow", "fail"}
    with pytest.raises(ToolFailed, match="no tool 'extra'"):
        await servers.call(server["extra"], {})
    assert await servers.call(server["grow"], {}) == "grow done"
    async with asyncio.timeout(120):
        while set(await servers.describe(server)) != {"grow", "extra"}:  # noqa: ASYNC110 - until the server's word is heard
            await asyncio.sleep(0.01)
    assert await servers.call(server["extra"], {}) == "extra done"


async def test_a_server_that_does_not_start_says_so_and_is_not_tried_at_once_again(
    servers: McpServers,
) -> None:
    server = files("--never")
    with pytest.raises(ToolFailed, match="files"):
        await servers.call(server["read"], {"path": "a"})
    with pytest.raises(ToolFailed, match="a moment ago"):
        await servers.call(server["read"], {"path": "a"})
    missing = mcp("gone", command=["/no/such/program"], allow=("read",))
    with pytest.raises(ToolFailed, match="does not start"):
        await servers.call(missing["read"], {})
    broken = mcp("broken", command=[sys.executable, "-c", "raise SystemExit('no module')"], allow=("read",))
    with pytest.raises(
        ToolFailed, match=r"python.* ended at once, and what it printed is in the log of the worker"
    ):
        await servers.call(broken["read"], {})


async def test_a_server_gets_the_variables_that_are_named_and_no_others(
    servers: McpServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILES_TOKEN", "s3cret")
    monkeypatch.setenv("OTHER_TOKEN", "not yours")
    server = files(env=["FILES_TOKEN"])
    assert await servers.call(server["env"], {"name": "FILES_TOKEN"}) == "s3cret"
    assert await servers.call(server["env"], {"name": "OTHER_TOKEN"}) == "(none)"
    assert "PATH" in INHERITED


async def test_closing_ends_started_servers_even_those_that_hang() -> None:
    servers = McpServers()
    server = files(timeout_seconds=60)
    pid = await pid_of(servers, server)
    hanging = asyncio.create_task(servers.call(server["hang"], {}), name="hangs")
    await asyncio.sleep(0)
    await servers.close()
    with pytest.raises(ToolFailed):
        await hanging
    await until_gone(pid)
    with pytest.raises(ToolFailed, match="leaving"):
        await servers.call(server["read"], {"path": "a"})


# -- over HTTP


def serve(http: HTTPServer, token: str = "", restarts_before: str = "") -> list[Request]:
    asked: list[Request] = []
    forgets = [restarts_before]

    def respond(request: Request) -> Response:
        asked.append(request)
        if token and request.headers.get("Authorization") != f"Bearer {token}":
            return Response("who are you?", status=401)
        if request.method != "POST":
            return Response(status=405)
        message = json.loads(request.get_data())
        if message.get("method") == "tools/call" and message["params"]["name"] == "garbage":
            return Response("<html>", content_type="text/html")
        if message.get("method") == "tools/call" and message["params"]["name"] in forgets:
            forgets.clear()
            return Response("no such session", status=404)
        found = mcp_server.answer(message)
        if found is None:
            return Response(status=202)
        return Response(json.dumps(found), content_type="application/json")

    http.expect_request("/mcp").respond_with_handler(respond)
    return asked


def web(http: HTTPServer, **options: Any) -> McpServer:  # noqa: ANN401 - of `mcp`
    return mcp("web", url=http.url_for("/mcp"), allow=ALL, **options)


async def test_a_server_over_http_is_called(servers: McpServers, httpserver: HTTPServer) -> None:
    serve(httpserver)
    server = web(httpserver)
    assert await servers.call(server["read"], {"path": "a"}) == "content of a"
    assert set(await servers.describe(server)) == set(ALL)
    with pytest.raises(ToolError, match="no such file"):
        await servers.call(server["fail"], {})


async def test_its_token_comes_from_the_environment(
    servers: McpServers, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(httpserver, token="s3cret")  # noqa: S106 - a test's own
    with pytest.raises(ConfigurationError, match="WEB_TOKEN"):
        await servers.call(web(httpserver, token_env="WEB_TOKEN")["read"], {"path": "a"})  # noqa: S106 - a name
    monkeypatch.setenv("WEB_TOKEN", "s3cret")
    server = web(httpserver, token_env="WEB_TOKEN")  # noqa: S106 - a name
    assert await servers.call(server["read"], {"path": "a"}) == "content of a"
    assert "s3cret" not in repr(server)


async def test_garbage_over_http_fails_the_call(servers: McpServers, httpserver: HTTPServer) -> None:
    serve(httpserver)
    server = web(httpserver, timeout_seconds=5)
    with pytest.raises(ToolFailed):
        await servers.call(server["garbage"], {})


async def test_an_answer_over_http_is_bounded(servers: McpServers, httpserver: HTTPServer) -> None:
    serve(httpserver)
    server = web(httpserver, most_bytes=1000, timeout_seconds=5)
    with pytest.raises(ToolResultTooLarge):
        await servers.call(server["huge"], {"bytes": 2000})
    with pytest.raises(ToolFailed):
        await servers.call(server["huge"], {"bytes": 10_000_000})


async def test_an_answer_over_http_that_is_compressed_though_nobody_asked_is_not_read(
    servers: McpServers, httpserver: HTTPServer
) -> None:
    asked: list[Request] = []

    def respond(request: Request) -> Response:
        asked.append(request)
        body = gzip.compress(json.dumps(mcp_server.answer(json.loads(request.get_data()))).encode())
        return Response(body, content_type="application/json", headers={"Content-Encoding": "gzip"})

    httpserver.expect_request("/mcp").respond_with_handler(respond)
    with pytest.raises(ToolFailed):
        await servers.call(web(httpserver, start_seconds=5)["read"], {"path": "a"})
    assert {request.headers["Accept-Encoding"] for request in asked} == {"identity"}


async def test_an_event_over_http_is_bounded(servers: McpServers, httpserver: HTTPServer) -> None:
    given: list[int] = []

    def endless() -> Iterator[bytes]:
        yield b"data: "
        for _ in range(1000):
            given.append(2**20)
            yield b"x" * 2**20

    def respond(request: Request) -> Response:
        message = json.loads(request.get_data())
        if message.get("method") == "tools/call":
            return Response(endless(), content_type="text/event-stream")
        found = mcp_server.answer(message)
        return (
            Response(status=202)
            if found is None
            else Response(json.dumps(found), content_type="application/json")
        )

    httpserver.expect_request("/mcp").respond_with_handler(respond)
    with pytest.raises(ToolFailed):
        await servers.call(web(httpserver, most_bytes=1000, timeout_seconds=10)["read"], {"path": "a"})
    assert len(given) < 100


async def test_a_server_over_http_that_forgot_its_session_is_connected_to_anew(
    servers: McpServers, httpserver: HTTPServer
) -> None:
    asked = serve(httpserver, restarts_before="read")
    server = web(httpserver, timeout_seconds=5)
    assert await servers.call(server["env"], {"name": "NO_SUCH"}) == "(none)"
    with pytest.raises(ToolFailed):
        await servers.call(server["read"], {"path": "a"})
    assert await servers.call(server["read"], {"path": "a"}) == "content of a"
    assert len([one for one in asked if b'"initialize"' in one.get_data()]) == 2


async def test_nobody_there_is_a_failure_that_may_pass(servers: McpServers) -> None:
    server = mcp("web", url="http://127.0.0.1:9/mcp", allow=("read",), start_seconds=5)
    with pytest.raises(ToolFailed) as raised:
        await servers.call(server["read"], {})
    assert raised.value.retriable


# -- in an agent


async def test_an_agent_calls_an_mcp_tool_once_over_its_attempts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MCP_CALLS", str(tmp_path / "calls"))
    server = files(allow=("read",), env=["MCP_CALLS"])
    bench, _, _ = memory_bench()
    await bench.create("reader")
    await bench.live()
    await bench.run("run-1", reader="r 1")
    fails = 1

    @agent(name="reader", tools=[server])
    async def reader(ctx: Context, path: str) -> str:
        nonlocal fails
        found = await ctx.tools.call(server["read"], path=path)
        if fails:
            fails = 0
            message = "after the call"
            raise ValueError(message)
        return str(found)

    async with bench.worker(reader):
        await bench.order(reader, "run-1/reader", input_of("path", "a"))
        await bench.until_settled()
        await bench.run("run-1", reader="r 2")
        await bench.order(reader, "run-1/reader", input_of("path", "a"), attempt=2)
        _, settled = await bench.until_settled(2)
    assert isinstance(settled.result, Inline)
    assert settled.result.value == "content of a"
    assert settled.result.taint == ("tool:files_read",)
    assert (tmp_path / "calls").read_text().split() == ["read"]


async def test_a_model_asks_for_tools_of_a_server_and_is_told_what_they_say() -> None:
    server = files(allow=("read", "fail", "huge"), most_bytes=1000)
    calls = (
        ToolCall("1", "files_read", '{"path": "a"}'),
        ToolCall("2", "files_fail", f'{{"text": "no such file{"x" * 1_000}"}}'),
        ToolCall("3", "files_huge", '{"bytes": 5000}'),
        ToolCall("4", "files_die", "{}"),
    )
    model = FakeModel(ToolCalls(calls), "done")
    bench, _, _ = memory_bench()
    await bench.create("reader")
    await bench.live()
    await bench.run("run-1", reader="r 1")

    @agent(name="reader", model="openai:m", reserve=100, tools=[server])
    async def reader(ctx: Context, path: str) -> str:
        return await ctx.model.ask(path, tools=[server])

    async with bench.worker(reader, models=Models(model, ModelSettings())):
        await bench.order(reader, "run-1/reader", input_of("path", "a"))
        (settled,) = await bench.until_settled()
    assert settled.outcome == "succeeded", settled.fault
    assert [spec.name for spec in model.calls[0].request.tools] == ["files_read", "files_fail", "files_huge"]
    told = [turn.content for turn in model.calls[1].request.turns if isinstance(turn, ToolResult)]
    assert told[0] == '"content of a"'
    assert "no such file" in told[1]
    assert "(1012 characters)" in told[1]
    assert "5002 bytes" in told[2]
    assert "no tool 'files_die'" in told[3]


async def test_without_its_library_a_worker_says_at_its_start_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "argosy.agents.mcp_link", None)
    bench, _, _ = memory_bench()

    @agent(name="reader", tools=[files()])
    async def reader(ctx: Context, path: str) -> str:
        del ctx
        return path

    with pytest.raises(ConfigurationError, match=r"argosy\[mcp\]"):
        async with bench.worker(reader):
            pass
