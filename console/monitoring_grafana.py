"""Dashboards as Grafana reads them (schema 39, Grafana 10 and later): import the JSON, or provision the folder."""

import json
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from argosy.console.monitoring_panels import Dashboard, Panel
from argosy.console.monitoring_promql import AGENT
from argosy.telemetry.metric_table import TASKS
from argosy.telemetry.prometheus_names import series

_WIDTH = 24
_SOURCE: Mapping[str, JsonValue] = {"type": "prometheus", "uid": "${datasource}"}


def dashboard(made: Dashboard) -> str:
    """Write a dashboard."""
    panels = list(_panels(made))
    return json.dumps(
        {
            "uid": made.uid,
            "title": made.title,
            "tags": ["argosy"],
            "schemaVersion": 39,
            "editable": True,
            "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"},
            "templating": {"list": _variables(json.dumps(panels))},
            "panels": panels,
        },
        indent=2,
        ensure_ascii=False,
    ) + "\n"  # fmt: skip


def _variables(panels: str) -> list[JsonValue]:
    source: JsonValue = {
        "name": "datasource",
        "type": "datasource",
        "query": "prometheus",
        "label": "Data source",
    }
    if "$agent" not in panels:
        return [source]
    query = f"label_values({series(TASKS)}, {AGENT})"
    agent: JsonValue = {
        "name": "agent",
        "label": "Agent",
        "type": "query",
        "datasource": dict(_SOURCE),
        "query": {"query": query, "refId": "agent"},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
    return [source, agent]


def _panels(made: Dashboard) -> Iterator[JsonValue]:
    number, y = 1, 0
    for title, row in made.rows.items():
        where: JsonValue = {"h": 1, "w": _WIDTH, "x": 0, "y": y}
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": where,
        }
        number, y = number + 1, y + 1
        wide, high = (4, 4) if all(panel.stat for panel in row) else (8, 8)
        for index, panel in enumerate(row):
            x = index * wide % _WIDTH
            yield _panel(
                panel, number, {"h": high, "w": wide, "x": x, "y": y + index * wide // _WIDTH * high}
            )
            number += 1
        y += -(-len(row) * wide // _WIDTH) * high


def _panel(panel: Panel, number: int, where: JsonValue) -> JsonValue:
    targets: list[JsonValue] = [
        {
            "refId": chr(ord("A") + index),
            "datasource": dict(_SOURCE),
            "expr": expr,
            "legendFormat": legend or panel.title,
            "range": not panel.stat,
            "instant": panel.stat,
        }
        for index, (legend, expr) in enumerate(panel.exprs.items())
    ]
    custom: JsonValue = {
        "fillOpacity": 10,
        "showPoints": "never",
        "stacking": {"mode": "normal" if panel.stacked else "none"},
    }
    made: dict[str, JsonValue] = {
        "id": number,
        "type": "stat" if panel.stat else "timeseries",
        "title": panel.title,
        "datasource": dict(_SOURCE),
        "gridPos": where,
        "targets": targets,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, **({} if panel.stat else {"custom": custom})},
            "overrides": [],
        },
    }
    if panel.about:
        made["description"] = panel.about
    if not panel.stat:
        made["options"] = {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi"},
        }
    return made
