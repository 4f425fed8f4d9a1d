"""A right that Kafka says we lack: who lacks it, to do what, on which topic or group, and how to grant it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)

from argosy.schemas.errors import NotAllowed
from argosy.schemas.settings import KafkaSettings

if TYPE_CHECKING:
    from collections.abc import Collection

Operation = Literal["Read", "Write", "Create", "Describe", "DescribeConfigs"]

LACKING = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)
"""What Kafka says of a right that somebody lacks."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a request does: the operation on topics that it needs, and on groups, and what it names."""

    operation: Operation
    topic: str = ""
    group: str = ""


def refusal(error: Exception, what: str, need: Need, kafka: KafkaSettings) -> NotAllowed:
    """Say in three lines which right is missing. Of several topics the first one that Kafka named is told."""
    user = user_of(kafka)
    operation, kind, name = _lacking(error, need)
    return NotAllowed(
        f"{what}: {user} may not {operation} {kind} {name}".rstrip() + "\n"
        f"  why: Kafka's ACLs don't allow it ({type(error).__name__}); docs/security.md has the rights of each role\n"
        f"  do:  {grant(user, operation, kind, name)}"
    )


def user_of(kafka: KafkaSettings) -> str:
    """Name who we are to Kafka, as far as we know."""
    return kafka.sasl_username or ("the certificate's user" if kafka.ssl_cert_file else "ANONYMOUS")


def grant(user: str, operation: Operation, kind: str, name: str) -> str:
    """Return the command that grants a right."""
    return f"kafka-acls.sh --add --allow-principal 'User:{user}' --operation {operation} --{kind} {name}".rstrip()


def unseen(topic: str, operation: Operation, kafka: KafkaSettings) -> tuple[str, str]:
    """Say why a topic may not be seen, and what to do if it is there: Kafka hides what a user has no right on."""
    user = user_of(kafka)
    why = (
        f"it is missing, or {user} may not {operation} it: Kafka shows a topic only to who has a right on it"
    )
    return why, f"if it is there: {grant(user, operation, 'topic', topic)}"


def _lacking(error: Exception, need: Need) -> tuple[Operation, str, str]:
    match error:
        case GroupAuthorizationFailedError():
            return (
                ("Describe" if need.operation == "Describe" else "Read"),
                "group",
                need.group or _named(error),
            )
        case ClusterAuthorizationFailedError():
            return need.operation, "cluster", ""
        case _:
            return need.operation, "topic", _named(error) or need.topic


def _named(error: Exception) -> str:
    """Return the topic or group that the library's error names; some name several, some none."""
    given: object = error.args[0] if error.args else ""
    several = (
        cast("Collection[object]", given) if isinstance(given, set | frozenset | list | tuple) else (given,)
    )
    names = sorted(map(str, several))
    return names[0] if names and " " not in names[0] else ""
