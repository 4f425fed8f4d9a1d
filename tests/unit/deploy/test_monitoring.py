"""Dashboards, rules and alerts: what lies in `deploy/` is what is made, and asks for nothing that isn't told."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from argosy.broker.presence import Presence, Present
from argosy.console import monitoring
from argosy.console.monitoring_command import targets_of
from argosy.console.monitoring_rules import ALERTS
from argosy.telemetry.metric_table import TABLE
from argosy.telemetry.prometheus_names import label, names_of
from support.missing import not_run
from support.monitoring import expressions, labels_in, series_in

ROOT = Path(__file__).parents[3]
KNOWN = {name for metric in TABLE for name in names_of(metric)}
LABELS = {label(name) for metric in TABLE for name in metric.labels} | {"le", "job", "instance"}


def promtool(*words: str, folder: Path) -> str:
    program = shutil.which("promtool")
    if program is None:
        not_run("promtool", "it is not installed: Debian's package prometheus has it")
        raise AssertionError
    done = subprocess.run(
        [program, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_committed_is_what_is_made() -> None:
    assert monitoring.drift(ROOT / "deploy") == []


def test_every_series_and_label_that_is_asked_for_is_in_the_table() -> None:
    for where, expr in expressions().items():
        assert series_in(expr) - {"up"} <= KNOWN, where
        assert labels_in(expr) <= LABELS, where


def test_every_metric_stands_on_a_dashboard() -> None:
    shown = set[str]().union(
        *(series_in(expr) for where, expr in expressions().items() if "grafana" in where)
    )
    assert [metric.name for metric in TABLE if not shown & set(names_of(metric))] == []


def test_dashboards_have_ids_of_their_own_and_panels_that_do_not_overlap() -> None:
    boards: list[dict[str, Any]] = [
        json.loads(text) for name, text in monitoring.made().items() if name.startswith("grafana/")
    ]
    assert len({board["uid"] for board in boards}) == len(boards)
    for board in boards:
        cells: set[tuple[int, int]] = set()
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        for panel in board["panels"]:
            at = panel["gridPos"]
            mine = {
                (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
            }
            assert not cells & mine, panel["title"]
            assert at["x"] + at["w"] <= 24, panel["title"]
            cells |= mine


def test_prometheus_takes_the_rules_and_every_alert_fires_when_it_should(tmp_path: Path) -> None:
    monitoring.export(tmp_path)
    folder = tmp_path / "prometheus"
    assert "SUCCESS" in promtool("check", "rules", "argosy-rules.yml", folder=folder)
    assert "SUCCESS" in promtool("test", "rules", "argosy-rules.test.yml", folder=folder)
    (folder / "argosy-targets.json").write_text("[]")
    promtool("check", "config", "prometheus.yml", folder=folder)


def test_prometheus_takes_every_expression_of_the_dashboards(tmp_path: Path) -> None:
    rules = [{"record": f"x{number}", "expr": expr} for number, expr in enumerate(expressions().values())]
    (tmp_path / "all.yml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", "all.yml", folder=tmp_path)


def test_a_changed_rule_is_drift_and_an_alert_that_never_fires_is_seen(tmp_path: Path) -> None:
    monitoring.export(tmp_path)
    rules = tmp_path / "prometheus" / "argosy-rules.yml"
    rules.write_text(rules.read_text().replace("> 300", "> 300000"))
    assert monitoring.drift(tmp_path) == ["prometheus/argosy-rules.yml"]
    with pytest.raises(AssertionError, match="ArgosyQueueOld"):
        promtool("test", "rules", "argosy-rules.test.yml", folder=rules.parent)


def test_alerts_say_what_to_do() -> None:
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)
    for alert in ALERTS:
        assert alert.summary, alert.name
        assert alert.do.endswith(".") or ":" in alert.do, alert.name


def test_the_collectors_configuration_is_whole() -> None:
    config: dict[str, Any] = yaml.safe_load(monitoring.made()["collector/config.yaml"])
    for kind in ("receivers", "processors", "exporters"):
        named = {each for pipe in config["service"]["pipelines"].values() for each in pipe[kind]}
        assert named == set(config[kind])


def test_targets_are_the_processes_that_serve_metrics() -> None:
    worker = Presence(
        role="worker", name="h-1", version="1", started_ms=0, at_ms=0, metrics="http://127.0.0.1:9464/metrics"
    )
    silent = Presence(role="coordinator", name="h-2", version="1", started_ms=0, at_ms=0)
    assert targets_of(Present(0, (worker, silent))) == [
        {
            "targets": ["127.0.0.1:9464"],
            "labels": {"job": "argosy-worker", "argosy_process": "h-1", "argosy_role": "worker"},
        }
    ]
