"""Apache Kafka as a plain child process: its storage, its command line, its readiness."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from argosy.console.child import ChildSpec
from argosy.console.class_archive import ClassArchive
from argosy.console.java import Java
from argosy.console.kafka_cluster import Broker, Cluster, server_properties
from argosy.schemas.errors import ConfigurationError

JVM_OPTIONS: Final = (
    "-Xmx256m",
    "-XX:+UseSerialGC",  # one core's worth of collector: this machine runs the fleet as well
    "-XX:TieredStopAtLevel=1",  # start-up matters more than peak speed
    "-Xlog:cds=off",
    "-Xlog:cds+dynamic=off",
    "-Djava.awt.headless=true",
)
LOG4J: Final = """\
status = warn
rootLogger.level = {level}
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{{ISO8601}} %p %m (%c{{1}})%n%throwable
logger.settings.name = org.apache.kafka.common.config.AbstractConfig
logger.settings.level = warn
"""


@dataclass(frozen=True)
class Kafka:
    """An installation: a Java, and Kafka's jars."""

    java: Java
    jars: Path

    def class_archive(self, folder: Path) -> ClassArchive:
        """Return the archive that a broker with this folder uses or writes."""
        kept = self.jars.parent / f"classes-{self.java.version}.jsa"
        return ClassArchive(kept, folder / "classes.jsa")

    def command(self, log_configuration: Path, *arguments: str) -> tuple[str, ...]:
        """Build a command line: more options of Java's, a main class, its arguments."""
        return (
            str(self.java.program),
            *JVM_OPTIONS,
            f"-Dlog4j2.configurationFile={log_configuration}",
            *("-cp", f"{self.jars}/*"),
            *arguments,
        )


def write_configuration(folder: Path, broker: Broker, cluster: Cluster) -> None:
    """Write `server.properties` and the log configurations of a broker into its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    properties = server_properties(broker, cluster, folder / "data")
    text = "".join(f"{key}={value}\n" for key, value in properties.items())
    (folder / "server.properties").write_text(text, encoding="utf-8")
    (folder / "log4j2.properties").write_text(LOG4J.format(level="info"), encoding="utf-8")
    (folder / "format-log4j2.properties").write_text(LOG4J.format(level="warn"), encoding="utf-8")


def format_storage(kafka: Kafka, folder: Path, broker: Broker, cluster: Cluster) -> None:
    """Prepare a broker's empty data folder, once; a formatted one is left as it is."""
    if (folder / "data" / "meta.properties").exists():
        return
    command = kafka.command(
        folder / "format-log4j2.properties",
        *kafka.class_archive(folder).use(),
        *("kafka.tools.StorageTool", "format", "--cluster-id", cluster.cluster_id),
        *("--config", str(folder / "server.properties"), "--initial-controllers", cluster.voters),
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own arguments
    if done.returncode:
        raise ConfigurationError(
            f"{broker.name} can't prepare its data folder",
            (done.stderr + done.stdout).strip()[-2000:],
            f"is {folder} writable, with some 100 MB free? Removing it starts afresh",
        )


def kafka_child(kafka: Kafka, folder: Path, broker: Broker, log: Path, cluster: Cluster) -> ChildSpec:
    """Describe a broker for the supervisor."""
    return ChildSpec(
        name=broker.name,
        argv=kafka.command(
            folder / "log4j2.properties",
            *kafka.class_archive(folder).options(),
            *("kafka.Kafka", str(folder / "server.properties")),
        ),
        log=log,
        ready=kafka_ready(broker.address, len(cluster.brokers)),
        ready_within_seconds=240,  # on a busy machine: killed before, it would only begin anew
        stop_within_seconds=30,  # five of them write the class archive, on an idle machine
    )


def kafka_ready(address: str, brokers: int) -> Callable[[], Awaitable[bool]]:
    """Make a readiness check: the broker at `host:port` answers, and knows of `brokers` in its cluster."""

    async def ready() -> bool:
        if not await _listens(address):  # aiokafka logs a refused connection as an error
            return False
        admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=5_000)
        try:
            await admin.start()
            description = await admin.describe_cluster()
            return len(description["brokers"]) >= brokers
        except (KafkaError, OSError):
            return False
        finally:
            await admin.close()

    return ready


async def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True
