"""Which loopback address does a new task, database or cache get?

Linux answers on all of 127.0.0.0/8, so every task can have an address of its own, as every Fargate task has one. Two worlds
on one machine must not share any, so each reserves /24 blocks by holding a port on the last address of the block.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

_GUARD_PORT = 49001


@dataclass
class Addresses:
    """Hands out addresses of 127.``second``.0.0/16, each once, from blocks that no other world holds."""

    second: int
    _guards: list[socket.socket] = field(default_factory=list, repr=False)

    def __iter__(self) -> Iterator[str]:
        blocks = list(range(256))
        random.shuffle(blocks)
        for third in blocks:
            if self._reserve(third):
                yield from (f"127.{self.second}.{third}.{fourth}" for fourth in range(1, 254))

    def _reserve(self, third: int) -> bool:
        guard = socket.socket()
        try:
            guard.bind((f"127.{self.second}.{third}.254", _GUARD_PORT))
        except OSError:
            guard.close()
            return False
        self._guards.append(guard)
        return True

    def release(self) -> None:
        for guard in self._guards:
            guard.close()


def free_on(address: str, wanted: int) -> int:
    """Return ``wanted`` when nothing on this machine listens there, else a port that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"no port is free on {address}")
