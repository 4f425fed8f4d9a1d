"""Fixtures of every test: the real services, started once per process on ports of their own; how tests are spread."""

import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import Scheduling

from support.last_words import last_words
from support.missing import NOT_RUN
from support.scheduling import ByFile, long_first
from support.stack import StackThread

# A shell starts jobs in the background with Ctrl-C ignored, and whoever they start inherits that: then the processes of
# the tests of Ctrl-C would be deaf to it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes, and how long it takes to make one, says how busy the machine is.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

_BASE: Final = pytest.StashKey[Path]()
_BEGAN: Final = pytest.StashKey[float]()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackThread]:
    """One real Kafka and Valkey for all tests of a process. That they can't be had is a failure, never a skip.

    Tests share the servers and keep apart by a topic prefix and a key prefix of their own.
    """
    with StackThread(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def _base(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    pytestconfig.stash[_BASE] = tmp_path_factory.getbasetemp()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Give out tests so that what they share is started once; `--dist` wishes otherwise."""
    if config.getoption("dist") != "load":
        return None
    config.option.loadscopereorder = False  # by how many they are says nothing about how long they take
    return ByFile(config, log)  # with its log, which is silent: one of its own would tell of each test


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the long ones where tests run side by side."""
    if hasattr(config, "workerinput"):
        items[:] = long_first(items, config.rootpath)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what processes said last beside a failure."""
    began = item.stash.setdefault(_BEGAN, call.start)
    report = yield
    if report.failed and (base := item.config.stash.get(_BASE, None)) is not None:
        report.sections += [(f"end of {name}", text) for name, text in last_words(base, began)]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shout what nobody has tried here, since this machine lacks what it takes (`support.missing`)."""
    reports: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    told = [str(report.longrepr[2]) for report in reports if isinstance(report.longrepr, tuple)]
    if missing := dict.fromkeys(text for text in told if NOT_RUN in text):
        terminalreporter.section("what was not run", red=True, bold=True)
        for text in missing:
            terminalreporter.line(text.removeprefix("Skipped: "), red=True)
