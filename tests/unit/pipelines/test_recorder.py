from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jmespath
import pytest
from pydantic import BaseModel, Field, TypeAdapter, computed_field
from typing_extensions import TypedDict

from argosy.pipelines.expression import Expression
from argosy.pipelines.recorder import exists, record, size
from argosy.schemas.errors import BuildError


class Critique(BaseModel):
    severity: int
    points: list[str]


class Child(BaseModel):
    name: str
    child: "Child | None" = None


class Extra(TypedDict):
    kind: str


@dataclass
class Box:
    height: float = 1.5
    labels: dict[str, int] = field(default_factory=lambda: {"a-b": 3})


class Value(BaseModel):
    number: int = 3
    ratio: float = 0.5
    flag: bool = True
    text: str = 'it`s "x" é'
    points: list[str] = ["a", "b"]
    nested: list[Child] = [Child(name="n", child=Child(name="m"))]
    nothing: Child | None = None
    box: Box = Box()
    extra: Extra = {"kind": "k"}
    renamed: int = Field(default=7, alias="otherName")
    odd: int = Field(default=8, alias="odd-name")

    @computed_field
    def twice(self) -> int:
        return self.number * 2


def compiled(pick: Callable[[Any], object], kind: object = Value) -> str | None:
    return record(pick, Expression(kind)).select


SAME: list[tuple[Callable[[Value], object], str]] = [
    (lambda v: v.number, "number"),
    (lambda v: v.points[0], "points[0]"),
    (lambda v: v.points[-1], "points[-1]"),
    (lambda v: v.nested[0].child, "nested[0].child"),
    (lambda v: v.box.height, "box.height"),
    (lambda v: v.box.labels["a-b"], 'box.labels."a-b"'),
    (lambda v: v.extra["kind"], "extra.kind"),
    (lambda v: v.renamed, "otherName"),
    (lambda v: v.odd, '"odd-name"'),
    (lambda v: v.twice, "twice"),
    (lambda v: v.number > 2, "number > `2`"),
    (lambda v: v.number >= 4, "number >= `4`"),
    (lambda v: 2 < v.number, "number > `2`"),  # noqa: SIM300 - the reflected operator
    (lambda v: v.ratio < 0.75, "ratio < `0.75`"),
    (lambda v: v.ratio <= v.number, "ratio <= number"),
    (lambda v: v.text == 'it`s "x" é', 'text == `"it\\u0060s \\"x\\" é"`'),
    (lambda v: v.text != "y", 'text != `"y"`'),
    (lambda v: v.points == ["a", "b"], 'points == `["a", "b"]`'),
    (lambda v: v.flag & (v.number > 5), "flag && (number > `5`)"),
    (lambda v: (v.number > 5) | v.flag, "(number > `5`) || flag"),
    (lambda v: (v.number > 5) | v.flag & (v.ratio > 0), "(number > `5`) || (flag && (ratio > `0`))"),
    (lambda v: (v.number == 3) == v.flag, "(number == `3`) == flag"),
    (lambda v: size(v.points) == 2, "length(points) == `2`"),
    (lambda v: size(v.text), "length(text)"),
    (lambda v: exists(v.nothing), "nothing != `null`"),
    (lambda v: exists(v.nested[0].child), "nested[0].child != `null`"),
    (lambda v: v.flag == False, "flag == `false`"),  # noqa: E712 - what a pick writes for `not`
]


@pytest.mark.parametrize(
    ("pick", "expected"), SAME, ids=[f"{number} {text}" for number, (_, text) in enumerate(SAME)]
)
def test_a_pick_compiles_to_jmespath_that_gives_what_python_gives(
    pick: Callable[[Value], object], expected: str
) -> None:
    value = Value()
    assert compiled(pick) == expected
    data = TypeAdapter(Value).dump_python(value, mode="json", by_alias=True)
    in_python = TypeAdapter[object](object).dump_python(pick(value), mode="json", by_alias=True)
    assert jmespath.search(expected, data) == in_python


def test_a_pick_of_the_whole_value_selects_nothing() -> None:
    assert compiled(lambda v: v) is None


def test_a_pick_of_a_list_or_a_bool_starts_at_the_value_itself() -> None:
    assert compiled(lambda v: v[0].name, list[Child]) == "[0].name"
    assert compiled(lambda v: size(v) > 1, list[Child]) == "length(@) > `1`"
    assert compiled(lambda v: v["x"], dict[str, int]) == "x"
    assert compiled(lambda v: v == 3, int) == "@ == `3`"


def test_the_type_of_what_is_picked_is_known() -> None:
    assert record(lambda v: v.nested[0].name, Expression(Value)).annotation is str
    assert record(lambda v: v.box.labels, Expression(Value)).annotation == dict[str, int]
    assert record(lambda v: size(v.points) > 1, Expression(Value)).annotation is bool


def test_what_is_picked_of_any_is_any() -> None:
    assert compiled(lambda v: v.a["b"][0].c > 1, Any) == "a.b[0].c > `1`"


def test_size_and_exists_are_plain_functions_outside_of_a_pick() -> None:
    assert size([1, 2]) == 2
    assert exists(0)
    assert not exists(None)


DATA = "a pick is compiled to data (JMESPath); Python would decide it now, before there is a value"
BOOL = (
    "a pick can't use `and`, `or`, `not`, `in` or `if`",
    DATA,
    "use & and |, unless= for not, or return a bool from an agent",
)
NOTHING = (
    "the pick on Critique gives the constant False",
    "nothing of the value was recorded (`is None` and `isinstance` can't be)",
    "use exists(x) for `is not None`, or argosy.const(...)",
)
NO_BOOL = (
    "a pick uses & or | on something that is not a bool",
    "& binds tighter than a comparison",
    "write (a > 1) & (b == 2), with the brackets",
)
REFUSED: list[tuple[str, Callable[[Any], object], tuple[str, str, str]]] = [
    (
        "unknown field",
        lambda c: c.nope,
        (
            "Critique has no field 'nope'",
            "a pick reads fields; its fields are severity, points",
            "name one of them, or compute the value in an agent",
        ),
    ),
    ("and", lambda c: c.severity > 1 and c.severity < 3, BOOL),
    ("chained", lambda c: 0 < c.severity < 3, BOOL),
    ("or", lambda c: c.points or [], BOOL),
    ("not", lambda c: not c.severity, BOOL),
    ("in a list of the value", lambda c: "x" in c.points, BOOL),
    ("in constants", lambda c: c.severity in (1, 2), BOOL),
    ("if", lambda c: 1 if c.severity else 2, BOOL),
    ("len", lambda c: len(c.points), ("a pick can't use len()", DATA, "use argosy.size(...)")),
    (
        "format",
        lambda c: f"{c.severity}",
        ("a pick can't use text formatting", DATA, "build the text in an agent"),
    ),
    (
        "str",
        lambda c: str(c.severity),
        ("a pick can't use text formatting", DATA, "build the text in an agent"),
    ),
    (
        "method",
        lambda c: c.points[0].upper(),
        ("a pick can't use .upper on str", DATA, "compute in an agent"),
    ),
    ("add", lambda c: c.severity + 1, ("a pick can't use + on int", DATA, "compute in an agent")),
    ("radd", lambda c: 1 + c.severity, ("a pick can't use + on int", DATA, "compute in an agent")),
    ("without brackets", lambda c: c.severity & c.points, NO_BOOL),
    ("is None", lambda c: c.points is None, NOTHING),
    ("isinstance", lambda c: isinstance(c.points, int), NOTHING),
    (
        "order of text",
        lambda c: c.points[0] > "a",
        (
            "a pick can't order str with >",
            "JMESPath orders numbers only",
            "pick a number, or decide in an agent and return a bool field",
        ),
    ),
    (
        "loop",
        lambda c: [p + p for p in c.points],
        ("a pick can't use a loop", DATA, "map over the list, or compute in an agent"),
    ),
]


@pytest.mark.parametrize(("pick", "lines"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_a_pick_cannot_do_is_said_in_three_lines(
    pick: Callable[[Any], object], lines: tuple[str, str, str]
) -> None:
    with pytest.raises(BuildError) as caught:
        compiled(pick, Critique)
    assert (caught.value.what, caught.value.why, caught.value.do) == lines
    what, why, do = lines
    assert str(caught.value) == f"{what}\n  why: {why}\n  do:  {do}"


NAN = float("nan")
ELSE: list[Callable[[Any], object]] = [
    lambda c: c.points["a"],
    lambda c: c.severity[0],
    lambda c: c.points[0:1],
    lambda c: ~c.severity,
    lambda c: size(c.severity),
    lambda c: c.severity == object(),
    lambda c: c.severity == NAN,
    lambda c: "ab"[c.severity],
    lambda c: int(c.severity),
    lambda c: c.severity(),
    lambda c: {c: 1}.get(1),
    lambda _: 1 / 0,
    lambda c: setattr(c, "severity", 1),
    lambda c: c.model_dump(),
]


@pytest.mark.parametrize("pick", ELSE, ids=range(len(ELSE)))
def test_whatever_else_a_lambda_does_is_a_build_error(pick: Callable[[Any], object]) -> None:
    with pytest.raises(BuildError):
        compiled(pick, Critique)
