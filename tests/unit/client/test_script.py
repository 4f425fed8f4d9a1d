"""`argosy.run` for scripts."""

from pathlib import Path

import pytest

from argosy.client.script import run
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.errors import Unreachable


@agent
async def greet(ctx: Context, name: str) -> str:  # noqa: ARG001 - a handler's parameters are its interface
    return name


def test_a_script_without_a_fleet_is_told_in_its_traceback_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARGOSY_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")  # nobody listens there
    hello = Pipeline("hello", takes=str, gives=str)
    hello.returns(hello.step(greet, hello.input))
    with pytest.raises(Unreachable) as raised:
        run(hello, "world")
    assert raised.value.__notes__ == [f"  why: {Unreachable.why}\n  do:  {Unreachable.do}"]
