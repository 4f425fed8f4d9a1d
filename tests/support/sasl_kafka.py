"""A real Kafka of a test's own that asks for a password: SASL PLAIN on loopback; with an authorizer if users are named.

One user may all. Others may nothing, until they are granted it (`support.rights`).
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from argosy.console.java import find_java
from argosy.console.kafka_cluster import Broker, Cluster, new_kafka_id
from argosy.console.kafka_jars import ensure_jars
from argosy.console.kafka_server import Kafka, format_storage, kafka_child, write_configuration
from argosy.console.ports import LOOPBACK, free_ports
from argosy.console.supervise import Supervisor
from argosy.schemas.settings import KafkaSettings

USER: Final = "app"
_LOGIN: Final = "org.apache.kafka.common.security.plain.PlainLoginModule required"


@dataclass(frozen=True)
class SaslKafka:
    """Where it listens for who has the password."""

    address: str
    password: str
    inside: str = ""
    """Where it listens for whoever comes, who may all: for a test's own eyes and hands."""

    def settings(self, password: str | None = None, user: str = USER, **more: Any) -> KafkaSettings:  # noqa: ANN401 - checked there
        """Settings of a client, with the right password or another."""
        return KafkaSettings.model_validate(
            {
                "bootstrap_servers": self.address,
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_username": user,
                "sasl_password": SecretStr(password or self.password),
                **more,
            }
        )

    def variables(self, password: str, user: str = USER) -> dict[str, str]:
        """The same as environment of a command."""
        return {
            "ARGOSY_KAFKA__BOOTSTRAP_SERVERS": self.address,
            "ARGOSY_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "ARGOSY_KAFKA__SASL_USERNAME": user,
            "ARGOSY_KAFKA__SASL_PASSWORD": password,
        }


@asynccontextmanager
async def sasl_kafka(folder: Path, password: str, *users: str) -> AsyncGenerator[SaslKafka]:
    """Run one broker; gone when left. `users` have the same password, and no right at first."""
    inside, controller, outside = free_ports(3)
    broker = Broker(node_id=1, port=inside, controller_port=controller, directory_id=new_kafka_id())
    cluster = Cluster(cluster_id=new_kafka_id(), brokers=(broker,))
    kafka = Kafka(await asyncio.to_thread(find_java), await asyncio.to_thread(ensure_jars))
    write_configuration(folder, broker, cluster)
    await asyncio.to_thread(_ask_for_password, folder / "server.properties", outside, password, users)
    await asyncio.to_thread(format_storage, kafka, folder, broker, cluster)
    async with Supervisor() as supervisor:
        await supervisor.start(kafka_child(kafka, folder, broker, folder / "kafka.log", cluster))
        yield SaslKafka(f"{LOOPBACK}:{outside}", password, broker.address)


def _ask_for_password(properties: Path, port: int, password: str, users: Sequence[str]) -> None:
    lines = properties.read_text("utf-8").splitlines()
    more = f",SASL://{LOOPBACK}:{port}"
    listeners = ("listeners=", "advertised.listeners=")
    lines = [line + more if line.startswith(listeners) else line for line in lines]
    lines = [
        line + ",SASL:SASL_PLAINTEXT" if line.startswith("listener.security.protocol.map=") else line
        for line in lines
    ]
    known = " ".join(f'user_{user}="{password}"' for user in (USER, *users))
    lines += [
        "listener.name.sasl.sasl.enabled.mechanisms=PLAIN",
        f"listener.name.sasl.plain.sasl.jaas.config={_LOGIN} {known};",
    ]
    if users:
        lines += [
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            f"super.users=User:ANONYMOUS;User:{USER}",  # who comes by the inner listener is the broker itself
        ]
    properties.write_text("\n".join(lines) + "\n", encoding="utf-8")
