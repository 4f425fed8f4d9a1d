"""What `argosy doctor` asks the services: whether they answer and are set up as a fleet needs them."""

import logging
from urllib.parse import urlsplit

from argosy.broker.cluster import KafkaCluster
from argosy.broker.payloads import ObstorePayloads
from argosy.broker.provision import findings
from argosy.broker.redis import RedisStore
from argosy.broker.server_check import check_server
from argosy.broker.topics import TopicNames, plan
from argosy.console.check import Check, Verdict, ok
from argosy.console.fleet_checks import fleet_checks
from argosy.console.memory_fleet import way_to_memory
from argosy.console.numbers import counted
from argosy.schemas.errors import Advice, ArgosyError, Refused, Unreachable
from argosy.schemas.settings import KafkaSettings, Settings

KAFKA_WITHIN_SECONDS = 10.0


async def service_checks(settings: Settings) -> list[Check]:
    """Ask Kafka, Redis and the payload store; nothing is changed but a tiny payload and a record of events."""
    kafka, redis = await _kafka(settings), await _redis(settings)
    fleet = await _fleet(settings) if kafka[0].verdict is redis[0].verdict is Verdict.OK else []
    return [*kafka, *redis, await _payloads(settings), *fleet]


async def _fleet(settings: Settings) -> list[Check]:
    cluster, store = KafkaCluster(_within(settings.kafka)), RedisStore(settings.redis)
    try:
        return await fleet_checks(settings, cluster, store)
    except ArgosyError as error:
        return [_failed("fleet", "the fleet can't be looked at", error, kafka_cure(settings.kafka, error))]
    finally:
        await cluster.close()
        await store.close()


def _within(kafka: KafkaSettings) -> KafkaSettings:
    return kafka.model_copy(update={"send_deadline_seconds": KAFKA_WITHIN_SECONDS})


async def _kafka(settings: Settings) -> list[Check]:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it says of a refused connection, we say
    where = settings.kafka.bootstrap_servers
    cluster, names = KafkaCluster(_within(settings.kafka)), TopicNames(settings.kafka.topic_prefix)
    try:
        topics = await cluster.topic_names()
        agents = [agent for topic in topics if (agent := names.agent_of(topic)) is not None]
        wrong = await findings(cluster, settings, agents)
    except ArgosyError as error:
        return [_failed("kafka", f"Kafka at {where} can't be used", error, kafka_cure(settings.kafka, error))]
    finally:
        await cluster.close()
    checks = [ok("kafka", where)]
    if not wrong:
        checks.append(ok("topics", f"{counted(len(plan(settings, agents)), 'topic')} as planned"))
    for finding in wrong:
        verdict = Verdict.PROBLEM if finding.fatal else Verdict.WARNING
        why = hidden_by_acl(settings.kafka) if finding.problem == "is missing" else ""
        checks.append(Check("topics", verdict, f"{finding.topic} {finding.problem}", why, finding.cure))
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
        await ObstorePayloads(settings.payloads).probe()
    except ArgosyError as error:
        cure = "look at ARGOSY_PAYLOADS and at the rights on it"
        return _failed("payload store", "the payload store can't be used", error, cure)
    return ok("payload store", without_secrets(settings.payloads) or ".argosy/payloads")


def _failed(name: str, what: str, error: ArgosyError, cure: str) -> Check:
    if isinstance(error, Advice):
        return Check(name, Verdict.PROBLEM, what, f"{error.what} {error.why}".strip(), error.do or cure)
    if isinstance(error, Unreachable):
        cure = way_to_memory() or cure
    text, _, do = str(error).partition("\n  do:")
    return Check(name, Verdict.PROBLEM, what, text.replace("\n  why:", ""), do.strip() or cure)


def kafka_cure(kafka: KafkaSettings, error: ArgosyError) -> str:
    """Say what to do when Kafka can't be used: another address, another user, or more rights."""
    if isinstance(error, Refused):
        user = kafka.sasl_username or "<user>"
        return (
            f"give {user} its rights (docs/security.md has them by role), as: kafka-acls.sh --add --allow-principal "
            f"User:{user} --operation Describe --operation Read --operation Write --topic {kafka.topic_prefix}. "
            "--resource-pattern-type prefixed; if it is a password or a certificate: ARGOSY_KAFKA__SASL_…, _SSL_…"
        )
    if kafka.security_protocol == "PLAINTEXT":
        return "start it (argosy up), or set KAFKA_BOOTSTRAP_SERVERS to where it listens"
    return "look at its address, and at ARGOSY_KAFKA__SECURITY_PROTOCOL, the certificates and the SASL user"


def hidden_by_acl(kafka: KafkaSettings) -> str:
    """Say that a topic which isn't seen may be there: Kafka hides what a user may not describe."""
    if kafka.security_protocol == "PLAINTEXT":
        return ""
    user = kafka.sasl_username or "this user"
    return (
        f"or {user} may not Describe it: Kafka shows a topic only to who has a right on it (docs/security.md)"
    )


def without_secrets(url: str) -> str:
    """Return a URL that may be shown: user, password and query taken out."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()
