"""The end of a serving process: it comes, whatever still runs in a thread."""

import signal
import subprocess
import sys

import pytest

MAIN = """
import asyncio, sys, time
from argosy.console.process_life import serve
from argosy.schemas.errors import Refused
from argosy.schemas.settings import Settings

async def main(services, stop):
    task = asyncio.create_task(asyncio.to_thread(time.sleep, 600))
    await asyncio.sleep(0.05)
    if sys.argv[1] == "refused":
        raise Refused("Kafka says no")

serve(Settings(), "worker", main)
"""


@pytest.mark.parametrize(
    ("how", "code", "said"), [("told", 0, "worker: ended"), ("refused", 1, "Kafka says no")]
)
def test_a_thread_that_goes_on_keeps_no_process_from_ending(how: str, code: int, said: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", MAIN, how], capture_output=True, text=True, timeout=240, check=False
    )
    assert found.returncode == code, found.stderr
    assert said in found.stderr
    assert "thread still runs" in found.stderr


CLOSING = """
import threading
from argosy.console import process_life
from argosy.schemas.settings import Settings

class Slow:
    def stop(self):
        print("closing", flush=True)
        threading.Event().wait(600)

async def main(services, stop):
    pass

process_life.setup.start = lambda *given: Slow()
process_life.serve(Settings(), "worker", main)
"""


def test_a_signal_ends_a_process_at_once_when_its_loop_is_closed_already() -> None:
    with subprocess.Popen([sys.executable, "-c", CLOSING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "closing\n"
        process.terminate()
        assert process.wait(240) == 128 + signal.SIGTERM
