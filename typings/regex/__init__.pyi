# What argosy uses of `regex`, which ships no types.

from collections.abc import Iterator

REVERSE: int
VERSION1: int

class Match:
    def end(self) -> int: ...
    def span(self) -> tuple[int, int]: ...

class Pattern:
    def finditer(self, string: str, pos: int = ..., endpos: int = ...) -> Iterator[Match]: ...
    def search(self, string: str, pos: int = ..., endpos: int = ...) -> Match | None: ...
    def match(self, string: str, pos: int = ..., endpos: int = ...) -> Match | None: ...

def compile(pattern: str, flags: int = ...) -> Pattern: ...  # noqa: A001 - so it is called there
