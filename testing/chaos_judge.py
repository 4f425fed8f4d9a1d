"""Judges a fleet after a chaos run, from Kafka's records alone.

Give it the run log first, then results, then orders, each in the order of its partitions.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from argosy.coordinator.fold import fold
from argosy.coordinator.lane_record import read
from argosy.coordinator.messages import written_result
from argosy.schemas.codec import encode_body
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import BudgetReceived, RunAccepted, RunEnded, TaskSettled
from argosy.schemas.task import TaskDispatched
from argosy.testing.chaos_bounds import Bounds, Snapshot
from argosy.testing.chaos_finding import Finding
from argosy.testing.chaos_replays import left_by, reused_of
from argosy.testing.chaos_right import wrong
from argosy.testing.chaos_runs import RunSeen, Tally, digest, inline, order_of, value_of
from argosy.testing.chaos_savers import misspent, overspent
from argosy.testing.outside import Line

if TYPE_CHECKING:
    from argosy.coordinator.state import RunState


class Judge:
    """Takes every record once; `own`: the runs are of our own app, whose results name the values that took effect."""

    def __init__(self, prefix: str, snapshots: Sequence[Snapshot], *, own: bool) -> None:
        """`prefix` is that of the topics."""
        self.runs: dict[str, RunSeen] = {}
        self.tally = Tally()
        self.unended = 0
        """Runs that were accepted and under way still, of a fleet that was too slow to be judged by them."""
        self.lost = Finding("no acknowledged run is lost")
        self.once = Finding("each task's result takes effect once")
        self.joins = Finding("a join fires once, with the inputs that took effect")
        self.offsets = Finding("committed offsets never pass unfinished work")
        self.ends = Finding("every run ends as it should, and a crash uses up no attempt")
        self.record = Finding("the run log, folded anew, gives the results that were published")
        self.again = Finding("a replay takes over what took effect, and makes nothing of it again")
        self.spent = Finding(
            "a run with a budget spends no more, and what is missing then is missing for that"
        )
        self._prefix, self._own = prefix, own
        self._states: dict[str, RunState | None] = {}
        self._bounds = Bounds(snapshots)
        self._early: dict[tuple[str, int], str] = {}
        self._read: dict[int, int] = {}
        """By lane: the last offset of the run log that was looked at."""

    def findings(self) -> list[Finding]:
        """Return all that was looked at."""
        for text in self._early.values():
            self.offsets.look(holds=False, text=text)
        self._early.clear()
        return [
            self.lost,
            self.once,
            self.joins,
            self.offsets,
            self.ends,
            self.record,
            *([self.again, self.spent] if self._own else []),
        ]

    def take(self, line: Line) -> None:
        """Look at one record."""
        if line.message is None:
            return
        kind = line.topic.removeprefix(f"{self._prefix}.").partition(".")[0]
        if kind == "runs":
            self._logged(line)
        elif kind == "results":
            self._answered(line)
        elif kind == "tasks" and isinstance(line.message, TaskDispatched):
            self._ordered(line, line.message)

    def _logged(self, line: Line) -> None:
        run_id = line.envelope.subject
        run = self.runs.setdefault(run_id, RunSeen())
        run.lane, self._read[line.partition] = line.partition, line.offset
        match line.message:
            case RunAccepted() as accepted:
                run.data_hashes.add(accepted.data_hash)
                if run.accepted is None:
                    run.accepted, run.accepted_ms = line.offset, line.time_ms
                    run.pipeline, run.budget = accepted.pipeline.name, accepted.budget
                    if self._own:
                        run.given, run.reused = inline(accepted.input), reused_of(accepted)
                        run.replay_of = accepted.replay_of.run_id if accepted.replay_of else ""
                else:
                    self.tally.accepted_again += 1
            case TaskSettled() as settled:
                self._settled(line, run, settled)
            case BudgetReceived() as answer:
                self._answered_budget(line, run, answer)
            case RunEnded() as ended:
                self._ended(line, run, ended)
            case _:
                pass
        self._fold(line, run)
        if isinstance(line.message, TaskSettled) and line.message.outcome == "succeeded":
            self._refused(line, run, line.message)

    def _settled(self, line: Line, run: RunSeen, settled: TaskSettled) -> None:
        task = run.task(settled.task_id)
        again = settled.attempt in task.settled
        self.tally.settles_again += again
        if not again:
            task.settled[settled.attempt] = line.offset
            run.spent += settled.usage.total_tokens
        if settled.outcome != "succeeded":
            task.failed.add(settled.attempt)
            task.fault = settled.fault.code if settled.fault is not None else ""
        elif task.value is None:
            if not again:
                self.tally.tasks += 1
                self.tally.settled[line.time_ms // 1000] += 1
            if run.ended is None:
                task.value = value_of(settled) or ""
        cause = line.envelope.cause
        self.joins.look(cause is None or cause < line.offset, f"{settled.task_id} answers what came later")

    def _answered_budget(self, line: Line, run: RunSeen, answer: BudgetReceived) -> None:
        """Judge what was spent before: nobody knew yet that there would be more."""
        if run.budget is None or run.ended is not None:
            return
        said = overspent(run)
        self.spent.look(not said, f"{line.envelope.subject} {said}, before it was raised")
        run.budget = max(run.budget, answer.tokens or 0)

    def _refused(self, line: Line, run: RunSeen, settled: TaskSettled) -> None:
        """Take back what fold did not take as a success: a plan that may not be run."""
        state = self._states.get(line.envelope.subject)
        task, seen = run.task(settled.task_id), state and state.task(settled.task_id.partition("/")[2])
        if not seen or not (seen.letter in "bf" or (seen.letter == "r" and seen.attempt > settled.attempt)):
            return
        if settled.attempt not in task.failed:
            self.tally.tasks -= 1
            self.tally.settled[line.time_ms // 1000] -= 1
        task.failed.add(settled.attempt)
        task.value = None

    def _ended(self, line: Line, run: RunSeen, ended: RunEnded) -> None:
        if run.ended is not None:
            self.tally.ends_again += 1
            return
        run.ended, run.ended_at, run.end_digest = ended, line.offset, digest(line.body)
        run.ended_ms = line.time_ms
        if run.budget is not None:
            said = misspent(run)
            self.spent.look(not said, f"{line.envelope.subject} {said}")
        if self._own and ended.outcome == "succeeded":
            self._result(line.envelope.subject, run, inline(ended.result))
        run.given, run.reused = None, {}
        for task in run.tasks.values():
            task.value = ""

    def _result(self, run_id: str, run: RunSeen, whole: JsonValue) -> None:
        took = {
            task_id.partition("/")[2]: task.value
            for task_id, task in run.tasks.items()
            if task.value is not None
        }
        if run.reused:
            self.again.look(
                not took.keys() & run.reused.keys(), f"{run_id} made again what it had taken over"
            )
        took |= run.reused
        said = wrong(run.pipeline, run_id, run.given, whole, took)
        self.joins.look(not said, f"{run_id} {said}")
        run.took = left_by(run.pipeline, took)

    def _fold(self, line: Line, run: RunSeen) -> None:
        """Fold on, until the run's first end."""
        run_id = line.envelope.subject
        if run.ended is not None and run_id not in self._states:
            return
        assert line.record is not None  # noqa: S101 - what was read from Kafka has one
        try:
            self._states[run_id], _ = fold(self._states.get(run_id), read(line.record))
        except Exception as error:  # noqa: BLE001 - whatever fold raises is what is told
            self.record.look(holds=False, text=f"{run_id} at {line.offset}: fold raises {error!r}")
            self._states.pop(run_id, None)
            return
        if run.ended is not None:
            found = written_result(self._states.pop(run_id))
            same = found is not None and digest(found[1]) == digest(encode_body(run.ended))
            self.record.look(same, f"{run_id}: folded anew it ends otherwise")

    def _answered(self, line: Line) -> None:
        run = self.runs.setdefault(line.envelope.subject, RunSeen())
        match line.message:
            case RunEnded():
                found = digest(line.body)
                self.tally.results_again += bool(run.results)
                run.results.add(found)
                run.answered_ms = run.answered_ms or line.time_ms
            case SubmitRefused() as refused:
                run.refused += 1
                run.busy += refused.full is not None
            case _:
                pass

    def _ordered(self, line: Line, order: TaskDispatched) -> None:
        cause = line.envelope.cause
        if cause is not None and cause > self._read.get(order.lane, cause):
            return  # of a fleet still at work: what it answers came after the log had been read
        run = self.runs.setdefault(line.envelope.subject, RunSeen())
        task = run.task(order.task_id)
        self.tally.orders += 1
        # The coordinator did hold it, and sent it again.
        self._early.pop((order.task_id, order.attempt), None)
        if order.attempt == 1:
            found = order_of(line, order)
            self.tally.orders_again += task.order is not None
            self.joins.look(task.order in (None, found), f"{order.task_id} was ordered twice, differently")
            task.order = found
        else:
            failed = order.attempt - 1 in task.failed
            self.ends.look(failed, f"{order.task_id} got attempt {order.attempt}, and none failed before")
        self._in_time(line, order, run)

    def _in_time(self, line: Line, order: TaskDispatched, run: RunSeen) -> None:
        """Promise 5: when an order lay below the committed offset, it was settled, or its run was over."""
        snapshot = self._bounds.first_beyond((line.topic, line.partition), line.offset)
        if snapshot is None or run.lane < 0:
            return
        end = snapshot.lane_ends.get(run.lane, 0)
        settled = [at for attempt, at in run.task(order.task_id).settled.items() if attempt >= order.attempt]
        over = 0 <= run.ended_at < end
        if settled and min(settled) >= end and not over:
            self._early[order.task_id, order.attempt] = f"{line.topic} was committed past {order.task_id}"
        else:
            self.offsets.checked += 1

    def conclude(
        self, acknowledged: Iterable[str], expected: Mapping[str, str], *, may_fail: bool, slow: bool = False
    ) -> None:
        """Judge the runs: those that were acknowledged; `expected`: another outcome than success, `outcome/code`.

        `slow`: the fleet was still at work, so that one that was accepted and hasn't ended is only counted.
        """
        for run_id in acknowledged:
            run = self.runs.get(run_id)
            if slow and run is not None and run.accepted is not None and run.ended is None:
                self.unended += 1
                continue
            if run is not None and run.accepted is None and run.refused == run.busy > 0:
                self.tally.turned_away += 1
                continue
            there = (
                run is not None and run.accepted is not None and run.ended is not None and bool(run.results)
            )
            self.lost.look(there, f"{run_id}: {_missing(run)}")
        for run_id, run in self.runs.items():
            if run.ended is None:
                self.ends.look(slow or not run.data_hashes, f"{run_id} never ended")
                continue
            self.once.look(
                run.results == {run.end_digest}, f"{run_id} was answered otherwise than its log ends"
            )
            self.once.look(len(run.data_hashes) == 1, f"{run_id} was accepted with different data")
            old = self.runs.get(run.replay_of)
            if old is not None:
                self.again.look(
                    run.took == old.took, f"{run_id} took over other results than {run.replay_of} left"
                )
            wanted = expected.get(run_id, "succeeded")
            code = run.ended.fault.code if run.ended.fault is not None else ""
            said = run.ended.outcome if run.ended.outcome == "succeeded" else f"{run.ended.outcome}/{code}"
            fine = said == wanted or (may_fail and run_id not in expected)
            self.ends.look(fine, f"{run_id} ended {said}, not {wanted}: {run.ended.fault}")


def _missing(run: RunSeen | None) -> str:
    if run is None or run.accepted is None:
        return f"acknowledged, and never accepted ({run.refused if run else 0} refusals)"
    return "never ended" if run.ended is None else "it ended, and nobody was answered"
