"""Fixtures of every test: the real services, started once per session on ports of their own."""

import signal
from collections.abc import Iterator

import pytest

from support.stack import StackThread

# A shell starts jobs in the background with Ctrl-C ignored, and whoever they start inherits that: then the processes of
# the tests of Ctrl-C would be deaf to it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackThread]:
    """One real Kafka and Valkey for all tests. That they can't be had is a failure, never a skip.

    Tests share the servers and keep apart by a topic prefix and a key prefix of their own.
    """
    with StackThread(tmp_path_factory.mktemp("stack")) as running:
        yield running
