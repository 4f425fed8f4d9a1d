"""`argosy monitoring export|check|targets`: files for Grafana, Prometheus and the OpenTelemetry Collector."""

import asyncio
import json
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from pydantic import JsonValue

from argosy.broker.presence import Present, present
from argosy.console import monitoring as files
from argosy.console.config import load_settings
from argosy.console.exits import FAILED
from argosy.console.output import show
from argosy.console.process_life import open_services
from argosy.schemas.settings import Settings

monitoring = typer.Typer(
    help="Files for Grafana, Prometheus and the OpenTelemetry Collector, made from argosy's own names.",
    no_args_is_help=True,
)

To = Annotated[Path, typer.Option("--to", help="The folder of the files.")]


@monitoring.command("export")
def export(*, to: To = files.FOLDER) -> None:
    """Write dashboards, rules, their tests and configurations; say which files changed."""
    changed = [str(path) for path in files.export(to)]
    show({"folder": to, "changed": changed}, f"{len(changed)} changed in {to}\n" + "\n".join(changed))


@monitoring.command("check")
def check(*, to: To = files.FOLDER) -> None:
    """Compare the files with what would be made now; exit code 1 if they differ."""
    drifted = files.drift(to)
    text = "the files are what the table of metrics makes"
    if drifted:
        text = "\n".join([*drifted, "these differ; run: argosy monitoring export"])
    show({"folder": to, "drifted": drifted}, text)
    if drifted:
        raise typer.Exit(FAILED)


@monitoring.command("targets")
def targets(
    *,
    to: Annotated[
        Path | None, typer.Option("--to", help="Write them here, at once, for Prometheus's file_sd_configs.")
    ] = None,
) -> None:
    """List where the processes that are there serve /metrics, as Prometheus reads it (file_sd).

    Those with `ARGOSY_TELEMETRY__METRICS_PORT` set say where in their presence, every few seconds.
    """
    found = targets_of(asyncio.run(_present(load_settings())))
    text = json.dumps(found, indent=2)
    if to is not None:
        new = to.with_name(f"{to.name}.new")
        new.write_text(f"{text}\n", encoding="utf-8")
        new.replace(to)
    show(found, text if to is None else f"{len(found)} in {to}")


def targets_of(there: Present) -> list[JsonValue]:
    """Return a target for each process that serves /metrics."""
    return [
        {
            "targets": [urlsplit(each.metrics).netloc],
            "labels": {"job": f"argosy-{each.role}", "argosy_process": each.name, "argosy_role": each.role},
        }
        for each in there.processes
        if each.metrics
    ]


async def _present(settings: Settings) -> Present:
    async with open_services(settings, "monitoring") as services:
        return await present(services.store, settings.redis.key_prefix)
