"""Files for the operator's own tools, made from the table of metrics: `deploy/` holds them, and a check says so."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from argosy.console.monitoring_alerts import RULES_FILE, cases, rules
from argosy.console.monitoring_grafana import dashboard
from argosy.console.monitoring_panels import DASHBOARDS
from argosy.telemetry import names

FOLDER: Final = Path("deploy")
_MADE: Final = "# Made by `argosy monitoring export`; `argosy monitoring check` says whether it still is.\n"
_SCRAPE: Final = """\
# What of Prometheus's own configuration argosy needs: the rules, and where processes are.
rule_files:
  - argosy-rules.yml
scrape_configs:
  - job_name: argosy
    scrape_interval: 15s
    # Written by `argosy monitoring targets --to argosy-targets.json`, again and again: ports may be any.
    file_sd_configs:
      - files: [argosy-targets.json]
    # With fixed ports name them instead:
    # static_configs:
    #   - targets: [worker-1:9464, coordinator-1:9464, gateway-1:9464]
"""


def made() -> Mapping[str, str]:
    """Return all files by their paths below the folder."""
    found = {
        f"prometheus/{RULES_FILE}": _MADE + rules(),
        "prometheus/argosy-rules.test.yml": _MADE + cases(),
        "prometheus/prometheus.yml": _MADE + _SCRAPE,
        "collector/config.yaml": _MADE + _collector(),
    }
    return found | {f"grafana/{each.uid}.json": dashboard(each) for each in DASHBOARDS}


def export(folder: Path) -> list[Path]:
    """Write the files; return those that changed."""
    changed: list[Path] = []
    for name, text in made().items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def drift(folder: Path) -> list[str]:
    """Name the files that are not what would be made now."""
    return [
        name
        for name, text in made().items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]


def _collector() -> str:
    text = (files("argosy.console") / "monitoring_collector.txt").read_text(encoding="utf-8")
    return text.replace("@ATTEMPT@", names.ATTEMPT)
