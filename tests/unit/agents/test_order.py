"""Orders as they lie in an agent's topic: which are read at their seams, and which are for the worker itself."""

from argosy.agents.inputs import at_hand
from argosy.agents.order import decode
from argosy.broker.log import Record
from argosy.schemas.codec import encode_body
from argosy.schemas.contract import Contract
from argosy.schemas.envelope import Envelope
from argosy.schemas.payload import Inline
from argosy.schemas.plain_dispatch import PlainDispatch
from argosy.schemas.task import PageOf, SystemDispatched, SystemOrder, TaskDispatched, TaskInput

PLAIN = TaskDispatched(
    task_id="run-1/a",
    step="a",
    agent="critic",
    attempt=1,
    lane=0,
    inputs=(TaskInput(name="text", source=Inline(value="some text", bytes=11, tokens=2)),),
    contract=Contract(
        model=None, window=400, reserve=20, threshold=0.8, above="paginate", concurrency=1, timeout_seconds=60,
        retries=2, backoff_seconds=1, max_deliveries=3, version="1",
    ),
    deadline_ms=1,
    run_deadline_ms=2,
    pipeline="brief",
)  # fmt: skip
PAGE = PageOf(plan=Inline(value={"pages": []}, bytes=12, tokens=1), number=0, of=2)


def body_of(order: TaskDispatched, kind: str) -> TaskDispatched | PlainDispatch:
    headers = Envelope(kind=kind, id=f"{order.task_id}#1", source="t").headers()
    return decode(Record("topic", 0, 0, 0, None, encode_body(order), headers)).body


def test_an_order_for_an_agent_is_read_at_its_seams() -> None:
    found = body_of(PLAIN, TaskDispatched.KIND)
    assert isinstance(found, PlainDispatch)
    assert at_hand(found) == {"text": b'"some text"'}


def test_a_system_order_is_never_plain_though_its_body_looks_like_it() -> None:
    found = body_of(PLAIN, SystemDispatched.KIND)
    assert isinstance(found, SystemDispatched)
    system = SystemOrder(kind="pages", room=70)
    planned = body_of(SystemDispatched(**dict(PLAIN), system=system), SystemDispatched.KIND)
    assert isinstance(planned, SystemDispatched)
    assert planned.system == system


def test_an_input_that_is_cut_is_not_at_hand_under_any_kind() -> None:
    (whole,) = PLAIN.inputs
    cut = PLAIN.model_copy(update={"inputs": (whole.model_copy(update={"pages": (PAGE,)}),)})
    for kind in (TaskDispatched.KIND, SystemDispatched.KIND):
        found = body_of(cut, kind)
        assert isinstance(found, TaskDispatched)
        assert at_hand(found) is None
