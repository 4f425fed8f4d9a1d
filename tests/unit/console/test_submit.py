import io
from pathlib import Path

import pytest
from pydantic import BaseModel

from argosy.console.submit import completed, may_lack_input, parse_input, tell_if_not_accepted
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.errors import ConfigurationError
from support.shell_world import client_of, hello, shell_world


def test_an_input_is_json_a_file_or_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.json").write_text('{"a": [1]}', encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO('"piped"'))
    assert parse_input('"world"') == "world"
    assert parse_input(f"@{tmp_path / 'in.json'}") == {"a": [1]}
    assert parse_input("-") == "piped"
    assert parse_input(None) is None


@pytest.mark.parametrize("bad", ["world", "NaN", "@nowhere.json", "{", '{"a": 1e999}', "1" * 5_000])
def test_what_is_no_input_is_an_error_that_shows_a_way_out(bad: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_input(bad)
    assert caught.value.do


def test_an_input_that_is_nested_too_deep_is_called_that() -> None:
    with pytest.raises(ConfigurationError, match="nested too deep"):
        parse_input("[" * 5_000 + "]" * 5_000)


class Job(BaseModel):
    title: str
    times: int = 1


def test_the_defaults_of_an_input_are_filled_in_where_the_pipeline_is_known() -> None:
    takes_job = Pipeline("p", takes=Job, gives=str)
    assert completed(takes_job, {"title": "q"}) == {"title": "q", "times": 1}
    assert completed(takes_job, {"times": 2}) == {"times": 2}  # whoever takes it says what is missing
    assert completed(None, {"title": "q"}) == {"title": "q"}
    assert completed(Pipeline("p", takes=int, gives=str), 10**40) == 10**40


def test_only_a_pipeline_that_takes_null_goes_without_an_input() -> None:
    may_lack_input(Pipeline("p", takes=type(None), gives=str), "p")
    with pytest.raises(ConfigurationError, match="p takes str") as caught:
        may_lack_input(Pipeline("p", takes=str, gives=str), "p")
    assert "--input" in caught.value.do
    with pytest.raises(ConfigurationError, match="p was given no input"):
        may_lack_input(None, "p")


async def test_a_submit_that_nobody_accepts_is_told_and_one_that_goes_on_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("argosy.console.submit.ACCEPTED_SECONDS", 0.0)
    async with shell_world() as world, client_of(world) as client:
        run = await client.submit("unheard-of", "x", run_id="r-1")
        await tell_if_not_accepted(client, run, "unheard-of")
        assert "argosy why r-1" in (told := capsys.readouterr().err)
        assert "if nobody published unheard-of: argosy publish APP" in told
        done = await client.submit(hello, "x", run_id="r-2")
        await done.result(timeout_seconds=60)
        await tell_if_not_accepted(client, client.run("r-2"), "hello")
        assert capsys.readouterr().err == ""
