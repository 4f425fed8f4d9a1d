from typing import Self

class ConsumerProtocolMemberAssignment:
    assignment: list[tuple[str, list[int]]]
    @classmethod
    def decode(cls, data: bytes) -> Self: ...
