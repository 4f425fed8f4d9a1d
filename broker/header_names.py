"""Lets a record whose header names are not UTF-8 be read, instead of stopping its partition for ever.

Kafka takes any bytes as a header's name, and some client libraries send any; aiokafka 0.14 raises at such a
record, and at it again after every new start. Here its batch is read again, and the name's wrong bytes are
written out in hexadecimal.
"""
# ruff: noqa: SLF001 - aiokafka has no place to plug in a reader of records
# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false

from collections.abc import Iterator
from typing import Any, Final, SupportsIndex, overload

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record import default_records, memory_records

MAGIC_OFFSET: Final = 16
"""Where a batch says its format; names of headers came with format 2."""
WITH_HEADERS: Final = 2


def tolerate() -> None:
    """Let every consumer of this process read on; idempotent."""
    fetcher.MemoryRecords = Records


class Records(memory_records._MemoryRecordsPy):  # type: ignore[misc] # final for type checkers, and all we need
    """The batches of one answer to a fetch."""

    def next_batch(self, _min_slice: int = 0, _magic_offset: int = 0) -> Any:  # noqa: ANN401 - the library's, or ours
        """Return the next batch, None after the last."""
        data = self._next_slice
        batch = super().next_batch()
        if data is None or batch is None or data[MAGIC_OFFSET] < WITH_HEADERS:
            return batch
        return _Batch(batch, data)


class _Batch:
    """A batch of the library, that can be read a second time."""

    def __init__(self, batch: Any, data: memoryview) -> None:  # noqa: ANN401 - of a type that depends on the platform
        self._batch, self._data = batch, data

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the batch has it
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except (UnicodeDecodeError, CorruptRecordException):
            again = default_records._DefaultRecordBatchPy(self._data)
            iter(again)  # it decompresses
            again._buffer = _Lenient(again._buffer)
            return iter(again)


class _Lenient(bytearray):
    """Bytes whose every part decodes."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> bytearray: ...
    def __getitem__(self, index: SupportsIndex | slice) -> int | bytearray:
        found = super().__getitem__(index)
        return _Lenient(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return super().decode(encoding, "backslashreplace" if errors == "strict" else errors)
