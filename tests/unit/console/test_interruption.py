"""Ctrl-C where something must be ended in order first."""

import os
import signal

from argosy.console.interruption import if_interrupted, interrupted, interrupts_noted


def test_the_last_word_before_the_interruption_counts() -> None:
    if_interrupted("nothing was done")
    if_interrupted("one was done")
    assert interrupted() == "one was done"


def test_an_interrupt_is_noted_and_raised_nowhere() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupts_noted() as noted:
        os.kill(os.getpid(), signal.SIGINT)
        assert noted.wait(5)
    assert signal.getsignal(signal.SIGINT) is before
