"""Free ports on loopback for servers whose clients keep their address over restarts."""

import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOWEST = 10_240
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Pick `count` different free ports below the range that outgoing connections are given.

    Inside that range a client that retries its dead server's port may be given just that port as its own,
    connect to itself (TCP's simultaneous open), and keep the server from coming back.
    """
    first_ephemeral = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32_768
    highest = first_ephemeral if first_ephemeral > LOWEST + 1_000 else 65_535
    found: set[int] = set()
    candidates = range(LOWEST, highest)
    for port in random.sample(candidates, len(candidates)):
        if len(found) == count:
            break
        if is_free(port):
            found.add(port)
    return sorted(found)
