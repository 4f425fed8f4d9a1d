"""An MCP server that makes an effect for whoever calls it: `python -m argosy.testing.chaos_shop`.

It speaks JSON-RPC over stdin and stdout, and now and then ends in the middle of a call, before or after the effect.
"""

import json
import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from argosy.testing.effects import Effects

_DIES_EVERY: Final = 150
"""Calls: it dies before the effect, next time after it."""
_TOOLS: Final[list[JsonValue]] = [
    {
        "name": name,
        "description": "Make an effect.",
        "inputSchema": {
            "type": "object",
            "properties": {"key": {"type": "string"}},
            "required": ["key"],
        },
    }
    for name in ("buy", "sell")
]
"""The second is allowed to nobody."""


def main() -> None:
    """Serve until stdin ends."""
    # What is made here is its worker's doing: of a worker that stood still it is known what it may not have known.
    effects, ends = Effects(Path(os.environ["ARGOSY_CHAOS_EFFECTS"]), os.getppid()), deaths()
    for line in sys.stdin:
        message: dict[str, JsonValue] = json.loads(line)
        if "id" not in message:
            continue
        found = {"jsonrpc": "2.0", "id": message["id"], **answer(message, effects, ends)}
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


def answer(message: Mapping[str, JsonValue], effects: Effects, ends: Iterator[str]) -> dict[str, JsonValue]:
    """Give what the answer to a message has beside its id. `ends` says of each call whether it is the last."""
    params = message.get("params")
    given = params if isinstance(params, dict) else {}
    match message["method"]:
        case "initialize":
            return {
                "result": {
                    "protocolVersion": given["protocolVersion"],
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "shop", "version": "1"},
                }
            }
        case "tools/list":
            return {"result": {"tools": _TOOLS}}
        case "tools/call":
            return {"result": {"content": [], "structuredContent": {"value": _bought(given, effects, ends)}}}
        case "ping":
            return {"result": {}}
        case method:
            return {"error": {"code": -32601, "message": f"no method {method}"}}


def _bought(given: Mapping[str, JsonValue], effects: Effects, ends: Iterator[str]) -> str:
    arguments = given.get("arguments")
    assert isinstance(arguments, dict)  # noqa: S101 - our own agents call it
    dies, value = next(ends), uuid.uuid4().hex
    if dies == "before":
        os._exit(9)
    effects.write("made", str(arguments["key"]), value)
    if dies == "after":
        os._exit(9)
    return value


def deaths() -> Iterator[str]:
    """Say of each call whether the server is to die `before` its effect, or `after` it; empty: neither."""
    first = "before" if os.getpid() % 2 else "after"
    return cycle([*[""] * (_DIES_EVERY - 1), first])


if __name__ == "__main__":
    main()
