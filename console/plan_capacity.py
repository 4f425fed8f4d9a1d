"""`argosy plan-capacity`: what a load needs of Kafka, Redis and machines, and what limits it first. Asks no service."""

from dataclasses import asdict, replace
from typing import Annotated, Final

import typer

from argosy.console.config import load_settings
from argosy.console.output import show_folded
from argosy.console.plan_capacity_constants import Constants, constants
from argosy.console.plan_capacity_first import First, first_met
from argosy.console.plan_capacity_fleet import fleet_need, redis_need
from argosy.console.plan_capacity_kafka import kafka_need
from argosy.console.plan_capacity_load import Load, traffic
from argosy.console.plan_capacity_run import in_redis, shape, written
from argosy.console.plan_capacity_text import page
from argosy.console.plan_capacity_walls import Given, Needs, Wall, walls
from argosy.schemas.settings import DAY_SECONDS, Settings

MOST_RUNS: Final = 10**12
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of one value: what is larger is refused."""
MOST_SECONDS: Final = 3_660.0 * DAY_SECONDS


def plan_capacity(  # noqa: PLR0913 - a function's parameters are how typer declares options
    *,
    runs_per_day: Annotated[int, typer.Option("--runs-per-day", min=1, max=MOST_RUNS, help="Runs a day.")],
    width: Annotated[
        int, typer.Option("--width", min=1, max=10_000_000, help="Tasks of each layer in the middle.")
    ] = 8,
    depth: Annotated[
        int, typer.Option("--depth", min=1, max=1_000, help="Layers: 3 is 1→W→1, 4 is 1→W→W→1, 1 is W alone.")
    ] = 3,
    tokens: Annotated[
        int, typer.Option("--tokens", min=0, max=100_000_000, help="Of a model, for each task.")
    ] = 2_000,
    payload_bytes: Annotated[
        int,
        typer.Option(
            "--payload-bytes", min=2, max=MOST_BYTES, help="Of JSON in an input, an item, a result."
        ),
    ] = 1_000,
    pipeline_bytes: Annotated[
        int | None,
        typer.Option(
            "--pipeline-bytes", min=1, max=MOST_BYTES, help="Of the compiled pipeline, if you know it."
        ),
    ] = None,
    task_seconds: Annotated[
        float, typer.Option("--task-seconds", min=0.0, max=MOST_SECONDS, help="That a handler takes.")
    ] = 10.0,
    wait_seconds: Annotated[
        float,
        typer.Option(
            "--wait-seconds", min=0.0, max=MOST_SECONDS, help="That a run waits for people or a time."
        ),
    ] = 0.0,
    peak: Annotated[
        float, typer.Option("--peak", min=1.0, max=24.0, help="Times the mean that the busiest hour brings.")
    ] = 3.0,
    concurrency: Annotated[
        int,
        typer.Option("--concurrency", min=1, max=100_000, help="Handlers at once in a worker: its agent's."),
    ] = 64,
    replicas: Annotated[int, typer.Option("--replicas", min=1, max=100, help="Copies that Kafka keeps.")] = 3,
    redis_gib: Annotated[
        float, typer.Option("--redis-gib", min=0.001, max=1_000_000, help="The maxmemory that Redis has.")
    ] = 16.0,
    disk_gib: Annotated[
        float | None,
        typer.Option(
            "--disk-gib", min=0.001, max=1_000_000_000, help="The disks of all brokers, if they have an end."
        ),
    ] = None,
    model_limit: Annotated[
        int | None, typer.Option("--model-limit", min=1, help="Tokens a minute that the model lets you use.")
    ] = None,
    traced: Annotated[bool, typer.Option("--traced", help="All runs are traced.")] = False,
) -> None:
    """Reckon what a load needs: bytes, partitions, lanes, processes, cores, tokens; and what limits it first.

    Nothing is asked, and nothing has to run. Lanes, windows, retention and bounds are those of your settings. Sizes and
    times were measured (docs/sizing.md says how well they are met), so bytes are close, and cores are those of the
    machine that was measured.
    """
    settings, known = load_settings(), constants()
    run = shape(
        width=width,
        depth=depth,
        payload_bytes=payload_bytes,
        known=known,
        pipeline_bytes=pipeline_bytes,
        traced=traced,
    )
    load = Load(runs_per_day, run, tokens, task_seconds, wait_seconds, peak)
    there = Given(redis_gib, disk_gib, model_limit)

    def needs_at(times: float) -> Needs:
        more = replace(load, runs_per_day=round(runs_per_day * times))
        return reckon(more, settings, known, concurrency=concurrency, replicas=replicas)

    first = first_met(lambda times: walls(needs_at(times), settings, there, known))
    needs = needs_at(1)
    found = walls(needs, settings, there, known)
    show_folded(as_json(needs, found, first, known), page(needs, found, first, settings, known))


def reckon(load: Load, settings: Settings, known: Constants, *, concurrency: int, replicas: int) -> Needs:
    """Reckon all that a load needs."""
    rates = traffic(load, known)
    return Needs(
        load=load,
        traffic=rates,
        redis=redis_need(load, rates, settings, known),
        kafka=kafka_need(load, rates, settings, replicas, known),
        fleet=fleet_need(load, rates, settings, concurrency, known),
    )


def as_json(needs: Needs, found: list[Wall], first: First | None, known: Constants) -> dict[str, object]:
    """Give all of it, with the records and the state of one run, and the constants with their sources."""
    run = needs.load.run
    return {
        **asdict(needs),
        "run": {
            "tasks": run.tasks,
            "records": [asdict(each) for each in written(run, known)],
            "in_redis": asdict(in_redis(run, known)),
        },
        "first": None if first is None else {"name": first.wall.name, "times": round(first.times, 3)},
        "limits": [{**asdict(wall), "share": round(wall.share, 6)} for wall in found],
        "constants": known.model_dump(),
    }
