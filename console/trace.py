"""`argosy trace RUN > run.html`: a run in one file, to be looked at without a fleet and without a network."""

import asyncio
import base64
import hashlib
import html
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, cast

import typer
from pydantic import JsonValue

from argosy.console.config import load_settings
from argosy.console.options import options
from argosy.console.output import note, show_json
from argosy.console.process_life import open_services
from argosy.console.run_history import history, must_be_known
from argosy.console.trace_facts import trace_facts
from argosy.schemas.redact import redact_fields
from argosy.schemas.settings import Settings

_WEB: Final = files("argosy.console") / "web"
_MISLEADING: Final = tuple(rf"\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Marks that turn the direction of text around, as JSON writes them."""
Data = dict[str, JsonValue]


def trace(
    run_id: Annotated[str, typer.Argument(help="The run's id.")],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to; by default standard output.")
    ] = None,
) -> None:
    """Write one HTML file with a run's times, tasks, values, retries and causes: argosy trace RUN > run.html.

    The file asks no network for anything, and holds beginnings of inputs and outputs, less what looks like a secret:
    treat it as you treat those.
    With --json what the page shows, as data.
    """
    data = asyncio.run(_read(load_settings(), run_id))
    if options().json:
        show_json(data)
        return
    page = trace_page(run_id, data)
    if out is None:
        sys.stdout.write(page)
        sys.stdout.flush()
    else:
        out.write_text(page, encoding="utf-8")
        note(f"wrote {out}, {len(page.encode()) // 1024} KiB: open it in a browser")


async def _read(settings: Settings, run_id: str) -> Data:
    async with open_services(settings, "console") as services:
        found = await history(services.cluster, settings, run_id)
        must_be_known(found)
        facts = await trace_facts(found, services.payloads)
        return cast("Data", redact_fields(facts))  # a file goes from hand to hand


def trace_page(run_id: str, data: Data) -> str:
    """Make the page. What a run holds is data in it: never markup, and its policy runs no script but its own."""
    style, script = _read_web("trace.css"), _read_web("trace.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": html.escape(f"run {run_id}"),
        "style": style,
        "data": _in_script(data),
        "script": script,
    }
    page = _read_web("trace.html")
    pieces = page.split("@")
    return "".join(parts[piece] if number % 2 else piece for number, piece in enumerate(pieces))


def _read_web(name: str) -> str:
    return (_WEB / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _in_script(data: Data) -> str:
    r"""Write JSON that ends no script element and no line: `<` as `\u003c`, and lone surrogates by number."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    for mark in _MISLEADING:
        text = text.replace(mark, r"\ufffd")
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
