import json
import subprocess
import sys
from pathlib import Path

FULL = """
import resource
import sys
from pathlib import Path
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from argosy.telemetry.otlp_files import SpanFile

tracer = TracerProvider(resource=Resource({})).get_tracer("t")

def export(name):
    span = tracer.start_span(name)
    span.end()
    return file.export([span]) is SpanExportResult.SUCCESS

path = Path(sys.argv[1])
file = SpanFile(path)
print(export("before"))
room = path.stat().st_size + 100
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
print(export("in the way"))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(path.stat().st_size == room, export("after"))
"""


def test_a_batch_after_a_full_disk_is_whole(tmp_path: Path) -> None:
    """A process of its own: its limit is that of all files it writes."""
    path = tmp_path / "spans.jsonl"
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240)
    assert done.stdout.split() == ["True", "False", "True", "True"]
    first, cut, last = path.read_text().splitlines()
    assert '"before"' in json.dumps(json.loads(first))
    assert not cut.endswith("}")
    assert '"after"' in json.dumps(json.loads(last))
