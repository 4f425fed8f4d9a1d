"""The gateway's description against the gateway: each answer that it gives here is described, and is as described."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from httpx2 import Response
from jsonschema_rs import Draft202012Validator
from pydantic_core import from_json, to_json

from argosy.broker.memory_redis import MemoryRedis
from argosy.client.connection import Argosy
from argosy.console.gateway_openapi import document
from support.gateway import Gateway, gateway_of, lonely_gateway
from support.shell_world import ShellWorld, hello, shell_world

HELLO = from_json(to_json(hello.compile().dump()))
TOKEN = "a token of some length"  # noqa: S105 - the test's own
JSON = {"Content-Type": "application/json"}


@asynccontextmanager
async def gateway_world() -> AsyncGenerator[tuple[ShellWorld, Gateway]]:
    async with shell_world() as world:
        kafka = world.kafka.view("gateway")
        async with (
            Argosy(world.settings, kafka, MemoryRedis(world.server), world.payloads) as client,
            gateway_of(world.settings, kafka, world.payloads, client, max_body_bytes=20_000) as gateway,
        ):
            yield world, gateway


def operation_of(method: str, path: str) -> dict[str, Any]:
    for template, operations in document()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found: dict[str, Any] = operations[method.lower()]
            return found
    raise AssertionError(path)


def as_described(answer: Response) -> tuple[str, int]:
    """Hold an answer to the description; return its operation and status."""
    operation = operation_of(answer.request.method, answer.request.url.path)
    described = operation["responses"].get(str(answer.status_code))
    assert described is not None, (
        f"{operation['operationId']} answers {answer.status_code}, which is not described"
    )
    content = described.get("content", {})
    kind = answer.headers.get("content-type", "").partition(";")[0]
    assert not content or set(content) == {kind}, (operation["operationId"], answer.status_code, kind)
    if kind == "application/json" and content:
        schema = content[kind]["schema"] | {"components": document()["components"]}
        Draft202012Validator(schema).validate(answer.json())
    for name in described.get("headers", {}):
        assert name.lower() in answer.headers, (operation["operationId"], answer.status_code, name)
    return operation["operationId"], answer.status_code


async def test_every_answer_is_one_that_is_described() -> None:
    seen: set[tuple[str, int]] = set()
    async with gateway_world() as (world, gateway):
        http = gateway.http
        world.handler = lambda _: None
        submit = {"pipeline": HELLO, "input": "x", "run_id": "r"}
        seen.add(as_described(await http.post("/runs", json=submit)))
        seen.add(as_described(await http.get("/runs/r/result")))
        world.handler = lambda _: "hi"
        await http.post("/runs", json={**submit, "run_id": "q"})
        for path in ("/runs/q/result?wait=20", "/runs/q", "/runs/q/events", "/health", "/ready"):
            seen.add(as_described(await http.get(path)))
        for path in ("/runs/nobody", "/runs/nobody/result", "/runs/nobody/events"):
            seen.add(as_described(await http.get(path)))
        for path in ("/runs/q?receipt=x", "/runs/q/result?wait=soon", "/runs/q/events?receipt=x"):
            seen.add(as_described(await http.get(path)))
        seen.add(as_described(await http.get("/runs/q/events", headers={"Last-Event-ID": "end"})))
        seen.add(as_described(await http.post("/runs", json={**submit, "run_id": "q", "input": "y"})))
        seen.add(as_described(await http.post("/runs", json={"pipeline": 7})))
        seen.add(as_described(await http.post("/runs", content=b"x" * 20_001, headers=JSON)))
        seen.add(as_described(await http.post("/runs", content=b"{}")))
        seen.add(as_described(await http.post("/runs/r/cancel")))
        seen.add(as_described(await http.post("/runs/r/cancel", json={"reason": 7})))
        seen.add(as_described(await http.get("/runs/q", headers={"Origin": "http://elsewhere.example"})))
        seen.add(as_described(await http.get("/runs/q", headers={"Host": "elsewhere.example"})))
        world.kafka.broker.deafen("gateway")
        seen.add(as_described(await http.get("/ready")))
    async with lonely_gateway(token=TOKEN) as gateway:
        seen.add(as_described(await gateway.http.get("/runs/q")))
    assert seen >= {
        ("submit", 202), ("submit", 409), ("submit", 413), ("submit", 415), ("submit", 422),
        ("state", 200), ("state", 401), ("state", 403), ("state", 404), ("state", 421), ("state", 422),
        ("result", 200), ("result", 202), ("result", 404), ("result", 422),
        ("events", 200), ("events", 204), ("events", 404), ("events", 422),
        ("cancel", 202), ("cancel", 422), ("health", 200), ("ready", 200), ("ready", 503),
    }  # fmt: skip
