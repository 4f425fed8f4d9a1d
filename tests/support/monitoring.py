"""What the operator's files ask for: every expression of dashboards and rules, and the series that they name."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from argosy.console import monitoring

_NAME: Final = re.compile(r"\b(?:argosy|gen_ai|http_server|process|up)(?:_\w+)?\b(?!:)")
_GROUPED: Final = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right) ?\([^)]*\)")
_PICKED: Final = re.compile(r"\{[^}]*\}")


def expressions() -> Mapping[str, str]:
    """Return each expression by where it stands; variables of dashboards are replaced."""
    found: dict[str, str] = {}
    for name, text in monitoring.made().items():
        if name.startswith("grafana/"):
            board: dict[str, Any] = json.loads(text)
            for panel in board["panels"]:
                for target in panel.get("targets", ()):
                    expr = target["expr"].replace("$agent", ".*")
                    found[f"{name}: {panel['title']} {target['refId']}"] = expr
    groups: list[dict[str, Any]] = yaml.safe_load(monitoring.made()["prometheus/argosy-rules.yml"])["groups"]
    for group in groups:
        for rule in group["rules"]:
            found[f"rules: {rule.get('alert') or rule['record']}"] = rule["expr"]
    return found


def series_in(expression: str) -> set[str]:
    """Name the series that an expression reads, but for recorded ones."""
    bare = _PICKED.sub("", _GROUPED.sub("", expression))
    return {name for name in _NAME.findall(bare) if f"{name}:" not in bare}


def labels_in(expression: str) -> set[str]:
    """Name the labels that an expression picks by, or groups by."""
    grouped = {
        word for part in _GROUPED.findall(expression) for word in re.findall(r"\w+", part.partition("(")[2])
    }
    picked = {word for part in _PICKED.findall(expression) for word in re.findall(r"(\w+)[!=~]+\"", part)}
    return grouped | picked
