"""Moves the leader of a partition to another broker while all of them live: clients are told at their next request.

No client library that we use can give a partition's replicas another order, nor elect the first of them (librdkafka's
Python call fails): so two requests are written by hand.
"""

import socket
import struct

from confluent_kafka.admin import AdminClient

REASSIGN = 45, 0
"""AlterPartitionReassignments and its version."""
ELECT = 43, 1
"""ElectLeaders and its version."""
PREFERRED = 0
SECONDS = 30


def leader_of(servers: str, topic: str, number: int) -> tuple[int, list[int]]:
    """Return who leads a partition, and its replicas in order."""
    found = AdminClient({"bootstrap.servers": servers}).list_topics(topic, timeout=SECONDS)
    partition = found.topics[topic].partitions[number]
    return partition.leader, list(partition.replicas)


def move_leader(servers: str, topic: str, number: int) -> int:
    """Let the next of a partition's replicas lead it; return which that is."""
    leader, replicas = leader_of(servers, topic, number)
    at = (replicas.index(leader) + 1) % len(replicas)
    _reassign(servers, topic, number, replicas[at:] + replicas[:at])
    name = topic.encode()
    one = struct.pack(f">ih{len(name)}sii", 1, len(name), name, 1, number)
    _ask(servers, *ELECT, struct.pack(">b", PREFERRED) + one + struct.pack(">i", SECONDS * 1000))
    return replicas[at]


def _reassign(servers: str, topic: str, number: int, replicas: list[int]) -> None:
    """Give a partition's replicas this order."""
    body = (
        struct.pack(">i", SECONDS * 1000)
        + _some(1) + _name(topic)
        + _some(1) + struct.pack(">i", number)
        + _some(len(replicas)) + struct.pack(f">{len(replicas)}i", *replicas)
        + NO_TAGS * 3
    )  # fmt: skip
    _ask(servers, *REASSIGN, NO_TAGS + body)


def _ask(servers: str, kind: int, version: int, body: bytes) -> None:
    """Ask any broker, which hands it on to the controller; the answer comes when it is done."""
    request = struct.pack(">hhih", kind, version, 1, -1) + body
    host, _, port = servers.split(",", maxsplit=1)[0].rpartition(":")
    with socket.create_connection((host, int(port)), SECONDS) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as answers:
            (size,) = struct.unpack(">i", answers.read(4))
            answer = answers.read(size)
    tags = 1 if kind == REASSIGN[0] else 0
    _, _, code = struct.unpack_from(f">i{tags}xih", answer)
    assert code == 0, answer


NO_TAGS = b"\0"


def _some(count: int) -> bytes:
    """The length of a compact array: one more than it has."""
    return bytes([count + 1])


def _name(text: str) -> bytes:
    return bytes([len(text) + 1]) + text.encode()
