"""Kafka's own command line tools: what its distribution has beside the server, for tests that compare with them."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from argosy.console.cache import locked, sha256_of
from argosy.console.java import find_java
from argosy.console.kafka_jars import KAFKA_VERSION, Jar, ensure_jars, fetch, kafka_folder

TOOLS: Final = Jar(
    "org.apache.kafka",
    "kafka-tools",
    KAFKA_VERSION,
    "62f3c5dd7aa3442d4c5bc6a95f86e2502178ea09de8e27f74d9563bf955e253c",
)
"""It needs no jar that the server hasn't. Users never need it: it isn't on their list."""
GROUPS: Final = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


@dataclass(frozen=True)
class GroupLine:
    """What `kafka-consumer-groups --describe` says of a partition; None where it has a dash."""

    committed: int | None
    end: int | None
    lag: int | None


def class_path() -> str:
    """Return the class path with the tools; they are downloaded once, as the server's jars are."""
    jars, folder = ensure_jars(), kafka_folder() / "tools"
    with locked(folder):
        if sha256_of(folder / TOOLS.file_name) != TOOLS.sha256:
            with TemporaryDirectory(dir=folder, prefix=".download-") as staging:
                fetch(TOOLS, Path(staging), folder)
    return os.pathsep.join([f"{jars}/*", str(folder / TOOLS.file_name)])


async def consumer_groups(servers: str, group: str, topic: str) -> dict[int, GroupLine]:
    """Run `kafka-consumer-groups --describe` and read its table, by partition."""
    program, path = await asyncio.to_thread(lambda: (find_java().program, class_path()))
    options = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    command = (
        "--bootstrap-server",
        servers,
        "--describe",
        "--offsets",
        "--group",
        group,
        "--timeout",
        "60000",
    )
    child = await asyncio.create_subprocess_exec(
        program, *options, "-cp", path, GROUPS, *command, stdout=-1, stderr=-1
    )
    out, errors = await child.communicate()
    assert child.returncode == 0, errors.decode()
    rows = [line.split() for line in out.decode().splitlines() if line.startswith(group)]
    assert rows, out.decode() + errors.decode()
    return {int(row[2]): GroupLine(*map(_number, row[3:6])) for row in rows if row[1] == topic}


def _number(text: str) -> int | None:
    return None if text == "-" else int(text)
