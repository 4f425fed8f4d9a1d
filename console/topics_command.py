"""`argosy topics plan|apply`: what topics a fleet needs, what is missing or wrong; then make what is missing."""

import asyncio
from collections.abc import Sequence

import typer

from argosy.broker.provision import Finding, compare
from argosy.broker.topics import TopicNames, TopicPlan, plan
from argosy.console.config import load_settings
from argosy.console.exits import FAILED
from argosy.console.interruption import if_interrupted
from argosy.console.output import note, show_table
from argosy.console.pipelines_command import App
from argosy.console.process_life import Services, open_services
from argosy.console.published import contracts_of, pipelines_of
from argosy.schemas.settings import Settings

topics = typer.Typer(help="What topics a fleet needs: show, and make what is missing.", no_args_is_help=True)

COLUMNS = ("TOPIC", "PARTITIONS", "REPLICAS", "RETENTION", "STATE", "CURE")


@topics.command("plan")
def plan_topics(*, app: App = None) -> None:
    """Compare the topics with the settings; nothing is changed. Exit code 1 if one is missing or wrong.

    Work topics are those of the published pipelines' agents, or of the app's with --app.
    """
    _show(*asyncio.run(_compare(load_settings(), app, make=False)))


@topics.command("apply")
def apply_topics(*, app: App = None) -> None:
    """Make the topics that are missing; what else is wrong is told with its cure, never changed. Safe to repeat."""
    if_interrupted("some topics may have been made: argosy topics plan shows them; apply is safe to repeat")
    _show(*asyncio.run(_compare(load_settings(), app, make=True)))


async def _compare(
    settings: Settings, app: str | None, *, make: bool
) -> tuple[Sequence[TopicPlan], Sequence[Finding], Sequence[str]]:
    async with open_services(settings, "topics") as services:
        plans = plan(settings, await _agents(services, app))
        names = [each.name for each in plans]
        there = await services.cluster.topics(names)
        missing = [each for each in plans if each.name not in there]
        made: list[str] = []
        if make and missing:
            await services.cluster.create(missing)
            made = [each.name for each in missing]
            there = await services.cluster.topics(names)
        return plans, compare(plans, there), made


async def _agents(services: Services, app: str | None) -> set[str]:
    names = TopicNames(services.settings.kafka.topic_prefix)
    there = await services.cluster.topic_names()
    known = {agent for topic in there if (agent := names.agent_of(topic))}
    if app is None and names.pipelines not in there:
        return known
    return known | set(contracts_of(await pipelines_of(services.cluster, names, app)))


def _show(plans: Sequence[TopicPlan], wrong: Sequence[Finding], made: Sequence[str]) -> None:
    by_topic: dict[str, list[Finding]] = {}
    for finding in wrong:
        by_topic.setdefault(finding.topic, []).append(finding)
    rows: list[Sequence[object]] = []
    for each in plans:
        keep = each.configs.get("retention.ms")
        retention = f"{int(keep) / 86_400_000:g} d" if keep is not None else each.configs["cleanup.policy"]
        shape = (each.name, each.partitions, each.replication, retention)
        state = "made" if each.name in made else "ok"
        found = by_topic.get(each.name, [])
        rows += [(*shape, finding.problem, finding.cure) for finding in found] or [(*shape, state, "")]
    data = {"topics": plans, "findings": wrong, "made": made}
    show_table(COLUMNS, rows, data)
    if wrong:
        note(f"{len(wrong)} to mend; argosy topics apply makes what is missing")
        raise typer.Exit(FAILED)
