from pathlib import Path

from argosy.schemas.export import drift, export


def test_the_generated_schemas_say_what_the_models_say() -> None:
    assert drift() == []


def test_drift_names_changed_missing_and_left_over_files(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "run.ended.v1.json").write_text("{}")
    (tmp_path / "run.accepted.v1.json").unlink()
    (tmp_path / "gone.v1.json").write_text("{}")
    assert drift(tmp_path) == ["gone.v1.json", "run.accepted.v1.json", "run.ended.v1.json"]
    assert len(export(tmp_path)) == 3
    assert drift(tmp_path) == []
