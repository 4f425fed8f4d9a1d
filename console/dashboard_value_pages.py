"""A value of a run, its log, and why it does not go on: a page each."""

from typing import TYPE_CHECKING, Final

from argosy.broker.values import decode_value
from argosy.console.dashboard_log_rows import log_items
from argosy.console.dashboard_page import Asked, Region, View
from argosy.console.dashboard_run_page import kept_of
from argosy.console.dashboard_step_page import number_of
from argosy.console.dashboard_task import payload_of, pretty, value_of
from argosy.console.dashboard_text import cut
from argosy.console.why import headline
from argosy.console.why_alike import also
from argosy.console.why_gather import gather
from argosy.console.why_rules import judge
from argosy.schemas.errors import InvalidInput
from argosy.schemas.payload import Inline

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk

RECORDS: Final = 100
MOST_BYTES: Final = 4_000_000
"""Of a value that is fetched from the payload store to be shown."""
MOST_SHOWN: Final = 200_000
_MOST_CAUSES: Final = 12


async def look_value(desk: "Desk", asked: Asked) -> View:
    """Show a value of the run, fetched from the payload store if it lies there."""
    run_id, sha256 = asked.params["run_id"], asked.params["sha256"]
    kept = await kept_of(desk, run_id)
    payload = payload_of(kept.history, sha256)
    value, note = value_of(payload), ""
    if not isinstance(payload, Inline):
        if payload.bytes > MOST_BYTES:
            note = "It is too large to be shown; argosy runs show --json, or the payload store, has it."
        else:
            data = await desk.services.payloads.get(payload.sha256)
            try:
                text = pretty(decode_value(data))
            except InvalidInput:
                text = data.decode(errors="backslashreplace")
            value = type(value)(
                value.sha256, value.bytes, value.tokens, value.taint, cut(text, MOST_SHOWN), value.manifest
            )
            note = "It is a list of payloads, one for each item." if value.manifest else ""
    return View(f"Value {sha256[:12]}", (), {"run_id": run_id, "value": value, "note": note})


async def look_log(desk: "Desk", asked: Asked) -> View:
    """Show the run's log, a page of it."""
    run_id = asked.params["run_id"]
    kept = await kept_of(desk, run_id)
    records = kept.history.records
    pages = max(1, -(-len(records) // RECORDS))
    page = min(number_of(asked), pages)
    some = records[(page - 1) * RECORDS : page * RECORDS]
    facts = {"run_id": run_id, "page": page, "pages": pages, "path_of": f"/runs/{run_id}/log?"}
    log = Region("log", "run_items.html:log_row", tuple(log_items(kept.history, some)))
    return View(f"Log of {run_id}", (log,), facts)


async def look_why(desk: "Desk", asked: Asked) -> View:
    """Say why a run isn't going on."""
    run_id = asked.params["run_id"]
    await kept_of(desk, run_id)
    verdict = judge(await gather(desk.settings, run_id))
    others = also(verdict)
    facts = {
        "run_id": run_id,
        "headline": headline(verdict),
        "cause": verdict.cause,
        "others": others[:_MOST_CAUSES],
        "more": max(0, len(others) - _MOST_CAUSES) + verdict.more_tasks,
    }
    return View(f"Why: {run_id}", (), facts)
