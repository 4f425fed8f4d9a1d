"""Which partition a key belongs to, as clients in all languages choose it: Java's murmur2 of the key.

https://github.com/apache/kafka/blob/trunk/clients/src/main/java/org/apache/kafka/common/utils/Utils.java (murmur2)
aiokafka's own takes the key byte by byte: as long as the rest of a send. This one takes words, and remembers.
"""

from collections.abc import Sequence
from functools import lru_cache
from struct import unpack_from
from typing import Final
from zlib import crc32

_MASK: Final = 0xFFFFFFFF
_MIX: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C


@lru_cache(maxsize=16_384)  # the events of a run are many, and follow each other
def murmur2(key: bytes) -> int:
    """Hash a key to 32 bits, unsigned."""
    length = len(key)
    found = _SEED ^ length
    words = length // 4
    for word in unpack_from(f"<{words}I", key):
        mixed = word * _MIX & _MASK
        mixed = (mixed ^ mixed >> 24) * _MIX & _MASK
        found = found * _MIX & _MASK ^ mixed
    if rest := key[words * 4 :]:
        found = (found ^ int.from_bytes(rest, "little")) * _MIX & _MASK
    found = (found ^ found >> 13) * _MIX & _MASK
    return found ^ found >> 15


def partition_of(key: bytes | None, partitions: Sequence[int], _available: Sequence[int] = ()) -> int:
    """Choose one of a topic's partitions, which are in order; no key counts as an empty one."""
    return partitions[(murmur2(key or b"") & 0x7FFFFFFF) % len(partitions)]


def spread_of(key: bytes, partitions: int) -> int:
    """Choose one of so many partitions, the same one for the same key, at a tenth of the price."""
    return crc32(key) % partitions
