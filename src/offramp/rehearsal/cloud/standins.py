"""How do C libraries reach a name of a private namespace? Through a fixed address that follows the name.

libpq resolves names itself, where the shim of Python programs cannot reach. So a database URL that names a service gets an
address of its own, on which an Nginx stream proxy forwards each new connection to whoever is behind the name at that moment:
what libpq would have done by resolving.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...kit import processes
from ..servers.nginx import Nginx
from ..servers.ports import listening
from .cloudmap import CloudMap
from .pidbook import Pidbook

_HEAD = """daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 4096; }}
stream {{
    resolver {dns} valid=1s ipv6=off;
    resolver_timeout 2s;
"""
_FORWARD = """    upstream to_{number} {{
        zone to_{number} 64k;
        server {name}:{port} resolve max_fails=0;
    }}
    server {{
        listen {address}:{port};
        proxy_pass to_{number};
        proxy_connect_timeout 2s;
        proxy_timeout 24h;
    }}
"""


@dataclass
class Standins:
    """One forwarder for all names that somebody asked for."""

    folder: Path
    dns: str
    cloudmap: CloudMap
    addresses: Iterator[str]
    pids: Pidbook
    known: dict[tuple[str, int], str] = field(default_factory=dict)
    _nginx: Nginx | None = field(default=None, repr=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def of(self, name: str, port: int) -> str | None:
        """Return the address that forwards to ``name``; None for a name of no private namespace."""
        name = name.rstrip(".").lower()
        async with self._turn:
            if (name, port) not in self.known:
                if not await self.cloudmap.covers(name):
                    return None
                self.known[name, port] = next(self.addresses)
                await asyncio.to_thread(self._apply, self.known[name, port], port)
            return self.known[name, port]

    def configuration(self) -> str:
        forwards = [
            _FORWARD.format(number=number, name=name, port=port, address=address)
            for number, ((name, port), address) in enumerate(self.known.items())
        ]
        return _HEAD.format(folder=self.folder, dns=self.dns) + "".join(forwards) + "}\n"

    def _apply(self, address: str, port: int) -> None:
        if self._nginx is None:
            self._nginx = Nginx(self.folder, self.configuration())
            self._nginx.start()
            assert self._nginx.pid is not None
            self.pids.write(self._nginx.pid, "forwarder for C libraries")
        else:
            self._nginx.configuration = self.configuration()
            self._nginx.write()
            assert self._nginx.pid is not None
            os.kill(self._nginx.pid, signal.SIGHUP)
        processes.wait_until(lambda: listening(address, port), seconds=10, what=f"the forwarder on {address}:{port}")

    async def end(self) -> None:
        if self._nginx:
            await asyncio.to_thread(self._nginx.stop)
