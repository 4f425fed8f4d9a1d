import pytest

from argosy.console.options import split_options


@pytest.mark.parametrize(
    ("arguments", "general", "rest"),
    [
        (["status", "--json"], ["--json"], ["status"]),
        (["--debug", "run", "a", "--quiet"], ["--debug", "--quiet"], ["run", "a"]),
        (["run", "--config", "x.toml", "a"], ["--config", "x.toml"], ["run", "a"]),
        (["run", "--config=x.toml"], ["--config=x.toml"], ["run"]),
        (["run", "--config"], ["--config"], ["run"]),
        (["run", "--", "--json"], [], ["run", "--", "--json"]),
    ],
)
def test_general_options_may_stand_anywhere_before_a_bare_dash_dash(
    arguments: list[str], general: list[str], rest: list[str]
) -> None:
    assert split_options(arguments) == (general, rest)
