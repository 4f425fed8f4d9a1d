"""`argosy dev APP --memory`: a whole fleet in one process, on Kafka and Redis in memory, behind a gateway.

No Java, no servers, ready at once. What is in memory is gone with the process: for a first look, and to write handlers.
"""

import asyncio
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from argosy.agents.models import Models
from argosy.agents.openai_client import OpenAIClient
from argosy.agents.worker import Worker
from argosy.broker import provision
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.topics import TopicNames
from argosy.client.connection import Argosy
from argosy.client.schedule_book import ScheduleBook
from argosy.console.app_facts import AppFacts
from argosy.console.gateway import listening, serve_http
from argosy.console.gateway_door import Door
from argosy.console.http_serving import url_of
from argosy.console.log_file import open_log
from argosy.console.memory_fleet import left_word
from argosy.console.model_child import stand_in
from argosy.console.output import note
from argosy.console.scheduling import scheduler_of
from argosy.console.supervise import Supervisor
from argosy.coordinator.registry import publish
from argosy.coordinator.service import Coordinator
from argosy.pipelines.discover import Found, discover
from argosy.schemas.settings import ModelSettings, Settings
from argosy.telemetry import logs

_LOG: Final = Path("logs", "memory.log")


async def dev_in_memory(app: str, facts: AppFacts, settings: Settings, folder: Path, port: int) -> None:
    """Serve an app until cancelled. Raises ConfigurationError: the port, or a model or library that isn't installed."""
    found = discover(app)
    log = folder / _LOG
    # What processes of their own would write to logs of their own must not run through what is said to people.
    logs.configure("json", settings.telemetry.log_level, TextIOWrapper(open_log(log), write_through=True))
    settings.gateway = settings.gateway.model_copy(update={"host": "127.0.0.1", "port": port, "token": None})
    async with Supervisor(tell=note) as supervisor:
        if facts.asks_a_model:
            settings.model = await _with_model(settings.model, supervisor, folder)
        client = OpenAIClient(settings.model)
        try:
            await _serve(found, facts, settings, client, folder)
        finally:
            await client.close()


async def _with_model(settings: ModelSettings, supervisor: Supervisor, folder: Path) -> ModelSettings:
    """Start the local model where no server is configured; return the settings to reach it."""
    model = stand_in(settings)
    if model is None:
        return settings
    note("no model server is configured: a small local one answers instead (OPENAI_API_KEY, OPENAI_BASE_URL)")
    await supervisor.start(model.child(folder / "logs" / "model.log"))
    given = {name.removeprefix("ARGOSY_MODEL__").lower(): value for name, value in model.environment.items()}
    return ModelSettings.model_validate({**settings.model_dump(), **given, "api_key": SecretStr(model.key)})


async def _serve(
    found: Found, facts: AppFacts, settings: Settings, client: OpenAIClient, folder: Path
) -> None:
    kafka, redis, payloads, stop = MemoryKafka(), MemoryRedis(), MemoryPayloads(), asyncio.Event()
    agents = list(found.agents.values())
    await provision.ensure(kafka, settings, [agent.name for agent in agents])
    names, producer = TopicNames(settings.kafka.topic_prefix), await kafka.producer()
    for pipeline in found.pipelines.values():
        await publish(producer, names, pipeline.compile(), "argosy/dev")
    coordinator = Coordinator(settings, kafka.view("coordinator"), redis, payloads, name="coordinator")
    worker = Worker(
        settings, kafka.view("worker"), redis, payloads, agents, models=Models(client, settings.model)
    )
    with listening(settings.gateway) as sock, left_word(folder, url_of(sock)):
        url = url_of(sock)
        async with (
            Argosy(settings, kafka.view("gateway"), redis, payloads) as fleet,
            asyncio.TaskGroup() as group,
        ):
            door = Door(settings, kafka.view("gateway"), payloads, fleet, stop)
            group.create_task(coordinator.run(stop), name="coordinator")
            group.create_task(worker.run(stop), name="worker")
            book, by_clock = ScheduleBook(redis, settings.redis.key_prefix), list(found.schedules.values())
            group.create_task(scheduler_of(settings, fleet, book, by_clock).run(stop), name="schedules")
            group.create_task(serve_http(door, sock), name="gateway")
            note("memory  all is in this process, and gone with it")
            note(f"{facts.in_words()}\nlog     {folder / _LOG}")
            for name in facts.pipelines:
                body = f'{{"pipeline": "{name}", "input": …, "run_id": "{name}-1"}}'
                note(f"try     curl -s {url}/runs -H 'Content-Type: application/json' -d '{body}'")
                note(f"        curl -s '{url}/runs/{name}-1/result?wait=30'")
            note("Ctrl-C stops everything; --memory takes no changes of the app's files")
