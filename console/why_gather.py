"""Asking Kafka and Redis why a run doesn't go on, each for itself: that one is away is a fact like others."""

import time
from typing import Final

from argosy.console.dag import in_run, named_steps
from argosy.console.process_life import Services, open_services
from argosy.console.run_history import History
from argosy.console.service_checks import without_secrets
from argosy.console.system_words import said
from argosy.console.task_table import last_fault
from argosy.console.why_bounds import NONE, ask_limits
from argosy.console.why_facts import AgentIs, Facts, JoinIs, LaneIs, LimitsAre, RunIs, Service, TaskIs
from argosy.console.why_kafka import FromKafka, agent_of, ask_kafka, contract_of
from argosy.console.why_redis import FromRedis, TaskKey, ask_redis
from argosy.console.why_waits import waits_of
from argosy.coordinator.checkpoint import LAYOUT
from argosy.coordinator.fold import RULES
from argosy.coordinator.kept import TERMINAL, TaskState
from argosy.coordinator.look import pending
from argosy.coordinator.windows import Windows, bounds_of
from argosy.schemas.asking import BUDGET_TIMER
from argosy.schemas.errors import ArgosyError, Refused, Unreachable
from argosy.schemas.ids import lane_of
from argosy.schemas.runlog import CancelReceived
from argosy.schemas.settings import Settings

WITHIN_SECONDS: Final = 10.0
MOST_TASKS: Final = 100
"""Open tasks that are looked at; a map may have thousands, and they wait for the same."""


async def gather(settings: Settings, run_id: str) -> Facts:
    """Ask for all facts; nothing is changed. A service that is away or refuses us is told in the facts."""
    short = settings.model_copy(
        update={
            "kafka": settings.kafka.model_copy(update={"send_deadline_seconds": WITHIN_SECONDS}),
            "redis": settings.redis.model_copy(update={"timeout_seconds": WITHIN_SECONDS / 3}),
        }
    )
    async with open_services(short, "why") as services:
        return await _gather(services, run_id)


async def _gather(services: Services, run_id: str) -> Facts:
    settings, now_ms = services.settings, time.time_ns() // 1_000_000
    kafka_error = redis_error = ""
    kafka, redis, limits = FromKafka(), None, NONE
    try:
        kafka = await ask_kafka(services.cluster, settings, run_id, now_ms)
    except (Unreachable, Refused) as error:
        kafka_error = _one_line(error)
    open_tasks = _open_tasks(kafka.history)
    attempts = dict([(local, task.attempt) for local, task in open_tasks.items()][:MOST_TASKS])
    try:
        redis = await ask_redis(services.store, settings, run_id, attempts, kafka.agents)
        limits = await _limits(services, run_id, kafka, redis)
    except (Unreachable, Refused) as error:
        redis_error = _one_line(error)
    history = kafka.history
    return Facts(
        run_id=run_id,
        now_ms=now_ms if redis is None else redis.there.server_ms,
        kafka=Service(settings.kafka.bootstrap_servers, kafka_error),
        redis=Service(without_secrets(settings.redis.url.get_secret_value()), redis_error),
        no_topics=kafka.no_topics,
        missing=kafka.missing,
        receivers=kafka.receivers,
        lanes=kafka.lanes,
        submit=kafka.submit,
        refusal=kafka.refusal,
        fullness=redis.fullness if redis is not None else None,
        busy_wait_seconds=settings.fleet.busy_wait_seconds,
        cancelled_before=history is not None
        and history.accepted is None
        and any(isinstance(each.message, CancelReceived) for each in history.records),
        lane=_lane(settings, run_id, kafka, redis),
        run=_run(history),
        tasks=tuple(_task(local, open_tasks[local], kafka, redis) for local in attempts) if history else (),
        agents={name: _agent(name, kafka, redis, settings) for name in kafka.agents},
        joins=_joins(history),
        looks=_looks(history),
        limits=limits,
        waits=waits_of(history),
        more_tasks=len(open_tasks) - len(attempts),
    )


async def _limits(services: Services, run_id: str, kafka: FromKafka, redis: FromRedis) -> LimitsAre:
    accepted = kafka.history.accepted if kafka.history is not None else None
    if accepted is None or redis.checkpoint is None:
        return NONE
    epoch, now_ms = redis.checkpoint.epoch, redis.there.server_ms
    return await ask_limits(services, run_id, accepted, epoch, now_ms)


def _open_tasks(history: History | None) -> dict[str, TaskState]:
    state = history.state if history is not None else None
    if state is None:
        return {}
    found = {local: task for local in state.tasks() if (task := state.task(local)) is not None}
    return {local: task for local, task in found.items() if task.letter not in TERMINAL}


def _run(history: History | None) -> RunIs | None:
    first = (
        next((each for each in history.records if each.message is history.accepted), None)
        if history
        else None
    )
    if history is None or first is None or history.accepted is None:
        return None
    accepted, ended = history.accepted, history.ended
    last = next((each for each in history.records if each.message is ended), None)
    fault = ended.fault if ended is not None else None
    at = f" ({fault.task_id})" if fault is not None and fault.task_id else ""
    return RunIs(
        offset=first.offset,
        accepted_ms=first.time_ms,
        deadline_ms=accepted.deadline_ms,
        pipeline=f"{accepted.pipeline.name}@{accepted.pipeline.version}",
        rules=accepted.rules,
        newest_rules=max(RULES),
        outcome=ended.outcome if ended is not None else "",
        ended_ms=last.time_ms if last is not None else 0,
        ended_offset=last.offset if last is not None else 0,
        fault=f"{fault.said}{at}" if fault is not None else "",
        ending=history.state is not None and history.state.st == "ending",
    )


def _lane(settings: Settings, run_id: str, kafka: FromKafka, redis: FromRedis | None) -> LaneIs:
    checkpoint = redis.checkpoint if redis is not None else None
    records = kafka.history.records if kafka.history is not None else []
    unfolded = [each.offset for each in records if checkpoint is not None and each.offset >= checkpoint.next]
    said = redis.said if redis is not None else None
    return LaneIs(
        number=lane_of(run_id, settings.fleet.lanes),
        log_end=kafka.log_end,
        owner=kafka.owner,
        next=checkpoint.next if checkpoint is not None else None,
        layout=checkpoint.layout if checkpoint is not None else 0,
        newest_layout=LAYOUT,
        live=redis is not None and redis.live,
        paused=said.why if said is not None and said.word == "paused" else "",
        first_unfolded=min(unfolded, default=None),
        quarantined=redis.quarantined if redis is not None else "",
    )


def _task(local: str, task: TaskState, kafka: FromKafka, redis: FromRedis | None) -> TaskIs:
    history = kafka.history
    if history is None or history.accepted is None:
        raise AssertionError(local)  # tasks come out of a history
    agent, name = agent_of(history, local), f"{history.run_id}/{local}#{task.attempt}"
    contract = contract_of(history, agent)
    place, key = kafka.places.get(name), redis.tasks.get(local, TaskKey()) if redis is not None else TaskKey()
    return TaskIs(
        local=local,
        said=said(history, local),
        agent=agent,
        letter=task.letter,
        attempt=task.attempt,
        attempts=contract.retries + 1 + task.refused if contract is not None else task.attempt,
        timeout_seconds=float(contract.timeout_seconds) if contract is not None else 0.0,
        retry_ms=history.timers.get(BUDGET_TIMER if task.letter == "a" else f"retry:{local}"),
        last_fault=last_fault(history, local),
        ahead=redis.ahead.get(local) if redis is not None else None,
        out=redis is not None and name in redis.out,
        again_ms=redis.out.get(name) if redis is not None else None,
        partition=place.partition if place is not None else None,
        offset=place.offset if place is not None else None,
        committed=place.committed if place is not None else None,
        claim=key.claim,
        deliveries=key.deliveries,
        stored=key.stored,
    )


def _agent(name: str, kafka: FromKafka, redis: FromRedis | None, settings: Settings) -> AgentIs:
    windows = Windows(bounds_of(settings.fleet))
    windows.load(redis.windows if redis is not None else {})
    workers = redis.there.workers(name) if redis is not None else ()
    hands = [worker.agents[name] for worker in workers]
    return AgentIs(
        name=name,
        group=kafka.agents[name],
        workers=tuple(worker.name for worker in workers),
        running=sum(each.running.count for each in hands),
        parked=sum(each.parked.count for each in hands),
        slots=sum(each.slots for each in hands),
        out=redis.out_by_agent[name] if redis is not None else 0,
        window=windows.of(name).size,
    )


def _looks(history: History | None) -> tuple[str, ...]:
    """Name what the lane was asked to look at."""
    if history is None or history.state is None or history.state.st != "active":
        return ()
    return tuple(pending(history.state))


def _joins(history: History | None) -> tuple[JoinIs, ...]:
    """Find the steps with several parents that wait for some of them."""
    if history is None or history.accepted is None or history.state is None or history.ended is not None:
        return ()
    state, found = history.state, list[JoinIs]()
    steps = (each for step in named_steps(history.accepted.pipeline) for each in in_run(step, state))
    for named in steps:
        begun = named.owner is None or state.step(named.owner).letter == "r"
        missing = tuple(name for name in named.parents if state.step(name).letter not in TERMINAL)
        if begun and len(named.parents) > 1 and missing and state.step(named.name).letter == "w":
            policy = named.step.join.policy if named.step.join is not None else ""
            due_ms = history.timers.get(f"join:{named.name}")
            found.append(JoinIs(named.name, len(named.parents), missing, policy, due_ms))
    return tuple(found)


def _one_line(error: ArgosyError) -> str:
    return " ".join(str(error).split())
