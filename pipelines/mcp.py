"""MCP servers as tools: which server, and which of its tools an agent may call. Nothing is started here."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlsplit

from pydantic import JsonValue

from argosy.pipelines.port import adapter_of, port_of
from argosy.pipelines.tool import Tool
from argosy.schemas.canonical import canonical_json
from argosy.schemas.contract import JsonSchema
from argosy.schemas.errors import BuildError
from argosy.schemas.ids import is_name

MOST_BYTES: Final = 256 * 1024
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PLAIN: Final = re.compile(r"[^a-z0-9_-]+")
_NAME_CHARACTERS: Final = 63
_WHY: Final = "only what is named here is started, reached or called"


@dataclass(frozen=True, eq=False)
class McpServer:
    """A server of tools, as `mcp` declares it. `server["read"]` is one of its tools."""

    name: str
    command: tuple[str, ...]
    """What starts it; empty: it is reached at `url`."""
    url: str
    env: tuple[str, ...]
    """Names of the environment's variables that the started server is given, beside PATH, HOME and the like."""
    token_env: str
    """Name of the variable whose value is sent as bearer token; empty: none is sent."""
    timeout_seconds: float
    """Of one call."""
    start_seconds: float
    """Until it has started, or is connected to, and has listed its tools."""
    most_bytes: int
    """Of one result."""
    tools: Mapping[str, "McpTool"] = field(repr=False)
    """By the server's own names: those that may be called."""

    def __getitem__(self, tool: str) -> "McpTool":
        """Give a tool by the server's own name; BuildError if it isn't one of `allow`."""
        found = self.tools.get(tool)
        if found is None:
            raise BuildError(
                what=f"tool {tool!r} of MCP server {self.name!r} isn't allowed",
                why=f"{_WHY}: {', '.join(self.tools)}",
                do=f"add it: mcp({self.name!r}, ..., allow=({tool!r}, ...))",
            )
        return found


class McpTool(Tool[..., JsonValue]):
    """One tool of a server, which says what it takes. Call it by `ctx.tools.call`, its arguments by name."""

    home: McpServer

    def __init__(self, server: str, remote: str, *, repeatable: bool, dangerous: bool, trusted: bool) -> None:
        """Use `mcp` instead. It is known to models, spans and taint as `<server>_<tool>`."""
        self.remote = remote
        self.name = f"{server}_{_PLAIN.sub('_', remote.lower())}"[:_NAME_CHARACTERS]
        self.repeatable, self.dangerous, self.trusted = repeatable, dangerous, trusted
        self.inputs, self.defaults = {}, {}
        self.output = port_of(JsonValue, adapter_of(JsonValue, what=self.name, why="", do=""))
        self.description = ""
        self.function = self._uncallable

    async def _uncallable(self, *_args: object, **_kwargs: object) -> JsonValue:
        raise BuildError(
            what=f"{self.name} is a tool of an MCP server, and can't be called by itself",
            why="a worker holds the connection",
            do="await ctx.tools.call(server['tool'], argument=...)",
        )

    def arguments(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> bytes:
        """Write the JSON of a call's arguments. TypeError for positional ones, and for what is no JSON."""
        if args:
            message = f"{self.name} takes its arguments by name"
            raise TypeError(message)
        return canonical_json(cast("dict[str, JsonValue]", dict(kwargs)))

    def decode(self, given: Mapping[str, JsonValue]) -> dict[str, Any]:
        """Take what a model says as it is: the server judges it."""
        return dict(given)

    def schema(self) -> JsonSchema:
        """Describe nothing: a worker asks the server."""
        return {"type": "object"}


def mcp(  # noqa: PLR0913 - all by name
    name: str,
    *,
    allow: Sequence[str],
    command: Sequence[str] = (),
    url: str = "",
    env: Sequence[str] = (),
    token_env: str = "",
    repeatable: Collection[str] = (),
    dangerous: Collection[str] = (),
    trusted: Collection[str] = (),
    timeout_seconds: float = 60.0,
    start_seconds: float = 30.0,
    most_bytes: int = MOST_BYTES,
) -> McpServer:
    """Declare an MCP server, to be listed in `@agent(tools=[...])`: one that is started, or one at an http(s) URL.

    `allow` names the tools that may be called: no other one is told to a model, whatever the server lists. Each call
    is a memo, except of those in `repeatable`. `dangerous` and `trusted` are as of `@tool`. Secrets are named, never
    given: `env` lists variables of the worker's environment that the started server gets, `token_env` the one whose
    value is sent as bearer token. BuildError for what can't be right.
    """
    if not is_name(name):
        raise BuildError(
            f"an MCP server named {name!r}", "a name is a small letter, then a-z, 0-9, _ and -", "rename it"
        )
    _check_way(name, command, url)
    _check_variables(name, env, token_env)
    _check_allowed(name, allow, {"repeatable": repeatable, "dangerous": dangerous, "trusted": trusted})
    tools = {
        remote: McpTool(
            name,
            remote,
            repeatable=remote in repeatable,
            dangerous=remote in dangerous,
            trusted=remote in trusted,
        )
        for remote in allow
    }
    if len({tool.name for tool in tools.values()}) < len(tools):
        raise BuildError(
            f"MCP server {name!r} allows two tools that models would know by one name", "", "allow one"
        )
    server = McpServer(
        name, tuple(command), url, tuple(env), token_env, timeout_seconds, start_seconds, most_bytes, tools
    )
    for tool in tools.values():
        tool.home = server
    return server


def _check_way(name: str, command: Sequence[str], url: str) -> None:
    if bool(command) == bool(url):
        raise BuildError(
            f"MCP server {name!r} has {'both a command and a url' if url else 'neither a command nor a url'}",
            "it is either started, or reached at a URL",
            "give command=['program', ...] or url='https://...'",
        )
    if isinstance(command, str):
        raise BuildError(
            f"MCP server {name!r} has a command in one text", "no shell reads it", "give a list of words"
        )
    _check_url(name, url)


def _check_variables(name: str, env: Sequence[str], token_env: str) -> None:
    if isinstance(env, str):
        raise BuildError(
            f"MCP server {name!r} has env in one text",
            "its letters would be a variable each",
            "give a list of names, like env=['FILES_TOKEN']",
        )
    for variable in (*env, *((token_env,) if token_env else ())):
        if not _VARIABLE.match(variable):
            raise BuildError(
                f"MCP server {name!r} names a variable that can't be one",
                "secrets come from the environment, by name, never by value",
                "give the name of the variable, like env=['FILES_TOKEN']",
            )


def _check_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise BuildError(
            f"MCP server {name!r} has a url that is none", "it is http:// or https://", "give one"
        )
    if parts.password or parts.username:
        raise BuildError(
            f"MCP server {name!r} has a secret in its url", "urls are logged by many", "name it in token_env="
        )


def _check_allowed(name: str, allow: Sequence[str], lists: Mapping[str, Collection[str]]) -> None:
    if isinstance(allow, str):
        raise BuildError(
            f"MCP server {name!r} has allow={allow!r}",
            "its letters would be a tool each",
            f"give a list of names: allow=[{allow!r}]",
        )
    if not allow:
        raise BuildError(f"MCP server {name!r} allows no tool", _WHY, "name them: allow=('read', 'list')")
    for option, tools in lists.items():
        unknown = [tool for tool in tools if tool not in allow]
        if isinstance(tools, str) or unknown:
            raise BuildError(
                f"MCP server {name!r} has {option}={tools!r}",
                "each must be allowed, too",
                "name it in allow=",
            )
