"""What blame found, as a story for people. Pure."""

from collections.abc import Iterator
from typing import Final

from argosy.console.blame_facts import AttemptTold, Blame, InputTold, Link, Lost, TaskTold
from argosy.console.numbers import counted
from argosy.console.system_words import reduction

_SHORT: Final = 12
_REASONS: Final = 6
_INPUTS: Final = 12


def story(found: Blame) -> Iterator[str]:
    """Tell it, the answer first."""
    yield _head(found)
    if found.fault is not None:
        yield f"it did not succeed: {found.fault.said}"
    for task in found.made_by[:1]:
        yield ""
        yield from _task(task)
    if len(found.made_by) > 1:
        yield ""
        yield "others that made it too, without having it from anybody:"
        yield from (f"  {_who(task)}: “{task.text}”" for task in found.made_by[1:])
    if len({piece.made_by for piece in found.pieces}) > 1:
        yield ""
        yield "piece by piece, by who first had it:"
        yield from (f"  {piece.made_by or 'a constant'}: “{piece.text}”" for piece in found.pieces)
    if found.way:
        yield ""
        yield "the way it took:"
        yield from (f"  {_link(link)}" for link in found.way)
    for lost in found.lost:
        yield ""
        yield from _lost(lost)
    for recorded in found.recorded:
        yield f"it stands in {recorded}"
    yield from _suspects(found)
    yield from _rest(found)


def _head(found: Blame) -> str:  # noqa: PLR0911 - one return for each verdict
    what = f"the value of {found.path}, “{found.about}”," if found.path else f"“{found.about}”"
    run = f"run {found.run_id}, {found.outcome}"
    first = found.made_by[0] if found.made_by else None
    match found.verdict:
        case "made" if first is not None:
            where = "" if found.in_outcome else "; there is no outcome yet that could have it"
            return f"{run}: {what} was first made by {_who(first)}{where}"
        case "given" | "made":
            return f"{run}: {what} came with the run's input: no task made it"
        case "written":
            return f"{run}: {what} is a constant of the pipeline: its author wrote it down"
        case "lost":
            by = f"made by {_who(first)}" if first is not None else "in the run's input"
            if not found.in_input and first is None:
                by = "in what was recorded"
            where = f", lost by {_who(found.lost[0].task)}" if found.lost else ""
            return f"{run}: the outcome hasn't got {what}; it was {by}{where}"
        case "nowhere":
            return f"{run}: no value of it has {what}"
        case _ if found.suspects:
            return f"{run}: {_who(found.suspects[0].task)} is the first to suspect"
        case _:
            return f"{run}: nothing speaks against any task; ask about a text or a field: --about"


def _who(task: TaskTold) -> str:
    named = task.task if task.what in ("", task.task) else f"{task.task} ({task.what})"
    agent = "" if not task.agent or task.agent == task.task else f", agent {task.agent}"
    return f"{named}{agent}"


def _task(task: TaskTold, text: str = "it wrote") -> Iterator[str]:
    version = f" version {task.version}" if task.version else ""
    by = f"agent {task.agent}{version}" if task.agent else "nobody's agent: a signal, or an answer"
    yield f"{task.task}: {by}, {task.model or 'asks no model by contract'}"
    if task.text:
        yield f"  {text}: “{task.text}”"
    for each in task.contradictions:
        yield f"  its input {each.input} says {each.was}, its output {each.became}:"
        yield f"    “{each.input_text}” became “{each.output_text}”"
    if task.unsupported:
        yield f"  figures of its output that no input has: {', '.join(task.unsupported)}"
    yield from _tries(task)
    for given in task.inputs[:_INPUTS]:
        yield f"  {_input(given)}"
    if len(task.inputs) > _INPUTS:
        yield f"  … {len(task.inputs) - _INPUTS} more inputs"
    for hole in task.holes:
        yield f"  missing: {hole.task} of {hole.input}, {hole.outcome}: {hole.reason}"
    for record in task.reduced:
        yield f"  before it, {'summarised' if record.method == 'summarise' else 'cut'}: {reduction(record)}"
    if task.sha256 is not None:
        at = "" if task.offset is None else f", at offset {task.offset}"
        yield f"  gave {counted(task.tokens, 'token')}, sha256 {task.sha256[:_SHORT]}…{at}{_marks(task.taint)}"


def _tries(task: TaskTold) -> Iterator[str]:
    if task.reused:
        yield "  its result was taken over from the run that this one is a replay of"
    for each in task.attempts:
        yield f"  {_attempt(each)}"


def _attempt(each: AttemptTold) -> str:
    said = f"attempt {each.attempt} {each.outcome} at offset {each.offset}, by {each.by}"
    if each.deliveries > 1:
        said += f", {counted(each.deliveries, 'delivery', 'deliveries')}"
    if each.input_tokens or each.output_tokens:
        said += f", tokens {each.input_tokens} in, {each.output_tokens} out"
    if not each.counted:
        said += ", which did not count"
    if each.sha256 is not None and not each.counted:
        said += f" (sha256 {each.sha256[:_SHORT]}…)"
    return said + (f": {each.fault.said}" if each.fault is not None else "")


def _input(told: InputTold) -> str:
    given = told.given
    of = ", ".join(source or "a constant" for source in told.sources[:_REASONS])
    more = f" and {len(told.sources) - _REASONS} more" if len(told.sources) > _REASONS else ""
    size = f"{'' if given.exact else 'at most '}{given.tokens} tokens"
    size += f" of {given.original_tokens}" if given.original_tokens != given.tokens else ""
    sha = f", sha256 {given.sha256[:_SHORT]}…" if given.sha256 else ""
    has = {None: "", True: f"; has it: “{told.text}”", False: "; hasn't got it"}[told.has]
    return f"input {given.name} of {of}{more}: {given.how}, {size}{sha}{_marks(told.taint)}{has}"


def _marks(taint: tuple[str, ...]) -> str:
    return f", tainted by {', '.join(taint)}" if taint else ""


def _link(link: Link) -> str:
    source = link.source or "a constant"
    if not link.task:
        return f"{source} → the outcome"
    agent = "" if not link.agent or link.agent == link.task else f" (agent {link.agent})"
    return f"{source} → {link.task}{agent}, in {link.input}, {link.how}"


def _lost(lost: Lost) -> Iterator[str]:
    if lost.how == "not_given":
        of = next((each.select for each in lost.task.inputs if each.given.name == lost.input), None)
        yield f"{_who(lost.task)} was not given it: its input {lost.input} is only the part {of}"
        return
    tokens = f"{lost.before} tokens before, {lost.after} after"
    yield f"{_who(lost.task)} had it in {lost.input} and gave it on no more: {tokens}"
    if lost.text:
        yield f"  there it said: “{lost.text}”"
    yield from _tries(lost.task)
    for hole in lost.task.holes:
        yield f"  missing: {hole.task} of {hole.input}, {hole.outcome}: {hole.reason}"
    for record in lost.task.reduced:
        yield f"  in all, {reduction(record)}"


def _suspects(found: Blame) -> Iterator[str]:
    for number, suspect in enumerate(found.suspects, start=1):
        yield ""
        model = f", {suspect.task.model}" if suspect.task.model else ""
        yield f"{number}. {_who(suspect.task)}{model}: {counted(suspect.score, 'point')} against it"
        yield from (f"   {reason}" for reason in suspect.reasons[:_REASONS])
        if len(suspect.reasons) > _REASONS:
            yield f"   … {len(suspect.reasons) - _REASONS} more"


def _rest(found: Blame) -> Iterator[str]:
    yield from found.notes
    if found.skipped:
        yield f"{counted(found.skipped, 'task')} not looked at: only the last 500 are"
    if found.gone:
        names = ", ".join(f"{each[:_SHORT]}…" for each in found.gone[:_REASONS])
        gone = f"{counted(len(found.gone), 'value')} no longer kept (payload_gone)"
        yield f"{gone}: {names}; what is told may lack something"
    if found.fold_error:
        yield f"its log can't be folded {found.fold_error}: what came later is not told"
