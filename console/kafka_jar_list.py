"""Renew `kafka_jars.txt` for another version of Kafka: `python -m argosy.console.kafka_jar_list`.

The only place where anything is resolved: it trusts the repository once, and the list pins what was found.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from jgo.maven import MavenContext

from argosy.console.cache import sha256_of
from argosy.console.kafka_jars import KAFKA_VERSION, Jar

# Kafka's own distribution logs through this; resolved apart, since joined to Kafka's it changes versions.
_LOG_BINDING: Final = ("org.apache.logging.log4j", "log4j-slf4j-impl")


def resolve() -> list[Jar]:
    """Resolve and download the whole class path, a minute's work, and return it with its sums."""
    with TemporaryDirectory() as folder:
        maven = MavenContext(repo_cache=Path(folder))
        inputs, transitive = maven.resolver.resolve(
            [maven.create_dependency(f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}")]
        )
        artifacts = [dependency.artifact for dependency in (*inputs, *transitive)]
        log4j = next(artifact.version for artifact in artifacts if artifact.artifactId == "log4j-core")
        artifacts.append(maven.project(*_LOG_BINDING).at_version(log4j).artifact())
        return [Jar(a.groupId, a.artifactId, a.version, sha256_of(a.resolve())) for a in artifacts]


if __name__ == "__main__":
    title = f"# The class path of Apache Kafka {KAFKA_VERSION} and its log binding, by {Path(__file__).name}."
    lines = sorted(f"{jar.sha256} {jar.group}:{jar.artifact}:{jar.version}" for jar in resolve())
    sys.stdout.write("\n".join([title, *sorted(lines, key=lambda line: line.split()[1])]) + "\n")
