"""The routes of a scripted model server: OpenAI's of chat completions and models, and what tests ask and order."""

from collections.abc import Callable
from typing import Final

import orjson
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from argosy.testing.model_answer import CREATED, error_body
from argosy.testing.model_faults import Fault
from argosy.testing.model_script import findings
from argosy.testing.model_service import ModelService

_ROUTES: Final[dict[str, JsonValue]] = {
    "POST /v1/chat/completions": "asks the model",
    "GET /v1/models": "names the models",
    "GET /ledger?since=N": "the calls after number N, and the sums of all",
    "POST /faults": "orders a fault from now on: {'fault': {'kind': …}, 'rule': a rule's name or absent}",
    "DELETE /faults": "takes back what was ordered",
    "POST /reset": "begins the script, the limits and the ledger anew",
    "GET /health": "answers",
}


class Order(BaseModel):
    """A fault that is ordered while the server runs."""

    model_config = ConfigDict(extra="forbid")
    fault: Fault
    rule: str | None = None


def build(service: ModelService) -> Starlette:
    """Make the application."""
    routes = _Routes(service)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", routes.completions, methods=["POST"]),
            Route("/v1/models", routes.models),
            Route("/v1/models/{name:path}", routes.model),
            Route("/ledger", routes.ledger),
            Route("/faults", routes.order, methods=["POST"]),
            Route("/faults", routes.lift, methods=["DELETE"]),
            Route("/reset", routes.reset, methods=["POST"]),
            Route("/health", _says({"status": "ok"})),
            Route("/", _says(_ROUTES)),
        ],
        exception_handlers={HTTPException: _refused},
    )


class _Routes:
    def __init__(self, service: ModelService) -> None:
        self._service = service

    async def completions(self, request: Request) -> Response:
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        return self._service.take(body, request.headers)

    async def models(self, _request: Request) -> Response:
        return _json({"object": "list", "data": [_model(name) for name in self._service.models]})

    async def model(self, request: Request) -> Response:
        name = str(request.path_params["name"])
        served = self._service.script.models
        if served and name not in served:
            raise HTTPException(404, f"there is no model {name}; the script serves {', '.join(served)}")
        return _json(_model(name))

    async def ledger(self, request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            raise HTTPException(400, f"since must be the number of a call, not {since!r}")
        return _json(self._service.ledger.told(int(since)))

    async def order(self, request: Request) -> Response:
        try:
            wanted = Order.model_validate_json(await request.body())
        except ValidationError as error:
            raise HTTPException(400, findings(error)) from None
        try:
            self._service.order(wanted.fault, wanted.rule)
        except KeyError:
            known = ", ".join(self._service.rules) or "none"
            raise HTTPException(404, f"there is no rule {wanted.rule!r}; there are {known}") from None
        return _json({"ordered": wanted.model_dump(mode="json")})

    async def lift(self, _request: Request) -> Response:
        return _json({"lifted": self._service.lift()})

    async def reset(self, _request: Request) -> Response:
        self._service.reset()
        return _json({"reset": True})


def _says(what: dict[str, JsonValue]) -> Callable[[Request], Response]:
    def answer(_request: Request) -> Response:
        return _json(what)

    return answer


async def _refused(request: Request, error: Exception) -> Response:
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    message = f"{request.method} {request.url.path}: {detail}; GET / tells what there is"
    body = error_body(message, "invalid_request_error")
    return Response(body, status_code=status, media_type="application/json")


def _model(name: str) -> dict[str, JsonValue]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "argosy"}


def _json(body: dict[str, JsonValue]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
