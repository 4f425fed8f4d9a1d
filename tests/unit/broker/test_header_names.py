"""A header's name may be any bytes: its record, and those beside it, can be read."""

from aiokafka.record.default_records import (  # pyright: ignore[reportMissingTypeStubs]
    _DefaultRecordBatchBuilderPy as Builder,  # pyright: ignore[reportPrivateUsage] (the other half checks names)
)

from argosy.broker.header_names import Records


class Name(str):
    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff" + super().encode(encoding, errors)


def batch(*names: str) -> bytes:
    builder = Builder(
        magic=2, compression_type=0, is_transactional=False, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=10_000,
    )  # fmt: skip
    for offset, name in enumerate(names):
        builder.append(offset, 1_000, b"key", b"value %d" % offset, [(name, b"x"), ("null", None)])
    return bytes(builder.build())


def read(data: bytes) -> list[tuple[int, bytes, str]]:
    records, found = Records(data), list[tuple[int, bytes, str]]()
    while records.has_next():
        found += [(record.offset, record.value, record.headers[0][0]) for record in records.next_batch()]
    return found


def test_names_that_are_utf8_are_read_as_they_are() -> None:
    assert read(batch("ä", "b")) == [(0, b"value 0", "ä"), (1, b"value 1", "b")]


def test_a_name_that_is_not_is_written_out_and_loses_no_record_beside_it() -> None:
    expected = [(0, b"value 0", "a"), (1, b"value 1", "\\xffb"), (2, b"value 2", "c")]
    assert read(batch("a", Name("b"), "c") + batch("d")) == [*expected, (0, b"value 0", "d")]
