"""A tiny MCP server that misbehaves on request: over stdio as a script, and as a function for one over HTTP.

It speaks plain JSON-RPC and needs nothing but Python, so that no library of ours or others' stands between.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

READ = {"name": "read", "description": "Read a file.", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}}  # fmt: skip  # noqa: E501
NAMES = ("hang", "die", "garbage", "huge", "fail", "wrong", "grow", "env", "pid", "image")
TOOLS: list[dict[str, Any]] = [READ, *({"name": name, "inputSchema": {"type": "object"}} for name in NAMES)]


class Dies(Exception):
    """The server is to end now, without a word."""


def text(said: str, *, error: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": said}], "isError": error}


def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:  # noqa: C901, PLR0911 - a table
    note = os.environ.get("MCP_CALLS")
    if note:
        with Path(note).open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
    match name:
        case "read":
            return text(f"content of {arguments['path']}")
        case "hang":
            time.sleep(600)
            return text("never")
        case "die":
            raise Dies
        case "huge":
            return text("x" * int(arguments["bytes"]))
        case "fail":
            return text(arguments.get("text", "no such file"), error=True)
        case "wrong":
            return {"content": 3}
        case "env":
            return text(os.environ.get(arguments["name"], "(none)"))
        case "pid":
            return {"content": [], "structuredContent": {"pid": os.getpid()}}
        case "image":
            return {"content": [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]}
        case _:
            return text(f"{name} done")


def listed() -> list[dict[str, Any]]:
    """List the tools: others than at first once the server has grown."""
    if not Path(os.environ.get("MCP_GROWN", "/nowhere")).exists():
        return TOOLS
    return [tool for tool in TOOLS if tool["name"] != "fail"] + [
        {"name": "extra", "inputSchema": {"type": "object"}}
    ]


def answer(message: dict[str, Any]) -> dict[str, Any] | None:
    """Answer one message; None for a notification."""
    if "id" not in message:
        return None
    found: dict[str, Any]
    match message["method"]:
        case "initialize":
            found = {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "tiny", "version": "1"},
            }
        case "tools/list":
            found = {"tools": listed()}
        case "tools/call":
            found = call(message["params"]["name"], message["params"].get("arguments") or {})
        case "ping":
            found = {}
        case method:
            error = {"code": -32601, "message": f"no method {method}"}
            return {"jsonrpc": "2.0", "id": message["id"], "error": error}
    return {"jsonrpc": "2.0", "id": message["id"], "result": found}


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve over stdin and stdout."""
    if "--never" in sys.argv:
        sys.exit(3)
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("method") == "tools/call":
            match message["params"]["name"]:
                case "garbage":
                    sys.stdout.write("Loading the model...\n{not json}\n\n")
                case "grow":
                    Path(os.environ["MCP_GROWN"]).touch()
                    say({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
                case _:
                    pass
        try:
            found = answer(message)
        except Dies:
            os._exit(9)
        if found is not None:
            say(found)


if __name__ == "__main__":
    main()
