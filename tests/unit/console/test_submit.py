import io
from pathlib import Path

import pytest

from argosy.console.submit import parse_input
from argosy.schemas.errors import ConfigurationError


def test_an_input_is_json_a_file_or_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.json").write_text('{"a": [1]}', encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO('"piped"'))
    assert parse_input('"world"') == "world"
    assert parse_input(f"@{tmp_path / 'in.json'}") == {"a": [1]}
    assert parse_input("-") == "piped"
    assert parse_input(None) is None


@pytest.mark.parametrize("bad", ["world", "NaN", "@nowhere.json", "{"])
def test_what_is_no_input_is_an_error_that_shows_a_way_out(bad: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_input(bad)
    assert caught.value.do
