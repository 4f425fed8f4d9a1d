"""Where a chaos run takes place: a stack of its own, a network that can be hurt, and the processes of a fleet."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pydantic import JsonValue, SecretStr

from argosy.console.app_facts import AppFacts
from argosy.console.chaos_crew import OWN_AGENTS, crew_of, own_crew
from argosy.console.chaos_market import ChaosMarket
from argosy.console.chaos_model import ChaosModel
from argosy.console.child import ChildSpec, Restart
from argosy.console.config import environment_of, load_settings
from argosy.console.fleet_children import WORKERS, coordinator_child, worker_child, written
from argosy.console.model_child import stand_in
from argosy.console.stack import LocalStack
from argosy.console.stack_state import read_state, reap_left_over
from argosy.console.up import tell_downloads
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.local_stack import STACK_FILE
from argosy.schemas.settings import Settings
from argosy.testing.chaos_answers import ANSWERED
from argosy.testing.chaos_load import ENOUGH_TOKENS, Load, Offer
from argosy.testing.chaos_plan import LINKS, Cast
from argosy.testing.chaos_purses import PURSE_TOKENS, purses
from argosy.testing.chaos_savers import LITTLE_TOKENS, savers
from argosy.testing.chaos_tools import asked
from argosy.testing.chaos_waits import gates
from argosy.testing.proxy import Link, Proxies
from argosy.testing.weather import HALF_OPEN

OWN_APP: Final = "argosy.testing.chaos_app"
BUDGETS: Final = {asked.name: ENOUGH_TOKENS, savers.name: LITTLE_TOKENS, purses.name: PURSE_TOKENS}
"""In tokens, of runs of our own app."""
_GATES_MOST: Final = 3
"""Runs that wait for answers at once: more are told that the fleet is busy."""
SUBMITTER: Final = "submitter"
WORK_PARTITIONS: Final = 4
_DOORS: Final = ("coordinators", "workers")
_PREFIX: Final = "chaos"
"""Of topics and keys."""


@dataclass(frozen=True)
class Shape:
    """How large the fleet is, and what it is given to do."""

    app: str
    offers: tuple[tuple[str, tuple[JsonValue, ...]], ...]
    coordinators: int = 2
    workers: int = 2
    """Processes of each agent."""
    total: int | None = None
    in_flight: int = 40
    per_second: float | None = None
    lanes: int = 4
    lease_seconds: float = 4.0
    session_seconds: float = 4.0
    handler_seconds: float = 0.0
    own: bool = False
    brokers: int = 1

    def variables(self) -> dict[str, str]:
        """Return the settings that make a fleet on one machine notice in seconds what died."""
        return {
            "ARGOSY_FLEET__LANES": str(self.lanes),
            "ARGOSY_FLEET__LEASE_SECONDS": str(self.lease_seconds),
            "ARGOSY_FLEET__RENEW_SECONDS": str(self.lease_seconds / 4),
            "ARGOSY_FLEET__PATIENCE_SECONDS": str(2 * self.lease_seconds),
            "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": str(self.session_seconds),
            "ARGOSY_KAFKA__REPLICATION": str(min(3, self.brokers)),
            "ARGOSY_KAFKA__INBOX_PARTITIONS": "2",
            "ARGOSY_KAFKA__WORK_PARTITIONS": str(WORK_PARTITIONS),
            "ARGOSY_KAFKA__TOPIC_PREFIX": _PREFIX,
            "ARGOSY_REDIS__KEY_PREFIX": _PREFIX,
            "ARGOSY_WORKER__DRAIN_SECONDS": "5",
            "ARGOSY_TELEMETRY__LOG_FORMAT": "json",
            "ARGOSY_TELEMETRY__LOG_LEVEL": "warning",
            "ARGOSY_CHAOS_SECONDS": str(self.handler_seconds),
            **self._bounds(),
        }

    def _bounds(self) -> dict[str, str]:
        """Let our own load be more than the fleet holds."""
        if not self.own:
            return {}
        most = {"work": max(2, self.in_flight * 2 // 5), gates.name: _GATES_MOST}
        return {"ARGOSY_FLEET__MOST_RUNS_OF": json.dumps(most)}


@dataclass
class Arena:
    """Everything that a chaos run can touch."""

    stack: LocalStack
    settings: Settings
    shape: Shape
    proxies: Proxies
    links: dict[str, tuple[Link, ...]]
    environment: dict[str, str]
    folder: Path
    cast: Cast
    crew: dict[str, str]
    """Worker -> its agents, with commas."""
    load: Load
    collector: Link
    """Where telemetry goes: it takes connections and never answers (F28)."""
    model: ChaosModel | None = None
    """Of our own app."""
    behind: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Link -> the processes that go through it."""
    expected: dict[str, str] = field(default_factory=dict[str, str])
    """Runs that were submitted by a fault -> how they must end."""

    @property
    def effects(self) -> Path:
        """The folder of the outside ledger."""
        return self.folder / "effects"

    def pid(self, name: str) -> int:
        """Return the process id of a child, 0 if it does not run just now."""
        process = self.stack.supervisor.children[name].process
        return 0 if process is None else process.pid


@asynccontextmanager
async def open_arena(folder: Path, shape: Shape, facts: AppFacts) -> AsyncGenerator[Arena]:
    """Start all but the submitter; stop it all when left. Logs and data stay in the folder until the next run."""
    _make_fresh(folder)
    async with LocalStack(folder, brokers=shape.brokers, doors=len(_DOORS), progress=tell_downloads) as stack:
        with Proxies() as proxies:
            arena = _arena(stack, shape, proxies, facts)
            if shape.own:
                arena.model, market = ChaosModel(), ChaosMarket()
                await stack.supervisor.start(arena.model.child(stack.folder))
                await stack.supervisor.start(market.child(stack.folder))
                arena.environment.update({**arena.model.environment, **market.environment})
            elif facts.asks_a_model and (model := stand_in(arena.settings.model)) is not None:
                await stack.supervisor.start(model.child(stack.folder / "logs" / "model.log"))
                arena.environment.update(model.environment)
            await _start(arena, facts)
            yield arena
            await _stop(arena)


def _make_fresh(folder: Path) -> None:
    """Empty the folder of an earlier run; refuse one that is something else."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / STACK_FILE).exists() and not (folder / "lock").exists():
        raise ConfigurationError(
            f"{folder} is not empty", "chaos removes all that lies in its folder", "name another --dir"
        )
    if (old := read_state(folder)) is not None and old.is_running():
        raise ConfigurationError(
            f"a stack runs in {folder}", "chaos removes all that lies there", "stop it, or name another --dir"
        )
    for name in (
        *(path.name for path in folder.glob("kafka*")),
        "valkey",
        "logs",
        "run",
        "effects",
        "payloads",
    ):
        shutil.rmtree(folder / name, ignore_errors=True)
    reap_left_over(folder)
    for file in (*folder.glob("load.*"), folder / STACK_FILE):
        file.unlink(missing_ok=True)


def _arena(stack: LocalStack, shape: Shape, proxies: Proxies, facts: AppFacts) -> Arena:
    given = load_settings(stack.folder)
    folder = stack.folder
    settings = given.model_copy(
        update={
            "kafka": given.kafka.model_copy(
                update={
                    "bootstrap_servers": stack.bootstrap_servers,
                    "topic_prefix": _PREFIX,
                    "session_timeout_seconds": shape.session_seconds,
                }
            ),
            "redis": given.redis.model_copy(
                update={"url": SecretStr(stack.redis_url), "key_prefix": _PREFIX}
            ),
            "payloads": f"file://{folder / 'payloads'}",
            "fleet": given.fleet.model_copy(update={"lanes": shape.lanes}),
        }
    )
    collector = proxies.link(1)
    collector.set(HALF_OPEN)
    environment = {
        **environment_of(settings),
        **shape.variables(),
        "ARGOSY_CHAOS_EFFECTS": str(folder / "effects"),
        "ARGOSY_TELEMETRY__OTLP_ENDPOINT": f"http://{collector.address}",
        "ARGOSY_TELEMETRY__SAMPLE_PER_MILLE": "50",
    }
    crew = own_crew(shape.workers) if shape.own else crew_of(facts.agents, shape.workers)
    agents = OWN_AGENTS if shape.own else facts.agents
    coordinators = tuple(f"coordinator-{n}" for n in range(1, shape.coordinators + 1))
    offers = [Offer(pipeline=name, inputs=list(inputs)) for name, inputs in shape.offers]
    load = Load(
        app=facts.path,
        offers=offers,
        prefix="run",
        journal=folder / "load.journal",
        ready=folder / "run" / f"{SUBMITTER}.ready",
        total=shape.total,
        in_flight=shape.in_flight,
        per_second=shape.per_second,
        answered=ANSWERED if shape.own else (),
        budgets=BUDGETS if shape.own else {},
    )
    cast = Cast(tuple(crew), coordinators, agents, shape.lease_seconds, shape.own)
    links = _links(stack, proxies)
    return Arena(stack, settings, shape, proxies, links, environment, folder, cast, crew, load, collector)


def _links(stack: LocalStack, proxies: Proxies) -> dict[str, tuple[Link, ...]]:
    layout = stack.state.layout
    found: dict[str, tuple[Link, ...]] = {}
    for number, door in enumerate(_DOORS):
        ways = [broker.doors[number] for broker in layout.cluster.brokers]
        found[f"{door}-kafka"] = tuple(proxies.link(way.port, way.advertised) for way in ways)
        found[f"{door}-redis"] = (proxies.link(layout.redis_port),)
    assert tuple(sorted(found)) == LINKS  # noqa: S101 - the plan names them too
    return found


def _through(arena: Arena, door: str) -> dict[str, str]:
    """Return the settings of processes whose way to the services can be hurt."""
    cluster = arena.stack.state.layout.cluster
    return {
        **arena.environment,
        "ARGOSY_KAFKA__BOOTSTRAP_SERVERS": cluster.behind(_DOORS.index(door)),
        "ARGOSY_REDIS__URL": f"redis://{arena.links[f'{door}-redis'][0].address}/0",
    }


async def _start(arena: Arena, facts: AppFacts) -> None:
    """Start coordinators, then workers. Every second one of each goes through the network that can be hurt."""
    supervisor, folder = arena.stack.supervisor, arena.stack.folder
    arena.effects.mkdir(parents=True, exist_ok=True)
    hurt: dict[str, list[str]] = {door: [] for door in _DOORS}
    specs: list[ChildSpec] = []
    for number, name in enumerate(arena.cast.coordinators):
        environment = _through(arena, "coordinators") if number % 2 == 0 else arena.environment
        hurt["coordinators"] += [name] if number % 2 == 0 else []
        specs.append(coordinator_child(name, folder, environment, facts.path if arena.shape.own else None))
    for number, name in enumerate(arena.cast.workers):
        environment = _through(arena, "workers") if number % 2 == 0 else arena.environment
        hurt["workers"] += [name] if number % 2 == 0 else []
        specs.append(worker_child(name, f"{facts.path}:{arena.crew[name]}", folder, environment))
    for door, names in hurt.items():
        for service in ("kafka", "redis"):
            arena.behind[f"{door}-{service}"] = tuple(names)
    for group in (specs[: len(arena.cast.coordinators)], specs[len(arena.cast.coordinators) :]):
        async with asyncio.TaskGroup() as starting:
            for spec in group:
                starting.create_task(
                    supervisor.start(replace(spec, ready_within_seconds=180)), name=spec.name
                )


async def start_submitter(arena: Arena) -> None:
    """Start it; it is started again if it dies, and ends by itself once all has ended."""
    file = arena.folder / "load.json"
    await asyncio.to_thread(file.write_text, arena.load.model_dump_json(), encoding="utf-8")
    spec = ChildSpec(
        name=SUBMITTER,
        argv=(sys.executable, "-P", "-m", "argosy.testing.chaos_load", str(file)),
        log=arena.folder / "logs" / f"{SUBMITTER}.log",
        env={**arena.environment, "PYTHONSAFEPATH": "1"},
        restart=Restart.ON_FAILURE,
        ready=written(arena.load.ready),
        ready_within_seconds=120,
        stage=WORKERS,
    )
    await arena.stack.supervisor.start(spec)


async def _stop(arena: Arena) -> None:
    """End the fleet at once: it has been judged, and need not drain."""
    supervisor = arena.stack.supervisor
    for name in (*arena.cast.workers, *arena.cast.coordinators):
        child = supervisor.children[name]
        child.spec = replace(child.spec, stop_within_seconds=3)
