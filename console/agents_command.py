"""`argosy agents`: each agent's contract, and who works for it."""

import asyncio
from dataclasses import dataclass

from argosy.broker.presence import Present, present
from argosy.broker.topics import TopicNames
from argosy.console.config import load_settings
from argosy.console.output import note, show_table
from argosy.console.pipelines_command import App
from argosy.console.process_life import open_services
from argosy.console.published import contracts_of, pipelines_of
from argosy.schemas.contract import AgentContract
from argosy.schemas.errors import Refused, Unreachable
from argosy.schemas.settings import Settings

COLUMNS = ("AGENT", "MODEL", "WINDOW", "ABOVE", "TIMEOUT", "RETRIES", "MEMBERS", "RUNNING", "WORKERS")


@dataclass(frozen=True, slots=True)
class AgentLine:
    """One agent. `contract` None: no published pipeline has it; workers as they said some seconds ago."""

    agent: str
    contract: AgentContract | None
    members: int
    running: int
    slots: int
    workers: tuple[str, ...]


def agents(*, app: App = None) -> None:
    """Show the agents of the published pipelines, and of every topic of work: contracts, and who works."""
    found = asyncio.run(_agents(load_settings(), app))
    show_table(COLUMNS, [_cells(line) for line in found], {"agents": found})
    idle = [line.agent for line in found if not line.members and line.contract is not None]
    if idle:
        note(f"no worker: {', '.join(idle)}; argosy worker APP:{','.join(idle)}")


def _cells(line: AgentLine) -> tuple[object, ...]:
    terms = line.contract
    if terms is None:
        contract: tuple[object, ...] = ("not published", "", "", "", "")
    else:
        model, window = terms.model or "none", str(terms.window or ("the model's" if terms.model else "none"))
        contract = (model, window, terms.above, f"{terms.timeout_seconds:g} s", terms.retries)
    running = f"{line.running} of {line.slots}" if line.slots else ""
    return (line.agent, *contract, line.members, running, ", ".join(line.workers))


async def _agents(settings: Settings, app: str | None) -> list[AgentLine]:
    names = TopicNames(settings.kafka.topic_prefix)
    async with open_services(settings, "agents") as services:
        contracts = contracts_of(await pipelines_of(services.cluster, names, app))
        topics = {agent for topic in await services.cluster.topic_names() if (agent := names.agent_of(topic))}
        there: Present | None = None
        try:
            there = await present(services.store, settings.redis.key_prefix)
        except (Unreachable, Refused) as error:
            note(f"who works can't be told: {error}")
        lines: list[AgentLine] = []
        for agent in sorted(topics | set(contracts)):
            members = (await services.cluster.group(names.group(agent))).members if agent in topics else 0
            workers = there.workers(agent) if there is not None else ()
            hands = [worker.agents[agent] for worker in workers]
            lines.append(
                AgentLine(
                    agent,
                    contracts.get(agent),
                    members,
                    sum(hand.running.count for hand in hands),
                    sum(hand.slots for hand in hands),
                    tuple(worker.name for worker in workers),
                )
            )
        return lines
