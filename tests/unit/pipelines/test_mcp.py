# ruff: noqa: ARG001 - a handler's parameters are its interface

from typing import Any

import pytest

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.mcp import mcp
from argosy.pipelines.tool import tool
from argosy.schemas.errors import BuildError


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Files!"},
        {"command": ()},
        {"url": "http://127.0.0.1/"},
        {"command": "sh -c ls"},
        {"command": (), "url": "ftp://127.0.0.1/"},
        {"command": (), "url": "http://user:s3cret@127.0.0.1/"},
        {"env": ["TOKEN=s3cret"]},
        {"env": "TOKEN"},
        {"token_env": "Bearer s3cret"},
        {"allow": ()},
        {"allow": "read"},
        {"dangerous": ("write",)},
        {"allow": ("a.b", "a_b")},
    ],
)
def test_a_server_that_can_t_be_right_is_told_at_once(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"name": "files", "command": ["server"], "allow": ("read",), **wrong}
    with pytest.raises(BuildError) as raised:
        mcp(given.pop("name"), **given)
    assert "s3cret" not in str(raised.value)


def test_a_name_in_the_place_of_a_list_of_them_is_told() -> None:
    with pytest.raises(BuildError, match=r"has allow='read'") as raised:
        mcp("files", command=["server"], allow="read")
    assert "allow=['read']" in str(raised.value)


def test_an_agent_s_tools_are_those_of_its_servers_that_are_allowed() -> None:
    files = mcp("files", command=["server"], allow=("read", "write"), dangerous=("write",))

    @agent(tools=[files])
    async def reader(ctx: Context, path: str) -> str:
        return path

    assert [one.name for one in reader.tools] == ["files_read", "files_write"]
    assert reader.refuse_tainted
    assert [one.repeatable for one in reader.tools] == [False, False]


def test_two_tools_of_one_name_are_refused() -> None:
    files = mcp("files", command=["server"], allow=("read",))

    @tool(name="files_read")
    async def read(path: str) -> str:
        return path

    with pytest.raises(BuildError, match="two tools named"):

        @agent(tools=[files, read])
        async def reader(ctx: Context, path: str) -> str:
            return path


def test_what_is_no_tool_is_refused() -> None:
    async def plain(path: str) -> str:
        return path

    with pytest.raises(BuildError, match="among its tools"):

        @agent(tools=[plain])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
        async def reader(ctx: Context, path: str) -> str:
            return path


async def test_a_tool_of_a_server_can_t_be_called_by_itself() -> None:
    files = mcp("files", command=["server"], allow=("read",))
    with pytest.raises(BuildError, match=r"ctx\.tools\.call"):
        await files["read"](path="x")
