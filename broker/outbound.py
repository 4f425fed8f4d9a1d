"""What waits to be produced: the records of many calls, in one queue for each partition, and how each of them fared.

A record costs no task, no deadline and no future of its own: those belong to the call that handed it over, and to the
batch that it goes out in.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from aiokafka.producer.message_accumulator import BatchBuilder

from argosy.broker.log import Outgoing, Partition, Sent
from argosy.schemas.errors import ArgosyError

BATCH_BYTES: Final = 262_144
HANDED_OVER: Final = (-1, -1)
"""What nobody reads: the answer for a record that was posted."""


class Call:
    """Records that were handed over together. `over` is done when each is answered, or nobody waits any more."""

    __slots__ = ("answers", "open", "over", "posted")

    def __init__(self, records: int, *, posted: bool = False) -> None:
        """Nothing is answered yet. `posted`: a record counts as answered when the library has it."""
        self.answers: list[Sent | None] = [None] * records
        self.open = records
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.posted = posted

    def answer(self, index: int, answer: Sent) -> None:
        """Say how a record fared; the first answer counts."""
        if self.answers[index] is None:
            self.answers[index] = answer
            self.open -= 1
            if not self.open and not self.over.done():
                self.over.set_result(None)


Item = tuple[Call, int, Outgoing, int]
"""One record of a call: the call, where it stands in it, the record, its size. Plain: there are thousands at once."""


class Outbound:
    """The queue of one partition; at most one batch of it is under way, so that its order stays whatever happens."""

    def __init__(self, where: Partition) -> None:
        """Begin empty."""
        self.where = where
        self.waiting: deque[Item] = deque()
        self.under_way: list[Item] = []
        self.sender: asyncio.Task[None] | None = None
        self._most_bytes = BATCH_BYTES

    def fill(self, batch: BatchBuilder) -> bool:
        """Move as much into a batch as it takes, in order; leave out what nobody waits for. False: nothing is left."""
        waiting, taken, room = self.waiting, self.under_way, self._most_bytes
        while waiting:
            call, at, record, size = waiting[0]
            if call.answers[at] is None and not call.over.done():
                if taken and size > room:
                    break
                headers = list(record.headers)
                if batch.append(timestamp=None, key=record.key, value=record.value, headers=headers) is None:
                    break
                room -= size
                taken.append(waiting[0])
            waiting.popleft()
        batch.close()
        return bool(taken)

    def handed_over(self) -> None:
        """Answer those who wanted no more than that the library has their records."""
        for call, at, _, _ in self.under_way:
            if call.posted:
                call.answer(at, HANDED_OVER)

    def acknowledged(self, base_offset: int) -> None:
        """Answer the batch: it was appended."""
        partition = self.where.number
        for offset, (call, at, _, _) in enumerate(self.under_way, base_offset):
            if call.answers[at] is None:
                call.answers[at] = (partition, offset)
                call.open -= 1
                if not call.open and not call.over.done():
                    call.over.set_result(None)
        self.under_way.clear()

    def again(self) -> None:
        """Put the batch back before all others, as it was."""
        self.waiting.extendleft(reversed(self.under_way))
        self.under_way.clear()

    def too_large(self, error: Callable[[], ArgosyError]) -> None:
        """Tell a batch that is too large from a record that is: what was refused together goes again in halves."""
        if len(self.under_way) > 1:
            self._most_bytes = sum(size for _, _, _, size in self.under_way) // 2
            self.again()
        else:
            self._most_bytes = BATCH_BYTES
            self.failed(error)

    def failed(self, error: Callable[[], ArgosyError]) -> None:
        """Answer the batch: it is given up."""
        for call, at, _, _ in self.under_way:
            call.answer(at, error())
        self.under_way.clear()

    def forget(self) -> None:
        """Drop what nobody waits for."""
        self.waiting = deque(item for item in self.waiting if not item[0].over.done())

    def give_up(self, error: Callable[[], ArgosyError]) -> None:
        """Answer all, waiting or under way."""
        self.again()
        while self.waiting:
            call, at, _, _ = self.waiting.popleft()
            call.answer(at, error())

    def break_off(self, defect: BaseException) -> None:
        """Raise a defect of ours where the records came from: nobody may wait for an answer that never comes."""
        self.again()
        while self.waiting:
            call = self.waiting.popleft()[0]
            if not call.over.done():
                call.over.set_exception(defect)
