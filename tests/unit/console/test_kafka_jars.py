import hashlib
import shutil
from pathlib import Path

import pytest

from argosy.console import kafka_jars
from argosy.console.kafka_jars import KAFKA_VERSION, Jar, missing_jars, read_jar_list


def test_the_list_pins_kafka_and_a_log_binding_once_each() -> None:
    jars = read_jar_list()
    assert len({jar.file_name for jar in jars}) == len(jars)
    assert {f"kafka_2.13-{KAFKA_VERSION}.jar", f"kafka-clients-{KAFKA_VERSION}.jar"} <= {
        jar.file_name for jar in jars
    }
    assert any(jar.artifact == "log4j-slf4j-impl" for jar in jars)
    assert all(len(jar.sha256) == 64 for jar in jars)


def test_a_jar_that_is_absent_or_was_changed_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jars = [Jar("g", name, "1", hashlib.sha256(name.encode()).hexdigest()) for name in ("a", "b", "c")]
    monkeypatch.setattr(kafka_jars, "read_jar_list", lambda: jars)
    (tmp_path / "a-1.jar").write_bytes(b"a")
    (tmp_path / "b-1.jar").write_bytes(b"not b")
    assert [jar.artifact for jar in missing_jars(tmp_path)] == ["b", "c"]


def test_a_truncated_jar_in_the_cache_is_found(tmp_path: Path) -> None:
    folder = kafka_jars.ensure_jars()
    name = f"kafka_2.13-{KAFKA_VERSION}.jar"
    copy = shutil.copytree(folder, tmp_path / "jars")
    (copy / name).write_bytes((copy / name).read_bytes()[:-1])
    assert [jar.file_name for jar in missing_jars(copy)] == [name]
