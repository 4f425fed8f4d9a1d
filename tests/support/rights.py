"""Kafka's ACLs in tests: granted, taken back, and read from the table of `docs/security.md`."""

import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest

from support.sasl_kafka import USER, SaslKafka
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

Operation = Literal["Read", "Write", "Create", "Describe", "DescribeConfigs"]
Resource = Literal["topic", "group"]

PAGE: Final = Path(__file__).parents[2] / "docs" / "security.md"
# Codes of the protocol: https://kafka.apache.org/protocol and org.apache.kafka.common.acl.AclOperation
_OPERATIONS: Final[dict[Operation, int]] = {
    "Read": 3,
    "Write": 4,
    "Create": 5,
    "Describe": 8,
    "DescribeConfigs": 10,
}
_RESOURCES: Final[dict[Resource, int]] = {"topic": 2, "group": 3}
_LITERAL, _PREFIXED, _ALLOW = 3, 4, 3


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One operation on one topic or group; a name that ends in `*` stands for all that begin so."""

    resource: Resource
    name: str
    operation: Operation

    def __str__(self) -> str:
        return f"{self.operation} on {self.resource} {self.name}"


def rights_of(role: str, prefix: str, agent: str = "A") -> frozenset[Right]:
    """Read what the page gives a role: its row says what it reads, writes, and its groups."""
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] == role:
            reads, writes, groups = cells[1:4]
            return frozenset(
                [
                    *_topics(reads, "Read", prefix, agent),
                    *_topics(writes, "Write", prefix, agent),
                    *(Right("group", name, _on_groups(groups)) for name in _names(groups, prefix, agent)),
                ]
            )
    message = f"{PAGE.name} has no role {role!r}"
    raise LookupError(message)


def _on_groups(cell: str) -> Operation:
    return "Describe" if cell.startswith("Describe") else "Read"


def _topics(cell: str, operation: Operation, prefix: str, agent: str) -> Iterable[Right]:
    return (Right("topic", name, operation) for name in _names(cell, prefix, agent))


def _names(cell: str, prefix: str, agent: str) -> list[str]:
    found = re.findall(r"`P\.([^`]+)`", cell)
    return [f"{prefix}." + re.sub(r"\.A$", f".{agent}", name) for name in found]


async def grant(kafka: SaslKafka, user: str, rights: Iterable[Right]) -> None:
    """Give a user these rights; Kafka has them in force when this returns."""
    given = list(rights)
    async with _admin(kafka) as admin:
        for right in given:
            request = CreateAclsRequest(*_code(right), f"User:{user}", "*", *_allowed(right))
            answer = await _ask(admin, request)
            assert answer.creation_responses[0][0] == 0, answer
        for right in given:
            await _until_in_force(admin, user, right, there=True)


async def take_back(kafka: SaslKafka, user: str, rights: Iterable[Right]) -> None:
    """Take these rights from a user; Kafka knows nothing of them any more when this returns."""
    taken = list(rights)
    async with _admin(kafka) as admin:
        for right in taken:
            request = DeleteAclsRequest(*_code(right), f"User:{user}", "*", *_allowed(right))
            answer = await _ask(admin, request)
            assert answer.filter_responses[0][0] == 0, answer
            assert answer.filter_responses[0][2], f"{user} had no right to {right}"
        for right in taken:
            await _until_in_force(admin, user, right, there=False)


async def _until_in_force(admin: AIOKafkaAdminClient, user: str, right: Right, *, there: bool) -> None:
    """Wait until the broker judges by it: the controller has written it down, and answered, a moment before."""

    async def so() -> bool:
        answer = await _ask(admin, DescribeAclsRequest(*_code(right), f"User:{user}", "*", *_allowed(right)))
        assert answer.error_code == 0, answer
        return bool(answer.resources) is there

    await eventually(so, f"{user} has{'' if there else ' no'} {right}")


def _code(right: Right) -> tuple[int, str, int]:
    pattern = _PREFIXED if right.name.endswith("*") else _LITERAL
    return _RESOURCES[right.resource], right.name.removesuffix("*"), pattern


def _allowed(right: Right) -> tuple[int, int]:
    return _OPERATIONS[right.operation], _ALLOW


async def _ask(
    admin: AIOKafkaAdminClient, request: CreateAclsRequest | DeleteAclsRequest | DescribeAclsRequest
) -> Any:  # noqa: ANN401
    # The library has these requests, and no method for them.
    send: Callable[[object], Awaitable[Any]] = vars(type(admin))["_send_to_controller"].__get__(admin)
    return await send(request)


@asynccontextmanager
async def _admin(kafka: SaslKafka) -> "AsyncGenerator[AIOKafkaAdminClient]":
    admin = AIOKafkaAdminClient(
        bootstrap_servers=kafka.address,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="PLAIN",
        sasl_plain_username=USER,
        sasl_plain_password=kafka.password,
    )
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()
