from typing import Generic, TypeVar

from pydantic import BaseModel, TypeAdapter

from argosy.pipelines.schema_table import tabulate

T = TypeVar("T")


def document_of_another_shape() -> type[BaseModel]:
    class Document(BaseModel):
        pages: int

    return Document


class Document(BaseModel):
    text: str


class Node(BaseModel):
    name: str
    children: "list[Node]" = []


class Box(BaseModel, Generic[T]):
    content: T


def test_models_of_one_name_are_numbered_in_order_of_use() -> None:
    other = document_of_another_shape()
    schemas, models = tabulate(
        [
            ("a", TypeAdapter(Document)),
            ("b", TypeAdapter(list[other])),  # type: ignore[valid-type]
            ("c", TypeAdapter(Document)),
            ("d", TypeAdapter(document_of_another_shape())),
        ]
    )
    assert schemas == {
        "a": {"$ref": "#/schemas/Document"},
        "b": {"items": {"$ref": "#/schemas/Document_2"}, "type": "array"},
        "c": {"$ref": "#/schemas/Document"},
        "d": {"$ref": "#/schemas/Document_3"},
    }
    assert sorted(models) == ["Document", "Document_2", "Document_3"]
    turned, _ = tabulate([("b", TypeAdapter(other)), ("a", TypeAdapter(Document))])
    assert turned == {"b": {"$ref": "#/schemas/Document"}, "a": {"$ref": "#/schemas/Document_2"}}


def test_a_model_that_holds_itself_is_described_once() -> None:
    schemas, models = tabulate([("node", TypeAdapter(Node))])
    assert schemas == {"node": {"$ref": "#/schemas/Node"}}
    assert list(models) == ["Node"]


def test_generic_models_have_their_own_names() -> None:
    _, models = tabulate([("a", TypeAdapter(Box[int])), ("b", TypeAdapter(Box[Document]))])
    assert sorted(models) == ["Box_Document_", "Box_int_", "Document"]


def test_plain_types_need_no_table() -> None:
    assert tabulate([("a", TypeAdapter(str)), ("b", TypeAdapter(None))]) == (
        {"a": {"type": "string"}, "b": {"type": "null"}},
        {},
    )
