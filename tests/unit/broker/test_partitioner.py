"""A key goes where any client would send it."""

from aiokafka.partitioner import murmur2 as of_the_library
from hypothesis import given
from hypothesis import strategies as st

from argosy.broker.partitioner import murmur2, partition_of


@given(st.binary(max_size=64))
def test_the_hash_is_the_one_of_other_clients(key: bytes) -> None:
    assert murmur2(key) == of_the_library(key)


@given(st.binary(max_size=64), st.integers(1, 50))
def test_the_partition_is_the_one_of_the_java_client(key: bytes, count: int) -> None:
    assert partition_of(key, range(count)) == (of_the_library(key) & 0x7FFFFFFF) % count
