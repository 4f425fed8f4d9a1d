"""What `argosy doctor` asks the services: whether they answer and are set up as a fleet needs them."""

import logging
from urllib.parse import urlsplit

from argosy.broker.cluster import KafkaCluster
from argosy.broker.payloads import ObstorePayloads
from argosy.broker.provision import findings
from argosy.broker.redis import RedisStore
from argosy.broker.server_check import check_server
from argosy.broker.topics import plan
from argosy.console.check import Check, Verdict, ok
from argosy.schemas.errors import Advice, ArgosyError
from argosy.schemas.settings import KafkaSettings, Settings

KAFKA_WITHIN_SECONDS = 10.0


async def service_checks(settings: Settings) -> list[Check]:
    """Ask Kafka, Redis and the payload store; nothing is changed but one tiny payload."""
    return [*await _kafka(settings), *await _redis(settings), await _payloads(settings)]


async def _kafka(settings: Settings) -> list[Check]:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it says of a refused connection, we say
    where = settings.kafka.bootstrap_servers
    cluster = KafkaCluster(settings.kafka.model_copy(update={"send_deadline_seconds": KAFKA_WITHIN_SECONDS}))
    try:
        wrong = await findings(cluster, settings)
    except ArgosyError as error:
        return [_failed("kafka", f"Kafka at {where} can't be used", error, _kafka_cure(settings.kafka))]
    finally:
        await cluster.close()
    checks = [ok("kafka", where)]
    if not wrong:
        checks.append(ok("topics", f"{len(plan(settings))} topics are as planned"))
    for finding in wrong:
        verdict = Verdict.PROBLEM if finding.fatal else Verdict.WARNING
        checks.append(Check("topics", verdict, f"{finding.topic} {finding.problem}", do=finding.cure))
    return checks


async def _redis(settings: Settings) -> list[Check]:
    where = without_secrets(settings.redis.url.get_secret_value())
    store = RedisStore(settings.redis)
    try:
        found = await check_server(store)
    except ArgosyError as error:
        cure = "start it (argosy up), or set REDIS_URL to where it listens"
        return [_failed("redis", f"Redis at {where} can't be used", error, cure)]
    finally:
        await store.close()
    checks = [ok("redis", where)]
    if not found:
        checks.append(ok("redis settings", "never evicts, keeps its data on disk"))
    for finding in found:
        verdict = Verdict.PROBLEM if finding.severity == "error" else Verdict.WARNING
        checks.append(Check("redis settings", verdict, finding.what, finding.why, finding.do))
    return checks


async def _payloads(settings: Settings) -> Check:
    try:
        store = ObstorePayloads(settings.payloads)
        await store.get(await store.put(b"argosy doctor"))
    except ArgosyError as error:
        cure = "look at ARGOSY_PAYLOADS and at the rights on it"
        return _failed("payload store", "the payload store can't be used", error, cure)
    return ok("payload store", without_secrets(settings.payloads) or ".argosy/payloads")


def _failed(name: str, what: str, error: ArgosyError, cure: str) -> Check:
    if isinstance(error, Advice):
        return Check(name, Verdict.PROBLEM, what, f"{error.what} {error.why}".strip(), error.do or cure)
    text, _, do = str(error).partition("\n  do:")
    return Check(name, Verdict.PROBLEM, what, text.replace("\n  why:", ""), do.strip() or cure)


def _kafka_cure(kafka: KafkaSettings) -> str:
    if kafka.security_protocol == "PLAINTEXT":
        return "start it (argosy up), or set KAFKA_BOOTSTRAP_SERVERS to where it listens"
    return "look at its address, and at ARGOSY_KAFKA__SECURITY_PROTOCOL, the certificates and the SASL user"


def without_secrets(url: str) -> str:
    """Return a URL that may be shown: user, password and query taken out."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()
