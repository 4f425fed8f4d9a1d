"""The local Kafka cluster as data: its brokers, and the configuration of each.

Every broker is a controller too, so that any one of three may die and two still have a quorum.
"""

import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from argosy.console.ports import LOOPBACK


class Door(BaseModel):
    """One more listener of a broker: it listens on `port`, and sends clients to `advertised`, where a proxy is."""

    model_config = ConfigDict(frozen=True)

    port: int
    advertised: int


class Broker(BaseModel):
    """One node of the cluster. `directory_id` is the id that its storage is formatted with."""

    model_config = ConfigDict(frozen=True)

    node_id: int
    port: int
    controller_port: int
    directory_id: str
    doors: tuple[Door, ...] = ()

    @property
    def name(self) -> str:
        """Its name among the stack's children."""
        return "kafka" if self.node_id == 1 else f"kafka-{self.node_id}"

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def controller(self) -> str:
        """Where its controller listens."""
        return f"{LOOPBACK}:{self.controller_port}"


class Cluster(BaseModel):
    """All brokers, and the id that keeps another cluster's data out."""

    model_config = ConfigDict(frozen=True)

    cluster_id: str
    brokers: tuple[Broker, ...]

    @property
    def bootstrap_servers(self) -> str:
        """The address that clients are given."""
        return ",".join(broker.address for broker in self.brokers)

    def behind(self, door: int) -> str:
        """Return the address for clients that come through one of the doors."""
        return ",".join(f"{LOOPBACK}:{broker.doors[door].advertised}" for broker in self.brokers)

    @property
    def voters(self) -> str:
        """The first controllers, in the form that Kafka's storage tool takes."""
        return ",".join(f"{each.node_id}@{each.controller}:{each.directory_id}" for each in self.brokers)


def new_kafka_id() -> str:
    """Make an id in Kafka's own form: 16 bytes, URL-safe base64 without padding, no dash in front."""
    while (text := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def server_properties(broker: Broker, cluster: Cluster, data: Path) -> dict[str, str]:
    """Build the configuration of one broker of a cluster."""
    copies = min(3, len(cluster.brokers))
    in_sync = max(1, copies - 1)
    doors = {f"DOOR{number}": door for number, door in enumerate(broker.doors)}
    own = f"PLAINTEXT://{broker.address},CONTROLLER://{broker.controller}"
    bound = "".join(f",{name}://{LOOPBACK}:{door.port}" for name, door in doors.items())
    advertised = "".join(f",{name}://{LOOPBACK}:{door.advertised}" for name, door in doors.items())
    return {
        "process.roles": "broker,controller",
        "node.id": str(broker.node_id),
        "controller.quorum.bootstrap.servers": ",".join(each.controller for each in cluster.brokers),
        "listeners": own + bound,
        "advertised.listeners": own + advertised,
        "listener.security.protocol.map": ",".join(
            f"{name}:PLAINTEXT" for name in ("PLAINTEXT", "CONTROLLER", *doors)
        ),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",  # a misspelt name is an error, not a topic
        "default.replication.factor": str(copies),
        "min.insync.replicas": str(in_sync),
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": str(copies),
        "transaction.state.log.num.partitions": "2",
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": str(in_sync),
        "share.coordinator.state.topic.num.partitions": "2",
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": str(in_sync),
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",  # so that a fleet on a laptop notices a killed worker soon
        "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),  # the default is half of our heap
        "log.index.size.max.bytes": str(1024 * 1024),
        "num.network.threads": "2",
        "num.io.threads": "4",
        "broker.session.timeout.ms": "3000",  # a killed broker is let in again only after this
        "broker.heartbeat.interval.ms": "500",
    }
