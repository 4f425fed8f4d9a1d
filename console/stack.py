"""A stack instance: real Kafka and Valkey under one supervisor, all they keep in one folder."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from argosy.console.java import find_java
from argosy.console.kafka_cluster import Broker, Cluster, Door, new_kafka_id
from argosy.console.kafka_jars import Progress, ensure_jars, untold
from argosy.console.kafka_server import Kafka, format_storage, kafka_child, write_configuration
from argosy.console.ports import free_ports, is_free
from argosy.console.process import ProcessId
from argosy.console.stack_state import (
    ChildStatus,
    Layout,
    StackState,
    read_state,
    reap_left_over,
    write_state,
)
from argosy.console.supervise import Supervisor
from argosy.console.valkey_server import find_valkey, redis_url, valkey_child
from argosy.schemas.errors import ConfigurationError


def choose_layout(brokers: int, old: Layout | None, doors: int = 0) -> Layout:
    """Keep an instance's ids, and its ports where they are still free, so that clients find it again.

    An instance keeps the number of brokers that its data was made with. Doors are made anew each time.
    """
    many = brokers if old is None else len(old.cluster.brokers)
    fresh = iter(free_ports(2 * many * (1 + doors) + 1))

    def keep(port: int) -> int:
        return port if is_free(port) else next(fresh)

    def new_doors() -> tuple[Door, ...]:
        return tuple(Door(port=next(fresh), advertised=next(fresh)) for _ in range(doors))

    if old is None:
        nodes = tuple(
            Broker(
                node_id=node,
                port=next(fresh),
                controller_port=next(fresh),
                directory_id=new_kafka_id(),
                doors=new_doors(),
            )
            for node in range(1, brokers + 1)
        )
        cluster = Cluster(cluster_id=new_kafka_id(), brokers=nodes)
        return Layout(cluster=cluster, redis_port=next(fresh))
    if len(old.cluster.brokers) > 1:
        _need_ports([each.controller_port for each in old.cluster.brokers])
    nodes = tuple(
        each.model_copy(
            update={
                "port": keep(each.port),
                "controller_port": keep(each.controller_port),
                "doors": new_doors(),
            }
        )
        for each in old.cluster.brokers
    )
    cluster = old.cluster.model_copy(update={"brokers": nodes})
    return Layout(cluster=cluster, redis_port=keep(old.redis_port))


def _need_ports(ports: list[int]) -> None:
    """Refuse to move controllers: a quorum of several finds its members at the addresses in its own log."""
    taken = [port for port in ports if not is_free(port)]
    if taken:
        raise ConfigurationError(
            f"port {taken[0]} is taken",
            "a Kafka controller of this instance listened there, and the others expect it there",
            "end the program that took it, or choose another --dir",
        )


class LocalStack:
    """Real Kafka and Valkey for as long as it is entered: `async with LocalStack(folder) as stack:`.

    Its `supervisor` takes more children (a coordinator, workers), gives pids, and kills, holds and restarts
    each by name: `kafka` (then `kafka-2`, `kafka-3`) and `valkey`. One process at a time may run an instance.
    """

    def __init__(
        self,
        folder: Path,
        *,
        brokers: int = 1,
        doors: int = 0,
        progress: Progress = untold,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`folder` is made if missing; `progress` is told of downloads, which a machine needs once.

        `doors` are so many more ways to Kafka, each for a proxy to stand in (`argosy.testing.proxy`): clients of
        `state.layout.cluster.behind(door)` are sent to each broker's `doors[door].advertised`. `tell` takes a
        line when a process of the stack ends by itself, and when it is back.
        """
        self.folder = folder.absolute()
        self.supervisor = Supervisor(on_change=self._write_down, tell=tell)
        self._brokers, self._doors = brokers, doors
        self._progress = progress
        self._state: StackState | None = None
        self._leave = AsyncExitStack()
        self._stopped = ExitStack()  # what to do when every child has ended

    @property
    def state(self) -> StackState:
        """What the state file says."""
        if self._state is None:
            message = "the stack is not entered"
            raise RuntimeError(message)
        return self._state

    @property
    def bootstrap_servers(self) -> str:
        """Kafka's address, as clients want it."""
        return self.state.bootstrap_servers

    @property
    def redis_url(self) -> str:
        """Valkey's address."""
        return self.state.redis_url

    async def __aenter__(self) -> Self:
        """Return when all is ready. Raises `ConfigurationError`, `Unreachable` or `ChildFailed`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as leave:
            self._lock(leave)
            reap_left_over(self.folder)
            java, valkey = await asyncio.to_thread(find_java), find_valkey()
            kafka = Kafka(java, await asyncio.to_thread(ensure_jars, self._progress))
            self._begin()
            leave.callback(self._forget_supervisor)
            leave.enter_context(self._stopped)
            await leave.enter_async_context(self.supervisor)
            await self._start_servers(kafka, valkey)
            self._state = self.state.model_copy(update={"ready": True})
            self._write_down()
            self._leave = leave.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything that the supervisor runs; data, ports and logs stay."""
        await self._leave.__aexit__(kind, error, trace)

    def _lock(self, leave: AsyncExitStack) -> None:
        try:
            leave.enter_context(FileLock(self.folder / "lock", timeout=0))
        except Timeout as error:
            raise ConfigurationError(
                f"the stack in {self.folder} is already running",
                "another process supervises it",
                f"use it (argosy status --dir {self.folder}), stop it (argosy down), or choose another --dir",
            ) from error

    def _begin(self) -> None:
        old = read_state(self.folder)
        layout = choose_layout(self._brokers, old.layout if old else None, self._doors)
        self._state = StackState(
            layout=layout,
            bootstrap_servers=layout.cluster.bootstrap_servers,
            redis_url=redis_url(layout.redis_port),
            supervisor=ProcessId.of(os.getpid()),
        )
        self._write_down()

    async def _start_servers(self, kafka: Kafka, valkey: Path) -> None:
        layout = self.state.layout
        log = self.folder / "logs" / "valkey.log"
        spec = valkey_child(valkey, self.folder / "valkey", layout.redis_port, log)
        try:
            async with asyncio.TaskGroup() as starting:
                starting.create_task(self.supervisor.start(spec), name="start valkey")
                for broker in layout.cluster.brokers:
                    work = self._start_broker(kafka, broker, layout.cluster)
                    starting.create_task(work, name=f"start {broker.name}")
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures  # the first one explains the others

    async def _start_broker(self, kafka: Kafka, broker: Broker, cluster: Cluster) -> None:
        folder = self.folder / broker.name
        write_configuration(folder, broker, cluster)
        await asyncio.to_thread(format_storage, kafka, folder, broker, cluster)
        log = self.folder / "logs" / f"{broker.name}.log"
        child = await self.supervisor.start(kafka_child(kafka, folder, broker, log, cluster))
        archive = kafka.class_archive(folder)
        self._stopped.callback(lambda: archive.keep(child.last_exit))

    def _write_down(self) -> None:
        if self._state is None:
            return
        children = tuple(
            ChildStatus(
                name=child.spec.name,
                state=child.state,
                process=child.process,
                restarts=child.restarts,
                problem=child.problem,
                log=child.spec.log,
            )
            for child in self.supervisor.children.values()
        )
        self._state = self._state.model_copy(update={"children": children})
        write_state(self.folder, self._state)

    def _forget_supervisor(self) -> None:
        if self._state is not None:
            self._state = self._state.model_copy(update={"supervisor": None, "ready": False, "children": ()})
            write_state(self.folder, self._state)
