from pathlib import Path

from pydantic import BaseModel

from argosy.schemas.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "settings.md").read_text(encoding="utf-8")


def test_the_settings_page_names_every_setting() -> None:
    variables: set[str] = set()
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            variables |= {f"ARGOSY_{name}__{inner}".upper() for inner in section.model_fields}
        elif field.validation_alias is None:
            variables.add(f"ARGOSY_{name}".upper())
    assert {variable for variable in variables if f"`{variable}`" not in PAGE} == set()
