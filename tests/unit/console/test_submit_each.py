"""Many runs from lines of JSON: read as they are asked for, each answered in a line, a repeat makes none twice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from argosy.console.submit_each import opened, submit_each, values_of
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.fault import Fault
from support.shell_world import client_of, hello, patient, shell_world

if TYPE_CHECKING:
    from pydantic import JsonValue


def test_lines_are_read_as_they_are_asked_for() -> None:
    def lines() -> Iterator[str]:
        yield '"one"\n'
        yield "\n"
        yield '{"two": 2}'
        pytest.fail("read ahead")

    values = values_of(lines())
    assert [next(values), next(values)] == [(1, "one"), (3, {"two": 2})]


def test_a_line_that_is_no_json_is_named_in_its_place() -> None:
    values = values_of(['"fine"', "NaN"])
    assert next(values) == (1, "fine")
    with pytest.raises(ConfigurationError, match="line 2 is no JSON"):
        next(values)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read"), opened(str(tmp_path / "none")):
        pass


async def test_each_line_is_a_run_and_its_answer_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    async with shell_world(patient()) as world, client_of(world) as client:
        world.handler = lambda order: (
            Fault(code="rejected", message="no") if order.task_id == "b-2/first" else "well"
        )
        for _ in range(2):
            code = await submit_each(
                client,
                hello.compile(),
                list(enumerate("xyz", 1)),
                prefix="b",
                detach=False,
                timeout_seconds=60,
            )
            assert code == 1, "one of them failed"
            printed = capsys.readouterr()
            lines = [json.loads(line) for line in printed.out.splitlines() if line.startswith("{")]
            found = {line["run_id"]: line.get("result") or line["error"]["code"] for line in lines}
            assert found == {"b-1": "well", "b-2": "run_failed", "b-3": "well"}
            assert "3 acknowledged, 3 ended, 1 of them not well" in printed.err
        assert sum(order.task_id == "b-1/first" for order in world.seen) == 1


async def test_detached_it_prints_ids_once_they_are_acknowledged(capsys: pytest.CaptureFixture[str]) -> None:
    async with shell_world() as world, client_of(world) as client:
        code = await submit_each(
            client, hello.compile(), [(1, "x"), (4, "y")], prefix="d", detach=True, timeout_seconds=None
        )
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
        assert (code, lines) == (0, ['{"run_id": "d-1", "line": 1}', '{"run_id": "d-2", "line": 4}'])


async def test_without_ids_of_ones_own_the_line_tells_which_value_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with shell_world(patient()) as world, client_of(world) as client:
        given: list[tuple[int, JsonValue]] = [(1, "x"), (3, 7), (4, "z")]
        code = await submit_each(
            client, hello.compile(), given, prefix=None, detach=False, timeout_seconds=60
        )
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
        assert code == 1
        assert {line["line"]: line.get("error", {}).get("code") for line in lines} == {
            1: None,
            3: "run_refused",
            4: None,
        }


async def test_a_line_that_no_run_may_be_given_is_named() -> None:
    async with shell_world(patient()) as world:
        world.settings.fleet = world.settings.fleet.model_copy(update={"hard_input_bytes": 100})
        async with client_of(world) as client:
            with pytest.raises(ExceptionGroup) as caught:
                await submit_each(
                    client,
                    hello.compile(),
                    [(1, "x"), (5, "y" * 200), (6, "z")],
                    prefix=None,
                    detach=True,
                    timeout_seconds=None,
                )
    assert caught.group_contains(ConfigurationError, match="line 5: ")
