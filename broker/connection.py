"""How we connect to Kafka: the options that every client of ours shares, and what the library's errors mean to us."""

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypedDict

from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    InvalidGroupIdError,
    InvalidReplicationFactorError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
    UnsupportedVersionError,
)

from argosy.broker.rights import LACKING, Need, Operation, refusal
from argosy.broker.vigil import Vigil
from argosy.schemas.errors import ArgosyError, MessageTooLarge, NotAllowed, Refused, Unreachable
from argosy.schemas.settings import KafkaSettings

METADATA_MS: Final = 10_000
"""How old our picture of topics and leaders may get: a new partition is seen after this long."""
REQUEST_MS: Final = 20_000
"""Longer than a group's rebalance, which a join request waits for."""

TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)
REFUSALS: Final = (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    InvalidGroupIdError,
    InvalidReplicationFactorError,
    InvalidTopicError,
    PolicyViolationError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
    UnsupportedVersionError,
)
"""What waiting doesn't mend: somebody has to change a right, a setting or a version."""
_ASKED: Final = re.compile(r"\('([^']+)', (\d+),")
"""A server that was asked in vain, as the library writes it: `('127.0.0.1', 9092, <AddressFamily.AF_INET: 2>)`."""


class Options(TypedDict):
    """Keyword arguments of any aiokafka client."""

    bootstrap_servers: str
    client_id: str
    security_protocol: str
    ssl_context: ssl.SSLContext | None
    sasl_mechanism: str
    sasl_plain_username: str | None
    sasl_plain_password: str | None


Lacking = Callable[[Exception, str], NotAllowed]
"""Tells of a missing right; see `Connection.lacking`."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where Kafka is, who we are, and how long an answer may take. Reads the certificate files when it is made."""

    settings: KafkaSettings
    client_id: str
    context: ssl.SSLContext | None
    vigil: Vigil = field(default_factory=Vigil)
    """Watches every client that is opened with this."""

    @property
    def deadline_seconds(self) -> float:
        """How long one call of ours may take, retries included."""
        return self.settings.send_deadline_seconds

    def lacking(self, operation: Operation, topic: str = "", group: str = "") -> Lacking:
        """Return the words for a missing right, of a request that needs this operation on these."""
        need = Need(operation, topic, group)
        return lambda error, what: refusal(error, what, need, self.settings)

    def options(self) -> Options:
        """Return the shared options. Secrets are taken out of their wrapper here and nowhere else."""
        password = self.settings.sasl_password
        return Options(
            bootstrap_servers=self.settings.bootstrap_servers,
            client_id=self.client_id,
            security_protocol=self.settings.security_protocol,
            ssl_context=self.context,
            sasl_mechanism=self.settings.sasl_mechanism,
            sasl_plain_username=self.settings.sasl_username,
            sasl_plain_password=password.get_secret_value() if password else None,
        )


def connection(settings: KafkaSettings, client_id: str) -> Connection:
    """Make a connection's options; raises OSError (ssl.SSLError) for certificate files that can't be read."""
    context: ssl.SSLContext | None = None
    if settings.security_protocol in {"SSL", "SASL_SSL"}:
        ca_file = str(settings.ssl_ca_file) if settings.ssl_ca_file else None
        context = ssl.create_default_context(cafile=ca_file)
        if settings.ssl_cert_file:
            context.load_cert_chain(settings.ssl_cert_file, settings.ssl_key_file)
    return Connection(settings, client_id, context)


@asynccontextmanager
async def answered(what: str, seconds: float, lacking: Lacking | None = None) -> AsyncGenerator[None]:
    """Give a request to Kafka its deadline, and its errors our words; `lacking` are those for a missing right."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Unreachable(f"{what}: Kafka didn't answer within {seconds:g} s") from None
    except (KafkaError, OSError) as error:
        raise translated(error, what, lacking) from error


def translated(error: Exception, what: str, lacking: Lacking | None = None) -> ArgosyError:
    """Say an error of the library in ours: never taken, not allowed, or no answer (the outcome is unknown)."""
    if lacking is not None and isinstance(error, LACKING):
        return lacking(error, what)
    text = f"{what}: {_words(error)}"
    if isinstance(error, TOO_LARGE):
        return MessageTooLarge(text)
    if isinstance(error, REFUSALS):
        return Refused(text)
    return Unreachable(text)


def _words(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if "Unable to bootstrap" in text and (asked := _ASKED.findall(text)):
        return f"Kafka at {','.join(f'{host}:{port}' for host, port in asked)} doesn't answer"
    return text
