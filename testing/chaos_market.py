"""The same shop over HTTP, one for all workers: `python -m argosy.testing.chaos_market --port PORT`.

It ends in the middle of a call as that one does, and is started again at the same place.
"""

import argparse
import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from argosy.testing.chaos_shop import answer, deaths
from argosy.testing.effects import Effects

HEALTH: Final = "/health"
_BEARER: Final = "Bearer "
_LOOPBACK: Final = "127.0.0.1"


class Market(HTTPServer):
    """Answers one call after the other, as over stdin."""

    request_queue_size = 64

    def __init__(self, port: int, folder: Path, ends: Iterator[str]) -> None:
        """Listen on loopback; 0 chooses a port."""
        super().__init__((_LOOPBACK, port), _Call)
        self._folder, self._ends = folder, ends
        self._effects: dict[int, Effects] = {}

    def answered(self, message: dict[str, JsonValue], caller: int) -> dict[str, JsonValue] | None:
        """Answer one message; None for one that wants no answer.

        What is made is its caller's doing: of a worker that stood still it is known what it may not have known.
        """
        if "id" not in message:
            return None
        if caller not in self._effects:
            self._effects[caller] = Effects(self._folder, caller)
        found = answer(message, self._effects[caller], self._ends)
        return {"jsonrpc": "2.0", "id": message["id"], **found}


class _Call(BaseHTTPRequestHandler):
    timeout = 2.0
    """Of a caller that stands still: others wait behind it."""

    def do_GET(self) -> None:
        """Say that it is there; there is no stream of events."""
        self._say(200 if self.path == HEALTH else 405)

    def do_DELETE(self) -> None:
        """Know of no sessions."""
        self._say(405)

    def do_POST(self) -> None:
        """Answer a message. Whose it is, its token says: the process id of the worker."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        caller, market = int(self.headers.get("Authorization", "").removeprefix(_BEARER)), self.server
        assert isinstance(market, Market)  # noqa: S101 - nobody else makes one
        found = market.answered(json.loads(body), caller)
        if found is None:
            self._say(202)
        else:
            self._say(200, json.dumps(found).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing of each call."""

    def _say(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until it is killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    with Market(parser.parse_args().port, Path(os.environ["ARGOSY_CHAOS_EFFECTS"]), deaths()) as market:
        market.serve_forever()


if __name__ == "__main__":
    main()
