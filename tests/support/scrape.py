"""Read a process's `/metrics` as Prometheus does."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from prometheus_client.parser import text_string_to_metric_families

_WITHIN_SECONDS: Final = 60


@dataclass(frozen=True)
class Sample:
    """One line of a scrape."""

    name: str
    labels: Mapping[str, str]
    value: float

    @property
    def title(self) -> str:
        """Name and labels."""
        return "".join([self.name, *(f"|{key}={value}" for key, value in sorted(self.labels.items()))])


def fetch(url: str, within_seconds: float = _WITHIN_SECONDS, /, **headers: str) -> tuple[int, str]:
    """Ask for a page: (status, body)."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=within_seconds)
    try:
        connection.request("GET", urlunsplit(("", "", parts.path or "/", parts.query, "")), headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def scrape(url: str) -> list[Sample]:
    """Ask for the metrics."""
    status, text = fetch(url)
    assert status == http.client.OK, (status, text)
    return [
        Sample(sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]
