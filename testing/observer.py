"""Sees what happens at the services, tells it to whoever judges, and springs the traps."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from argosy.broker.log import Outgoing, Partition
from argosy.broker.script import Arg, Reply, Script
from argosy.broker.topics import TopicNames
from argosy.schemas.runlog import StepRecorded
from argosy.testing.gate import GATE
from argosy.testing.process import Process
from argosy.testing.trace import Trace
from argosy.testing.traps import At, Traps, tasks_of

Appended = Callable[[str, Outgoing, int, int], None]
"""Process, record, partition, offset."""
Ran = Callable[[str, Script, Sequence[str], Sequence[Arg], Reply], None]
"""Process, script, keys, arguments, reply."""
Committed = Callable[[str, str, Mapping[Partition, int]], None]
"""Process, group, offsets."""
Asked = Callable[[str, Script, Sequence[str]], None]
"""Process, script, keys: it is about to be sent."""
Handled = Callable[[str, str, int], None]
"""Process, task id, attempt: a handler begins."""

_RECORDED: Final = f"argosy.{StepRecorded.KIND}.".encode()
_TOLD: Final = frozenset({"claim", "hold", "memo", "hand_back", "rebuild", "take"})
"""Scripts that stand in the trace: the others come too often to be read."""


class Observer:
    """Listeners are called at the very moment; they must not wait."""

    def __init__(self, trace: Trace, names: TopicNames) -> None:
        """Write what is worth reading into `trace`."""
        self.trace, self.traps = trace, Traps()
        self.processes: dict[str, Process] = {}
        """All lives, by full name."""
        self.crash: Callable[[Process], None] = Process.kill
        """How a process dies; whoever supervises it sets this."""
        self.on_append: list[Appended] = []
        self.on_ask: list[Asked] = []
        self.on_script: list[Ran] = []
        self.on_commit: list[Committed] = []
        self.on_handler: list[Handled] = []
        self._names = names

    def appended(self, who: str, record: Outgoing, partition: int, offset: int) -> None:
        """Hear of a record that was written."""
        agent = self._names.agent_of(record.topic)
        if agent is not None:
            self.traps.agents[record.key.decode()] = agent
        if self.trace.on and record.topic != self._names.events:
            self.trace.note(who, f"{record.topic}/{partition} @{offset} {_shown(record)}")
        for hears in self.on_append:
            hears(who, record, partition, offset)
        if self.traps.armed and record.topic == self._names.runs:
            self._may_die("after_publish", who, _settled_by(record))

    def asked(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> bool:
        """Hear of a script that is about to be sent; False: its sender has just died."""
        process = GATE.get()
        who = process.full_name if isinstance(process, Process) else ""
        for hears in self.on_ask:
            hears(who, script, keys)
        if not self.traps.armed:
            return True
        if script.name == "claim":
            return not self._may_die("before_claim", who, tasks_of(keys))
        if script.name == "memo":  # …, name of the step, what to do: see memo.lua
            step, action = args[-2:]
            sets = isinstance(action, bytes) and action.startswith(b"set")
            return not (sets and self._may_die("after_effect", who, tasks_of(keys), str(step)))
        return True

    def sends(self, who: str, record: Outgoing) -> bool:
        """Hear of a record that is about to be sent; False: its sender has just died."""
        if not self.traps.armed or record.topic != self._names.runs:
            return True
        if not dict(record.headers).get("ce_type", b"").startswith(_RECORDED):
            return True
        said = StepRecorded.model_validate_json(record.value or b"")
        return not self._may_die("after_effect", who, [said.task_id], said.name)

    def ran(self, who: str, script: Script, keys: Sequence[str], args: Sequence[Arg], reply: Reply) -> None:
        """Hear of a script that has taken effect."""
        if self.trace.on and script.name in _TOLD:
            self.trace.note(who, f"{script.name} {' '.join(tasks_of(keys))} -> {_brief(reply)}")
        for hears in self.on_script:
            hears(who, script, keys, args, reply)
        if self.traps.armed and script.name == "hold":
            self._may_die("after_store", who, tasks_of(keys))

    def committed(self, who: str, group: str, offsets: Mapping[Partition, int]) -> None:
        """Hear of offsets that a group has taken."""
        for hears in self.on_commit:
            hears(who, group, offsets)

    def handles(self, task_id: str, attempt: int) -> bool:
        """Hear of a handler that begins in the process that runs now; False: that process has just died."""
        process = GATE.get()
        who = process.full_name if isinstance(process, Process) else "test"
        self.trace.note(who, f"handler of {task_id}#{attempt} begins")
        for hears in self.on_handler:
            hears(who, task_id, attempt)
        return not self._may_die("in_handler", who, [task_id])

    def _may_die(self, at: At, who: str, task_ids: list[str], step: str = "") -> bool:
        process = self.processes.get(who)
        if process is None or process.state == "dead" or not self.traps.springs(at, task_ids, step):
            return False
        of = f" of step {step!r}" if step else ""
        self.trace.note("FAULT", f"{who} dies {at.replace('_', ' ')}{of}: {' '.join(task_ids)}")
        self.crash(process)
        return True


def _settled_by(record: Outgoing) -> list[str]:
    headers = dict(record.headers)
    if not headers.get("ce_type", b"").startswith(b"argosy.task.settled"):
        return []
    return [headers["ce_id"].decode().rpartition("#")[0]]


def _shown(record: Outgoing) -> str:
    headers = dict(record.headers)
    kind = headers.get("ce_type", b"?").decode().removeprefix("argosy.")
    return f"{kind} {headers.get('ce_subject', b'').decode()} {headers.get('ce_id', b'').decode()}"


def _brief(reply: Reply) -> str:
    text = " ".join(
        part.decode(errors="replace") if isinstance(part, bytes) else str(part)
        for part in (reply if isinstance(reply, list) else [reply])
    )
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_SHOWN: Final = 60
