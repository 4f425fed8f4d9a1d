from argosy.console.gateway_problem import problem_of
from argosy.schemas.errors import BadArgument, BadMessage, Unreachable


def test_an_error_whose_text_has_three_lines_is_answered_in_three_parts() -> None:
    error = Unreachable("Redis is away\n  why: refused\n  do:  start it")
    problem = problem_of(error, "r-1")
    assert (problem.status, problem.what, problem.why) == (503, "Redis is away", "refused")
    assert problem.do.startswith("start it; ask again")


def test_an_error_of_one_line_has_the_why_of_its_class() -> None:
    problem = problem_of(Unreachable("Kafka is away"))
    assert (problem.what, problem.why) == ("Kafka is away", Unreachable.why)
    assert problem.do.startswith("ask again")


def test_advice_keeps_its_own_words() -> None:
    problem = problem_of(BadArgument("what", "why", "do"))
    assert (problem.status, problem.what, problem.why, problem.do) == (422, "what", "why", "do")


def test_a_part_with_nothing_to_say_is_absent() -> None:
    parts = problem_of(BadMessage("is no text", field="input")).body()["error"]
    assert set(parts) == {"code", "what", "why", "do", "field"}
