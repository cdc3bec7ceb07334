"""Which port is free on loopback?"""

from __future__ import annotations

import socket


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that was free on ``host`` a moment ago."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def free_everywhere() -> int:
    """Return a TCP port that no loopback address of this machine was using a moment ago."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))  # Bound, never listened on: only to ask the kernel.
        return int(probe.getsockname()[1])


def listening(host: str, port: int) -> bool:
    """Whether something accepts TCP connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
