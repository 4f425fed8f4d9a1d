"""The description says what is served, and fetches nothing."""

import asyncio
import re
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from starlette.routing import Route

from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.memory_redis import MemoryRedis
from argosy.client.connection import Argosy
from argosy.console.gateway_door import Door
from argosy.console.gateway_http import build
from argosy.console.gateway_openapi import document, page
from argosy.schemas.settings import Settings


def served() -> set[tuple[str, str]]:
    settings, kafka, payloads = Settings(), MemoryKafka(), MemoryPayloads()
    client = Argosy(settings, kafka, MemoryRedis(), payloads)
    app = build(Door(settings, kafka, payloads, client, asyncio.Event()))
    routes = [route for route in app.routes if isinstance(route, Route)]
    return {
        (method, route.path)
        for route in routes
        for method in (route.methods or set[str]())
        if method != "HEAD"
    }


def described() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    }


def test_what_is_served_is_described_and_nothing_else() -> None:
    assert set(described()) == served() - {("GET", "/"), ("GET", "/openapi.json")}


def test_every_reference_leads_somewhere() -> None:
    schemas = document()["components"]["schemas"]
    named = set(re.findall(r"#/components/schemas/([\w-]+)", str(document())))
    assert named <= set(schemas)
    assert {"Submit", "Submitted", "RunResult", "ErrorBody"} <= set(schemas)


def test_every_parameter_of_a_path_is_described() -> None:
    for (_, path), operation in described().items():
        wanted = set(re.findall(r"\{(\w+)\}", path))
        given = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        assert wanted == given, path


@pytest.mark.parametrize(
    ("body", "right"),
    [
        ({"pipeline": "hello", "input": 1}, True),
        ({"pipeline": "hello", "priority": 11}, False),
        ({"input": 1}, False),
        ({"pipeline": "hello", "run_id": "no/good"}, False),
        ({"pipeline": "hello", "more": 1}, False),
    ],
)
def test_the_schema_of_a_submit_judges_as_the_gateway_does(body: dict[str, object], *, right: bool) -> None:
    schema = {"$ref": "#/components/schemas/Submit", "components": document()["components"]}
    assert Draft202012Validator(schema).is_valid(body) is right


def test_the_page_names_every_operation_and_fetches_nothing() -> None:
    for method, path in described():
        assert f"{method} {path}" in page()
    assert not re.findall(r"<(?:script|link|img|iframe)|@import|url\(|src=", page())
