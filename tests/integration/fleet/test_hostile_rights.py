"""Kafka with an authorizer: the rights of docs/security.md are enough; a missing one is told and loses nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from argosy.coordinator.registry import publish
from argosy.schemas.deadletter import DeadLetter
from argosy.schemas.errors import ArgosyError
from support.command_line import CommandLine
from support.gateway import gateway_of
from support.guarded_fleet import AGENT, ROLES, GuardedFleet, guarded_fleet, in_fleet
from support.oracle import read_topic
from support.raw_kafka import stranger
from support.rights import Right, grant, rights_of
from support.sasl_kafka import SaslKafka, sasl_kafka
from support.shell_world import hello
from support.valkey import Valkey
from support.waiting import eventually

if TYPE_CHECKING:
    from argosy.client.run import Run

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

USERS = ("coordinator", "worker", "producer", "publisher", "gateway", "operator")
LACKS = [(user, right) for user, role in ROLES.items() for right in sorted(rights_of(role, "P", AGENT))]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SaslKafka]:
    """One broker for all: each test has topics of its own."""
    folder: Path = tmp_path_factory.mktemp("guarded")
    async with sasl_kafka(folder, "right", *USERS) as kafka:
        yield kafka


async def letters(fleet: GuardedFleet) -> set[str]:
    """The topics whose dead letters are kept."""
    found = await read_topic(fleet.inside, fleet.names.dead)
    return {seen.message.topic for seen in found if isinstance(seen.message, DeadLetter)}


async def garbage(fleet: GuardedFleet) -> set[str]:
    """Send what must be buried, by the coordinator and by the worker."""
    topics = {fleet.names.inbox, fleet.names.tasks(AGENT)}
    async with stranger(fleet.inside) as other:
        for topic in topics:
            await other.send(topic, b"no message", [], partition=0)
    return topics


async def test_the_rights_of_the_page_are_enough_for_every_role(kafka: SaslKafka) -> None:
    async with guarded_fleet(kafka) as fleet:
        for user in ("publisher", "gateway"):
            role = "publisher (`argosy publish`)" if user == "publisher" else user
            await grant(kafka, user, rights_of(role, fleet.prefix))
        async with fleet.cluster("publisher") as cluster:
            await publish(await cluster.producer(), fleet.names, hello.compile(), "test")
        sent = await garbage(fleet)
        async with fleet.client() as client:
            run = await client.submit(hello, "typed")
            assert await run.result(timeout_seconds=240) == "typed"
            assert [event.kind async for event in run.events()][-1] == "ended"
            await run.cancel("too late")
            named = await client.submit("hello", "by its name")
            assert await named.result(timeout_seconds=240) == "by its name"
        async with (
            fleet.client("gateway") as client,
            fleet.cluster("gateway") as cluster,
            gateway_of(fleet.settings("gateway"), cluster, fleet.payloads, client) as gateway,
        ):
            asked = await gateway.submit(pipeline="hello", input="over HTTP", run_id="http")
            assert asked.status_code == 202

            async def answered() -> bool:
                return "result" in (await gateway.result("http", 30)).json()

            await eventually(answered, "the run has a result")
            assert (await gateway.result("http", 30)).json()["result"] == "over HTTP"

        async def buried() -> bool:
            return await letters(fleet) == sent

        await eventually(buried, "what is no message lies in the dead letters")
        assert fleet.errors == []
        assert "may not" not in fleet.told()


LOOKS: Sequence[Sequence[str]] = (
    ("topics", "plan"),
    ("dead", "list"),
    ("pipelines", "list"),
    ("agents",),
    ("lag",),
    ("lane", "list"),
    ("runs", "show", "seen"),
    ("runs", "history", "seen"),
    ("doctor",),
)
ACTS: Sequence[Sequence[str]] = (("runs", "cancel", "another"), ("--yes", "dead", "redrive", "--all"))


async def test_the_rights_of_the_page_are_enough_for_who_looks_and_for_who_acts(
    kafka: SaslKafka, tmp_path: Path
) -> None:
    with Valkey(tmp_path, "--appendonly", "yes") as server:
        async with guarded_fleet(kafka, redis_url=server.url) as fleet:
            await grant(kafka, "operator", rights_of("operator (looks)", fleet.prefix))
            async with fleet.client() as client:
                run = await client.submit(hello, "x", run_id="seen")
                assert await run.result(timeout_seconds=240) == "x"
            sent = await garbage(fleet)

            async def buried() -> bool:
                return await letters(fleet) == sent

            await eventually(buried, "there are dead letters")
            command = CommandLine(
                tmp_path,
                {
                    **kafka.variables(kafka.password, "operator"),
                    "ARGOSY_KAFKA__TOPIC_PREFIX": fleet.prefix,
                    "ARGOSY_KAFKA__INBOX_PARTITIONS": "1",
                    "ARGOSY_KAFKA__WORK_PARTITIONS": "1",
                    "ARGOSY_FLEET__LANES": "1",
                    "ARGOSY_REDIS__URL": server.url,
                },
            )
            for words in LOOKS:
                await asyncio.to_thread(command, *words)
            said = (await asyncio.to_thread(command, *ACTS[0], expect=3)).stderr
            assert f"operator may not Write topic {fleet.names.inbox}" in said
            assert f"--operation Write --topic {fleet.names.inbox}" in said
            acts = rights_of("operator (acts: `cancel`, `dead redrive`)", fleet.prefix)
            await grant(kafka, "operator", acts)
            for words in ACTS:
                await asyncio.to_thread(command, *words)


async def ended(fleet: GuardedFleet, run_id: str) -> str:
    """Submit and wait, again and again, as a script would that is started anew."""
    found: list[str] = []

    async def once() -> bool:
        try:
            async with fleet.client() as client:
                run: Run[str] = await client.submit(hello, "x", run_id=run_id)
                found.append(await run.result(timeout_seconds=10))
        except ArgosyError as error:
            fleet.errors.append(str(error))
        return bool(found)

    await eventually(once, f"{run_id} ends", seconds=240)
    return found[0]


async def watched(fleet: GuardedFleet, run_id: str) -> None:
    """Do all that a producer may."""
    try:
        async with fleet.client() as client:
            run = await client.submit(hello, "x", run_id=run_id)
            assert [event.kind async for event in run.events()]
    except ArgosyError as error:
        fleet.errors.append(str(error))


@pytest.mark.parametrize(("user", "lack"), LACKS, ids=[f"{user}-{right}" for user, right in LACKS])
async def test_a_missing_right_is_told_and_once_it_is_granted_nothing_was_lost(
    kafka: SaslKafka, user: str, lack: Right
) -> None:
    async with guarded_fleet(kafka, (user, lack)) as fleet:
        right = in_fleet(lack, fleet.prefix)
        sent = await garbage(fleet)
        if user != "producer":
            async with fleet.client() as client:
                await client.submit(hello, "x", run_id="waits")

        async def told() -> bool:
            if user == "producer" and not fleet.tells(user, right):
                await watched(fleet, "waits")
            return fleet.tells(user, right)

        await eventually(told, f"{user} says that it lacks {right}:\n{fleet.told()[-3_000:]}")
        await grant(kafka, user, [right])
        assert await ended(fleet, "waits") == "x"

        async def buried() -> bool:
            return await letters(fleet) == sent

        await eventually(buried, "what is no message lies in the dead letters")
