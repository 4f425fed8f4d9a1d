"""Options of a connection, and whose error is whose."""

import asyncio

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)
from pydantic import SecretStr

from argosy.broker.cluster import KafkaCluster
from argosy.broker.connection import answered, connection, translated
from argosy.schemas.errors import MessageTooLarge, Refused, Unreachable
from argosy.schemas.settings import KafkaSettings
from support.kafka_world import Recorder
from support.listening import listening


def test_a_plain_connection_has_no_context_and_no_secrets() -> None:
    options = connection(KafkaSettings(), "me").options()
    assert options["security_protocol"] == "PLAINTEXT"
    assert (options["ssl_context"], options["sasl_plain_password"]) == (None, None)


def test_a_password_is_in_the_options_and_not_in_the_repr() -> None:
    settings = KafkaSettings(
        security_protocol="SASL_SSL", sasl_username="u", sasl_password=SecretStr("hunter2")
    )
    made = connection(settings, "me")
    assert made.options()["sasl_plain_password"] == "hunter2"  # noqa: S105 - a test's own
    assert made.options()["ssl_context"] is not None
    assert "hunter2" not in repr(made)


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (MessageSizeTooLargeError(), MessageTooLarge),
        (TopicAuthorizationFailedError("t"), Refused),
        (KafkaConnectionError("gone"), Unreachable),
        (OSError("reset"), Unreachable),
    ],
)
def test_errors_of_the_library_become_ours(error: Exception, ours: type[Exception]) -> None:
    assert type(translated(error, "send to t")) is ours
    assert str(translated(error, "send to t")).startswith("send to t: ")


def test_an_error_names_the_servers_that_were_asked_in_vain() -> None:
    asked = "[('h1', 9092, <AddressFamily.AF_INET: 2>), ('h2', 9093, <AddressFamily.AF_UNSPEC: 0>)]"
    error = translated(KafkaConnectionError(f"Unable to bootstrap from {asked}"), "list the topics")
    assert str(error) == "list the topics: Kafka at h1:9092,h2:9093 doesn't answer"


async def test_a_request_without_an_answer_is_unreachable_at_its_deadline() -> None:
    with pytest.raises(Unreachable, match="ask: Kafka didn't answer within 0"):
        async with answered("ask", 0):
            await asyncio.Event().wait()


async def test_a_consumer_whose_broker_answers_nothing_still_stops_soon() -> None:
    connected = asyncio.Event()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()

    async with listening(swallow) as port:
        cluster = KafkaCluster(KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}"))
        stop = asyncio.Event()
        running = asyncio.create_task(cluster.consumer("g", ["t"]).run(Recorder(), stop))
        await connected.wait()
        stop.set()
        async with asyncio.timeout(30):
            await running
        await cluster.close()
