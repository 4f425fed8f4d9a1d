"""What the operating system would tell a simulated process: the time, chance, its own name.

While a simulation runs, the modules of the standard library that everybody asks (`time`, `secrets`, `random`,
`uuid`, `os.getpid`, `socket.gethostname`) answer the simulation's thread from the simulation, and all other
threads as ever: so the handlers of users are repeatable too.
"""

import os
import random
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Final, Protocol


class Machine(Protocol):
    """What a simulated process may ask of its host."""

    def wall(self) -> float:
        """Return epoch seconds."""
        ...

    def steady(self) -> float:
        """Return seconds that never go back."""
        ...

    def block(self, seconds: float) -> None:
        """Let time pass without anything else running."""
        ...

    def chance(self) -> random.Random:
        """Return the source of all chance."""
        ...

    def number(self) -> int:
        """Return the process id."""
        ...

    def host(self) -> str:
        """Return the host's name."""
        ...


_HERE: Final = threading.local()
_LOCK: Final = threading.Lock()
_Function = Callable[..., object]
_REAL: Final[list[tuple[ModuleType, str, _Function]]] = []
_USERS: Final[list[int]] = [0]


@contextmanager
def inhabited(machine: Machine) -> Generator[None]:
    """Let this thread see a machine instead of the real one."""
    _install()
    before = getattr(_HERE, "machine", None)
    _HERE.machine = machine
    try:
        yield
    finally:
        _HERE.machine = before
        _remove()


def _install() -> None:
    with _LOCK:
        _USERS[0] += 1
        if _USERS[0] == 1:
            for module, name, answer in _answers():
                real = getattr(module, name)
                _REAL.append((module, name, real))
                setattr(module, name, _divided(real, answer))


def _remove() -> None:
    with _LOCK:
        _USERS[0] -= 1
        if _USERS[0] == 0:
            while _REAL:
                module, name, real = _REAL.pop()
                setattr(module, name, real)


def _divided(real: _Function, answer: _Function) -> _Function:
    def asked(*args: object, **options: object) -> object:
        machine = getattr(_HERE, "machine", None)
        return real(*args, **options) if machine is None else answer(machine, *args, **options)

    return asked


_BILLION: Final = 1_000_000_000
_TOKEN_BYTES: Final = 32
_DRAWS: Final = (
    "random", "uniform", "randint", "randrange", "choice", "choices", "sample", "shuffle", "getrandbits",
    "randbytes", "gauss", "expovariate", "triangular",
)  # fmt: skip


def _answers() -> list[tuple[ModuleType, str, _Function]]:
    return [
        (time, "time", _told(lambda it: it.wall())),
        (time, "time_ns", _told(lambda it: int(it.wall() * _BILLION))),
        (time, "monotonic", _told(lambda it: it.steady())),
        (time, "monotonic_ns", _told(lambda it: int(it.steady() * _BILLION))),
        (time, "perf_counter", _told(lambda it: it.steady())),
        (time, "perf_counter_ns", _told(lambda it: int(it.steady() * _BILLION))),
        (time, "sleep", _blocked),
        (secrets, "token_hex", _token_hex),
        (secrets, "token_bytes", _token_bytes),
        (secrets, "randbits", _bits),
        (uuid, "uuid4", _told(lambda it: uuid.UUID(bytes=it.chance().randbytes(16), version=4))),
        (os, "getpid", _told(lambda it: it.number())),
        (socket, "gethostname", _told(lambda it: it.host())),
        *((random, name, _drawn(name)) for name in _DRAWS),
    ]


def _told(answer: Callable[[Machine], object]) -> _Function:
    return answer


def _blocked(machine: Machine, seconds: float) -> None:
    machine.block(seconds)


def _token_bytes(machine: Machine, nbytes: int | None = None) -> bytes:
    return machine.chance().randbytes(_TOKEN_BYTES if nbytes is None else nbytes)


def _token_hex(machine: Machine, nbytes: int | None = None) -> str:
    return _token_bytes(machine, nbytes).hex()


def _bits(machine: Machine, k: int) -> int:
    return machine.chance().getrandbits(k)


def _drawn(name: str) -> _Function:
    def drawn(machine: Machine, *args: object, **options: object) -> object:
        return getattr(machine.chance(), name)(*args, **options)

    return drawn
