"""Files of settings that can't be read."""

from pathlib import Path

import pytest

from argosy.console.config import load_settings
from argosy.schemas.errors import ConfigurationError


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("argosy.toml", b"x = ["),
        ("argosy.toml", b'x = "\xff"'),
        (".env", b"ARGOSY_PAYLOADS=\xff"),
        ("pyproject.toml", b"="),
    ],
)
def test_a_file_of_settings_that_can_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=name) as caught:
        load_settings()
    assert caught.value.do
