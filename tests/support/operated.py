"""A fleet as an operator has it: processes of the real command line on the shared servers, asked by it too."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from pydantic import SecretStr

from argosy.broker.cluster import KafkaCluster
from argosy.broker.log import Outgoing
from argosy.client.connection import Argosy
from argosy.console.exits import FAILED
from argosy.pipelines.discover import discover
from argosy.schemas.envelope import Headers
from argosy.schemas.settings import FleetSettings, KafkaSettings, RedisSettings, Settings
from support.command_line import CommandLine, Unanswered
from support.forked_commands import Forked, forked_commands
from support.stack import StackThread

APP = '''
import asyncio
from pathlib import Path

from argosy import Context, Pipeline, Retry, agent, tool

HERE = Path(__file__).parent


@agent(timeout_seconds=600, concurrency=4)
async def patient(ctx: Context, text: str) -> str:
    """Wait until a file of the text's name is there."""
    while not (HERE / text).exists():
        await asyncio.sleep(0.05)
    return text


@agent(retries=3)
async def later(ctx: Context, text: str) -> str:
    """Ask for patience until a file of the text's name is there."""
    if not (HERE / text).exists():
        raise Retry("not yet", after_seconds=600)
    return text


@agent
async def quick(ctx: Context, text: str) -> str:
    """Answer at once."""
    if text == "bad":
        raise ValueError("a bad text")
    return text.upper()


@agent
async def both(ctx: Context, one: str, two: str) -> str:
    """Join."""
    return f"{one}+{two}"


waits = Pipeline("waits", takes=str, gives=str)
waits.returns(waits.step(patient, waits.input))

retries = Pipeline("retries", takes=str, gives=str)
retries.returns(retries.step(later, retries.input))

fast = Pipeline("fast", takes=str, gives=str)
fast.returns(fast.step(quick, fast.input))

joins = Pipeline("joins", takes=str, gives=str)
joins.returns(joins.step(both, joins.step(patient, joins.input), joins.step(quick, joins.input)))
'''


Process = Forked | subprocess.Popen[str]


@dataclass
class Operated:
    """Everything lives in `folder`, on the servers of `stack`, under a prefix of its own."""

    folder: Path
    stack: StackThread
    prefix: str
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    processes: dict[str, Process] = field(default_factory=dict[str, "Process"])

    def __post_init__(self) -> None:
        (self.folder / "app.py").write_text(APP)
        self.environment = {
            "ARGOSY_KAFKA__BOOTSTRAP_SERVERS": self.stack.bootstrap_servers,
            "ARGOSY_REDIS__URL": self.stack.redis_url,
            "ARGOSY_KAFKA__TOPIC_PREFIX": self.prefix,
            "ARGOSY_REDIS__KEY_PREFIX": self.prefix,
            "ARGOSY_KAFKA__INBOX_PARTITIONS": "1",
            "ARGOSY_KAFKA__WORK_PARTITIONS": "2",
            "ARGOSY_FLEET__LANES": "1",
            "ARGOSY_FLEET__LEASE_SECONDS": "30",
            "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "30",
            "ARGOSY_TELEMETRY__LOG_FORMAT": "json",
            **self.variables,
        }
        self.argosy = CommandLine(self.folder, self.environment)

    def start(self, name: str, *arguments: str, program: Path | None = None) -> Process:
        """Start `argosy …` and wait until it serves; `program` may be another that becomes it."""
        ready, log = self.folder / f"{name}.ready", self.folder / f"{name}.log"
        for old in (ready, log):
            old.unlink(missing_ok=True)
        log.touch()
        words = [*arguments, "--ready-file", str(ready)]
        variables = {**os.environ, **self.environment}
        if program is None:
            process: Process = forked_commands().start(words, variables, self.folder, log, log)
        else:
            with log.open("w") as said:
                command = [sys.executable, str(program), *words]
                process = subprocess.Popen(
                    command, cwd=self.folder, env=variables, stdout=said, stderr=said, text=True
                )
        self.processes[name] = process
        self.until(lambda: ready.exists() or process.poll() is not None, f"{name} serves")
        assert process.poll() is None, log.read_text()
        return process

    def coordinator(self) -> Process:
        return self.start("coordinator", "coordinator")

    def worker(self, agents: str) -> Process:
        return self.start(f"worker-{agents}", "worker", f"app.py:{agents}", "--drain-seconds", "0.5")

    def end(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal and wait for the end. One that stands still is woken after: killed, it never moves again."""
        process = self.processes.pop(name)
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        process.wait(timeout=120)

    def end_all(self) -> None:
        for name in list(self.processes):
            self.end(name, signal.SIGKILL)

    def submit(self, pipeline: str, text: str, run_id: str, *, app: bool = True) -> None:
        source = ("--app", "app.py") if app else ()
        self.argosy("run", pipeline, *source, "--input", json.dumps(text), "--run-id", run_id, "--detach")

    def send(self, topic: str, value: bytes, headers: Headers = (("x", b"y"),)) -> None:
        """Append a record; without `headers` one that is none of ours."""

        async def work() -> None:
            cluster = KafkaCluster(KafkaSettings(bootstrap_servers=self.stack.bootstrap_servers))
            await (await cluster.producer()).send(Outgoing(f"{self.prefix}.{topic}", b"k", value, headers, 0))
            await cluster.close()

        asyncio.run(work())

    def send_submit(self, run_id: str, body: Mapping[str, object], *, version: int = 1, time: str) -> None:
        """Append a submit as another client would write it: of another version, or at another time."""
        said = {
            "ce_specversion": "1.0",
            "ce_type": f"argosy.run.submitted.v{version}",
            "ce_id": run_id,
            "ce_source": "another",
            "ce_subject": run_id,
            "ce_time": time,
            "content-type": "application/json",
        }
        headers = tuple((name, value.encode()) for name, value in said.items())
        self.send("inbox", json.dumps(body).encode(), headers)

    def submit_all(self, pipeline: str, texts: Sequence[str]) -> None:
        """Submit a run for each text, all at once."""
        compiled = discover(str(self.folder / "app.py")).pipeline(pipeline).compile()

        async def work() -> None:
            settings = Settings(
                kafka=KafkaSettings(bootstrap_servers=self.stack.bootstrap_servers, topic_prefix=self.prefix),
                redis=RedisSettings(url=SecretStr(self.stack.redis_url), key_prefix=self.prefix),
                fleet=FleetSettings(lanes=1),
            )
            async with Argosy.connect(settings) as fleet:
                await asyncio.gather(*(fleet.submit(compiled, text) for text in texts))

        asyncio.run(work())

    def ask(self, *arguments: str, expect: int = 0) -> dict[str, Any]:
        """Run a command with --json and read its one object."""
        told: dict[str, Any] = json.loads(self.argosy(*arguments, "--json", expect=expect).stdout)
        return told

    def known(self, run_id: str) -> None:
        """Wait until a run that was submitted is accepted: commands say of it before that there is no such run."""
        self.until(
            lambda: self.argosy.run("runs", "show", run_id).returncode in (0, FAILED), f"{run_id} is known"
        )

    def why(
        self, run_id: str, code: str, *, expect: int = 0, so: Callable[[dict[str, Any]], bool] = bool
    ) -> dict[str, Any]:
        """Ask until the cause is this one, and what is told with it is `so`; AssertionError that names the last one."""
        told: list[str] = []

        def is_so() -> bool:
            done = self.argosy.run("why", run_id, "--json")
            told.append(done.stdout or done.stderr)
            if done.returncode != expect or not done.stdout:
                return False
            verdict: dict[str, Any] = json.loads(done.stdout)
            return bool(verdict["cause"]["code"] == code) and so(verdict)

        self.until(is_so, f"the cause is {code}", told=told)
        found: dict[str, Any] = json.loads(told[-1])
        return found

    @staticmethod
    def until(
        condition: Callable[[], bool], what: str, *, seconds: float = 240.0, told: Sequence[object] = ()
    ) -> None:
        """Ask until the condition holds; AssertionError that names `what`, and the last of what was `told`.

        A command that wasn't answered in its time says nothing yet.
        """

        def holds() -> bool:
            try:
                return condition()
            except Unanswered:
                return False

        looked = monotonic()
        end = looked + seconds
        while not holds():
            assert monotonic() < end, f"after {seconds:g} s still not so: {what}; at last {told[-1:]}"
            sleep(min(0.5, max(0.05, monotonic() - looked)))  # whoever looks leaves others half of a core
            looked = monotonic()
