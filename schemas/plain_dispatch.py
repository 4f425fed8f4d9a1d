"""A dispatch as nearly all are: one input, which came along as a value. Read at the seams between its parts.

No model is made of it, and the value stays as it came: whoever runs the task parses it into the type that it declares.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from pydantic_core import from_json

from argosy.schemas.contract import Contract, known_contract
from argosy.schemas.facts import Want
from argosy.schemas.ids import RUN_ID_PATTERN
from argosy.schemas.payload import Inline, Reference
from argosy.schemas.task import TaskDispatched, TaskInput

_RUN: Final = RUN_ID_PATTERN.removeprefix("^").removesuffix("$").encode()
_NUMBER: Final = rb"(0|[1-9][0-9]{0,17})"
_TEXT: Final = rb'"([ !#-\[\]-~]*)"'
"""ASCII that stands for itself."""

# The parts of the body, in order. Before `_SIZES` lies the value, before `_DUE` the contract.
_TASK: Final = re.compile(rb'\{"task_id":"((%b)/([A-Za-z0-9._~/-]+))"' % _RUN)
_PLACE: Final = re.compile(
    rb',"step":%b,"agent":%b,"attempt":%b,"lane":%b,"inputs":\[\{"name":%b,"source":\{"value":'
    % (_TEXT, _TEXT, _NUMBER, _NUMBER, _TEXT)
)
_SIZES: Final = re.compile(rb',"bytes":%b,"tokens":%b\}\}\],"contract":' % (_NUMBER, _NUMBER))
_DUE: Final = re.compile(
    rb'(?:,"window":%b)?(?:,"factor":%b)?,"deadline_ms":%b,"run_deadline_ms":%b(?:,"priority":%b)?'
    rb',"pipeline":%b(?:,"tenant":%b)?\}' % (*[_NUMBER] * 5, _TEXT, _TEXT)
)
_PARENTS: Final = re.compile(rb',"parents":\[%b(?:,%b)*\]\}' % (_TEXT, _TEXT))
_VALUE: Final = b'{"value":'
_CONTRACT: Final = b'"contract":{'
_JOINED: Final = b',"parents":["'
_MOST_NESTED: Final = 128
_Due = tuple[int | None, int, int, int, int, str, str | None]
"""From the window to the tenant."""
_KEPT_BYTES: Final = 512
"""Of a part that is kept, as it comes with many tasks; with a longer one a dispatch isn't plain."""


class PlainDispatch(NamedTuple):
    """What a `TaskDispatched` says, under the same names, where it is plain. A tuple: it is made for each task."""

    task_id: str
    run_id: str
    local: str
    """The task's name inside its run."""
    step: str
    agent: str
    attempt: int
    lane: int
    name: str
    """Of the input."""
    value: bytes
    """Of the input: JSON, as it came."""
    bytes_: int
    tokens: int
    contract: Contract
    window: int | None
    factor: int
    deadline_ms: int
    run_deadline_ms: int
    priority: int
    pipeline: str
    tenant: str | None
    parents: tuple[str, ...]

    @property
    def inputs(self) -> tuple[TaskInput, ...]:
        """The input, made when it is asked for."""
        source = Inline(value=from_json(self.value), bytes=self.bytes_, tokens=self.tokens)
        return (TaskInput(name=self.name, source=source),)

    @property
    def inputs_ref(self) -> Reference | None:
        """None: the input came along."""
        return None

    @property
    def wants(self) -> tuple[Want, ...]:
        """None: a dispatch that asks for facts isn't plain."""
        return ()

    @property
    def budget(self) -> None:
        """None: one of a run that has a budget isn't plain."""

    @property
    def budget_micros(self) -> None:
        """None, likewise."""

    @property
    def earlier(self) -> str | None:
        """None: a retry isn't plain."""
        return None

    @property
    def refused(self) -> None:
        """None, likewise."""


Dispatch = TaskDispatched | PlainDispatch


def read_plain(body: bytes) -> PlainDispatch | None:
    """Read the body of a dispatch if it is plain; None: it has to be decoded as any other message.

    A value may look like any of the seams. But what lies between the first and the last of them is parsed: if each
    part is JSON by itself, the body is, and JSON can be read in one way only.
    """
    task = _TASK.match(body)
    if task is None:
        return None
    begin = body.find(_VALUE, task.end()) + len(_VALUE)
    terms = body.rfind(_CONTRACT) + len(_CONTRACT) - 1
    ends = body.find(b"}", terms) + 1
    end = body.rfind(b',"bytes":', begin, terms)
    sizes = _SIZES.fullmatch(body, end, terms)
    if sizes is None or begin - task.end() > _KEPT_BYTES or len(body) - ends > _KEPT_BYTES:
        return None
    try:
        step, agent, attempt, lane, name = _place(body[task.end() : begin])
        due, parents = _rest(body[ends:])
        value, contract = body[begin:end], known_contract(body[terms:ends])
        from_json(value)
    except ValueError:
        return None
    if _may_be_too_deep(value):
        return None
    id_, run_id, local = task.groups()
    size, tokens = sizes.groups()
    return PlainDispatch(
        id_.decode(),
        run_id.decode(),
        local.decode(),
        step,
        agent,
        attempt,
        lane,
        name,
        value,
        int(size),
        int(tokens),
        contract,
        *due,
        parents,
    )


def _may_be_too_deep(value: bytes) -> bool:
    """Whether the parser might refuse in the body what it takes by itself: it counts what is nested in what."""
    if value.find(b"{", 1) < 0 and value.find(b"[", 1) < 0:  # flat, as most are: counting takes longer
        return False
    return value.count(b"[") + value.count(b"{") > _MOST_NESTED


@lru_cache(maxsize=1024)
def _place(text: bytes) -> tuple[str, str, int, int, str]:
    """Read step, agent, attempt, lane and the input's name. Raises ValueError."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValueError
    step, agent, attempt, lane, name = found.groups()
    return step.decode(), agent.decode(), int(attempt), int(lane), name.decode()


def _rest(text: bytes) -> tuple[_Due, tuple[str, ...]]:
    """Read what follows the contract. Raises ValueError."""
    if not text.endswith(b"]}"):
        return _due(text), ()
    cut = text.rfind(_JOINED)
    if _PARENTS.fullmatch(text, max(0, cut)) is None:
        raise ValueError
    parents = text[cut + len(_JOINED) : -3].decode().split('","')
    return _due(text[:cut] + b"}"), tuple(parents)


@lru_cache(maxsize=1024)  # all tasks of a run have one deadline, and what was submitted together
def _due(text: bytes) -> _Due:
    """Read what follows the contract, from the window to the tenant. Raises ValueError."""
    found = _DUE.fullmatch(text)
    if found is None:
        raise ValueError
    window, factor, deadline_ms, run_deadline_ms, priority, pipeline, tenant = found.groups()
    return (
        None if window is None else int(window),
        1000 if factor is None else int(factor),
        int(deadline_ms),
        int(run_deadline_ms),
        5 if priority is None else int(priority),
        pipeline.decode(),
        None if tenant is None else tenant.decode(),
    )
