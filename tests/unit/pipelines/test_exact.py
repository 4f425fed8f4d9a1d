"""Values that are written without a second look: only what their types surely declare."""

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    RootModel,
    TypeAdapter,
    computed_field,
    field_serializer,
)
from pydantic_core import PydanticSerializationError

from argosy.pipelines.exact import exact_of
from argosy.pipelines.port import port_of
from argosy.schemas.errors import InvalidResult


class Note(BaseModel):
    text: str
    stars: int | None = None
    seen: bool = False


class Shouted(Note):
    @field_serializer("text")
    def loud(self, text: str) -> str:
        return text.upper()


class Counted(Note):
    @computed_field
    def size(self) -> int:
        return len(self.text)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    text: str


class Bounded(BaseModel):
    stars: Annotated[int, Field(gt=0)]


class Written(BaseModel):
    text: Annotated[str, PlainSerializer(lambda text: text * 2)]


class Aliased(BaseModel):
    text: str = Field(alias="theText")


class Generated(BaseModel):
    model_config = ConfigDict(alias_generator=str.upper)
    text: str


class Hidden(BaseModel):
    text: str
    key: str = Field(default="x", exclude=True)


class Text(RootModel[str]):
    pass


@pytest.mark.parametrize(
    ("annotation", "value"),
    [(str, "ü"), (int, 1), (bool, True), (str | None, None), (Note, Note(text="a", stars=3))],
)
def test_scalars_and_flat_models_of_them_are_written(annotation: Any, value: object) -> None:  # noqa: ANN401 - any type
    exact = exact_of(annotation)
    assert exact is not None
    assert exact(value) == TypeAdapter(annotation).dump_json(value)


@pytest.mark.parametrize(
    "annotation",
    [
        float,
        list[int],
        dict[str, str],
        Any,
        Shouted,
        Counted,
        Open,
        Bounded,
        Written,
        Generated,
        Hidden,
        Text,
        Annotated[str, 1],
    ],
)
def test_all_else_is_left_to_the_serializer(annotation: Any) -> None:  # noqa: ANN401 - any type
    assert exact_of(annotation) is None


class Sub(str):
    __slots__ = ()


ODD: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 1, 2**70, 1.5, "x", "\ud800", b"x", [], Sub("x"), float("nan")]
)


@given(ODD, ODD, ODD, st.sampled_from(["", "more", "less", "sub"]))
def test_a_changed_model_is_written_or_refused_as_the_serializer_does(
    text: object, stars: object, seen: object, how: str
) -> None:
    kind = Counted if how == "sub" else Note
    note = kind.model_construct(text=text, stars=stars, seen=seen)
    held: dict[str, object] = vars(note)
    if how == "more":
        held["more"] = 1
    if how == "less":
        del held["seen"]
    try:
        expected = TypeAdapter(Note).dump_json(note, by_alias=True, warnings="error")
    except PydanticSerializationError:
        expected = None
    port = port_of(Note, TypeAdapter(Note))
    if expected is None:
        with pytest.raises(InvalidResult):
            port.encode(note)
    else:
        assert port.encode(note) == expected


@given(st.text(), st.integers() | st.none(), st.booleans())
def test_a_flat_model_is_written_byte_for_byte_as_the_serializer_does(
    text: str,
    stars: int | None,
    seen: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    note = Note(text=text, stars=stars, seen=seen)
    assert port_of(Note, TypeAdapter(Note)).encode(note) == TypeAdapter(Note).dump_json(note)


def test_every_letter_is_written_as_the_serializer_does() -> None:
    letters = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF)
    assert port_of(str, TypeAdapter(str)).encode(letters) == TypeAdapter(str).dump_json(letters)


def test_aliases_stay() -> None:
    assert port_of(Aliased, TypeAdapter(Aliased)).encode(Aliased(theText="a")) == b'{"theText":"a"}'
