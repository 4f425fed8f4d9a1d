"""Bugs in the core: what a record of the run log does to its run."""

# ruff: noqa: SLF001 - what is edited is private
# pyright: reportPrivateUsage=false

from typing import Final

from argosy.coordinator import deadline, fold, join, settled, signal, waits
from bugs.bug import Bug
from bugs.planting import Edit

CORE_BUGS: Final = (
    Bug(
        "bad_submit_ends",
        "a submit of other data ends the healthy run that has its id",
        (
            Edit(
                fold._repeated,
                'return state, (Send(f"refused:{again.position}"),)',
                "turn = Turn(state, event, plan_of(state.pinned.identity, state.get('plan') or b''))\n"
                "        finish(turn, 'failed', Fault(code='rejected', message='other data'))\n"
                "        return state, tuple(turn.decisions)",
            ),
        ),
    ),
    Bug(
        "repeat_unanswered",
        "a repeat of a run that has ended is not answered",
        (
            Edit(
                fold._repeated,
                '(Send(f"result:{event.run_id}"),) if state.st == "ended" else ()',
                "()",
            ),
        ),
    ),
    Bug(
        "late_accepts",
        "a run is accepted whose tombstone may be gone",
        (
            Edit(
                fold._accepted,
                "if event.time_ms > accepted.submitted_ms + accepted.longest_and_window_ms:",
                "if False:",
            ),
        ),
    ),
    Bug(
        "cancel_needs_run",
        "a cancel that comes before its run is dropped",
        (
            Edit(
                fold.fold,
                "return _cancelled_before(event, cancel)",
                "return state, ()",
            ),
        ),
    ),
    Bug(
        "second_end_counts",
        "the last `run.ended` in the log is final, not the first",
        (Edit(fold._ended, 'if state is not None and state.st == "ended":', "if False:"),),
    ),
    Bug(
        "late_settle_keeps_claim",
        "a settle of a run that is over deletes no claim that was put back",
        (Edit(fold.fold, "decisions = (Unclaim(local_part(late.task_id)),)", "decisions = ()"),),
    ),
    Bug(
        "newer_rules_set_aside",
        "a run of newer rules counts as a defect of that run",
        (
            Edit(
                fold._rules,
                "raise NewerVersion(message) if version > max(RULES) else ValueError(message)",
                "raise ValueError(message)",
            ),
        ),
    ),
    Bug(
        "old_failure_counts",
        "a failure counts for whatever attempt is current",
        (
            Edit(
                settled.settle,
                'elif settled.attempt == task.attempt and task.letter == "r":',
                'elif task.letter in "rb":',
            ),
        ),
    ),
    Bug(
        "success_of_old_attempt_lost",
        "a success counts for the current attempt alone",
        (
            Edit(
                settled.settle,
                'elif settled.outcome == "succeeded":',
                'elif settled.outcome == "succeeded" and settled.attempt == task.attempt:',
            ),
        ),
    ),
    Bug(
        "join_counts_arrivals",
        "a join counts what arrives: the second success of one parent stands for another parent's",
        (Edit(settled.settle, "if task.letter in TERMINAL:\n        turn", "if False:\n        turn"),),
    ),
    Bug(
        "usage_twice",
        "the usage of an attempt is added each time that its settle comes",
        (Edit(settled._seen, "if task.seen & bit:", "if False:"),),
    ),
    Bug(
        "quorum_one_short",
        "a quorum is met by one fewer",
        (Edit(join.verdict, "if tally.succeeded >= least:", "if tally.succeeded + 1 >= least:"),),
    ),
    Bug(
        "retry_forgotten",
        "the timer of a retry starts no attempt",
        (Edit(deadline._retry, 'task.letter == "b"', 'task.letter == "w"'),),
    ),
    Bug(
        "early_signal_dropped",
        "a signal that comes before anybody waits for it is dropped",
        (
            Edit(signal.keep, "state.put(field, body", "str.join(field, body"),
            Edit(waits.start, "before = waiting_of(turn.state, step.name)", "before = held.Waiting()"),
        ),
    ),
    Bug(
        "any_hash_approves",
        "an approval counts for whatever value waits, not only for the one that it names",
        (Edit(waits._wrong, "if signal.about_sha256 != sha256:", "if False:"),),
    ),
    Bug(
        "stale_look_counts",
        "what was found of an earlier signal counts for the one that is next",
        (Edit(waits.looked, "if settled.attempt != waiting.asked:", "if False:"),),
    ),
    Bug(
        "wrong_signal_ends_wait",
        "after a signal that is not right a step hears no other one",
        (
            Edit(
                waits.looked,
                "_drop(turn, step, _said(settled))\n        _next(turn, step)",
                "_drop(turn, step, _said(settled))",
            ),
        ),
    ),
)
