"""Connecting to Kafka, with the reason when no server takes us: the library only logs it."""

import ssl
from typing import Final, Protocol

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError

from argosy.broker.connection import REFUSALS, Connection
from argosy.broker.lost_connection import closed_at_failure

_ASK_MS: Final = 5_000


class Startable(Protocol):
    """Any client of the library."""

    async def start(self) -> None:
        """Connect; KafkaConnectionError if no server could be reached, or none took us."""


async def connect(client: Startable, connection: Connection) -> None:
    """Start a client. Raises what the library raises; a wrong password or certificate as what it is.

    Cancelled, or in vain: no connection stays open, if the client is closed too.
    """
    try:
        with closed_at_failure():
            await client.start()
    except KafkaConnectionError as error:
        refusal = await _refusal(connection)
        if refusal is None:
            raise
        raise refusal from error


async def _refusal(connection: Connection) -> Exception | None:
    """Ask each server once more; None if none says no: they are away."""
    options = connection.options()
    if options["security_protocol"] == "PLAINTEXT":
        return None
    for host, port, _ in collect_hosts(options["bootstrap_servers"], randomize=False):
        try:
            asked = await create_conn(
                host,
                port,
                client_id=options["client_id"],
                request_timeout_ms=_ASK_MS,
                ssl_context=options["ssl_context"],
                security_protocol=options["security_protocol"],
                sasl_mechanism=options["sasl_mechanism"],
                sasl_plain_username=options["sasl_plain_username"],
                sasl_plain_password=options["sasl_plain_password"],
            )
        except (*REFUSALS, ssl.SSLError) as error:
            return error
        except (OSError, KafkaError, TimeoutError):
            continue
        asked.close()
    return None
