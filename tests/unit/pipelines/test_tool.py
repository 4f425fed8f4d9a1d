from pydantic import BaseModel

from argosy.pipelines.tool import tool


class Place(BaseModel):
    city: str


@tool
async def weather(place: Place, days: int = 1) -> list[str]:
    """Tell the weather of the next days."""
    return [place.city] * days


@tool(name="send-mail", repeatable=False)
async def send(to: str) -> None:
    del to


async def test_a_tool_runs_as_a_plain_function() -> None:
    assert await weather(Place(city="Bern"), days=2) == ["Bern", "Bern"]


def test_a_tool_describes_itself_to_a_model() -> None:
    assert weather.description == "Tell the weather of the next days."
    assert weather.schema() == {
        "type": "object",
        "properties": {"place": {"$ref": "#/$defs/Place"}, "days": {"type": "integer"}},
        "required": ["place"],
        "additionalProperties": False,
        "$defs": {
            "Place": {
                "properties": {"city": {"title": "City", "type": "string"}},
                "required": ["city"],
                "title": "Place",
                "type": "object",
            }
        },
    }


def test_a_tool_has_its_functions_name_and_may_be_repeated_unless_it_says_otherwise() -> None:
    assert (weather.name, weather.repeatable) == ("weather", True)
    assert (send.name, send.repeatable) == ("send-mail", False)
    assert send.schema()["properties"] == {"to": {"type": "string"}}
