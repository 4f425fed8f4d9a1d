"""A fleet of real processes that has gone through all that a metric tells of, with secrets planted everywhere.

`told_fleet(folder, stack)` plays it; `TellingFleet` then has its scrapes, its files and its topics. What another
process shows is to be searched too: `fleet.operated.start(…)`, and give it to `canaries.found_in`.
"""

import asyncio
import http.client
import json
import signal
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import redis
from pydantic import JsonValue

from argosy.broker.cluster import KafkaCluster
from argosy.broker.log import Partition
from argosy.schemas.settings import KafkaSettings
from argosy.testing import Rule, Say, Script, ScriptedModels
from argosy.testing.model_faults import Status
from support import telling_app
from support.canaries import CANARIES
from support.operated import Operated
from support.otlp import Received, receiver
from support.scrape import Sample, scrape
from support.stack import StackThread

APP = Path(telling_app.__file__)
GOOD: Final[JsonValue] = {"facts": ["it is written in Scala", CANARIES["pattern in a model's answer"]]}
WRONG: Final[JsonValue] = {"password": CANARIES["field of a model's answer"]}
SCRIPT = Script(
    rules=[
        Rule(
            schema_name="Notes",
            replies=[Say(value=WRONG, fits=False), Say(value=GOOD)],
            faults=[
                Status(
                    status=429, retry_after_seconds=0.1, last=1, message=f"no: {CANARIES['model api key']}"
                )
            ],
        )
    ],
    otherwise="echo",
)


def _settings(
    prefix: str, stack: StackThread, models: ScriptedModels, folder: Path, collector: str
) -> dict[str, str]:
    where = urlsplit(stack.redis_url)
    return {
        "ARGOSY_TEST_HERE": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "ARGOSY_REDIS__URL": f"redis://{prefix}:{CANARIES['redis password']}@{where.netloc}{where.path}",
        "ARGOSY_KAFKA__SASL_PASSWORD": CANARIES["kafka sasl password"],
        "ARGOSY_MODEL__API_KEY": CANARIES["model api key"],
        "ARGOSY_GATEWAY__TOKEN": CANARIES["gateway token"],
        "ARGOSY_TELEMETRY__OTLP_ENDPOINT": collector,
        "ARGOSY_TELEMETRY__OTLP_PROTOCOL": "http/protobuf",
        "ARGOSY_TELEMETRY__OTLP_HEADERS": f"authorization={CANARIES['otlp header']}",
        "CANARY_API_KEY": CANARIES["environment"],
        # Well beyond the session: who follows a dead worker finds its lease running, and catches that duplicate.
        "ARGOSY_FLEET__LEASE_SECONDS": "24",
        "ARGOSY_FLEET__RENEW_SECONDS": "0.5",
        "ARGOSY_FLEET__UNKNOWN_PIPELINE_SECONDS": "0.2",
        "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "12",
        "ARGOSY_TELEMETRY__METRICS_PORT": "0",
        "ARGOSY_TELEMETRY__FOLDER": str(folder / "otlp"),
        "ARGOSY_TELEMETRY__CONTENT": "full",
        "ARGOSY_TELEMETRY__LOG_LEVEL": "debug",
        "ARGOSY_MODEL__LIMITS": json.dumps(
            {"*": {"requests_per_minute": 6000, "tokens_per_minute": 1_000_000}}
        ),
        **models.environment,
    }


@dataclass
class TellingFleet:
    """Of a fleet that runs."""

    operated: Operated
    collected: Received
    """What its collector was sent."""
    gateway: str = ""
    answers: list[str] = field(default_factory=list[str])
    """What the gateway answered, and what commands printed."""

    def pages(self) -> Mapping[str, str]:
        """Where each process serves /metrics, by its job and name."""
        found = self.operated.argosy("monitoring", "targets", "--json").stdout
        return {
            f"{each['labels']['job']} {each['labels']['argosy_process']}": f"http://{each['targets'][0]}/metrics"
            for each in json.loads(found)
        }

    def samples(self) -> list[Sample]:
        """Scrape them all; who was killed is there for a moment yet, and answers no more."""
        found: list[Sample] = []
        for url in self.pages().values():
            with suppress(ConnectionRefusedError):
                found += scrape(url)
        return found

    def topic(self, name: str) -> bytes:
        """Read all records of a topic: keys, headers and values."""

        async def read() -> bytes:
            cluster = KafkaCluster(KafkaSettings(bootstrap_servers=self.operated.stack.bootstrap_servers))
            try:
                topic = f"{self.operated.prefix}.{name}"
                parts: list[bytes] = []
                for number in range(await cluster.partitions(topic)):
                    async for record in cluster.scan(Partition(topic, number), 0):
                        parts += [record.key or b"", record.value or b""]
                        parts += [
                            part for key, value in record.headers for part in (key.encode(), value or b"")
                        ]
                return b"\n".join(parts)
            finally:
                await cluster.close()

        return asyncio.run(read())

    def ask(self, *words: str) -> str:
        """Run a command; keep and return what it printed."""
        done = self.operated.argosy.run(*words)
        self.answers += [done.stdout, done.stderr]
        return done.stdout + done.stderr

    def shown(self, *words: str) -> str:
        """Run a command that is to show values, and return what it printed."""
        done = self.operated.argosy.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def http(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
        """Ask the gateway, and keep its answer."""
        connection = http.client.HTTPConnection(urlsplit(self.gateway).netloc, timeout=60)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"content-type": "application/json", **headers})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        self.answers.append(text)
        return answer.status, text

    def ended(self, run_id: str) -> bool:
        """Say whether a run has ended."""
        done = self.operated.argosy.run("runs", "show", run_id, "--json")
        return bool(done.stdout) and json.loads(done.stdout)["state"] != "active"

    def submit(self, pipeline: str, value: object, run_id: str, *more: str) -> None:
        """Submit a run."""
        words = ("run", pipeline, "--app", str(APP), "--run-id", run_id, "--detach", *more)
        file = self.operated.folder / f"{run_id}.json"
        file.write_text(json.dumps(value))
        self.operated.argosy(*words, "--input", f"@{file}")
        file.unlink()

    def command_lines(self) -> str:
        """Return what `ps` shows of all processes of this machine."""
        found: list[str] = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
        return "\n".join(found)


@contextmanager
def told_fleet(folder: Path, stack: StackThread) -> Generator[TellingFleet]:
    """Play everything; the fleet still runs."""
    prefix, where = f"told-{uuid4().hex[:8]}", urlsplit(stack.redis_url)
    with (
        ScriptedModels(SCRIPT) as models,
        receiver() as collector,
        redis.Redis(host=where.hostname or "", port=where.port or 0) as server,
    ):
        server.acl_setuser(  # pyright: ignore[reportUnknownMemberType] # the library's
            prefix,
            enabled=True,
            passwords=[f"+{CANARIES['redis password']}"],
            categories=["+@all"],
            keys=["*"],
            channels=["*"],
        )
        settings = _settings(prefix, stack, models, folder, collector.http_endpoint)
        operated = Operated(folder, stack, prefix, settings)
        fleet = TellingFleet(operated, collector.received)
        try:
            _play(fleet)
            yield fleet
        finally:
            operated.end_all()
            server.acl_deluser(prefix)  # pyright: ignore[reportUnknownMemberType] # the library's


def _play(fleet: TellingFleet) -> None:
    operated = fleet.operated
    operated.start("coordinator", "coordinator")
    operated.start("doomed", "worker", f"{APP}:patient", "--drain-seconds", "0.5")
    fleet.submit("waiting", "first", "waits")
    operated.until(lambda: bool(list(operated.folder.glob("first.*"))), "a handler waits")
    operated.start("worker", "worker", str(APP), "--drain-seconds", "0.5")
    operated.start("gateway", "gateway", "--port", "0")
    fleet.gateway = (operated.folder / "gateway.ready").read_text().strip()
    operated.end("doomed", signal.SIGKILL)
    wish = {
        "topic": "Kafka",
        "password": CANARIES["field of an input"],
        "note": CANARIES["pattern in an input"],
    }
    fleet.submit("asking", wish, "asks")
    fleet.submit("asking", wish, "poor", "--budget", "1")
    fleet.submit(
        "asking", wish, "begs", "--budget", "1", "--on-spent", "ask"
    )  # nobody answers: it asks to the end
    fleet.submit("breaking", "bad", "breaks")
    _strangers(fleet)
    operated.until(
        lambda: len(list(operated.folder.glob("first.*"))) > 1, "another worker has taken the task over"
    )
    (operated.folder / "first").touch()
    for run in ("waits", "asks", "poor", "breaks"):
        operated.until(partial(fleet.ended, run), f"{run} has ended")
    _requests(fleet)


def _strangers(fleet: TellingFleet) -> None:
    """Send what is no message of ours, a submit of a pipeline that nobody knows, and one with a malformed trace."""
    secret = CANARIES["header of a record"].encode()
    body = json.dumps({"password": CANARIES["field of a buried body"]})[:-1].encode()  # no JSON: it is buried
    fleet.operated.send("inbox", body, (("authorization", secret), ("x-api_key", secret)))
    fleet.operated.send(
        "tasks.broken", b"{}", (("ce_type", b"argosy.task.dispatched.v1"), ("cookie", secret))
    )
    said = {
        "ce_specversion": "1.0", "ce_type": "argosy.run.submitted.v1", "ce_id": "nobody", "ce_source": "another",
        "ce_subject": "nobody", "content-type": "application/json", "traceparent": "nonsense",
    }  # fmt: skip
    headers = tuple((name, value.encode()) for name, value in said.items())
    fleet.operated.send("inbox", json.dumps({"pipeline": "nobody@1", "input": "x"}).encode(), headers)


def _requests(fleet: TellingFleet) -> None:
    """Ask the gateway: with its token, and with others'."""
    ours = {"authorization": f"Bearer {CANARIES['gateway token']}"}
    theirs = {
        "authorization": f"Bearer {CANARIES['bearer token of a caller']}",
        "cookie": f"session={CANARIES['cookie of a caller']}",
    }
    assert fleet.http("GET", "/health")[0] == http.client.OK
    assert fleet.http("GET", "/runs/asks", **theirs)[0] == http.client.UNAUTHORIZED
    assert fleet.http("GET", "/runs/breaks/result", **ours)[0] == http.client.OK
    fleet.http("GET", "/runs/nobody-knows-it", **ours, cookie=theirs["cookie"])
    fleet.http("POST", "/runs", {"pipeline": 7}, **ours, cookie=theirs["cookie"])
    status, _ = fleet.http("GET", "/runs/breaks/events", **ours)
    assert status == http.client.OK
