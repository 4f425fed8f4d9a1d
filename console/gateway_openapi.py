"""The gateway, described: an OpenAPI document, and a page for people made of it. Nothing is fetched from anywhere."""

import html
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from argosy.console.gateway_bodies import (
    Answer,
    BudgetAnswer,
    Cancel,
    ErrorBody,
    Health,
    RunResult,
    RunView,
    Signal,
    Submit,
    Submitted,
    Waits,
)

Json = dict[str, Any]

_REFUSALS: Final = {
    400: "the caller left",
    401: "the token is missing or wrong",
    403: "a page of another origin asked",
    408: "the body came too slowly",
    413: "the body is too large",
    415: "the body is no JSON by its Content-Type",
    421: "the gateway has no token, and was asked by a name that isn't loopback's",
    503: "Kafka or Redis is away, a bound is reached, or the gateway stops; ask again (Retry-After)",
}
_NOT_FOUND: Final = {404: "no such run, as far as can be known without the receipt"}
_OF_A_SUBMIT: Final = {
    409: "the run id is taken by a run with other data",
    422: "the submit was refused; `field` is the dotted path of what is wrong",
    429: "the fleet has as many runs under way as it may hold; ask again (Retry-After)",
}


@cache
def document() -> Json:
    """Make the OpenAPI 3.1 document."""
    models = (
        Submit,
        Cancel,
        Signal,
        Answer,
        BudgetAnswer,
        Submitted,
        RunView,
        RunResult,
        Waits,
        Health,
        ErrorBody,
    )
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "argosy gateway",
            "version": version("argosy"),
            "description": "Submit runs to a fleet, and read how they end. A submit is idempotent by `run_id`.",
        },
        "paths": _paths(),
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _paths() -> Json:
    run_id = _parameter(
        "run_id", "path", {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"}, "The run."
    )
    receipt = _parameter(
        "receipt",
        "query",
        {"type": "string"},
        "What the submit was answered with: asks for that submit's answer.",
    )
    wait = _parameter("wait", "query", {"type": "number", "minimum": 0}, "Seconds to wait for the end.")
    last = _parameter("Last-Event-ID", "header", {"type": "string"}, "Go on behind this event.")
    return {
        "/runs": {
            "post": _operation(
                "submit",
                "Start a run. When this answers 202, the run will end, or be refused with a reason, whatever dies.",
                {202: (Submitted, "acknowledged by Kafka")},
                _OF_A_SUBMIT,
                body=Submit,
            )
        },
        "/runs/{run_id}": {
            "get": _operation(
                "state",
                "Say how far a run is.",
                {200: (RunView, "the run")},
                _NOT_FOUND | _OF_A_SUBMIT,
                parameters=[run_id, receipt],
            )
        },
        "/runs/{run_id}/result": {
            "get": _operation(
                "result",
                "Say how a run ended; with `wait`, once it has.",
                {
                    200: (RunResult, "it has ended, whatever the outcome"),
                    202: (RunView, "not yet: ask again"),
                },
                _NOT_FOUND | _OF_A_SUBMIT | {410: "it ended, and its result is no longer kept"},
                parameters=[run_id, receipt, wait],
            )
        },
        "/runs/{run_id}/events": {
            "get": _stream(
                "events",
                "Tell what happens to a run, as server-sent events, until `end`. Lossy: for people who watch.",
                _NOT_FOUND | _OF_A_SUBMIT,
                parameters=[run_id, receipt, last],
            )
        },
        "/runs/{run_id}/cancel": {
            "post": _operation(
                "cancel",
                "Ask for a run to end as cancelled. Idempotent, and may come before the run.",
                {202: (None, "the request is safe")},
                {422: "the reason is too long, or the id is none"},
                parameters=[run_id],
                body=Cancel,
            )
        },
        "/runs/{run_id}/waiting": {
            "get": _operation(
                "waiting",
                "List the signals, approvals and larger budgets that a run waits for. Empty for an unknown run.",
                {200: (Waits, "what waits now")},
                {422: "the id is none"},
                parameters=[run_id],
            )
        },
        "/runs/{run_id}/signal": {
            "post": _operation(
                "signal",
                "Tell a waiting step something. It is judged later: `waiting` tells of a value that did not count.",
                {202: (None, "the signal is safe")},
                {422: "what is sent is no signal, or the id is none"},
                parameters=[run_id],
                body=Signal,
            )
        },
        "/runs/{run_id}/approve": {
            "post": _operation(
                "approve",
                "Answer an approval, yes or no. It counts only for the value whose SHA-256 it names.",
                {202: (None, "the answer is safe")},
                {422: "what is sent is no answer, or the id is none"},
                parameters=[run_id],
                body=Answer,
            )
        },
        "/runs/{run_id}/budget": {
            "post": _operation(
                "budget",
                "Raise the budget of a run (it is only ever raised), or say that nobody will.",
                {202: (None, "the answer is safe")},
                {422: "what is sent is no answer, or the id is none"},
                parameters=[run_id],
                body=BudgetAnswer,
            )
        },
        "/health": {"get": _open("health", "The process serves.")},
        "/ready": {"get": _open("ready", "Submits could be taken now.")},
    }


def _operation(  # noqa: PLR0913 - the parts of an operation
    name: str,
    summary: str,
    answers: dict[int, tuple[type[BaseModel] | None, str]],
    refusals: dict[int, str],
    *,
    parameters: list[Json] | None = None,
    body: type[BaseModel] | None = None,
) -> Json:
    responses: Json = {
        str(status): {"description": text} | ({} if model is None else _content(model))
        for status, (model, text) in answers.items()
    }
    for status, text in sorted((_REFUSALS | refusals).items()):
        responses[str(status)] = {"description": text} | _content(ErrorBody)
    # Who polls is told when to come again.
    again = ["503"] + (["202"] if answers.get(202, (None, ""))[0] is RunView else [])
    for numbered in again:
        responses[numbered]["headers"] = {
            "Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}
        }
    found: Json = {
        "operationId": name,
        "summary": summary,
        "parameters": parameters or [],
        "responses": responses,
    }
    if body is not None:
        found["requestBody"] = {"required": body is not Cancel} | _content(body)
    return found


def _stream(name: str, summary: str, refusals: dict[int, str], *, parameters: list[Json]) -> Json:
    found = _operation(name, summary, {}, refusals, parameters=parameters)
    found["responses"]["200"] = {
        "description": "what happens, then `end` (or `error`); `lagged` where the caller was too slow for some events",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
    found["responses"]["204"] = {"description": "Last-Event-ID names the `end`: there is no more"}
    return found


def _open(name: str, summary: str) -> Json:
    answers: Json = {
        "200": {"description": "yes"} | _content(Health),
        "503": {"description": "no"} | _content(Health),
    }
    return {"operationId": name, "summary": summary, "security": [], "responses": answers}


def _content(model: type[BaseModel]) -> Json:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}}


def _parameter(name: str, place: str, schema: Json, text: str) -> Json:
    return {"name": name, "in": place, "required": place == "path", "schema": schema, "description": text}


@cache
def page() -> str:
    """Make the page: every operation, its answers, and how to call it."""
    rows: list[str] = []
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            answers = "".join(
                f"<li><b>{status}</b> {html.escape(answer['description'])}</li>"
                for status, answer in sorted(operation["responses"].items())
            )
            rows.append(
                f"<section><h2><code>{method.upper()} {html.escape(path)}</code></h2>"
                f"<p>{html.escape(operation['summary'])}</p><ul>{answers}</ul></section>"
            )
    return _PAGE.replace("{operations}", "".join(rows))


_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>argosy gateway</title>
<meta name="viewport" content="width=device-width">
<style>body{font:16px/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem}h2{font-size:1rem;margin:2rem 0 0}
pre,code{background:#8881;padding:.1rem .3rem;border-radius:.2rem}pre{padding:1rem;overflow-x:auto}ul{margin:.3rem 0}
:root{color-scheme:light dark}</style></head><body>
<h1>argosy gateway</h1>
<p>Submit runs to a fleet, and read how they end. The whole description: <a href="openapi.json">openapi.json</a>.</p>
<pre>curl -s localhost:8080/runs -H 'Content-Type: application/json' \\
     -d '{"pipeline": "hello", "input": "world", "run_id": "hello-1"}'
curl -s 'localhost:8080/runs/hello-1/result?wait=30'
curl -sN localhost:8080/runs/hello-1/events</pre>
<p>With a token: <code>-H "Authorization: Bearer $ARGOSY_GATEWAY__TOKEN"</code>.
A repeat with the same <code>run_id</code> and data changes nothing; other data is answered with 409.</p>
{operations}
</body></html>
"""
