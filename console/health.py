"""`argosy health`: a short answer for probes, whether the services answer and a process of this host serves."""

import asyncio
import socket
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from argosy.broker.presence import Present, present
from argosy.broker.topics import TopicNames
from argosy.console.config import load_settings
from argosy.console.exits import FAILED, UNREACHABLE
from argosy.console.output import show
from argosy.console.process_life import open_services
from argosy.schemas.errors import Refused, Unreachable
from argosy.schemas.settings import Settings


class Role(StrEnum):
    """What a process of this host is to be."""

    WORKER = "worker"
    COORDINATOR = "coordinator"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Health:
    """What was found; an empty text is well."""

    kafka: str
    redis: str
    process: str = ""
    code: int = 0


def health(
    *,
    role: Annotated[
        Role | None, typer.Option("--role", help="A process of this host must serve as this, and be live.")
    ] = None,
    within_seconds: Annotated[
        float, typer.Option("--within-seconds", min=0.1, help="For each answer.")
    ] = 5.0,
) -> None:
    """Say in one line whether Kafka and Redis answer, and with --role whether a process of this host serves.

    Exit code 4: Kafka or Redis doesn't answer; 1: no process serves here.

    Without --role: for what only needs the services. With it: as the readiness probe of a container. Not a
    liveness probe: a process that can't reach Kafka heals by waiting, not by a restart.
    """
    found = asyncio.run(_health(load_settings(), role, within_seconds))
    told = {"kafka": found.kafka, "redis": found.redis, "process": found.process}
    wrong = [f"{name}: {text}" for name, text in told.items() if text]
    show({"ok": not found.code, **told}, "\n".join(wrong) or "ok")
    if found.code:
        raise typer.Exit(found.code)


async def _health(settings: Settings, role: Role | None, within_seconds: float) -> Health:
    short = settings.model_copy(
        update={
            "kafka": settings.kafka.model_copy(update={"send_deadline_seconds": within_seconds}),
            "redis": settings.redis.model_copy(update={"timeout_seconds": within_seconds}),
        }
    )
    kafka = redis = ""
    there: Present | None = None
    async with open_services(short, "health") as services:
        try:
            names = TopicNames(settings.kafka.topic_prefix)
            if names.inbox not in await services.cluster.topic_names():
                kafka = f"there is no topic {names.inbox}"
        except (Unreachable, Refused) as error:
            kafka = _first_line(error)
        try:
            there = await present(services.store, settings.redis.key_prefix)
        except (Unreachable, Refused) as error:
            redis = _first_line(error)
    if kafka or redis:
        return Health(kafka, redis, code=UNREACHABLE)
    process = "" if role is None or there is None else serves(there, role, socket.gethostname())
    return Health(kafka, redis, process, FAILED if process else 0)


def serves(there: Present, role: Role, host: str) -> str:
    """Say why no process of a host serves in a role; empty if one does."""
    mine = [each for each in there.processes if each.role == role and each.name.rpartition("-")[0] == host]
    if not mine:
        return f"no {role} of {host} has said that it is there"
    waiting = sorted(number for each in mine for number, lane in each.lanes.items() if lane.word != "live")
    return f"lanes {', '.join(map(str, waiting))} are not live yet" if waiting else ""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
