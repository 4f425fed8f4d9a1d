"""The jars of Apache Kafka: a list with their SHA-256 sums, and a folder in the cache that matches it.

The list is the whole class path, so nothing is ever resolved on a user's machine: what is missing or differs
is fetched by its exact name. It was made from the resolution of `org.apache.kafka:kafka_2.13` alone (the set
that Kafka's own distribution has) and Kafka's own choice of a log binding; `kafka_jar_list.py` renews it.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from argosy.console.cache import cache_folder, locked, sha256_of
from argosy.console.class_archive import forget_archives
from argosy.schemas.errors import ConfigurationError, Unreachable

KAFKA_VERSION: Final = "4.3.1"
JAR_LIST: Final = Path(__file__).with_name("kafka_jars.txt")
_DOWNLOADS_AT_ONCE: Final = 8

Progress = Callable[[int, int], None]


def untold(_done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Jar:
    """One file of the class path, by its Maven coordinates and its sum."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name that Maven repositories give it."""
        return f"{self.artifact}-{self.version}.jar"


def read_jar_list(path: Path = JAR_LIST) -> list[Jar]:
    """Read the list: a line is `<sha256> <group>:<artifact>:<version>`, `#` begins a comment."""
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    jars: list[Jar] = []
    for sha256, coordinates in (line for line in lines if line and line[0] != "#"):
        group, artifact, version = coordinates.split(":")
        jars.append(Jar(group, artifact, version, sha256))
    return jars


def kafka_folder() -> Path:
    """Return the cache's folder for this version of Kafka; it may be empty."""
    return cache_folder() / f"kafka-{KAFKA_VERSION}"


def missing_jars(folder: Path) -> list[Jar]:
    """Return the jars that are not there with the right sum."""
    with ThreadPoolExecutor() as pool:
        jars = read_jar_list()
        sums = pool.map(sha256_of, (folder / jar.file_name for jar in jars))
        return [jar for jar, found in zip(jars, sums, strict=True) if found != jar.sha256]


def ensure_jars(progress: Progress = untold) -> Path:
    """Return the folder with every jar in it, sums checked; only what is missing or wrong is downloaded.

    `progress` is called with the files done and the files to do, and not at all when nothing is to do.
    Raises `Unreachable` when a download fails, `ConfigurationError` when one has a wrong sum.
    """
    folder = kafka_folder() / "jars"
    with locked(folder):
        missing = missing_jars(folder)
        if not missing:
            return folder
        progress(0, len(missing))
        forget_archives(folder.parent)
        with (
            TemporaryDirectory(dir=folder, prefix=".download-") as staging,
            ThreadPoolExecutor(_DOWNLOADS_AT_ONCE, thread_name_prefix="download") as pool,
        ):
            fetches = [pool.submit(fetch, jar, Path(staging), folder) for jar in missing]
            for done, fetched in enumerate(as_completed(fetches), start=1):
                fetched.result()
                progress(done, len(missing))
    return folder


def fetch(jar: Jar, staging: Path, folder: Path) -> None:
    """Put a jar into a folder, by way of another one on the same disk. Raises Unreachable and ConfigurationError."""
    from jgo.maven import MavenContext  # noqa: PLC0415  # slow to import, and needed once per machine only

    component = MavenContext(repo_cache=staging).project(jar.group, jar.artifact).at_version(jar.version)
    try:
        file = component.artifact().resolve()
    except (OSError, RuntimeError) as error:  # requests' errors are OSErrors, jgo's own are RuntimeErrors
        raise Unreachable(
            f"can't download {jar.file_name} of Apache Kafka {KAFKA_VERSION}: {error}. It is needed once; "
            "later starts need no network. Check the connection or the proxy (HTTPS_PROXY), then try again."
        ) from error
    if (found := sha256_of(file)) != jar.sha256:
        raise ConfigurationError(
            f"{jar.file_name} was downloaded, but isn't the file that argosy was tested with",
            f"its SHA-256 is {found}, expected {jar.sha256}",
            "try again; if it stays so, the repository or a proxy in between serves another file",
        )
    file.replace(folder / jar.file_name)
