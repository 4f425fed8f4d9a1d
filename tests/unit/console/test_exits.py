import pytest

from argosy.agents.exit import BROKEN
from argosy.console.exits import exit_code_of
from argosy.schemas import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.RunFailed("r"), 1),
        (errors.ConfigurationError("x"), 3),
        (errors.BuildError("x"), 3),
        (errors.Refused("x"), 3),
        (errors.Unreachable("x"), 4),
        (errors.ChildFailed("x"), 4),
        (errors.NotFound("x"), 5),
        (errors.ClientBroken("x"), BROKEN),
        (errors.ResultTimeout("r"), 124),
    ],
)
def test_a_script_can_tell_errors_apart_by_exit_code(error: errors.ArgosyError, code: int) -> None:
    assert exit_code_of(error) == code
