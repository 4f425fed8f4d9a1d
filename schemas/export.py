"""JSON Schemas of everything that travels, as files for clients in other languages; drift fails the check."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from argosy.schemas.codec import MESSAGES
from argosy.schemas.envelope import version_of
from argosy.schemas.pipeline import CompiledPipeline

FOLDER: Final = Path(__file__).parent / "json"

_DOCUMENTS: Final[dict[str, type[BaseModel]]] = {**MESSAGES, "pipeline": CompiledPipeline}


def documents() -> Iterator[tuple[str, str]]:
    """Yield (file name, text) of every schema: `run.submitted.v1.json` and so on, sorted by name."""
    for name in sorted(_DOCUMENTS):
        schema = _DOCUMENTS[name].model_json_schema(by_alias=True)
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        yield (
            f"{name}.v{version_of(name)}.json",
            json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n",
        )


def export(folder: Path = FOLDER) -> list[Path]:
    """Write all files; return those that changed. Files of kinds that are gone are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed: list[Path] = []
    wanted = dict(documents())
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
            changed.append(path)
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def drift(folder: Path = FOLDER) -> list[str]:
    """Name the files that don't say what the models say: changed, missing or left over."""
    wanted = dict(documents())
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))
